"""From probes' results to a run's verdict and exit status: in one place, so that every output agrees."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from clusterprobe.exits import Exit
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity
from clusterprobe.profile import fail_level


def run_verdict(probes: Iterable[ProbeResult], fail_on: str, *, interrupted: bool = False, unrecorded: bool = False) -> RunVerdict:
    """The worst wins: findings at the level › broken › incomplete › lesser findings › healthy.

    A run in which nothing was examined is incomplete: nobody has seen anything healthy. So is a replay that left a probe out.
    """
    results = list(probes)
    if _worst(results, fail_level(fail_on)):
        return RunVerdict.FINDINGS
    verdicts = {one.verdict for one in results}
    if ProbeVerdict.BROKEN in verdicts:
        return RunVerdict.BROKEN
    examined = sum(one.examined for one in results)
    if interrupted or unrecorded or ProbeVerdict.INCONCLUSIVE in verdicts or not examined:
        return RunVerdict.INCOMPLETE
    return RunVerdict.FINDINGS if _worst(results, Severity.WARNING) else RunVerdict.HEALTHY


def _worst(results: list[ProbeResult], level: Severity) -> bool:
    return any(finding.severity.at_least(level) for one in results for finding in one.findings)


def unrecorded(one: ProbeResult, lacking: Collection[str]) -> list[str]:
    """The sources for want of which a replayed probe has nothing to say, so that it counts as one that did not run.

    Empty for a probe that found something, or that could not check something else: that belongs to what was recorded.
    """
    silent = one.verdict is ProbeVerdict.INCONCLUSIVE and not one.findings and not one.known
    sources = [each.subject.name for each in one.unchecked if each.subject.kind == "source" and each.subject.name in lacking]
    return sources if silent and len(sources) == len(one.unchecked) else []


def is_refused(reason: str) -> bool:
    """Whether something could not be checked for want of a permission."""
    return "not allowed to" in reason or "is forbidden" in reason


def failing(result: RunResult) -> list[Finding]:
    """The findings that fail the run: at the level or above; with `against`, only those that are new or worse since then."""
    if result.run.fail_on == "never":
        return []
    level = Severity(result.run.fail_on)
    counted = {*result.since.new, *result.since.worse} if result.run.against and result.since else None
    return [
        finding
        for probe in result.probes
        for number, finding in enumerate(probe.findings)
        if finding.severity.at_least(level) and (counted is None or (probe.id, number) in counted)
    ]


def exit_status(result: RunResult) -> int:
    """What a run's end says; bad usage has no result."""
    if not result.probes and not result.run.unrecorded:
        return Exit.NOTHING_SELECTED
    if failing(result):
        return Exit.FINDINGS
    if any(one.verdict is ProbeVerdict.BROKEN for one in result.probes):
        return Exit.BROKEN
    examined = sum(one.examined for one in result.probes)
    unseen = result.run.interrupted or result.run.unrecorded or _blind(result)
    return Exit.INCOMPLETE if unseen or not examined else Exit.HEALTHY


def without_outputs(status: int) -> int:
    """The exit status of a run whose report, or a part of it, could not be written: what was found stands, but that is not healthy."""
    return status or Exit.BROKEN


def _blind(result: RunResult) -> bool:
    """Whether something was not seen that counts: against an earlier run, all but what that run left open just so."""
    if result.run.against and result.since:
        return bool(result.since.blind)
    # A finding hides what its probe could not check, so the list itself is asked, not the verdict.
    return any(one.unchecked or one.verdict is ProbeVerdict.INCONCLUSIVE for one in result.probes)
