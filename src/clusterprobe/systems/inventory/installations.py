"""What runs here: each system that was found, where, and what may be said of one that no probe judges."""

from __future__ import annotations

from dataclasses import dataclass, replace

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import System
from clusterprobe.model import Subject
from clusterprobe.profile import NotJudged, Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.words import listed

CONDITIONS = "objects/conditions"
"""The probe that judges what objects of custom resources say of themselves."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One system that was found: its pods by namespace and name, the parts and workloads that they are, and what each was seen by."""

    system: System
    namespace: str
    name: str
    pods: tuple[Subject, ...]
    workloads: tuple[Subject, ...]
    parts: tuple[str, ...] = ()
    seen: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(kind=self.system.name, namespace=self.namespace, name=self.name)

    @property
    def unjudged(self) -> str:
        """That it runs here and nothing judges it, with the way to settle that."""
        parts = f" ({listed(self.parts, 4)})" if self.parts else ""
        does = f", and {self.system.does}" if self.system.does else ""
        return (
            f"it runs here{parts}{does}, but no probe judges it; if something else watches it, accept that in the profile: "
            f"`not_judged: [{self.system.key}]`"
        )


@source()
def installations(system_pods: Readings[SystemPod]) -> Readings[Installation]:
    """Each system that is recognised, once for each of its installations, whether a probe judges it or not."""
    found: dict[tuple[str, str, str], Installation] = {}
    for subject, one in system_pods:
        if one.pod.status.phase in ("Succeeded", "Failed"):
            continue
        key = (one.key, subject.namespace, one.name)
        before = found.get(key) or Installation(one.system, subject.namespace, one.name, (), (), (), one.seen)
        workload = workload_of(one.pod)
        found[key] = replace(
            before,
            pods=(*before.pods, subject),
            workloads=before.workloads if workload in before.workloads else (*before.workloads, workload),
            parts=tuple(sorted({*before.parts, one.part} - {""})),
        )
    values = tuple((one.subject, one) for _, one in sorted(found.items()))
    return Readings(values, system_pods.unreadable, system_pods.why_none("no pod that is there to stay runs a system that is known"))


def standing_in(system: System, pods: Readings[SystemPod], profile: Profile) -> list[tuple[Installation, NotJudged | None]]:
    """What does the work of a judged system here, each with the profile's entry that accepts it unjudged."""
    there = installations(pods).items
    return [(one, profile.accepts(one.system.key, one.namespace)) for one in there if one.system.stands_for == system.key]


def with_stand_ins(system: System, found: Readings[Server], pods: Readings[SystemPod], profile: Profile) -> tuple[list[Installation], str]:
    """Where a system is not there: what stands in for it and is not accepted, and what proves that there is nothing to judge."""
    if found.values or found.unreadable:
        return [], found.absent
    others = standing_in(system, pods, profile)
    open_ones = [one for one, accepted in others if accepted is None]
    names = listed([f"{one.subject}" for one, accepted in others if accepted is not None], 3)
    return open_ones, f"{found.absent}; {names} runs here, and the profile accepts that it is not judged" if names else found.absent
