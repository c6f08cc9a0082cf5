"""What runs here: each system that was found, where, and what may be said of one that no probe judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import System
from clusterprobe.model import Subject
from clusterprobe.profile import NotJudged, Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.flavours import flavours
from clusterprobe.systems.inventory.images import matches, version
from clusterprobe.systems.inventory.recognition import SystemPod, recognise
from clusterprobe.systems.kubernetes.objects import Metadata, Pod, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.words import listed

CONDITIONS = "objects/conditions"
"""The probe that judges what objects of custom resources say of themselves."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One system that was found: its pods by namespace and name, the parts and workloads that they are, and what each was seen by.

    `flavours` are who made and manages it, `versions` what the tags of its images say, the most of them first; `disputed` is a sign that
    speaks for another system.
    """

    system: System
    namespace: str
    name: str
    pods: tuple[Subject, ...]
    workloads: tuple[Subject, ...]
    parts: tuple[str, ...] = ()
    seen: str = ""
    flavours: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    disputed: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(kind=self.system.name, namespace=self.namespace, name=self.name)

    @property
    def only_operates(self) -> bool:
        """Whether it only makes others of its kind."""
        return bool(self.parts) and not self.system.judged and all("operator" in part for part in self.parts)

    @property
    def unjudged(self) -> str:
        """That it runs here and nothing judges it, or that it has no pod, with the way to settle that."""
        accept = f"accept that in the profile: `not_judged: [{self.system.key}]`"
        if not self.pods:
            return f"it has no pod: {listed([str(one) for one in self.workloads], 3)} is scaled to 0; if that is meant so, {accept}"
        parts = f" ({listed(self.parts, 4)})" if self.parts else ""
        does = f", which {self.system.does}" if self.system.does else ""
        nobody = f"no probe judges {self.system.name}{does}"
        if self.system.groups:
            nobody = f"none of its objects was judged, by whose conditions alone {self.system.name} is"
        return f"it runs here{parts}, and {nobody}; if something else watches it, {accept}"


@source()
def installations(
    system_pods: Readings[SystemPod], deployments: Readings[Workload], stateful_sets: Readings[Workload], profile: Profile
) -> Readings[Installation]:
    """Each system that is recognised, once for each of its installations, judged or not; one that is scaled to 0 has no pods."""
    found = gathered(system_pods)
    made = {_place(subject): one.metadata for subject, one in [*deployments, *stateful_sets]}
    for key, own in _by_installation(system_pods).items():
        if key in found:
            found[key] = _described(found[key], own, made)
    for subject, one in [*deployments, *stateful_sets]:
        idle = _idle(subject, one, profile)
        if idle is not None and not any(subject in each.workloads for each in found.values()):
            key = (idle.system.key, idle.namespace, idle.name)
            there = found.get(key, idle)
            found[key] = replace(there, workloads=tuple(dict.fromkeys([*there.workloads, subject])))
    values = tuple((one.subject, one) for _, one in sorted(found.items()))
    blind = (*system_pods.unreadable, *deployments.unreadable, *stateful_sets.unreadable)
    return Readings(values, blind, system_pods.why_none("no pod that is there to stay runs a system that is known"))


def _place(one: Subject) -> Key:
    return one.kind, one.namespace, one.name


Key = tuple[str, str, str]
Pods = list[tuple[Subject, SystemPod]]


def _by_installation(pods: Readings[SystemPod]) -> dict[Key, Pods]:
    """The pods that are there to stay, by their system's key, their namespace and the installation's name."""
    found: dict[Key, Pods] = {}
    for subject, one in pods:
        if one.pod.status.phase not in ("Succeeded", "Failed"):
            found.setdefault((one.key, subject.namespace, one.name), []).append((subject, one))
    return found


def _of_pods(pods: Pods) -> Installation:
    subject, first = pods[0]
    return Installation(
        first.system,
        subject.namespace,
        first.name,
        tuple(one for one, _ in pods),
        tuple(dict.fromkeys(workload_of(one.pod) for _, one in pods)),
        tuple(sorted({one.part for _, one in pods} - {""})),
        first.seen,
    )


def _described(one: Installation, pods: Pods, made: Mapping[Key, Metadata]) -> Installation:
    """The same with its flavours, versions, and what speaks for another system; `made` are the workloads that were read."""
    tags = Counter(version(pod.main.image) for _, pod in pods if pod.main and _is_named_after(pod.main.image, one.system))
    # Of each workload one pod is enough: its pods have the labels of one template.
    templates = {workload_of(pod.pod): pod.pod.metadata for _, pod in pods}
    workloads = [made[_place(each)] for each in one.workloads if _place(each) in made]
    return replace(
        one,
        flavours=flavours(one.namespace, [*workloads, *templates.values()]),
        versions=tuple(tag for tag, _ in tags.most_common() if tag),
        disputed=next((pod.disputed for _, pod in pods if pod.disputed), ""),
    )


def _is_named_after(image: str, system: System) -> bool:
    """Whether an image is called as the system is, so that its tag is the system's version; that of somebody's own image is not."""
    return any(matches(image, name) for name in (system.key, *system.signs.images))


def gathered(pods: Readings[SystemPod]) -> dict[Key, Installation]:
    """The installations that have pods, by the system's key, namespace and name."""
    found = {key: _of_pods(own) for key, own in _by_installation(pods).items()}
    whole = {one.system for one in found.values() if not one.only_operates}
    return {key: one for key, one in found.items() if not (one.only_operates and one.system in whole)}


def _idle(subject: Subject, one: Workload, profile: Profile) -> Installation | None:
    """What a workload without pods would run; none for one that an operator made, which its custom resource speaks for."""
    if one.wanted or one.status.replicas or any(each.controller for each in one.metadata.owner_references):
        return None
    found = recognise(Pod(one.metadata, one.spec.template.spec), profile)
    return Installation(found.system, subject.namespace, found.name, (), (subject,), (), found.seen) if found else None


def standing_in(system: System, pods: Readings[SystemPod], profile: Profile) -> list[tuple[Installation, NotJudged | None]]:
    """What does the work of a judged system here, each with the profile's entry that accepts it unjudged."""
    there = gathered(pods).values()
    return [(one, profile.accepts(one.system.key, one.namespace)) for one in there if one.system.stands_for == system.key]


def with_stand_ins(system: System, found: Readings[Server], pods: Readings[SystemPod], profile: Profile) -> tuple[list[Installation], str]:
    """Where a system is not there: what stands in for it and is not accepted, and what proves that there is nothing to judge."""
    if found.values or found.unreadable:
        return [], found.absent
    others = standing_in(system, pods, profile)
    open_ones = [one for one, accepted in others if accepted is None]
    names = listed([f"{one.subject}" for one, accepted in others if accepted is not None], 3)
    return open_ones, f"{found.absent}; {names} runs here, and the profile accepts that it is not judged" if names else found.absent
