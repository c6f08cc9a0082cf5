"""One active run at a time: who gets the lease, who does not, and how it is known that it is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import lease as module
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.lease import Lease, free
from clusterprobe.access.writer import Writer
from tests.active_factories import HERE, LEASE, PLACE, Asked, Clock, deleted, listening, on
from tests.apiserver import ApiServer

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
WRITTEN = "2027-01-15T08:00:00.000000Z"
LABELS = {"app.kubernetes.io/managed-by": "clusterprobe"}
GONE = {"holderIdentity": "run-b", "leaseDurationSeconds": 30, "renewTime": "2027-01-15T07:59:24Z"}  # 36 s ago
ALIVE = {**GONE, "renewTime": "2027-01-15T07:59:26Z"}
AHEAD = {**GONE, "renewTime": "2999-01-01T00:00:00Z"}  # whose clock is wrong


HAD: list[Lease] = []


class Hurried(threading.Event):
    """Waits a moment only, and notes for how long it should have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        return super().wait(0.01)


@pytest.fixture
def place(server: ApiServer, clock: Clock) -> Iterator[ApiServer]:
    server.put(PLACE)
    yield server
    while HAD:
        HAD.pop().stop()


def lease_at(server: ApiServer, now: Callable[[], float] = lambda: NOW, *, renewing: bool = False) -> Lease:
    HAD.append(Lease(Writer(Origin(server.url)), HERE, "run-a", LABELS, now))
    if renewing:
        HAD[-1]._done = Hurried()
    return HAD[-1]


def acquired(server: ApiServer, seconds: float = 60, stopped: Callable[[], bool] = lambda: False, *, renewing: bool = False) -> Lease:
    one = lease_at(server, renewing=renewing)
    one.acquire(Deadline.after(seconds), stopped)
    return one


def spec(server: ApiServer) -> dict[str, Any]:
    found: dict[str, Any] = server.state.objects[LEASE]["spec"]
    return found


def by_itself(server: ApiServer, **changes: Any) -> None:
    """Its holder writes it."""
    there = server.state.objects[LEASE]
    server.state.change("MODIFIED", LEASE, {**there, "spec": {**there["spec"], **changes}})


def soon(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not happens() and time.monotonic() < until:
        time.sleep(0.01)
    return happens()


# --- who gets it ------------------------------------------------------------------------------------------------------


def test_where_there_is_none_it_is_made_in_our_name(place: ApiServer) -> None:
    one = acquired(place)
    there = place.state.objects[LEASE]
    assert (there["apiVersion"], there["kind"]) == ("coordination.k8s.io/v1", "Lease")
    assert {name: there["metadata"][name] for name in ("name", "namespace", "labels")} == {
        "name": "clusterprobe-active",
        "namespace": HERE,
        "labels": LABELS,
    }
    assert there["spec"] == {"holderIdentity": "run-a", "leaseDurationSeconds": 30, "acquireTime": WRITTEN, "renewTime": WRITTEN}
    assert not one.lost.is_set()


@pytest.mark.parametrize("there", [GONE, {"renewTime": WRITTEN}, {}], ids=["expired", "of-nobody", "empty"])
def test_one_that_nobody_holds_any_more_is_taken_over_at_once(place: ApiServer, there: dict[str, Any]) -> None:
    place.put(LEASE, spec=there)
    asked = listening(place)
    acquired(place)
    assert [method for method, _, _ in asked[:2]] == ["GET", "PUT"]
    assert (spec(place)["holderIdentity"], spec(place)["renewTime"]) == ("run-a", WRITTEN)


def test_one_whose_holder_renews_it_is_left_to_that_run_at_once(place: ApiServer, asked: Asked) -> None:
    place.put(LEASE, spec=ALIVE)
    on(place, "GET", LEASE, lambda: by_itself(place, renewTime="2027-01-15T07:59:50Z"), times=2)
    said = rf"^another active run \(run-b\) is at work in namespace {HERE}$"
    with pytest.raises(errors.Unreadable, match=said):
        acquired(place)
    assert [method for method, _, _ in asked] == ["GET", "GET"]


def test_one_that_another_run_makes_at_the_same_time_is_that_runs(place: ApiServer) -> None:
    on(place, "POST", LEASE.rpartition("/")[0], lambda: place.put(LEASE, spec=ALIVE))
    with pytest.raises(errors.TimedOut, match="the lease of run-b"):
        acquired(place, stopped=lambda: True)
    assert spec(place) == ALIVE


def test_one_that_another_run_takes_over_at_the_same_time_is_that_runs(place: ApiServer) -> None:
    place.put(LEASE, spec=GONE)
    on(place, "PUT", LEASE, lambda: by_itself(place, holderIdentity="run-c", renewTime=WRITTEN))
    with pytest.raises(errors.Unreadable, match=r"another active run \(run-c\)"):
        acquired(place)
    assert spec(place)["holderIdentity"] == "run-c"


@pytest.mark.parametrize(("seconds", "stopped"), [(1.5, False), (60, True)], ids=["the-end", "interrupted"])
def test_nobody_waits_for_one_beyond_the_end(place: ApiServer, seconds: float, stopped: bool) -> None:
    place.put(LEASE, spec=AHEAD)
    said = f"^the lease of run-b in namespace {HERE} did not expire in time$"
    with pytest.raises(errors.TimedOut, match=said):
        acquired(place, seconds, lambda: stopped)
    assert spec(place) == AHEAD


def test_one_that_was_not_renewed_for_as_long_as_it_lasts_is_taken_over_whatever_its_clock_says(
    place: ApiServer, asked: Asked, clock: Clock
) -> None:
    place.put(LEASE, spec=AHEAD)
    acquired(place, 1000)
    assert spec(place)["holderIdentity"] == "run-a"
    assert clock.now == 1033.0  # 30 s that it lasts, 2 s of slack, and the look after that
    assert [method for method, _, _ in asked] == ["GET"] * 34 + ["PUT"]


# --- who keeps it -----------------------------------------------------------------------------------------------------


def test_it_is_renewed_until_it_is_given_up(place: ApiServer) -> None:
    moments, others = iter(range(10**6)), {*threading.enumerate()}
    one = lease_at(place, lambda: NOW + next(moments), renewing=True)
    one.acquire(Deadline.after(60), lambda: False)
    assert soon(lambda: spec(place)["renewTime"] > "2027-01-15T08:00:02")
    assert not one.lost.is_set()
    assert {*one._done.waited} == {8.0}
    one.release(Deadline.after(60))
    assert soon(lambda: not any(thread.name == "lease" for thread in {*threading.enumerate()} - others))
    assert LEASE not in place.state.objects


@pytest.mark.parametrize(
    "change", [lambda server: by_itself(server, holderIdentity="run-b"), lambda server: server.state.objects.pop(LEASE)]
)
def test_it_is_lost_once_another_run_holds_it_or_it_is_gone(place: ApiServer, change: Callable[[ApiServer], None]) -> None:
    one = acquired(place, renewing=True)
    change(place)
    assert one.lost.wait(20)
    assert place.state.objects.get(LEASE, {"spec": {"holderIdentity": "run-b"}})["spec"]["holderIdentity"] == "run-b"
    assert not one.still_ours(Deadline.after(60))


def test_a_renewal_that_fails_is_tried_again_and_loses_nothing(place: ApiServer) -> None:
    one = acquired(place, renewing=True)
    failed = 0

    def refuse(method: str, *_: object) -> tuple[int, str] | None:
        nonlocal failed
        failed += method == "PUT"
        return (403, "not now") if failed <= 2 and method == "PUT" else None

    place.state.refuse = refuse
    assert soon(lambda: failed > 3)
    assert not one.lost.is_set()


@pytest.mark.parametrize("status", [403, 409], ids=["refused", "changed-meanwhile"])
def test_it_is_lost_once_it_was_not_renewed_for_as_long_as_it_lasts(place: ApiServer, clock: Clock, status: int) -> None:
    one = acquired(place, renewing=True)
    assert soon(lambda: len(one._done.waited) > 2)  # it was renewed at this moment of the clock
    asked = listening(place, lambda method, *_: method == "PUT", status)
    clock.now += module.SECONDS
    before = len(asked)
    assert soon(lambda: len(asked) > before + 4)
    assert not one.lost.is_set()
    clock.now += 0.1
    assert one.lost.wait(20)
    assert one.still_ours(Deadline.after(60))  # by the API server's word, which is asked before anything is removed


# --- how it is given up -----------------------------------------------------------------------------------------------


def test_what_is_given_up_is_the_very_lease_that_was_had(place: ApiServer, asked: Asked) -> None:
    one = acquired(place)
    uid = place.state.objects[LEASE]["metadata"]["uid"]
    assert one.still_ours(Deadline.after(60))
    one.release(Deadline.after(60))
    assert (LEASE in place.state.objects, deleted(asked)) == (False, [LEASE])
    assert asked[-1][2]["preconditions"] == {"uid": uid}
    assert not one.still_ours(Deadline.after(60))


def test_the_lease_of_another_run_is_not_given_up(place: ApiServer, asked: Asked) -> None:
    one = acquired(place)
    by_itself(place, holderIdentity="run-b")
    one.release(Deadline.after(60))
    assert (spec(place)["holderIdentity"], deleted(asked)) == ("run-b", [])


def test_who_never_had_it_gives_nothing_up(place: ApiServer, asked: Asked) -> None:
    lease_at(place).release(Deadline.after(60))
    assert asked == []


def test_one_that_goes_with_its_namespace_is_only_renewed_no_more(place: ApiServer, asked: Asked) -> None:
    one = acquired(place)
    one.stop()
    assert one._done.is_set()
    assert deleted(asked) == []


# --- where nobody is at work ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "expected"), [(None, True), (GONE, True), (ALIVE, False), (AHEAD, False)], ids=["none", "gone", "alive", "ahead"]
)
def test_a_place_is_free_without_a_lease_or_with_one_that_has_expired(
    place: ApiServer, there: dict[str, Any] | None, expected: bool
) -> None:
    if there:
        place.put(LEASE, spec=there)
    assert free(Writer(Origin(place.url)), HERE, NOW, Deadline.after(60)) is expected
