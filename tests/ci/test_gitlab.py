"""The GitLab template and its example: their shape, and the script run as the runner runs it."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from tests.ci.steps import CI, OFFLINE, TEMPLATE, Job, read
from tests.ci.test_github import DEMO, KUBECONFIG

EXAMPLE = CI / "gitlab" / "example.gitlab-ci.yml"
JOB_KEYS = {"extends", "stage", "rules", "variables", "allow_failure", "script", "resource_group"}


# --- what they are like --------------------------------------------------------------------------------------------------


def test_including_the_template_adds_no_job() -> None:
    assert set(read(TEMPLATE)) == {"variables", ".clusterprobe"}
    assert set(read(TEMPLATE)[".clusterprobe"]) == {"image", "script", "artifacts"}


def test_every_variable_is_a_text_and_every_one_that_is_used_has_a_default() -> None:
    template = read(TEMPLATE)
    assert all(isinstance(one, str) for one in template["variables"].values())
    used = set(re.findall(r"\$\{?(CLUSTERPROBE_[A-Z_]+)", TEMPLATE.read_text()))
    assert used == set(template["variables"])


def test_the_report_is_kept_although_the_run_failed() -> None:
    artifacts = read(TEMPLATE)[".clusterprobe"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["paths"] == ["$CLUSTERPROBE_OUTPUT/"]
    assert artifacts["reports"] == {"junit": "$CLUSTERPROBE_OUTPUT/junit.xml", "dotenv": "$CLUSTERPROBE_OUTPUT/verdict.env"}


def test_the_examples_jobs_fit_the_template_and_the_stages() -> None:
    example, known = read(EXAMPLE), read(TEMPLATE)["variables"]
    jobs = {name: one for name, one in example.items() if name not in ("include", "stages", "variables")}
    assert set(jobs) == {"smoke", "before", "deploy", "after"}
    assert example["include"][0]["file"] == str(TEMPLATE.relative_to(CI.parents[1]))
    assert set(example["variables"]) <= set(known)
    for one in jobs.values():
        assert set(one) <= JOB_KEYS
        assert one["stage"] in example["stages"]
        assert set(one.get("variables", {})) <= set(known)
        assert load_profile(one.get("variables", {}).get("CLUSTERPROBE_PROFILE", "smoke"), shipped("profiles"))
    assert jobs["smoke"]["allow_failure"] == jobs["before"]["allow_failure"] == {"exit_codes": [2]}


def test_the_example_compares_with_what_it_kept() -> None:
    example = read(EXAMPLE)
    order = [example["stages"].index(example[name]["stage"]) for name in ("before", "deploy", "after")]
    assert order == [0, 1, 2]
    before, after = example["before"]["variables"], example["after"]["variables"]
    assert after["CLUSTERPROBE_AGAINST"] == f"{before['CLUSTERPROBE_OUTPUT']}/results.json"
    assert after["CLUSTERPROBE_OUTPUT"] != before["CLUSTERPROBE_OUTPUT"]
    assert "allow_failure" not in example["after"]


# --- running -------------------------------------------------------------------------------------------------------------


def test_the_package_that_is_named_is_installed(package: Path, tmp_path: Path) -> None:
    job = Job(tmp_path, extra=OFFLINE)
    done = job.run(0, CLUSTERPROBE_PACKAGE=str(package))
    assert (done.status, (job.project / ".clusterprobe" / "bin" / "clusterprobe").exists()) == (0, True), done.said


def test_findings_fail_the_job_and_leave_report_and_verdict(job: Job) -> None:
    done = job.run(1, CLUSTERPROBE_BUNDLE=DEMO)
    report = job.project / "clusterprobe-report"
    assert (done.status, done.outputs) == (1, {"CLUSTERPROBE_VERDICT": "findings"}), done.said
    assert {"index.html", "results.json", "metrics.prom"} <= {one.name for one in report.iterdir()}
    assert any(case.find("failure") is not None for case in ET.parse(report / "junit.xml").iter("testcase"))
    assert json.loads((report / "results.json").read_text())["run"]["profile"] == "smoke"


def test_a_cluster_that_does_not_answer_is_what_may_be_allowed_to_fail(job: Job) -> None:
    done = job.run(1, CLUSTERPROBE_KUBECONFIG=KUBECONFIG)
    assert (done.status, done.outputs) == (2, {"CLUSTERPROBE_VERDICT": "incomplete"}), done.said
    left = [one for one in job.folder.rglob("*") if one.is_file() and "token-of-ours" in one.read_text(errors="ignore")]
    assert ("token-of-ours" in done.said, left) == (False, [])


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KUBECONFIG": "nosuch/config"}, "CLUSTERPROBE_KUBECONFIG: neither a file that exists nor the content"),
        ({}, "no kubeconfig"),
        ({"BUNDLE": DEMO, "PROFILE": "smokee"}, "did you mean smoke?"),
    ],
)
def test_a_mistake_is_bad_usage_and_said_clearly(job: Job, variables: dict[str, str], said: str) -> None:
    done = job.run(1, **{f"CLUSTERPROBE_{name}": value for name, value in variables.items()})
    assert (done.status, done.outputs, said in done.said) == (4, {}, True), done.said


def test_without_a_package_nothing_is_guessed(tmp_path: Path) -> None:
    done = Job(tmp_path).run()
    assert (done.status, "say what pip is to install" in done.said) == (4, True)


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_variables_are_words_of_their_own_and_a_secret_is_a_file_for_its_owner_only(stand_in, tmp_path: Path, shell: str) -> None:
    job = Job(tmp_path, shell)
    stand_in(job.project / ".clusterprobe" / "bin")
    nasty = "$(touch pwned) `touch pwned`; touch pwned #' \"*"
    variables = {"CONTEXT": nasty, "KUBECONFIG": KUBECONFIG, "WAIT": "1 m", "AGAINST": "a b", "PROBES": nasty}
    done = job.run(1, **{f"CLUSTERPROBE_{name}": value for name, value in variables.items()})
    told = stand_in.told()
    file = next(one for one in told["arguments"] if one.startswith("--kubeconfig="))
    assert told["arguments"] == [
        "run",
        "--profile=smoke",
        "--output=clusterprobe-report",
        file,
        f"--context={nasty}",
        "--wait=1 m",
        "--against=a b",
        f"--probes={nasty}",
    ]
    assert (told["kubeconfig"].strip(), told["mode"], told["folder"], told["leaked"]) == (KUBECONFIG.strip(), "0o600", "0o700", False)
    assert not Path(file.partition("=")[2]).exists()
    assert not list(tmp_path.rglob("pwned"))
    assert "token-of-ours" not in done.said
