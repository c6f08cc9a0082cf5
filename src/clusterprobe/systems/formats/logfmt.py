"""Lines as Loki and its relatives write them: the kubelet's time, then logfmt or JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.decoding import from_json
from clusterprobe.numerals import number
from clusterprobe.patterns import ours
from clusterprobe.systems.formats.quoted import ESCAPES, end_of, unescaped
from clusterprobe.times import epoch

STAMP_BYTES = 64
_ESCAPES = {**ESCAPES, "t": "\t"}
_BLANKS = str.maketrans("\t\n\r\v\f", "     ")
_SIZE = ours(r"(\d+(?:\.\d+)?)\s?([kMGTPE]?)B")
_SIZES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}


def line_time(line: bytes) -> float | None:
    """The time that a line begins with, as epoch seconds; None for a line that begins otherwise."""
    return epoch(line[:STAMP_BYTES].split(b" ", 1)[0].decode("ascii", "replace"))


def fields_of(text: str) -> dict[str, str]:
    """A line's own keys and values, in either format. What is quoted inside a value is no key."""
    if text.startswith("{"):
        try:
            return {key: str(value) for key, value in from_json(text.encode(), dict[str, object]).items()}
        except (msgspec.MsgspecError, RecursionError):
            return {}
    return dict(_pairs(text))


def cut_fields_of(text: str) -> dict[str, str]:
    """Those of a line that may be cut short: the value within which it ends is the rest of it.

    >>> cut_fields_of('level=error err="no such ho')
    {'level': 'error', 'err': 'no such ho'}
    >>> cut_fields_of('{"level":"ERROR","err":"no such ho')
    {'level': 'ERROR', 'err': 'no such ho'}
    """
    whole = fields_of(text)
    end = '"}' if text.startswith("{") else '"'
    return {**fields_of(text.rstrip("\\") + end), **whole}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """The keys and values of logfmt: a key is the word before an equals sign, a value ends at a blank or its own quotes."""
    position, flat = 0, text.translate(_BLANKS) + " "
    while (equals := text.find("=", position)) != -1:
        key = flat[position:equals].rpartition(" ")[2]
        start, quoted = equals + 1, text.startswith('"', equals + 1)
        end = end_of(text, start) if quoted else flat.find(" ", start)
        if end == -1:  # quotes that do not end: what follows may be anything
            return
        if key:
            yield key, unescaped(text[start + 1 : end - 1], _ESCAPES) if quoted else text[start:end]
        position = end


def size_bytes(text: str) -> float | None:
    """A size as Go's humanize writes it, in bytes; None for anything else.

    >>> size_bytes("509kB")
    509000.0
    """
    match = _SIZE.fullmatch(text)
    count = number(match[1]) if match else None
    return None if match is None or count is None else count * _SIZES[match[2]]
