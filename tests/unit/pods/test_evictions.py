from typing import Any

import msgspec
import pytest

from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Finding
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.evictions import eviction_of
from clusterprobe.verdict import Verdict
from probes.pods.probe_evictions import probe_evictions
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LATELY, AT_THE_LIMIT, BEFORE = "2027-01-15T07:30:00Z", "2027-01-15T02:00:00Z", "2027-01-15T01:59:59Z"
DISK = "The node was low on resource: ephemeral-storage. Container app was using 30Gi, request is 0."
MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container app was using 2Gi, request is 0."


def pod(
    name: str = "web-0", message: str = DISK, reason: str = "Evicted", *, at: str = LATELY, kind: str = "StatefulSet", **more: Any
) -> Pod:
    ended = {"name": "app", "state": {"terminated": {"exitCode": 137, "finishedAt": at}}}
    status = {"phase": "Failed", "reason": reason, "message": message, "containerStatuses": [ended], **more.pop("status", {})}
    owners = [{"kind": kind, "name": "web", "uid": "web", "controller": True}]
    spec = {"containers": [{"name": "app"}], "nodeName": "worker1"}
    return labelled(Pod, "shop", name, metadata={"ownerReferences": owners}, spec=spec, status=status)


def several(count: int = 3, **more: Any) -> list[Pod]:
    return [pod(f"web-{number}", **more) for number in range(count)]


def ready() -> Pod:
    status = {"phase": "Running", "reason": "", "containerStatuses": [], "conditions": [{"type": "Ready", "status": "True"}]}
    return pod("web-9", status=status)


def judge(*pods: Pod) -> Verdict:
    return judged(probe_evictions, pods=listing("Pod", pods), clock=CLOCK)


def found(*pods: Pod) -> Finding:
    (one,) = judge(*pods).findings
    return one


@pytest.mark.parametrize(
    ("reason", "message", "cause", "fix"),
    [
        ("SysctlForbidden", 'forbidden sysctl: "net.core.somaxconn" not allowlisted', "a sysctl that", "allowedUnsafeSysctls"),
        ("TopologyAffinityError", "Resources cannot be allocated with Topology locality", "Topology Manager", "topologyManagerPolicy"),
    ],
)
def test_what_a_kubelet_rejects_is_told_apart(reason: str, message: str, cause: str, fix: str) -> None:
    one = found(*several(reason=reason, message=message))
    assert (one.reason, cause in one.cause, fix in one.fix) == ("PodsRejected", True, True)


def test_pods_that_run_pass() -> None:
    assert outcome(judge(ready())) == "pass"


@pytest.mark.parametrize(("count", "expected"), [(2, []), (3, ["PodsEvicted"])])
def test_from_three_on_it_is_no_single_hour_of_a_node(count: int, expected: list[str]) -> None:
    assert reasons(judge(*several(count))) == expected


@pytest.mark.parametrize(("at", "expected"), [(AT_THE_LIMIT, ["PodsEvicted"]), (BEFORE, [])])
def test_what_was_evicted_long_ago_does_not_count(at: str, expected: list[str]) -> None:
    assert reasons(judge(*several(at=at))) == expected


def test_the_finding_says_how_often_where_and_why() -> None:
    one = found(*several(message=MEMORY))
    assert one.problem == "3 pods of StatefulSet shop/web were evicted in 30 min, the last one 30 min ago, on worker1. None of it is ready."
    assert one.severity == "error"
    assert "ran out of memory, and what uses more than it requests" in one.cause
    assert MEMORY in one.cause
    assert "$ kubectl describe node worker1" in one.fix
    assert [str(ref) for ref in one.rests_on] == ["Node/worker1"]
    assert [str(ref) for ref in one.breaks] == ["StatefulSet/shop/web"]


def test_where_others_serve_it_is_a_warning_and_breaks_nothing() -> None:
    one = found(*several(), ready())
    assert (one.severity, one.breaks) == ("warning", [])
    assert "Others of it are ready" in one.problem


@pytest.mark.parametrize(
    ("reason", "message", "fault"),
    [
        ("Evicted", DISK, "disk"),
        ("Evicted", "The node had condition: [DiskPressure].", "disk"),
        ("Evicted", MEMORY, "memory"),
        ("Evicted", "The node was low on resource: pids.", "processes"),
        ("Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", "own limit"),
        ("Evicted", 'Usage of EmptyDir volume "cache" exceeds the limit "500Mi".', "own limit"),
        ("Evicted", 'Container app exceeded its local ephemeral storage limit "1Gi".', "own limit"),
        ("Evicted", "something new", "evicted"),
        ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices present; cannot allocate gpu", "devices"),
        ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 2000, used: 15000", "no room"),
        ("NodeAffinity", "Predicate NodeAffinity failed", "rejected"),
    ],
)
def test_each_reason_is_told_by_the_kubelets_words(reason: str, message: str, fault: str) -> None:
    one = eviction_of(pod(message=message, reason=reason))
    assert one is not None
    assert one.fault == fault
    finding = found(*several(message=message, reason=reason))
    assert finding.reason == ("PodsRejected" if one.rejected else "PodsEvicted")
    assert ("describe node" in finding.fix) is (fault != "own limit")


@pytest.mark.parametrize(
    ("message", "edits"),
    [("Allocate failed due to no healthy devices present; cannot allocate gpu", False), ("cannot allocate: disk is low", True)],
)
def test_only_what_the_workload_can_change_is_edited_on_it(message: str, edits: bool) -> None:
    reason = "UnexpectedAdmissionError" if not edits else "Evicted"
    assert ("kubectl -n shop edit" in found(*several(message=message, reason=reason)).fix) is edits


@pytest.mark.parametrize("other", [pod(reason="NodeLost"), pod(reason=""), pod(kind="Job"), pod(status={"phase": "Succeeded"})])
def test_what_ended_otherwise_is_none(other: Pod) -> None:
    assert eviction_of(other) is None


def test_when_it_was_is_told_by_its_containers_its_condition_or_its_start() -> None:
    condition = [{"type": "DisruptionTarget", "status": "True", "lastTransitionTime": LATELY}]
    times = [{"conditions": condition}, {"startTime": LATELY}, {}]
    told = [eviction_of(pod(status={"containerStatuses": [], **one})) for one in times]
    assert [one.at if one else None for one in told] == [1_799_998_200.0, 1_799_998_200.0, None]


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_evictions, {"pods": listing("Pod", several()), "clock": CLOCK})


def test_the_workload_is_edited_and_what_has_failed_of_it_is_deleted() -> None:
    labels = {"app": "web", "pod-template-hash": "5d4", "controller-revision-hash": "a1"}
    labelled_ones = [msgspec.structs.replace(one, metadata=msgspec.structs.replace(one.metadata, labels_=labels)) for one in several()]
    *_, edited, _, deleted = found(*labelled_ones).steps
    assert [line(one) for one in edited.commands] == ["kubectl -n shop edit statefulset web"]
    assert deleted.kind == "destroys"
    assert [line(one) for one in deleted.commands] == ["kubectl -n shop delete pods --field-selector=status.phase=Failed -l app=web"]


def test_pods_without_a_label_of_their_own_are_not_deleted() -> None:
    assert "delete pods" not in found(*several()).fix
