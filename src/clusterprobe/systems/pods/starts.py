"""Pods that are not there yet: how far each has got, since when, and what was said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.events import events_of
from clusterprobe.systems.kubernetes.objects import Condition, ContainerStatus, Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.crashes import crashes_of
from clusterprobe.times import epoch

MAX_EVENTS = 100  # of one pod
MAX_PODS = 30  # pods whose events are read in one run
_CREATING = {"", "ContainerCreating", "PodInitializing"}

State = Literal["unscheduled", "gated", "creating", "initialising", "unready"]


@dataclass(frozen=True, slots=True)
class Start:
    """A pod that is not ready, and of which no container crashes.

    `since` is when that began, epoch seconds. `container` is the init container that runs, or the first one that is not ready.
    `message` is what its condition says.
    """

    pod: Pod
    state: State
    since: float | None
    container: str = ""
    message: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.pod.metadata.namespace, self.pod.metadata.name


def start_of(pod: Pod, now: float) -> Start | None:
    """How far a pod has got that is not ready; None for one that is, that ends, or of which a container crashes."""
    if pod.metadata.deletion_timestamp or pod.status.phase not in ("Pending", "Running") or pod.ready:
        return None
    if any(one.phase != "recovered" for one in crashes_of(pod, now)):
        return None
    if pod.status.phase == "Pending":
        return _of_pending(pod)
    return _of_running(pod)


def _of_pending(pod: Pod) -> Start:
    created = epoch(pod.metadata.creation_timestamp)
    scheduled = condition_of(pod, "PodScheduled")
    if not pod.spec.node_name:
        since = epoch(scheduled.last_transition_time) if scheduled else None
        gated = scheduled is not None and scheduled.reason == "SchedulingGated"
        return Start(pod, "gated" if gated else "unscheduled", since or created, message=scheduled.message if scheduled else "")
    for status in pod.status.init_container_statuses or []:
        container = pod.container(status.name)
        if status.state.running is not None and (container is None or container.restart_policy != "Always"):
            return Start(pod, "initialising", epoch(status.state.started), status.name)
    return Start(pod, "creating", (epoch(scheduled.last_transition_time) if scheduled else None) or created)


def _of_running(pod: Pod) -> Start | None:
    """Running, and not ready: because a container is not, or a readiness gate. One whose node is lost is ready in its own status."""
    ready = condition_of(pod, "Ready")
    since = epoch(ready.last_transition_time) if ready else None
    waiting = [one for one in pod.status.container_statuses or [] if _is_created(one)]
    if waiting:
        return Start(pod, "creating", since, waiting[0].name)
    unready = [one.name for one in pod.status.container_statuses or [] if one.state.running is not None and not one.ready]
    if unready:
        return Start(pod, "unready", since, unready[0], ready.message if ready else "")
    if ready is not None and ready.reason == "ReadinessGatesNotReady":
        return Start(pod, "unready", since, "", ready.message)
    return None


def _is_created(status: ContainerStatus) -> bool:
    return status.state.waiting is not None and status.state.waiting.reason in _CREATING


def condition_of(pod: Pod, kind: str) -> Condition | None:
    """The condition of that type, if the pod has it."""
    return next((one for one in pod.status.conditions or [] if one.type == kind), None)


# --- what was said of them ----------------------------------------------------------------------------------------------


class StartEvent(msgspec.Struct, frozen=True):
    """What was said of a pod, how often, and when last (epoch seconds)."""

    reason: str
    message: str
    count: int = 1
    last: float | None = None


class StartEvents(msgspec.Struct, frozen=True):
    events: list[StartEvent]


@source(Call("list", "events"))
def start_events(cluster: Cluster, pods: Readings[Pod]) -> Readings[StartEvents]:
    """What was said of the pods that are not ready yet, at most of 30: of each workload's first one before its others."""
    now = cluster.now()
    starts = [one for pod in pods.items if (one := start_of(pod, now)) is not None and one.state != "gated"]
    wanted: Collector[Pod] = Collector(unreadable=list(pods.unreadable))
    for number, one in enumerate(_in_turn(starts)):
        subject = PODS.subject(*one.place)
        if number < MAX_PODS:
            wanted.add(subject, one.pod)
        else:
            wanted.fail(subject, f"only the events of the first {MAX_PODS} pods that are not ready are read")
    read = cluster.each(wanted.readings(), lambda subject, pod: _events(cluster, subject, pod))
    return Readings(read.values, read.unreadable, "every pod is ready")


def _in_turn(starts: Iterable[Start]) -> list[Start]:
    """The first pod of each workload, then the second of each, and so on."""
    groups: dict[str, list[Start]] = defaultdict(list)
    for one in starts:
        groups[str(workload_of(one.pod))].append(one)
    return [one for one in chain.from_iterable(zip_longest(*groups.values())) if one is not None]


def _events(cluster: Cluster, subject: Subject, pod: Pod) -> StartEvents:
    """Its own: one of a StatefulSet has the name of the pod before it, which has events, too."""
    created = epoch(pod.metadata.creation_timestamp) or 0.0
    own = [one for one in events_of(cluster, subject, MAX_EVENTS) if one.last is None or one.last >= created]
    return StartEvents([StartEvent(one.reason, excerpt(one.message, 600), one.count or 1, one.last) for one in own])
