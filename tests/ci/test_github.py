"""The GitHub action and its example: their shape, and each shell step run as the runner runs it."""

import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from tests.ci.steps import ACTION, CI, OFFLINE, Action, read

EXAMPLE = CI / "github" / "example.yml"
DEMO = str(shipped("demo") / "demo.zip")
KUBECONFIG = (
    "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
    "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {token: token-of-ours}}]\n"
)


def steps(file: Path) -> list[dict]:
    found = read(file)
    return found["runs"]["steps"] if "runs" in found else [step for job in found["jobs"].values() for step in job["steps"]]


def probed(action: Action, **inputs: str):
    return action.step("Probe", **inputs)


# --- what they are like --------------------------------------------------------------------------------------------------


def test_the_action_has_the_keys_of_a_composite_action() -> None:
    action = read(ACTION)
    assert set(action) == {"name", "description", "inputs", "outputs", "runs"}
    assert action["runs"]["using"] == "composite"
    assert all(set(one) == {"description", "default"} and isinstance(one["default"], str) for one in action["inputs"].values())
    assert all(set(one) == {"description", "value"} for one in action["outputs"].values())
    for step in action["runs"]["steps"]:
        assert set(step) <= {"name", "id", "if", "shell", "env", "run", "uses", "with"}
        assert ("run" in step) == ("shell" in step) != ("uses" in step)


@pytest.mark.parametrize("file", [ACTION, EXAMPLE], ids=lambda file: file.name)
def test_no_expression_reaches_a_shell(file: Path) -> None:
    assert [step for step in steps(file) if "${{" in step.get("run", "")] == []


def test_every_input_is_used_and_every_one_that_is_used_exists() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text()))
    assert used == set(read(ACTION)["inputs"])


def test_outputs_come_from_what_the_step_writes() -> None:
    (step,) = [one for one in steps(ACTION) if one.get("id") == "run"]
    for name, one in read(ACTION)["outputs"].items():
        assert one["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
        assert f"{name}=" in step["run"]


def test_the_report_is_kept_although_the_run_failed() -> None:
    (step,) = [one for one in steps(ACTION) if one.get("uses", "").startswith("actions/upload-artifact@")]
    assert step["if"].startswith("always() && ")
    assert step["with"]["path"] == "${{ inputs.output }}"


def test_the_example_uses_inputs_that_the_action_has_and_an_artifact_for_each_use() -> None:
    uses = [step["with"] for step in steps(EXAMPLE) if step.get("uses", "").endswith("/deploy/ci/github@v0.1.0")]
    assert len(uses) == 3
    assert all(set(one) <= set(read(ACTION)["inputs"]) for one in uses)
    in_one_job = [one["artifact"] for one in uses if "artifact" in one]
    assert len(set(in_one_job)) == len(in_one_job) == 2
    for one in uses:
        assert load_profile(one.get("profile", "smoke"), shipped("profiles"))


def test_the_example_compares_with_what_it_kept() -> None:
    before, deploy, after = [step for step in read(EXAMPLE)["jobs"]["deploy"]["steps"] if "checkout" not in step.get("uses", "")]
    assert (before["id"], before["continue-on-error"], before["with"]["fail-on"]) == ("before", True, "never")
    assert deploy["if"] == "steps.before.outputs.report != ''"
    assert after["with"]["against"] == f"{before['with']['output']}/results.json"
    assert "continue-on-error" not in after


# --- installing ----------------------------------------------------------------------------------------------------------


def test_the_package_that_is_named_is_installed(environment: Path) -> None:
    done = subprocess.run([environment / "bin" / "clusterprobe", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip()


def test_without_a_package_the_version_that_the_action_came_with_is_installed(tmp_path: Path) -> None:
    action = Action(tmp_path, OFFLINE)
    environment = action.temporary / "clusterprobe" / "bin"
    python = tmp_path / "python"  # pip would want an index for what builds the checkout: look at what it is asked for
    python.write_text(
        '#!/bin/sh\n[ "$2" = venv ] || exit 0\n'
        f"mkdir -p {environment}\nprintf '#!/bin/sh\\necho \"$@\"' >{environment}/python\nchmod +x {environment}/python\n"
    )
    python.chmod(0o755)
    done = action.step("Install Clusterprobe", python=str(python))
    wanted = Path(done.said.split()[-1])
    assert (done.status, (wanted / "pyproject.toml").is_file(), "-- " in done.said) == (0, True, True), done.said


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = Action(tmp_path).step("Install Clusterprobe", python=str(old))
    assert (done.status, "Python 3.11 or newer is needed" in done.said) == (1, True)


# --- running -------------------------------------------------------------------------------------------------------------


def test_findings_fail_the_step_and_leave_report_summary_and_outputs(action: Action) -> None:
    done = probed(action, bundle=DEMO)
    report = action.workspace / "clusterprobe-report"
    assert done.status == 1, done.said
    assert done.outputs == {"verdict": "findings", "report": "clusterprobe-report", "exit-status": "1"}
    assert {"index.html", "results.json", "junit.xml", "metrics.prom"} <= {one.name for one in report.iterdir()}
    cases = list(ET.parse(report / "junit.xml").iter("testcase"))
    assert any(case.find("failure") is not None for case in cases)
    assert done.summary.startswith("## ")
    assert "| Severity | Probe | Where | What |" in done.summary
    assert json.loads((report / "results.json").read_text())["run"]["profile"] == "smoke"


def test_what_is_healthy_passes(action: Action) -> None:
    (action.workspace / "classes.yaml").write_text("extends: smoke\nprobes: {select: [prometheus/missing, loki/ready], skip: []}\n")
    done = probed(action, bundle=DEMO, profile="classes.yaml")
    assert (done.status, done.outputs["verdict"]) == (0, "healthy"), done.said


def test_only_what_is_new_fails(action: Action) -> None:
    assert probed(action, bundle=DEMO, output="before").status == 1
    done = probed(action, bundle=DEMO, output="after", against="before/results.json")
    assert (done.status, done.outputs["report"]) == (0, "after"), done.said


def test_a_cluster_that_does_not_answer_is_incomplete_and_its_secret_is_gone(action: Action) -> None:
    done = probed(action, kubeconfig=KUBECONFIG)
    assert (done.status, done.outputs["verdict"], done.outputs["exit-status"]) == (2, "incomplete", "2"), done.said
    assert "onnection refused" in done.said
    assert "Incomplete" in done.summary
    left = [one for one in action.folder.rglob("*") if one.is_file() and "token-of-ours" in one.read_text(errors="ignore")]
    assert ("token-of-ours" in done.said, left) == (False, [])


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"kubeconfig": "nosuch/config"}, "kubeconfig: neither a file that exists nor the content"),
        ({}, "no kubeconfig"),
        ({"bundle": DEMO, "profile": "smokee"}, "did you mean smoke?"),
        ({"bundle": DEMO, "fail_on": "eror"}, "expected one of"),
        ({"bundle": "nosuch.zip"}, "nosuch.zip cannot be read"),
        ({"bundle": DEMO, "against": "before/results.json"}, "--against before/results.json: No such file"),
        ({"bundle": DEMO, "wait": "1m"}, "has no effect beside --bundle, which never changes"),
    ],
)
def test_a_mistake_is_bad_usage_and_said_clearly(action: Action, inputs: dict[str, str], said: str) -> None:
    done = probed(action, **inputs)
    assert (done.status, done.outputs) == (4, {"exit-status": "4"}), done.said
    assert said in done.said
    assert "Traceback" not in done.said


def test_what_looks_like_a_secret_and_is_none_is_not_printed(action: Action) -> None:
    done = probed(action, kubeconfig="dG9rZW4tb2Ytb3Vycw==")
    assert (done.status, "dG9rZW4" in done.said) == (4, False)


def test_results_of_an_earlier_run_are_no_answer(action: Action) -> None:
    report = action.workspace / "clusterprobe-report"
    report.mkdir()
    (report / "results.json").write_text('{"verdict": "healthy"}')
    done = probed(action, bundle="nosuch.zip")
    assert done.outputs == {"exit-status": "4"}


def test_inputs_are_words_of_their_own_and_run_nothing(stand_in, tmp_path: Path) -> None:
    action = Action(tmp_path)
    stand_in(action.temporary / "clusterprobe" / "bin")
    nasty = "$(touch pwned) `touch pwned`; touch pwned #' \"*"
    probed(action, context=nasty, profile="-x", wait="1 m", against="a b", fail_on="--help", bundle=nasty, probes=nasty)
    assert stand_in.told()["arguments"] == [
        "run",
        "--profile=-x",
        "--output=clusterprobe-report",
        f"--context={nasty}",
        "--fail-on=--help",
        "--wait=1 m",
        "--against=a b",
        f"--probes={nasty}",
        f"--bundle={nasty}",
    ]
    assert not list(tmp_path.rglob("pwned"))


def test_an_output_cannot_set_another_output(stand_in, tmp_path: Path) -> None:
    action = Action(tmp_path)
    stand_in(action.temporary / "clusterprobe" / "bin")
    done = probed(action, output="report\nverdict=healthy")
    assert done.outputs["verdict"] == "incomplete"


def test_a_secrets_content_is_a_file_for_its_owner_only_and_in_no_environment(stand_in, tmp_path: Path) -> None:
    action = Action(tmp_path)
    stand_in(action.temporary / "clusterprobe" / "bin")
    done = probed(action, kubeconfig=KUBECONFIG)
    told = stand_in.told()
    assert (told["kubeconfig"].strip(), told["mode"], told["folder"], told["leaked"]) == (KUBECONFIG.strip(), "0o600", "0o700", False)
    assert [one.name for one in action.temporary.iterdir()] == ["clusterprobe"]
    assert "token-of-ours" not in done.said


def test_a_path_is_used_as_it_is(stand_in, tmp_path: Path) -> None:
    action = Action(tmp_path)
    stand_in(action.temporary / "clusterprobe" / "bin")
    (action.workspace / "my config").write_text("x")
    probed(action, kubeconfig="my config")
    assert "--kubeconfig=my config" in stand_in.told()["arguments"]
    assert (action.workspace / "my config").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_workflow_that_is_cancelled_keeps_its_report_and_no_secret(stand_in, tmp_path: Path, sent: signal.Signals) -> None:
    action = Action(tmp_path, {"LONG_RUN": "1"})
    stand_in(action.temporary / "clusterprobe" / "bin")
    step = next(one for one in steps(ACTION) if one["name"] == "Probe")
    command, environment = action.prepared(step, {"kubeconfig": KUBECONFIG})
    # A shell cannot trap what was ignored when it started, as SIGINT is in whatever a shell script put into the background.
    running = subprocess.Popen(["env", "--default-signal", *command], env=environment, cwd=action.workspace)
    deadline = time.monotonic() + 20
    while not stand_in.file.exists() or not stand_in.file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)  # for its handler
    os.kill(running.pid, sent)
    assert running.wait(20) != 0
    assert [one.name for one in action.temporary.iterdir()] == ["clusterprobe"]
    assert "verdict=incomplete" in (tmp_path / "outputs").read_text()
