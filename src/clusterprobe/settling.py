"""Whether a platform that was just deployed has settled, may still settle, or never will by itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from clusterprobe.correlation import root_of
from clusterprobe.exits import Exit
from clusterprobe.model import Finding, RunResult
from clusterprobe.outcome import exit_status, failing, is_refused


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
    """Wait for what may pass by itself, and for what could not be seen yet.

    A finding that will stay is reason to give up, and so is a permission that is refused: nobody grants it meanwhile.
    """
    status = exit_status(result)
    if result.run.interrupted or status == Exit.BROKEN:
        return Settling(Answer.GIVE_UP, "the run was interrupted" if result.run.interrupted else "a probe broke")
    if status == Exit.FINDINGS:
        counted = failing(result)
        staying = [one for one in counted if not _may_settle(one, result)]
        one = (staying or counted)[0]
        return Settling(Answer.GIVE_UP if staying else Answer.WAIT, f"{one.reason} on {one.subject}")
    if status == Exit.INCOMPLETE:
        refused = any(is_refused(each.reason) for one in result.probes for each in one.unchecked)
        return Settling(Answer.GIVE_UP if refused else Answer.WAIT, _unseen(result))
    return Settling(Answer.SETTLED)


def _may_settle(finding: Finding, result: RunResult) -> bool:
    """What another finding explains settles with that one."""
    findings = {(probe.id, number): one for probe in result.probes for number, one in enumerate(probe.findings)}
    place = next(place for place, one in findings.items() if one is finding)
    return finding.settles or findings[root_of(place, {one.finding: one for one in result.explained})].settles


def _unseen(result: RunResult) -> str:
    """What could not be checked, first what was refused."""
    unread = sorted(((one, each) for one in result.probes for each in one.unchecked), key=lambda pair: not is_refused(pair[1].reason))
    for probe, one in unread:
        return f"{probe.id} could not check {one.subject}: {one.reason}"
    return next((f"{probe.id}: {probe.reason}" for probe in result.probes if probe.reason and not probe.examined), "nothing was examined")
