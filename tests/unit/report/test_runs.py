"""The list of kept runs: what it says of each, its filters, and the picture."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clusterprobe.archive import Kept
from clusterprobe.model import RunResult, Since
from clusterprobe.report import runs
from clusterprobe.report.runs import Row, page, row_of
from tests.report_factories import healthy, hostile, unwell


def kept(result: RunResult | None, name: str = "2026-11-20T03-00-00Z", **run: Any) -> Row:
    if result is not None:
        cluster = msgspec.structs.replace(result.cluster, name=run.pop("cluster", result.cluster.name))
        result = msgspec.structs.replace(result, cluster=cluster, run=msgspec.structs.replace(result.run, **run))
    return row_of(Kept(Path(name), result))


def names(text: str) -> list[str]:
    return re.findall(r'<a href="/([^/"]+)/index\.html">', text)


def count_of(text: str, choice: str) -> tuple[int, bool]:
    """How many runs a choice says that it has, and whether it is the one in force."""
    (found,) = re.findall(rf"(<a [^>]*>){re.escape(choice)} <span class=\"soft\">(\d+)</span>", text)
    return int(found[1]), "aria-current" in found[0]


def test_a_row_has_the_counts_of_its_run() -> None:
    now = unwell()
    since = Since(run="r", finished="f", new=[(now.probes[0].id, 0)], worse=[(now.probes[0].id, 1)])
    row = kept(msgspec.structs.replace(now, since=since), cluster="prod-eu", profile="/etc/clusterprobe/profile.yaml")
    assert sum(row.counts.values()) == len(now.findings())
    assert (row.cluster, row.profile, row.fresh, row.resolved) == ("prod-eu", "profile.yaml", 2, 0)
    assert row.unchecked == now.unchecked_count()  # as on its page
    assert kept(now).fresh is None


@pytest.mark.parametrize(
    ("run", "limits"),
    [({"selected": ["loki"]}, ("only loki",)), ({"interrupted": True}, ("interrupted",)), ({"bundle": "demo.zip"}, ("of a bundle",))],
)
def test_a_part_of_a_run_is_never_as_green_as_a_whole_one(run: dict[str, Any], limits: tuple[str, ...]) -> None:
    assert kept(healthy()).look[1] == "ok"
    row = kept(healthy(), **run)
    assert (row.limits, row.look[1]) == (limits, "quiet")
    assert limits[0] in page([row], {})


def test_one_that_cannot_be_read_is_listed_as_such() -> None:
    text = page([kept(None)], {})
    assert "not readable" in text
    assert names(text) == ["2026-11-20T03-00-00Z"]


ROWS = [
    kept(unwell(), "2026-11-24T03-00-00Z", cluster="prod-eu", profile="nightly"),
    kept(healthy(), "2026-11-23T03-00-00Z", cluster="dev-eu", profile="nightly"),
    kept(healthy(), "2026-11-22T03-00-00Z", cluster="prod-eu", profile="smoke", selected=["loki"]),
    kept(None, "2026-11-21T03-00-00Z"),
]


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ({}, [24, 23, 22, 21]),
        ({"severity": ["critical"]}, [24]),
        ({"cluster": ["prod-eu"]}, [24, 22]),
        ({"cluster": ["prod-eu"], "runs": ["whole"]}, [24]),
        ({"runs": ["in part"]}, [22]),
        ({"profile": ["nightly"]}, [24, 23]),
        ({"verdict": ["not readable"]}, [21]),
        ({"new": ["1"]}, []),
        ({"severity": ["nosuch"], "other": ["x"], "cluster": [""]}, [24, 23, 22, 21]),
    ],
)
def test_filters_leave_what_they_say(asked: dict[str, list[str]], days: list[int]) -> None:
    text = page(ROWS, asked)
    assert names(text) == [f"2026-11-{day}T03-00-00Z" for day in days]
    assert ("No run passes these filters." in text) is (not days)


def test_a_filter_says_how_many_runs_each_value_leaves_beside_the_other_filters() -> None:
    text = page(ROWS, {"profile": ["nightly"]})
    assert count_of(text, "nightly") == (2, True)
    assert count_of(text, "prod-eu") == (1, False)
    assert 'href="?cluster=prod-eu&amp;profile=nightly"' in text


def test_the_picture_is_of_one_cluster_and_pale_where_only_some_probes_ran() -> None:
    text = page(ROWS, {"cluster": ["prod-eu"]})
    assert "The last 2 runs</h2>" in text
    assert '<g class="some">' in text
    assert "The last 2 runs of prod-eu</h2>" in page(ROWS, {})
    assert 'class="trend"' not in page(ROWS[:1], {})


def test_what_results_say_is_text_and_a_value_in_a_link_is_encoded() -> None:
    odd = kept(hostile("<script>alert(1)</script>"), cluster="a&b=<script>")
    text = page([odd, dataclasses.replace(odd, cluster="other")], {})
    assert "<script" not in text
    assert 'href="?cluster=a%26b%3D%3Cscript%3E"' in text


def test_a_long_list_is_cut_and_says_so() -> None:
    text = page([dataclasses.replace(ROWS[1], folder=f"run-{one}") for one in range(runs.SHOWN + 7)], {})
    assert len(names(text)) == runs.SHOWN
    assert "and 7 older runs" in text
