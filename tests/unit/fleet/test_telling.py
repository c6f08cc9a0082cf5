"""Who is told of what over many clusters: once for all of an environment, and "resolved" only of what was looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterprobe import cli
from clusterprobe.access.deadline import Deadline
from clusterprobe.fleet.records import Record, State
from clusterprobe.fleet.store import Store
from clusterprobe.fleet.telling import tell
from clusterprobe.profile import Notify
from tests.unit.fleet.test_overview import over, record
from tests.unit.notify.test_notify import Receiver, receiver

__all__ = ["receiver"]

STAMP = "2026-06-10T12:00:00Z"


class Fleet:
    """A fleet that is told of, report after report, and what its webhook heard."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.store, self.receiver = Store(f"file://{folder}/store", make=True), receiver
        self.troubles: list[str] = []

    def told(self, *records: Record, **given: Any) -> list[tuple[str, list[str], list[str], list[str]]]:
        """For each message: whose it is, and what is new, worse and resolved."""
        wanted = Notify.model_validate({"webhook_url_env": "HOOK"})
        answer, environ = over(*records, **given), {"HOOK": self.receiver.url}
        self.troubles = tell(answer, records, self.store, wanted, environ, STAMP, Deadline.after(20))
        messages = [body for _, body in self.receiver.taken()]
        return [
            (
                one["cluster"]["context"],
                *([f"{each['code']} {each['severity']}" for each in one[kind]] for kind in ("new", "worse", "resolved")),
            )
            for one in messages
        ]


@pytest.fixture
def fleet(tmp_path: Path, receiver: Receiver) -> Fleet:
    return Fleet(tmp_path, receiver)


def seeing(one: Record) -> Record:
    """A run of which it is known that it looked at everything."""
    one.blind = []
    return one


def test_a_finding_is_told_once_over_all_clusters_and_once_more_when_it_is_gone(fleet: Fleet) -> None:
    assert fleet.told(record("1", "Bad"), record("2", "Bad"), record("3")) == [("fleet", ["Bad error"], [], [])]
    assert fleet.told(record("1", "Bad"), record("2"), record("3", "Bad")) == []
    assert fleet.told(record("1"), record("2"), record("3")) == [("fleet", [], [], ["Bad error"])]
    assert fleet.told(record("1"), record("2"), record("3")) == []
    assert fleet.troubles == []


def test_the_message_names_the_clusters_and_where_the_steps_are(fleet: Fleet) -> None:
    answer = [record(str(number), "Bad") for number in range(8)]
    fleet.told(*answer)
    fleet.told()
    wanted = Notify.model_validate({"webhook_url_env": "HOOK"})
    store = Store(fleet.store.url + "/again", make=True)
    tell(over(*answer), answer, store, wanted, {"HOOK": fleet.receiver.url}, STAMP, Deadline.after(20))
    ((_, body),) = fleet.receiver.taken()
    assert body["summary"] == "Clusterprobe, fleet: 1 new"
    assert body["new"][0]["problem"] == "On c-0, c-1, c-2, c-3, c-4 and 3 more: broken"
    assert body["new"][0]["fix"] == f"Every step is in the report of c-0: the newest run below {store.url}/cluster=0"


def test_each_environment_is_told_of_its_own(fleet: Fleet) -> None:
    assert fleet.told(record("1", "Bad", group="dev"), record("2", "Bad", group="prod")) == [
        ("fleet dev", ["Bad error"], [], []),
        ("fleet prod", ["Bad error"], [], []),
    ]
    assert fleet.told(record("1", "Bad", group="dev"), record("2", group="prod")) == [("fleet prod", [], [], ["Bad error"])]


@pytest.mark.parametrize("state", [State.UNCHECKED, None])
def test_what_was_not_looked_at_again_is_not_resolved(fleet: Fleet, state: State | None) -> None:
    fleet.told(record("1", "Bad"), record("2", "Bad"))
    blind = record("2")
    blind.probes = {"a/x": state} if state else {}
    assert fleet.told(record("1"), blind) == []
    assert fleet.told(record("1"), record("2")) == [("fleet", [], [], ["Bad error"])]


def test_a_cluster_that_is_silent_or_forgotten_resolves_nothing_of_its_own(fleet: Fleet) -> None:
    fleet.told(record("1", "Bad"), record("2"))
    assert fleet.told(record("1", "Bad", hours=48), record("2")) == [("fleet", ["ClusterDidNotReport error"], [], [])]
    assert fleet.told(record("2")) == [("fleet", [], [], ["ClusterDidNotReport error"])]
    assert fleet.told(record("1"), record("2")) == [("fleet", [], [], ["Bad error"])]


def test_a_silent_cluster_that_never_had_it_does_not_hold_up_the_good_news(fleet: Fleet) -> None:
    fleet.told(record("1", "Bad"), record("2", hours=48))
    assert fleet.told(record("1"), record("2", hours=48)) == [("fleet", [], [], ["Bad error"])]


def test_what_a_probe_found_besides_hides_nothing_where_it_looked_at_everything(fleet: Fleet) -> None:
    fleet.told(record("1", "Bad", "Other"))
    assert fleet.told(record("1", "Other")) == []
    assert fleet.told(seeing(record("1", "Other"))) == [("fleet", [], [], ["Bad error"])]


def test_a_cluster_that_was_expected_and_never_reported_is_told_once(fleet: Fleet) -> None:
    first = fleet.told(record("1", group="prod"), expected=["c-9"])
    assert first == [("fleet", ["ClusterDidNotReport error"], [], [])]
    assert fleet.told(record("1", group="prod"), expected=["c-9"]) == []


def test_who_could_not_be_told_is_told_again(fleet: Fleet) -> None:
    fleet.receiver.status = 500
    fleet.told(record("1", "Bad"))
    (trouble,) = fleet.troubles
    assert trouble.startswith("the webhook was not told: 127.0.0.1: ")
    fleet.receiver.status = 200
    assert fleet.told(record("1", "Bad")) == [("fleet", ["Bad error"], [], [])]


def test_where_it_cannot_be_kept_what_was_found_nobody_is_told(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "store" / "fleet" / "all" / "where.json").mkdir(parents=True)
    assert fleet.told(record("1", "Bad")) == []
    assert [one.startswith("nobody was told: file://") for one in fleet.troubles] == [True]


def test_where_it_is_not_known_what_was_told_nobody_is(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.told(record("1", "Bad"))
    monkeypatch.setattr("clusterprobe.fleet.store.MAX_BYTES", 1)
    assert fleet.told(record("1", "Bad"), record("2", "Worse")) == []
    assert fleet.troubles == [f"nobody was told: {fleet.store.url}: OSError"]


def test_a_file_that_is_none_of_ours_tells_nobody(fleet: Fleet, tmp_path: Path) -> None:
    fleet.told(record("1", "Bad"))
    (tmp_path / "store" / "fleet" / "all" / "where.json").write_text("[")
    assert fleet.told(record("1")) == []
    assert fleet.troubles == [f"nobody was told: {fleet.store.url}: fleet/all/where.json is not of this version"]


def test_a_profile_that_names_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fleet", "report", f"file://{tmp_path}/s", "--notify", "nightly"]
    assert cli._guarded(lambda: cli.app(arguments, standalone_mode=False)) == 4
    assert "--notify nightly: its `notify` names nobody" in capsys.readouterr().err


def test_the_command_tells(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    (tmp_path / "notify.yaml").write_text("notify: {webhook_url_env: HOOK}\n")
    arguments = ["fleet", "report", f"file://{tmp_path}", "--expect", "eu", "--notify", str(tmp_path / "notify.yaml")]
    for told in (1, 0):
        assert cli._guarded(lambda: cli.app(arguments, standalone_mode=False)) == 2
        assert len(receiver.taken()) == told
