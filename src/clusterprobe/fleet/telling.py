"""Tells people what changed over many clusters: each finding once for all clusters of an environment, by what tells of a single one.

What was told, and on which clusters each probe had found something by then, is kept in the store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from clusterprobe import __version__, notify
from clusterprobe.access.deadline import Deadline
from clusterprobe.decoding import from_json
from clusterprobe.errors import UsageError
from clusterprobe.fleet.overview import Member, Overview, reporting, verdict_of
from clusterprobe.fleet.records import Record, State
from clusterprobe.fleet.spreads import Spread, spreads
from clusterprobe.fleet.store import Store
from clusterprobe.fleet.targets import Target
from clusterprobe.model import SCHEMA, Cluster, Finding, ProbeResult, ProbeVerdict, Run, RunResult, Severity, Subject, Unchecked
from clusterprobe.notify.state import FILE as TOLD
from clusterprobe.profile import Notify
from clusterprobe.words import listed

WHERE = "where.json"
SILENT_PROBE, SILENT_CODE = "fleet/reported", "ClusterDidNotReport"
NAMED = 5  # clusters in a sentence


class Where(msgspec.Struct):
    """By probe, the clusters that had something of it, and were not looked at in whole since."""

    clusters: dict[str, list[str]] = {}


def tell(
    over: Overview, records: Sequence[Record], store: Store, wanted: Notify, environ: Mapping[str, str], stamp: str, limit: Deadline
) -> list[str]:
    """Send what changed since each channel was last told, a message for each environment; what could not be sent, as sentences.

    `stamp` is the moment of the answer (UTC, RFC 3339). Where it cannot be read what was told, nobody is: all would be told again.
    """
    troubles: list[str] = []
    for group in sorted({one.group for one in over.members} | ({""} if over.silent else set())):
        place = f"fleet/{Target(group).slug if group else 'all'}"
        try:
            result, then = answer(over, records, group, _where(store, f"{place}/{WHERE}", limit), store.url, stamp)
            troubles += _tell(result, then, store, place, wanted, environ, limit)
        except UsageError as error:
            troubles.append(f"nobody was told: {error}")
    return troubles


def _tell(
    result: RunResult, then: Where, store: Store, place: str, wanted: Notify, environ: Mapping[str, str], limit: Deadline
) -> Iterator[str]:
    before = store.read(f"{place}/{TOLD}", limit)
    with tempfile.TemporaryDirectory(prefix="clusterprobe-") as made:
        last, this = Path(made) / "last", Path(made) / "this"
        last.mkdir()
        this.mkdir()
        if before is not None:
            (last / TOLD).write_bytes(before)
        # First what a later "resolved" rests on: were it lost, something might be called resolved that nobody looked at.
        if why := store.write(f"{place}/{WHERE}", msgspec.json.encode(then), limit):
            raise UsageError(f"{store.url}: {why}")
        yield from notify.tell(result, this, this, wanted, environ, limit)
        if (this / TOLD).exists() and (why := store.write(f"{place}/{TOLD}", (this / TOLD).read_bytes(), limit)):
            yield f"what was told could not be kept, so it will be told again: {store.url}: {why}"


def _where(store: Store, key: str, limit: Deadline) -> Where:
    content = store.read(key, limit)
    if content is None:
        return Where()
    try:
        return from_json(content, Where)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UsageError(f"{store.url}: {key} is not of this version") from None


def answer(over: Overview, records: Sequence[Record], group: str, where: Where, url: str, stamp: str) -> tuple[RunResult, Where]:
    """An environment's clusters as one run of one cluster, in which each kind of finding is one; and what has been found where by then.

    A probe counts as one that looked at everything if it did on every cluster that had something of it.
    """
    members = [one for one in over.members if one.group == group]
    titles = {one.uid: one.title for one in members}
    current = {uid: one for uid, one in reporting(records, members).items() if uid in titles}
    unseen = {probe: {uid for uid in uids if not _seen(current, uid, probe)} for probe, uids in where.clusters.items()}
    spread = spreads(current, list(titles))
    found = {SILENT_PROBE: [_did_not_report(name, group) for name in _silent(over, members, group)]}
    for one in spread:
        found.setdefault(one.probe, []).append(_finding(one, group, titles, url))
    probes = sorted({*found, *unseen, *(probe for one in current.values() for probe in one.probes)})
    result = RunResult(
        schema=SCHEMA,
        run=Run(id=f"fleet-{stamp}", started=stamp, finished=stamp, tool_version=__version__, profile="", fail_on="error"),
        cluster=Cluster(context=f"fleet {group}".strip(), uid=f"fleet/{url}/{group}"),
        verdict=verdict_of(one for one in members if one.reported),  # those that did not are findings
        probes=[_probe(probe, found.get(probe, []), [titles.get(uid, uid) for uid in unseen.get(probe, ())]) for probe in probes],
    )
    then = {probe: set(uids) for probe, uids in unseen.items()}
    for one in spread:
        then.setdefault(one.probe, set()).update(one.clusters)
    return result, Where({probe: sorted(uids) for probe, uids in sorted(then.items()) if uids})


def _probe(probe: str, found: list[Finding], unseen: list[str]) -> ProbeResult:
    """A probe over all clusters, of which those that are named had something, and were not looked at in whole since."""
    unchecked = [Unchecked(subject=Subject(kind="Cluster", name=name), reason="it was not looked at in whole") for name in unseen]
    verdict = ProbeVerdict.FINDINGS if found else ProbeVerdict.PASS
    return ProbeResult(id=probe, question="", verdict=verdict, examined=1, findings=found, unchecked=unchecked)


def _silent(over: Overview, members: list[Member], group: str) -> list[str]:
    """Those that did not report; of one that never has, the environment is not known."""
    return [one.title for one in members if not one.reported] + ([] if group else over.silent)


def _seen(current: Mapping[str, Record], uid: str, probe: str) -> bool:
    """Whether a cluster's probe looked at everything, so that what it does not have any more is gone."""
    return uid in current and current[uid].says(probe) in (State.CLEAR, State.NOT_APPLICABLE)


def _finding(one: Spread, group: str, titles: Mapping[str, str], url: str) -> Finding:
    first = next(iter(one.clusters))
    return Finding(
        reason=one.code,
        severity=one.severity,
        subject=Subject(kind="Fleet", name=group or "all", environment=group),
        problem=f"On {listed([titles[uid] for uid in one.clusters], NAMED)}: {one.problem}",
        cause=one.cause,
        fix=f"Every step is in the report of {titles[first]}: the newest run below {url}/cluster={first}",
        prevention="",
    )


def _did_not_report(name: str, group: str) -> Finding:
    return Finding(
        reason=SILENT_CODE,
        severity=Severity.ERROR,
        subject=Subject(kind="Cluster", name=name, environment=group),
        problem=f"{name} did not report: what it has is not known.",
        cause="",
        fix="",
        prevention="",
    )
