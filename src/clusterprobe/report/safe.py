"""One redaction in front of all sinks, and text that cannot act as anything but text."""

from __future__ import annotations

import re
from typing import Any

from clusterprobe.decoding import from_tree
from clusterprobe.model import RunResult
from clusterprobe.redaction import redacted
from clusterprobe.words import escape, visible

_SURROGATE = re.compile(r"[\ud800-\udfff]")

# GitHub reads `::command::` at the start of a line, after any blanks, and `##[command]` anywhere; Azure reads `##vso[` anywhere.
_CI_COMMAND = re.compile(r"(?<!\S)(?=::)|(?<=#)(?=#\w*\[)")


def safe(result: RunResult) -> RunResult:
    """The same result with secrets taken out of every text, ready to be written anywhere."""
    return from_tree(_encodable(redacted(result)), RunResult)


def _encodable(value: Any) -> Any:
    """Half characters, which no encoder accepts, as visible escapes."""
    if isinstance(value, str):
        return _SURROGATE.sub(escape, value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    return value


def for_console(text: object) -> str:
    """Visible text in which no CI system finds a command, wherever a line is broken."""
    return _CI_COMMAND.sub(r"\\", visible(text))
