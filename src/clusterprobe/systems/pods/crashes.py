"""Containers that do not keep running: which, in what phase, and what their logs and events say of the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.events import events_of
from clusterprobe.systems.kubernetes.logs import has_ended, last_ended_was_before, last_lines
from clusterprobe.systems.kubernetes.objects import Container, ContainerStatus, Pod, Terminated
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.times import epoch

MAX_EVENTS = 100  # of one pod
MAX_LOGS = 30  # containers whose logs are read in one run
LINES = 20
BACK_OFF_RESET_SECONDS = 600  # after this long without a crash, the kubelet begins to count anew
_STARTING = {"", "ContainerCreating", "PodInitializing"}
_OOM = "OOMKilled"
_PULLS = {"ImagePullBackOff", "ErrImagePull"}
_KILLED = {137, 143}

OFTEN = 5  # ends, from which on they are no mishap
APART_SECONDS = 3600  # on average; what ends more rarely is well most of the time

Phase = Literal["stuck", "crashing", "restless", "recovered"]


@dataclass(frozen=True, slots=True)
class Crash:
    """A container that cannot start (`stuck`), that ends again and again (`crashing`), or did and is well by now (`recovered`).

    A `restless` one runs, and will end again: it does so every hour or more often, each time after a while that is no crash loop.
    """

    pod: Pod
    status: ContainerStatus
    container: Container | None
    phase: Phase
    init: bool = False

    @property
    def ended(self) -> Terminated | None:
        """How the instance ended that ended last; one that did its work ends well, so the one before tells how it crashed."""
        current, last = self.status.state.terminated, self.status.last_state.terminated
        return last if self.phase == "recovered" and last else current or last

    @property
    def waits(self) -> str:
        return self.status.state.waiting.reason if self.status.state.waiting else ""

    @property
    def message(self) -> str:
        """What the kubelet says of it; of a back-off it only says that there is one."""
        waiting = self.status.state.waiting
        if waiting and waiting.message and waiting.reason != "CrashLoopBackOff":
            return waiting.message
        return self.ended.message if self.ended else ""

    @property
    def out_of_memory(self) -> bool:
        return any(one is not None and one.reason == _OOM for one in (self.status.state.terminated, self.status.last_state.terminated))


def crashes_of(pod: Pod, now: float) -> Iterator[Crash]:
    """The containers of a pod that crash, or did so recently. A pod that is terminating, or that has failed for good, has none."""
    if pod.metadata.deletion_timestamp or pod.status.phase == "Failed":
        return
    for init, statuses in ((True, pod.status.init_container_statuses), (False, pod.status.container_statuses)):
        for status in statuses or []:
            phase = phase_of(pod, status, now, init=init)
            if phase:
                yield Crash(pod, status, pod.container(status.name), phase, init)


def phase_of(pod: Pod, status: ContainerStatus, now: float, *, init: bool) -> Phase | None:
    """What a container's status says of it; None if it is well, or on its way to be."""
    waiting, ended, running = status.state.waiting, status.state.terminated, status.state.running
    if waiting:
        return "crashing" if waiting.reason == "CrashLoopBackOff" else None if waiting.reason in _STARTING else "stuck"
    if ended:
        return _phase_of_ended(pod, status, ended, init=init)
    last = status.last_state.terminated
    if running is None or last is None or not status.restart_count:
        return None
    phase = _phase_of_running(status, last, epoch(running.started_at), now)
    return "restless" if phase == "recovered" and _ends_often(pod, status, last, epoch(running.started_at), now) else phase


def _phase_of_ended(pod: Pod, status: ContainerStatus, ended: Terminated, *, init: bool) -> Phase | None:
    done = ended.exit_code == 0 and (init or pod.spec.restart_policy != "Always")
    if done:
        return "recovered" if status.restart_count else None
    if pod.spec.restart_policy == "Never":
        return None  # it is not started again
    return "crashing" if ended.exit_code or status.restart_count else None


def _phase_of_running(status: ContainerStatus, last: Terminated, began: float | None, now: float) -> Phase | None:
    """A container that crashes every minute runs in between: it is well again only once it has outlived its predecessors."""
    up = now - began if began is not None else 0.0
    started, finished = epoch(last.started_at), epoch(last.finished_at)
    lived = finished - started if started is not None and finished is not None else 0.0
    if lived >= BACK_OFF_RESET_SECONDS or status.restart_count == 1 or up >= BACK_OFF_RESET_SECONDS:
        return "recovered"  # one end after a long life is no loop
    return "recovered" if status.ready and up > max(30.0, 2 * lived) else "crashing"


def _ends_often(pod: Pod, status: ContainerStatus, last: Terminated, began: float | None, now: float) -> bool:
    """Whether it fails every hour or more often since it was created, and goes on so: neither this life nor the last is much longer."""
    born, started, finished = epoch(pod.metadata.creation_timestamp), epoch(last.started_at), epoch(last.finished_at)
    if born is None or began is None or started is None or finished is None or not last.exit_code or status.restart_count < OFTEN:
        return False
    usual = (now - born) / status.restart_count
    return usual <= APART_SECONDS and max(finished - started, now - began) <= 2 * usual


# --- what is read of them ---------------------------------------------------------------------------------------------


class CrashLog(msgspec.Struct, frozen=True):
    """The last lines of the instance that ended last."""

    container: str
    lines: list[str]


class CrashEvent(msgspec.Struct, frozen=True):
    """What was said of a pod, how often, and when last (epoch seconds)."""

    reason: str
    message: str
    count: int = 1
    last: float | None = None


class CrashEvents(msgspec.Struct, frozen=True):
    events: list[CrashEvent]


@source(Call("get", "pods/log"))
def crash_logs(cluster: Cluster, pods: Readings[Pod]) -> Readings[CrashLog]:
    """The last lines of every container that crashes, at most of 30."""
    found: Collector[Crash] = Collector(unreadable=list(pods.unreadable))
    for crash in _crashing(cluster, pods):
        subject = PODS.subject(crash.pod.metadata.namespace, crash.pod.metadata.name)
        if not has_ended(crash.status):
            continue  # it has never run
        if len(found.values) < MAX_LOGS:
            found.add(subject, crash)
        else:
            found.fail(subject, f"only the logs of the first {MAX_LOGS} crashing containers are read")
    read = cluster.each(found.readings(), lambda _, crash: _log(cluster, crash))
    return Readings(read.values, read.unreadable, "no container crashes")


def _crashing(cluster: Cluster, pods: Readings[Pod]) -> list[Crash]:
    now = cluster.now()
    return [one for pod in pods.items for one in crashes_of(pod, now) if one.phase != "recovered"]


def _log(cluster: Cluster, crash: Crash) -> CrashLog:
    name = crash.status.name
    return CrashLog(name, last_lines(cluster, crash.pod, name, LINES, previous=last_ended_was_before(crash.status)))


@source(Call("list", "events"))
def crash_events(cluster: Cluster, pods: Readings[Pod]) -> Readings[CrashEvents]:
    """What was said of every pod that crashes in a way that its status does not explain, at most of 30."""
    wanted: Collector[Pod] = Collector(unreadable=list(pods.unreadable))
    seen: set[tuple[str, str]] = set()
    for crash in _crashing(cluster, pods):
        pod = crash.pod
        place = (pod.metadata.namespace, pod.metadata.name)
        if place in seen or not _may_tell_more(crash):
            continue
        seen.add(place)
        if len(seen) <= MAX_LOGS:
            wanted.add(PODS.subject(*place), pod)
        else:
            wanted.fail(PODS.subject(*place), f"only the events of the first {MAX_LOGS} crashing pods are read")
    read = cluster.each(wanted.readings(), lambda subject, _: _events(cluster, subject))
    return Readings(read.values, read.unreadable, "no container crashes whose events tell more than its status")


def _may_tell_more(crash: Crash) -> bool:
    """Whether it may have been killed, by a probe or a hook, or its image cannot be pulled: of a back-off the status names no reason."""
    container, ended = crash.container, crash.ended
    probed = container is not None and bool(container.liveness_probe or container.startup_probe)
    return probed or crash.waits in _PULLS or (ended is not None and ended.exit_code in _KILLED)


def _events(cluster: Cluster, subject: Subject) -> CrashEvents:
    events = events_of(cluster, subject, MAX_EVENTS)
    return CrashEvents([CrashEvent(one.reason, excerpt(one.message, 400), one.count or 1, one.last) for one in events])
