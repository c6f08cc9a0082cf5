"""Incidents that happened, staged on the healthy platform, and repaired the way they were repaired in life.

A stage is one entry in STAGES of a module here; a new module is found by itself. Each function returns only once the
effect is visible in the system itself, not merely asked for.
"""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.errors import LabError
from lab.manifests import DEV, Environment, environment_named
from lab.paths import STAGED


@dataclass(frozen=True)
class Stage:
    """One incident: what it breaks, how it comes about, and how it is repaired."""

    name: str
    description: str
    stage: Callable[[Environment], None]
    clear: Callable[[Environment], None]
    # Two stages that touch the same thing cannot be staged together; {environment} is filled in.
    touches: tuple[str, ...]
    environments: tuple[str, ...] = field(default=("dev", "prod"))


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
    """What is staged now, as (stage, environment), in the order of staging."""
    if not STAGED.exists():
        return []
    return [(name, environment) for name, environment in json.loads(STAGED.read_text())]


def stage(name: str, environment: Environment = DEV) -> None:
    """Break it. What is staged is recorded before anything is touched: a stage that failed half-way can be cleared."""
    wanted = stage_named(name)
    _check_environment(wanted, environment)
    if (name, environment.name) in staged():
        raise LabError(f"{name} is staged already in {environment.name}")
    _check_conflicts(wanted, environment)
    _record([*staged(), (name, environment.name)])
    wanted.stage(environment)


def clear(name: str, environment: Environment | None = None) -> None:
    """Repair it, in the environment named, or wherever it is staged."""
    wanted = stage_named(name)
    where = [each for staged_name, each in staged() if staged_name == name and environment in (None, environment_named(each))]
    if not where:
        place = f" in {environment.name}" if environment else ""
        active = ", ".join(f"{other} in {each}" for other, each in staged()) or "nothing"
        raise LabError(f"{name} is not staged{place}: staged is {active}")
    for each in where:
        wanted.clear(environment_named(each))
        _record([entry for entry in staged() if entry != (name, each)])


def _check_environment(wanted: Stage, environment: Environment) -> None:
    if environment.name not in wanted.environments:
        raise LabError(f"{wanted.name} can be staged in {' or '.join(wanted.environments)} only")


def _check_conflicts(wanted: Stage, environment: Environment) -> None:
    for other_name, other_environment in staged():
        common = _touched(wanted, environment) & _touched(stage_named(other_name), environment_named(other_environment))
        if common:
            raise LabError(f"{wanted.name} and {other_name} ({other_environment}) both touch {', '.join(sorted(common))}: clear {other_name} first")


def _touched(one: Stage, environment: Environment) -> set[str]:
    return {thing.format(environment=environment.name) for thing in one.touches}


def _record(entries: list[tuple[str, str]]) -> None:
    STAGED.write_text(json.dumps(entries))
