"""From probes' results to a run's verdict and exit status: in one place, so that every output agrees."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity
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


def exit_status(result: RunResult) -> int:
    """0 healthy · 1 findings at the level · 2 incomplete · 3 broken · 5 nothing selected. (4 is bad usage.)"""
    if not result.probes:
        return NOTHING_SELECTED
    fail_on = result.run.fail_on
    if fail_on != "never" and _worst(result.probes, Severity(fail_on)):
        return FINDINGS
    verdicts = {one.verdict for one in result.probes}
    if ProbeVerdict.BROKEN in verdicts:
        return BROKEN
    examined = sum(one.examined for one in result.probes)
    # A finding hides what its probe could not check, so the list itself is asked, not the verdict.
    unchecked = any(one.unchecked for one in result.probes) or ProbeVerdict.INCONCLUSIVE in verdicts
    return INCOMPLETE if result.run.interrupted or unchecked or not examined else HEALTHY
