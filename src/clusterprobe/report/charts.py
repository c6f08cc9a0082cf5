"""Where the parts of a chart go, in percent of its width. The template only draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clusterprobe.model import Bar, Bars, Matrix, Severity, Trend
from clusterprobe.words import of_severity

LABEL_CHARACTERS = 24  # what fits beside a bar


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: from `left` over `width`, in percent; `tone` picks its colour."""

    name: str
    amount: float
    left: float
    width: float
    tone: int


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar ready to be drawn."""

    bar: Bar
    total: float
    pieces: list[Piece]
    over: bool


@dataclass(frozen=True, slots=True)
class DrawnBars:
    """A chart ready to be drawn; `limit` is in percent of the width, the parts are in order of first appearance."""

    chart: Bars
    parts: list[str]
    rows: list[DrawnBar]
    limit: float | None

    @property
    def long(self) -> bool:
        """Whether a label needs a line of its own."""
        return any(len(bar.label) > LABEL_CHARACTERS for bar in self.chart.bars)


@dataclass(frozen=True, slots=True)
class Point:
    """A run in a trend: where its column stands, in percent; its parts by severity, worst first. `some`: it was of some probes only."""

    left: float
    width: float
    parts: list[tuple[str, float, float]]  # severity, from the top, height
    title: str
    some: bool


TREND_SEVERITIES = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING)
LEAST_TREND = 2  # runs; one alone is no trend


def trend(runs: list[Trend]) -> list[Point]:
    """The last runs as columns of findings, the oldest first; none where there are too few for a picture."""
    if len(runs) < LEAST_TREND:
        return []
    totals = [sum(one.counts.get(severity, 0) for severity in TREND_SEVERITIES) for one in runs]
    full, width = max(totals) or 1, 100 / len(runs)
    return [_point(one, place * width, width, full) for place, one in enumerate(runs)]


def _point(one: Trend, left: float, width: float, full: int) -> Point:
    parts: list[tuple[str, float, float]] = []
    foot = 100.0
    for severity in reversed(TREND_SEVERITIES):
        height = 100 * one.counts.get(severity, 0) / full
        foot -= height
        parts.append((severity.value, foot, height))
    counts = ", ".join(of_severity(one.counts.get(severity, 0), severity) for severity in TREND_SEVERITIES)
    unseen = f", {one.unchecked} not checked" if one.unchecked else ""
    some = f", only {', '.join(one.selected)}" if one.selected else ""
    return Point(left, width, parts[::-1], f"{one.finished}: {counts}{unseen}{some}", bool(one.selected))


def draw(chart: Bars) -> DrawnBars:
    """The geometry of a bar chart; amounts that are no finite positive number count as nothing."""
    parts = list(dict.fromkeys(name for bar in chart.bars for name, _ in bar.parts))
    totals = [sum(amount(value) for _, value in bar.parts) for bar in chart.bars]
    full = max([*totals, amount(chart.limit or 0)], default=0.0) * 1.04 or 1.0
    rows = [_row(bar, total, parts, full, chart.limit) for bar, total in zip(chart.bars, totals, strict=True)]
    return DrawnBars(chart, parts, rows, None if chart.limit is None else _percent(chart.limit, full))


def _row(bar: Bar, total: float, parts: list[str], full: float, limit: float | None) -> DrawnBar:
    pieces: list[Piece] = []
    reached = 0.0
    for name, value in bar.parts:
        length = amount(value)
        pieces.append(Piece(name, length, _percent(reached, full), _percent(length, full), parts.index(name) % 4))
        reached += length
    return DrawnBar(bar, total, pieces, over=limit is not None and total > limit)


def amount(value: float) -> float:
    """The value if it can be drawn."""
    return value if math.isfinite(value) and value > 0 else 0.0


def _percent(value: float, full: float) -> float:
    return round(100 * amount(value) / full, 2)


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, whether it should be zero and is not, and whether row and column are the same."""

    count: int | None
    wrong: bool
    own: bool


def cells(matrix: Matrix) -> list[tuple[str, list[Cell]]]:
    """The rows of a matrix; a cell that the matrix does not hold was not read."""
    wrong = set(matrix.wrong)
    return [(row, [_cell(matrix, wrong, y, x) for x in range(len(matrix.columns))]) for y, row in enumerate(matrix.rows)]


def _cell(matrix: Matrix, wrong: set[tuple[str, str]], y: int, x: int) -> Cell:
    line = matrix.cells[y] if y < len(matrix.cells) else []
    count = line[x] if x < len(line) else None
    row, column = matrix.rows[y], matrix.columns[x]
    return Cell(count, wrong=(row, column) in wrong and bool(count), own=row == column)
