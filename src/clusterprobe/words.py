"""Words of our own sentences, and the cluster's text inside them: one line, nothing invisible, cut where it is long."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Control characters but for line feed and tab, what changes direction, what has no width, and what is no character.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

# GitHub reads `::command::` at the start of a line, after any blanks, and `##[command]` anywhere; Azure reads `##vso[` anywhere.
_CI_COMMAND = re.compile(r"(?<!\S)(?=::)|(?<=#)(?=#\w*\[)")


def visible(text: object) -> str:
    r"""Text of several lines with control, direction and invisible characters as escapes such as `\u202e`."""
    return UNSEEN.sub(escape, str(text).replace("\r\n", "\n"))


def visible_line(text: object) -> str:
    """The same on one line: line feeds and tabs become escapes, too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def for_console(text: object) -> str:
    """Visible text in which no CI system finds a command, wherever a line is broken."""
    return _CI_COMMAND.sub(r"\\", visible(text))


def escape(match: re.Match[str]) -> str:
    r"""One character as `\x1b`, `\u202e` or `\U000e0001`."""
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: object) -> str:
    """A paragraph as one line: any run of white space, of whatever kind, is a blank."""
    return " ".join(str(text).split())


def said(text: object, limit: int = 1000, *, nothing: str = "nothing") -> str:
    """What somebody else said, to stand in a sentence of ours: “…”, on one line, without backticks, at most `limit` characters.

    `nothing` is the word where that is empty.
    """
    line = one_line(text).replace("`", "'").replace("“", "'").replace("”", "'")
    if not line:
        return nothing
    return f"“{line if len(line) <= limit else line[: limit - 1] + '…'}”"


def number(count: int, noun: str, plural: str = "") -> str:
    """`1 target`, `2 targets`; `plural` where that is not the noun with an s, or more than the noun differs."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def of_severity(count: int, severity: str) -> str:
    """How many findings of a severity, in a list: `2 critical`, `1 error`, `6 notes`."""
    return f"{count} critical" if severity == "critical" else number(count, "note" if severity == "info" else severity)


def a(noun: str) -> str:
    """`a Loki`, `an Airflow`; what is spelt out goes by the name of its first letter: `an MLflow`."""
    vowels = "AEFHILMNORSX" if noun[:2].isupper() else "AEIOUaeiou"
    return f"{'an' if noun[:1] in tuple(vowels) else 'a'} {noun}"


def listed(names: Sequence[str], most: int, *, between: str = ", ") -> str:
    """The first of some names, and how many more there are: `api, db and 3 more`; empty for none."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more
