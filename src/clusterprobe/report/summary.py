"""A short answer in Markdown: GitHub's step summary, or a comment on a merge request."""

from __future__ import annotations

import os
from pathlib import Path

from clusterprobe.model import RunResult, Subject
from clusterprobe.report import answer
from clusterprobe.report.prose import headline
from clusterprobe.words import number, visible_line

LIMIT = 50


def write(result: RunResult, folder: Path) -> None:  # noqa: ARG001 - every sink is called alike
    """Append the summary to the file that GitHub names in GITHUB_STEP_SUMMARY; without one, do nothing."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(summary_markdown(result))


def summary_markdown(result: RunResult) -> str:
    """The answer, the findings and what could not be checked. Cluster text is escaped: no link, image, mention or HTML of its own."""
    where = (
        f"Cluster {result.cluster.context or result.cluster.server or 'not known'}, profile {result.run.profile}, {result.run.finished}."
    )
    answered = f"{plain(answer.tally(result))}. {plain(where)}"
    looked = answer.looked_at(result)
    lines = [f"## {answer.opening(result)}", answered, *([plain(looked)] if looked else []), *_findings(result), *_unchecked(result)]
    return "\n\n".join(lines) + "\n"


def _findings(result: RunResult) -> list[str]:
    pairs = result.findings()
    if not pairs:
        return []
    rows = [
        f"| {finding.severity} | {plain(probe.id)} | {plain(str(finding.subject))} | {plain(headline(finding.problem))} |"
        for probe, finding in pairs[:LIMIT]
    ]
    table = "\n".join(["| Severity | Probe | Where | What |", "| --- | --- | --- | --- |", *rows])
    return [table, *_more(len(pairs), "finding")]


def _unchecked(result: RunResult) -> list[str]:
    groups, alone = answer.unchecked(result), answer.unable(result)
    if not groups and not alone:
        return []
    rows = [f"- {plain(one.id)} {answer.VERDICT_NAMES[one.verdict]}: {plain(one.reason)}" for one in alone]
    rows += [f"- {_named(things)}: {plain(reason)}" for reason, things in list(groups.items())[:LIMIT]]
    return ["**Could not be checked**", "\n".join(rows), *_more(len(groups), "reason")]


def _named(things: list[tuple[Subject, list[str]]]) -> str:
    names = plain(", ".join(str(subject) for subject, _ in things[:3]))
    return f"{names} and {len(things) - 3} more" if len(things) > 3 else names


def _more(count: int, noun: str) -> list[str]:
    return [f"and {number(count - LIMIT, f'more {noun}')} in the report"] if count > LIMIT else []


_MARKUP = str.maketrans({one: f"\\{one}" for one in r"\`*_{}[]()#+.!|~:$^=-"})


def plain(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    escaped = visible_line(text).translate(_MARKUP)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
