"""The lab's systems: all of them are listed, and their records, manifests and images fit together."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import platform
from lab.build import images
from lab.build.modules import HELM, Module
from lab.errors import LabError
from lab.platform import manifests, workloads
from lab.platform.manifests import ENVIRONMENTS, documents, render
from lab.platform.system import System
from lab.platform.systems import OTHERS, SYSTEMS, VARIANTS, all_modules
from lab.platform.workloads import KINDS, Workload, not_ready, workloads_of

EVERY = (*SYSTEMS, *VARIANTS, *OTHERS)
# Rendered by themselves: what comes before all systems, what is sealed, and what lies in the Git repository.
APART = {"namespaces", "slack-config", "feature-store", "settings", "loyalty"}


def test_each_module_with_a_record_is_listed_once() -> None:
    names = [one.name for one in pkgutil.iter_modules(platform.__path__)]
    records = [getattr(importlib.import_module(f"lab.platform.{name}"), "SYSTEM", None) for name in names]
    found = [one.name for one in records if one]
    assert sorted(found) == sorted(one.name for one in EVERY)
    assert max(Counter(found).values()) == 1


def test_each_manifest_is_that_of_one_system() -> None:
    used = [name for system in EVERY for name in (*system.manifests, *system.per_environment, *system.objects)]
    assert sorted([*used, *APART]) == sorted(path.stem for path in manifests.FOLDER.glob("*.yaml"))


def test_no_program_is_built_twice() -> None:
    assert max(Counter(program for module in all_modules() for program in module.programs).values()) == 1


def images_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(image := node.get("image"), str):
            yield image
        for value in node.values():
            yield from images_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from images_in(value)


@pytest.mark.parametrize("system", EVERY, ids=lambda one: one.name)
def test_a_system_brings_the_images_that_its_manifests_name(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_pause_path", lambda: Path("pause"))  # it is compiled
    texts = [render(name) for name in system.manifests]
    texts += [render(name, each) for each in system.environments for name in system.per_environment]
    named = {image for text in texts for document in documents(text) for image in images_in(document)}
    assert named <= {recipe.image.name for recipe in (*system.images, *images.own_images())}


@pytest.mark.parametrize("module", all_modules(), ids=lambda one: one.path)
def test_a_program_lies_under_the_key_of_its_module(module: Module) -> None:
    assert all(module.program(name).parts[-2:] == (module.key, name) for name in module.programs)


def test_a_program_that_a_module_does_not_build_is_an_error() -> None:
    with pytest.raises(LabError, match="builds no kubectl: it builds helm"):
        HELM.program("kubectl")


# --- workloads ---------------------------------------------------------------------------------------------------------

DEPLOYMENT = "{kind: Deployment, metadata: {name: web, namespace: app}}"


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        (DEPLOYMENT, [Workload("deployments", "app", "web")]),
        ("{kind: DaemonSet, metadata: {name: agent}}", [Workload("daemonsets", "default", "agent")]),
        (f"{{kind: List, items: [{DEPLOYMENT}]}}", [Workload("deployments", "app", "web")]),
        ("{kind: Prometheus, metadata: {name: k8s, namespace: app}}", [Workload("statefulsets", "app", "prometheus-k8s")]),
        ("{kind: Service, metadata: {name: web, namespace: app}}\n---\n", []),
    ],
)
def test_the_workloads_of_a_manifest(manifest: str, found: list[Workload]) -> None:
    assert list(workloads_of(manifest)) == found


def test_of_each_environment_the_same_is_expected() -> None:
    expected = [workload for system in SYSTEMS for workload in system.expected()]
    assert max(Counter(expected).values()) == 1
    assert {one.kind for one in expected} == set(KINDS)
    dev, prod = (sorted(one.kind for one in expected if one.namespace.endswith(f"-{each.name}")) for each in ENVIRONMENTS)
    assert dev == prod != []


def test_what_is_expected_is_absent_or_not_rolled_out_or_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def deployment(name: str, ready: int) -> dict[str, Any]:
        status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready}
        return {"metadata": {"namespace": "app", "name": name, "generation": 1}, "spec": {"replicas": 1}, "status": status}

    there = {"/apis/apps/v1/deployments": [deployment("web", 1), deployment("slow", 0)]}
    monkeypatch.setattr(workloads.api, "items", lambda path: there.get(path, []))
    expected = [Workload("deployments", "app", name) for name in ("web", "slow", "gone")]
    assert list(not_ready(expected)) == ["deployments app/slow is not ready", "deployments app/gone is not there"]
