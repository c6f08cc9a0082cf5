"""Metrics read from a program itself, for what need not wait for a Prometheus that may not scrape it."""

from __future__ import annotations

import math

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Endpoint
from clusterprobe.errors import BadResponse
from clusterprobe.numerals import number
from clusterprobe.systems.formats.quoted import end_of, unescaped


class Metric(msgspec.Struct, frozen=True, gc=False):
    """One series at this moment: it counts or measures something; only the quantile of a summary may be not a number."""

    name: str
    labels: dict[str, str]
    value: float


def samples_of(
    endpoint: Endpoint, names: set[str], *, seconds: float = 30, path: str = "/metrics", mark: bytes = b"\n# TYPE "
) -> list[Metric]:
    """The series with these names on a page. Raises an `Unreadable`, also for a page that is no metrics.

    `mark` is what each page of that program has: VictoriaMetrics writes no types.
    """
    what = f"GET {endpoint.url}{path}"
    answer = endpoint.get(path, seconds=seconds, limit_bytes=bodies.METRICS)
    if mark not in b"\n" + answer.body:
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
        labels, rest = _labels(rest)
        if not rest.startswith("}"):
            raise BadResponse(f"{what}: a line that is not a series")
        rest = rest[1:]
    else:
        name, _, rest = line.partition(" ")
    words = rest.split()
    value = number(words[0]) if words else None
    if value is None and words == ["NaN"] and "quantile" in labels:
        value = math.nan  # a summary that observed nothing lately
    if value is None:
        raise BadResponse(f"{what}: the value of {name.strip()[:80]} is not a number that counts anything: {' '.join(words)[:20]!r}")
    return Metric(name.strip(), labels, value)


def _labels(text: str) -> tuple[dict[str, str], str]:
    """The labels that a text begins with, and what follows them."""
    found: dict[str, str] = {}
    position = 0
    while (quote := text.find('="', position)) != -1:
        name, end = text[position:quote].strip(), end_of(text, quote + 1)
        if end == -1 or not name.isidentifier():
            break
        found[name] = unescaped(text[quote + 2 : end - 1])
        position = end + 1 if text.startswith(",", end) else end
    return found, text[position:].lstrip()
