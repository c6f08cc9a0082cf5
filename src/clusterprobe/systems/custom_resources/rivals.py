"""Two objects where one is right: budgets of disruptions over the same pods, and what makes the same Secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.systems.kubernetes.objects import LabelSelector, Pod
from clusterprobe.systems.kubernetes.workloads import daemon_set_of, workload_of

BUDGETS = "poddisruptionbudgets.policy"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Running pods of one workload that several budgets select."""

    workload: Subject
    budgets: tuple[Subject, ...]
    pods: tuple[str, ...]


def crowds(kinds: Iterable[CustomKind], pods: Readings[Pod]) -> list[Crowd]:
    """The pods that cannot be evicted for that, by their workload. What does not run is evicted without asking a budget."""
    budgets: dict[str, list[tuple[Subject, LabelSelector]]] = defaultdict(list)
    for kind in kinds:
        for one in kind.objects if kind.resource == BUDGETS else []:
            if one.selects is not None and not one.deleted:
                budgets[one.namespace].append((kind.subject_of(one), one.selects))
    several = {place: those for place, those in budgets.items() if len(those) > 1}
    found: dict[tuple[Subject, tuple[Subject, ...]], list[str]] = defaultdict(list)
    for pod in pods.items:
        there = several.get(pod.metadata.namespace)
        if there is None or pod.status.phase != "Running" or pod.metadata.deletion_timestamp:
            continue
        own = tuple(subject for subject, selector in there if selector.matches(pod.metadata.labels))
        if len(own) > 1:
            found[workload_of(pod), own].append(pod.metadata.name)
    return [Crowd(workload, own, tuple(sorted(names))) for (workload, own), names in found.items()]


@dataclass(frozen=True, slots=True)
class Kept:
    """A pod that no drain gets off its node: the budget asks for all that there are of its kind."""

    pod: Pod
    budget: Subject


def kept_pods(kinds: Iterable[CustomKind], pods: Iterable[Pod]) -> list[Kept]:
    """Those of these pods that may never be evicted, each with a budget that says so. A drain leaves pods of DaemonSets where they are."""
    budgets = [(kind.subject_of(one), one.selects) for kind in kinds if kind.resource == BUDGETS for one in kind.objects if one.used_up]
    found = []
    for pod in pods:
        if pod.status.phase != "Running" or pod.metadata.deletion_timestamp or daemon_set_of(pod):
            continue
        for subject, selector in budgets:
            if selector is not None and subject.namespace == pod.metadata.namespace and selector.matches(pod.metadata.labels):
                found.append(Kept(pod, subject))
                break
    return found


@dataclass(frozen=True, slots=True)
class SameSecret:
    """A Secret that several objects make."""

    namespace: str
    name: str
    makers: tuple[Subject, ...]


def same_secrets(kinds: Iterable[CustomKind]) -> list[SameSecret]:
    """The Secrets that more than one object makes. What only adds keys to one that is there makes none."""
    found: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    for kind in kinds:
        for one in kind.objects:
            if one.secret_name and not one.adds_to_secret and not one.deleted:
                found[one.namespace, one.secret_name].append(kind.subject_of(one))
    return [SameSecret(*place, tuple(sorted(makers, key=str))) for place, makers in found.items() if len(makers) > 1]
