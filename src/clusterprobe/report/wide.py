"""The whole answer as text, each finding with its cause and all steps of its fix; and the whole of one finding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from clusterprobe.correlation import Case, cases
from clusterprobe.fingerprints import fingerprints
from clusterprobe.fixes import MARKS, line
from clusterprobe.model import Bars, Exhibit, Finding, Matrix, Place, ProbeResult, RunResult, Step, Table
from clusterprobe.report import answer, environments, glance
from clusterprobe.report.lines import SEVERITY_STYLES, Line, flat, where
from clusterprobe.report.prose import headline
from clusterprobe.words import visible, visible_line

LIMIT = 30
MOST_ROWS = 50  # of a table


def lines(result: RunResult, folder: Path | None) -> Iterator[Line]:
    """The answer line by line, without regard to a terminal's width."""
    yield where(result), "dim"
    if looked := answer.looked_at(result):
        yield visible_line(looked), ""
    yield f"Environments: {environments.summary(result.placed)}.", "dim"
    yield from _findings(result)
    yield from _unchecked(result)
    yield "", ""
    yield answer.counted(result), ""
    if left_out := answer.unrecorded(result):
        yield visible_line(left_out), ""
    if since := answer.since(result):
        yield since, ""
    if folder is not None:
        yield f"Report: {folder / 'index.html'}", ""
    yield from glance.verdict(result)


def _findings(result: RunResult) -> Iterator[Line]:
    found = cases(result)
    if whose := answer.whose_commands(result):
        yield "", ""
        yield visible_line(whose), "dim"
    if again := answer.asked_again(result):
        yield visible_line(again), "dim"
    for case in found[:LIMIT]:
        yield "", ""
        yield from _finding(case.probe, case.finding)
        yield from _effects(case)
    if len(found) > LIMIT:
        yield "", ""
        yield f"and {len(found) - LIMIT} more findings in the report", "dim"


def _finding(probe: ProbeResult, finding: Finding) -> Iterator[Line]:
    environment = f" [{finding.subject.environment}]" if finding.subject.environment else ""
    head = f"{finding.severity.upper()}  {probe.id}  {finding.reason}  {finding.subject}{environment}"
    yield visible_line(head), SEVERITY_STYLES[finding.severity]
    yield f"  {visible_line(headline(finding.problem))}", "bold"
    if finding.cause:
        yield f"  Cause: {flat(finding.cause)}", ""
    yield from _fix(finding.steps)


def _effects(case: Case) -> Iterator[Line]:
    for effect in case.effects:
        finding = effect.finding
        text = f"  Explains: {effect.probe.id}  {finding.reason}  {finding.subject}: {headline(finding.problem)}"
        yield visible_line(text), SEVERITY_STYLES[finding.severity]
        if effect.through in finding.breaks:  # it shares the cause, and has a place of its own to repair
            yield from _fix(finding.steps)


def _fix(steps: list[Step]) -> Iterator[Line]:
    """Every step: whoever stops after the first one may have done harm."""
    if steps:
        yield "  Fix:", ""
    for place, step in enumerate(steps, 1):
        yield f"  {place}. {MARKS[step.kind]}: {flat(step.text)}", "bold red" if step.kind == "destroys" else ""
        yield from ((f"      {visible(one)}", "") for one in step.code.split("\n") if step.code)
        yield from ((f"      $ {visible_line(line(one))}", "cyan") for one in step.commands)


def _unchecked(result: RunResult) -> Iterator[Line]:
    groups, alone = answer.unchecked(result), answer.unable(result)
    if groups or alone:
        yield "", ""
        yield "Could not be checked:", "bold magenta"
    for probe_result in alone:
        yield visible_line(f"  {probe_result.id} {answer.VERDICT_NAMES[probe_result.verdict]}: {probe_result.reason}"), ""
    for reason, things in list(groups.items())[:LIMIT]:
        yield f"  {visible_line(reason)}", ""
        for subject, probes in things[:3]:
            yield visible_line(f"    {subject}  ({', '.join(probes)})"), "dim"
        if len(things) > 3:
            yield f"    and {len(things) - 3} more", "dim"
    if len(groups) > LIMIT:
        yield f"  and {len(groups) - LIMIT} more reasons in the report", "dim"
    if advice := answer.permission_advice(result):
        yield f"  {advice}", ""


# --- one finding ------------------------------------------------------------------------------------------------------


def one_finding(result: RunResult, place: Place, folder: Path | None) -> Iterator[Line]:
    """Everything about a finding: problem, cause, fix, prevention, evidence, what explains it, and what it explains."""
    probe = next(one for one in result.probes if one.id == place[0])
    finding = probe.findings[place[1]]
    names = fingerprints(result)
    environment = f" [{finding.subject.environment}]" if finding.subject.environment else ""
    yield visible_line(f"{finding.severity.upper()}  {probe.id}  {finding.reason}  {finding.subject}{environment}"), "bold"
    owner = f"owned by {visible_line(finding.subject.owner)}, " if finding.subject.owner else ""
    age = answer.ages(result).get(place, "")
    known = answer.remembered(result, names[place])
    yield f"  {owner}fingerprint {names[place]}{f', {age}' if age else ''}{f', {known}' if known else ''}", "dim"
    yield f"  {flat(finding.problem)}", SEVERITY_STYLES[finding.severity]
    if finding.cause:
        yield f"  Cause: {flat(finding.cause)}", ""
    yield from _fix(finding.steps)
    if any(step.commands for step in finding.steps):
        yield f"  {visible_line(answer.whose_commands(result))}", "dim"
    if again := answer.asked_again(result, probe.id):
        yield f"  {visible_line(again)}", "dim"
    if finding.prevention:
        yield f"  Prevention: {flat(finding.prevention)}", ""
    for exhibit in finding.exhibits:
        yield from _exhibit(exhibit)
    yield from _related(result, place, names, folder)


def _related(result: RunResult, place: Place, names: dict[Place, str], folder: Path | None) -> Iterator[Line]:
    probes = {one.id: one for one in result.probes}
    for one in result.explained:
        if place not in (one.finding, one.cause):
            continue
        word, other = ("Explained by", one.cause) if one.finding == place else ("Explains", one.finding)
        finding = probes[other[0]].findings[other[1]]
        yield "", ""
        yield f"  {word} {other[0]}  {visible_line(finding.reason)}: {flat(headline(finding.problem))}", SEVERITY_STYLES[finding.severity]
        if command := glance.shown_as(names[other], folder):
            yield f"      $ {command}", "cyan"


def _exhibit(one: Exhibit) -> Iterator[Line]:
    yield "", ""
    yield f"  {visible_line(one.title)}", "bold"
    if isinstance(one, Table):
        rows = [[visible_line(cell) for cell in row] for row in [one.columns, *one.rows[:MOST_ROWS]]]
        yield from ((f"    {' | '.join(row)}", "") for row in rows)
        if len(one.rows) > MOST_ROWS:
            yield f"    and {len(one.rows) - MOST_ROWS} more rows in results.json", "dim"
    elif isinstance(one, Bars):
        for bar in islice(one.bars, MOST_ROWS):
            parts = ", ".join(f"{name} {amount:g}" for name, amount in bar.parts)
            yield visible_line(f"    {bar.label}: {parts} {one.unit}{f' ({bar.note})' if bar.note else ''}"), ""
    elif isinstance(one, Matrix):
        for name, row in zip(one.rows, one.cells, strict=False):
            cells = ", ".join(f"{column} {'not read' if cell is None else cell}" for column, cell in zip(one.columns, row, strict=False))
            yield visible_line(f"    {one.row_title} {name}: {cells}"), ""
    else:
        yield from ((f"    {visible(each)}", "") for each in one.text.split("\n"))
