"""How an Application fares, as data: one row for each state of each aspect."""

from typing import Any

import msgspec
import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.diagnosis import Diagnosis, Stale, World, diagnose
from clusterprobe.systems.argocd.sources import Application, Drift, Health
from tests.factories import listing
from tests.unit.argocd.application_world import (
    DEPLOYMENT,
    FAILED,
    NOW,
    OLD,
    PATIENCE,
    STALE,
    application,
    at,
    condition,
    deployment,
    operation,
    world,
)

LATE, YOUNG = PATIENCE + 60, PATIENCE - 60
OUT = {"kind": "ConfigMap", "namespace": "web-dev", "name": "web", "status": "OutOfSync"}
NO_HEALING = {"prune": True, "selfHeal": False}
BEHIND = {"operationState": operation(revision=OLD)}


def diagnosed(one: Application, *others: Application, drift: Drift | None = None, **changes: Any) -> Diagnosis | Stale:
    read = world(one, *others, drift=drift, **changes)
    around = World(
        *(read[name] for name in ("applications", "application_drifts", "deployments")),
        now=NOW, patience_seconds=PATIENCE, stale_seconds=STALE,
    )  # fmt: skip
    return diagnose(read["applications"].values[0][0], one, around)


def fresh(one: Application, **changes: Any) -> Diagnosis:
    found = diagnosed(one, **changes)
    assert isinstance(found, Diagnosis)
    return found


@pytest.mark.parametrize(
    ("reconciled", "conditions", "seconds"),
    [
        (at(STALE + 1), [], STALE + 1),
        ("", [], None),
        (at(STALE + 1), [condition("ComparisonError")], STALE + 1),
    ],
)
def test_what_argo_cd_has_not_looked_at_proves_nothing(reconciled: str, conditions: list[Any], seconds: float | None) -> None:
    found = diagnosed(application(reconciledAt=reconciled, conditions=conditions))
    assert isinstance(found, Stale)
    assert found.seconds == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("others", [[], [application(name="other")]])
def test_what_stops_it_before_it_looks_counts_while_it_looks_at_others(others: list[Application]) -> None:
    stopped = application(reconciledAt=at(STALE + 1), conditions=[condition("InvalidSpecError")])
    assert isinstance(diagnosed(stopped, *others), Diagnosis) is bool(others)


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ([], []),
        ([condition("ComparisonError")], [("ComparisonError", "error", 1)]),
        ([condition("OrphanedResourceWarning")], [("OrphanedResourceWarning", "warning", 1)]),
        ([condition("NewError")], [("NewError", "odd", 1)]),
        ([condition("Other")], []),
        ([condition("SyncError"), condition("SyncError")], [("SyncError", "error", 2)]),
    ],
)
def test_conditions_of_one_type_are_one_complaint(conditions: list[Any], told: list[tuple[str, str, int]]) -> None:
    found = fresh(application(conditions=conditions)).complaints
    assert [(one.type, one.weight, len(one.conditions)) for one in found] == told


def test_that_it_does_not_synchronise_is_no_complaint_beside_the_failure() -> None:
    failed = operation("Failed", resources=[FAILED])
    found = fresh(application("OutOfSync", operationState=failed, conditions=[condition("SyncError")]))
    assert (found.complaints, found.operation.state, found.sync) == ([], "failed", None)


@pytest.mark.parametrize(
    ("state", "sync", "expected"),
    [
        (operation(), "Synced", "none"),
        (operation("Running", ago=YOUNG), "OutOfSync", "running"),
        (operation("Running", ago=LATE), "OutOfSync", "hangs"),
        (operation("Running", startedAt=""), "OutOfSync", "running, undated"),
        (operation("Failed", resources=[FAILED]), "OutOfSync", "failed"),
        (operation("Failed", resources=[FAILED]), "Synced", "made up for"),
        (operation("Failed", resources=[{**FAILED, "hookType": "PostSync", "hookPhase": "Failed"}]), "Synced", "failed"),
    ],
)
def test_each_state_of_a_synchronisation(state: dict[str, Any], sync: str, expected: str) -> None:
    assert fresh(application(sync, operationState=state)).operation.state == expected


@pytest.mark.parametrize(
    ("fields", "drift", "state", "seconds"),
    [
        ({"sync": "Synced"}, None, "synced", None),
        ({"sync": "Unknown"}, None, "odd", None),
        ({"automated": {}}, None, "waits for sync", None),
        ({"automated": {"selfHeal": True}, "resources": [{**OUT, "requiresPruning": True}]}, None, "waits for pruning", None),
        ({}, Drift(NOW - YOUNG), "may pass", YOUNG),
        ({}, Drift(), "undated", None),
        ({"automated": NO_HEALING, **BEHIND}, Drift(), "undated", None),
        (BEHIND, Drift(NOW - LATE), "not tried", LATE),
        ({}, Drift(NOW - LATE), "never", LATE),
        ({"automated": NO_HEALING}, Drift(NOW - LATE), "not healed", LATE),
        ({"automated": NO_HEALING}, Drift(), "not healed", None),
    ],
)
def test_each_state_of_what_differs_from_git(fields: dict[str, Any], drift: Drift | None, state: str, seconds: float | None) -> None:
    found = fresh(application(**{"sync": "OutOfSync", "resources": [OUT], **fields}), drift=drift)
    assert found.sync is not None
    assert (found.sync.state, found.sync.seconds) == (state, None if seconds is None else pytest.approx(seconds))


def test_what_could_not_be_read_of_its_events_leaves_it_open() -> None:
    found = fresh(application("OutOfSync"), application_drifts=Readings())
    assert found.sync is not None
    assert found.sync.state == "unread"


@pytest.mark.parametrize(("drift", "dated"), [(Drift(NOW - LATE), True), (Drift(oldest=NOW - LATE), False), (Drift(), False)])
def test_an_event_that_is_left_bounds_the_age_from_below(drift: Drift, dated: bool) -> None:
    assert fresh(application("OutOfSync"), drift=drift).dated is dated


def test_an_error_explains_why_it_is_out_of_sync() -> None:
    assert fresh(application("Unknown", conditions=[condition("ComparisonError")])).sync is None


@pytest.mark.parametrize(
    ("status", "ago", "conditions", "expected"),
    [
        ("Healthy", YOUNG, [], "healthy"),
        ("Degraded", YOUNG, [], "degraded"),
        ("Progressing", YOUNG, [], "passing"),
        ("Progressing", LATE, [], "hangs"),
        ("Suspended", LATE, [], "passing"),
        ("Missing", LATE, [], "passing"),
        ("Unknown", YOUNG, [], "odd"),
        ("", YOUNG, [], "odd"),
        ("Unknown", YOUNG, [condition("ComparisonError")], "healthy"),
    ],
)
def test_each_state_of_its_health(status: str, ago: float, conditions: list[Any], expected: str) -> None:
    assert fresh(application(health=status, health_ago=ago, conditions=conditions)).health.state == expected


def test_progress_without_a_time_is_undated() -> None:
    one = application(health="Progressing")
    status = msgspec.structs.replace(one.status, health=Health("Progressing"))
    assert fresh(msgspec.structs.replace(one, status=status)).health.state == "undated"


def test_what_makes_it_degraded_is_told_by_argo_cd_or_by_the_deployment() -> None:
    told = {**DEPLOYMENT, "health": {"status": "Degraded", "message": "crashes"}}
    stuck = listing("Deployment", [deployment("ProgressDeadlineExceeded", "it timed out")])
    assert [one.message for one in fresh(application(health="Degraded", resources=[told])).faults] == ["crashes"]
    assert [one.message for one in fresh(application(health="Degraded"), deployments=stuck).faults] == ["it timed out"]
    assert fresh(application(health="Healthy"), deployments=stuck).faults == []


@pytest.mark.parametrize(("ago", "hangs"), [(YOUNG, False), (LATE, True)])
def test_a_deletion_hangs_after_its_time(ago: float, hangs: bool) -> None:
    assert (fresh(application(metadata={"deletionTimestamp": at(ago)})).deleted_seconds is not None) is hangs
