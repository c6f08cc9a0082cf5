"""An Application that is synchronised again and again, by its history and by its events; and one whose objects are elsewhere."""

from typing import Any

import pytest

from clusterprobe.systems.argocd.loops import LEAST_TIMES, Loop, loop_of
from clusterprobe.systems.argocd.sources import Application, Drift
from probes.argocd.probe_applications import probe_applications
from tests.factories import judged, listing, outcome, reasons
from tests.unit.argocd.application_world import DEPLOYMENT, NEW, NOW, OLD, PATIENCE, application, at, deployment, operation, world

JOB = {"group": "batch", "kind": "Job", "namespace": "web-dev", "name": "migrate", "status": "OutOfSync"}
ELSEWHERE = {"destination": {"server": "https://10.20.0.1:6443", "namespace": "web-dev"}}


def history(times: int, every: float = 125, last: float = 60, *, revision: str = NEW, automated: Any = True) -> list[dict[str, Any]]:
    """Synchronisations, the oldest first, as Argo CD keeps them."""
    return [
        {"revision": revision, "deployedAt": at(last + every * (times - 1 - number)), "initiatedBy": {"automated": automated}}
        for number in range(times)
    ]


def loop(one: Application, drift: Drift | None = None) -> Loop | None:
    return loop_of(one, drift, NOW, PATIENCE)


@pytest.mark.parametrize(
    ("past", "times"),
    [
        (history(10), 10),
        (history(LEAST_TIMES), LEAST_TIMES),
        (history(LEAST_TIMES - 1), None),
        ([*history(8, revision=OLD, last=600), *history(3)], None),
        ([*history(8, revision=OLD, last=6000), *history(5)], 5),
        (history(10, automated=False), None),
        (history(10, every=3601), None),
        (history(10, every=60, last=PATIENCE + 60), None),
        (history(10, every=1800, last=PATIENCE + 60), 10),
        ([{**one, "initiatedBy": None} for one in history(10)], None),
        ([{**one, "deployedAt": None} for one in history(10)], None),
        ([], None),
    ],
)
def test_a_loop_is_one_commit_by_itself_close_together_and_until_now(past: list[dict[str, Any]], times: int | None) -> None:
    found = loop(application(history=past))
    assert (found.times if found else None) == times


def test_without_an_automated_policy_there_is_none() -> None:
    assert loop(application(automated={}, history=history(10))) is None


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        (Drift(NOW - 20, NOW - 3600, 20), True),
        (Drift(NOW - 20, NOW - 3600, LEAST_TIMES - 1), False),
        (Drift(NOW - PATIENCE - 1, NOW - 7200, 20), False),
        (Drift(NOW - 20, NOW - 10 * 86400, 20), False),
        (Drift(None, NOW - 3600, 0), False),
    ],
)
def test_events_tell_of_one_too(drift: Drift, expected: bool) -> None:
    assert (loop(application("OutOfSync"), drift) is not None) is expected


def test_a_loop_that_is_synced_at_the_moment_is_found_with_what_the_last_one_changed() -> None:
    results = [{**JOB, "status": "Synced", "message": "created"}, {**DEPLOYMENT, "message": "deployment.apps/web unchanged"}]
    one = application(history=history(10), operationState=operation(resources=results))
    (finding,) = judged(probe_applications, **world(one)).findings
    assert finding.reason == "SyncLoops"
    assert finding.problem == "The Application argocd/web was synchronised to bbbbbbb by itself 10 times in 19 min."
    assert finding.cause.startswith("Job/web-dev/migrate differs from Git again after each time")
    assert "ttlSecondsAfterFinished" in finding.fix


def test_one_that_is_out_of_sync_at_the_moment_names_what_differs_now() -> None:
    one = application("OutOfSync", history=history(10), resources=[JOB, DEPLOYMENT])
    (finding,) = judged(probe_applications, **world(one, drift=Drift(NOW - 20, NOW - 3600, 1))).findings
    assert finding.reason == "SyncLoops"
    assert "Job/web-dev/migrate" in finding.cause
    assert "Deployment" not in finding.cause


def test_another_application_that_manages_the_same_object_is_named() -> None:
    one = application("OutOfSync", history=history(10), resources=[{**DEPLOYMENT, "status": "OutOfSync"}])
    found = judged(probe_applications, **world(one, application(name="other"), drift=Drift(NOW - 20, NOW - 3600, 1))).findings
    assert [each.reason for each in found] == ["SyncLoops"]
    assert "Application argocd/other manages it as well" in found[0].cause


# --- which object is Progressing -----------------------------------------------------------------------------------------


def waiting(kind: str, message: str = "") -> dict[str, Any]:
    return {**DEPLOYMENT, "kind": kind, "name": "shop", "health": {"status": "Progressing", "message": message}}


@pytest.mark.parametrize(
    ("kind", "message", "cause"),
    [
        (
            "Ingress",
            "",
            "Ingress/web-dev/shop is Progressing, which it is until its controller gives it an address (`status.loadBalancer`).",
        ),
        ("Deployment", "0 of 1 updated", "Deployment/web-dev/shop is Progressing, as Argo CD says “0 of 1 updated”."),
        ("Widget", "", "Widget/web-dev/shop is Progressing."),
    ],
)
def test_the_object_that_is_progressing_is_named_with_what_it_waits_for(kind: str, message: str, cause: str) -> None:
    one = application(health="Progressing", health_ago=7200, resources=[DEPLOYMENT, waiting(kind, message)])
    (finding,) = judged(probe_applications, **world(one)).findings
    assert finding.cause == cause
    assert finding.rests_on == [f"{kind if kind != 'Widget' else 'Other'}/web-dev/{'shop' if kind != 'Widget' else 'Widget/shop'}"]


# --- other clusters ------------------------------------------------------------------------------------------------------


def test_what_is_in_another_cluster_is_not_explained_by_what_is_here() -> None:
    one = application(health="Degraded", spec=ELSEWHERE)
    stuck = deployment("ProgressDeadlineExceeded", "it has timed out here")
    (finding,) = judged(probe_applications, **world(one, deployments=listing("Deployment", [stuck]))).findings
    assert "timed out" not in finding.cause
    assert "It deploys to another cluster, where nothing was looked at" in finding.cause
    assert finding.rests_on == []
    assert "kubectl -n web-dev" not in finding.fix


def test_that_other_clusters_are_not_looked_at_is_said_once() -> None:
    verdict = judged(
        probe_applications, **world(application(name="a", spec=ELSEWHERE), application(name="b", spec=ELSEWHERE), application())
    )
    assert outcome(verdict) == "pass"
    (note,) = verdict.notes
    assert note.startswith("What 2 Applications deployed to other clusters was not looked at: only what Argo CD says of it was,")
    assert reasons(verdict) == []
