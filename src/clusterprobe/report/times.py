"""Times of a run as numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from clusterprobe.model import Run


def timestamp(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; none if it is no time. Without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def duration_seconds(run: Run) -> float | None:
    """How long the run took; none if its times do not tell."""
    started, finished = timestamp(run.started), timestamp(run.finished)
    return None if started is None or finished is None else max(0.0, finished - started)
