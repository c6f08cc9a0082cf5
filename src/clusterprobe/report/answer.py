"""The answer of a run in words. Every sink takes its sentence and its counts from here."""

from __future__ import annotations

from collections import Counter

from clusterprobe.correlation import cases
from clusterprobe.model import Accepted, Finding, Place, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject
from clusterprobe.outcome import is_refused
from clusterprobe.report.prose import headline
from clusterprobe.times import day, epoch
from clusterprobe.words import number, of_severity, visible_line

VERDICT_NAMES = {
    ProbeVerdict.FINDINGS: "findings",
    ProbeVerdict.BROKEN: "broken",
    ProbeVerdict.INCONCLUSIVE: "could not check",
    ProbeVerdict.KNOWN: "accepted",
    ProbeVerdict.PASS: "pass",
    ProbeVerdict.NOT_APPLICABLE: "not applicable",
}

COUNTED = {**VERDICT_NAMES, ProbeVerdict.FINDINGS: "with findings", ProbeVerdict.PASS: "passed"}

OPENINGS = {
    RunVerdict.HEALTHY: "Healthy",
    RunVerdict.FINDINGS: "Not healthy",
    RunVerdict.INCOMPLETE: "Incomplete",
    RunVerdict.BROKEN: "No reliable answer",
}

MOST_NAMED = 5  # probes that did not run
MOST_ASKED = 5  # probes that are asked again by their names, else by their areas


def severity_counts(result: RunResult) -> dict[Severity, int]:
    """How many findings of each severity, worst first; severities without any are left out."""
    counts = Counter(finding.severity for _, finding in result.findings())
    return {severity: counts[severity] for severity in reversed(Severity) if counts[severity]}


def verdict_counts(result: RunResult) -> dict[ProbeVerdict, int]:
    """How many probes came to each verdict, in the order of `VERDICT_NAMES`; without the ones that none came to."""
    counts = Counter(probe.verdict for probe in result.probes)
    return {verdict: counts[verdict] for verdict in VERDICT_NAMES if counts[verdict]}


def unchecked(result: RunResult) -> dict[str, list[tuple[Subject, list[str]]]]:
    """What could not be checked as (subject, ids of the probes that wanted it), by reason, the most frequent reason first."""
    groups: dict[str, dict[Subject, list[str]]] = {}
    for probe in result.probes:
        for one in probe.unchecked:
            groups.setdefault(one.reason, {}).setdefault(one.subject, []).append(probe.id)
    return {reason: list(things.items()) for reason, things in sorted(groups.items(), key=lambda item: -len(item[1]))}


def unable(result: RunResult) -> list[ProbeResult]:
    """The probes whose own reason is all there is: broken ones first, then those that name no single thing."""
    silent = (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    found = [one for one in result.probes if one.verdict in silent and (not one.unchecked or one.verdict is ProbeVerdict.BROKEN)]
    return sorted(found, key=lambda one: one.verdict is not ProbeVerdict.BROKEN)


def permission_advice(result: RunResult) -> str:
    """How to get the permissions that were missing; empty if none was."""
    if not any(map(is_refused, unchecked(result))):
        return ""
    route = "in-cluster" if result.cluster.route == "in-cluster" else "proxy"
    return f"`clusterprobe rbac --route {route}` prints the minimal role that the probes need."


def first_finding(result: RunResult) -> Finding | None:
    """The finding to look at first, which is a cause and no effect; none where something else comes first, or all are notes."""
    found = cases(result)
    if not found or result.verdict in (RunVerdict.INCOMPLETE, RunVerdict.BROKEN):
        return None
    worst = found[0]
    return worst.finding if result.verdict is RunVerdict.FINDINGS or worst.severity.at_least(Severity.WARNING) else None


def opening(result: RunResult) -> str:
    """The answer in a few words: healthy or not."""
    return OPENINGS[result.verdict]


def tally(result: RunResult) -> str:
    """What the answer rests on, as the end of a sentence."""
    seen = [count_of(severity, count) for severity, count in severity_counts(result).items()]
    follow = len(result.explained)
    following = f", {follow} of them {'a consequence' if follow == 1 else 'consequences'} of another finding" if follow else ""
    unseen = _blind_parts(result)
    if not result.probes and not unseen:
        unseen.append("no probe ran")
    if result.run.interrupted:
        unseen.append("the run was interrupted")
    return "; ".join(one for one in (_joined(seen) + following, _joined(unseen)) if one) or passed(result)


def _blind_parts(result: RunResult) -> list[str]:
    verdicts = [probe.verdict for probe in unable(result)]
    counts = [
        (verdicts.count(ProbeVerdict.BROKEN), "probe", "broke"),
        (result.unchecked_count(), "thing", "could not be checked"),
        (verdicts.count(ProbeVerdict.INCONCLUSIVE), "probe", "could not check anything"),
        (len(result.run.unrecorded), "probe", "did not run, because the bundle does not record what it reads"),
    ]
    return [f"{number(count, noun)} {what}" for count, noun, what in counts if count]


def count_of(severity: Severity, count: int) -> str:
    """`3 errors`, `1 critical finding`."""
    return number(count, "critical finding") if severity is Severity.CRITICAL else of_severity(count, severity)


def passed(result: RunResult) -> str:
    """How many probes passed and how many had nothing to look at."""
    verdicts = verdict_counts(result)
    text = f"{number(verdicts.get(ProbeVerdict.PASS, 0), 'probe')} passed"
    absent = verdicts.get(ProbeVerdict.NOT_APPLICABLE, 0)
    return f"{text}, {absent} not applicable" if absent else text


def counted(result: RunResult) -> str:
    """How many probes there were, and how many came to each verdict."""
    counts = [f"{count} {COUNTED[verdict]}" for verdict, count in verdict_counts(result).items()]
    return f"{number(len(result.probes), 'probe')}: {', '.join(counts) or 'none ran'}"


def whose_commands(result: RunResult) -> str:
    """For which cluster the printed commands are, since kubectl sends them wherever its context points; empty where there is none."""
    cluster = result.cluster
    if not any(step.commands for _, finding in result.findings() for step in finding.steps):
        return ""
    inside = cluster.route == "in-cluster" or not cluster.context
    whose = f"the cluster {cluster.name or cluster.server or 'of this run'}" if inside else f"the context {cluster.context}"
    return f"The commands are for {whose}: `kubectl config current-context` shows where yours go."


def asked_again(result: RunResult, probe: str = "") -> str:
    """How to see that a repair helped, without a whole run: of one probe, or of all that found trouble; empty for a recording."""
    ids = [probe] if probe else sorted({one.id for one, finding in result.findings() if finding.severity is not Severity.INFO})
    if not ids or result.run.bundle:
        return ""
    if len(ids) > MOST_ASKED:
        ids = sorted({one.partition("/")[0] for one in ids})
    return f"To see that a repair has helped, run the same with `--select {','.join(ids)}`."


def since(result: RunResult) -> str:
    """How the findings compare with those of the last run, in a sentence; empty where there is none to compare with."""
    then = result.since
    if then is None:
        return ""
    resolved = sum(one.state == "resolved" for one in then.gone)
    parts = [f"{len(then.new)} new", *([f"{len(then.worse)} worse"] if then.worse else []), f"{len(then.persisting)} persisting"]
    unseen = len(then.gone) - resolved
    parts += [
        f"{resolved} resolved",
        *([f"{unseen} not seen again, as their probes did not run, or could not check everything"] if unseen else []),
    ]
    return visible_line(f"Since the run of {then.finished}: {', '.join(parts)}.")


def ages(result: RunResult) -> dict[Place, str]:
    """`new`, `worse` or `persisting` for each finding since the last run; empty if there is none to compare with."""
    then = result.since
    if then is None:
        return {}
    groups = (("persisting", then.persisting), ("worse", then.worse), ("new", then.new))
    return {(probe, place): age for age, places in groups for probe, place in places}


def remembered(result: RunResult, fingerprint: str) -> str:
    """Since when a finding has been there, and how often it came back; empty if no earlier run knows of it.

    `there since 2026-06-10 12:00 UTC, in 12 runs, came back 2 times`
    """
    known = result.remembered.get(fingerprint)
    since = epoch(known.first) if known else None
    if known is None or since is None or known.runs < 2:
        return ""
    back = f", came back {number(known.returned, 'time')}" if known.returned else ""
    return f"there since {day(since)}, in {number(known.runs, 'run')}{back}"


def acceptance(entry: Accepted) -> str:
    """Why findings are accepted, by whom, and until when."""
    by = f"by the annotation of {entry.by}" if entry.by else ""
    more = ", ".join(one for one in (*_about(entry), by) if one)
    return f"{entry.why or 'no reason is given'} ({more})" if more else entry.why


def _about(entry: Accepted) -> tuple[str, ...]:
    return entry.owner, entry.ticket, f"until {entry.until}" if entry.until else ""


def acceptances(result: RunResult) -> list[str]:
    """What there is to say of what accepts findings: what ends soon or has ended, matches nothing, or is not allowed to."""
    return [f"{_accepting(one)} {one.note}" for one in result.accepted if one.note]


def _accepting(one: Accepted) -> str:
    if not one.by:
        return f"the accepted {one.probe} {one.code} {one.subject} ({acceptance(one)})"
    said = ", ".join(each for each in (one.why, *_about(one)) if each)
    return f"the annotation of {one.by} that accepts {one.code}{f' ({said})' if said else ''}"


def first_step(result: RunResult) -> str:
    """What to do first; empty when there is nothing to do."""
    finding = first_finding(result)
    if finding is not None:
        return headline(finding.problem)
    alone = unable(result)
    if alone and alone[0].verdict is ProbeVerdict.BROKEN:
        return f"{alone[0].id} broke, which is a fault of the probe, not of the cluster: {headline(alone[0].reason)}"
    if groups := unchecked(result):
        reason, [(subject, _), *others] = next(iter(groups.items()))
        return f"{subject}{f' and {len(others)} more' if others else ''} could not be checked: {headline(reason)}"
    return f"{alone[0].id}: {headline(alone[0].reason)}" if alone else ""


def looked_at(result: RunResult) -> str:
    """What was looked at, and what runs here and was not, each system with how many of it; empty where the run did not ask."""
    parts = (
        ("Looked at", "looked at"),
        ("Looked at by the conditions of their objects only", "objects looked at"),
        ("Runs here, not looked at", "not looked at"),
        ("Runs here, accepted as not judged by the profile", "accepted"),
    )
    said = [f"{opening}: {names}" for opening, state in parts if (names := _counted(result, state))]
    return "; ".join([*said[:1], *(one[:1].lower() + one[1:] for one in said[1:])]) + "." if said else ""


def _counted(result: RunResult, state: str) -> str:
    counts = Counter(one.subject.kind for one in result.inventory if one.state == state)
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in sorted(counts.items()))


def unrecorded(result: RunResult) -> str:
    """Which probes of a replay did not run, and what would let them; empty if all did."""
    missing = result.run.unrecorded
    names = [f"{probe} ({', '.join(sources)})" for probe, sources in list(missing.items())[:MOST_NAMED]]
    more = [f"{len(missing) - MOST_NAMED} more"] if len(missing) > MOST_NAMED else []
    again = "`clusterprobe capture` records what the probes read today."
    return f"Did not run, because the bundle does not hold what they read: {_joined([*names, *more])}. {again}" if missing else ""


def _joined(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
