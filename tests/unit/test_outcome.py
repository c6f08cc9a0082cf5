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
