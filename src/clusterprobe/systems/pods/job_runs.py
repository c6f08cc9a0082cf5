"""How Jobs ended, and how the runs of a CronJob fare: as data, for a probe to put into words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.own import is_answer, is_own
from clusterprobe.systems.inventory.recognition import serves_beside
from clusterprobe.systems.kubernetes.objects import Condition, CronJob, Job, Pod
from clusterprobe.systems.pods.schedules import due_after
from clusterprobe.times import epoch

# How long after its time a run counts as missed: of a zone that is not named, the hour of summer time is not known either.
MISSED_SECONDS = 3900.0


@dataclass(frozen=True, slots=True)
class PodEnd:
    """How the pod of a Job ended that failed last: its container's exit code and reason, or the pod's own reason (`Evicted`)."""

    pod: str
    container: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A Job that failed, when (epoch seconds), in its controller's words; `end` is the one of its pod, where that is still there."""

    subject: Subject
    job: Job
    condition: Condition
    at: float | None
    end: PodEnd | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a CronJob that failed since one last succeeded, the newest first, and when that was: None if never."""

    failures: list[Failure]
    succeeded: float | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A CronJob that was due, and was not started; `blocking` are Jobs of it that still run, and that it waits for."""

    due: float
    blocking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldOpen:
    """A Job whose work has ended well at `since`, and whose pod runs on for what serves beside it."""

    pod: str
    done: tuple[str, ...]
    beside: tuple[str, ...]
    since: float


class Jobs:
    """The Jobs with their pods, by the CronJob that they are of."""

    def __init__(self, jobs: Readings[Job], pods: Readings[Pod]) -> None:
        self._pods: dict[tuple[str, str], list[Pod]] = defaultdict(list)
        for pod in pods.items:
            for owner in pod.metadata.owner_references:
                if owner.controller and owner.kind == "Job":
                    self._pods[pod.metadata.namespace, owner.name].append(pod)
        self._of: dict[tuple[str, str], list[tuple[Subject, Job]]] = defaultdict(list)
        for subject, job in jobs:
            self._of[subject.namespace, cron_job_of(job)].append((subject, job))

    def failure(self, subject: Subject, job: Job) -> Failure | None:
        """How a Job failed; None if it did not, and for a run of Clusterprobe itself that found something."""
        condition = job.end
        if condition is None or condition.type != "Failed":
            return None
        end = self._end(subject)
        if is_own(job.metadata.labels, job.spec.template.metadata.labels) and is_answer(end.code if end else None):
            return None
        return Failure(subject, job, condition, epoch(condition.last_transition_time), end)

    def _end(self, subject: Subject) -> PodEnd | None:
        ends = [one for pod in self._pods[subject.namespace, subject.name] if (one := _end_of(pod)) is not None]
        return max(ends, key=lambda one: one[0])[1] if ends else None

    def held_open(self, subject: Subject, job: Job) -> HeldOpen | None:
        """What keeps a Job from completing whose work is done; None where it has ended, or anything of it may still work."""
        if job.ended:
            return None
        found = [one for pod in self._pods[subject.namespace, subject.name] if (one := _held_by(pod)) is not None]
        return max(found, key=lambda one: one.since, default=None)

    def runs(self, subject: Subject, one: CronJob) -> Runs | None:
        """The failed runs, if the last one that ended failed; None where it succeeded, or none has ended."""
        ended = [(self._when(job), of, job) for of, job in self._of[subject.namespace, subject.name] if job.ended]
        good = [at for at, _, job in ended if job.end and job.end.type == "Complete"]
        recorded = epoch(one.status.last_successful_time)
        succeeded = max([*good, *([recorded] if recorded is not None else [])], default=None)
        failures = [each for _, of, job in sorted(ended, key=lambda each: -each[0]) if (each := self.failure(of, job))]
        since = [each for each in failures if succeeded is None or (each.at or 0.0) > succeeded]
        return Runs(since, succeeded) if since else None

    def _when(self, job: Job) -> float:
        end = job.end
        return epoch(job.status.completion_time) or (epoch(end.last_transition_time) if end else None) or 0.0


def cron_job_of(job: Job) -> str:
    """The CronJob that a Job is of; empty for any other."""
    return next((one.name for one in job.metadata.owner_references if one.controller and one.kind == "CronJob"), "")


def _held_by(pod: Pod) -> HeldOpen | None:
    """A container that a mesh or an injector has put into a pod ends with the node; that of the work has ended by itself."""
    if pod.status.phase != "Running" or pod.metadata.deletion_timestamp:
        return None
    told = pod.status.container_statuses or []
    done = [one for one in told if one.state.terminated is not None]
    on = [one for one in told if one.state.running is not None]
    times = [at for one in done if one.state.terminated and (at := epoch(one.state.terminated.finished_at)) is not None]
    well = bool(done) and all(one.state.terminated is not None and one.state.terminated.exit_code == 0 for one in done)
    if not (well and on and times) or len(done) + len(on) < len(told) or not all(serves_beside(one) for one in on):
        return None
    return HeldOpen(pod.metadata.name, tuple(one.name for one in done), tuple(one.name for one in on), max(times))


def _end_of(pod: Pod) -> tuple[float, PodEnd] | None:
    """When and how a pod ended that failed."""
    for status in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
        ended = status.state.terminated or status.last_state.terminated
        if ended and (ended.exit_code or ended.reason == "OOMKilled"):
            end = PodEnd(pod.metadata.name, status.name, ended.exit_code, ended.reason, ended.message)
            return epoch(ended.finished_at) or 0.0, end
    if pod.status.phase == "Failed" and pod.status.reason:
        return epoch(pod.metadata.creation_timestamp) or 0.0, PodEnd(
            pod.metadata.name, reason=pod.status.reason, message=pod.status.message
        )
    return None


def missed(one: CronJob, now: float) -> Missed | None:
    """Whether a CronJob is overdue; None if it is not, is suspended, or when it is due cannot be told."""
    last = epoch(one.status.last_schedule_time) or epoch(one.metadata.creation_timestamp)
    if one.spec.suspend or last is None:
        return None
    due = due_after(one.spec.schedule, one.spec.time_zone, last)
    if due is None or now - due < MISSED_SECONDS:
        return None
    waits = one.spec.concurrency_policy == "Forbid"
    return Missed(due, tuple(each.name for each in one.status.active or []) if waits else ())
