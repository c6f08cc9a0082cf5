"""Runs in an object store: whole or not there, each cluster its own, and what the next run remembers."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import msgspec
import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.archive import RESULTS
from clusterprobe.errors import UsageError
from clusterprobe.fleet.records import State
from clusterprobe.fleet.store import Store, folder_of
from clusterprobe.model import SCHEMA, Cluster, Finding, ProbeResult, ProbeVerdict, Run, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.report import write_all


def run(run_id: str, uid: str = "one", day: int = 10, *names: str) -> RunResult:
    stamp = f"2026-06-{day:02d}T12:00:00Z"
    found = [
        Finding("DataOnNfs", Severity.ERROR, Subject(kind="Prometheus", namespace="monitoring", name=name), "p", "c", "f", "p")
        for name in names
    ]
    probes = [
        ProbeResult("prometheus/storage", "?", ProbeVerdict.FINDINGS if found else ProbeVerdict.PASS, 1, findings=found),
        ProbeResult("loki/ruler", "?", ProbeVerdict.INCONCLUSIVE, unchecked=[Unchecked(Subject("Loki"), "no answer")]),
        ProbeResult("mlflow/missing", "?", ProbeVerdict.NOT_APPLICABLE),
    ]
    about = Run(run_id, stamp, stamp, "1", "", "error")
    cluster = Cluster(context="eu", server="https://api.example.org", uid=uid, name=f"name-{uid}")
    return RunResult(schema=SCHEMA, run=about, cluster=cluster, verdict=RunVerdict.FINDINGS, probes=probes)


class Kept:
    """A store in a folder, and runs that are kept in it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.count = folder / "store", Store(f"file://{folder}/store", make=True), 0

    def keep(self, result: RunResult) -> str:
        self.count += 1
        local = self.folder.parent / f"run-{self.count}"
        assert write_all(result, local) == []
        (local / "memory.json").write_text(json.dumps({"of": result.run.id}))
        return self.store.keep(result, local, Deadline.after(30))

    def records(self, since: str = "") -> list[tuple[str, str, list[str]]]:
        read, troubles = self.store.records(since, Deadline.after(30))
        assert troubles == []
        return sorted((one.cluster.uid, one.run, [each.name for each in one.findings]) for one in read)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_run_is_one_folder_of_its_cluster_and_day(kept: Kept) -> None:
    assert kept.keep(run("r1", "one", 10, "a", "b")) == ""
    where = kept.folder / "cluster=one" / "day=2026-06-10" / "r1"
    assert {one.name for one in where.iterdir()} == {
        "results.json",
        "index.html",
        "metrics.prom",
        "run.json",
        "findings.jsonl",
        "memory.json",
    }
    lines = [json.loads(one) for one in (where / "findings.jsonl").read_text().splitlines()]
    assert [(one["cluster"], one["cluster_name"], one["run"], one["probe"], one["name"]) for one in lines] == [
        ("one", "name-one", "r1", "prometheus/storage", "a"),
        ("one", "name-one", "r1", "prometheus/storage", "b"),
    ]


def test_a_record_keeps_what_was_not_seen_apart_from_what_is_clear(kept: Kept) -> None:
    kept.keep(run("r1"))
    ((record,), _) = kept.store.records("", Deadline.after(30))
    assert record.probes == {
        "prometheus/storage": State.CLEAR,
        "loki/ruler": State.UNCHECKED,
        "mlflow/missing": State.NOT_APPLICABLE,
    }


def test_a_note_is_nothing_that_was_found() -> None:
    from clusterprobe.fleet.records import state_of

    note = Finding("Remark", Severity.INFO, Subject("Pod"), "p", "c", "f", "p")
    warning = msgspec.structs.replace(note, severity=Severity.WARNING)
    about = ProbeResult("a/b", "?", ProbeVerdict.PASS, 1, findings=[note])
    assert state_of(about) is State.CLEAR
    assert state_of(msgspec.structs.replace(about, findings=[note, warning])) is State.FOUND
    assert state_of(msgspec.structs.replace(about, unchecked=[Unchecked(Subject("PVC"), "no")])) is State.UNCHECKED


def test_the_two_newest_runs_of_each_cluster_are_read(kept: Kept) -> None:
    for number, uid in enumerate(["one", "one", "two", "one"]):
        kept.keep(run(f"r{number}", uid, 10 + number, f"f{number}"))
        time.sleep(0.01)
    assert kept.records() == [("one", "r1", ["f1"]), ("one", "r3", ["f3"]), ("two", "r2", ["f2"])]
    assert kept.records("2026-06-12") == [("one", "r3", ["f3"]), ("two", "r2", ["f2"])]


def test_a_run_without_results_is_not_there_and_one_that_is_repeated_is_one(kept: Kept) -> None:
    kept.keep(run("r1", "one", 10, "a"))
    kept.keep(run("r2", "one", 10, "b"))
    (kept.folder / "cluster=one" / "day=2026-06-10" / "r2" / RESULTS).unlink()  # killed before it was uploaded
    assert kept.records() == [("one", "r1", ["a"])]
    kept.keep(run("r2", "one", 11, "c"))  # again, after midnight
    assert kept.records() == [("one", "r1", ["a"]), ("one", "r2", ["c"])]
    kept.keep(run("r2", "one", 11, "d"))
    assert kept.records() == [("one", "r1", ["a"]), ("one", "r2", ["d"])]


def test_the_next_run_reads_the_newest_of_its_cluster_and_no_other(kept: Kept) -> None:
    kept.keep(run("r1", "one", 10))
    time.sleep(0.01)
    kept.keep(run("r2", "one", 11))
    time.sleep(0.01)
    kept.keep(run("r3", "two", 12))
    with kept.store.beside(Cluster(uid="one"), Deadline.after(30)) as place:
        last = place.parent / "last"
        assert json.loads((last / "memory.json").read_text()) == {"of": "r2"}
        assert json.loads((last / RESULTS).read_text())["run"]["id"] == "r2"
    assert not place.parent.exists()
    with kept.store.beside(Cluster(uid="three"), Deadline.after(30)) as place:
        assert [*(place.parent / "last").iterdir()] == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("run.json", b"{}", "run.json is not what this version writes"),
        ("run.json", None, "FileNotFoundError"),
        ("run.json", b"[" * 10_000, "run.json is not what this version writes"),
    ],
)
def test_a_damaged_record_is_said_and_hides_no_other(kept: Kept, name: str, content: bytes | None, why: str) -> None:
    kept.keep(run("r1", "one", 10, "a"))
    kept.keep(run("r2", "two", 10, "b"))
    file = kept.folder / "cluster=one" / "day=2026-06-10" / "r1" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    read, (trouble,) = kept.store.records("", Deadline.after(30))
    assert [one.run for one in read] == ["r2"]
    assert trouble.startswith("cluster=one/day=2026-06-10/r1: ")
    assert why in trouble


def test_a_store_that_cannot_be_written_says_why_and_loses_nothing(kept: Kept, tmp_path: Path) -> None:
    kept.folder.rmdir()
    kept.folder.write_text("a file")
    assert kept.keep(run("r1")) != ""
    assert (tmp_path / "run-1" / RESULTS).is_file()


def test_a_store_that_is_too_slow_is_left(kept: Kept) -> None:
    local = kept.folder.parent / "run"
    write_all(run("r1"), local)
    os.mkfifo(local / "memory.json")  # reading it never ends
    assert kept.store.keep(run("r1"), local, Deadline.after(0.2)) == "not all of the run was taken in time"
    assert kept.records() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("bucket", "--store bucket: expected s3://…, gs://…, az://…, file://…"),
        ("ftp://x/y", "--store ftp://x/y: expected s3://…, gs://…, az://…, file://…"),
        ("s3://", "--store s3://: expected s3://…, gs://…, az://…, file://…"),
        ("file:///no/such", "--store file:///no/such: there is no such folder"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        Store(url)
    assert str(refused.value) == said


@pytest.mark.parametrize("uid", ["", "../../x", "a/b", "a b", "x" * 101, ".."])
def test_a_cluster_without_a_usable_uid_gets_a_folder_of_its_own(uid: str) -> None:
    one = folder_of(Cluster(uid=uid, server="https://a", context="x"))
    assert one.startswith("cluster=unknown-")
    assert len(one) == len("cluster=unknown-") + 16
    assert one != folder_of(Cluster(uid=uid, server="https://b", context="x"))


def test_a_record_holds_what_a_query_needs() -> None:
    from clusterprobe.fleet.records import record_of

    made = msgspec.to_builtins(record_of(run("r1", "one", 10, "a")))
    assert made["findings"][0]["first"] == "2026-06-10T12:00:00Z"
    assert (made["verdict"], made["cluster"]["name"]) == ("findings", "name-one")


def test_what_the_newest_run_does_not_know_an_earlier_one_does(kept: Kept) -> None:
    kept.keep(run("r1", "one", 10))
    time.sleep(0.01)
    kept.keep(run("r2", "one", 11))
    (kept.folder / "cluster=one" / "day=2026-06-11" / "r2" / "memory.json").unlink()
    with kept.store.beside(Cluster(uid="one"), Deadline.after(30)) as place:
        assert json.loads((place.parent / "last" / "memory.json").read_text()) == {"of": "r1"}
        assert json.loads((place.parent / "last" / RESULTS).read_text())["run"]["id"] == "r2"
    assert kept.store.blind == ""


def test_a_store_that_cannot_be_read_says_so_instead_of_having_no_past(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or everything would be new, and told to everybody once more."""
    kept.keep(run("r1", "one", 10))
    monkeypatch.setattr("clusterprobe.fleet.store.MAX_BYTES", 1)
    with kept.store.beside(Cluster(uid="one"), Deadline.after(30)):
        assert kept.store.blind == "OSError"


def test_a_store_that_does_not_answer_is_left_in_time(kept: Kept) -> None:
    kept.keep(run("r1", "one", 10))
    file = kept.folder / "cluster=one" / "day=2026-06-10" / "r1" / "memory.json"
    file.unlink()
    os.mkfifo(file)  # reading it never ends
    with kept.store.beside(Cluster(uid="one"), Deadline.after(0.5)):
        assert kept.store.blind == "it did not answer in time"


def test_a_server_without_tls_is_asked_where_the_environment_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name, value in {
            "ACCESS_KEY_ID": "a",
            "SECRET_ACCESS_KEY": "b",
            "REGION": "eu",
            "ENDPOINT": address,
            "ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert Store("s3://reports").write("x", b"", Deadline.after(1)) != ""
        server.settimeout(10)
        server.accept()[0].close()


def refused(kept: Kept, where: Path, **changed: object) -> list[str]:
    """What is said of a run whose record somebody has changed."""
    record = json.loads((where / "run.json").read_text())
    (where / "run.json").write_text(json.dumps(record | changed))
    return kept.store.records("", Deadline.after(30))[1]


def test_a_run_says_nothing_of_another_cluster_than_its_folder_is_of(kept: Kept):
    assert kept.keep(run("a", "one", 10, "found")) == ""
    assert kept.keep(run("b", "two", 11)) == ""
    (where,) = kept.folder.glob("cluster=two/*/b")
    told = json.loads((where / "run.json").read_text())["cluster"]
    (trouble,) = refused(kept, where, cluster=told | {"uid": "one"})
    assert "cluster=two/day=2026-06-11/b: it says that it is of another cluster: one" in trouble
    assert [one.run for one in kept.store.records("", Deadline.after(30))[0]] == ["a"]


def test_a_run_from_the_future_does_not_hide_those_that_come_after_it(kept: Kept):
    assert kept.keep(run("a", "one", 10, "found")) == ""
    assert kept.keep(run("b", "one", 11)) == ""
    (where,) = kept.folder.glob("cluster=one/*/b")
    (trouble,) = refused(kept, where, finished="9999-12-31T23:59:59Z")
    assert "it says that it ended at 9999-12-31T23:59:59Z, long after it was kept" in trouble
    assert [one.run for one in kept.store.records("", Deadline.after(30))[0]] == ["a"]


@pytest.mark.parametrize(
    "url", ["s3://bob:hockey4711@bucket/x", "az://box/x?sig=hockey4711", "gs://hockey4711@box", "s4://bob:hockey4711@x"]
)
def test_an_address_with_credentials_is_refused_without_saying_them(url: str):
    with pytest.raises(UsageError) as refused:
        Store(url)
    assert "hockey4711" not in str(refused.value)
