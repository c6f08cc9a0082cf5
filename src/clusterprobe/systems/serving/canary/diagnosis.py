"""What to do with a canary: roll it back, promote it, or wait, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from clusterprobe.model import Unchecked
from clusterprobe.readings import Readings
from clusterprobe.systems.serving.canary.comparisons import Comparison, Side, compare, fail_alike, few, side
from clusterprobe.systems.serving.canary.traffic import ErrorLines, PodLines, PodTraffic, Traffic
from clusterprobe.systems.serving.sources import Canary
from clusterprobe.thresholds import Thresholds

State = Literal[
    "roll back",
    "promote",
    # wait, in the order in which it is told
    "alone",
    "pods unread",
    "measures unread",
    "not ready",
    "not measured",
    "partly measured",
    "measured no more",
    "not logged",
    "few of canary",
    "few of stable",
    "perhaps worse",
    "fail alike",
]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to do with one canary, and what was measured of both; `why` and `unread` are what was not read."""

    canary: Canary
    state: State
    own: Side = field(default_factory=Side)
    stable: Side = field(default_factory=Side)
    comparisons: list[Comparison] = field(default_factory=list)
    why: str = ""
    unread: Unchecked | None = None


@dataclass(frozen=True, slots=True)
class World:
    """All that was read beside a canary; `environment_of` maps a namespace to its environment (empty: shared)."""

    canaries: Readings[Canary]
    traffic: Readings[Traffic]
    lines: Readings[ErrorLines]
    thresholds: Thresholds
    environment_of: Callable[[str], str]


def diagnose(canary: Canary, world: World) -> Diagnosis:
    """Whether it is worse than stable, and where that cannot be told, why."""
    if canary.stable is None:
        return Diagnosis(canary, "alone")
    own, stable = _side(canary.namespace, canary.is_canary, world), _side(canary.namespace, canary.is_stable, world)
    comparisons = compare(own, stable, world.thresholds)
    if missing := world.canaries.missing_reason(canary.namespace):
        return Diagnosis(canary, "pods unread", own, stable, comparisons, why=missing)
    if blind := _unmeasured(canary, world):
        return Diagnosis(canary, "measures unread", own, stable, comparisons, unread=blind)
    return Diagnosis(canary, _decide(canary, own, stable, comparisons, world), own, stable, comparisons, why=world.traffic.absent)


def _unmeasured(canary: Canary, world: World) -> Unchecked | None:
    """What could not be read of what may measure it: another revision may be the worse one, or another one's requests be missing."""
    environment = world.environment_of(canary.namespace)
    return next((one for one in world.traffic.unreadable if world.environment_of(one.subject.namespace) in ("", environment)), None)


def _side(namespace: str, wanted: Callable[[str], bool], world: World) -> Side:
    """Of several that measured the same pod, the one that saw most; it is still measured where one of them does."""
    most: dict[str, PodTraffic] = {}
    still = set()
    for one in (pod for traffic in world.traffic.items for pod in traffic.pods):
        if one.namespace != namespace or not wanted(one.pod):
            continue
        if one.current:
            still.add(one.pod)
        if one.pod not in most or one.requests > most[one.pod].requests:
            most[one.pod] = one
    logs: dict[str, PodLines] = {}
    whole = world.lines.items if world.lines.complete else []  # half of what was logged may be the other half's fault
    for log in (pod for lines in whole for pod in lines.pods):
        if log.namespace == namespace and wanted(log.pod) and (log.pod not in logs or log.lines > logs[log.pod].lines):
            logs[log.pod] = log
    return side(most.values(), logs.values(), still)


def _decide(canary: Canary, own: Side, stable: Side, comparisons: list[Comparison], world: World) -> State:
    scarce = few(own, stable, world.thresholds)
    if not scarce and any(one.worse for one in comparisons):
        return "roll back"
    if blind := _blind(canary, world):
        return blind
    if any(one.pods and not one.current for one in (own, stable)):
        return "measured no more"  # what it answers now may be another thing
    if scarce:
        return "few of canary" if scarce == "canary" else "few of stable"
    if stable.lines and not own.lines:
        return "not logged"
    if any(one.perhaps for one in comparisons):
        return "perhaps worse"
    return "fail alike" if fail_alike(own, stable, world.thresholds) else "promote"


def _blind(canary: Canary, world: World) -> State | None:
    """Why it must not be promoted, however good what was seen is."""
    if not canary.ready:
        return "not ready"
    if not world.traffic.values:
        return "not measured"
    return None if world.traffic.complete and world.lines.complete else "partly measured"
