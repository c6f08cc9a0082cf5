"""fleet.html: five states that stay apart, the same counts as every other output, and nothing in it that is markup of a cluster's."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import msgspec
import pytest

from clusterprobe.fleet import metrics
from clusterprobe.fleet.overview import Overview
from clusterprobe.fleet.page import MOST_COLUMNS, render
from clusterprobe.fleet.records import Gone, Record, State
from clusterprobe.fleet.terminal import lines
from clusterprobe.model import Severity
from tests.unit.fleet.test_inventory import kubeconfig, written
from tests.unit.fleet.test_overview import NOW, over, record


def world() -> Overview:
    """A finding in each of the five states."""
    unchecked, absent, gone = record("2"), record("3"), record("6", group="prod")
    unchecked.probes["a/x"] = State.UNCHECKED
    absent.probes["a/x"] = State.NOT_APPLICABLE
    gone.gone, gone.resolved = [Gone("b/y", "WasBad", Severity.WARNING, "it was")], 1
    return over(record("1", "Bad", "Bad", group="prod"), unchecked, absent, gone, record("4", hours=48), expected=["c-9"])


def page(one: Overview) -> str:
    return render(one, "s3://reports", NOW, "26h")


def row(text: str, name: str) -> list[str]:
    """The words of a row's cells."""
    (found,) = [one for one in re.findall(r"<tr.*?</tr>", text, re.DOTALL) if f">{name}<" in one]
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", found, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in cells]


def test_a_finding_says_each_of_the_five_states_of_each_cluster() -> None:
    one = world()
    _, since, new, *counts_and_cells = row(page(one), "Bad")
    assert (since, new) == ("2026-06-01", "2")
    counts, cells = counts_and_cells[:5], counts_and_cells[6:]
    assert counts == ["1", "1", "1", "1", "2"]
    assert [cell.removesuffix(" 2") for cell in cells] == [
        "found",
        "could not be checked",
        "not applicable",
        "clear",
        "did not report",
    ]


def test_all_outputs_have_the_same_counts() -> None:
    one = world()
    (bad,) = one.findings
    states = {str(state): count for state, count in one.counts(bad).items()}
    assert states == {"found": 1, "could not be checked": 1, "clear": 1, "not applicable": 1, "did not report": 2}
    gauges = re.findall(r'clusterprobe_fleet_finding_clusters{code="Bad",.*?state="(.*?)"} (\S+)', metrics.text(one).decode())
    assert {state: float(value) for state, value in gauges} == states
    assert dict(zip(map(str, State), map(int, row(page(one), "Bad")[3:8]), strict=True)) == states
    said = next(line for line in lines(one) if "Bad" in line)
    assert "c-1; clear on 1; could not be checked on 1; not applicable on 1; 2 did not report;" in said
    data = json.loads(msgspec.json.encode(one))["findings"][0]
    lengths = [len(data[key]) for key in ("clusters", "unchecked", "clear", "not_applicable")]
    assert [*lengths, len(data["silent"]) + len(one.silent)] == [1, 1, 1, 1, 2]


def test_clusters_are_worst_first_and_those_that_did_not_report_before_all() -> None:
    text = page(world())
    names = re.findall(r'<th scope="row">(c-\d)', text.partition('id="findings"')[0])
    assert names == ["c-9", "c-4", "c-1", "c-2", "c-3", "c-6"]
    assert row(text, "c-9")[1] == "did not report"
    assert row(text, "c-9")[-1] == "never"


def test_what_is_gone_and_what_differs_is_named() -> None:
    one = world()
    text = page(one)
    assert "WasBad" in text.partition('id="resolved"')[2].partition("</section>")[0]
    assert "  b/y WasBad: c-6" in list(lines(one))
    assert row(text.partition('id="drift"')[2], "prod")[1:] == ["Bad a/x", "c-1", "c-6"]


def test_a_note_is_no_difference() -> None:
    noted = record("1", "Note", group="prod")
    noted.findings[0].severity = Severity.INFO
    assert over(noted, record("2", group="prod")).drift == []


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (over(), ["No cluster", "The store has no run of any cluster.", "No cluster reported."]),
        (over(record("1", hours=48)), ["Incomplete", "No cluster reported."]),
        (over(record("1")), [">Healthy<", "None on the clusters that reported.", "none were compared"]),
        (over(record("1", group="a")), ["Nothing."]),
    ],
)
def test_nothing_found_is_no_health_where_nobody_looked(one: Overview, said: list[str]) -> None:
    text = page(one)
    assert [each for each in said if each not in text] == []
    assert (">Healthy<" in text) is (one.verdict == "healthy")


def test_more_clusters_than_columns_are_all_in_the_counts() -> None:
    one = over(*(record(f"{number:03}", *(["Bad"] if number == 70 else [])) for number in range(MOST_COLUMNS + 60)))
    text = page(one)
    assert f"The {MOST_COLUMNS} worst clusters have a column; the counts are of all {MOST_COLUMNS + 60}." in text
    found = row(text, "Bad")
    assert found[3:8] == ["1", "0", str(MOST_COLUMNS + 59), "0", "0"]
    assert found[9:11] == ["found", "clear"]


HOSTILE = '<script>window.planted = 1</script>"><img src=x onerror=alert(1)>\u202e{{ 7*7 }}`x`'


def hostile() -> list[Record]:
    """A cluster all of whose texts are hostile, and another to compare it with."""
    bad = record("1", HOSTILE, name=HOSTILE, group=HOSTILE)
    bad.probes[f"{HOSTILE}/x"] = State.FOUND
    bad.findings[0].problem = bad.findings[0].first = HOSTILE
    bad.gone = [Gone(HOSTILE, HOSTILE, Severity.ERROR, HOSTILE)]
    return [bad, record("2", name=HOSTILE), record("3", group=HOSTILE)]


def test_a_clusters_text_is_text() -> None:
    text = page(over(*hostile(), expected=[HOSTILE], troubles=[HOSTILE]))
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "{{ 7*7 }}" in html.unescape(text)
    assert "49" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_the_command_writes_all_three(tmp_path: Path) -> None:
    from clusterprobe import cli

    arguments = ["fleet", "report", f"file://{tmp_path}", "--output", str(tmp_path / "o")]
    assert cli._guarded(lambda: cli.app(arguments, standalone_mode=False)) == 5
    assert {one.name for one in (tmp_path / "o").iterdir()} == {"fleet.html", "fleet.json", "fleet.prom"}


def test_every_cluster_of_an_inventory_has_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from clusterprobe import cli

    inventory = written(tmp_path, kubeconfig("eu", "us"))
    arguments = ["fleet", "report", f"file://{tmp_path}", "--inventory", inventory, "--expect", "hub"]
    assert cli._guarded(lambda: cli.app(arguments, standalone_mode=False)) == 2
    assert capsys.readouterr().out.startswith("Incomplete: 3 clusters, 0 reported, 3 did not report.")
