"""Which finding explains which: one dead NFS server is not nine findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from clusterprobe.model import Explained, Finding, Place, ProbeResult, RunResult, Severity
from clusterprobe.references import Ref


def explain(probes: Iterable[ProbeResult]) -> list[Explained]:
    """For each finding that rests on what another one breaks, the worst such other. Nothing explains itself, even in a circle.

    Several findings that break the very thing that they rest on have one cause: the worst of them, or the first, stands for it.
    A note (info) explains nothing: it would hide what is wrong behind what is not.
    """
    findings = {(probe.id, number): finding for probe in probes for number, finding in enumerate(probe.findings)}
    breakers: dict[str, list[Place]] = {}
    for place, finding in sorted(findings.items(), key=lambda item: (-item[1].severity.rank, item[0])):
        if finding.severity.at_least(Severity.WARNING):
            for broken in (*finding.breaks, str(Ref.to_finding(place))):
                breakers.setdefault(broken, []).append(place)
    found: dict[Place, Explained] = {}
    for place, finding in findings.items():
        one = _explanation(place, finding, breakers, found)
        if one is not None:
            found[place] = one
    return list(found.values())


def _explanation(place: Place, finding: Finding, breakers: dict[str, list[Place]], found: dict[Place, Explained]) -> Explained | None:
    for through in finding.rests_on:
        for cause in breakers.get(through, []):
            if cause == place:
                break  # it is the one that stands for the others
            if root_of(cause, found) != place:
                return Explained(finding=place, cause=cause, through=through)
    return None


def root_of(place: Place, explained: dict[Place, Explained]) -> Place:
    """The finding at the head of the chain that explains this one; itself if nothing does."""
    while place in explained:
        place = explained[place].cause
    return place


def effects(explained: Iterable[Explained]) -> dict[Place, list[Explained]]:
    """What each finding at the head of a chain explains, near and far, in the order of the findings."""
    by_place = {one.finding: one for one in explained}
    found: dict[Place, list[Explained]] = {}
    for one in by_place.values():
        found.setdefault(root_of(one.finding, by_place), []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class Effect:
    """A finding that another one explains, with the reference through which."""

    place: Place
    probe: ProbeResult
    finding: Finding
    through: str


@dataclass(frozen=True, slots=True)
class Case:
    """A finding that nothing explains, and what it explains."""

    place: Place
    probe: ProbeResult
    finding: Finding
    effects: tuple[Effect, ...] = ()

    def environments(self, production: Collection[str]) -> list[str]:
        """Its own environment, and those of production that what it explains belongs to, as they give it its place."""
        own = self.finding.subject.environment
        reached = (one.finding.subject.environment for one in self.effects)
        return list(dict.fromkeys([*([own] if own else []), *(one for one in reached if one in production)]))

    @property
    def severity(self) -> Severity:
        """That of the worst of them: a warning that leaves everybody without alerts comes first."""
        return max((self.finding.severity, *(one.finding.severity for one in self.effects)), key=lambda one: one.rank)


def cases(result: RunResult) -> list[Case]:
    """Every finding once, under the one that explains it, in the order of `RunResult.rank`: a case comes where the first of it would."""
    probes = {probe.id: probe for probe in result.probes}
    below, explained = effects(result.explained), {one.finding for one in result.explained}
    found = [
        Case((probe.id, number), probe, finding, tuple(_effect(one, probes) for one in below.get((probe.id, number), [])))
        for probe in result.probes
        for number, finding in enumerate(probe.findings)
        if (probe.id, number) not in explained
    ]
    return sorted(found, key=lambda one: min(map(result.rank, (one.finding, *(each.finding for each in one.effects)))))


def _effect(one: Explained, probes: dict[str, ProbeResult]) -> Effect:
    probe = probes[one.finding[0]]
    return Effect(one.finding, probe, probe.findings[one.finding[1]], one.through)
