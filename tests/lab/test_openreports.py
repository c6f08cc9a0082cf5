"""OpenReports, by the project's own definitions, on the real API server: taken, refused where malformed, replaced, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterprobe import openreports
from clusterprobe.archive import read_result
from clusterprobe.profile_sections import ReportsProfile
from lab import api
from lab.errors import LabError
from lab.platform import open_reports, variants
from lab.stages import clear, stage
from tests.lab.running import PROFILE, Done, clusterprobe
from tests.lab.test_stages import wait_until_found, wait_until_healthy

GROUP = "/apis/openreports.io/v1alpha1"
WHOLE = f"{GROUP}/clusterreports/clusterprobe"
INCIDENT, PLACE = "tmp-curl-wrong-port", "fastapi-dev"


@pytest.fixture(scope="module", autouse=True)
def definitions() -> Iterator[None]:
    with variants.running(open_reports.SYSTEM):
        yield


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs that write reports. What they wrote is removed, so that no test sees another one's."""
    (tmp_path / "profile.yaml").write_text(f"extends: {PROFILE}\nreports: {{openreports: namespaces}}\n")
    yield tmp_path
    for found in (*reports().values(), *api.items(f"{GROUP}/clusterreports")):
        place = found["metadata"].get("namespace")
        api.delete(f"{GROUP}/namespaces/{place}/reports/{found['metadata']['name']}" if place else WHOLE)


def run(runs: Path, name: str) -> Done:
    done = clusterprobe(runs / name, "--profile", str(runs / "profile.yaml"))
    assert "OpenReports were" not in done.said, done.said
    return done


def reports() -> dict[str, dict[str, Any]]:
    """The Reports by their namespaces, of which none may have two."""
    found = api.items(f"{GROUP}/reports")
    by_place = {one["metadata"]["namespace"]: one for one in found}
    assert len(found) == len(by_place), found
    return by_place


def stored() -> list[dict[str, Any]]:
    """All that is there, the ClusterReport first."""
    return [api.get(WHOLE), *reports().values()]


def kept(one: dict[str, Any]) -> dict[str, Any]:
    """What of an object was not written by the API server itself."""
    names = ("name", "namespace", "labels", "annotations")
    return {**one, "metadata": {name: one["metadata"][name] for name in names if name in one["metadata"]}}


def test_the_api_server_takes_every_field_that_is_written(runs: Path) -> None:
    """It drops what the definitions do not have, without a word: so what it keeps is held against what was written."""
    run(runs, "one")
    written = openreports.objects(read_result(runs / "one" / "results.json"), ReportsProfile(openreports="namespaces"))
    there = {one["metadata"].get("namespace", ""): one for one in map(kept, stored())}
    assert [there[one["metadata"].get("namespace", "")] for one in written] == written
    assert len(there) == len(written)
    [manager] = {one["manager"] for found in stored() for one in found["metadata"]["managedFields"]}
    assert manager == "clusterprobe"


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"policy": "a/b", "result": "broken"}, "Unsupported value"),
        ({"policy": "a/b", "severity": "awful"}, "Unsupported value"),
        ({"result": "pass"}, "Required value"),
        ({"policy": "a/b", "timestamp": {"seconds": "now", "nanos": 0}}, "Invalid value"),
    ],
)
def test_it_refuses_a_malformed_one(runs: Path, result: dict[str, Any], said: str) -> None:
    run(runs, "one")
    before = api.get(WHOLE)["metadata"]["resourceVersion"]
    with pytest.raises(LabError, match=said):
        api.patch(WHOLE, {"results": [result]})
    assert api.get(WHOLE)["metadata"]["resourceVersion"] == before


def test_a_later_run_replaces_and_what_is_repaired_goes_away(runs: Path, tmp_path: Path) -> None:
    try:
        stage(INCIDENT)
        wait_until_found(tmp_path / "staged", (INCIDENT,))
        first = run(runs, "first")
        assert summed("fail") == counted(first, "critical", "error") > 0
        assert summed("warn") == counted(first, "warning", "info")
        assert "fail" in {one["result"] for one in reports()[PLACE]["results"]}
        before = {one["metadata"]["uid"]: one["metadata"]["generation"] for one in stored()}
        second = run(runs, "second")
    finally:
        clear(INCIDENT)
    after = {one["metadata"]["uid"]: one["metadata"]["generation"] for one in stored()}
    assert api.get(WHOLE)["metadata"]["uid"] in before
    assert reports()[PLACE]["metadata"]["uid"] in before
    assert all(after[uid] > before[uid] for uid in set(after) & set(before))
    assert summed("fail") == counted(second, "critical", "error")

    wait_until_healthy(tmp_path / "cleared")
    run(runs, "third")
    left = reports().get(PLACE, {"results": []})["results"]  # a note of the healthy lab stays
    assert "fail" not in {one["result"] for one in left}
    assert summed("fail") == 0


def summed(outcome: str) -> int:
    """Of this outcome, by the objects' own summaries, which the results in them have to bear out."""
    found = stored()
    counts = [one["summary"][outcome] for one in found]
    assert counts == [sum(each["result"] == outcome for each in one["results"]) for one in found]
    return sum(counts)


def counted(done: Done, *severities: str) -> int:
    return sum(finding["severity"] in severities for probe in done.results["probes"] for finding in probe["findings"])
