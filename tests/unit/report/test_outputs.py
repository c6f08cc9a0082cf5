"""results.json, junit.xml, metrics.prom, the summary, and all of them together."""

import fcntl
import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest

from clusterprobe import files, report
from clusterprobe.model import RunResult, Severity
from clusterprobe.report import html, junit, metrics, results, summary
from tests.report_factories import finding, healthy, hostile, incomplete, probe, result, run_of, subject, unchecked, unwell

SCHEMA_FILE = Path(__file__).parents[3] / "docs" / "results.schema.json"


# --- all of them ------------------------------------------------------------------------------------------------------


def test_every_output_is_written(tmp_path):
    assert report.write_all(unwell(), tmp_path / "new") == []
    assert {one.name for one in (tmp_path / "new").iterdir()} == {"index.html", "results.json", "junit.xml", "metrics.prom"}


def test_a_failing_sink_does_not_stop_the_others(tmp_path, monkeypatch):
    def fail(result, folder):
        raise ValueError("with something private")

    monkeypatch.setattr(html, "write", fail)
    assert report.write_all(unwell(), tmp_path) == ["the output html was not written: ValueError"]
    assert {one.name for one in tmp_path.iterdir()} == {"results.json", "junit.xml", "metrics.prom"}


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def fail(result, folder):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(junit, "write", fail)
    assert report.write_all(unwell(), tmp_path) == ["the output junit was not written: No space left on device (somewhere)"]


def test_nothing_is_written_if_the_redaction_fails(tmp_path, monkeypatch):
    def fail(result):
        raise ValueError("with something private")

    monkeypatch.setattr("clusterprobe.report.safe.safe", fail)
    assert report.write_all(unwell(), tmp_path) == ["no report was written: ValueError"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    [message] = report.write_all(unwell(), tmp_path / "file" / "folder")
    assert message.startswith("no report was written: Not a directory")


def test_outputs_are_put_there_while_no_other_run_can(tmp_path, monkeypatch):
    held = []

    def put(partial, path):
        descriptor = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(path.name)
        finally:
            os.close(descriptor)

    monkeypatch.setattr(report, "put", put)
    report.write_all(unwell(), tmp_path)
    assert sorted(held) == ["index.html", "junit.xml", "metrics.prom", "results.json"]


def test_a_folder_that_is_held_for_ever_gets_its_outputs_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.0)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert report.write_all(unwell(), tmp_path) == []
    os.close(descriptor)
    assert (tmp_path / "results.json").exists()


def test_no_output_holds_a_secret(tmp_path, monkeypatch):
    secret = "glpat-abcdefghijklmnopqrst"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert report.write_all(hostile(f"token {secret}"), tmp_path) == []
    assert [one.name for one in tmp_path.iterdir() if secret in one.read_text()] == []


# --- results.json -----------------------------------------------------------------------------------------------------


def test_the_results_can_be_read_back(tmp_path):
    results.write(unwell(), tmp_path)
    assert msgspec.json.decode((tmp_path / "results.json").read_bytes(), type=RunResult) == unwell()


def test_the_results_have_the_published_names(tmp_path):
    results.write(unwell(), tmp_path)
    read = json.loads((tmp_path / "results.json").read_text())
    known = ["schema", "run", "cluster", "verdict", "probes", "environments", "since", "explained", "inventory", "placed"]
    assert list(read) == [*known, "accepted", "remembered", "trend", "production"]
    assert read["probes"][0]["findings"][0]["subject"]["apiVersion"] == "monitoring.coreos.com/v1"


@pytest.mark.parametrize("make", [healthy, unwell, incomplete])
def test_the_results_fit_the_published_schema(make):
    validator = jsonschema.Draft202012Validator
    validator.check_schema(results.schema())
    validator(results.schema()).validate(json.loads(msgspec.json.encode(make())))


def test_the_schema_refuses_an_unknown_verdict():
    validator = jsonschema.Draft202012Validator
    wrong = {**msgspec.to_builtins(healthy()), "verdict": "fine"}
    assert not validator(results.schema()).is_valid(wrong)


def test_the_published_schema_is_the_one_of_the_model(tmp_path):
    results.publish(tmp_path / "schema.json")
    assert SCHEMA_FILE.read_text() == (tmp_path / "schema.json").read_text()


# --- junit.xml --------------------------------------------------------------------------------------------------------


def case(*args, level=Severity.ERROR, **more):
    return junit.case(probe(*args, **more), level)


def test_a_probe_is_a_case_of_its_area():
    one = case("loki/ready")
    assert (one.get("classname"), one.get("name")) == ("loki", "loki/ready")
    assert one.find("failure") is None


def test_findings_at_the_level_fail_a_case():
    failure = case("a/b", "findings", findings=[finding(Severity.ERROR, problem="It is wrong.")]).find("failure")
    assert failure.get("type") == "findings"
    assert "It is wrong." in failure.text


def test_findings_below_the_level_are_told_without_failing():
    one = case("a/b", "findings", findings=[finding(Severity.WARNING, problem="Look.")])
    assert one.find("failure") is None
    assert "Look." in one.find("system-out").text


@pytest.mark.parametrize("verdict", ["inconclusive", "broken"])
def test_a_probe_that_could_not_look_fails_a_case(verdict):
    failure = case("a/b", verdict, unchecked=[unchecked("refused")]).find("failure")
    assert failure.get("type") == verdict
    assert "refused" in failure.text


def test_a_probe_with_nothing_to_look_at_is_skipped():
    assert case("a/b", "not_applicable", reason="no Argo CD").find("skipped").get("message") == "no Argo CD"


def test_a_case_carries_verdict_examined_and_reason():
    values = {one.get("name"): one.get("value") for one in case("a/b", examined=7, reason="7 examined").iter("property")}
    assert values == {"verdict": "pass", "examined": "7", "reason": "7 examined"}


def test_the_run_says_how_many_failed(tmp_path):
    junit.write(unwell(), tmp_path)
    suite = ET.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped"), suite.get("time")) == ("15", "6", "1", "12.000")


@pytest.mark.parametrize(("fail_on", "failures"), [("warning", "7"), ("critical", "3"), ("never", "6")])
def test_the_run_fails_by_its_own_level(fail_on, failures):
    one = msgspec.structs.replace(unwell(), run=run_of(fail_on=fail_on))
    assert junit.suites(one).get("failures") == failures


@pytest.mark.parametrize("text", ["\x00\x1b[0m", "]]><x>", "\ufffe\uffff", "a\u202eb", "\n::error::x", "\n##[error]x"])
def test_hostile_text_leaves_the_file_well_formed_and_without_commands(tmp_path, text):
    junit.write(hostile(text), tmp_path)
    written = (tmp_path / "junit.xml").read_text()
    ET.fromstring(written)
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in written.splitlines())


# --- metrics.prom -----------------------------------------------------------------------------------------------------


def written_metrics(tmp_path, one):
    metrics.write(one, tmp_path)
    return (tmp_path / "metrics.prom").read_text()


def test_the_metrics_tell_what_the_run_came_to(tmp_path):
    text = written_metrics(tmp_path, unwell())
    assert 'clusterprobe_run_verdict{verdict="findings"} 1.0' in text
    assert "clusterprobe_exit_status 1.0" in text
    assert "clusterprobe_run_duration_seconds 12.0" in text
    assert "clusterprobe_run_timestamp_seconds 1.795316299e+09" in text


def test_the_metrics_tell_about_each_probe(tmp_path):
    text = written_metrics(tmp_path, unwell())
    assert 'clusterprobe_probe_verdict{probe="serving/health",verdict="inconclusive"} 1.0' in text
    assert 'clusterprobe_unchecked{probe="serving/health"} 3.0' in text
    assert 'clusterprobe_examined{probe="pods/termination"} 43.0' in text


def test_the_metrics_count_findings_by_environment(tmp_path):
    labels = 'environment="dev",probe="prometheus/cross-scrape",reason="CrossScrape",severity="error"'
    assert f"clusterprobe_findings{{{labels}}} 1.0" in written_metrics(tmp_path, unwell())


def test_the_metrics_name_no_object(tmp_path):
    one = result(probe("a/b", "findings", findings=[finding(about=subject(name="pod-x2x8q", namespace="there"))]))
    assert "pod-x2x8q" not in written_metrics(tmp_path, one)


def test_the_metrics_of_a_run_without_times_leave_them_out(tmp_path):
    assert "clusterprobe_run_duration_seconds" not in written_metrics(tmp_path, result(run=run_of(started="", finished="")))


def test_hostile_labels_stay_inside_their_quotes(tmp_path):
    text = written_metrics(tmp_path, hostile('x"} 1\nevil 1'))
    assert not any(line.startswith("evil") for line in text.splitlines())


# --- the summary ------------------------------------------------------------------------------------------------------


def test_the_summary_starts_with_the_answer():
    assert summary.summary_markdown(unwell()).startswith("## Not healthy\n\n1 critical finding")


def test_the_summary_tells_what_could_not_be_checked():
    text = summary.summary_markdown(incomplete())
    assert "**Could not be checked**" in text
    assert "loki/instant\\-queries could not check: it examined nothing" in text


def test_the_summary_is_appended_where_github_asks_for_it(tmp_path, monkeypatch):
    (tmp_path / "steps.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "steps.md"))
    summary.write(healthy(), tmp_path)
    assert (tmp_path / "steps.md").read_text().startswith("before\n## Healthy")


def test_nothing_is_summarized_where_nobody_asks(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    summary.write(healthy(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["<img src=x>", "![a](http://x)", "@team", "a|b", "x\n# y", "`c`", "[a](b)"])
def test_the_summary_shows_markup_as_text(text):
    written = summary.summary_markdown(hostile(text))
    assert text not in written


def test_a_long_summary_says_how_much_it_leaves_out():
    many = result(probe("a/b", "findings", findings=[finding() for _ in range(60)]), verdict="findings")
    assert "and 10 more findings in the report" in summary.summary_markdown(many)
