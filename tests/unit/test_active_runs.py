"""Runs that meet: one at work, one that was killed, and one that is interrupted at any moment."""

from __future__ import annotations

import threading
import time

from clusterprobe.access import active
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.lease import Lease, expired
from clusterprobe.access.lease import _Spec as Spec
from clusterprobe.access.writer import Writer
from tests.active_factories import LEASE, OURS, PLACE, cluster_at, fly, node
from tests.apiserver import ApiServer, stamp


def test_another_run_at_work_is_left_alone(server: ApiServer) -> None:
    with active.Workspace(cluster_at(server), "clusterprobe-active") as other:
        other.create(active.PODS, "theirs", {"spec": {"volumes": []}})
        other._lease._done.set()  # renewed by hand
        done = threading.Event()

        def keep() -> None:
            while not done.wait(0.3):
                other._lease._renew_once()

        keeper = threading.Thread(target=keep)
        keeper.start()
        readings = fly(cluster_at(server), node("worker1"))
        done.set()
        keeper.join()
        assert "another active run" in readings.unreadable[0].reason
        assert f"{PLACE}/pods/theirs" in server.state.objects
    assert server.state.left == []


def test_the_janitor_removes_what_a_killed_run_left_and_nothing_else(server: ApiServer) -> None:
    old = {"spec": {"holderIdentity": "run-dead", "leaseDurationSeconds": 30, "renewTime": "2026-01-01T00:00:00.000000Z"}}
    server.put(PLACE, labels=OURS)
    server.put(LEASE, labels=OURS, **old)
    server.put(f"{PLACE}/pods/dead", labels=OURS)
    server.put("/api/v1/persistentvolumes/dead", labels=OURS, spec={"claimRef": {"namespace": "clusterprobe-active"}})
    server.put("/api/v1/persistentvolumes/theirs", labels={"app.kubernetes.io/managed-by": "Helm"})
    server.put("/api/v1/namespaces/clusterprobe-other", labels=OURS)
    assert fly(cluster_at(server), node("worker1")).complete
    assert server.state.left == ["/api/v1/persistentvolumes/theirs"]


def test_a_volume_of_a_run_at_work_elsewhere_is_left_alone(server: ApiServer) -> None:
    alive = {"spec": {"holderIdentity": "run-b", "leaseDurationSeconds": 30, "renewTime": stamp()}}
    server.put("/apis/coordination.k8s.io/v1/namespaces/elsewhere/leases/clusterprobe-active", **alive)
    server.put("/api/v1/namespaces/elsewhere", labels=OURS)
    server.put("/api/v1/persistentvolumes/busy", labels=OURS, spec={"claimRef": {"namespace": "elsewhere"}})
    fly(cluster_at(server), node("worker1"))
    assert server.state.left == ["/api/v1/namespaces/elsewhere", "/api/v1/persistentvolumes/busy"]


def test_a_lease_expires_by_the_api_servers_clock() -> None:
    held = Spec(holder_identity="run-a", lease_duration_seconds=30, renew_time="2026-01-01T00:00:00.000000Z")
    renewed = 1767225600.0
    assert not expired(held, renewed + 34.9)
    assert expired(held, renewed + 35.1)
    assert expired(Spec(), renewed)
    assert not expired(Spec(holder_identity="run-a", renew_time="odd"), renewed)
    assert not expired(Spec(holder_identity="run-a", renew_time="0001-01-01T00:00:00Z"), renewed)


def test_a_lease_that_was_taken_over_is_lost(server: ApiServer) -> None:
    server.put(PLACE)
    lease = Lease(Writer(Origin(server.url)), "clusterprobe-active", "run-a", OURS, time.time)
    lease.acquire(Deadline.after(60), lambda: False)
    server.state.objects[LEASE]["spec"]["holderIdentity"] = "run-b"
    assert not lease._renew_once()
    assert lease.lost.is_set()
    lease.release(Deadline.after(60))
    assert LEASE in server.state.objects


# --- the end, at every moment -----------------------------------------------------------------------------------------


def count_requests() -> int:
    one = ApiServer()
    fly(cluster_at(one), node("worker1"))
    one.shutdown()
    one.server_close()
    return len(one.state.requests)


def test_interrupted_at_any_request_nothing_is_left() -> None:
    for number in range(1, count_requests() + 1):
        server = ApiServer()
        cluster = cluster_at(server)
        server.state.before = lambda seen, number=number, cluster=cluster: cluster.stop.set() if seen == number else None
        begun = time.monotonic()
        readings = fly(cluster, node("worker1"))
        assert server.state.left == [], f"interrupted at request {number}"
        assert time.monotonic() - begun < 20
        assert readings.unreadable or len(readings.items[0]) == 2
        server.shutdown()
        server.server_close()
