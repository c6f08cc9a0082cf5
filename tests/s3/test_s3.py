"""A fleet's store on a real S3 server, that of `tests/versity.py`."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterprobe.fleet.store import Store
from tests import versity
from tests.plugin.test_fleet import Fleet, cluster, clusterprobe


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of its bucket, and the environment of a client."""
    with versity.serving(tmp_path_factory.mktemp("s3")) as one:
        yield one


@pytest.fixture(scope="module")
def fleet(server: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three clusters, one of them sick, and one that is dead; all have run once."""
    _, environment = server
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(cluster(f"uid-of-{name}", sick=name == "sick")) for name in ("eu", "sick", "us")}
        addresses = {**{name: one.url for name, one in servers.items()}, "dead": "http://127.0.0.1:9"}
        made = Fleet(tmp_path_factory.mktemp("fleet"), addresses, "s3://reports/clusterprobe", environment)
        targets = made.targets()
        for number, one in enumerate(targets):
            done = made.index(number, targets)
            assert done.returncode == (2 if one.name == "dead" else 0), done.stderr
        yield made


def asked(fleet: Fleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    return clusterprobe("fleet", *arguments, folder=fleet.folder, **fleet.environment)


def report(fleet: Fleet) -> dict:
    done = asked(fleet, "report", fleet.store, "--expect", "dead", "--output", "answer")
    assert done.returncode == 2, done.stderr
    return json.loads((fleet.folder / "answer" / "fleet.json").read_text())


def test_what_each_pod_kept_is_whole(fleet: Fleet, server: tuple[Path, dict[str, str]]) -> None:
    folder, _ = server
    runs = sorted(one.parent for one in folder.rglob("results.json"))
    assert [one.parents[1].name for one in runs] == ["cluster=uid-of-eu", "cluster=uid-of-sick", "cluster=uid-of-us"]
    for one in runs:
        assert {"index.html", "run.json", "findings.jsonl", "memory.json", "metrics.prom"} <= {each.name for each in one.iterdir()}


def test_the_report_has_each_cluster_and_what_it_has(fleet: Fleet) -> None:
    answer = report(fleet)
    assert {one["name"]: one["uid"] for one in answer["members"]} == {name: f"uid-of-{name}" for name in ("eu", "sick", "us")}
    assert answer["silent"] == ["dead"]
    (found,) = [one for one in answer["findings"] if one["code"] == "NodeNotReady"]
    assert (list(found["clusters"]), sorted(found["clear"])) == (["uid-of-sick"], ["uid-of-eu", "uid-of-us"])


def test_sql_over_the_bucket_gives_the_same_matrix(fleet: Fleet) -> None:
    done = asked(fleet, "query", fleet.store, "SELECT probe, code, cluster, count(*) FROM findings GROUP BY ALL ORDER BY ALL")
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    of_report = [
        [one["probe"], one["code"], uid, str(count)] for one in report(fleet)["findings"] for uid, count in one["clusters"].items()
    ]
    assert rows == sorted(of_report)
    assert rows


def test_the_next_run_of_a_cluster_remembers(fleet: Fleet) -> None:
    targets = fleet.targets()
    done = fleet.index([one.name for one in targets].index("sick"), targets, job="next")
    assert done.returncode == 0, done.stderr
    (found,) = [one for one in report(fleet)["findings"] if one["code"] == "NodeNotReady"]
    assert found["new"] == 0


def test_a_pod_that_comes_again_leaves_one_run(fleet: Fleet, server: tuple[Path, dict[str, str]]) -> None:
    folder, _ = server
    before = sorted(folder.rglob("results.json"))
    targets = fleet.targets()
    assert fleet.index([one.name for one in targets].index("eu"), targets).returncode == 0
    assert sorted(folder.rglob("results.json")) == before


def test_the_reports_own_files_are_there_for_the_next(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    from clusterprobe.access.deadline import Deadline

    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    store = Store(fleet.store)
    assert store.read("fleet/all/told.json", Deadline.after(30)) is None
    assert store.write("fleet/all/told.json", b"{}", Deadline.after(30)) == ""
    assert store.read("fleet/all/told.json", Deadline.after(30)) == b"{}"


@pytest.mark.parametrize("wrong", [{"AWS_SECRET_ACCESS_KEY": "another"}, {"AWS_ENDPOINT": "http://127.0.0.1:9"}])
def test_a_store_that_refuses_is_said_and_the_report_stays(fleet: Fleet, wrong: dict[str, str]) -> None:
    targets = fleet.targets()
    number = [one.name for one in targets].index("eu")
    other = Fleet(fleet.folder, fleet.servers, fleet.url, {**fleet.environment, **wrong})
    done = other.index(number, targets, job="refused")
    assert done.returncode == 3, done.stderr
    assert "the store s3://reports/clusterprobe: " in done.stderr
    assert "another" not in done.stderr
    assert (fleet.folder / f"refused-{number}" / "report" / "results.json").exists()
    assert asked(other, "report", fleet.store).returncode == 4
