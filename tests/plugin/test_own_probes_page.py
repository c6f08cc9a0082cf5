"""What docs/own-probes.md shows runs as it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from clusterprobe import api, sources
from clusterprobe.own_probes import own_probes
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.request import Request
from tests.factories import assert_blindness_is_no_health, judged, listing, make, outcome, reasons
from tests.own_probes_example import PAGE, write_example

ROOT = PAGE.parents[1]


def clusterprobe(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clusterprobe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture
def modules(tmp_path: Path):
    """The example's modules by name, loaded as a run loads them."""
    own = own_probes(Request(probes=(str(write_example(tmp_path)),)), Profile())
    assert own.troubles == {}
    yield {path.stem: module for path, module in own.modules.items()}
    sources.include([])


def test_the_demo_runs_them(tmp_path: Path) -> None:
    write_example(tmp_path)
    done = clusterprobe("demo", "--probes", "own", "--select", "acme", "--output", "out", folder=tmp_path)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (team,) = results["probes"]
    assert (team["id"], team["verdict"], {one["reason"] for one in team["findings"]}) == ("acme/team-label", "findings", {"NoTeam"})
    assert team["findings"][0]["steps"][0]["commands"]
    assert results["run"]["unrecorded"] == {"acme/evictions": ["disruption_budgets"]}
    assert done.returncode == 2, done.stderr


def test_the_other_commands_know_them(tmp_path: Path) -> None:
    write_example(tmp_path)
    (tmp_path / "mine.yaml").write_text("probes: {paths: [own]}\n")
    assert "Does each namespace say" in clusterprobe("list", "--profile", "mine.yaml", "--select", "acme", folder=tmp_path).stdout
    assert "Require the label" in clusterprobe("explain", "acme/team-label", "--probes", "own", folder=tmp_path).stdout
    role = yaml.safe_load(clusterprobe("rbac", "--probes", "own", "--select", "acme/evictions", folder=tmp_path).stdout)
    assert {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]} in role["rules"]
    assert clusterprobe("docs", "pages", "--probes", "own", folder=tmp_path).returncode == 0
    assert "`NoEviction`" in (tmp_path / "pages" / "probes" / "acme-evictions.md").read_text()
    assert "`disruption_budgets` | `Budget`" in (tmp_path / "pages" / "sources.md").read_text()


def budget(module, allowed: int, expected: int = 3):
    status = {"disruptionsAllowed": allowed, "expectedPods": expected}
    return make(module.Budget, metadata={"name": "web", "namespace": "shop"}, status=status)


def test_the_probe_judges_what_its_source_reads(modules) -> None:
    probe, types = modules["probe_evictions"].probe_evictions, modules["sources"]
    blocked, free, empty = (listing("PodDisruptionBudget", [budget(types, *one)]) for one in ((0,), (1,), (0, 0)))
    assert reasons(judged(probe, disruption_budgets=blocked)) == ["NoEviction"]
    assert outcome(judged(probe, disruption_budgets=free)) == outcome(judged(probe, disruption_budgets=empty)) == "pass"
    assert outcome(judged(probe, disruption_budgets=Readings(absent="there is none"))) == "not_applicable"
    assert_blindness_is_no_health(probe, {"disruption_budgets": free})


def test_the_source_lists_what_it_declares(modules) -> None:
    asked = []
    cluster = SimpleNamespace(list=lambda resource, kind, namespaces: asked.append((resource.name, kind.__name__)) or Readings())
    modules["sources"].disruption_budgets(cluster, Readings())
    assert asked == [("poddisruptionbudgets.policy", "Budget")]
    (call,) = sources.all_sources()["disruption_budgets"].calls
    assert str(call) == "list poddisruptionbudgets.policy"


def test_mypy_takes_them_strictly(tmp_path: Path) -> None:
    write_example(tmp_path)
    command = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", f"--cache-dir={ROOT / '.mypy_cache'}", "own/acme"]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stdout


def test_the_page_lists_the_whole_api_and_nothing_else() -> None:
    table = PAGE.read_text().partition("## What `clusterprobe.api` has")[2].split("\n\n")[1]
    rows = [line.split("|")[2] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(api.__all__)


def test_the_example_imports_the_api_alone() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert {line.split()[1] for text in blocks for line in text.splitlines() if line.startswith("from ")} == {
        "clusterprobe.api",
        ".sources",
    }
