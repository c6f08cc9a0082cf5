"""The GitHub action's own steps against the real cluster: install the wheel, probe with the smoke profile, as whom docs/ci.md says."""

import json
import os
from pathlib import Path

import pytest

from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from lab import api
from lab.paths import KUBECONFIG
from lab.stages import clear, stage
from tests.ci.steps import CI, OFFLINE, Action, Ran, documented, execute, lend_dependencies, read, wheel

RBAC = "/apis/rbac.authorization.k8s.io/v1"
EXAMPLE = CI / "github" / "example.yml"


@pytest.fixture(scope="module")
def action(tmp_path_factory) -> Action:
    action = Action(tmp_path_factory.mktemp("action"), OFFLINE)
    done = action.step("Install Clusterprobe", package=str(wheel(action.temporary)))
    assert done.status == 0, done.said
    lend_dependencies(action.temporary / "clusterprobe")
    return action


@pytest.fixture(scope="module")
def kubeconfig(action: Action, tmp_path_factory) -> Path:
    """What the commands of docs/ci.md make: the reader's."""
    folder = tmp_path_factory.mktemp("account")
    programs = action.temporary / "clusterprobe" / "bin"
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}"}
    done = execute(["bash", "-euo", "pipefail", "-c", documented("account")], environment, folder)
    yield folder / "reader.kubeconfig"
    for path in (
        f"{RBAC}/clusterrolebindings/clusterprobe-ci",
        f"{RBAC}/clusterroles/clusterprobe-ci",
        "/api/v1/namespaces/clusterprobe-ci",
    ):
        if api.find(path) is not None:
            api.delete(path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def smoke(action: Action, kubeconfig: Path) -> Ran:
    return action.step("Probe", kubeconfig=kubeconfig.read_text())


def test_the_smoke_profile_sees_everything_of_the_healthy_lab_before_its_deadline(action: Action, smoke: Ran) -> None:
    results = json.loads((action.workspace / smoke.outputs["report"] / "results.json").read_text())
    assert load_profile("smoke", shipped("profiles")).timeout_seconds == 30
    # What is not read by then would be unchecked, and the exit status 2.
    assert (smoke.status, results["run"]["profile"], results["run"]["interrupted"]) == (0, "smoke", False), smoke.said
    assert results["cluster"]["user"] == "system:serviceaccount:clusterprobe-ci:reader"
    assert [one["id"] for one in results["probes"] if one["unchecked"]] == []
    assert sum(one["verdict"] == "pass" for one in results["probes"]) > len(results["probes"]) / 2


def test_the_summary_says_so_and_the_kubeconfig_is_gone(action: Action, smoke: Ran) -> None:
    assert smoke.summary.startswith("## ")
    assert "profile smoke" in smoke.summary
    assert not list(action.temporary.glob("clusterprobe-run.*"))


def test_a_context_that_does_not_exist_is_bad_usage(action: Action, smoke: Ran, tmp_path: Path) -> None:
    done = action.step("Probe", kubeconfig=str(KUBECONFIG), context="nosuch", output=str(tmp_path / "out"))
    assert (done.status, done.outputs) == (4, {"exit-status": "4"}), done.said


@pytest.fixture
def deployed():
    """A deployment that breaks something, between the two runs of an example."""
    name, environment = "alertmanager-wrong-key", "dev"
    yield lambda: stage(name, environment)
    clear(name, environment)


def test_a_deployment_that_breaks_something_fails_the_run_after_it(action: Action, kubeconfig: Path, deployed) -> None:
    steps = read(EXAMPLE)["jobs"]["deploy"]["steps"]
    before, after = [
        {name.replace("-", "_"): value for name, value in step["with"].items() if name not in ("kubeconfig", "artifact")}
        for step in steps
        if "profile" in step.get("with", {})
    ]
    first = action.step("Probe", kubeconfig=kubeconfig.read_text(), **before)
    assert first.status in (0, 2), first.said  # its example goes on after either
    assert first.outputs["report"] == "before"
    deployed()
    second = action.step("Probe", kubeconfig=kubeconfig.read_text(), **after)
    assert (second.status, "will not settle by itself" in second.said) == (1, True), second.said
    results = json.loads((action.workspace / "after" / "results.json").read_text())
    assert {probe for probe, _ in map(tuple, results["since"]["new"])} >= {"alertmanager/default-config"}, results["since"]
