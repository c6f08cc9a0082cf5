"""Whether a platform that was just deployed has settled, may still settle, or never will by itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from clusterprobe.correlation import root_of
from clusterprobe.model import Finding, RunResult
from clusterprobe.outcome import BROKEN, FINDINGS, INCOMPLETE, exit_status, failing


class Answer(enum.StrEnum):
    """What to do after a run that waits."""

    SETTLED = "settled"
    WAIT = "wait"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Settling:
    """The answer and, unless it has settled, what is in the way."""

    answer: Answer
    why: str = ""


def judge(result: RunResult) -> Settling:
    """Wait for what may pass by itself, and for what could not be seen yet; a finding that will stay is reason to give up."""
    status = exit_status(result)
    if result.run.interrupted or status == BROKEN:
        return Settling(Answer.GIVE_UP, "the run was interrupted" if result.run.interrupted else "a probe broke")
    if status == FINDINGS:
        counted = failing(result)
        staying = [one for one in counted if not _may_settle(one, result)]
        one = (staying or counted)[0]
        return Settling(Answer.GIVE_UP if staying else Answer.WAIT, f"{one.reason} on {one.subject}")
    if status == INCOMPLETE:
        return Settling(Answer.WAIT, _unseen(result))
    return Settling(Answer.SETTLED)


def _may_settle(finding: Finding, result: RunResult) -> bool:
    """What another finding explains settles with that one."""
    findings = {(probe.id, number): one for probe in result.probes for number, one in enumerate(probe.findings)}
    place = next(place for place, one in findings.items() if one is finding)
    return finding.settles or findings[root_of(place, {one.finding: one for one in result.explained})].settles


def _unseen(result: RunResult) -> str:
    for probe in result.probes:
        if probe.unchecked:
            return f"{probe.id} could not check {probe.unchecked[0].subject}: {probe.unchecked[0].reason}"
    return next((f"{probe.id}: {probe.reason}" for probe in result.probes if probe.reason and not probe.examined), "nothing was examined")
