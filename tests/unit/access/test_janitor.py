"""What a killed run left is removed; what somebody may be at work with is not."""

from __future__ import annotations

from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access.active import CLAIMS, PODS, VOLUMES, Janitor, Made
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.writer import Writer
from clusterprobe.times import epoch
from tests.active_factories import CLAIM, HERE, OURS, PLACE, POD, VOLUME, Asked, deleted, listening
from tests.apiserver import ApiServer

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
NEW = "2027-01-15T07:59:01Z"
ELSEWHERE = "/api/v1/namespaces/elsewhere"
LEASE_ELSEWHERE = "/apis/coordination.k8s.io/v1/namespaces/elsewhere/leases/clusterprobe-active"
MINE = {"app.kubernetes.io/managed-by": "clusterprobe", "app.kubernetes.io/instance": "run-a"}
THEIRS = {"app.kubernetes.io/managed-by": "Helm"}
ALIVE: dict[str, Any] = {"spec": {"holderIdentity": "run-b", "leaseDurationSeconds": 30, "renewTime": "2027-01-15T07:59:40Z"}}
DEAD: dict[str, Any] = {"spec": {"holderIdentity": "run-b", "leaseDurationSeconds": 30, "renewTime": "2027-01-15T07:00:00Z"}}


def swept(server: ApiServer, now: float = NOW) -> list[Made]:
    """What the end of the run is told to see to."""
    noted: list[Made] = []
    Janitor(Writer(Origin(server.url)), HERE, "run-a", lambda: now, noted.append).sweep(Deadline.after(60))
    return noted


def claimed_by(namespace: str) -> dict[str, Any]:
    return {"claimRef": {"namespace": namespace, "name": "a"}}


@pytest.mark.parametrize(("path", "kind"), [(POD, PODS), (CLAIM, CLAIMS)], ids=["pod", "claim"])
def test_what_another_run_left_in_our_place_goes_however_new_it_is(server: ApiServer, asked: Asked, path: str, kind: Any) -> None:
    server.put(PLACE, labels=OURS)
    server.put(path, labels=OURS, creationTimestamp=NEW)
    assert swept(server) == [Made(kind, HERE, "a")]
    assert deleted(asked) == [path]
    assert asked[[method for method, _, _ in asked].index("DELETE")][2]["preconditions"] == {"uid": "uid-a"}


@pytest.mark.parametrize("labels", [MINE, THEIRS, None], ids=["of-this-run", "of-others", "unlabelled"])
def test_what_is_of_this_run_or_of_others_stays(server: ApiServer, asked: Asked, labels: dict[str, str] | None) -> None:
    for path in (POD, CLAIM, PLACE, ELSEWHERE):
        server.put(path, labels=labels)
    server.put(VOLUME, labels=labels, spec=claimed_by(HERE))
    assert (swept(server), deleted(asked)) == ([], [])


def test_what_is_in_the_place_of_somebody_else_is_not_ours_to_remove(server: ApiServer, asked: Asked) -> None:
    server.put(f"{ELSEWHERE}/pods/a", labels=OURS)
    server.put(f"{ELSEWHERE}/persistentvolumeclaims/a", labels=OURS)
    assert (swept(server), deleted(asked)) == ([], [])


def test_our_own_namespace_is_left_to_the_end_of_the_run(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, labels=OURS)
    assert (swept(server), deleted(asked)) == ([], [])


@pytest.mark.parametrize(
    ("created", "lease", "goes"),
    [
        ("2026-01-01T00:00:00Z", None, True),
        ("2026-01-01T00:00:00Z", DEAD, True),
        ("2026-01-01T00:00:00Z", ALIVE, False),
        ("2027-01-15T07:59:00Z", None, True),
        (NEW, None, False),
        ("odd", None, False),
    ],
    ids=["no-lease", "expired", "held", "a-minute-old", "new", "odd"],
)
@pytest.mark.parametrize("what", [ELSEWHERE, VOLUME], ids=["namespace", "volume"])
def test_what_is_elsewhere_goes_once_nobody_can_be_at_work_with_it(
    server: ApiServer, asked: Asked, what: str, created: str, lease: dict[str, Any] | None, goes: bool
) -> None:
    if lease:
        server.put(LEASE_ELSEWHERE, **lease)
    server.put(what, labels=OURS, creationTimestamp=created, **({"spec": claimed_by("elsewhere")} if what == VOLUME else {}))
    assert swept(server) == [Made(VOLUMES, "", "a")] * (goes and what == VOLUME)
    assert deleted(asked) == [what] * goes
    assert all(body["preconditions"]["uid"] == server_uid(what) for method, _, body in asked if method == "DELETE")


def server_uid(path: str) -> str:
    return f"uid-{path.rpartition('/')[2]}"


def test_a_volume_for_our_own_place_goes_however_new_it_is(server: ApiServer, asked: Asked) -> None:
    server.put(VOLUME, labels=OURS, creationTimestamp=NEW, spec=claimed_by(HERE))
    assert swept(server) == [Made(VOLUMES, "", "a")]
    assert deleted(asked) == [VOLUME]


def test_a_volume_for_nobody_goes_when_it_is_old(server: ApiServer, asked: Asked) -> None:
    server.put(VOLUME, labels=OURS)
    server.put("/api/v1/persistentvolumes/b", labels=OURS, creationTimestamp=NEW)
    swept(server)
    assert deleted(asked) == [VOLUME]


def test_a_volume_that_is_gone_meanwhile_disturbs_nothing(server: ApiServer) -> None:
    server.put(VOLUME, labels=OURS, spec=claimed_by("elsewhere"))
    server.put(ELSEWHERE, labels=OURS)
    asked = listening(server)
    server.state.before = lambda number: server.state.objects.pop(VOLUME, None) if server.state.requests[number - 1][1] == VOLUME else None
    swept(server)
    assert ELSEWHERE not in server.state.objects
    assert ELSEWHERE in deleted(asked)


def test_whoever_may_not_list_volumes_sweeps_all_else(server: ApiServer) -> None:
    server.put(PLACE)
    server.put(POD, labels=OURS)
    server.put(VOLUME, labels=OURS)
    server.put(ELSEWHERE, labels=OURS)
    asked = listening(server, lambda _, path, __: path == "/api/v1/persistentvolumes")
    assert swept(server) == [Made(PODS, HERE, "a")]
    assert deleted(asked) == [POD, ELSEWHERE]


@pytest.mark.parametrize("path", [f"{PLACE}/pods", f"{PLACE}/persistentvolumeclaims", "/api/v1/namespaces", LEASE_ELSEWHERE, VOLUME])
def test_what_else_cannot_be_read_is_said(server: ApiServer, path: str) -> None:
    server.put(VOLUME, labels=OURS, spec=claimed_by("elsewhere"))
    listening(server, lambda method, seen, _: (method, seen) == ("GET", path))
    with pytest.raises(errors.Forbidden):
        swept(server)
    assert VOLUME in server.state.objects or path == "/api/v1/namespaces"


def test_what_is_noted_is_named_as_people_write_it() -> None:
    assert [str(Made(PODS, HERE, "a")), str(Made(VOLUMES, "", "a"))] == [f"Pod {HERE}/a", "PersistentVolume a"]
    assert not Made(PODS, HERE, "a").gone
    assert epoch(NEW) == NOW - 59
