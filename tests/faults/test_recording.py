"""A recording can be amended by hand, and then serves what was added."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.faults.faults import FAULTS
from tests.faults.harness import UNSTEADY
from tests.faults.record import amend, record
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


@pytest.fixture
def healthy() -> Iterator[FaultServer]:
    with FaultServer(Recording.load()) as server:
        yield server


def _kubeconfig(server: FaultServer, folder: Path) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "recorded",
        "contexts": [{"name": "recorded", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_a_cluster_that_answers_as_was_recorded_is_recorded_as_it_was(healthy: FaultServer, tmp_path: Path) -> None:
    found = record(_kubeconfig(healthy, tmp_path), but=UNSTEADY)  # those ask addresses of the lab
    known = Recording.load().exchanges
    assert {key: one.status for key, one in found.exchanges.items()} == {key: known[key].status for key in found.exchanges}
    assert sum(one.is_list for one in found.exchanges.values()) == sum(one.is_list for one in known.values())
    assert healthy.unknown == []


def test_nothing_is_recorded_of_a_cluster_that_could_not_be_read_whole(healthy: FaultServer, tmp_path: Path) -> None:
    refuse = next(one for one in FAULTS if one.name == "403")
    with (
        healthy.misbehaving(refuse.misbehave, lambda request: request.resource == "GET /api/v1/services"),
        pytest.raises(ValueError, match=r"(?s)nothing was recorded.*: not allowed to list services"),
    ):
        record(_kubeconfig(healthy, tmp_path))
