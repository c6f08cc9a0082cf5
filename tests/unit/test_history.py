"""What is new, persisting and gone since the last run."""

import os
from pathlib import Path

import msgspec
import pytest

from clusterprobe import model
from clusterprobe.errors import UsageError
from clusterprobe.history import compare, earlier, last_run
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject, Unchecked


def found(name: str) -> Finding:
    thing = Subject(kind="Thing", name=name)
    return Finding(reason="Bad", severity=Severity.ERROR, subject=thing, problem="", cause="", fix="", prevention="")


def run(*names: str, uid: str = "one", finished: str = "2026-11-22T10:00:00Z", unchecked: bool = False, **more: object) -> RunResult:
    unread = [Unchecked(subject=Subject(kind="Thing"), reason="refused")] if unchecked else []
    probe = ProbeResult(id="a/b", question="?", verdict=ProbeVerdict.FINDINGS, findings=[found(one) for one in names], unchecked=unread)
    about = model.Run(id="r", started="", finished=finished, tool_version="", profile="", fail_on="error", **more)  # type: ignore[arg-type]
    return RunResult(schema=model.SCHEMA, run=about, cluster=model.Cluster(uid=uid), verdict=RunVerdict.FINDINGS, probes=[probe])


def keep(folder: Path, name: str, result: RunResult, age: int = 0) -> None:
    (folder / name).mkdir()
    file = folder / name / "results.json"
    file.write_bytes(msgspec.json.encode(result))
    os.utime(file, (1_000_000 - age, 1_000_000 - age))


def test_findings_are_new_persisting_or_resolved() -> None:
    since = compare(run("old", "both"), run("both", "new"))
    assert (since.persisting, since.new) == ([("a/b", 0)], [("a/b", 1)])
    assert [(one.subject.name, one.state) for one in since.gone] == [("old", "resolved")]


def test_nothing_is_resolved_that_could_not_be_looked_at() -> None:
    assert compare(run("old"), run(unchecked=True)).gone[0].state == "not seen"


def test_the_newest_run_of_the_same_cluster_is_taken(tmp_path: Path) -> None:
    keep(tmp_path, "1", run("oldest"), age=30)
    keep(tmp_path, "2", run("newest"), age=20)
    keep(tmp_path, "3", run("other", uid="two"), age=10)
    keep(tmp_path, "4", run("interrupted", interrupted=True))
    keep(tmp_path, "5", run("replayed", bundle="x.zip"))
    (tmp_path / "6").mkdir()
    (tmp_path / "6" / "results.json").write_text("{")
    then = last_run(tmp_path / "now", run(finished="2026-11-22T11:00:00Z"))
    assert then is not None
    assert then.probes[0].findings[0].subject.name == "newest"


def test_the_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    assert last_run(tmp_path / "now", run()) is None


# --- compared with a run that was asked for -----------------------------------------------------------------------------


def grown(name: str, severity: Severity, owner: str = "") -> Finding:
    thing = Subject(kind="Pod", namespace="ns", name=name, owner=owner)
    return Finding(reason="Bad", severity=severity, subject=thing, problem="", cause="", fix="", prevention="")


def of(*findings: Finding) -> RunResult:
    probe = ProbeResult(id="a/b", question="?", verdict=ProbeVerdict.FINDINGS, findings=list(findings))
    return msgspec.structs.replace(run(), probes=[probe])


def test_a_finding_that_got_more_severe_is_worse() -> None:
    since = compare(of(grown("x", Severity.WARNING)), of(grown("x", Severity.ERROR)))
    assert (since.new, since.persisting, since.worse) == ([], [], [("a/b", 0)])


def test_a_pod_of_the_same_workload_is_the_same_subject() -> None:
    owner = "Deployment/fastapi"
    since = compare(of(grown("fastapi-1", Severity.ERROR, owner)), of(grown("fastapi-2", Severity.ERROR, owner)))
    assert (since.new, since.persisting, since.gone) == ([], [("a/b", 0)], [])


def test_a_probe_is_blind_where_it_was_not() -> None:
    assert compare(run(), run(unchecked=True)).blind == ["a/b"]
    assert compare(run(unchecked=True), run(unchecked=True)).blind == []


def test_a_file_that_is_no_run_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("{}")
    with pytest.raises(UsageError, match=r"results\.json: this is no results\.json of a run"):
        earlier(file, model.Cluster())
    with pytest.raises(UsageError, match="No such file"):
        earlier(tmp_path / "none.json", model.Cluster())


def test_a_run_of_another_cluster_or_an_interrupted_one_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, "1", run(uid="one"))
    with pytest.raises(UsageError, match="of another cluster"):
        earlier(tmp_path / "1" / "results.json", model.Cluster(uid="two"))
    keep(tmp_path, "2", run(interrupted=True))
    with pytest.raises(UsageError, match="interrupted"):
        earlier(tmp_path / "2" / "results.json", model.Cluster(uid="one"))
