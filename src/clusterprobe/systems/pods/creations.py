"""Controllers that have fewer pods than they should, and what says that they cannot create one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.event_lists import Complaint, newest
from clusterprobe.systems.kubernetes.objects import Condition, Job, Metadata, Pod, ReplicaSet, Workload
from clusterprobe.systems.kubernetes.workloads import workload_above
from clusterprobe.systems.pods.creation_causes import Refusal, refusal_of
from clusterprobe.times import epoch


@dataclass(frozen=True, slots=True)
class Count:
    """How many pods a controller has, and should have; `failure` is the condition that says that it cannot create one."""

    wanted: int
    there: int
    failure: Condition | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A controller that lacks pods, since what it creates is refused.

    `workload` is what one would change. `first` and `last` are when it was first and last said, as far as that is known, epoch seconds.
    `what` is what cannot be created.
    """

    controller: Subject
    workload: Subject
    count: Count
    refusal: Refusal
    first: float | None = None
    last: float | None = None
    what: Literal["pod", "ReplicaSet"] = "pod"

    @property
    def by_its_own_webhook(self) -> bool:
        """Whether the webhook that does not answer is of its own namespace: what is to answer cannot be created before that answers."""
        return self.refusal.service is not None and self.refusal.service[0] == self.workload.namespace


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A controller that lacks pods, for no reason that could be seen."""

    controller: Subject
    count: Count
    why: str


def _of_job(one: Job) -> Count:
    """One that ended or is suspended creates none, and one that is done but for a part needs no more than that."""
    if one.ended or one.spec.suspend:
        return Count(0, 0)
    most = one.spec.parallelism if one.spec.parallelism is not None else 1
    left = most if one.spec.completions is None else one.spec.completions - one.status.succeeded
    return Count(max(min(most, left), 0), one.status.active)


def _failure(conditions: Iterable[Condition] | None) -> Condition | None:
    wanted = ("ReplicaFailure", "True", "FailedCreate")
    return next((one for one in conditions or [] if (one.type, one.status, one.reason) == wanted), None)


class Creations:
    """What was said of controllers, and the pods that they have."""

    def __init__(self, failures: Readings[Complaint], pods: Readings[Pod]) -> None:
        self._said, self._blind = newest(failures), failures
        self._pods_blind = pods
        self._pods: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
        for pod in pods.items:
            for owner in pod.metadata.owner_references:
                if owner.controller:
                    self._pods[owner.kind, pod.metadata.namespace, owner.name].append(pod)

    def count(self, subject: Subject, one: ReplicaSet | Workload | Job) -> Count | None:
        """The pods of a controller; None where its status does not say so."""
        if isinstance(one, Job):
            return _of_job(one)
        if isinstance(one, ReplicaSet):
            status = one.status
            return None if status is None else Count(one.spec.replicas, status.replicas, _failure(status.conditions))
        if subject.kind == "DaemonSet":  # its status counts nodes, and not all bundles hold that
            pods = self._pods[subject.kind, subject.namespace, subject.name]
            return Count(one.wanted, sum(not pod.metadata.deletion_timestamp for pod in pods))
        return Count(one.wanted, one.status.replicas)

    def judge(self, subject: Subject, metadata: Metadata, count: Count) -> Refused | Unexplained | None:
        """Why a controller lacks pods; None where it lacks none, or will have them by itself."""
        if count.there >= count.wanted:
            return None
        workload = workload_above(subject, metadata)
        pods = self._pods[subject.kind, subject.namespace, subject.name]
        said = self._said.get((subject.kind, subject.namespace, subject.name))
        first = epoch(count.failure.last_transition_time) if count.failure else None
        # A condition keeps the message with which it began, so an event after that says more of now.
        if said and _speaks_of_now(said, metadata, pods) and (not count.failure or (said.last or 0.0) > (first or 0.0)):
            return Refused(subject, workload, count, refusal_of(said.message), first, said.last)
        if count.failure:
            return Refused(subject, workload, count, refusal_of(count.failure.message), first)
        if subject.kind == "Job" or _on_their_way(subject.kind, pods):
            return None  # a Job waits between its attempts, longer each time
        why = self._blind.missing_reason(subject.namespace) or self._pods_blind.missing_reason(subject.namespace)
        return Unexplained(subject, count, why or "nothing says why")


def _speaks_of_now(said: Complaint, metadata: Metadata, pods: list[Pod]) -> bool:
    """Whether it was said since the controller last created a pod: what was repaired is still among the events for an hour."""
    created = [at for one in (metadata, *(pod.metadata for pod in pods)) if (at := epoch(one.creation_timestamp)) is not None]
    if said.last is None:
        return not pods
    return said.last >= max(created, default=0.0)


def _on_their_way(kind: str, pods: list[Pod]) -> bool:
    """Whether it creates the next pod only after one that it has: a StatefulSet waits for each, all wait for one that terminates."""
    going = any(pod.metadata.deletion_timestamp for pod in pods)
    return going or (kind == "StatefulSet" and any(not pod.ready for pod in pods))


def refused_deployments(deployments: Iterable[tuple[Subject, Workload]]) -> Iterator[Refused]:
    """The Deployments of which a ReplicaSet cannot create pods, or whose ReplicaSet itself cannot be created."""
    for subject, one in deployments:
        count = Count(one.wanted, one.updated)
        failure, progress = _failure(one.status.conditions), one.condition("Progressing")
        if failure:
            yield Refused(subject, subject, count, refusal_of(failure.message), epoch(failure.last_transition_time))
        elif progress and progress.status == "False" and progress.reason == "ReplicaSetCreateError":
            yield Refused(subject, subject, count, refusal_of(progress.message), epoch(progress.last_transition_time), what="ReplicaSet")


def is_of_deployment(one: ReplicaSet) -> bool:
    """Whether a Deployment repeats in its own status what this one says."""
    return any(owner.controller and owner.kind == "Deployment" for owner in one.metadata.owner_references)
