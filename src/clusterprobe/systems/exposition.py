"""Metrics read from a program itself, for what need not wait for a Prometheus that may not scrape it."""

from __future__ import annotations

import re

import msgspec

from clusterprobe.access.cluster import Endpoint
from clusterprobe.errors import BadResponse


class Metric(msgspec.Struct, frozen=True, gc=False):
    """One series at this moment."""

    name: str
    labels: dict[str, str]
    value: float


_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def samples_of(endpoint: Endpoint, names: set[str], *, seconds: float = 30) -> list[Metric]:
    """The series with these names on `/metrics`. Raises an `Unreadable`, also for a page that is no metrics."""
    what = f"GET {endpoint.url}/metrics"
    answer = endpoint.get("/metrics", seconds=seconds)
    if b"\n# TYPE " not in b"\n" + answer.body:
        raise BadResponse(f"{what}: the answer is not metrics" + (" but an HTML page" if b"<html" in answer.body[:500].lower() else ""))
    if not answer.body.endswith(b"\n"):
        raise BadResponse(f"{what}: half an answer: the last line does not end")
    starts = tuple(name.encode() for name in names)
    lines = [line for line in answer.body.split(b"\n") if line.startswith(starts)]
    found = [parse_line(line.decode("utf-8", "replace"), what) for line in lines]
    return [one for one in found if one.name in names]


def parse_line(line: str, what: str = "metrics") -> Metric:
    """One line of the text format.

    >>> parse_line('a_total{route="x"} 2').labels
    {'route': 'x'}
    """
    name, brace, rest = line.partition("{")
    labels: dict[str, str] = {}
    if brace:
        position = 0
        while match := _LABEL.match(rest, position):
            labels[match[1]] = re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[0]), match[2])
            position = match.end()
        closing, rest = rest[position : position + 1], rest[position + 1 :]
        if closing != "}":
            raise BadResponse(f"{what}: a line that is no series")
    else:
        name, _, rest = line.partition(" ")
    try:
        return Metric(name.strip(), labels, float(rest.split()[0]))
    except (ValueError, IndexError):
        raise BadResponse(f"{what}: a line that is no series") from None
