"""A place of our own: how it is had, and that it is left with nothing in it, whatever happens."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import active
from clusterprobe.access.active import CLAIMS, PODS, Workspace
from clusterprobe.access.lease import Lease
from tests.active_factories import (
    CLAIM,
    HERE,
    LEASE,
    OURS,
    PLACE,
    POD,
    VOLUME,
    Asked,
    cluster_at,
    deleted,
    fill,
    listening,
    made,
    on,
    trial,
    tried,
    workspace,
)
from tests.apiserver import ApiServer, stamp

pytestmark = pytest.mark.usefixtures("clock")

ALIVE = {"spec": {"holderIdentity": "run-b", "leaseDurationSeconds": 30, "renewTime": "2999-01-01T00:00:00.000000Z"}}


# --- coming ------------------------------------------------------------------------------------------------------------


def test_each_run_has_a_name_of_its_own_which_its_objects_bear(server: ApiServer) -> None:
    one, other = workspace(server), workspace(server)
    assert re.fullmatch("run-[0-9a-f]{8}", one.run)
    assert one.run != other.run
    assert one.labels == {"app.kubernetes.io/managed-by": "clusterprobe", "app.kubernetes.io/instance": one.run}
    assert (one.namespace, one.leftovers) == (HERE, [])


def test_work_ends_early_enough_to_clean_up(server: ApiServer) -> None:
    cluster = cluster_at(server)
    assert Workspace(cluster, HERE).deadline.at == cluster.deadline.at - 50
    assert Workspace(cluster, HERE, 7).deadline.at == cluster.deadline.at - 7


def test_a_namespace_and_its_lease_are_made_and_gone_afterwards(server: ApiServer, asked: Asked) -> None:
    with workspace(server) as place:
        namespace, lease = server.state.objects[PLACE], server.state.objects[LEASE]
        levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        assert (namespace["apiVersion"], namespace["kind"]) == ("v1", "Namespace")
        assert (namespace["metadata"]["name"], namespace["metadata"]["labels"]) == (HERE, place.labels | levels)
        assert (lease["metadata"]["labels"], lease["spec"]["holderIdentity"]) == (place.labels, place.run)
        assert not place.stopped
    assert server.state.objects == {}
    assert place.leftovers == []
    assert place._lease._done.is_set()
    assert (made(asked), tried(asked), deleted(asked)) == (["namespaces", "leases"], [PLACE], [PLACE])
    verbs = [(method, path) for method, path, _ in asked]
    assert verbs.index(("DELETE", PLACE)) < verbs.index(("GET", LEASE)) < verbs.index(("POST", "/api/v1/namespaces"))


def test_of_a_namespace_of_somebody_else_only_a_lease_is_made_and_released(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, labels={"team": "mlops"})
    with workspace(server):
        assert LEASE in server.state.objects
    assert list(server.state.objects) == [PLACE]
    assert (made(asked), tried(asked), deleted(asked)) == (["leases"], [LEASE], [LEASE])
    verbs = [method for method, path, _ in asked if path.startswith("/apis/coordination.k8s.io")]
    assert verbs.index("DELETE") < verbs.index("POST")


def test_a_namespace_of_an_earlier_run_is_used_and_taken_away(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, labels=OURS)
    with workspace(server):
        assert made(asked) == ["leases"]
    assert server.state.objects == {}


def test_without_time_for_cleaning_up_nothing_is_asked(server: ApiServer, asked: Asked) -> None:
    said = "^the run's deadline leaves no time beside the 30 s for cleaning up: raise --timeout$"
    with pytest.raises(errors.TimedOut, match=said), workspace(server, cleanup=30, cluster=cluster_at(server, 8)):
        pass
    assert asked == []


def test_an_interrupted_run_asks_for_nothing(server: ApiServer, asked: Asked) -> None:
    cluster = cluster_at(server)
    cluster.stop.set()
    with pytest.raises(errors.TimedOut, match=r"^the run was interrupted$"), workspace(server, cluster=cluster):
        pass
    assert asked == []


@pytest.mark.parametrize("path", [PLACE, LEASE], ids=["namespace", "lease"])
def test_what_cannot_be_looked_at_is_not_made(path: str, server: ApiServer) -> None:
    asked = listening(server, lambda method, seen, _: (method, seen) == ("GET", path))
    place = workspace(server)
    with pytest.raises(errors.Forbidden), place:
        pass
    assert (made(asked), deleted(asked), place.leftovers) == ([], [], [])


@pytest.mark.parametrize("there", [False, True], ids=["ours", "theirs"])
def test_what_could_not_be_taken_away_is_not_made(server: ApiServer, there: bool) -> None:
    if there:
        server.put(PLACE)
    asked = listening(server, lambda method, _, body: method == "DELETE" and trial(body))
    with pytest.raises(errors.Forbidden), workspace(server):
        pass
    assert (made(asked), deleted(asked)) == ([], [])


# --- a namespace that comes or goes meanwhile ------------------------------------------------------------------------


def test_a_namespace_that_is_still_going_is_waited_for(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, labels={"team": "mlops"}, deletionTimestamp=stamp())
    on(server, "GET", PLACE, lambda: server.state.change("DELETED", PLACE, server.state.objects[PLACE]), times=3)
    with workspace(server) as place:
        assert server.state.objects[PLACE]["metadata"]["labels"].items() >= place.labels.items()
    assert server.state.objects == {}
    assert made(asked) == ["namespaces", "leases"]


def test_a_namespace_that_does_not_go_is_given_up(server: ApiServer, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "SETTLE_SECONDS", 0.5)
    server.put(PLACE, labels=OURS, deletionTimestamp=stamp())
    said = f"^the namespace {HERE} is being deleted: nothing can be made in it$"
    with pytest.raises(errors.Unreadable, match=said), workspace(server):
        pass
    assert {method for method, _, _ in asked} == {"GET"}


def test_whoever_is_interrupted_waits_for_no_namespace(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, deletionTimestamp=stamp())
    cluster = cluster_at(server)
    on(server, "GET", PLACE, cluster.stop.set, times=2)
    with pytest.raises(errors.Unreadable, match="is being deleted"), workspace(server, cluster=cluster):
        pass
    assert len(asked) == 2


@pytest.mark.parametrize(("labels", "left"), [({"team": "mlops"}, [PLACE]), (OURS, [])], ids=["theirs", "ours"])
def test_a_namespace_that_somebody_makes_at_the_same_time_is_used(server: ApiServer, labels: dict[str, str], left: list[str]) -> None:
    on(server, "POST", "/api/v1/namespaces", lambda: server.put(PLACE, labels=labels))
    with workspace(server):
        assert LEASE in server.state.objects
    assert list(server.state.objects) == left


def test_a_namespace_whose_making_had_no_answer_is_taken_away(server: ApiServer) -> None:
    def refuse(method: str, path: str, body: dict[str, Any]) -> tuple[int, str] | None:
        if method != "POST":
            return None
        server.put(PLACE, labels=body["metadata"]["labels"])
        return 400, "heard nevertheless"

    server.state.refuse = refuse
    with pytest.raises(errors.Unreadable, match="heard nevertheless"), workspace(server):
        pass
    assert server.state.objects == {}


# --- the lease is not to be had --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("labels", "left"), [(None, [PLACE]), (OURS, [])], ids=["theirs", "ours"])
def test_without_a_lease_a_namespace_of_ours_is_taken_away(server: ApiServer, labels: dict[str, str] | None, left: list[str]) -> None:
    server.put(PLACE, labels=labels)
    listening(server, lambda method, path, _: method == "POST" and path.endswith("/leases"))
    place = workspace(server)
    with pytest.raises(errors.Forbidden), place:
        pass
    assert (list(server.state.objects), place.leftovers) == (left, [])
    assert place._lease._done.is_set()


def test_a_signal_while_the_lease_is_acquired_leaves_nothing(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        assert PLACE in server.state.objects
        raise KeyboardInterrupt

    monkeypatch.setattr(Lease, "acquire", interrupted)
    with pytest.raises(KeyboardInterrupt), workspace(server):
        pass
    assert server.state.objects == {}


def test_the_place_of_a_run_at_work_is_left_alone(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE, labels=OURS)
    server.put(LEASE, **ALIVE)
    cluster = cluster_at(server)
    on(server, "GET", LEASE, cluster.stop.set)
    place = workspace(server, cluster=cluster)
    with pytest.raises(errors.TimedOut, match="the lease of run-b"), place:
        pass
    assert (deleted(asked), place.leftovers) == ([], [])


def test_what_a_run_without_a_lease_cannot_take_away_is_said(server: ApiServer) -> None:
    listening(server, lambda method, path, body: path.endswith("/leases") or (method == "DELETE" and not trial(body)))
    place = workspace(server)
    with pytest.raises(errors.Forbidden), place:
        pass
    (left,) = place.leftovers
    assert left.startswith(f"namespace {HERE} may be left behind: ")
    assert left.endswith("denied, as the test wants")


@pytest.mark.parametrize("there", [False, True], ids=["ours", "theirs"])
def test_whoever_cannot_sweep_goes_again_and_gives_the_lease_back(server: ApiServer, there: bool) -> None:
    if there:
        server.put(PLACE)
    listening(server, lambda method, path, _: (method, path) == ("GET", f"{PLACE}/pods"))
    place = workspace(server)
    with pytest.raises(errors.Forbidden), place:
        pass
    assert list(server.state.objects) == [PLACE] * there
    assert place._lease._done.is_set()


# --- going -----------------------------------------------------------------------------------------------------------


def test_what_uses_goes_before_what_is_used_and_the_namespace_last(server: ApiServer, asked: Asked) -> None:
    server.state.hang_seconds = lambda pod: 0.1
    there: list[str] = []
    with workspace(server) as place:
        fill(place)
        on(server, "DELETE", PLACE, lambda: there.extend(server.state.objects))
    assert deleted(asked) == [POD, CLAIM, VOLUME, PLACE]
    assert sorted(there) == sorted([PLACE, LEASE])
    assert (server.state.objects, place.leftovers) == ({}, [])


def test_in_a_namespace_of_somebody_else_what_we_made_is_gone_before_the_lease(server: ApiServer, asked: Asked) -> None:
    server.put(PLACE)
    there: list[str] = []
    with workspace(server) as place:
        fill(place)
        on(server, "DELETE", LEASE, lambda: there.extend(server.state.objects))
    assert deleted(asked) == [POD, CLAIM, VOLUME, LEASE]
    assert sorted(there) == sorted([PLACE, LEASE])
    assert (list(server.state.objects), place.leftovers) == ([PLACE], [])


# What else is left for want of time once one is waited for in vain; whether the lease still goes then is a matter of moments.
REFUSED = [
    (POD, "the pods", {f"Pod {HERE}/a"}, [CLAIM, VOLUME]),
    (CLAIM, f"PersistentVolumeClaim {HERE}/a", {"PersistentVolume a"}, [POD, VOLUME]),
    (VOLUME, "PersistentVolume a", set(), [POD, CLAIM]),
    (LEASE, f"namespace {HERE}", set(), [POD, CLAIM, VOLUME]),
]


@pytest.mark.parametrize(("path", "first", "more", "gone"), REFUSED, ids=["pod", "claim", "volume", "lease"])
def test_one_refusal_keeps_nothing_else_from_going_and_is_said(
    server: ApiServer, path: str, first: str, more: set[str], gone: list[str]
) -> None:
    server.put(PLACE)
    asked = listening(server, lambda method, seen, body: (method, seen) == ("DELETE", path) and not trial(body))
    place = workspace(server, cleanup=3.0)
    with place:
        fill(place)
    said = [one.partition(" may be left behind: ") for one in place.leftovers]
    assert said[0][0] == first
    assert said[0][2].endswith("denied, as the test wants")
    assert {one[0] for one in said[1:]} >= more
    assert [one for one in deleted(asked) if one not in (path, LEASE)] == gone


def test_what_does_not_go_in_time_is_said(server: ApiServer) -> None:
    server.state._used = lambda path, of=server.state._used: path == CLAIM or of(path)  # type: ignore[method-assign]
    place = workspace(server, cleanup=2.0)
    with place:
        place.create(CLAIMS, "a", {"spec": {}})
    left = [one.partition(" may be left behind: ")[0] for one in place.leftovers]
    assert left == [f"PersistentVolumeClaim {HERE}/a", f"namespace {HERE}"]


def test_pods_are_all_asked_before_one_is_waited_for_and_a_pod_that_hangs_is_forced(
    server: ApiServer, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active, "FORCE_AFTER_SECONDS", 10.0)
    server.state.hang_seconds = lambda pod: 600.0 if pod["metadata"]["name"] == "b" else 0.0
    server.put(PLACE)
    with workspace(server) as place:
        place.create(PODS, "a", {"spec": {}})
        place.create(PODS, "b", {"spec": {}})
    going = [(method, path, body.get("gracePeriodSeconds")) for method, path, body in asked if path in (POD, f"{PLACE}/pods/b")]
    assert going[:3] == [("DELETE", POD, None), ("DELETE", f"{PLACE}/pods/b", None), ("GET", POD, None)]
    assert [one for one in going if one[0] == "DELETE"][2:] == [("DELETE", f"{PLACE}/pods/b", 0)]
    assert (list(server.state.objects), place.leftovers) == ([PLACE], [])


@pytest.mark.parametrize("known", [False, True], ids=["found-out-at-the-end", "known-before"])
def test_whoever_took_the_lease_over_keeps_the_place(server: ApiServer, asked: Asked, known: bool) -> None:
    with workspace(server) as place:
        if known:
            place._lease.lost.set()
            assert place.stopped
        else:
            server.state.objects[LEASE]["spec"]["holderIdentity"] = "run-b"
    assert sorted(server.state.objects) == sorted([PLACE, LEASE])
    assert (deleted(asked), place.leftovers) == ([], [])
    assert place._lease._done.is_set()
