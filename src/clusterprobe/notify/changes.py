"""What changed since somebody was told: plain data, without any sending."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from clusterprobe.alert_path import PATH
from clusterprobe.fingerprints import fingerprints, key_of, name_of
from clusterprobe.history import was_seen
from clusterprobe.model import Finding, ProbeResult, RunResult, RunVerdict, Severity
from clusterprobe.profile import Notify
from clusterprobe.references import RefKind

SILENCES = "alertmanager/silences"
BLIND = "run"  # stands among the fingerprints for the run itself, which could not check everything


class Told(msgspec.Struct, frozen=True):
    """A finding of which somebody was told: the times are UTC, RFC 3339; `breaks` as in the finding."""

    severity: Severity
    probe: str
    code: str
    subject: str
    environment: str
    problem: str
    since: str
    breaks: list[str] = []


@dataclass(frozen=True)
class Change:
    """A finding that is there now, with its fingerprint; `before` is how it was told."""

    fingerprint: str
    probe: ProbeResult
    finding: Finding
    since: str
    before: Told | None = None

    @property
    def was(self) -> Severity | None:
        return self.before.severity if self.before else None


@dataclass(frozen=True)
class Changes:
    """What a channel is to be told. `open` is all that is wrong now, told or not; `blind`: this run is incomplete, the last was not."""

    new: list[Change] = field(default_factory=list)
    worse: list[Change] = field(default_factory=list)
    resolved: dict[str, Told] = field(default_factory=dict)
    open: list[Change] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    blind: str = ""

    def __bool__(self) -> bool:
        return bool(self.new or self.worse or self.resolved or self.blind)


def changes(told: dict[str, Told], result: RunResult, wanted: Notify) -> Changes:
    """What changed since these findings were told, worst first, of the kinds and from the severity on that are wanted.

    A finding is resolved only if its probe could look at everything today; one that is accepted by now is neither open nor resolved.
    """
    level = Severity(wanted.level)
    names = fingerprints(result)
    today = {}
    for probe in result.probes:
        for number, finding in enumerate(probe.findings):
            if finding.severity.at_least(level):
                key = names[probe.id, number]
                before = told.get(key)
                today[key] = Change(key, probe, finding, before.since if before else result.run.started, before)
    today = dict(sorted(today.items(), key=lambda one: -one[1].finding.severity.rank))
    accepted = {name_of(key_of(probe.id, finding)) for probe in result.probes for finding in probe.known}
    gone = {key: one for key, one in told.items() if key not in today and key != BLIND}
    resolved = {key: one for key, one in gone.items() if key not in accepted and was_seen(one.probe, result)}
    incomplete = result.verdict in (RunVerdict.INCOMPLETE, RunVerdict.BROKEN)
    return Changes(
        new=[one for one in today.values() if one.was is None] if "new" in wanted.when else [],
        worse=[one for one in today.values() if one.was and one.finding.severity.rank > one.was.rank] if "worse" in wanted.when else [],
        resolved=resolved if "resolved" in wanted.when else {},
        open=list(today.values()),
        dropped=(*resolved, *(key for key in gone if key in accepted), *(() if incomplete else (BLIND,))),
        blind=str(result.verdict) if incomplete and BLIND not in told and "incomplete" in wanted.when else "",
    )


def told_after(told: dict[str, Told], found: Changes) -> dict[str, Told]:
    """What a channel knows once it was told: what it knew, without what is over, and all that is wrong now."""
    kept = {key: one for key, one in told.items() if key not in found.dropped}
    now = {one.fingerprint: _told(one) for one in found.open}
    blind = {BLIND: Told(Severity.WARNING, "", "", "", "", found.blind, "")} if found.blind else {}
    return {**kept, **now, **blind}


def _told(one: Change) -> Told:
    finding = one.finding
    return Told(
        severity=finding.severity,
        probe=one.probe.id,
        code=finding.reason,
        subject=str(finding.subject),
        environment=finding.subject.environment,
        problem=finding.problem,
        since=one.since,
        breaks=[each for each in finding.breaks if _of_alerting(each)],
    )


def alert_path_broken(found: Changes) -> bool:
    """Whether alerts of some Alertmanager reach nobody, or did not until now: then nobody would hear of that by alerts."""
    open_ = [(one.probe.id, one.finding.severity, one.finding.breaks) for one in found.open]
    return any(_breaks_it(*one) for one in (*open_, *((one.probe, one.severity, one.breaks) for one in found.resolved.values())))


def _breaks_it(probe: str, severity: Severity, breaks: list[str]) -> bool:
    """By what the finding breaks, or as what the last hops of an alert stand or fall with; a silence hides what gets past both."""
    if severity.at_least(Severity.ERROR) and (probe == SILENCES or any(hop.is_vital(probe) for hop in PATH[-2:])):
        return True
    return severity.at_least(Severity.WARNING) and any(map(_of_alerting, breaks))


def _of_alerting(reference: str) -> bool:
    return reference.split("/", maxsplit=1)[0] in (RefKind.ALERTS, RefKind.ALERTMANAGER, RefKind.ALERTMANAGER_CONFIGURATION)
