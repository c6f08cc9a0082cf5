"""The answer at a glance: a line a finding, production first, and the verdict as the last line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clusterprobe.archive import DEFAULT
from clusterprobe.correlation import Case, cases
from clusterprobe.fixes import line, shell
from clusterprobe.model import ProbeVerdict, RunResult, RunVerdict, Severity
from clusterprobe.report import answer
from clusterprobe.report.lines import SEVERITY_STYLES, VERDICT_STYLES, Line, flat, where
from clusterprobe.report.prose import headline
from clusterprobe.report.remedies import remedies
from clusterprobe.words import number, visible_line

LIMIT = 20  # lines of findings
MOST_REASONS = 4  # lines of what could not be checked
MOST_GONE = 3
LEAST_REASON = 15  # characters of one that is cut
MOST_ENVIRONMENT = 12  # characters
AREAS_WIDTH = 78


def lines(result: RunResult, folder: Path | None, width: int | None) -> Iterator[Line]:
    """The answer line by line. A finding is cut to `width`; where that is none, nothing is cut."""
    yield where(result), "dim"
    if looked := answer.looked_at(result):
        yield visible_line(looked), ""
    found = [one for one in cases(result) if one.severity.at_least(Severity.WARNING)]
    yield from _findings(result, found, folder, width)
    if result.verdict is RunVerdict.HEALTHY and not found:
        yield from _areas(result)
    yield from _first(result, found, folder)
    yield from _unchecked(result, width)
    yield from _since(result, width)
    yield from _acceptances(result)
    yield "", ""
    yield answer.counted(result), ""
    if left_out := answer.unrecorded(result):
        yield visible_line(left_out), ""
    if folder is not None:
        yield f"Report: {folder / 'index.html'}", ""
    yield from verdict(result)


def verdict(result: RunResult) -> Iterator[Line]:
    """The answer in a sentence."""
    yield f"{answer.opening(result)}: {answer.tally(result)}.", VERDICT_STYLES[result.verdict]


def _findings(result: RunResult, found: list[Case], folder: Path | None, width: int | None) -> Iterator[Line]:
    """A line a finding; where there are too many for that, a line for all that are alike."""
    if not found:
        return
    yield "", ""
    numbers = {case.place: place for place, case in enumerate(found, 1)}
    ages = answer.ages(result)
    rows = [[one] for one in found] if len(found) <= LIMIT else _alike(found)
    shown = rows if len(rows) <= LIMIT else rows[: LIMIT - 1]
    places = {row[0].place: visible_line(", ".join(row[0].environments(result.production))) for row in shown}
    room = min(max(map(len, places.values())), MOST_ENVIRONMENT)
    for row in shown:
        environment = f"{_cut(places[row[0].place], room):<{room}}  " if room else ""
        begin = f"{numbers[row[0].place]:>3}  {row[0].finding.severity.upper():<8}  {environment}"
        yield _row(begin, row, ages.get(row[0].place, ""), width), SEVERITY_STYLES[row[0].severity]
    if left := sum(map(len, rows[len(shown) :])):
        following = line_of(shown_as(numbers[rows[len(shown)][0].place], folder))
        yield f"    and {number(left, 'more finding')}{f'; the next is {following}' if following else ''}", "dim"


def _alike(found: list[Case]) -> list[list[Case]]:
    groups: dict[tuple[str, str, Severity, str], list[Case]] = {}
    for one in found:
        groups.setdefault((one.probe.id, one.finding.reason, one.severity, one.finding.subject.environment), []).append(one)
    return list(groups.values())


def _row(begin: str, row: list[Case], age: str, width: int | None) -> str:
    first = row[0]
    more = [f"and {len(row) - 1} more like it"] if len(row) > 1 else []
    worst = f", the worst {first.severity}" if first.severity is not first.finding.severity else ""
    more += [f"+{len(first.effects)} follow{'s' if len(first.effects) == 1 else ''}{worst}"] if first.effects else []
    more += [age] if age in ("new", "worse") else []
    end = f"  ({', '.join(more)})" if more else ""
    text = flat(headline(first.finding.problem))
    return begin + (text if width is None else _cut(text, width - len(begin) - len(end))) + end


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)].rstrip() + "…"


def _areas(result: RunResult) -> Iterator[Line]:
    """How many probes of each area passed, of those that had something to judge."""
    areas: dict[str, list[ProbeVerdict]] = {}
    for probe in result.probes:
        areas.setdefault(probe.id.partition("/")[0], []).append(probe.verdict)
    cells = []
    for area, verdicts in areas.items():
        absent = verdicts.count(ProbeVerdict.NOT_APPLICABLE)
        passed = verdicts.count(ProbeVerdict.PASS)
        cells.append(f"{visible_line(area)} {passed} passed" if passed or not absent else f"{visible_line(area)} not applicable")
    size = max(map(len, cells)) + 3
    columns = max(AREAS_WIDTH // size, 1)
    yield "", ""
    for start in range(0, len(cells), columns):
        yield "  " + "".join(f"{one:<{size}}" for one in cells[start : start + columns]).rstrip(), ""


def _first(result: RunResult, found: list[Case], folder: Path | None) -> Iterator[Line]:
    """Why the first one is, and where its fix stands; a fix is printed whole, or not at all."""
    step = answer.first_step(result)
    if step and answer.first_finding(result) is None:
        yield visible_line(step), ""
    if not found:
        return
    first = found[0].finding
    yield "", ""
    if first.cause:
        yield f"  1  Cause: {flat(first.cause)}", ""
    steps = f", with {'the step' if len(first.steps) == 1 else f'all {len(first.steps)} steps'} of its fix" if first.steps else ""
    if command := line_of(shown_as(1, folder)):
        yield f"  {'   ' if first.cause else '1  '}Everything about it{steps}: {command}", ""


def shown_as(place: int | str, folder: Path | None) -> str:
    """The command that prints the whole of a finding; empty where the folder's name cannot stand in one."""
    if folder is None or folder.parent == DEFAULT:
        command = shell("clusterprobe show {}", place)
    else:
        command = shell("clusterprobe show {} --run {}", place, folder)
    return line(command) if command else ""


def line_of(command: str) -> str:
    return f"`{command}`" if command else ""


def _unchecked(result: RunResult, width: int | None) -> Iterator[Line]:
    found = remedies(result)
    if not found:
        return
    yield "", ""
    yield "Could not be checked, by what settles it:", "bold magenta"
    shown = found if len(found) <= MOST_REASONS else found[: MOST_REASONS - 1]
    for one in shown:
        begin = f"{one.count:>3}  {one.advice.removesuffix('.')}"
        others = f" (and {number(len(one.said) - 1, 'other reason')})" if len(one.said) > 1 else ""
        text = f"{': ' if one.advice else ''}{flat(one.said[0])}"
        room = None if width is None else width - len(begin) - len(others)
        if room is not None and room < len(text):
            text = _cut(text, room) if room >= LEAST_REASON else ""
        yield begin + text + others, ""
    if left := found[len(shown) :]:
        yield f"     and {number(sum(len(one.said) for one in left), 'more reason')} in the report", "dim"


def _acceptances(result: RunResult) -> Iterator[Line]:
    said = answer.acceptances(result)
    if said:
        yield "", ""
    for one in said[:MOST_REASONS]:
        yield visible_line(one[0].upper() + one[1:]), "yellow"
    if len(said) > MOST_REASONS:
        yield f"and {len(said) - MOST_REASONS} more like it, in the report", "dim"


def _since(result: RunResult, width: int | None) -> Iterator[Line]:
    since = answer.since(result)
    if result.since is None or not since:
        return
    yield "", ""
    yield since, ""
    gone = [one for one in result.since.gone if one.state == "resolved"]
    for one in gone[:MOST_GONE]:
        text = f"     resolved: {flat(headline(one.problem))}"
        yield text if width is None else _cut(text, width), "green"
    if len(gone) > MOST_GONE:
        yield f"     and {len(gone) - MOST_GONE} more resolved", "dim"
