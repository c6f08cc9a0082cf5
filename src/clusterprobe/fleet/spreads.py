"""What was found, what is gone, and what differs, over the clusters: each by its probe and code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from clusterprobe.fleet.records import Gone, Record, Row, State
from clusterprobe.model import Severity


class Spread(msgspec.Struct):
    """What was found, over the clusters: by their UIDs how many objects, in whichever the worst severity; `first` is since when anywhere.

    Every other cluster is in one of the lists: `clear` are those whose probe looked at everything and found nothing, `unchecked` those
    of which it is not known, `silent` those that did not report.
    """

    probe: str
    code: str
    severity: Severity
    problem: str
    cause: str
    first: str
    clusters: dict[str, int]
    clear: list[str] = []
    unchecked: list[str] = []
    not_applicable: list[str] = []
    silent: list[str] = []
    new: int = 0

    def state_of(self, uid: str) -> State:
        """What is said of it on a cluster."""
        if uid in self.clusters:
            return State.FOUND
        return next((state for state, uids in self.others().items() if uid in uids), State.SILENT)

    def others(self) -> dict[State, list[str]]:
        """The clusters where it was not found, by what is said of it there."""
        return {
            State.CLEAR: self.clear,
            State.UNCHECKED: self.unchecked,
            State.NOT_APPLICABLE: self.not_applicable,
            State.SILENT: self.silent,
        }


class Resolved(msgspec.Struct):
    """What is gone since the run before: by clusters' UIDs how many objects."""

    probe: str
    code: str
    severity: Severity
    problem: str
    clusters: dict[str, int]


class Drift(msgspec.Struct):
    """What some clusters of a group have, and others that looked have not."""

    group: str
    probe: str
    code: str
    found: list[str]
    clear: list[str]


def spreads(current: Mapping[str, Record], uids: list[str]) -> list[Spread]:
    """What the runs found, worst first: by the UIDs of those that reported; `uids` are all clusters."""
    rows: dict[tuple[str, str], list[tuple[str, Row]]] = {}
    for uid, one in current.items():
        for row in one.findings:
            rows.setdefault((row.probe, row.code), []).append((uid, row))
    found = [_spread(probe, code, each, current, uids) for (probe, code), each in rows.items()]
    return sorted(found, key=lambda one: (-one.severity.rank, -len(one.clusters), one.probe, one.code))


def _spread(probe: str, code: str, rows: list[tuple[str, Row]], current: Mapping[str, Record], uids: list[str]) -> Spread:
    worst = max((row for _, row in rows), key=lambda row: row.severity.rank)
    found = Spread(
        probe=probe,
        code=code,
        severity=worst.severity,
        problem=worst.problem,
        cause=worst.cause,
        first=min(row.first for _, row in rows),
        clusters=_counted(uid for uid, _ in rows),
        new=sum(row.new for _, row in rows),
    )
    others = found.others()
    for uid in uids:
        if uid not in found.clusters:
            others[current[uid].says(probe) if uid in current else State.SILENT].append(uid)
    return found


def resolved(current: Mapping[str, Record]) -> list[Resolved]:
    """What is gone since the run before of each cluster, worst first."""
    gone: dict[tuple[str, str], list[tuple[str, Gone]]] = {}
    for uid, one in current.items():
        for each in one.gone:
            gone.setdefault((each.probe, each.code), []).append((uid, each))
    found = []
    for (probe, code), some in gone.items():
        worst = max((each for _, each in some), key=lambda each: each.severity.rank)
        found.append(Resolved(probe, code, worst.severity, worst.problem, _counted(uid for uid, _ in some)))
    return sorted(found, key=lambda one: (-one.severity.rank, -len(one.clusters), one.probe, one.code))


def drift(findings: list[Spread], groups: Mapping[str, list[str]]) -> list[Drift]:
    """What differs within groups of clusters (by their UIDs) that are to be alike; notes aside."""
    return [
        Drift(group, one.probe, one.code, found, clear)
        for one in findings
        if one.severity.at_least(Severity.WARNING)
        for group, uids in groups.items()
        if (found := [uid for uid in uids if uid in one.clusters]) and (clear := [uid for uid in uids if uid in one.clear])
    ]


def _counted(uids: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for uid in uids:
        counts[uid] = counts.get(uid, 0) + 1
    return counts
