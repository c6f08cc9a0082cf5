import msgspec
import pytest

from clusterprobe import model
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.outcome import exit_status, is_refused, run_verdict, unrecorded, without_outputs

THING = Subject(kind="Thing")


def probe(verdict: str = "pass", *severities: Severity, examined: int = 1, unchecked: int = 0) -> ProbeResult:
    findings = [Finding(reason="R", severity=one, subject=THING, problem="", cause="", fix="", prevention="") for one in severities]
    return ProbeResult(
        id="a/b",
        question="?",
        verdict=ProbeVerdict(verdict),
        examined=examined,
        findings=findings,
        unchecked=[Unchecked(subject=THING, reason="refused")] * unchecked,
    )


def outcome(*probes: ProbeResult, fail_on: str = "error", interrupted: bool = False) -> tuple[str, int]:
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on=fail_on, interrupted=interrupted)
    verdict = run_verdict(probes, fail_on, interrupted=interrupted)
    whole = RunResult(schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=verdict, probes=list(probes))
    return str(verdict), exit_status(whole)


@pytest.mark.parametrize(
    ("probes", "fail_on", "expected"),
    [
        ([probe()], "error", ("healthy", 0)),
        ([probe("findings", Severity.ERROR)], "error", ("findings", 1)),
        ([probe("findings", Severity.ERROR)], "critical", ("findings", 0)),
        ([probe("findings", Severity.CRITICAL)], "never", ("findings", 0)),
        ([probe("findings", Severity.WARNING)], "error", ("findings", 0)),
        ([probe("findings", Severity.WARNING)], "warning", ("findings", 1)),
        ([probe("pass", Severity.INFO)], "error", ("healthy", 0)),
        ([probe("inconclusive", unchecked=1)], "error", ("incomplete", 2)),
        ([probe("broken")], "error", ("broken", 3)),
        ([probe("broken"), probe("findings", Severity.ERROR)], "error", ("findings", 1)),
        ([probe("broken"), probe("inconclusive")], "error", ("broken", 3)),
        ([probe("findings", Severity.CRITICAL, unchecked=1)], "never", ("findings", 2)),
        ([probe("not_applicable", examined=0)], "error", ("incomplete", 2)),
        ([], "error", ("incomplete", 5)),
    ],
)
def test_the_worst_wins(probes: list[ProbeResult], fail_on: str, expected: tuple[str, int]) -> None:
    assert outcome(*probes, fail_on=fail_on) == expected


def test_an_interrupted_run_is_incomplete() -> None:
    assert outcome(probe(), interrupted=True) == (str(RunVerdict.INCOMPLETE), 2)


def left_out(*probes: ProbeResult) -> tuple[str, int]:
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on="error", unrecorded={"a/new": ["news"]})
    verdict = run_verdict(probes, "error", unrecorded=True)
    whole = RunResult(schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=verdict, probes=list(probes))
    return str(verdict), exit_status(whole)


def test_a_replay_that_left_a_probe_out_is_not_healthy_and_its_findings_stand() -> None:
    assert left_out(probe()) == ("incomplete", 2)
    assert left_out() == ("incomplete", 2)
    assert left_out(probe("findings", Severity.ERROR)) == ("findings", 1)
    assert left_out(probe("broken")) == ("broken", 3)


LACKING = Unchecked(subject=Subject(kind="source", name="news"), reason="it was not captured in this bundle")


@pytest.mark.parametrize(
    ("changed", "sources"),
    [
        ({}, ["news"]),
        ({"unchecked": [LACKING, Unchecked(subject=THING, reason="refused")]}, []),
        ({"unchecked": [Unchecked(subject=Subject(kind="source", name="pods"), reason="timed out")]}, []),
        ({"unchecked": []}, []),
        ({"findings": probe("findings", Severity.INFO).findings}, []),
        ({"known": probe("findings", Severity.INFO).findings}, []),
        ({"verdict": ProbeVerdict.BROKEN}, []),
    ],
)
def test_only_a_probe_that_says_nothing_else_did_not_run(changed: dict[str, object], sources: list[str]) -> None:
    one = msgspec.structs.replace(probe("inconclusive"), **{"unchecked": [LACKING], **changed})
    assert unrecorded(one, {"news"}) == sources


# --- against an earlier run ---------------------------------------------------------------------------------------------


def against(*probes: ProbeResult, since: model.Since) -> int:
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on="error", against="results.json")
    return exit_status(
        RunResult(schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=RunVerdict.FINDINGS, probes=list(probes), since=since)
    )


def since(**more: object) -> model.Since:
    return model.Since(run="before", finished="", **more)  # type: ignore[arg-type]


def test_what_was_there_before_does_not_fail_a_run_against_it() -> None:
    old = probe("findings", Severity.ERROR, unchecked=1)
    assert against(old, since=since(persisting=[("a/b", 0)])) == 0


@pytest.mark.parametrize("kind", ["new", "worse"])
def test_what_is_new_or_worse_fails_it(kind: str) -> None:
    assert against(probe("findings", Severity.ERROR), since=since(**{kind: [("a/b", 0)]})) == 1


def test_a_new_finding_below_the_level_does_not() -> None:
    assert against(probe("findings", Severity.WARNING), since=since(new=[("a/b", 0)])) == 0


def test_what_could_be_checked_before_and_cannot_now_is_incomplete() -> None:
    assert against(probe("inconclusive", unchecked=1), since=since(blind=["a/b"])) == 2
    assert against(probe("inconclusive", unchecked=1), since=since()) == 0


def test_a_broken_probe_is_broken_whatever_was_before() -> None:
    assert against(probe("broken"), since=since()) == 3


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("not allowed to list pods", True),
        ('pods is forbidden: User "ci" cannot list resource "pods"', True),
        ("it did not answer within 10 s", False),
    ],
)
def test_a_missing_permission_is_told_from_any_other_reason(reason: str, refused: bool) -> None:
    assert is_refused(reason) is refused


@pytest.mark.parametrize(("status", "then"), [(0, 3), (1, 1), (2, 2)])
def test_a_run_without_its_report_is_never_healthy(status: int, then: int) -> None:
    assert without_outputs(status) == then


@pytest.mark.parametrize(("against", "status"), [("", 1), ("results.json", 0)])
def test_what_an_earlier_run_had_fails_nothing_only_where_that_was_asked(against: str, status: int) -> None:
    assert beside(probe("findings", Severity.ERROR), against=against) == status


@pytest.mark.parametrize(("against", "status"), [("", 2), ("results.json", 0)])
def test_what_an_earlier_run_left_open_counts_unless_that_was_asked(against: str, status: int) -> None:
    assert beside(probe("findings", Severity.INFO, unchecked=1), against=against) == status


def test_against_a_run_that_could_not_be_compared_everything_counts() -> None:
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on="error", against="results.json")
    found = [probe("findings", Severity.ERROR)]
    whole = RunResult(schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=RunVerdict.FINDINGS, probes=found)
    assert exit_status(whole) == 1


def test_a_run_is_whole_unless_it_is_said_to_be_less() -> None:
    assert run_verdict([probe()], "error") is RunVerdict.HEALTHY


def beside(one: ProbeResult, *, against: str) -> int:
    """The exit status of a run in which nothing is new since an earlier one."""
    run = model.Run(id="", started="", finished="", tool_version="", profile="", fail_on="error", against=against)
    since = model.Since(run="earlier", finished="")
    return exit_status(
        RunResult(schema=model.SCHEMA, run=run, cluster=model.Cluster(), verdict=RunVerdict.FINDINGS, probes=[one], since=since)
    )
