"""Times of a run as numbers."""

from __future__ import annotations

from clusterprobe.model import Run
from clusterprobe.times import epoch


def run_seconds(run: Run) -> float | None:
    """How long the run took; None if its times do not tell."""
    started, finished = epoch(run.started), epoch(run.finished)
    return None if started is None or finished is None else max(0.0, finished - started)
