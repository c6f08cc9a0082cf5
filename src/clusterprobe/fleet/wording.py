"""The words that the outputs over many clusters have in common."""

from __future__ import annotations

from clusterprobe.fleet.overview import Overview
from clusterprobe.fleet.records import State
from clusterprobe.fleet.spreads import Spread
from clusterprobe.report.answer import OPENINGS
from clusterprobe.words import number


def opening(over: Overview) -> str:
    """The answer in a word or two."""
    return OPENINGS[over.verdict] if over.total() else "No cluster"


def tally(over: Overview) -> str:
    """How many clusters reported, and how many of all did not."""
    total, reported = over.total(), over.reported()
    return f"{number(total, 'cluster')}, {reported} reported, {total - reported} did not report"


def elsewhere(over: Overview, one: Spread) -> str:
    """What is said of a finding where it was not found, as `clear on 2; could not be checked on 1`: no state is left out."""
    counts = over.counts(one)
    words = {State.CLEAR: "clear on", State.UNCHECKED: "could not be checked on", State.NOT_APPLICABLE: "not applicable on"}
    said = [f"{word} {counts[state]}" for state, word in words.items() if counts[state] or state is State.CLEAR]
    return "; ".join([*said, *([f"{counts[State.SILENT]} did not report"] if counts[State.SILENT] else [])])
