"""The example of docs/own-probes.md, on the real cluster: its own source reads what nothing else reads."""

import time
from pathlib import Path

import pytest

from lab import api
from tests.lab.running import clusterprobe
from tests.own_probes_example import write_example

NAME = "clusterprobe-example"


@pytest.fixture
def budget():
    """A disruption budget that lets no pod of a Deployment go; returns the Deployment's namespace."""
    deployment = next(one for one in api.items("/apis/apps/v1/deployments") if one["status"].get("readyReplicas"))
    namespace = deployment["metadata"]["namespace"]
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    spec = {"maxUnavailable": 0, "selector": deployment["spec"]["selector"]}
    api.create(budgets, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": NAME}, "spec": spec})
    try:
        deadline = time.monotonic() + 60
        while not (api.find(f"{budgets}/{NAME}") or {}).get("status", {}).get("expectedPods"):
            assert time.monotonic() < deadline, "the controller has not looked at the budget"
            time.sleep(0.5)
        yield namespace
    finally:
        api.delete(f"{budgets}/{NAME}")


def test_a_source_of_ones_own_reads_the_cluster(budget: str, tmp_path: Path) -> None:
    done = clusterprobe(tmp_path / "out", "--probes", str(write_example(tmp_path)), "--select", "acme,storage/classes")
    finding = done.finding("acme/evictions", "NoEviction")
    assert (finding["subject"]["namespace"], finding["subject"]["name"]) == (budget, NAME)
    assert done.finding("acme/team-label", "NoTeam")["severity"] == "warning"
    assert done.probe("storage/classes")["verdict"] == "pass"


def test_a_broken_one_moves_no_other_verdict(tmp_path: Path) -> None:
    own = write_example(tmp_path)
    (own / "acme" / "probe_evictions.py").write_text("import nothing_of_that_name\n")
    done = clusterprobe(tmp_path / "out", "--probes", str(own), "--select", "acme/evictions,storage/classes")
    assert (done.status, done.probe("storage/classes")["verdict"], done.probe("acme/evictions")["verdict"]) == (3, "pass", "broken")
