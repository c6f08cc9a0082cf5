"""A recording can be amended by hand, and then serves what was added."""

import gzip
import json
from pathlib import Path

import pytest

from tests.faults.record import amend
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer, Request

LIST = {"kind": "WidgetList", "apiVersion": "example.org/v1", "metadata": {}, "items": [{"metadata": {"name": "w", "managedFields": [1]}}]}
KEY = "GET /apis/example.org/v1/widgets"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "recording.json.gz"
    Recording(1_800_000_000.0, {"GET /version": Exchange(200, "application/json", b"{}")}).save(path)
    return path


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "widgets.json"
    path.write_text(json.dumps(LIST, indent=2))
    return path


def test_an_answer_that_is_added_is_served(kept: Path, answer: Path) -> None:
    assert amend(KEY + "?limit=500", str(answer), path=kept).startswith(f"added {KEY}: HTTP 200, ")
    found = Recording.load(kept)
    assert (found.clock, len(found.exchanges)) == (1_800_000_000.0, 2)
    with FaultServer(found) as server:
        request, reply = server.reply(Request("GET", "/apis/example.org/v1/widgets?limit=500", {}))
    assert (request.pages, json.loads(reply.body)["items"]) == (1, [{"metadata": {"name": "w"}}])
    assert server.unknown == []


def test_an_answer_is_replaced_by_its_key(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("up 1\n")
    assert amend("GET /version", str(tmp_path / "text"), 503, "text/plain", kept).startswith("replaced GET /version: HTTP 503, ")
    assert Recording.load(kept).exchanges == {"GET /version": Exchange(503, "text/plain", b"up 1\n")}


@pytest.mark.parametrize(
    ("key", "body", "said"),
    [
        ("/api/v1/pods", "{}", "is no request"),
        ("DELETE /api/v1/pods", "{}", "is no request"),
        ("GET /api/v1/namespaces/x/secrets", "{}", "Secrets are not recorded"),
        (KEY, "{", "is no JSON"),
    ],
)
def test_what_no_recording_may_hold_is_refused_and_changes_nothing(key: str, body: str, said: str, kept: Path, tmp_path: Path) -> None:
    before = kept.read_bytes()
    (tmp_path / "body").write_text(body)
    with pytest.raises(ValueError, match=said):
        amend(key, str(tmp_path / "body"), path=kept)
    assert kept.read_bytes() == before


def test_saving_what_was_loaded_changes_nothing_but_what_was_added(kept: Path, answer: Path) -> None:
    once = gzip.decompress(kept.read_bytes())
    amend(KEY, str(answer), path=kept)
    twice = json.loads(gzip.decompress(kept.read_bytes()))
    del twice["exchanges"][KEY]
    assert twice == json.loads(once)
