"""The answer on a terminal: what is wrong, what to do first, what could not be seen, where the report is.

On a terminal lines are wrapped at blanks; anywhere else (a CI log, a file) every text is one quiet line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clusterprobe.correlation import cases
from clusterprobe.fixes import MARKS, line
from clusterprobe.model import Finding, ProbeResult, RunResult, RunVerdict, Severity, Step
from clusterprobe.report import answer, environments
from clusterprobe.report.prose import headline
from clusterprobe.report.safe import for_console, safe
from clusterprobe.words import number, visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console

Line = tuple[str, str]  # text and style
LIMIT = 30

VERDICT_STYLES = {
    RunVerdict.HEALTHY: "bold green",
    RunVerdict.FINDINGS: "bold red",
    RunVerdict.INCOMPLETE: "bold magenta",
    RunVerdict.BROKEN: "bold magenta",
}
SEVERITY_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "cyan",
}


def show(result: RunResult, folder: Path | None = None, console: Console | None = None) -> None:
    """Print the answer, by default on standard output. NO_COLOR is honoured; `folder` is where the report was written."""
    from rich.console import Console
    from rich.text import Text

    class Patient(Console):
        """Rich's own answer to a reader that left (`| head`) is to exit with 1, which here means findings."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    console = console or Patient()
    width = console.width if console.is_terminal else None
    for text, style in lines(safe(result), folder):
        for piece in _wrapped(for_console(text), width):
            console.print(Text(piece, style=style), soft_wrap=True, highlight=False)


def lines(result: RunResult, folder: Path | None) -> Iterator[Line]:
    """The answer line by line, without regard to a terminal's width."""
    yield f"{answer.opening(result)}: {answer.tally(result)}.", VERDICT_STYLES[result.verdict]
    yield _where(result), "dim"
    if looked := answer.looked_at(result):
        yield visible_line(looked), ""
    yield f"Environments: {environments.summary(result.placed)}.", "dim"
    step = answer.first_step(result)
    if step and answer.first_finding(result) is None:
        yield visible_line(step), ""
    yield from _findings(result)
    yield from _unchecked(result)
    yield "", ""
    yield _counts(result), ""
    if left_out := answer.unrecorded(result):
        yield visible_line(left_out), ""
    if folder is not None:
        yield f"Report: {folder / 'index.html'}", ""


def _where(result: RunResult) -> str:
    cluster, run = result.cluster, result.run
    seen = f"replayed from {run.bundle}" if run.bundle else cluster.route
    known = [cluster.context, cluster.server, cluster.user, cluster.version, seen, run.profile and f"profile {run.profile}", run.finished]
    return visible_line(" · ".join(one for one in known if one))


def _findings(result: RunResult) -> Iterator[Line]:
    found = cases(result)
    for case in found[:LIMIT]:
        yield "", ""
        yield from _finding(case.probe, case.finding)
        for probe, finding, through in case.effects:
            text = f"  Explains: {probe.id}  {finding.reason}  {finding.subject}: {headline(finding.problem)}"
            yield visible_line(text), SEVERITY_STYLES[finding.severity]
            if through in finding.breaks:  # it shares the cause, and has a place of its own to repair
                yield from _fix(finding.steps)
    if len(found) > LIMIT:
        yield "", ""
        yield f"and {len(found) - LIMIT} more findings in the report", "dim"


def _finding(probe: ProbeResult, finding: Finding) -> Iterator[Line]:
    environment = f" [{finding.subject.environment}]" if finding.subject.environment else ""
    head = f"{finding.severity.upper()}  {probe.id}  {finding.reason}  {finding.subject}{environment}"
    yield visible_line(head), SEVERITY_STYLES[finding.severity]
    yield f"  {visible_line(headline(finding.problem))}", "bold"
    if finding.cause:
        yield f"  Cause: {_flat(finding.cause)}", ""
    yield from _fix(finding.steps)


def _flat(text: str) -> str:
    return visible_line(" ".join(text.split()))


def _fix(steps: list[Step]) -> Iterator[Line]:
    """Every step: whoever stops after the first one may have done harm."""
    if steps:
        yield "  Fix:", ""
    for place, step in enumerate(steps, 1):
        yield f"  {place}. {MARKS[step.kind]}: {_flat(step.text)}", "bold red" if step.kind == "destroys" else ""
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


def _counts(result: RunResult) -> str:
    counts = [f"{count} {answer.COUNTED[verdict]}" for verdict, count in answer.verdict_counts(result).items()]
    return f"{number(len(result.probes), 'probe')}: {', '.join(counts) or 'none ran'}"


def _wrapped(text: str, width: int | None) -> list[str]:
    """The text in lines of a terminal's width, broken at blanks only; a long word stays whole, to be copied."""
    if width is None or len(text) <= width or text.lstrip().startswith("$ "):
        return [text]
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, width=max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
