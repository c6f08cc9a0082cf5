"""One finding explains another through what it breaks and the other rests on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from clusterprobe.archive import RESULTS, NoResult, read_result
from clusterprobe.correlation import effects, explain, misfit, root_of
from clusterprobe.model import (
    SCHEMA,
    Accepted,
    Cluster,
    Explained,
    Finding,
    ProbeResult,
    ProbeVerdict,
    Run,
    RunResult,
    RunVerdict,
    Severity,
    Since,
    Subject,
)


def finding(
    reason: str, severity: Severity = Severity.ERROR, breaks: list[str] | None = None, rests_on: list[str] | None = None
) -> Finding:
    return Finding(
        reason=reason,
        severity=severity,
        subject=Subject(kind="Thing", name=reason),
        problem="",
        cause="",
        fix="",
        prevention="",
        breaks=breaks or [],
        rests_on=rests_on or [],
    )


def probe(name: str, *findings: Finding) -> ProbeResult:
    return ProbeResult(id=name, question="", verdict=ProbeVerdict.FINDINGS, findings=list(findings))


def test_a_finding_is_explained_by_the_one_that_breaks_what_it_rests_on() -> None:
    cause = probe("sealed-secrets/unsealed", finding("NotUnsealed", breaks=["Secret/ns/slack"]))
    effect = probe("alertmanager/default-config", finding("Fallback", rests_on=["Secret/ns/slack"]))
    (one,) = explain([effect, cause])
    assert one.finding == ("alertmanager/default-config", 0)
    assert one.cause == ("sealed-secrets/unsealed", 0)
    assert one.through == "Secret/ns/slack"


def test_what_rests_on_something_else_stands_for_itself() -> None:
    cause = probe("a/a", finding("A", breaks=["Secret/ns/slack"]))
    assert explain([cause, probe("b/b", finding("B", rests_on=["Secret/other/slack"]))]) == []


def test_a_remark_explains_nothing() -> None:
    cause = probe("a/a", finding("A", Severity.INFO, breaks=["Node/n"]))
    assert explain([cause, probe("b/b", finding("B", rests_on=["Node/n"]))]) == []


def test_the_worst_of_several_causes_is_named() -> None:
    mild, bad = finding("Mild", Severity.WARNING, breaks=["Node/n"]), finding("Bad", Severity.CRITICAL, breaks=["Node/n"])
    (one,) = explain([probe("a/a", mild, bad), probe("b/b", finding("B", rests_on=["Node/n"]))])
    assert one.cause == ("a/a", 1)


def test_nothing_explains_itself_not_even_in_a_circle() -> None:
    alone = probe("a/a", finding("A", breaks=["X/x"], rests_on=["X/x"]))
    assert explain([alone]) == []
    circle = [probe("a/a", finding("A", breaks=["X/x"], rests_on=["Y/y"])), probe("b/b", finding("B", breaks=["Y/y"], rests_on=["X/x"]))]
    found = explain(circle)
    assert [one.finding for one in found] == [("a/a", 0)]


def test_of_several_that_break_what_they_rest_on_the_worst_stands_for_all() -> None:
    shared = {"breaks": ["Service/ns/web"], "rests_on": ["Service/ns/web"]}
    mild, bad, other = finding("Mild", Severity.WARNING, **shared), finding("Bad", **shared), finding("Other", **shared)
    found = explain([probe("a/a", mild, bad, other)])
    assert [(one.finding, one.cause) for one in found] == [(("a/a", 0), ("a/a", 1)), (("a/a", 2), ("a/a", 1))]


def test_what_stands_for_others_may_itself_be_explained_through_something_else() -> None:
    shared = finding("Silent", breaks=["Service/ns/web"], rests_on=["Service/ns/web", "Deployment/ns/web"])
    crash = finding("Crash", breaks=["Deployment/ns/web", "Service/ns/web"])
    found = explain([probe("a/routes", shared), probe("b/crash", crash)])
    assert [(one.finding, one.cause) for one in found] == [(("a/routes", 0), ("b/crash", 0))]


def test_a_chain_ends_at_its_root() -> None:
    chain = [
        probe("a/nfs", finding("Dead", breaks=["NfsServer/s"])),
        probe("b/pod", finding("Hangs", breaks=["Pod/ns/p"], rests_on=["NfsServer/s"])),
        probe("c/log", finding("Quiet", rests_on=["Pod/ns/p"])),
    ]
    found = explain(chain)
    assert root_of(("c/log", 0), {one.finding: one for one in found}) == ("a/nfs", 0)
    assert [one.finding for one in effects(found)[("a/nfs", 0)]] == [("b/pod", 0), ("c/log", 0)]


def kept(explained: list[Explained] | None = None, fail_on: str = "error", **more: Any) -> RunResult:
    run = Run(id="1", started="", finished="", tool_version="0", profile="", fail_on=fail_on)
    probes = more.pop("probes", [probe("a/one", finding("A")), probe("b/two", finding("B")), probe("c/three", finding("C"))])
    return RunResult(
        schema=SCHEMA, run=run, cluster=Cluster(), verdict=RunVerdict.FINDINGS, probes=probes, explained=explained or [], **more
    )


def because(finding: str, cause: str, number: int = 0) -> Explained:
    return Explained(finding=(finding, number), cause=(cause, 0), through="x")


def test_a_result_as_a_run_makes_it_fits() -> None:
    assert misfit(kept([because("a/one", "b/two"), because("b/two", "c/three")])) == ""


@pytest.mark.parametrize(
    "result",
    [
        kept([because("a/one", "a/one")]),
        kept([because("c/three", "a/one"), because("a/one", "b/two"), because("b/two", "a/one")]),
        kept([because("a/one", "b/two", 7)]),
        kept([because("a/one", "no/such")]),
        kept([because("a/one", "b/two", -1)]),
        kept(since=Since(run="0", finished="", worse=[("b/two", 3)])),
        kept(accepted=[Accepted(probe="a/one", code="A", subject="x", why="x", state="applies", findings=[("a/one", 0)])]),
        kept(probes=[probe("a/one"), probe("a/one")]),
        kept(fail_on="nothing"),
    ],
)
def test_a_result_that_no_run_can_have_is_refused(result: RunResult, tmp_path: Path) -> None:
    assert misfit(result)
    (tmp_path / RESULTS).write_bytes(msgspec.json.encode(result))
    with pytest.raises(NoResult):
        read_result(tmp_path / RESULTS)
