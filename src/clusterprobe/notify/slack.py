"""A message for a Slack webhook. Cluster text makes no link, no mention and no markup of it."""

from __future__ import annotations

import itertools
from typing import Any

from clusterprobe.model import RunResult
from clusterprobe.notify.changes import Change, Changes
from clusterprobe.notify.wording import fix_text, headline, link_to
from clusterprobe.profile import Notify
from clusterprobe.words import visible

SHOWN = 10  # findings of each kind
LONGEST = 35_000  # characters: Slack cuts a message after 40,000, and a fix of which the end is lacking may do harm
LONGEST_SENTENCE = 1_500  # of a problem and a cause, before anything in them is escaped
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'", "*": "\u2217", "_": "\uff3f", "~": "\u223c"})


def payload(result: RunResult, found: Changes, wanted: Notify) -> dict[str, Any]:
    """The body for an incoming webhook."""
    begin = f"*{_plain(headline(result, found))}*"
    parts: list[str] = []
    parts += _listed([_changed("NEW", result, one, wanted) for one in found.new])
    parts += _listed([_changed(f"WORSE, was {one.was}", result, one, wanted) for one in found.worse])
    parts += _listed([f"RESOLVED {_short(one.subject)}: {_short(one.problem)}" for one in found.resolved.values()])
    end = f"Report: {_plain(link)}" if (link := link_to(result, wanted)) else ""
    # Else Slack's servers fetch every URL in it, and show what they find: whoever writes a log line could have them call anywhere.
    return {"text": "\n\n".join(one for one in (begin, *_fitting(parts), end) if one), "unfurl_links": False, "unfurl_media": False}


def _listed(texts: list[str]) -> list[str]:
    more = len(texts) - SHOWN
    return texts[:SHOWN] + ([f"and {more} more"] if more > 0 else [])


def _fitting(parts: list[str]) -> list[str]:
    """As many of the parts as Slack shows whole, and how many there are beside."""
    sizes = itertools.accumulate(len(one) for one in parts)
    kept = [one for one, size in zip(parts, sizes, strict=True) if size <= LONGEST]
    return kept if len(kept) == len(parts) else [*kept, f"and {len(parts) - len(kept)} more, in the report"]


def _changed(word: str, result: RunResult, one: Change, wanted: Notify) -> str:
    finding = one.finding
    environment = f" [{finding.subject.environment}]" if finding.subject.environment else ""
    lines = [
        f"*{word} {str(finding.severity).upper()}*{_plain(environment)} {_plain(f'{one.probe.id} {finding.reason}  {finding.subject}')}"
    ]
    lines += [_short(finding.problem)]
    lines += [f"Cause: {_short(finding.cause)}"] if finding.cause else []
    lines += [f"Fix:\n```\n{_code(fix_text(finding))}\n```"] if finding.fix else []
    lines += [_plain(link_to(result, wanted, one))] if wanted.link else []
    return "\n".join(lines)


def _short(text: str) -> str:
    return _plain(text if len(text) <= LONGEST_SENTENCE else text[:LONGEST_SENTENCE] + "…")


def _plain(text: str) -> str:
    return visible(text).translate(_MARKS)


def _code(text: str) -> str:
    """Text of a code block: what is copied from it stays as it was, but for the marks that would end it."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")
