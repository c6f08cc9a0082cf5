"""Who is told of what: once, again after a failure, and not at all where nothing changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.alert_path import PATH
from clusterprobe.catalogue import catalogue
from clusterprobe.fingerprints import key_of, name_of
from clusterprobe.model import SCHEMA, Cluster, Finding, ProbeResult, ProbeVerdict, Run, RunResult, RunVerdict, Severity, Subject, Unchecked
from clusterprobe.notify import slack, tell
from clusterprobe.notify.changes import SILENCES, Changes, Told, alert_path_broken, changes, told_after
from clusterprobe.notify.wording import LONGEST_FIX
from clusterprobe.profile import Notify
from clusterprobe.shipped import shipped

STARTED, FINISHED = "2026-06-10T12:00:00Z", "2026-06-10T12:01:00Z"


def finding(name: str = "main", severity: Severity = Severity.ERROR, **given: Any) -> Finding:
    subject = Subject(kind="Prometheus", namespace="monitoring", name=name, environment="prod")
    return msgspec.structs.replace(
        Finding("DataOnNfs", severity, subject, f"The data of {name} is on NFS.", "class nfs", "1. move it", "no NFS"), **given
    )


def run(*found: Finding, verdict: RunVerdict = RunVerdict.FINDINGS, uid: str = "one", **given: Any) -> RunResult:
    probe = ProbeResult("prometheus/storage", "?", ProbeVerdict.FINDINGS if found else ProbeVerdict.PASS, 1, findings=[*found], **given)
    about = Run("run-1", STARTED, FINISHED, "1", "", "error")
    return RunResult(schema=SCHEMA, run=about, cluster=Cluster(context="prod-eu", uid=uid), verdict=verdict, probes=[probe])


def name(one: Finding) -> str:
    return name_of(key_of("prometheus/storage", one))


def told(*found: Finding) -> dict[str, Told]:
    return told_after({}, changes({}, run(*found), Notify()))


def counted(found: Changes) -> tuple[int, int, int, str]:
    return len(found.new), len(found.worse), len(found.resolved), found.blind


@pytest.mark.parametrize(
    ("before", "now", "wanted", "expected"),
    [
        (told(), run(), {}, (0, 0, 0, "")),
        (told(), run(finding()), {}, (1, 0, 0, "")),
        (told(finding()), run(finding()), {}, (0, 0, 0, "")),
        (told(finding()), run(finding(severity=Severity.CRITICAL)), {}, (0, 1, 0, "")),
        (told(finding()), run(finding(severity=Severity.WARNING)), {}, (0, 0, 0, "")),
        (told(finding()), run(), {}, (0, 0, 1, "")),
        (told(finding()), run(unchecked=[Unchecked(Subject("PVC"), "not allowed to list")]), {}, (0, 0, 0, "")),
        (told(finding()), run(known=[finding()]), {}, (0, 0, 0, "")),
        (told(), run(finding(severity=Severity.INFO)), {}, (0, 0, 0, "")),
        (told(), run(finding(severity=Severity.WARNING)), {"level": "error"}, (0, 0, 0, "")),
        (told(finding("a")), run(finding("b")), {"when": ["resolved"]}, (0, 0, 1, "")),
        (told(finding("a")), run(finding("b")), {"when": ["new"]}, (1, 0, 0, "")),
        (told(), run(verdict=RunVerdict.INCOMPLETE), {}, (0, 0, 0, "incomplete")),
        (told(), run(verdict=RunVerdict.INCOMPLETE), {"when": ["new"]}, (0, 0, 0, "")),
    ],
)
def test_only_what_changed_is_told(
    before: dict[str, Told], now: RunResult, wanted: dict[str, Any], expected: tuple[int, int, int, str]
) -> None:
    assert counted(changes(before, now, Notify.model_validate(wanted))) == expected


def test_what_could_not_be_seen_stays_told_and_what_is_accepted_does_not() -> None:
    before = told(finding("a"), finding("b"))
    unseen = run(known=[finding("b")], unchecked=[Unchecked(Subject("PVC"), "not allowed to list")])
    assert [*told_after(before, changes(before, unseen, Notify()))] == [name(finding("a"))]


def test_a_run_that_sees_nothing_is_told_once_until_one_sees_again() -> None:
    blind, seeing = run(verdict=RunVerdict.INCOMPLETE), run()
    once = told_after({}, changes({}, blind, Notify()))
    assert counted(changes(once, blind, Notify())) == (0, 0, 0, "")
    again = told_after(once, changes(once, seeing, Notify()))
    assert counted(changes(again, blind, Notify())) == (0, 0, 0, "incomplete")


# --- sending ------------------------------------------------------------------------------------------------------------


class Receiver:
    """A server that keeps what is posted to it; `status` is what it answers."""

    def __init__(self) -> None:
        receiver = self
        self.status, self.got = 200, []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    got: list[tuple[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def taken(self) -> list[tuple[str, Any]]:
        got, self.got = self.got, []
        return got


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Runs:
    """Runs one after the other, each in a folder of its own beside the others."""

    def __init__(self, archive: Path, wanted: dict[str, Any], environ: dict[str, str]) -> None:
        self.archive, self.wanted, self.environ, self.count = archive, Notify.model_validate(wanted), environ, 0

    def tell(self, result: RunResult) -> list[str]:
        self.count += 1
        folder = self.archive / f"run-{self.count}"
        folder.mkdir()
        return tell(result, folder, folder, self.wanted, self.environ, Deadline.after(10))


def test_slack_is_told_once_again_after_a_failure_and_of_the_end(tmp_path: Path, receiver: Receiver) -> None:
    runs = Runs(tmp_path, {"slack_url_env": "HOOK", "link": "https://reports.example.org/{run}/"}, {"HOOK": receiver.url})
    receiver.status = 500
    (trouble,) = runs.tell(run(finding()))
    assert trouble.startswith("Slack was not told: 127.0.0.1: ")
    assert "hook" not in trouble
    assert len(receiver.taken()) == 1
    receiver.status = 200
    assert runs.tell(run(finding())) == []
    ((path, body),) = receiver.taken()
    assert path == "/hook"
    assert body["text"] == (
        "*Clusterprobe, prod-eu: 1 new*\n\n"
        "*NEW ERROR* [prod] prometheus/storage DataOnNfs  Prometheus monitoring/main\n"
        "The data of main is on NFS.\nCause: class nfs\nFix:\n```\n1. move it\n```\n"
        f"https://reports.example.org/run-1/#f-{name(finding())}\n\nReport: https://reports.example.org/run-1/"
    )
    assert runs.tell(run(finding())) == []
    assert receiver.taken() == []
    assert runs.tell(run()) == []
    ((_, body),) = receiver.taken()
    assert "RESOLVED Prometheus monitoring/main: The data of main is on NFS." in body["text"]
    assert runs.tell(run()) == []
    assert receiver.taken() == []


def test_another_clusters_runs_beside_do_not_count(tmp_path: Path, receiver: Receiver) -> None:
    runs = Runs(tmp_path, {"webhook_url_env": "HOOK"}, {"HOOK": receiver.url})
    runs.tell(run(finding()))
    runs.tell(run(finding(), uid="two"))
    (_, one), (_, two) = receiver.taken()
    assert [len(one["new"]), len(two["new"])] == [1, 1]
    assert (one["cluster"]["uid"], two["cluster"]["uid"]) == ("one", "two")


def test_alertmanager_gets_all_that_is_open_and_the_end_of_what_is_over(tmp_path: Path, receiver: Receiver) -> None:
    runs = Runs(tmp_path, {"alertmanager_url": receiver.url}, {})
    for result in (run(finding("a"), finding("b")), run(finding("a", Severity.CRITICAL)), run()):
        assert runs.tell(result) == []
    bodies = [body for _, body in receiver.taken()]
    assert [path for path, _ in receiver.got] == []
    said = [[(one["labels"]["subject"][-1], one["labels"]["severity"], one["endsAt"]) for one in body] for body in bodies]
    later = "2026-06-11T14:01:00Z"
    assert said == [
        [("a", "error", later), ("b", "error", later)],
        [("a", "critical", later), ("a", "error", FINISHED), ("b", "error", FINISHED)],
        [("a", "critical", FINISHED)],
    ]
    assert bodies[0][0]["labels"]["alertname"] == "ClusterprobeFinding"
    assert bodies[0][0]["annotations"] == {"summary": "The data of a is on NFS.", "description": "class nfs", "fix": "1. move it"}


def test_slack_stands_in_where_the_alert_path_is_what_is_broken(tmp_path: Path, receiver: Receiver) -> None:
    wanted = {"alertmanager_url": receiver.url.replace("/hook", "/am"), "slack_url_env": "HOOK"}
    runs = Runs(tmp_path, wanted, {"HOOK": receiver.url})
    broken = finding("a", breaks=["Alertmanager/monitoring/main"])
    for result in (run(finding("b")), run(finding("b"), broken), run(finding("b"), broken), run(finding("b"))):
        assert runs.tell(result) == []
    texts = [body["text"].splitlines()[0] for path, body in receiver.taken() if path == "/hook"]
    assert texts == ["*Clusterprobe, prod-eu: 1 new*", "*Clusterprobe, prod-eu: 1 resolved*"]


@pytest.mark.parametrize(
    ("probe", "severity", "expected"),
    [
        ("alertmanager/delivery", Severity.CRITICAL, True),
        ("alertmanager/delivery", Severity.WARNING, False),  # others arrive
        ("alertmanager/receivers", Severity.ERROR, True),
        ("prometheus/alerting", Severity.ERROR, True),
        ("alertmanager/silences", Severity.ERROR, True),
        ("alertmanager/silences", Severity.INFO, False),
        ("alertmanager/replicas", Severity.ERROR, False),  # each is sent twice
        ("loki/ready", Severity.ERROR, False),
    ],
)
def test_what_an_alert_does_not_get_past_breaks_its_path(probe: str, severity: Severity, expected: bool) -> None:
    seen = run(finding(severity=severity))
    seen.probes[0] = msgspec.structs.replace(seen.probes[0], id=probe)
    now = changes({}, seen, Notify(level="info"))
    over = changes(told_after({}, now), msgspec.structs.replace(seen, probes=[ProbeResult(probe, "?", ProbeVerdict.PASS, 1)]), Notify())
    assert len(over.resolved) == 1
    assert (alert_path_broken(now), alert_path_broken(over)) == (expected, expected)


def test_each_probe_of_the_path_is_there() -> None:
    assert {SILENCES, *(one for hop in PATH[-2:] for one in hop.vital)} <= {one.id for one in catalogue(shipped("probes"))}


def test_slack_stands_in_where_alertmanager_refuses(tmp_path: Path, receiver: Receiver) -> None:
    runs = Runs(tmp_path, {"alertmanager_url": "http://127.0.0.1:9/", "slack_url_env": "HOOK"}, {"HOOK": receiver.url})
    (trouble,) = runs.tell(run(finding()))
    assert trouble.startswith("Alertmanager was not told: 127.0.0.1: ")
    assert [path for path, _ in receiver.taken()] == ["/hook"]


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "the environment variable that is to hold its address is not set"),
        ({"HOOK": "nonsense"}, "its address is not an http or https URL"),
    ],
)
def test_an_address_that_is_none_is_said(tmp_path: Path, environ: dict[str, str], why: str) -> None:
    assert Runs(tmp_path, {"slack_url_env": "HOOK"}, environ).tell(run(finding())) == [f"Slack was not told: {why}"]


def test_a_damaged_neighbour_says_nothing(tmp_path: Path, receiver: Receiver) -> None:
    runs = Runs(tmp_path, {"webhook_url_env": "HOOK"}, {"HOOK": receiver.url})
    runs.tell(run(finding()))
    broken = tmp_path / "other"
    broken.mkdir()
    (broken / "told.json").write_bytes(b"\xff{" * 99)
    runs.tell(run(finding()))
    assert len(receiver.taken()) == 1


def test_nothing_is_written_where_nobody_is_to_be_told(tmp_path: Path) -> None:
    assert Runs(tmp_path, {}, {}).tell(run(finding())) == []
    assert [*tmp_path.rglob("told.json")] == []


def test_cluster_text_makes_no_mention_link_or_markup_in_slack() -> None:
    odd = finding("a", problem="<!channel> *b* <https://x|y> `c` \x1b[2J & _d_", fix="$ a | b > c\n``` <!here>")
    text = slack.payload(run(odd), changes({}, run(odd), Notify()), Notify())["text"]
    assert "<" not in text
    assert "\x1b" not in text
    assert text.count("```") == 2
    assert "$ a | b &gt; c" in text
    assert "*b*" not in text


def test_slack_fetches_nothing_that_cluster_text_names() -> None:
    odd = run(finding(cause="see https://elsewhere.example.org/x.png"))
    body = slack.payload(odd, changes({}, odd, Notify()), Notify())
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)


def test_a_fix_is_shown_whole_or_not_at_all() -> None:
    long = finding("a", fix="x" * (LONGEST_FIX + 1))
    text = slack.payload(run(long), changes({}, run(long), Notify()), Notify())["text"]
    assert "xx" not in text
    assert "0 steps, in the report" in text


def test_a_message_is_no_longer_than_what_slack_shows() -> None:
    many = run(*(finding(f"p{one}", problem="<" * 9000, cause="&" * 9000, fix="$ a > b\n" * 100) for one in range(10)))
    text = slack.payload(many, changes({}, many, Notify()), Notify(link="https://reports.example.org"))["text"]
    shown = text.count("*NEW ERROR*")
    assert 0 < shown < 10
    assert f"and {10 - shown} more, in the report" in text
    assert text.count("$ a &gt; b") == 100 * shown
    assert text.endswith("Report: https://reports.example.org")
    assert len(text) < 40_000


def test_a_message_shows_ten_and_says_how_many_more() -> None:
    many = run(*(finding(f"p{one}") for one in range(25)))
    text = slack.payload(many, changes({}, many, Notify()), Notify())["text"]
    assert text.count("*NEW ERROR*") == 10
    assert "and 15 more" in text
