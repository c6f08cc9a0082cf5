"""One answer over many clusters, from the newest runs of each: plain data for every output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from clusterprobe.exits import Exit
from clusterprobe.fleet.records import GROUP, Record, State
from clusterprobe.fleet.spreads import Drift, Resolved, Spread, drift, resolved, spreads
from clusterprobe.model import RunVerdict
from clusterprobe.times import epoch

ORDER = [State.SILENT, State.FOUND, State.UNCHECKED, State.CLEAR, State.NOT_APPLICABLE]  # of an area's probes, the one that is shown


class Member(msgspec.Struct):
    """A cluster. `areas` are its states; one that did not report has none but that. `age` is how old its newest run is, in seconds.

    `title` is its name, with a part of the UID where another has the same.
    """

    name: str
    title: str
    uid: str
    group: str
    run: str
    finished: str
    age: float
    reported: bool
    verdict: RunVerdict
    exit_status: int
    areas: dict[str, State]
    new: int = 0
    resolved: int = 0
    selected: list[str] = []


class Overview(msgspec.Struct):
    """The whole answer. `troubles` are runs that could not be read; `silent` the names that were expected, and never reported.

    `doubts` are names and UIDs that do not fit each other, so that a row may be another cluster's.
    """

    members: list[Member]
    areas: list[str]
    findings: list[Spread]
    resolved: list[Resolved]
    drift: list[Drift]
    silent: list[str]
    troubles: list[str]
    doubts: list[str]
    verdict: RunVerdict
    exit_status: int

    def counts(self, one: Spread) -> dict[State, int]:
        """Of how many clusters which state of a finding is said; those that were only expected did not report."""
        found = {State.FOUND: len(one.clusters), **{state: len(uids) for state, uids in one.others().items()}}
        found[State.SILENT] += len(self.silent)
        return found

    def reported(self) -> int:
        """How many clusters reported."""
        return sum(one.reported for one in self.members)

    def total(self) -> int:
        """How many clusters there are, those that never reported among them."""
        return len(self.members) + len(self.silent)


def overview(records: Iterable[Record], now: float, max_age: float, expected: Iterable[str] = (), troubles: Iterable[str] = ()) -> Overview:
    """The answer at a moment (epoch seconds), where a run that is older than `max_age` seconds is none. `expected` are names or UIDs."""
    records = sorted(records, key=lambda one: one.finished)
    newest = _newest(records)
    members = _titled(sorted((_member(one, now, max_age) for one in newest), key=lambda one: (one.reported, -_weight(one), one.name)))
    doubts = list(_doubts(records))
    known = {name for one in members for name in (one.name, one.uid)}
    silent, troubles = sorted({*expected} - known), list(troubles)
    current = reporting(records, members)
    findings = spreads(current, [one.uid for one in members])
    return Overview(
        members=members,
        areas=sorted({area for one in members for area in one.areas}),
        findings=findings,
        resolved=resolved(current),
        drift=drift(findings, _groups(members)),
        silent=silent,
        troubles=troubles,
        doubts=doubts,
        verdict=verdict_of(members, [*silent, *troubles, *doubts]),
        exit_status=_status(members, silent, troubles + doubts),
    )


def reporting(records: Iterable[Record], members: Iterable[Member]) -> dict[str, Record]:
    """The newest run of each cluster that reported, by its UID."""
    uids = {one.uid for one in members if one.reported}
    return {uid_of(one): one for one in sorted(records, key=lambda one: one.finished) if uid_of(one) in uids}


def uid_of(record: Record) -> str:
    """By what a cluster's rows are told from those of others."""
    cluster = record.cluster
    return cluster.uid or f"{cluster.server} {cluster.context}".strip()


def name_of(record: Record) -> str:
    """What a cluster is called."""
    cluster = record.cluster
    return cluster.name or cluster.context or cluster.server


def _newest(records: list[Record]) -> list[Record]:
    return list({uid_of(one): one for one in records}.values())


def _doubts(records: list[Record]) -> Iterator[str]:
    """Of runs in their order: the same name for two clusters, and two names for the same. Who gave none has said nothing."""
    uids: dict[str, dict[str, str]] = {}
    names: dict[str, dict[str, str]] = {}
    for one in (one for one in records if one.cluster.name):
        uids.setdefault(name_of(one), {})[uid_of(one)] = one.finished
        names.setdefault(uid_of(one), {})[name_of(one)] = one.finished
    for name, each in uids.items():
        if len(each) > 1:
            yield f"{name} is the name of {len(each)} clusters: {_dated(each)}; it was made anew, or a kubeconfig leads elsewhere"
    for uid, each in names.items():
        if len(each) > 1:
            yield f"the cluster {uid} has {len(each)} names: {_dated(each)}; it was renamed, or two kubeconfigs lead to one cluster"


def _dated(each: dict[str, str]) -> str:
    return ", ".join(f"{one} (last on {finished[:10]})" for one, finished in each.items())


def _titled(members: list[Member]) -> list[Member]:
    shared = Counter(one.name for one in members)
    for one in members:
        one.title = f"{one.name} ({one.uid[:8]})" if shared[one.name] > 1 else one.name
    return members


def _member(one: Record, now: float, max_age: float) -> Member:
    finished = epoch(one.finished)
    age = now - finished if finished is not None else max_age + 1
    reported = age <= max_age
    areas: dict[str, State] = {}
    for probe, state in one.probes.items() if reported else ():
        area = probe.split("/")[0]
        areas[area] = min(areas.get(area, state), state, key=ORDER.index)
    return Member(
        name=name_of(one),
        title=name_of(one),
        uid=uid_of(one),
        group=one.cluster.labels.get(GROUP, ""),
        run=one.run,
        finished=one.finished,
        age=age,
        reported=reported,
        verdict=one.verdict,
        exit_status=one.exit_status,
        areas=areas,
        new=sum(row.new for row in one.findings) if reported else 0,
        resolved=one.resolved if reported else 0,
        selected=one.selected,
    )


def _weight(member: Member) -> int:
    return sum(state is State.FOUND for state in member.areas.values())


def _groups(members: list[Member]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for one in members:
        if one.group and one.reported:
            groups.setdefault(one.group, []).append(one.uid)
    return groups


def verdict_of(members: Iterable[Member], missing: Iterable[str] = ()) -> RunVerdict:
    """The worst wins, as in one run; what is missing, or did not report, makes it incomplete, and so does no cluster at all."""
    members = list(members)
    verdicts = {one.verdict for one in members if one.reported}
    for worst in (RunVerdict.FINDINGS, RunVerdict.BROKEN):
        if worst in verdicts:
            return worst
    whole = verdicts == {RunVerdict.HEALTHY} and all(one.reported for one in members) and not [*missing]
    return RunVerdict.HEALTHY if whole else RunVerdict.INCOMPLETE


def _status(members: list[Member], silent: list[str], doubtful: list[str]) -> int:
    """By the statuses of the runs, which their `--fail-on` decides: findings first.

    A cluster that did not report, or could not see everything, makes it incomplete.
    """
    statuses = {one.exit_status for one in members if one.reported}
    if not members and not silent:
        return Exit.NOTHING_SELECTED
    if Exit.FINDINGS in statuses:
        return Exit.FINDINGS
    if Exit.BROKEN in statuses:
        return Exit.BROKEN
    incomplete = silent or doubtful or any(not one.reported for one in members) or statuses - {Exit.HEALTHY}
    return Exit.INCOMPLETE if incomplete else Exit.HEALTHY
