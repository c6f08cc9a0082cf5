"""What a node that is ready says beside that: conditions of detectors, and events of its kubelet and of the node controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Condition
from clusterprobe.times import age, ago
from clusterprobe.words import listed, said

WINDOW_SECONDS = 3600.0  # as long as an API server keeps events by default
LEAST_FLAPS = 2
NOT_READY = "NodeNotReady"

# What node-problem-detector and clouds set to True where something is broken.
_BROKEN = {
    "ContainerRuntimeProblem": "its container runtime does not work",
    "ContainerRuntimeUnhealthy": "its container runtime does not work",
    "CorruptDockerOverlay2": "its container runtime's file system is damaged",
    "CperHardwareErrorFatal": "its hardware fails",
    "DiskBadBlock": "a disk has bad blocks",
    "FilesystemCorruptionProblem": "a file system is damaged",
    "FrequentContainerdRestart": "its container runtime restarts again and again",
    "FrequentDockerRestart": "its container runtime restarts again and again",
    "FrequentKubeletRestart": "its kubelet restarts again and again",
    "FrequentUnregisterNetDevice": "its kernel does not release network devices",
    "KernelDeadlock": "its kernel hangs",
    "KubeletProblem": "its kubelet does not work",
    "KubeletUnhealthy": "its kubelet does not work",
    "NetworkUnavailable": "its network is not set up",
    "NTPProblem": "its clock is wrong",
    "ReadonlyFilesystem": "a file system has become read-only",
    "XfsShutdown": "a file system has shut down",
}
# What monitoring agents of clouds set to False where something is broken.
_WHOLE = {
    "AcceleratedHardwareReady": "its accelerators do not work",
    "ContainerRuntimeReady": "its container runtime does not work",
    "KernelReady": "its kernel reports errors",
    "NetworkingReady": "its network does not work",
    "StorageReady": "its storage does not work",
}


class Kind(NamedTuple):
    """Events that belong together: `reasons`, and what their messages say; `least` of them tell something."""

    reasons: frozenset[str]
    says: Pattern
    least: int
    problem: str
    cause: str
    helps: str


KINDS = (
    Kind(
        frozenset({"ImageGCFailed", "FreeDiskSpaceFailed"}),
        # At its start a kubelet knows no size yet, and says so by the same reasons.
        ours(r"(?i)required amount|freed? \d+ bytes"),
        1,
        "cannot free disk space",
        "The disk of its images is fuller than the kubelet allows, and it finds no unused image to remove: something else fills it. "
        "As soon as the disk reaches the threshold of evictions, pods are evicted.",
        "Find what fills the disk on the node (logs, volumes of the node, containers' own files, what is not of Kubernetes), and remove "
        "that, or give the node a larger disk",
    ),
    Kind(
        frozenset({"SystemOOM"}),
        ours(r""),
        1,
        "ran out of memory as a whole",
        "Its kernel killed a process, although no container had reached its own limit: requests are lower than what is used, or limits "
        "together are higher than the memory that the node has.",
        "Set requests of memory to what is used and limits to what may be, for the pods that use most there (kubectl top pods -A), and "
        "reserve memory for the system (kubelet: systemReserved, evictionHard)",
    ),
    Kind(
        frozenset({"EvictionThresholdMet"}),
        ours(r""),
        1,
        "evicts pods",
        "Something of it has fallen below the threshold of its kubelet.",
        "Free what its event names, or move pods to other nodes: raise requests to what is used, or add a node",
    ),
    Kind(
        frozenset({"Rebooted"}),
        ours(r""),
        2,
        "restarts again and again",
        "It was not restarted once, as for an update: a kernel that panics, hardware that fails, or a machine that its cloud takes away.",
        "See the journal of the boots before on the node (journalctl --list-boots), and the machine's console; replace a machine whose "
        "hardware fails",
    ),
)


class Trouble(NamedTuple):
    """What is the matter with a node: "Node x " + `problem`, why, and what helps."""

    problem: str
    cause: str
    helps: str


def by_conditions(conditions: Iterable[Condition]) -> Iterator[Trouble]:
    """What detectors of problems found, by the conditions that they set."""
    for one in conditions:
        what = _BROKEN.get(one.type) if one.status == "True" else _WHOLE.get(one.type) if one.status == "False" else None
        if what:
            yield Trouble(
                f"is ready, and {what}.",
                f"Its condition {one.type} is {one.status}.{f' It says {said(one.message)}.' if one.message else ''}",
                "Repair on the node what the condition names, or replace the node: drain it first, so that its pods move",
            )


def flapping(events: Iterable[Complaint], now: float) -> Trouble | None:
    """A node that is ready, and went not ready more than once within the hour."""
    told = [one for one in events if one.reason == NOT_READY and _is_recent(one, now)]
    times = sum(one.count for one in told)
    if times < LEAST_FLAPS:
        return None
    return Trouble(
        f"is ready, and was not, {times} times of late: {_last(told, now)}.",
        "Its kubelet does not report in time, and comes back: the node is short of CPU or memory, its way to the API server breaks, or its "
        "container runtime hangs. Each time its pods count as not ready, and are taken out of their Services.",
        "See on the node what its kubelet says at these times (journalctl -u kubelet): “PLEG is not healthy” is the container runtime, "
        "“failed to update lease” the network or the API server. Reserve CPU and memory for the system (systemReserved, kubeReserved)",
    )


def by_events(events: Iterable[Complaint], now: float) -> Iterator[Trouble]:
    """What the kubelet's own warnings of the last hour tell."""
    recent = [one for one in events if _is_recent(one, now)]
    for kind in KINDS:
        told = [one for one in recent if one.reason in kind.reasons and kind.says.search(one.message)]
        if sum(one.count for one in told) >= kind.least:
            words = listed(list(dict.fromkeys(said(one.message) for one in told)), 2)
            yield Trouble(f"{kind.problem}: {_last(told, now)}.", f"{kind.cause} Its kubelet says {words}.", kind.helps)


def _last(told: list[Complaint], now: float) -> str:
    return f"last {ago(max(0.0, now - max(one.last or 0.0 for one in told)))} ago, and quiet since"


def _is_recent(one: Complaint, now: float) -> bool:
    seconds = age(one.last, now)
    return seconds is not None and seconds <= WINDOW_SECONDS
