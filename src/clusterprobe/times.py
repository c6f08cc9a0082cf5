"""Times and durations as Kubernetes and Prometheus write them."""

from __future__ import annotations

import email.utils
from datetime import UTC, date, datetime
from itertools import groupby

from clusterprobe.numerals import MOST, number

_UNITS = {"ns": 1e-9, "µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
LATEST = 32_503_680_000.0  # the year 3000
AHEAD_SECONDS = 300.0  # by which one machine's clock may be ahead of another's
_NUMERIC = frozenset("0123456789.")


def epoch(text: str | None) -> float | None:
    """An RFC 3339 time as epoch seconds; None for an absent, an odd, or Go's zero time.

    >>> epoch("1970-01-01T00:01:00.123456789Z")
    60.123456
    """
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.timestamp() if moment.year > 1 and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def http_date(text: str) -> float | None:
    """A time as HTTP's headers have it, as epoch seconds; None for anything else, and for one with which no day can be reckoned.

    >>> http_date("Thu, 01 Jan 1970 00:01:00 GMT"), http_date("Fri, 31 Dec 9999 23:59:59 GMT"), http_date("yesterday")
    (60.0, None, None)
    """
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if 0 <= moment < LATEST else None


def calendar_day(text: str) -> date | None:
    """A day as ISO 8601 writes it; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def duration_seconds(text: str) -> float | None:
    """A duration as Prometheus or Go writes it, in seconds; None for anything else.

    >>> duration_seconds("1d12h"), duration_seconds("720h0m0s"), duration_seconds("1.5ms")
    (129600.0, 2592000.0, 0.0015)
    """
    parts = ["".join(part) for _, part in groupby(text, _NUMERIC.__contains__)]
    if not parts or len(parts) % 2 or not set(parts[1::2]) <= _UNITS.keys():
        return None
    counts = [number(one) for one in parts[::2]]
    seconds = sum(count * _UNITS[unit] for count, unit in zip(counts, parts[1::2], strict=True) if count is not None)
    return seconds if seconds <= MOST and None not in counts else None


def ago(seconds: float) -> str:
    """How long something took or is old, for a sentence: `40 s`, `12 min`, `3 h`, `2 days`."""
    for size, unit in ((172800, "days"), (7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'days': 86400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def age(moment: float | None, now: float) -> float | None:
    """For how many seconds something has been so; None where no time is known, and for one to come: what a clock that is wrong wrote.

    >>> age(90.0, 100.0), age(101.0, 100.0), age(9e9, 100.0), age(None, 100.0)
    (10.0, 0.0, None, None)
    """
    return None if moment is None or moment - now > AHEAD_SECONDS else max(now - moment, 0.0)


def day(moment: float) -> str:
    """A moment in epoch seconds as a UTC date and time, for a sentence.

    >>> day(86400.0)
    '1970-01-02 00:00 UTC'
    """
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "at no possible time"
