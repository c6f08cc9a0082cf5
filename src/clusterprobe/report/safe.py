"""One redaction in front of all sinks."""

from __future__ import annotations

import re
from typing import Any

from clusterprobe.decoding import from_tree
from clusterprobe.model import RunResult
from clusterprobe.redaction import redacted
from clusterprobe.words import escape

_SURROGATE = re.compile(r"[\ud800-\udfff]")


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
