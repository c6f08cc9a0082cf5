"""The state of an Application of Argo CD: as data, for a probe to put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.causes import (
    ERRORS,
    Fault,
    evidence_of_life,
    failure_stands,
    only_pruning_is_left,
    speaks_of_now,
    unhealthy,
    workloads_by_place,
)
from clusterprobe.systems.argocd.loops import Loop, loop_of
from clusterprobe.systems.argocd.sources import Application, Drift
from clusterprobe.systems.kubernetes.objects import Condition, Workload
from clusterprobe.times import epoch

State = TypeVar("State")

# What is said of its last or present synchronisation, of how it differs from Git, and of its health.
Operation = Literal["none", "running", "running, undated", "hangs", "failed", "made up for"]
Sync = Literal["synced", "odd", "waits for sync", "waits for pruning", "unread", "may pass", "undated", "not tried", "never", "not healed"]
Health = Literal["healthy", "degraded", "hangs", "undated", "passing", "odd"]


@dataclass(frozen=True, slots=True)
class Aspect(Generic[State]):
    """One aspect of an Application: its state, and for how many seconds it is so, where that is told and matters."""

    state: State
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """The conditions of one type; `odd` is an error whose meaning is not known."""

    type: str
    weight: Literal["error", "warning", "odd"]
    conditions: list[Condition]


@dataclass(frozen=True, slots=True)
class Stale:
    """Argo CD has not looked at it for these seconds, or never has, so that its status proves nothing."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is to be said of an Application, one aspect after the other.

    `sync` is None where a failure explains it already; `dated` is whether its `seconds` are the whole time, not the least. `faults` are the
    objects that make it Degraded, and `deleted_seconds` since when its deletion hangs. `loop` is set where it is synchronised again and
    again, which explains how it differs at the moment.
    """

    complaints: list[Complaint]
    operation: Aspect[Operation]
    sync: Aspect[Sync] | None
    dated: bool
    health: Aspect[Health]
    faults: list[Fault]
    deleted_seconds: float | None
    loop: Loop | None = None


class World:
    """What is known beside an Application: the readings, the moment, and the seconds that something may take, or be old."""

    def __init__(
        self,
        applications: Readings[Application],
        drifts: Readings[Drift],
        deployments: Readings[Workload],
        *,
        now: float,
        patience_seconds: float,
        stale_seconds: float,
    ) -> None:
        self.drifts, self.workloads = drifts.by_name(), workloads_by_place(Deployment=deployments)
        self.alive, self.stale_before = evidence_of_life(applications.items), now - stale_seconds
        self.now, self.patience_seconds = now, patience_seconds

    def since(self, moment: float | None) -> float | None:
        return None if moment is None else self.now - moment

    def late(self, seconds: float | None) -> bool:
        return seconds is not None and seconds > self.patience_seconds


def diagnose(place: Subject, one: Application, world: World) -> Diagnosis | Stale:
    """Its state."""
    if not speaks_of_now(one, world.alive, world.stale_before):
        return Stale(world.since(epoch(one.status.reconciled_at)))
    failing = any(each.type in ERRORS for each in one.status.conditions or [])
    operation = _operation(one, world)
    judged = operation.state in ("none", "made up for") and not failing
    drift = world.drifts.get((place.namespace, place.name))
    deleted = world.since(epoch(one.metadata.deletion_timestamp))
    loop = loop_of(one, drift, world.now, world.patience_seconds) if operation.state != "failed" and not failing else None
    return Diagnosis(
        complaints=_complaints(one),
        operation=operation,
        sync=_sync(one, drift, world) if judged and loop is None else None,
        dated=bool(drift and drift.since),
        health=_health(one, world, failing=failing),
        faults=unhealthy(one, world.workloads if one.is_here else {}) if one.status.health.status == "Degraded" else [],
        deleted_seconds=deleted if world.late(deleted) else None,
        loop=loop,
    )


def _complaints(one: Application) -> list[Complaint]:
    """What Argo CD says; that it does not synchronise says nothing beside the failure of which it comes."""
    by_type: dict[str, list[Condition]] = {}
    for condition in one.status.conditions or []:
        by_type.setdefault(condition.type, []).append(condition)
    found = []
    for kind, conditions in by_type.items():
        if kind in ERRORS:
            found += [] if kind == "SyncError" and failure_stands(one) else [Complaint(kind, "error", conditions)]
        elif kind.endswith(("Warning", "Error")):
            found.append(Complaint(kind, "warning" if kind.endswith("Warning") else "odd", conditions))
    return found


def _operation(one: Application, world: World) -> Aspect[Operation]:
    running, state = one.running, one.status.operation_state
    if running:
        seconds = world.since(epoch(running.started_at))
        return Aspect("running, undated" if seconds is None else "hangs" if world.late(seconds) else "running", seconds)
    if state and failure_stands(one):
        return Aspect("failed")
    return Aspect("made up for" if state and state.phase in ("Failed", "Error") else "none")


def _sync(one: Application, drift: Drift | None, world: World) -> Aspect[Sync]:
    """Out of sync alone is no failure: it counts under a policy that promises otherwise, once it has had its time."""
    status = one.status.sync.status
    if status != "OutOfSync":
        return Aspect("synced" if status == "Synced" else "odd")
    if one.automated is None:
        return Aspect("waits for sync")
    if only_pruning_is_left(one):
        return Aspect("waits for pruning")
    if drift is None:
        return Aspect("unread")
    seconds = world.since(drift.at_least_since)
    attempted = one.attempted == one.compared_with
    if not world.late(seconds) and drift.since is not None:
        return Aspect("may pass", world.now - drift.since)
    if not world.late(seconds) and (one.automated.self_heal or not attempted):
        return Aspect("undated")
    return Aspect("not tried" if not attempted else "never" if one.automated.self_heal else "not healed", seconds)


def _health(one: Application, world: World, *, failing: bool) -> Aspect[Health]:
    health = one.status.health
    seconds = world.since(epoch(health.last_transition_time))
    match health.status:
        case "Degraded":
            return Aspect("degraded", seconds)
        case "Progressing":
            return Aspect("undated" if seconds is None else "hangs" if world.late(seconds) else "passing", seconds)
        case "Suspended" | "Missing":  # what is missing is out of sync, and judged by that
            return Aspect("passing", seconds)
    return Aspect("healthy" if failing or health.status == "Healthy" else "odd")
