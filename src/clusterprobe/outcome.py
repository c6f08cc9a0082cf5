"""From probes' results to a run's verdict and exit status: in one place, so that every output agrees."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity
from clusterprobe.profile import fail_level

HEALTHY, FINDINGS, INCOMPLETE, BROKEN, USAGE, NOTHING_SELECTED = range(6)


def run_verdict(probes: Iterable[ProbeResult], fail_on: str, *, interrupted: bool = False) -> RunVerdict:
    """The worst wins: findings at the level › broken › incomplete › lesser findings › healthy.

    A run in which nothing was examined is incomplete: nobody has seen anything healthy.
    """
    results = list(probes)
    if _worst(results, fail_level(fail_on)):
        return RunVerdict.FINDINGS
    verdicts = {one.verdict for one in results}
    if ProbeVerdict.BROKEN in verdicts:
        return RunVerdict.BROKEN
    examined = sum(one.examined for one in results)
    if interrupted or ProbeVerdict.INCONCLUSIVE in verdicts or not examined:
        return RunVerdict.INCOMPLETE
    return RunVerdict.FINDINGS if _worst(results, Severity.WARNING) else RunVerdict.HEALTHY


def _worst(results: list[ProbeResult], level: Severity) -> bool:
    return any(finding.severity.at_least(level) for one in results for finding in one.findings)


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
    """0 healthy · 1 findings at the level · 2 incomplete · 3 broken · 5 nothing selected. (4 is bad usage.)"""
    if not result.probes:
        return NOTHING_SELECTED
    if failing(result):
        return FINDINGS
    if any(one.verdict is ProbeVerdict.BROKEN for one in result.probes):
        return BROKEN
    examined = sum(one.examined for one in result.probes)
    return INCOMPLETE if result.run.interrupted or _blind(result) or not examined else HEALTHY


def _blind(result: RunResult) -> bool:
    if result.run.against and result.since:
        return bool(result.since.blind)
    # A finding hides what its probe could not check, so the list itself is asked, not the verdict.
    return any(one.unchecked or one.verdict is ProbeVerdict.INCONCLUSIVE for one in result.probes)
