"""What a synchronisation waits for and cannot get: what only it would make itself, later, or what is no longer there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.sources import Application, ManagedResource, OperationState, ResourceResult
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.missing import MissingObject, missing_in
from clusterprobe.systems.kubernetes.objects import Job, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.starts import StartEvents
from clusterprobe.words import listed

Place = tuple[str, str, str]  # kind, namespace, name


@dataclass(frozen=True, slots=True)
class Deadlock:
    """What it waits for, and which objects of its own that lacks: they come after it."""

    waits: ResourceResult
    lacks: tuple[ManagedResource, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The Job of a hook that it waits for: deleted since, or done without Argo CD having seen it."""

    waits: ResourceResult
    state: Literal["deleted", "done"]


class Waits:
    """What the objects lack that synchronisations wait for, as the kubelet, the scheduler and their controllers say."""

    def __init__(self, pods: Readings[Pod], events: Readings[StartEvents], refusals: Readings[Complaint], jobs: Readings[Job]) -> None:
        self._jobs, self._lacks = jobs, defaultdict[Place, list[MissingObject]](list)
        said = {place: [each.message for each in one.events] for place, one in events.by_name().items()}
        for pod in pods.items:
            if not pod.ready and not pod.metadata.deletion_timestamp:
                self._add(pod, said.get((pod.metadata.namespace, pod.metadata.name), []))
        for subject, one in refusals:
            self._lacks[subject.kind, subject.namespace, subject.name] += missing_in(one.message, subject.namespace)

    def _add(self, pod: Pod, events: list[str]) -> None:
        above, namespace = workload_of(pod), pod.metadata.namespace
        statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
        waiting = [one.state.waiting.message for one in statuses if one.state.waiting]
        conditions = [one.message for one in pod.status.conditions or [] if one.status == "False"]
        for place in ((above.kind, namespace, above.name), ("Pod", namespace, pod.metadata.name)):
            for message in (*waiting, *conditions, *events):
                self._lacks[place] += missing_in(message, namespace)

    def held_by(self, one: Application, running: OperationState) -> Deadlock | Gone | None:
        """Why a synchronisation to this cluster cannot end; None where that is not certain."""
        waiting = [each for each in running.results if each.hook_phase == "Running"] if one.is_here else []
        later = {(each.kind, each.namespace, each.name): each for each in one.resources if _is_to_come(each, running)}
        for each in waiting:
            lacks = dict.fromkeys(later[place] for place in map(tuple, self._lacks[each.kind, each.namespace, each.name]) if place in later)
            if lacks:
                return Deadlock(each, tuple(lacks))
        return next((found for each in waiting if each.hook_type and (found := self._gone(each))), None)

    def _gone(self, each: ResourceResult) -> Gone | None:
        if each.kind != "Job" or self._jobs.missing_reason(each.namespace):
            return None
        job = self._jobs.by_name().get((each.namespace, each.name))
        if job is None:
            return Gone(each, "deleted")
        return Gone(each, "done") if job.end and job.end.type == "Complete" else None


def _is_to_come(each: ManagedResource, running: OperationState) -> bool:
    """Whether it is not there yet, and this synchronisation has not made it either."""
    absent = each.health.status == "Missing" if each.health else each.status == "OutOfSync"
    return absent and not any(
        (one.kind, one.namespace, one.name) == (each.kind, each.namespace, each.name) and one.status == "Synced" for one in running.results
    )


def told_of(held: Deadlock | Gone | None) -> str:
    """What follows behind the words of Argo CD; empty where nothing is certain."""
    match held:
        case Deadlock(waits, lacks):
            objects = listed([each.reference for each in lacks], 3)
            return f". {waits.place} lacks {objects}, which only this synchronisation itself would make, after it: so it never ends."
        case Gone(waits, "deleted"):
            return f". {waits.place} no longer exists, so that Argo CD does not see how it ended: its TTL was over, or it was deleted."
        case Gone(waits):
            return f". {waits.place} has completed, and Argo CD has not taken notice of that."
    return ""
