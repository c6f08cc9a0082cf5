"""What cannot be seen in the real cluster is named, and is never a pass."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.access import namespace_kubeconfig
from lab.paths import KUBECONFIG
from lab.stages import clear, stage
from tests.lab.running import PROFILE, clusterprobe, ours


@pytest.fixture
def staged():
    done = []

    def begin(name: str, environment: str = "") -> None:
        done.append((name, environment))
        stage(name, environment)

    yield begin
    for name, environment in done:
        clear(name, environment)


def unchecked(done, probe: str) -> str:
    return "\n".join(f"{one['subject']} {one['reason']}" for one in done.probe(probe)["unchecked"])


def test_a_token_for_one_namespace_leaves_the_others_unchecked_by_name(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(namespace_kubeconfig("monitoring-dev"))
    done = clusterprobe(tmp_path / "out", kubeconfig=config)
    assert done.status == 2
    assert "`clusterprobe rbac --route" in done.said, "what settles it is said"
    assert "not allowed to list" in unchecked(done, "prometheus/cross-scrape")
    assert done.verdicts("pass") == {}
    assert done.probe("prometheus/cross-scrape")["examined"] == 1, "what may be read is still judged"
    assert "pods" in unchecked(done, "prometheus/cross-scrape")


def test_a_stopped_prometheus_is_unchecked_and_expected_it_is_a_finding(staged, tmp_path: Path) -> None:
    staged("prometheus-stopped")
    done = clusterprobe(tmp_path / "out")
    assert done.status == 2
    assert done.probe("prometheus/cross-scrape")["verdict"] == "inconclusive"
    assert "scaled to 0" in unchecked(done, "prometheus/cross-scrape")
    assert done.found("error", "critical") == set()
    profile = tmp_path / "mine.yaml"
    profile.write_text(f"extends: {PROFILE}\nexpect:\n  prometheus: [monitoring-dev, monitoring-gone]\n")
    done = clusterprobe(tmp_path / "expected", "--profile", str(profile))
    assert done.status == 1
    assert ("prometheus", "monitoring-gone") in {
        (one["subject"]["kind"].lower(), one["subject"]["namespace"]) for one in done.probe("prometheus/missing")["findings"]
    }


def test_a_login_page_in_front_of_loki_is_unchecked(staged, tmp_path: Path) -> None:
    staged("loki-behind-login-page")
    done = clusterprobe(tmp_path / "out")
    assert done.status == 2
    assert done.probe("loki/query-range")["verdict"] == "inconclusive"
    assert "HTML page" in unchecked(done, "loki/query-range")
    assert done.found("error", "critical") == set()


def test_an_interrupted_active_run_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from clusterprobe.cli import main; main()",
        "run",
        "--active",
        "--yes",
        "--select",
        "pods/termination",
    ]
    output = tmp_path / "out"
    run = subprocess.Popen(
        [*command, "--kubeconfig", str(KUBECONFIG), "--profile", str(PROFILE), "--output", str(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until_ours_exist()
    run.terminate()
    assert run.wait(90) == 2
    assert ours() == []
    assert '"interrupted": true' in (output / "results.json").read_text()


def wait_until_ours_exist() -> None:
    deadline = time.monotonic() + 60
    while not any("pods" in one for one in ours()):
        assert time.monotonic() < deadline, "the run made no canary"
        time.sleep(0.2)
