"""What is new, persisting and gone since the last run."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from clusterprobe import model
from clusterprobe.errors import UsageError
from clusterprobe.history import compare, earlier, last_run, refuse_other_cluster, refuse_other_uid
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.outcome import exit_status


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


@pytest.mark.parametrize(("selected", "compared"), [([], "whole"), (["a"], "some"), (["a", "b"], "whole")])
def test_a_run_of_some_probes_only_makes_nothing_new_in_another(selected: list[str], compared: str, tmp_path: Path) -> None:
    keep(tmp_path, "1", run("whole"), age=20)
    keep(tmp_path, "2", run("some", selected=["a"]), age=10)
    then = last_run(tmp_path / "now", run(finished="2026-11-22T11:00:00Z", selected=selected))
    assert then is not None
    assert then.probes[0].findings[0].subject.name == compared


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


def seeing(*unread: tuple[str, str], examined: int = 1, owner: str = "") -> RunResult:
    """A run of one probe that examined so many things, and could not check these (name, reason)."""
    unchecked = [Unchecked(subject=Subject(kind="Pod", name=name, owner=owner), reason=reason) for name, reason in unread]
    verdict = ProbeVerdict.INCONCLUSIVE if unread or not examined else ProbeVerdict.PASS
    probe = ProbeResult(id="a/b", question="?", verdict=verdict, examined=examined, unchecked=unchecked)
    return msgspec.structs.replace(run(), probes=[probe])


ONE, OTHER = ("x", "refused"), ("y", "refused")


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (seeing(), seeing(ONE)),
        (seeing(ONE), seeing(ONE, OTHER)),
        (seeing(ONE), seeing(("x", "no answer in 30 s"))),
        (seeing(ONE, examined=0), seeing(ONE)),
        (seeing(ONE), seeing(ONE, examined=0)),
        (seeing(ONE, examined=0), seeing(ONE, examined=0)),
        (seeing(examined=0), seeing(examined=0)),
        (msgspec.structs.replace(run(), probes=[]), seeing(ONE)),
    ],
)
def test_what_is_not_seen_today_is_blind_unless_exactly_that_was_unseen_before(then: RunResult, now: RunResult) -> None:
    assert compare(then, now).blind == ["a/b"]


@pytest.mark.parametrize("then", [seeing(), seeing(ONE), seeing(ONE, OTHER), seeing(examined=0)])
def test_a_run_that_sees_everything_is_not_blind_whatever_was_before(then: RunResult) -> None:
    assert compare(then, seeing()).blind == []


def test_exactly_what_was_unseen_before_is_excused_where_the_probe_saw_something_both_times() -> None:
    assert compare(seeing(ONE, OTHER), seeing(ONE)).blind == []


def test_a_pod_of_the_same_workload_is_unseen_as_before() -> None:
    then = seeing(("api-1", "GET /pods/api-1: HTTP 503"), owner="Deployment/api")
    assert compare(then, seeing(("api-2", "GET /pods/api-2: HTTP 503"), owner="Deployment/api")).blind == []


def test_against_a_blind_run_a_blind_run_is_incomplete() -> None:
    blind = seeing(ONE, examined=0)
    probes = [*blind.probes, ProbeResult(id="c/d", question="?", verdict=ProbeVerdict.PASS, examined=1)]
    now = msgspec.structs.replace(blind, probes=probes, run=msgspec.structs.replace(blind.run, against="results.json"))
    assert exit_status(msgspec.structs.replace(now, since=compare(now, now))) == 2


def test_a_file_that_is_no_run_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("{}")
    with pytest.raises(UsageError, match=r"results\.json: not a results\.json file"):
        earlier(file)
    with pytest.raises(UsageError, match="No such file"):
        earlier(tmp_path / "none.json")


def test_a_run_of_another_cluster_or_an_interrupted_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="of another cluster"):
        refuse_other_cluster(Path("then.json"), run(uid="one"), model.Cluster(uid="two"))
    keep(tmp_path, "2", run(interrupted=True))
    with pytest.raises(UsageError, match="interrupted"):
        earlier(tmp_path / "2" / "results.json")


HERE = model.Cluster(context="prod", server="https://k8s.example.com:6443", route="proxy")


def of_cluster(**changed: str) -> model.Cluster:
    return msgspec.structs.replace(HERE, **changed)


def accepts(tmp_path: Path, then: model.Cluster, now: model.Cluster | None) -> str:
    """Why a run of the one cluster is refused for one of the other; empty if it is not."""
    keep(tmp_path, "then", msgspec.structs.replace(run(), cluster=then))
    file = tmp_path / "then" / "results.json"
    try:
        if now is not None:
            refuse_other_cluster(file, earlier(file), now)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("now", [HERE, of_cluster(uid="one"), None])
def test_without_both_uids_the_same_server_and_context_are_the_same_cluster(now: model.Cluster | None, tmp_path: Path) -> None:
    assert accepts(tmp_path, HERE, now) == ""


@pytest.mark.parametrize("uid", ["", "one"])
@pytest.mark.parametrize("other", [{"server": "https://other.example.com:6443"}, {"context": "dev"}])
def test_without_both_uids_another_server_or_context_is_another_cluster(other: dict[str, str], uid: str, tmp_path: Path) -> None:
    assert "that run was of another cluster (" in accepts(tmp_path, of_cluster(**other, uid=uid), HERE)


@pytest.mark.parametrize(
    "where",
    [
        {"server": "https://127.0.0.1:6443"},
        {"server": "https://localhost:6443"},
        {"server": "https://[::1]:6443"},
        {"server": "https://10.96.0.1:443", "route": "in-cluster"},
        {"server": ""},
    ],
)
def test_without_both_uids_an_address_that_any_cluster_may_have_is_refused(where: dict[str, str], tmp_path: Path) -> None:
    said = accepts(tmp_path, of_cluster(**where), of_cluster(**where, uid="one"))
    assert "that run could not read the UID of its cluster, so it may be another one" in said
    assert last_run(tmp_path / "now", msgspec.structs.replace(run(), cluster=of_cluster(**where))) is None


def test_the_same_uid_is_the_same_cluster_by_whatever_address(tmp_path: Path) -> None:
    assert accepts(tmp_path, of_cluster(uid="one"), of_cluster(uid="one", server="https://127.0.0.1:6443", context="tunnel")) == ""


# --- what else may lie beside ------------------------------------------------------------------------------------------

DEEP = b'{"schema": "clusterprobe/results/v1", "run": ' + b"[" * 100_000
HOSTILE = {
    "deep": lambda file: file.write_bytes(DEEP),
    "deep where nothing is known of it": lambda file: file.write_bytes(DEEP.replace(b"run", b"more")),
    "not UTF-8": lambda file: file.write_bytes(b'{"schema": "\xff"}'),
    "a folder": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a link to itself": lambda file: file.symlink_to(file),
    "a link to nowhere": lambda file: file.symlink_to("/nowhere"),
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "10 GB": lambda file: (file.touch(), os.truncate(file, 10 * 1024**3)),
    "empty": Path.touch,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_whatever_lies_beside_the_last_run_is_found(make: Callable[[Path], object], tmp_path: Path) -> None:
    keep(tmp_path, "good", run("it"), age=1000)
    (tmp_path / "odd").mkdir()
    make(tmp_path / "odd" / "results.json")
    then = last_run(tmp_path / "now", run(finished="2026-11-22T11:00:00Z"))
    assert then is not None
    assert then.probes[0].findings[0].subject.name == "it"


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_named_to_compare_with_is_refused_in_a_sentence(make: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    make(file)
    with pytest.raises(UsageError, match=r"--against .*results\.json: .{5,300}$"):
        earlier(file)


def test_a_folder_whose_neighbours_cannot_be_listed_has_no_last_run(tmp_path: Path) -> None:
    assert last_run(tmp_path / "gone" / "now", run()) is None
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert last_run(tmp_path / "loop" / "now", run()) is None


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        ("two", r"UID one, and https://x answered with two: it is another cluster"),
        ("", r"UID one, and that of what https://x answered could not be read; allow `get namespaces`"),
    ],
)
def test_a_server_that_is_not_the_one_of_the_profile_is_refused(uid: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        refuse_other_uid("prod", "one", model.Cluster(server="https://x", uid=uid))


@pytest.mark.parametrize("wanted", ["", "one"])
def test_a_server_that_may_be_any_or_is_the_one_is_taken(wanted: str) -> None:
    refuse_other_uid("prod", wanted, model.Cluster(uid="one"))
