import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Node
from clusterprobe.verdict import Verdict
from probes.nodes.probe_troubles import probe_troubles
from tests.factories import assert_blindness_is_no_health, judged, listing, make, outcome

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
SILENT = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
WELL = {"type": "Ready", "status": "True"}


def node(*conditions: dict[str, str]) -> Node:
    return make(Node, metadata={"name": "worker1"}, status={"conditions": list(conditions)})


def event(reason: str, message: str = "", *, ago: float = 240, count: int = 1, node: str = "worker1") -> tuple[Subject, Complaint]:
    return Subject(kind="Node", name=node), Complaint(message, count, CLOCK.now - ago, reason)


def heard(*events: tuple[Subject, Complaint], of: tuple[dict[str, str], ...] = (WELL,)) -> Verdict:
    return judged(
        probe_troubles, nodes=listing("Node", [node(*of)]), node_events=Readings(events, absent="there is no such event"), clock=CLOCK
    )


def test_a_node_that_went_not_ready_again_and_again_is_told_of_while_it_is_ready() -> None:
    (one,) = heard(event("NodeNotReady", ago=1800), event("NodeNotReady", ago=240, count=2)).findings
    assert (one.reason, one.severity) == ("NodeFlaps", "warning")
    assert one.problem == "Node worker1 is ready, and was not, 3 times of late: last 4 min ago, and quiet since."
    assert "$ kubectl get events -A --field-selector involvedObject.kind=Node,involvedObject.name=worker1" in one.fix


@pytest.mark.parametrize(
    "events",
    [
        [event("NodeNotReady")],  # it was restarted
        [event("NodeNotReady", ago=3601, count=5)],
        [event("NodeNotReady", count=5, node="worker2")],
        [event("ImageGCFailed", "failed to get imageFs info: unable to find data in memory cache", count=3)],  # as it starts
        [event("Rebooted", "Node worker1 has been rebooted, boot id: 1")],
        [event("Starting", "Starting kubelet."), event("NodeHasSufficientMemory", count=9)],
    ],
)
def test_what_happens_in_a_nodes_life_is_no_finding(events: list[tuple[Subject, Complaint]]) -> None:
    assert outcome(heard(*events)) == "pass"


@pytest.mark.parametrize(
    ("reason", "message", "says"),
    [
        ("ImageGCFailed", "Failed to garbage collect required amount of images. Wanted to free 5 bytes, but freed 0 bytes", "disk space"),
        ("FreeDiskSpaceFailed", "Failed to garbage collect required amount of images. Attempted to free 5 bytes", "disk space"),
        ("SystemOOM", "System OOM encountered, victim process: java, pid: 4711", "ran out of memory"),
        ("EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", "evicts pods"),
    ],
)
def test_what_a_kubelet_warns_of_is_told_in_its_words(reason: str, message: str, says: str) -> None:
    (one,) = heard(event(reason, message)).findings
    assert (one.reason, says in one.problem) == ("NodeTrouble", True)
    assert f"“{message}”" in one.cause


def test_a_node_that_restarts_again_and_again_is_told_of() -> None:
    (one,) = heard(event("Rebooted", "boot id: 1", ago=900), event("Rebooted", "boot id: 2")).findings
    assert "restarts again and again" in one.problem


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [("ReadonlyFilesystem", "True", "read-only"), ("KernelDeadlock", "True", "hangs"), ("StorageReady", "False", "its storage")],
)
def test_what_a_detector_of_problems_says_is_a_warning(kind: str, status: str, says: str) -> None:
    (one,) = heard(of=(WELL, {"type": kind, "status": status, "message": "see the kernel's log"})).findings
    assert (one.reason, one.severity, says in one.problem) == ("NodeTrouble", "warning", True)
    assert one.cause == f"Its condition {kind} is {status}. It says “see the kernel's log”."


@pytest.mark.parametrize(("kind", "status"), [("ReadonlyFilesystem", "False"), ("StorageReady", "True"), ("KernelDeadlock", "Unknown")])
def test_a_detector_that_finds_nothing_is_no_finding(kind: str, status: str) -> None:
    assert outcome(heard(of=(WELL, {"type": kind, "status": status}))) == "pass"


def test_a_node_that_is_not_ready_is_another_probes() -> None:
    assert outcome(heard(event("NodeNotReady", count=4), of=(SILENT,))) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    told = Readings((event("Starting"),))
    assert_blindness_is_no_health(probe_troubles, {"nodes": listing("Node", [node(WELL)]), "node_events": told, "clock": CLOCK})
