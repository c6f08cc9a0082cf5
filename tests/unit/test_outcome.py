import pytest

from clusterprobe import model
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.outcome import exit_status, run_verdict

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
