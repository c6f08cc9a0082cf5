"""What is asked of runs that were kept: one finding in whole, the answer again, what differs between two of them."""

import json
import re
import shlex
from pathlib import Path

import msgspec
import pytest
import yaml

from clusterprobe import kept
from clusterprobe.errors import UsageError
from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import RunResult, Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.report import results
from tests.report_factories import CLUSTER, finding, healthy, hostile, probe, result, run_of, unchecked, unwell


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keep(one: RunResult, folder: str = "reports/2026-11-22T02-58-07Z") -> str:
    """The run's folder, with its results in it."""
    Path(folder).mkdir(parents=True)
    results.write(one, Path(folder))
    return folder


def test_the_first_finding_of_the_newest_run_is_shown_with_all_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    keep(healthy(), "reports/2026-11-21T02-58-07Z")
    keep(unwell())
    assert kept.show("1", "", "") == 0
    text = capsys.readouterr().out
    assert text.startswith("CRITICAL  alertmanager/default-config  OperatorFallback")
    assert "  2. Look: See what Alertmanager has loaded." in text
    assert "      $ kubectl -n monitoring-prod port-forward svc/alertmanager-operated 9093" in text


def test_a_finding_is_named_by_its_fingerprint_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep(unwell(), "out")
    kept.show(fingerprints(unwell())["loki/instant-queries", 0], folder, "")
    assert capsys.readouterr().out.startswith("WARNING  loki/instant-queries  LogQueryAsInstantQuery")


def test_without_a_finding_the_answer_is_given_again(capsys: pytest.CaptureFixture[str]) -> None:
    keep(unwell())
    assert kept.show("", "", "") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Not healthy: 1 critical finding")


@pytest.mark.parametrize(
    ("form", "begins"), [("wide", "mlops-platform"), ("markdown", "## Not healthy"), ("junit", "<?xml"), ("verdict", "Not healthy")]
)
def test_the_answer_has_several_forms(form: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(unwell())
    kept.show("", "", form)
    assert capsys.readouterr().out.startswith(begins)


def test_as_json_it_is_the_result_itself(capsys: pytest.CaptureFixture[str]) -> None:
    keep(unwell())
    kept.show("", "", "json")
    assert msgspec.json.decode(capsys.readouterr().out, type=RunResult) == unwell()


@pytest.mark.parametrize("text", ["\u202e", "\U000e0041", "##[group]x", "::error::x", "\x1b[31m"])
def test_json_on_a_terminal_or_in_a_log_cannot_act(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(hostile(text))
    kept.show("", "", "json")
    written = capsys.readouterr().out
    assert text not in written or text.startswith("::")
    assert not any(line.lstrip().startswith("::") for line in written.splitlines())
    assert json.loads(written)["probes"][0]["question"] == text


@pytest.mark.parametrize(
    ("wanted", "run", "said"),
    [
        ("1", "", "reports: no finished run is there; name a run's folder with --run"),
        ("1", "nowhere", "nowhere: No such file or directory"),
        ("7", "out", "7: the run in out has no such finding; they are numbered 1 to 6"),
        ("0", "out", "0: the run in out has no such finding"),
        ("9" * 5000, "out", "has no such finding"),
        ("²", "out", "has no such finding"),
        ("abc", "out", "abc: the run in out has no such finding"),
    ],
)
def test_what_is_not_there_is_one_sentence(wanted: str, run: str, said: str) -> None:
    keep(unwell(), "out")
    with pytest.raises(UsageError) as refused:
        kept.show(wanted, run, "")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("run", "hint"),
    [
        ("reports", "it is a folder of runs, the newest is reports/2026-11-22T02-58-07Z"),
        ("reports/2026-11-22T02-58-77Z", "did you mean reports/2026-11-22T02-58-07Z?"),
        ("elsewhere/2026-11-22", "did you mean reports/2026-11-22T02-58-07Z?"),
        ("yesterday", "the newest run is reports/2026-11-22T02-58-07Z"),
    ],
)
def test_a_run_that_is_not_there_is_one_sentence_with_the_nearest_that_is(run: str, hint: str) -> None:
    keep(healthy())
    for ask, named in (lambda: kept.show("", run, ""), f"--run {run}"), (lambda: kept.diff(run, run, ""), run):
        with pytest.raises(UsageError) as raised:
            ask()
        assert str(raised.value) == f"{named}: No such file or directory; {hint}"


@pytest.mark.parametrize("digits", [4, 9])
def test_a_fingerprint_that_is_cut_short_has_the_whole_one_beside_it(digits: int) -> None:
    folder = keep(unwell())
    whole = fingerprints(unwell())["loki/instant-queries", 0]
    with pytest.raises(UsageError, match=f"did you mean {whole}"):
        kept.show(whole[:digits], folder, "")


def test_results_of_another_version_are_one_sentence() -> None:
    folder = keep(unwell(), "out")
    file = Path(folder) / "results.json"
    file.write_text(file.read_text().replace("clusterprobe/results/v1", "clusterprobe/results/v0"))
    with pytest.raises(UsageError, match="is not whole, or of another version"):
        kept.show("1", folder, "")


# --- two runs ---------------------------------------------------------------------------------------------------------


def of(*findings, **more) -> RunResult:
    return result(probe("a/b", "findings", findings=list(findings), **more), verdict="findings")


OLD, NEW = finding(reason="Old", problem="It was old."), finding(reason="New", problem="It is new.")
BEFORE = of(OLD, finding(Severity.WARNING, "Worse", problem="It was bad."), finding(reason="Same", problem="It stays."))
AFTER = of(NEW, finding(Severity.CRITICAL, "Worse", problem="It got worse."), finding(reason="Same", problem="It stays."))


def test_what_differs_is_a_line_a_finding_by_state_and_the_sum_is_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert kept.diff(keep(BEFORE, "a"), keep(AFTER, "b"), "") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [one.split(" (")[0] for one in lines if one.endswith("):")] == ["New", "Worse", "Resolved", "Still there"]
    assert "  CRITICAL  a/b  It got worse." in lines
    assert lines[-1] == "Since the run of 2026-11-22T02:58:19Z: 1 new, 1 worse, 1 persisting, 1 resolved."


def test_what_differs_as_json_names_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    kept.diff(keep(BEFORE, "a"), keep(AFTER, "b"), "json")
    read = json.loads(capsys.readouterr().out)
    assert read["schema"] == "clusterprobe/diff/v1"
    assert [(one["state"], one["reason"]) for one in read["findings"]] == [
        ("new", "New"),
        ("worse", "Worse"),
        ("resolved", "Old"),
        ("persisting", "Same"),
    ]
    assert read["findings"][0]["fingerprint"] == fingerprints(AFTER)["a/b", 0]


def test_what_differs_as_markdown_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    kept.diff(keep(BEFORE, "a"), keep(of(finding(problem="<b>@team</b>")), "b"), "markdown")
    text = capsys.readouterr().out
    assert "**New** (1)" in text
    assert "&lt;b&gt;&#64;team&lt;/b&gt;" in text


@pytest.mark.parametrize(("after", "status"), [(BEFORE, 0), (AFTER, 1), (of(OLD, unchecked=[unchecked()]), 2)])
def test_it_ends_as_a_run_against_the_earlier_one_would(after: RunResult, status: int) -> None:
    assert kept.diff(keep(BEFORE, "a"), keep(after, "b"), "") == status


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (
            msgspec.structs.replace(BEFORE, cluster=msgspec.structs.replace(CLUSTER, uid="other", context="other")),
            "a: that run was of another cluster",
        ),
        (msgspec.structs.replace(BEFORE, run=run_of(interrupted=True)), "a: that run was interrupted"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(before: RunResult, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        kept.diff(keep(before, "a"), keep(AFTER, "b"), "")


def test_runs_in_the_wrong_order_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    later = msgspec.structs.replace(BEFORE, run=run_of(finished="2026-11-23T00:00:00Z"))
    kept.diff(keep(later, "a"), keep(AFTER, "b"), "")
    assert "a is of a later run than b" in capsys.readouterr().err


def test_a_file_will_do_and_one_that_is_not_there_is_one_sentence() -> None:
    assert kept.diff(f"{keep(BEFORE, 'a')}/results.json", keep(BEFORE, "b"), "") == 0
    with pytest.raises(UsageError, match="none: No such file"):
        kept.diff("none", "b", "")


# --- accepting a finding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "pattern"),
    [
        (Subject(kind="Pod", namespace="a", name="api-6d4697f8f6-b6xbj", owner="Deployment/api"), "Pod a/api-*"),
        (Subject(kind="Deployment", namespace="a", name="api"), "Deployment a/api"),
        (Subject(kind="Node", name="worker2"), "Node worker2"),
        (Subject(kind="RuleGroup", namespace="a", name="cpu [5m] *?"), "RuleGroup a/cpu [[]5m] [*][?]"),
    ],
)
def test_the_entry_that_is_printed_accepts_the_finding(subject: Subject, pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = msgspec.structs.replace(finding(), subject=subject)
    keep(result(probe("a/b", findings=[one]), verdict="findings"))
    assert kept.accept("1", "", "because: it is", until="9999-12-31", owner="team", ticket="OPS-1") == 0
    (entry,) = yaml.safe_load(capsys.readouterr().out)
    assert entry["subject"] == pattern
    known = Profile.model_validate({"known": [entry]}).known[0]
    assert known.means("a/b", one)
    assert (known.why, known.owner, known.ticket, str(known.until)) == ("because: it is", "team", "OPS-1", "9999-12-31")
    other = msgspec.structs.replace(one, subject=msgspec.structs.replace(subject, name="other"))
    assert not known.means("a/b", other)


PVC = Subject(api_version="v1", kind="PersistentVolumeClaim", namespace="shop", name="data")


@pytest.mark.parametrize(
    ("subject", "begins"),
    [
        (PVC, "kubectl -n shop annotate persistentvolumeclaim data "),
        (msgspec.structs.replace(PVC, api_version="apps/v1", kind="Deployment"), "kubectl -n shop annotate deployment.apps data "),
    ],
)
def test_the_command_that_is_printed_annotates_the_object(subject: Subject, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(result(probe("storage/placement", "findings", findings=[finding(about=subject)])))
    assert kept.accept("1", "", "it's $fine", until="9999-12-31", owner="team", ticket="OPS-1", annotate=True) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(begins)
    assert shlex.split(printed.out)[6:] == [
        "clusterprobe.io/accept=Wrong",
        "clusterprobe.io/accept-until=9999-12-31",
        "clusterprobe.io/accept-why=it's $fine (OPS-1)",
        "clusterprobe.io/accept-owner=team",
    ]
    assert "accept_annotations" in printed.err


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (Subject(api_version="v1", kind="Node", name="worker1"), "of Node worker1 no annotation is read"),
        (Subject(kind="AlertPath", namespace="shop", name="alerts"), "of AlertPath shop/alerts no annotation is read"),
        (Subject(api_version="v1", kind="Pod", namespace="shop", name="web-0", owner="StatefulSet/web"), "the template of StatefulSet/web"),
        (Subject(api_version="v1", kind="ConfigMap", namespace="shop", name="boards"), "of ConfigMap shop/boards no annotation is read"),
        (msgspec.structs.replace(PVC, name="a\nb"), "No command is printed here"),
    ],
)
def test_an_object_whose_annotation_would_not_count_has_no_command(subject: Subject, said: str) -> None:
    keep(result(probe("storage/placement", "findings", findings=[finding(about=subject)])))
    with pytest.raises(UsageError, match=re.escape(said)):
        kept.accept("1", "", "x", annotate=True)


@pytest.mark.parametrize(
    ("wanted", "why", "until", "said"),
    [
        ("9", "x", "", "9: the run in reports/"),
        ("1", " ", "", "--why: a reason is needed, for whoever reads the report"),
        ("1", "x", "soon", "--until soon: expected a day such as 2027-06-30"),
        ("1", "x", "2020-01-01", "--until 2020-01-01: this day is over, so it would accept nothing"),
    ],
)
def test_what_cannot_be_accepted_is_said(wanted: str, why: str, until: str, said: str) -> None:
    keep(unwell())
    with pytest.raises(UsageError) as refused:
        kept.accept(wanted, "", why, until=until)
    assert str(refused.value).startswith(said)
