"""What is the matter with a container that crashes, or did: as data, for a probe to put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.kubernetes.workloads import other_revision
from clusterprobe.systems.pods.crash_causes import (
    Fault,
    Kill,
    absent_pull_secrets,
    code_of,
    fault_of,
    hook_failure,
    kill_of,
    message_of,
    telling_line,
)
from clusterprobe.systems.pods.crashes import Crash, CrashEvent, CrashEvents, CrashLog
from clusterprobe.systems.pods.startup_waits import Neighbourhood, Wait, says_unreachable, wait_of
from clusterprobe.times import epoch


@dataclass(frozen=True, slots=True)
class Broken:
    """It crashes, or ran out of memory recently and is healthy: its code by the status alone, and what is at fault.

    `message` is what the kubelet says of it, `line` the line of its log that tells it. `wait` is why what it calls does not excuse it,
    where that is what it says. `rival` is another revision that still serves, `silenced` the Services that have no ready pod beside it,
    `pull_secrets` those that the kubelet did not find. `log_read` tells whether its log was read, though it may say nothing.
    """

    crash: Crash
    code: str
    fault: Fault
    lines: list[str]
    line: str
    kill: Kill | None
    wait: Wait | None
    rival: str
    silenced: list[Ref]
    message: str = ""
    pull_secrets: list[str] = field(default_factory=list)
    log_read: bool = True


@dataclass(frozen=True, slots=True)
class Starting:
    """It crashes, or crashed, only because what it calls was not there yet."""

    crash: Crash
    wait: Wait


@dataclass(frozen=True, slots=True)
class Recovered:
    """It crashed some seconds ago, and is well since."""

    crash: Crash
    seconds: float


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether it only waits cannot be told, because something was not read: `why`, or `wait` of what it calls.

    `seconds` is how long ago it crashed; None while it still does.
    """

    crash: Crash
    lacks: Literal["log", "pods", "target"]
    why: str = ""
    wait: Wait | None = None
    seconds: float | None = None


Diagnosis = Broken | Starting | Recovered | Unclear


class World:
    """What is known beside a crash: the readings, the moment, and for how many seconds starting and a lack of memory count."""

    def __init__(
        self,
        pods: Readings[Pod],
        services: Readings[Service],
        logs: Readings[CrashLog],
        events: Readings[CrashEvents],
        *,
        now: float,
        startup_seconds: float,
        memory_seconds: float,
    ) -> None:
        self.pods, self.logs, self.around = pods, logs, Neighbourhood(services, pods)
        self.now, self.startup_seconds, self.memory_seconds = now, startup_seconds, memory_seconds
        self._lines = {(one.namespace, one.name, log.container): log.lines for one, log in reversed(logs.values)}
        self._events = events.by_name()

    def lines(self, crash: Crash) -> list[str] | None:
        """The last lines of its log; None where that was not read."""
        return self._lines.get((crash.pod.metadata.namespace, crash.pod.metadata.name, crash.status.name))

    def events(self, crash: Crash) -> list[CrashEvent]:
        found = self._events.get((crash.pod.metadata.namespace, crash.pod.metadata.name))
        return found.events if found else []


def diagnose(crash: Crash, world: World) -> Diagnosis | None:
    """What is the matter; None for what was over too long ago to count."""
    return _of_recovered(crash, world) if crash.phase == "recovered" else _of_crashing(crash, world)


def _of_crashing(crash: Crash, world: World) -> Diagnosis:
    """Starting only on evidence: it says that it did not reach something, which is not there yet, and nothing speaks against it."""
    ended = crash.ended
    if code_of(crash) != "CrashLoop" or ended is None or not 0 < ended.exit_code < 126 or other_revision(crash.pod, world.pods.items):
        return _broken(crash, world)
    wait, lines = wait_of(crash, world.around, world.now, world.startup_seconds), world.lines(crash) or []
    if not says_unreachable(crash, lines):
        if wait.state == "real" or lines or world.logs.complete:
            return _broken(crash, world)
        return Unclear(crash, "log", world.logs.unreadable[0].reason)
    if wait.state == "real":
        return _broken(crash, world, wait)
    if blind := world.pods.missing_reason(crash.pod.metadata.namespace):
        return Unclear(crash, "pods", blind)
    return Unclear(crash, "target", wait=wait) if wait.state == "unknown" else Starting(crash, wait)


def _of_recovered(crash: Crash, world: World) -> Diagnosis | None:
    """One that crashed and is well: running out of memory comes back, and so counts for a while."""
    ended = crash.ended
    finished = epoch(ended.finished_at) if ended else None
    age = world.now - finished if finished is not None else 0.0
    if crash.out_of_memory and age <= world.memory_seconds:
        return _broken(crash, world)
    if ended is None or not ended.exit_code or age > world.startup_seconds:
        return None
    wait = wait_of(crash, world.around, world.now, world.startup_seconds)
    if wait.state == "real" or not says_unreachable(crash, []):
        return Recovered(crash, age)
    return Unclear(crash, "target", wait=wait, seconds=age) if wait.state == "unknown" else Starting(crash, wait)


def _broken(crash: Crash, world: World, wait: Wait | None = None) -> Broken:
    log, events = world.lines(crash), world.events(crash)
    lines = log or []
    kill, message = kill_of(crash, events), message_of(crash, events)
    fault = fault_of(crash, message, lines, kill, events)
    rival, silenced = other_revision(crash.pod, world.pods.items), world.around.silenced_with(crash.pod)
    absent = absent_pull_secrets(events) if fault == "pull secret missing" else []
    told = hook_failure(crash, events) if fault == "start hook" else message
    line, read = telling_line(fault, lines), log is not None
    return Broken(crash, code_of(crash), fault, lines, line, kill, wait, rival, silenced, told, absent, read)
