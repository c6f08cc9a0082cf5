"""Why an Application of Argo CD is as it is: which of its objects are at fault, and what keeps it from becoming like Git."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.argocd.sources import FAILED, Application, ManagedResource, ResourceResult
from clusterprobe.systems.kubernetes.objects import Workload
from clusterprobe.times import epoch
from clusterprobe.words import said

ERRORS = {
    "ComparisonError": "Argo CD cannot determine what Git wants, so it compares and synchronises nothing; its health is that "
    "of what was deployed before.",
    "InvalidSpecError": "What the Application itself says is not valid, so Argo CD does nothing with it.",
    "UnknownError": "Argo CD failed on it.",
    "DeletionError": "Argo CD cannot delete it, or what it manages.",
    "SyncError": "Argo CD does not synchronise it, although it should by itself.",
}
# Argo CD stops at these before it writes down that it has looked.
BEFORE_COMPARISON = ("InvalidSpecError", "UnknownError")
# For what Argo CD waits, of kinds of which it writes no message.
WAITS_FOR = {
    "Ingress": ", which it is until its controller gives it an address (`status.loadBalancer`)",
    "Service": ", which one of type LoadBalancer is until it has an address (`status.loadBalancer`)",
    "PersistentVolumeClaim": ", which it is until it is bound",
    "Job": ", which it is until it has finished",
}
WARNINGS = {
    "SharedResourceWarning": "An object belongs to two Applications, which change it back and forth.",
    "RepeatedResourceWarning": "An object is in its manifests twice; only one of them counts.",
}


def evidence_of_life(applications: Iterable[Application]) -> dict[str, float]:
    """When each Argo CD, by its namespace, was last seen to reconcile anything (epoch seconds)."""
    found: dict[str, float] = {}
    for one in applications:
        moment = epoch(one.status.reconciled_at)
        if moment is not None:
            found[controller_of(one)] = max(moment, found.get(controller_of(one), 0.0))
    return found


def controller_of(one: Application) -> str:
    return one.status.controller_namespace or one.metadata.namespace


def speaks_of_now(one: Application, alive: dict[str, float], limit: float) -> bool:
    """Whether its status is recent: reconciled after `limit`, or stopped by an error before that by an Argo CD that is alive."""
    if one.reconciled_after(limit):
        return True
    stopped = any(condition.type in BEFORE_COMPARISON for condition in one.status.conditions or [])
    return stopped and alive.get(controller_of(one), 0.0) > limit


def last_word(one: Application) -> str:
    """What a status is worth of which it is not known whether it speaks of now."""
    said_last = [said(each.message) for each in one.status.conditions or [] if each.type in BEFORE_COMPARISON]
    return f"and {said_last[0]} was its last word on it" if said_last else "so what its status says proves nothing"


# --- which objects are at fault ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """An object that is not well, and what is said of it; `certain` if it was said of just this object."""

    resource: ManagedResource
    message: str


def unhealthy(one: Application, workloads: dict[tuple[str, str, str], Workload]) -> list[Fault]:
    """The objects that make it Degraded: as Argo CD tells, or else as the Deployments themselves do."""
    told = [Fault(each, each.health.message) for each in one.resources if each.health and each.health.status == "Degraded"]
    if told:
        return told
    found = []
    for each in one.resources:
        workload = workloads.get((each.kind, each.namespace, each.name))
        message = _stuck(workload) if workload else ""
        if message:
            found.append(Fault(each, message))
    return found


def progressing(one: Application) -> list[ManagedResource]:
    """The objects that Argo CD calls Progressing."""
    return [each for each in one.resources if each.health and each.health.status == "Progressing"]


def references(resources: Iterable[ManagedResource]) -> list[Ref]:
    """By which findings about these objects are found: those about a SealedSecret speak of the Secret that it should become."""
    return [Ref.to(RefKind.SECRET if one.kind == "SealedSecret" else one.kind, one.namespace, one.name) for one in resources]


def _stuck(workload: Workload) -> str:
    condition = workload.condition("Progressing")
    if condition and condition.reason == "ProgressDeadlineExceeded":
        return condition.message or condition.reason
    failure = workload.condition("ReplicaFailure")
    return failure.message if failure and failure.status == "True" else ""


def workloads_by_place(**kinds: Readings[Any]) -> dict[tuple[str, str, str], Workload]:
    """Workloads by (kind, namespace, name)."""
    return {(kind, *_place(subject)): one for kind, readings in kinds.items() for subject, one in readings}


def _place(subject: Subject) -> tuple[str, str]:
    return subject.namespace, subject.name


# --- synchronisation --------------------------------------------------------------------------------------------------


def failed_results(one: Application) -> list[ResourceResult]:
    """The objects and hooks on which the last synchronisation failed."""
    state = one.status.operation_state
    return [each for each in state.results if each.failed] if state else []


def failure_stands(one: Application) -> bool:
    """Whether the last synchronisation failed, and nothing since has made up for it.

    What is Synced again is well, however that came about, unless it was a hook that failed on the very commit.
    """
    state = one.status.operation_state
    if state is None or state.phase not in FAILED:
        return False
    if one.status.sync.status != "Synced":
        return True
    return one.attempted == one.compared_with and any(each.hook_type and each.failed for each in state.results)


def differing(one: Application) -> list[ManagedResource]:
    return [each for each in one.resources if each.status not in ("Synced", "")]


def only_pruning_is_left(one: Application) -> bool:
    """Whether all that differs is left over from earlier commits, which the policy does not let it delete."""
    found = differing(one)
    return bool(found) and all(each.requires_pruning for each in found) and not (one.automated and one.automated.prune)
