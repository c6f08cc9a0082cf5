"""The GitHub action's own steps against the real cluster: install the wheel, probe with the smoke profile."""

import json
from pathlib import Path

import pytest

from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from lab.paths import KUBECONFIG
from tests.ci.steps import OFFLINE, Action, Ran, lend_dependencies, wheel


@pytest.fixture(scope="module")
def action(tmp_path_factory) -> Action:
    action = Action(tmp_path_factory.mktemp("action"), OFFLINE)
    done = action.step("Install Clusterprobe", package=str(wheel(action.temporary)))
    assert done.status == 0, done.said
    lend_dependencies(action.temporary / "clusterprobe")
    return action


@pytest.fixture(scope="module")
def smoke(action: Action) -> Ran:
    return action.step("Probe", kubeconfig=KUBECONFIG.read_text())


def test_the_smoke_profile_sees_everything_of_the_healthy_lab_before_its_deadline(action: Action, smoke: Ran) -> None:
    results = json.loads((action.workspace / smoke.outputs["report"] / "results.json").read_text())
    assert load_profile("smoke", shipped("profiles")).timeout_seconds == 30
    # What is not read by then would be unchecked, and the exit status 2.
    assert (smoke.status, results["run"]["profile"], results["run"]["interrupted"]) == (0, "smoke", False), smoke.said
    assert [one["id"] for one in results["probes"] if one["unchecked"]] == []
    assert sum(one["verdict"] == "pass" for one in results["probes"]) > len(results["probes"]) / 2


def test_the_summary_says_so_and_the_kubeconfig_is_gone(action: Action, smoke: Ran) -> None:
    assert smoke.summary.startswith("## ")
    assert "profile smoke" in smoke.summary
    assert not list(action.temporary.glob("clusterprobe-run.*"))


def test_a_context_that_does_not_exist_is_bad_usage(action: Action, smoke: Ran, tmp_path: Path) -> None:
    done = action.step("Probe", kubeconfig=str(KUBECONFIG), context="nosuch", output=str(tmp_path / "out"))
    assert (done.status, done.outputs) == (4, {"exit-status": "4"}), done.said
