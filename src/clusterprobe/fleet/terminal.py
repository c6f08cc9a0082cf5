"""The answer over many clusters as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clusterprobe.fleet.overview import Member, Overview
from clusterprobe.fleet.records import State
from clusterprobe.fleet.spreads import Drift, Spread
from clusterprobe.fleet.wording import elsewhere, opening, tally
from clusterprobe.model import Severity
from clusterprobe.times import ago
from clusterprobe.words import listed, number, visible_line

SHOWN = 20
WIDEST = 60  # characters of the column of names: one that is longer sticks out, and moves no other row
SIGNS = {State.FOUND: "X", State.UNCHECKED: "?", State.CLEAR: ".", State.NOT_APPLICABLE: "-", State.SILENT: " "}


def lines(over: Overview) -> Iterator[str]:
    """The table of clusters and areas, then what was found where, worst first, what is gone, and what differs within a group."""
    yield f"{opening(over)}: {tally(over)}."
    yield from _table(over)
    names = {one.uid: one.title for one in over.members}
    found = [one for one in over.findings if one.severity.at_least(Severity.WARNING)]
    notes = len(over.findings) - len(found)
    if over.findings:
        yield ""
        yield f"Found: {number(len(found), 'kind of finding', 'kinds of findings')}, and {notes} of notes."
    yield from _some(_found(over, one, names) for one in found)
    yield from _part(
        "Resolved since the run before:",
        (f"{one.probe} {one.code}: {listed([names[uid] for uid in one.clusters], 5)}" for one in over.resolved),
    )
    yield from _part("Not alike within a group:", (_differs(one, names) for one in over.drift))
    for doubt in over.doubts:
        yield visible_line(f"which cluster is which: {doubt}")
    for trouble in over.troubles:
        yield visible_line(f"could not be read: {trouble}")


def _part(title: str, texts: Iterable[str]) -> Iterator[str]:
    some = list(_some(texts))
    if some:
        yield ""
        yield title
        yield from some


def _some(texts: Iterable[str]) -> Iterator[str]:
    every = list(texts)
    yield from (visible_line(f"  {one}") for one in every[:SHOWN])
    if len(every) > SHOWN:
        yield f"  and {len(every) - SHOWN} more"


def _differs(one: Drift, names: dict[str, str]) -> str:
    there, clear = (listed([names[uid] for uid in uids], 5) for uids in (one.found, one.clear))
    return f"{one.group}: {one.probe} {one.code} on {there}; clear on {clear}"


def _table(over: Overview) -> Iterator[str]:
    width = min(max([len(one.title) for one in over.members] + [len(one) for one in over.silent] + [7]), WIDEST)
    yield ""
    yield f"X found   ? could not be checked   . clear   - not applicable      areas: {', '.join(over.areas)}"
    for name in over.silent:
        yield visible_line(f"{name:<{width}}  did not report, and never has")
    for one in over.members:
        yield visible_line(f"{one.title:<{width}}  {_cells(one, over)}")


def _cells(one: Member, over: Overview) -> str:
    if not one.reported:
        return f"did not report for {ago(one.age)}"
    cells = " ".join(SIGNS[one.areas[area]] if area in one.areas else " " for area in over.areas)
    some = f", only {', '.join(one.selected)}" if one.selected else ""
    changed = f"{one.new} new, {one.resolved} resolved" if one.new or one.resolved else "no change"
    return f"{cells}  {changed}, {ago(max(one.age, 0))} ago{some}"


def _found(over: Overview, one: Spread, names: dict[str, str]) -> str:
    where = listed([names[uid] for uid in one.clusters], 5)
    return f"{one.severity.upper()} {one.probe} {one.code}: {where}; {elsewhere(over, one)}; since {one.first[:10]}"
