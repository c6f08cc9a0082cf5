from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.systems.kubernetes.objects import Node, Pod
from clusterprobe.systems.kubernetes.sources import pods
from clusterprobe.verdict import Verdict
from probes.nodes.probe_ready import probe_ready
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons
from tests.unit.custom_resources.custom_world import kind, raw
from tests.unit.custom_resources.custom_world import readings as kinds

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, JUST_UNDER, FIVE_MINUTES_AGO = "2027-01-14T08:00:00Z", "2027-01-15T07:55:01Z", "2027-01-15T07:55:00Z"
SILENT = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": LONG_AGO}
WELL = {"type": "Ready", "status": "True"}
FULL = {"type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure"}


def node(*conditions: dict[str, str], created: str = LONG_AGO) -> Node:
    return make(Node, metadata={"name": "worker1", "creationTimestamp": created}, status={"conditions": list(conditions)})


def pod(name: str, phase: str = "Running") -> Pod:
    owners = [{"kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}]
    spec = {"containers": [], "nodeName": "worker1"}
    return labelled(Pod, "shop", name, metadata={"ownerReferences": owners}, spec=spec, status={"phase": phase})


def readings(*nodes: Node) -> dict[str, Any]:
    pods = listing("Pod", [pod("db-0"), pod("db-1"), pod("done", "Succeeded")])
    return {
        "nodes": listing("Node", nodes),
        "pods": pods,
        "own_kinds": Readings(),
        "clock": CLOCK,
    }


def judge(*nodes: Node) -> Verdict:
    return judged(probe_ready, **readings(*nodes))


def found(*conditions: dict[str, str]) -> Finding:
    (one,) = judge(node(*conditions)).findings
    return one


def test_nodes_that_are_ready_pass() -> None:
    assert outcome(judge(node(WELL, {"type": "MemoryPressure", "status": "False"}))) == "pass"


def test_a_node_that_does_not_report_is_found_with_what_is_on_it() -> None:
    one = found(SILENT)
    assert (one.reason, one.severity, str(one.subject)) == ("NodeNotReady", "error", "Node worker1")
    assert one.problem == "Node worker1 is not ready, for 24 h: 2 pods are on it."
    assert "does not report" in one.cause
    assert "“Kubelet stopped posting node status.”" in one.cause
    assert "$ kubectl get pods -A -o wide --field-selector spec.nodeName=worker1" in one.fix
    assert one.breaks == ["Node/worker1"]


def test_a_node_that_reports_what_is_wrong_is_found_with_that() -> None:
    one = found({**SILENT, "status": "False", "message": "container runtime network not ready: cni plugin not initialized"})
    assert "Its kubelet reports that it cannot run pods. It says “container runtime network not ready" in one.cause
    assert "gone for good" not in one.fix


@pytest.mark.parametrize(
    ("since", "severity"), [(JUST_UNDER, "warning"), (FIVE_MINUTES_AGO, "error"), ("9999-12-31T23:59:59Z", "error"), ("", "error")]
)
def test_a_node_that_may_come_back_is_a_warning(since: str, severity: str) -> None:
    assert found({**SILENT, "lastTransitionTime": since}).severity == severity


@pytest.mark.parametrize(("created", "codes"), [(JUST_UNDER, []), (FIVE_MINUTES_AGO, ["NodeNotReady"])])
def test_a_node_that_has_just_joined_is_given_time(created: str, codes: list[str]) -> None:
    assert reasons(judge(node(SILENT, created=created))) == codes


def test_a_node_under_pressure_is_a_warning_and_beside_not_ready_a_part_of_the_cause() -> None:
    one = found(WELL, FULL)
    assert (one.reason, one.severity) == ("NodeUnderPressure", "warning")
    assert "short of disk space or inodes" in one.problem
    assert "Before, it was short of disk space or inodes." in found(SILENT, FULL).cause


def test_a_node_without_that_condition_is_unchecked() -> None:
    assert outcome(judge(node())) == "inconclusive"


def test_where_no_node_is_listed_it_does_not_apply() -> None:
    assert outcome(judge()) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_ready, readings(node(SILENT)))


@pytest.mark.parametrize(
    ("ready", "containers", "reason", "cut_off"),
    [
        ("False", "True", "", True),
        ("True", "True", "", False),
        ("False", "False", "ContainersNotReady", False),
        ("False", "True", "ReadinessGatesNotReady", False),
    ],
)
def test_a_pod_whose_node_does_not_report_is_not_asked(ready: str, containers: str, reason: str, cut_off: bool) -> None:
    conditions = [{"type": "Ready", "status": ready, "reason": reason}, {"type": "ContainersReady", "status": containers}]
    one = labelled(Pod, "shop", "db-0", spec={"containers": []}, status={"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions})
    assert (one.cut_off, one.running) == (cut_off, not cut_off)
    assert one.standing == ("on a node that does not report" if cut_off else "Running")


# --- what else runs on a node that does not report ------------------------------------------------------------------------


def placed(name: str, node: str, ready: str, containers: str) -> Pod:
    conditions = [{"type": "Ready", "status": ready}, {"type": "ContainersReady", "status": containers}]
    status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions}
    return labelled(Pod, "shop", name, spec={"containers": [], "nodeName": node}, status=status)


class Listing:
    """A cluster that lists these pods."""

    def __init__(self, *found: Pod) -> None:
        self._found = found

    def list(self, *_: object, **__: object) -> Readings[Pod]:
        return listing("Pod", self._found)


def asked(*found: Pod) -> dict[str, bool]:
    return {subject.name: pod.running for subject, pod in pods(Listing(*found), Readings(()))}  # type: ignore[arg-type]


def test_a_pod_that_crashed_on_a_silent_node_is_not_asked_either() -> None:
    crashed, silent, elsewhere = (
        placed("crashed", "worker2", "False", "False"),
        placed("silent", "worker2", "False", "True"),
        placed("elsewhere", "worker1", "False", "False"),
    )
    assert asked(crashed, silent, elsewhere) == {"crashed": False, "silent": False, "elsewhere": True}
    assert asked(crashed, elsewhere) == {"crashed": True, "elsewhere": True}


def test_a_node_on_which_a_pod_is_ready_reports() -> None:
    """It has just come back: its kubelet brings the conditions of its pods up to date one after the other."""
    back, not_yet, crashed = (
        placed("back", "worker2", "True", "True"),
        placed("not-yet", "worker2", "False", "True"),
        placed("crashed", "worker2", "False", "False"),
    )
    assert asked(back, not_yet, crashed) == {"back": True, "not-yet": False, "crashed": True}


# --- a drain that does not end -----------------------------------------------------------------------------------------


def cordoned(since: str | None = LONG_AGO, **spec: Any) -> Node:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": since}
    wanted = {"unschedulable": True, "taints": [taint], **spec}
    return make(Node, metadata={"name": "worker1", "creationTimestamp": LONG_AGO}, spec=wanted, status={"conditions": [WELL]})


def budget(allowed: int = 0, healthy: int = 2, desired: int = 2, namespace: str = "shop", **selector: str) -> Readings[CustomKind]:
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired}
    one = raw("db", namespace=namespace, spec={"selector": {"matchLabels": selector}}, status=status)
    return kinds(kind("poddisruptionbudgets.policy", "PodDisruptionBudget", one))


def drained(node: Node, own: Readings[CustomKind]) -> Verdict:
    return judged(probe_ready, **{**readings(node), "own_kinds": own})


def test_a_node_that_is_cordoned_for_long_and_keeps_a_pod_for_its_budget_is_found() -> None:
    (one,) = drained(cordoned(), budget()).findings
    assert (one.reason, str(one.subject)) == ("DrainHeld", "Node worker1")
    assert one.problem == (
        "Node worker1 is cordoned, for 24 h, and Pod shop/db-0 on it may not be evicted, nor 1 other pod: a drain of it does not end."
    )
    assert "PodDisruptionBudget shop/db asks for as many pods as there are" in one.cause
    assert "$ kubectl -n shop describe poddisruptionbudget db" in one.fix


@pytest.mark.parametrize(
    ("node", "own"),
    [
        (node(WELL), budget()),
        (cordoned("2027-01-15T07:30:01Z"), budget()),
        (cordoned(), budget(1, 3)),
        (cordoned(), budget(0, 1)),  # one of them is not well, and comes back
        (cordoned(), budget(namespace="billing")),
        (cordoned(), budget(app="web")),
    ],
)
def test_a_drain_that_may_end_is_none(node: Node, own: Readings[CustomKind]) -> None:
    assert reasons(drained(node, own)) == []


@pytest.mark.parametrize(("node", "expected"), [(cordoned(), "inconclusive"), (node(WELL), "pass")])
def test_what_holds_a_drain_is_unchecked_without_pods_only_where_a_node_is_cordoned(node: Node, expected: str) -> None:
    unread: Readings[Any] = Readings((), (Unchecked(subject=Subject(kind="PodList"), reason="not allowed to list pods"),))
    assert outcome(judged(probe_ready, **{**readings(node), "pods": unread})) == expected
