"""Since when a finding has been there, and how often it came back."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from clusterprobe import memory
from clusterprobe.fingerprints import fingerprints
from clusterprobe.memory import FORGET_DAYS, TREND_RUNS, Memory
from clusterprobe.model import SCHEMA, Cluster, Finding, ProbeResult, ProbeVerdict, Run, RunResult, RunVerdict, Severity, Subject, Unchecked

FIRST = datetime.datetime(2026, 6, 10, 12, tzinfo=datetime.UTC)


def finding(name: str) -> Finding:
    return Finding("DataOnNfs", Severity.ERROR, Subject(kind="Prometheus", namespace="monitoring", name=name), "p", "c", "f", "p")


def run(*names: str, day: int = 0, uid: str = "one", selected: tuple[str, ...] = (), **given: Any) -> RunResult:
    stamp = f"{FIRST + datetime.timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
    probe = ProbeResult("prometheus/storage", "?", ProbeVerdict.FINDINGS, 1, findings=[finding(name) for name in names], **given)
    about = Run(f"run-{day}", stamp, stamp, "1", "", "error", selected=[*selected])
    return RunResult(schema=SCHEMA, run=about, cluster=Cluster(uid=uid), verdict=RunVerdict.FINDINGS, probes=[probe])


def after(*runs: RunResult) -> dict[str, tuple[str, str, int, int, str]]:
    """What is known after these runs: first, last, runs, returned, gone, by the finding's name; days only."""
    kept = Memory()
    for one in runs:
        kept = memory.updated(kept, one)
    names = {fingerprints(run(name))["prometheus/storage", 0]: name for name in "abc"}
    return {names[key]: (one.first[8:10], one.last[8:10], one.runs, one.returned, one.gone[8:10]) for key, one in kept.findings.items()}


@pytest.mark.parametrize(
    ("runs", "known"),
    [
        ([run("a"), run("a", day=1)], {"a": ("10", "11", 2, 0, "")}),
        ([run("a"), run("b", day=1)], {"a": ("10", "10", 1, 0, "11"), "b": ("11", "11", 1, 0, "")}),
        ([run("a"), run(day=1), run(day=2)], {"a": ("10", "10", 1, 0, "11")}),
        ([run("a"), run(day=1), run("a", day=2), run(day=3), run("a", day=4)], {"a": ("10", "14", 3, 2, "")}),
        ([run("a"), run(day=1, unchecked=[Unchecked(Subject("PVC"), "not allowed")])], {"a": ("10", "10", 1, 0, "")}),
        ([run("a"), run(day=1, known=[finding("a")])], {"a": ("10", "10", 1, 0, "")}),
        ([run("a"), run(day=1), run(day=2 + FORGET_DAYS)], {}),
        ([run("a"), run(day=1), run(day=1 + FORGET_DAYS)], {"a": ("10", "10", 1, 0, "11")}),
    ],
)
def test_a_finding_is_remembered_until_long_after_its_end(runs: list[RunResult], known: dict[str, tuple[str, str, int, int, str]]) -> None:
    assert after(*runs) == known


def test_the_trend_is_the_last_runs_and_says_which_were_of_some_probes_only() -> None:
    kept = Memory()
    for day in range(TREND_RUNS + 5):
        kept = memory.updated(kept, run("a", "b", day=day, selected=("storage",) if day == TREND_RUNS + 4 else ()))
    assert len(kept.trend) == TREND_RUNS
    assert [one.run for one in kept.trend[:1] + kept.trend[-1:]] == ["run-5", f"run-{TREND_RUNS + 4}"]
    assert kept.trend[-1].counts == {"info": 0, "warning": 0, "error": 2, "critical": 0}
    assert [one.selected for one in kept.trend[-2:]] == [[], ["storage"]]


def keep(folder: Path, result: RunResult, at: int) -> RunResult:
    folder.mkdir()
    known = memory.recall(folder, result)
    memory.write(folder, known)
    os.utime(folder / memory.FILE, (at, at))
    return memory.with_memory(result, known)


def test_a_run_reads_the_newest_of_its_own_cluster(tmp_path: Path) -> None:
    keep(tmp_path / "1", run("a"), 100)
    keep(tmp_path / "2", run("a", day=1), 200)
    keep(tmp_path / "3", run("a", day=2, uid="two"), 300)
    now = keep(tmp_path / "4", run("a", "b", day=3), 400)
    assert {one.runs for one in now.remembered.values()} == {1, 3}
    assert [one.run for one in now.trend] == ["run-0", "run-1", "run-3"]
    assert {*now.remembered} == set(fingerprints(now).values())


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 9999, b'{"schema": "clusterprobe/memory/v2"}', b'{"findings": 1}'])
def test_a_damaged_file_is_passed_over(tmp_path: Path, content: bytes) -> None:
    keep(tmp_path / "1", run("a"), 100)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / memory.FILE).write_bytes(content)
    now = keep(tmp_path / "3", run("a", day=1), 400)
    assert [one.runs for one in now.remembered.values()] == [2]


def test_a_file_with_times_that_are_none_changes_nothing_but_them(tmp_path: Path) -> None:
    keep(tmp_path / "1", run("a"), 100)
    odd = (tmp_path / "1" / memory.FILE).read_text().replace("2026-06-10T12:00:00Z", "soon")
    (tmp_path / "1" / memory.FILE).write_text(odd)
    now = keep(tmp_path / "2", run("a", day=1), 400)
    assert [(one.first, one.runs) for one in now.remembered.values()] == [("soon", 2)]
