"""One answer over many clusters: five states that stay apart, what is where, what differs, and the exit status."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.errors import UsageError
from clusterprobe.fleet import metrics
from clusterprobe.fleet.overview import Overview, overview
from clusterprobe.fleet.query import query
from clusterprobe.fleet.records import Record, Row, State
from clusterprobe.fleet.store import Store
from clusterprobe.fleet.terminal import lines
from clusterprobe.model import Cluster, RunVerdict, Severity
from tests.unit.fleet.test_store import Kept, run

NOW = datetime.datetime(2026, 6, 10, 12, tzinfo=datetime.UTC).timestamp()
DAY = 86400.0
VERDICTS = {2: RunVerdict.INCOMPLETE, 3: RunVerdict.BROKEN}


def record(
    uid: str, *codes: str, hours: float = 1, group: str = "", status: int | None = None, name: str | None = None, **probes: State
) -> Record:
    finished = datetime.datetime.fromtimestamp(NOW - hours * 3600, datetime.UTC)
    return Record(
        schema="clusterprobe/fleet/v1",
        cluster=Cluster(uid=uid, context="eu", name=f"c-{uid}" if name is None else name, labels={"environment": group} if group else {}),
        run=f"r-{uid}-{hours}",
        finished=f"{finished:%Y-%m-%dT%H:%M:%SZ}",
        tool_version="1",
        verdict=RunVerdict.FINDINGS if codes else VERDICTS.get(status, RunVerdict.HEALTHY),
        exit_status=(1 if codes else 0) if status is None else status,
        selected=[],
        probes={"a/x": State.FOUND if codes else State.CLEAR, **{name.replace("_", "/"): state for name, state in probes.items()}},
        findings=[
            Row(f"f-{code}", "a/x", code, Severity.ERROR, "Pod", "n", "p", "", "broken", "", "2026-06-01T00:00:00Z", True) for code in codes
        ],
    )


def over(*records: Record, **given: Any) -> Overview:
    return overview(records, NOW, DAY, **given)


def test_the_worst_of_an_areas_probes_is_shown_and_blindness_is_not_hidden_by_what_is_clear() -> None:
    one = over(record("1", b_x=State.CLEAR, b_y=State.UNCHECKED, c_x=State.NOT_APPLICABLE, c_y=State.CLEAR, d_x=State.NOT_APPLICABLE))
    assert one.members[0].areas == {"a": State.CLEAR, "b": State.UNCHECKED, "c": State.CLEAR, "d": State.NOT_APPLICABLE}


def test_the_newest_run_of_each_cluster_counts_and_an_old_one_is_none() -> None:
    one = over(record("1", "Old", hours=5), record("1", "New", hours=1), record("2", "Gone", hours=25))
    assert [(member.name, member.reported, member.run) for member in one.members] == [("c-2", False, "r-2-25"), ("c-1", True, "r-1-1")]
    assert [found.code for found in one.findings] == ["New"]
    assert one.members[0].areas == {}


def test_what_is_not_known_of_a_cluster_is_never_clear() -> None:
    unchecked = record("3")
    unchecked.probes["a/x"] = State.UNCHECKED
    one = over(record("1", "Bad"), record("2"), unchecked, record("4", hours=48), record("5", "Other"))
    (bad,) = [found for found in one.findings if found.code == "Bad"]
    assert (bad.clusters, bad.clear, sorted(bad.unchecked), bad.silent) == ({"1": 1}, ["2"], ["3", "5"], ["4"])


def test_clusters_of_one_group_that_differ_are_named() -> None:
    one = over(record("1", "Bad", group="prod"), record("2", group="prod"), record("3", group="dev"), record("4", hours=48, group="prod"))
    assert [(each.group, each.code, each.found, each.clear) for each in one.drift] == [("prod", "Bad", ["1"], ["2"])]


@pytest.mark.parametrize(
    ("records", "given", "status"),
    [
        ([record("1")], {}, 0),
        ([record("1"), record("2", "Bad")], {}, 1),
        ([record("1"), record("2", status=2)], {}, 2),
        ([record("1"), record("2", status=3)], {}, 3),
        ([record("1"), record("2", hours=48)], {}, 2),
        ([record("1", "Bad"), record("2", hours=48)], {}, 1),
        ([record("1"), record("2", "Bad", hours=48)], {}, 2),
        ([record("1")], {"expected": ["c-1"]}, 0),
        ([record("1")], {"expected": ["1"]}, 0),
        ([record("1")], {"expected": ["c-9"]}, 2),
        ([record("1")], {"troubles": ["cluster=2/…: not read in time"]}, 2),
        ([], {"expected": ["c-9"]}, 2),
        ([], {}, 5),
    ],
)
def test_a_cluster_that_did_not_report_is_never_healthy(records: list[Record], given: dict[str, Any], status: int) -> None:
    assert over(*records, **given).exit_status == status


@pytest.mark.parametrize(
    ("records", "given", "verdict"),
    [
        ([record("1")], {}, RunVerdict.HEALTHY),
        ([record("1"), record("2", "Bad", status=0)], {}, RunVerdict.FINDINGS),  # as with `fail_on: never`
        ([record("1"), record("2", status=3)], {}, RunVerdict.BROKEN),
        ([record("1"), record("2", status=2)], {}, RunVerdict.INCOMPLETE),
        ([record("1"), record("2", "Bad", hours=48)], {}, RunVerdict.INCOMPLETE),
        ([record("1")], {"expected": ["c-9"]}, RunVerdict.INCOMPLETE),
        ([record("1")], {"troubles": ["not read in time"]}, RunVerdict.INCOMPLETE),
        ([record("1", name="a"), record("2", name="a")], {}, RunVerdict.INCOMPLETE),
        ([], {}, RunVerdict.INCOMPLETE),
    ],
)
def test_what_fails_no_run_is_no_health(records: list[Record], given: dict[str, Any], verdict: RunVerdict) -> None:
    assert over(*records, **given).verdict is verdict


def test_one_name_for_two_clusters_is_said_and_their_rows_are_told_apart() -> None:
    one = over(record("aaaaaaaaaa", name="eu", hours=30), record("bbbbbbbbbb", name="eu"))
    assert [member.title for member in one.members] == ["eu (aaaaaaaa)", "eu (bbbbbbbb)"]
    assert one.doubts == [
        "eu is the name of 2 clusters: aaaaaaaaaa (last on 2026-06-09), bbbbbbbbbb (last on 2026-06-10); it was made anew, or a kubeconfig leads elsewhere"
    ]
    assert f"which cluster is which: {one.doubts[0]}" in list(lines(one))
    assert one.exit_status == 2


def test_two_names_for_one_cluster_are_said() -> None:
    one = over(record("1", name="eu", hours=2), record("1", name="us"))
    assert one.doubts == [
        "the cluster 1 has 2 names: eu (last on 2026-06-10), us (last on 2026-06-10); it was renamed, or two kubeconfigs lead to one cluster"
    ]
    assert one.exit_status == 2


def test_who_gave_a_cluster_no_name_has_said_nothing() -> None:
    one = over(record("1", name="", hours=2), record("1", name="us"), record("2", name=""), record("3", name=""))
    assert one.doubts == []
    assert sorted(member.title for member in one.members) == ["eu (2)", "eu (3)", "us"]


def test_the_terminal_says_each_state_and_who_was_never_heard_of() -> None:
    one = over(record("1", "Bad", b_x=State.UNCHECKED), record("2", hours=48), expected=["c-9"])
    text = list(lines(one))
    assert text[0] == "Not healthy: 3 clusters, 1 reported, 2 did not report."
    assert "c-1      X ?  1 new, 0 resolved, 60 min ago" in text
    assert "c-2      did not report for 2 days" in text
    assert "c-9      did not report, and never has" in text
    assert "  ERROR a/x Bad: c-1; clear on 0; 2 did not report; since 2026-06-01" in text


def test_metrics_say_who_reported_and_what_was_found() -> None:
    text = metrics.text(over(record("1", "Bad"), record("2", hours=48), expected=["c-9"])).decode()
    assert 'clusterprobe_fleet_reported{cluster="c-1",uid="1"} 1.0' in text
    assert 'clusterprobe_fleet_reported{cluster="c-2",uid="2"} 0.0' in text
    assert 'clusterprobe_fleet_reported{cluster="c-9",uid=""} 0.0' in text
    assert 'clusterprobe_fleet_findings{cluster="c-1",code="Bad",probe="a/x",severity="error",uid="1"} 1.0' in text


def test_sql_over_the_store_gives_what_the_report_says(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.keep(run("r1", "one", 10, "a", "b"))
    kept.keep(run("r2", "two", 10, "a"))
    kept.keep(run("r3", "three", 10))
    names, rows, _ = query(kept.store, "SELECT cluster, count(*) AS n FROM findings GROUP BY cluster ORDER BY n", "", Deadline.after(30))
    assert (names, rows) == (["cluster", "n"], [["two", "1"], ["one", "2"]])
    records, _ = kept.store.records("", Deadline.after(30))
    (found,) = overview(records, NOW, 30 * DAY).findings
    assert found.clusters == {"one": 2, "two": 1}
    assert found.clear == ["three"]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nothing FROM findings", "nothing"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled"),
        ("COPY findings TO '/tmp/x.csv'", "disabled"),
        ("SET enable_external_access = true", "locked"),
        ("SELECT * FROM range(20000)", "more than 10000 rows"),
    ],
)
def test_a_query_reads_the_table_and_nothing_else(tmp_path: Path, sql: str, why: str) -> None:
    kept = Kept(tmp_path)
    kept.keep(run("r1", "one", 10, "a"))
    with pytest.raises(UsageError, match=why):
        query(kept.store, sql, "", Deadline.after(30))


def test_an_empty_store_answers_a_query_with_nothing(tmp_path: Path) -> None:
    assert query(Store(f"file://{tmp_path}/none", make=True), "SELECT code FROM findings", "", Deadline.after(30)) == (["code"], [], [])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "is not what this version writes"),
        (b'{"cluster": 7}\n', "is not what this version writes"),
        (b"[" * 10_000, "is not what this version writes"),
        (None, "FileNotFoundError"),
    ],
)
def test_a_damaged_run_is_said_and_hides_no_other(tmp_path: Path, content: bytes | None, why: str) -> None:
    kept = Kept(tmp_path)
    kept.keep(run("r1", "one", 10, "a"))
    kept.keep(run("r2", "two", 10, "b"))
    file = kept.folder / "cluster=one" / "day=2026-06-10" / "r1" / "findings.jsonl"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    _, rows, (trouble,) = query(kept.store, "SELECT cluster, name FROM findings", "", Deadline.after(30))
    assert rows == [["two", "b"]]
    assert trouble.startswith("cluster=one/day=2026-06-10/r1: ")
    assert why in trouble


def test_findings_of_another_cluster_are_not_taken_for_its_own(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.keep(run("r1", "one", 10, "a"))
    kept.keep(run("r2", "two", 10, "b"))
    days = [kept.folder / f"cluster={uid}" / "day=2026-06-10" / name / "findings.jsonl" for uid, name in (("one", "r1"), ("two", "r2"))]
    days[0].write_bytes(days[1].read_bytes())
    _, rows, (trouble,) = query(kept.store, "SELECT run FROM findings", "", Deadline.after(30))
    assert rows == [["r2"]]
    assert "another cluster: two" in trouble
