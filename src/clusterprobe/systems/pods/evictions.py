"""Pods that ended for good because their node evicted or rejected them: when, and for what, as the kubelet says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.times import epoch

Fault = Literal["own limit", "disk", "memory", "processes", "evicted", "devices", "no room", "sysctl", "topology", "rejected"]
_EVICTED: tuple[tuple[Pattern, Fault], ...] = (
    (ours(r"exceeds the (?:total )?limit|exceeded its local ephemeral storage limit"), "own limit"),
    (ours(r"(?i)low on resource: (?:ephemeral-storage|nodefs|imagefs|inodes)|DiskPressure"), "disk"),
    (ours(r"(?i)low on resource: memory|MemoryPressure"), "memory"),
    (ours(r"(?i)low on resource: pids|PIDPressure"), "processes"),
    (ours(r""), "evicted"),
)
_REJECTED: tuple[tuple[Pattern, Fault], ...] = (
    (ours(r"Allocate failed|no healthy devices|devices? unavailable"), "devices"),
    (ours(r"SysctlForbidden"), "sysctl"),
    (ours(r"TopologyAffinityError"), "topology"),
    (ours(r"enough resource|enough free|Outof"), "no room"),
    (ours(r""), "rejected"),
)
_BY_NODE = ours(r"^(?:UnexpectedAdmissionError|NodeAffinity|NodePorts|Outof\w+|OutOf\w+|TopologyAffinityError|SysctlForbidden|AppArmor)$")


@dataclass(frozen=True, slots=True)
class Eviction:
    """A pod that its node ended, or did not take; `at` is when (epoch seconds), None where its status does not say."""

    pod: Pod
    fault: Fault
    at: float | None

    @property
    def rejected(self) -> bool:
        return self.fault in ("devices", "no room", "sysctl", "topology", "rejected")


def eviction_of(pod: Pod) -> Eviction | None:
    """What a pod that has failed says of its node; None for one that failed otherwise. The pods of Jobs are judged with these."""
    if pod.status.phase != "Failed" or workload_of(pod).kind == "Job":
        return None
    if pod.status.reason == "Evicted":
        return Eviction(pod, _first(_EVICTED, pod.status.message), _when(pod))
    if _BY_NODE.search(pod.status.reason):
        return Eviction(pod, _first(_REJECTED, f"{pod.status.reason} {pod.status.message}"), _when(pod))
    return None


def _first(faults: tuple[tuple[Pattern, Fault], ...], message: str) -> Fault:
    return next(fault for pattern, fault in faults if pattern.search(message))


def _when(pod: Pod) -> float | None:
    """When its last container ended, or that it was to go was said; else when the kubelet took it in, which was before."""
    ended = [one.state.terminated.finished_at for one in pod.status.container_statuses or [] if one.state.terminated]
    told = [one.last_transition_time for one in pod.status.conditions or [] if one.type == "DisruptionTarget"]
    times = [at for text in (*ended, *told) if (at := epoch(text)) is not None]
    return max(times) if times else epoch(pod.status.start_time) or epoch(pod.metadata.creation_timestamp)
