"""One redaction in front of all sinks, and text that cannot act as anything but text."""

from __future__ import annotations

import re
from typing import Any

from clusterprobe.decoding import from_tree
from clusterprobe.model import RunResult
from clusterprobe.redaction import redacted

_SURROGATE = re.compile(r"[\ud800-\udfff]")

# Control characters but for line feed and tab, what changes direction, what has no width, and what is no character.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

# GitHub reads `::command::` at the start of a line, after any blanks, and `##[command]` anywhere; Azure reads `##vso[` anywhere.
_CI_COMMAND = re.compile(r"(?<!\S)(?=::)|(?<=#)(?=#\w*\[)")


def safe(result: RunResult) -> RunResult:
    """The same result with secrets taken out of every text, ready to be written anywhere."""
    return from_tree(_encodable(redacted(result)), RunResult)


def _encodable(value: Any) -> Any:
    """Half characters, which no encoder accepts, as visible escapes."""
    if isinstance(value, str):
        return _SURROGATE.sub(_escape, value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    return value


def visible(text: object) -> str:
    r"""Text of several lines with control, direction and invisible characters as escapes such as `\u202e`."""
    return _UNSEEN.sub(_escape, str(text).replace("\r\n", "\n"))


def visible_line(text: object) -> str:
    """The same on one line: line feeds and tabs become escapes, too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def for_console(text: object) -> str:
    """Visible text in which no CI system finds a command, wherever a line is broken."""
    return _CI_COMMAND.sub(r"\\", visible(text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
