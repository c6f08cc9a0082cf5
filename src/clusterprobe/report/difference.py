"""What differs between two runs, for a terminal, as Markdown or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from clusterprobe import streams
from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import Place, RunResult, Severity, Struct, Subject
from clusterprobe.report import answer, results, summary
from clusterprobe.report.lines import SEVERITY_STYLES, Line, flat, where
from clusterprobe.report.prose import headline
from clusterprobe.report.safe import safe
from clusterprobe.report.terminal import print_lines
from clusterprobe.words import visible_line

State = Literal["new", "worse", "resolved", "not seen", "persisting"]
TITLES: dict[State, str] = {
    "new": "New",
    "worse": "Worse",
    "resolved": "Resolved",
    "not seen": "Not seen again, but their probes could not check everything",
    "persisting": "Still there",
}
LIMIT = 50  # of each state, for people


class Changed(Struct):
    """A finding of one of two runs, and how it compares; `fingerprint` is empty where only the earlier run has it."""

    state: State
    severity: Severity
    probe: str
    reason: str
    subject: Subject
    problem: str
    fingerprint: str = ""


class Difference(Struct):
    """How a run compares with an earlier one. `blind` are the probes that left something open, of which nothing is known here."""

    before: str
    after: str
    findings: list[Changed]
    blind: list[str] = []
    schema: Literal["clusterprobe/diff/v1"] = "clusterprobe/diff/v1"


def difference(then: RunResult, now: RunResult) -> Difference:
    """All that differs, by state in the order of `TITLES`, and within one in the order of the findings. `now` has been compared."""
    ages, names = answer.ages(now), fingerprints(now)
    places = [(probe.id, number) for probe in now.probes for number in range(len(probe.findings))]
    states: dict[str, State] = {"new": "new", "worse": "worse"}
    found = [_changed(now, place, states.get(ages.get(place, ""), "persisting"), names[place]) for place in places]
    gone = now.since.gone if now.since else []
    found += [
        Changed(state=one.state, severity=one.severity, probe=one.probe, reason=one.reason, subject=one.subject, problem=one.problem)
        for one in gone
    ]
    order = list(TITLES)
    found.sort(key=lambda one: (order.index(one.state), -one.severity.rank, one.subject.environment not in now.production))
    return Difference(before=then.run.id, after=now.run.id, findings=found, blind=now.since.blind if now.since else [])


def _changed(now: RunResult, place: Place, state: State, name: str) -> Changed:
    finding = next(one for one in now.probes if one.id == place[0]).findings[place[1]]
    return Changed(
        state=state,
        severity=finding.severity,
        probe=place[0],
        reason=finding.reason,
        subject=finding.subject,
        problem=finding.problem,
        fingerprint=name,
    )


def show(then: RunResult, now: RunResult, form: str = "") -> None:
    """Print what differs on standard output; `form` is empty, `json` or `markdown`."""
    now = safe(now)
    found = difference(safe(then), now)
    if form == "json":
        streams.document(results.printable(msgspec.json.encode(found)))
    elif form == "markdown":
        streams.document(markdown(now, found).removesuffix("\n"))
    else:
        print_lines(lines(now, found))


def lines(now: RunResult, found: Difference) -> Iterator[Line]:
    """A line a finding, by state; what it comes to is the last line."""
    yield where(now), "dim"
    for state, title in TITLES.items():
        of_it = [one for one in found.findings if one.state == state]
        if of_it:
            yield "", ""
            yield f"{title} ({len(of_it)}):", "bold"
        for one in of_it[:LIMIT]:
            environment = f"  {one.subject.environment}" if one.subject.environment else ""
            text = f"  {one.severity.upper():<8}{environment}  {one.probe}  {flat(headline(one.problem))}"
            yield visible_line(text), "green" if state == "resolved" else SEVERITY_STYLES[one.severity]
        if len(of_it) > LIMIT:
            yield f"  and {len(of_it) - LIMIT} more", "dim"
    if found.blind:
        yield "", ""
        yield f"Not checked in the later run, so not compared: {flat(', '.join(found.blind))}", "bold magenta"
    yield "", ""
    yield answer.since(now), "bold"


def markdown(now: RunResult, found: Difference) -> str:
    """The same as Markdown, in which cluster text is text."""
    parts = [f"## {summary.plain(answer.since(now))}"]
    for state, title in TITLES.items():
        of_it = [one for one in found.findings if one.state == state]
        if not of_it:
            continue
        rows = [
            f"| {one.severity} | {summary.plain(one.probe)} | {summary.plain(str(one.subject))} | {summary.plain(headline(one.problem))} |"
            for one in of_it[:LIMIT]
        ]
        table = "\n".join(["| Severity | Probe | Where | What |", "| --- | --- | --- | --- |", *rows])
        parts += [f"**{title}** ({len(of_it)})", table, *([f"and {len(of_it) - LIMIT} more"] if len(of_it) > LIMIT else [])]
    if found.blind:
        parts.append(f"Not checked in the later run, so not compared: {summary.plain(', '.join(found.blind))}")
    return "\n\n".join(parts) + "\n"
