import re
from pathlib import Path

import pytest

from clusterprobe.times import ago, duration_seconds, epoch


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1970-01-01T00:01:00Z", 60.0), ("1970-01-01T01:00:00.5+01:00", 0.5), ("1970-01-01T00:00:01.123456789Z", 1.123456)],
)
def test_times_as_kubernetes_and_prometheus_write_them(text: str, expected: float) -> None:
    assert epoch(text) == expected


@pytest.mark.parametrize("text", [None, "", "yesterday", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert epoch(text) is None


@pytest.mark.parametrize(("text", "expected"), [("30s", 30.0), ("1m30s", 90.0), ("1h", 3600.0), ("250ms", 0.25), ("1d", 86400.0)])
def test_durations(text: str, expected: float) -> None:
    assert duration_seconds(text) == expected


@pytest.mark.parametrize("text", ["", "10", "s", "1m 30s", "10x"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration_seconds(text) is None


@pytest.mark.parametrize(("seconds", "expected"), [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 days")])
def test_ages_in_words(seconds: float, expected: str) -> None:
    assert ago(seconds) == expected


def test_only_one_place_reads_times() -> None:
    package = Path(__file__).parents[2] / "src" / "clusterprobe"
    reading = [path for path in package.rglob("*.py") if re.search(r"\b(fromisoformat|strptime)\b", path.read_text())]
    assert [path.name for path in reading] == ["times.py"]
