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
    heads: dict[Place, Place] = {}
    for one in by_place.values():
        passed, at = [], one.finding
        while at in by_place and at not in heads:  # each place once, however long the chains are
            passed.append(at)
            at = by_place[at].cause
        heads.update(dict.fromkeys(passed, heads.get(at, at)))
        found.setdefault(heads[one.finding], []).append(one)
    return found


def misfit(result: RunResult) -> str:
    """Why a result that was kept is none that a run can have: it tells of findings that are not in it, or in a circle; else empty."""
    there = {(probe.id, number) for probe in result.probes for number, _ in enumerate(probe.findings)}
    accepted = {(probe.id, number) for probe in result.probes for number, _ in enumerate(probe.known)}
    since = [*result.since.new, *result.since.persisting, *result.since.worse] if result.since else []
    explained = [place for one in result.explained for place in (one.finding, one.cause)]
    if result.run.fail_on not in ("never", *Severity):
        return "its level of failing is none"
    if len({probe.id for probe in result.probes}) < len(result.probes):
        return "two of its probes have one id"
    if not {*since, *explained} <= there or not {place for one in result.accepted for place in one.findings} <= accepted:
        return "it tells of findings that it does not have"
    return "what explains its findings goes in a circle" if _circles({one.finding: one.cause for one in result.explained}) else ""


def _circles(causes: dict[Place, Place]) -> bool:
    done: set[Place] = set()
    for start in causes:
        passed, at = set(), start
        while at in causes and at not in done and at not in passed:
            passed.add(at)
            at = causes[at]
        if at in passed:
            return True
        done |= passed
    return False


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
