"""Incidents that happened, staged on the healthy platform, and repaired the way they were repaired in life.

A stage is one entry in STAGES of a module here; a new module is found by itself. Each function returns only once the
effect is visible in the system itself, not merely asked for.
"""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.build.go import locked
from lab.errors import LabError
from lab.paths import STAGED
from lab.platform.manifests import DEV, Environment, environment_named


@dataclass(frozen=True)
class Stage:
    """One incident: what it breaks, how it comes about, and how it is repaired."""

    name: str
    description: str
    stage: Callable[[Environment], None]
    clear: Callable[[Environment], None]
    # Two stages that touch the same thing cannot be staged together; {environment} is filled in.
    touches: tuple[str, ...]
    per_environment: bool = True


def all_stages() -> dict[str, Stage]:
    """Every stage by its name, in the order of the modules."""
    found: dict[str, Stage] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        stages: tuple[Stage, ...] = getattr(importlib.import_module(f"{__name__}.{module.name}"), "STAGES", ())
        found.update((stage.name, stage) for stage in stages)
    return found


def stage_named(name: str) -> Stage:
    stages = all_stages()
    if name in stages:
        return stages[name]
    near = difflib.get_close_matches(name, stages, n=1)
    hint = f"did you mean {near[0]}?" if near else "`python -m lab stages` lists them"
    raise LabError(f"there is no stage {name}: {hint}")


def staged() -> list[tuple[str, str]]:
    """What is staged now, as (stage, environment), in the order of staging; the environment is "" where it is both."""
    if not STAGED.exists():
        return []
    return [(name, environment) for name, environment in json.loads(STAGED.read_text())]


def describe(name: str, environment: str) -> str:
    return f"{name} ({environment})" if environment else name


def stage(name: str, environment: str = "") -> None:
    """Break it. What is staged is recorded before anything is touched: a stage that failed half-way can be cleared."""
    wanted = stage_named(name)
    entry = (name, _environment_of(wanted, environment))
    with _record() as record:
        if entry in record:
            raise LabError(f"{describe(*entry)} is staged already")
        _check_conflicts(*entry)
        record.append(entry)
    wanted.stage(_resolve(entry[1]))


def clear(name: str, environment: str = "") -> None:
    """Repair it, in the environment named, or wherever it is staged."""
    wanted = stage_named(name)
    if environment:
        environment = _environment_of(wanted, environment)
    found = [entry for entry in staged() if entry[0] == name and environment in ("", entry[1])]
    if not found:
        active = ", ".join(describe(*entry) for entry in staged()) or "nothing"
        raise LabError(f"{describe(name, environment)} is not staged: staged is {active}")
    for entry in found:
        wanted.clear(_resolve(entry[1]))
        with _record() as record:
            record.remove(entry)


def _environment_of(wanted: Stage, environment: str) -> str:
    """The environment to record: dev unless another is named, none for a stage of the whole platform."""
    if wanted.per_environment:
        return environment_named(environment or DEV.name).name
    if environment:
        raise LabError(f"{wanted.name} concerns the whole platform: leave out --environment")
    return ""


def _resolve(environment: str) -> Environment:
    """A stage of the whole platform is handed an environment that it does not look at."""
    return environment_named(environment or DEV.name)


def _check_conflicts(name: str, environment: str) -> None:
    for other in staged():
        common = _touched(name, environment) & _touched(*other)
        if common:
            what = ", ".join(sorted(common))
            raise LabError(f"{name} and {describe(*other)} both touch {what}: clear {other[0]} first")


def _touched(name: str, environment: str) -> set[str]:
    return {thing.format(environment=environment) for thing in stage_named(name).touches}


@contextmanager
def _record() -> Iterator[list[tuple[str, str]]]:
    """What is staged, to be changed by one at a time: several stages can be set at once."""
    with locked(STAGED.with_suffix(".lock")):
        entries = staged()
        yield entries
        unfinished = STAGED.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(entries))
        unfinished.replace(STAGED)  # who reads it without the lock sees all of it, before or after
