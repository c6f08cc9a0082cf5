"""Pod termination time, and in which phase: the application's shutdown, or the clean-up of volumes and cgroups after it."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Mapping

import msgspec

from clusterprobe.model import Struct
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.times import epoch

# What unmounting and cgroups take on a healthy node, with the seconds to which the API cuts its times.
CLEANUP_SECONDS = 5.0


class Phase(enum.StrEnum):
    """Where a pod that is going hangs. What is neither the application nor a volume comes first."""

    NODE = "its node is not ready"
    FINALIZERS = "finalizers hold it"
    UNSTARTED = "its containers never started"
    APPLICATION = "its containers are still running"
    CLEANUP = "its containers have ended"


class Going(Struct, frozen=True):
    """A pod that was asked to go. Times are epoch seconds; `ended_at` is when its last container ended."""

    phase: Phase
    requested_at: float
    deadline_at: float
    ended_at: float = 0.0
    forced: bool = False


def requested_at(pod: Pod) -> float | None:
    """When it was asked to go: the API adds the grace period to the deletion timestamp, and rebases it when the grace shrinks."""
    deadline = epoch(pod.metadata.deletion_timestamp)
    return None if deadline is None else deadline - (pod.metadata.deletion_grace_period_seconds or 0)


def going(pod: Pod, ready_nodes: Mapping[str, bool]) -> Going | None:
    """The state of a pod that is being deleted; None for one that is not."""
    requested, deadline = requested_at(pod), epoch(pod.metadata.deletion_timestamp)
    if requested is None or deadline is None:
        return None
    ended = finished_at(pod)
    return Going(
        phase=_phase(pod, ready_nodes.get(pod.spec.node_name, True), ended),
        requested_at=requested,
        deadline_at=deadline,
        ended_at=ended or 0.0,
        forced=pod.metadata.deletion_grace_period_seconds == 0,
    )


def _phase(pod: Pod, node_ready: bool, ended: float | None) -> Phase:
    if not node_ready:
        return Phase.NODE
    if pod.metadata.finalizers and (ended is not None or not pod.spec.node_name):
        return Phase.FINALIZERS
    statuses = pod.status.container_statuses or []
    if ended is not None:
        return Phase.CLEANUP
    started = any(one.state.running is not None or one.state.terminated is not None for one in statuses)
    return Phase.APPLICATION if started else Phase.UNSTARTED


def finished_at(pod: Pod) -> float | None:
    """When the last of its containers ended, by the node's clock; None while one runs, or where that is not known."""
    statuses = pod.status.container_statuses or []
    ends = [epoch(one.state.terminated.finished_at) if one.state.terminated else None for one in statuses]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def split(total: float, *, requested: float | None, finished: float | None, ended_seen: float | None) -> float:
    """The application's part of `total` seconds of termination.

    `requested` and `finished` are the API's times, cut to seconds and by two clocks; `ended_seen` is after how many seconds we
    were told that the containers had ended, which is never too early. Where the times contradict it, the clocks differ.
    """
    latest = total if ended_seen is None else min(ended_seen, total)
    if requested is None or finished is None:
        return latest
    application = finished - requested
    return latest if application > latest + 1 or application < -1 else min(max(application, 0.0), latest)


def is_outlier(seconds: float, peers: Iterable[float], *, factor: float, least: float) -> bool:
    """Whether it takes that many times as long as its peers do, and that many seconds longer; nothing sticks out of nobody."""
    others = list(peers)
    if not others:
        return False
    usual = statistics.median(others)
    return seconds >= usual + least and seconds >= usual * factor


# --- what a canary takes ----------------------------------------------------------------------------------------------


class CanaryTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long a pod of ours took to go from a node; `export` is what it had mounted, empty for nothing.

    `gone` is false for one that we could not wait for: then the seconds are how long it was seen to hang, at least.
    """

    server: str = ""
    path: str = ""
    application_seconds: float
    cleanup_seconds: float
    gone: bool = True

    @property
    def export(self) -> str:
        return f"{self.server}:{self.path}" if self.server else ""

    @property
    def seconds(self) -> float:
        return self.application_seconds + self.cleanup_seconds


class PastTermination(msgspec.Struct, frozen=True, kw_only=True):
    """A termination that is over, as far as scrapes saw it: all of its seconds are lower bounds.

    `overdue_seconds` is how long after its deadline it was still there (negative: it was not seen past it).
    """

    namespace: str
    pod: str
    uid: str
    node: str
    owner: str
    seconds: float
    overdue_seconds: float
    last_seen: float


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """A kubelet's word that it began to stop a pod's container."""

    namespace: str
    pod: str
    uid: str
    node: str
    at: float


class AgentTermination(msgspec.Struct, frozen=True, kw_only=True):
    """How long a DaemonSet's pod took to go from a node.

    `at_least` marks a lower bound. `phase` is empty where nothing tells it. `at` is when it was gone, or last seen: epoch seconds.
    """

    namespace: str
    daemon_set: str
    node: str
    pod: str
    seconds: float
    grace_seconds: int
    phase: str = ""
    at_least: bool = False
    seen: str = ""
    at: float | None = None
