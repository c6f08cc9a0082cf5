"""What a run that waits does next."""

import msgspec
import pytest

from clusterprobe import model
from clusterprobe.correlation import explain
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.settling import Answer, judge


def finding(settles: bool, severity: Severity = Severity.ERROR, **more: list[str]) -> Finding:
    return Finding(
        reason="Bad",
        severity=severity,
        subject=Subject(kind="Thing", name="x"),
        problem="",
        cause="",
        fix="",
        prevention="",
        settles=settles,
        **more,
    )


def ran(*findings: Finding, verdict: ProbeVerdict = ProbeVerdict.FINDINGS, blind: str = "", **about: object) -> RunResult:
    unread = [Unchecked(subject=Subject(kind="Pod", name="p"), reason=blind)] if blind else []
    probes = [ProbeResult(id="a/b", question="", verdict=verdict, examined=1, findings=list(findings), unchecked=unread)]
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on="error", **about)  # type: ignore[arg-type]
    return RunResult(
        schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=RunVerdict.FINDINGS, probes=probes, explained=explain(probes)
    )


def test_a_healthy_run_has_settled() -> None:
    assert judge(ran(verdict=ProbeVerdict.PASS)).answer is Answer.SETTLED


def test_a_finding_below_the_level_has_settled_too() -> None:
    assert judge(ran(finding(False, Severity.WARNING))).answer is Answer.SETTLED


def test_what_may_pass_by_itself_is_waited_for() -> None:
    found = judge(ran(finding(True)))
    assert (found.answer, found.why) == (Answer.WAIT, "Bad on Thing x")


def test_what_could_not_be_seen_yet_is_waited_for() -> None:
    found = judge(ran(verdict=ProbeVerdict.INCONCLUSIVE, blind="connection refused"))
    assert (found.answer, found.why) == (Answer.WAIT, "a/b could not check Pod p: connection refused")


def test_one_finding_that_stays_is_enough_to_give_up() -> None:
    assert judge(ran(finding(True), finding(False))).answer is Answer.GIVE_UP


def test_what_hangs_on_something_that_settles_is_waited_for() -> None:
    cause = finding(True, breaks=["Pod/ns/loki"])
    assert judge(ran(cause, finding(False, rests_on=["Pod/ns/loki"]))).answer is Answer.WAIT


@pytest.mark.parametrize(("result", "why"), [(ran(interrupted=True), "interrupted"), (ran(verdict=ProbeVerdict.BROKEN), "broke")])
def test_an_interrupted_or_broken_run_is_not_repeated(result: RunResult, why: str) -> None:
    assert judge(result).answer is Answer.GIVE_UP
    assert why in judge(result).why


def test_against_an_earlier_run_only_what_is_new_is_in_the_way() -> None:
    old = ran(finding(False), against="results.json")
    since = model.Since(run="before", finished="", persisting=[("a/b", 0)])
    assert judge(msgspec.structs.replace(old, since=since)).answer is Answer.SETTLED


def test_what_could_not_be_read_yet_may_settle() -> None:
    found = judge(ran(verdict=ProbeVerdict.INCONCLUSIVE, blind="Connection refused"))
    assert (found.answer, found.why) == (Answer.WAIT, "a/b could not check Pod p: Connection refused")


def test_a_permission_that_is_refused_comes_by_no_waiting() -> None:
    found = judge(ran(verdict=ProbeVerdict.INCONCLUSIVE, blind="not allowed to list pods"))
    assert (found.answer, found.why) == (Answer.GIVE_UP, "a/b could not check Pod p: not allowed to list pods")
