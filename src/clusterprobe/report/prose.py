"""Reads the texts of findings, so that every sink can show sentences and code in its own way."""

from __future__ import annotations

import re

from clusterprobe.words import visible_line

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


def spans(text: str) -> list[tuple[bool, str]]:
    """A line in pieces: (whether it stood between backticks, the piece)."""
    pieces = re.split(r"`([^`\n]+)`", visible_line(text))
    return [(bool(index % 2), piece) for index, piece in enumerate(pieces) if piece]


def headline(text: str) -> str:
    """The first sentence of a text."""
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]


def after_headline(text: str) -> str:
    """What follows the first sentence."""
    return text.strip().removeprefix(headline(text)).strip()
