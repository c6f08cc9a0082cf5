"""Accepted findings: until when, and which entries accept nothing."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from clusterprobe import accepted
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.profile import Profile

NOW = datetime.datetime(2026, 6, 10, 12, tzinfo=datetime.UTC).timestamp()


def finding(name: str = "main", reason: str = "DataOnNfs") -> Finding:
    subject = Subject(kind="Prometheus", namespace="monitoring-dev", name=name)
    return Finding(reason, Severity.ERROR, subject, "problem", "cause", "fix", "prevention")


def probe(**given: Any) -> ProbeResult:
    return ProbeResult(id="prometheus/storage", question="?", verdict=ProbeVerdict.PASS, examined=1, **given)


def profile(**given: Any) -> Profile:
    return Profile.model_validate({"known": [{"probe": "prometheus/storage", "why": "dev may lose it", **given}]})


@pytest.mark.parametrize(
    ("given", "accepts"),
    [
        ({}, True),
        ({"reason": "DataOn*"}, True),
        ({"reason": "Other"}, False),
        ({"subject": "Prometheus monitoring-dev/*"}, True),
        ({"subject": "Prometheus monitoring-prod/*"}, False),
        ({"probe": "prometheus"}, True),
        ({"probe": "loki/*"}, False),
        ({"until": "2026-06-10"}, True),  # to the end of its last day
        ({"until": "2026-06-09"}, False),
    ],
)
def test_an_entry_accepts_what_it_means_until_its_end(given: dict[str, str], accepts: bool) -> None:
    assert accepted.is_accepted(profile(**given), "prometheus/storage", finding(), NOW) is accepts


@pytest.mark.parametrize(
    ("given", "results", "state", "note", "places"),
    [
        ({}, probe(known=[finding()]), "applies", "", [("prometheus/storage", 0)]),
        ({"until": "2026-06-24"}, probe(known=[finding()]), "applies", "", [("prometheus/storage", 0)]),
        (
            {"until": "2026-06-23"},
            probe(known=[finding("other", "Other"), finding()]),
            "ends soon",
            "ends on 2026-06-23: then what it accepts counts again",
            [("prometheus/storage", 0), ("prometheus/storage", 1)],
        ),
        ({"until": "2026-06-01"}, probe(findings=[finding()]), "over", "ended on 2026-06-01: what it accepted counts again", []),
        ({"until": "2026-06-01"}, probe(), "over", "ended on 2026-06-01, and nothing matches it: remove it", []),
        ({}, probe(), "matches nothing", "matches nothing in this run: what it accepted is gone, so remove it", []),
        (
            {"subject": "Prometheus monitoring-dev/mai"},
            probe(findings=[finding()]),
            "matches nothing",
            "matches nothing in this run: did you mean Prometheus monitoring-dev/main?",
            [],
        ),
        (
            {"reason": "DataOnNfz", "subject": "*"},
            probe(findings=[finding()]),
            "matches nothing",
            "matches nothing in this run: did you mean DataOnNfs?",
            [],
        ),
        ({}, probe(unchecked=[Unchecked(Subject(kind="PVC"), "not allowed to list")]), "not checked", "", []),
        ({"probe": "loki/ruler"}, probe(), "not checked", "", []),
    ],
)
def test_an_entry_says_what_becomes_of_it(
    given: dict[str, str], results: ProbeResult, state: str, note: str, places: list[tuple[str, int]]
) -> None:
    (entry,) = accepted.entries(profile(owner="team-a", ticket="OPS-1", **given), [results], NOW)
    assert (entry.state, entry.note, entry.findings) == (state, note, places)
    assert (entry.owner, entry.ticket, entry.until) == ("team-a", "OPS-1", given.get("until", ""))
