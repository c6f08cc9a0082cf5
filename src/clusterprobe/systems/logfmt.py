"""Lines as Loki and its relatives write them: the kubelet's time, then logfmt or JSON."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from clusterprobe.decoding import from_json

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_PAIR = re.compile(r'([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([kMGTPE]?)B")
_SIZES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}


def line_time(line: bytes) -> float | None:
    """The time that a line begins with, as epoch seconds; None for a line that begins otherwise."""
    match = _STAMP.fullmatch(line.split(b" ", 1)[0].decode("ascii", "replace"))
    if not match:
        return None
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(match[1] + zone).timestamp() + float(f"0.{match[2] or 0}")


def fields_of(text: str) -> dict[str, str]:
    """A line's own keys and values, in either format. What is quoted inside a value is no key."""
    if text.startswith("{"):
        try:
            return {key: str(value) for key, value in from_json(text.encode(), dict[str, object]).items()}
        except (msgspec.MsgspecError, RecursionError):
            return {}
    return {key: _unquoted(value) for key, value in _PAIR.findall(text)}


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), value[1:-1], flags=re.DOTALL)


def size_bytes(text: str) -> float | None:
    """A size as Go's humanize writes it, in bytes; None for anything else.

    >>> size_bytes("509kB")
    509000.0
    """
    match = _SIZE.fullmatch(text)
    return float(match[1]) * _SIZES[match[2]] if match else None
