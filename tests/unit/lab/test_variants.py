"""A system is installed in order, and goes again, whatever becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.build.modules import Module
from lab.errors import LabError
from lab.platform import system as record
from lab.platform import variants
from lab.platform.system import System

MODULE = Module("example.org/gauge", "v1.0.0", {"gauge": ""}, definitions="crds")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order; the definitions are there once they are installed."""
    done: list[str] = []

    def note(what: str) -> Callable[..., None]:
        return lambda *files: done.append(" ".join([what, *(getattr(one, "name", "") for one in files)]).strip())

    monkeypatch.setattr(record, "definitions_of", lambda module: [Path("gauge.yaml"), Path("meter.yaml")])
    monkeypatch.setattr(record, "install_definitions", note("install"))
    monkeypatch.setattr(record, "remove_definitions", note("uninstall"))
    monkeypatch.setattr(record, "are_installed", lambda *files: any(one.startswith("install") for one in done))
    monkeypatch.setattr(record, "render", lambda name, environment=None: f"{name}-{environment.name}" if environment else name)
    monkeypatch.setattr(record, "workloads_of", lambda manifest: ())
    monkeypatch.setattr(record.api, "apply", lambda text: done.append("apply " + text.replace("\n---\n", ",")))
    monkeypatch.setattr(record.api, "remove", lambda text, seconds=0: done.append("delete " + text.replace("\n---\n", ",")))
    monkeypatch.setattr(variants, "build", lambda modules: done.extend(f"build {one.path}" for one in modules))
    monkeypatch.setattr(variants, "bring_image", lambda image: done.append(f"bring {image}"))
    monkeypatch.setattr(variants, "not_ready", lambda expected: [])
    return done


def gauge(done: list[str], **changed: Any) -> System:
    steps = {step: lambda step=step: done.append(step) for step in ("prepare", "finish", "end")}
    parts = {"images": ("gauge:1",), "manifests": ("gauge",), "per_environment": ("rules",)}
    return System(name="gauge", modules=(MODULE,), **{**steps, **parts, **changed})


INSTALLED = ["install gauge.yaml meter.yaml", "prepare", "apply gauge,rules-dev,rules-prod", "finish"]
REMOVED = ["end", "delete gauge,rules-dev,rules-prod", "uninstall gauge.yaml meter.yaml"]


def test_a_variant_runs_for_as_long_as_the_block_lasts(done: list[str]) -> None:
    with variants.running(gauge(done)):
        done.append("…")
    assert done == ["build example.org/gauge", "bring gauge:1", *INSTALLED, "…", *REMOVED]


def test_it_is_removed_although_it_does_not_become_well(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "_PATIENCE_SECONDS", -1)
    with pytest.raises(LabError, match="in vain for: gauge"), variants.running(gauge(done, problems=lambda: ["it is ill"])):
        done.append("…")
    assert done == ["build example.org/gauge", "bring gauge:1", *INSTALLED, *REMOVED]


def test_before_its_definitions_are_there_none_of_its_objects_is_deleted(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise LabError("the API server refuses")

    monkeypatch.setattr(record, "install_definitions", refuse)
    with pytest.raises(LabError, match="refuses"), variants.running(gauge(done)):
        done.append("…")
    assert done == ["build example.org/gauge", "bring gauge:1", "end", "uninstall gauge.yaml meter.yaml"]


def test_objects_of_its_own_kinds_come_last_and_go_first(done: list[str]) -> None:
    with variants.running(gauge(done, objects=("reading", "alarm"))):
        done.append("…")
    assert done[2:] == [*INSTALLED, "apply reading,alarm", "…", "delete reading,alarm", *REMOVED]


def test_its_objects_are_made_once_its_webhook_takes_them(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter((True, False))

    def apply(text: str) -> None:
        if text == "reading" and next(refusals):
            raise LabError("failed calling webhook")
        done.append(f"apply {text}")

    monkeypatch.setattr(record.api, "apply", apply)
    gauge(done, objects=("reading",)).install()
    assert done[-2:] == ["finish", "apply reading"]


def test_only_the_definitions_that_it_names_are_taken(done: list[str]) -> None:
    gauge(done, definitions=("meter.yaml",)).install()
    assert done[0] == "install meter.yaml"


def test_one_with_processes_only_applies_nothing(done: list[str]) -> None:
    only = System(name="gauge", finish=lambda: done.append("finish"), end=lambda: done.append("end"))
    only.install()
    only.remove()
    assert done == ["finish", "end", "uninstall"]
