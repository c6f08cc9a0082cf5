"""What --active makes and takes away again, against a small API server on a real socket."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clusterprobe.access import active
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import Call
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.pods.termination import timed_pods as canaries
from tests.active_factories import OURS, PLACE, cluster_at, created, fly, node
from tests.apiserver import KINDS, ApiServer, stamp
from tests.factories import labelled, listing, make, refused


def test_every_worker_is_timed_with_and_without_its_exports_and_nothing_is_left(server: ApiServer) -> None:
    server.state.hang_seconds = lambda pod: 0.4 if pod["spec"]["volumes"] else 0.0
    readings = fly(cluster_at(server), node("worker1"), node("worker2"))
    assert [subject.name for subject, _ in readings] == ["worker1", "worker2"]
    for timings in readings.items:
        assert [one.export for one in timings] == ["", "nas:/logs"]
        assert timings[0].seconds < 0.4 <= timings[1].cleanup_seconds
    assert readings.complete
    assert server.state.left == []


def test_the_canaries_ask_for_as_little_as_they_can(server: ApiServer) -> None:
    fly(cluster_at(server), node("worker1"))
    for pod in created(server, "pods"):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["activeDeadlineSeconds"] > 0
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["containers"][0]["resources"]["limits"]
        assert spec["containers"][0]["image"] == Profile().active.image
        assert pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "clusterprobe"
        assert pod["metadata"]["labels"]["app.kubernetes.io/instance"].startswith("run-")
    (namespace,) = created(server, "namespaces")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_an_export_is_mounted_read_only_through_a_volume_of_our_own(server: ApiServer) -> None:
    fly(cluster_at(server), node("worker1"))
    (volume,) = created(server, "persistentvolumes")
    assert volume["spec"]["nfs"] == {"server": "nas", "path": "/logs", "readOnly": True}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["accessModes"] == ["ReadOnlyMany"]
    assert volume["spec"]["mountOptions"] == ["hard"]
    assert volume["spec"]["claimRef"]["namespace"] == "clusterprobe-active"


def test_at_most_one_pod_a_node_is_there_at_a_time(server: ApiServer) -> None:
    server.state.hang_seconds = lambda pod: 0.2
    most = 0
    fly(cluster_at(server), node("worker1"))
    alive: set[str] = set()
    for _, kind, path, _ in server.state.events:
        if "/pods/" in path:
            alive = alive - {path} if kind == "DELETED" else alive | {path}
            most = max(most, len(alive))
    assert most == 1


def test_tainted_nodes_are_no_workers_and_nodes_that_are_away_are_unread(server: ApiServer) -> None:
    master = node("master", taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    cordoned = node("worker2", unschedulable=True, taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
    away = make(Node, metadata={"name": "worker3"})
    readings = fly(cluster_at(server), master, node("worker1"), cordoned, away)
    assert [subject.name for subject, _ in readings] == ["worker1"]
    assert [(one.subject.name, "cordoned" in one.reason or "not ready" in one.reason) for one in readings.unreadable] == [
        ("worker2", True),
        ("worker3", True),
    ]


def test_what_names_the_exports_and_is_unreadable_stays_unreadable(server: ApiServer) -> None:
    readings = fly(cluster_at(server), node("worker1"), claims=Readings((), (refused("PersistentVolumeClaimList"),)))
    assert [one.export for one in readings.items[0]] == [""]
    assert not readings.complete


DENIALS = [
    ("pods", 403, 'pods "{name}" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3'),
    ("pods", 403, 'pods "{name}" is forbidden: minimum cpu usage per Container is 100m, but request is 5m'),
    ("pods", 403, 'pods "{name}" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container ...)'),
    ("pods", 400, 'admission webhook "validate.kyverno.svc-fail" denied the request: policy require-team: label team is missing'),
    ("pods", 500, 'Internal error occurred: failed calling webhook "x.example.com": failed to call webhook: context deadline exceeded'),
    (
        "persistentvolumes",
        403,
        'persistentvolumes is forbidden: User "a" cannot create resource "persistentvolumes" in API group "" at the cluster scope',
    ),
    (
        "persistentvolumeclaims",
        403,
        'persistentvolumeclaims "{name}" is forbidden: exceeded quota: storage, requested: persistentvolumeclaims=1',
    ),
    ("leases", 403, 'leases.coordination.k8s.io is forbidden: User "a" cannot create resource "leases" in API group "coordination.k8s.io"'),
    ("namespaces", 403, 'namespaces is forbidden: User "a" cannot create resource "namespaces" in API group "" at the cluster scope'),
]


@pytest.mark.parametrize("there", [False, True], ids=["namespace-of-ours", "namespace-of-theirs"])
@pytest.mark.parametrize(("what", "status", "message"), DENIALS, ids=range(len(DENIALS)))
def test_what_is_denied_is_unreadable_with_the_reason_and_leaves_nothing(
    server: ApiServer, what: str, status: int, message: str, there: bool
) -> None:
    if there:
        server.put(PLACE)
    before = server.state.versions()
    server.state.refuse = lambda method, path, body: (
        (status, message.format(name=body["metadata"]["name"])) if method == "POST" and path.endswith(f"/{what}") else None
    )
    readings = fly(cluster_at(server), node("worker1"))
    if what == "namespaces" and there:
        return
    assert any(message.partition("{name}")[2] in one.reason for one in readings.unreadable)
    assert server.state.versions() == before
    plain = [""] if what.startswith("persistent") else []
    assert [one.export for timings in readings.items for one in timings] == plain


def test_a_namespace_that_is_deleted_in_mid_run_is_unreadable_and_leaves_nothing(server: ApiServer) -> None:
    def delete(number: int) -> None:
        if server.state.requests[number - 1] == ("POST", f"{PLACE}/pods"):
            server.state.remove(PLACE)

    server.put(f"{PLACE}/configmaps/slow", finalizers=["example.com/slow"])  # put first, so that the namespace stays for a while
    server.put(PLACE)
    server.state._used = lambda path, of=server.state._used: path == PLACE or of(path)  # type: ignore[method-assign]
    server.state.before = delete
    readings = fly(cluster_at(server), node("worker1"))
    assert "because it is being terminated" in readings.unreadable[0].reason
    assert server.state.left == []


@pytest.mark.parametrize("there", [False, True], ids=["namespace-of-ours", "namespace-of-theirs"])
@pytest.mark.parametrize("call", canaries.CALLS, ids=lambda call: f"{call.verb}-{call.resource}")
def test_without_one_permission_nothing_is_left_and_what_could_not_be_is_said(server: ApiServer, call: Call, there: bool) -> None:
    """Whoever may make something, but not take it away again, makes nothing."""
    if there:
        server.put(PLACE)
    before = server.state.versions()
    denied: list[str] = []

    def refuse(method: str, path: str, body: Any) -> tuple[int, str] | None:
        if _verb(server, method, path) != (call.verb, call.resource):
            return None
        denied.append(path)
        return 403, f'{call.resource} is forbidden: User "a" cannot {call.verb} resource "{call.resource}" in API group "{call.group}"'

    server.state.refuse = refuse
    readings = fly(cluster_at(server), node("worker1"))
    deadline = time.monotonic() + 2  # who may not look whether something went has not waited for it
    while server.state.versions() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.state.versions() == before
    if denied and call != Call("list", "persistentvolumes"):  # who may not list them made none
        assert any(f"cannot {call.verb} resource" in one.reason for one in readings.unreadable)


def _verb(server: ApiServer, method: str, path: str) -> tuple[str, str]:
    """The permission that a request needs."""
    parts = path.split("/")
    if parts[-1] in KINDS:
        watch = method == "GET" and parts[-1] == "pods" and ("POST", path) in server.state.requests[:-1]
        return {"POST": "create", "GET": "watch" if watch else "list"}[method], parts[-1]
    return {"GET": "get", "PUT": "update", "DELETE": "delete"}[method], parts[-2]


def test_what_a_killed_run_left_is_gone_when_the_next_one_ends_however_long_it_takes(server: ApiServer) -> None:
    server.put(PLACE)
    server.put(f"{PLACE}/pods/clusterprobe-run-dead-0-0", labels=OURS)
    server.state.hang_seconds = lambda pod: 2.0 if pod["metadata"]["name"].startswith("clusterprobe-run-dead") else 0.0
    assert fly(cluster_at(server), node("worker1")).complete
    assert server.state.left == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}],
            },
            "no such host",
        ),
        ({"phase": "Failed", "reason": "OutOfcpu", "message": "Node did not have enough resource"}, "OutOfcpu"),
        ({"phase": "Succeeded"}, "Succeeded"),
    ],
)
def test_a_canary_that_cannot_run_is_unreadable_with_the_reason(server: ApiServer, status: dict[str, Any], said: str) -> None:
    server.state.status = lambda pod: status
    readings = fly(cluster_at(server), node("worker1"))
    assert not readings.items
    assert said in readings.unreadable[0].reason
    assert server.state.left == []


def test_a_canary_that_never_starts_is_unreadable_with_what_it_waits_for(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "START_SECONDS", 0.3)
    waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    server.state.status = lambda pod: {"phase": "Pending", "conditions": [waiting]}
    readings = fly(cluster_at(server), node("worker1"))
    assert "0/3 nodes are available" in readings.unreadable[0].reason
    assert server.state.left == []


def test_a_pod_that_hangs_is_reported_so_far_and_taken_away(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "FORCE_AFTER_SECONDS", 0.5)
    monkeypatch.setattr(canaries, "SETTLE_SECONDS", 0.2)
    server.state.hang_seconds = lambda pod: 600.0
    thresholds = {"termination": {"seconds": 0.2, "outlier_seconds": 0.1}}
    readings = fly(cluster_at(server), node("worker1"), profile=Profile.model_validate({"thresholds": thresholds}))
    (timing,) = readings.items[0]
    assert not timing.gone
    assert timing.seconds >= 0.6
    assert "still exists" in readings.unreadable[0].reason
    assert server.state.left == []


def test_two_slow_exports_of_a_server_are_enough(server: ApiServer) -> None:
    volumes = [make(PersistentVolume, metadata={"name": f"pv-{n}"}, spec={"nfs": {"server": "nas", "path": f"/{n}"}}) for n in range(4)]
    claims = [labelled(PersistentVolumeClaim, "a", f"c{n}", spec={"volumeName": f"pv-{n}"}) for n in range(4)]
    mounts = [{"name": f"v{n}", "persistentVolumeClaim": {"claimName": f"c{n}"}} for n in range(4)]
    pod = labelled(Pod, "a", "api", spec={"nodeName": "worker1", "containers": [{"name": "api"}], "volumes": mounts})
    server.state.hang_seconds = lambda pod: 0.3 if pod["spec"]["volumes"] else 0.0
    readings = fly(
        cluster_at(server),
        node("worker1"),
        profile=Profile.model_validate({"thresholds": {"termination": {"outlier_seconds": 0.2}}}),
        pods=listing("Pod", [pod]),
        claims=listing("PersistentVolumeClaim", claims),
        volumes=listing("PersistentVolume", volumes),
    )
    assert len(readings.items[0]) == 3
    assert len(readings.unreadable) == 2


def test_a_namespace_that_is_not_ours_stays(server: ApiServer) -> None:
    server.put(PLACE, labels={"team": "mlops"})
    readings = fly(cluster_at(server), node("worker1"))
    assert readings.complete
    assert PLACE in server.state.objects
    assert server.state.left == []


def test_a_namespace_that_is_being_deleted_is_unreadable(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "SETTLE_SECONDS", 0.2)
    server.put(PLACE, deletionTimestamp=stamp())
    assert "is being deleted" in fly(cluster_at(server), node("worker1")).unreadable[0].reason


def test_a_run_without_time_for_cleaning_up_changes_nothing(server: ApiServer) -> None:
    readings = fly(cluster_at(server, seconds=20), node("worker1"))
    assert "raise --timeout" in readings.unreadable[0].reason
    assert server.state.requests == []
