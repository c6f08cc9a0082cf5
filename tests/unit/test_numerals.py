"""Numbers that a cluster wrote: those that count something, and everything else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterprobe.errors import BadResponse
from clusterprobe.numerals import MOST, number, whole_number
from clusterprobe.systems.formats.alertmanager_config import Configuration, OddConfiguration, Receiver, Route
from clusterprobe.systems.formats.exposition import parse_line
from clusterprobe.systems.formats.logfmt import line_time, size_bytes
from clusterprobe.systems.formats.quantities import amount
from clusterprobe.systems.prometheus.query import counted
from clusterprobe.times import day, duration_seconds

NONE = [
    "",
    " ",
    "NaN",
    "nan",
    "+Inf",
    "-Inf",
    "inf",
    "Infinity",
    "-1",
    "-0.5",
    "many",
    "1_000",
    "٣",
    "²",
    " 5",
    "5 ",
    "0x10",
    "1e400",
    "1e300",
    "1e18",
    "1" * 400,
]


@pytest.mark.parametrize("text", NONE)
def test_what_counts_nothing_is_no_number(text: str):
    assert number(text) is None


@pytest.mark.parametrize("text", ["0", "-0", "+1", "1.", ".5", "1e+06", "1E-3", "1700000000.123", "9007199254740992e-3"])
def test_what_prometheus_writes_for_a_count_is_one(text: str):
    assert number(text) == float(text)


@given(st.floats(0, MOST))
def test_every_count_survives_being_written(value: float):
    assert number(repr(value)) == value


@given(st.text())
def test_whatever_is_written_is_a_finite_count_or_none(text: str):
    assert (value := number(text)) is None or 0 <= value <= MOST
    assert (whole := whole_number(text)) is None or 0 <= whole < 10**19


@pytest.mark.parametrize("text", NONE)
def test_a_prometheus_answer_with_no_count_is_unreadable(text: str):
    with pytest.raises(BadResponse, match="not a number that counts anything"):
        counted(text, "a value of up")


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-1", "many", "1_000", "1e300", ""])
def test_a_line_of_metrics_with_no_count_is_unreadable(text: str):
    with pytest.raises(BadResponse, match="the value of a_total is not a number that counts anything"):
        parse_line(f'a_total{{x="y"}} {text}')


def test_the_quantile_of_a_summary_may_have_nothing_to_tell():
    assert math.isnan(parse_line('a_seconds{quantile="0.9"} NaN').value)


@pytest.mark.parametrize("parse", [amount, duration_seconds, size_bytes])
def test_a_size_or_duration_beyond_everything_is_none(parse):
    assert parse(f"{'9' * 400}{'s' if parse is duration_seconds else 'B' if parse is size_bytes else 'Ki'}") is None


def test_a_line_of_an_impossible_day_has_no_time():
    assert line_time(b"2026-99-99T99:99:99Z x") is None


@pytest.mark.parametrize("moment", [1e15, -1e15, 1e300])
def test_a_moment_beyond_the_calendar_breaks_no_sentence(moment: float):
    assert day(moment) == "at no possible time"


@pytest.mark.parametrize("route", [Route("nobody"), Route("null", routes=[Route("nobody")]), Route()])
def test_a_configuration_that_names_a_receiver_that_is_not_defined_is_none(route: Route):
    with pytest.raises(OddConfiguration, match="not defined"):
        Configuration(route, [Receiver("null")])
