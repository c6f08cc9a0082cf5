"""Reads the texts of findings into blocks, so that every sink can show paragraphs, code and commands in its own way."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Literal

from clusterprobe.report.safe import visible

Kind = Literal["text", "item", "command", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, an item of a list, a command (without its `$ `), or indented code."""

    kind: Kind
    text: str

    @property
    def spans(self) -> list[tuple[bool, str]]:
        """The text in pieces: (whether it stood between backticks, the piece)."""
        pieces = re.split(r"`([^`\n]+)`", self.text)
        return [(bool(index % 2), piece) for index, piece in enumerate(pieces) if piece]


def blocks(text: str) -> list[Block]:
    """The blocks of a text. A blank line ends a paragraph; a command goes on after a line that ends with a backslash."""
    found: list[Block] = []
    open_kind: Kind | None = None
    for line in visible(text).split("\n"):
        if open_kind == "command" and found[-1].text.endswith("\\"):
            found[-1] = Block("command", f"{found[-1].text}\n{line}")
            continue
        kind, content = _kind(line)
        if kind is not None and kind == open_kind and kind in ("text", "code"):
            found[-1] = Block(kind, f"{found[-1].text}\n{content}")
        elif kind is not None:
            found.append(Block(kind, content))
        open_kind = kind
    return [Block("code", textwrap.dedent(one.text)) if one.kind == "code" else one for one in found]


def _kind(line: str) -> tuple[Kind | None, str]:
    bare = line.strip()
    if not bare:
        return None, ""
    if bare.startswith("$ "):
        return "command", bare[2:]
    if line.startswith(("  ", "\t")):
        return "code", line.rstrip()
    if bare.startswith("- "):
        return "item", bare[2:]
    return "text", bare


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


def headline(text: str) -> str:
    """The first sentence of a text."""
    return _split(text)[0]


def after_headline(text: str) -> str:
    """What follows the first sentence."""
    return _split(text)[1]


def _split(text: str) -> tuple[str, str]:
    first_line, _, below = text.strip().partition("\n")
    parts = _SENTENCE_END.split(first_line, maxsplit=1)
    rest = parts[1] if len(parts) > 1 else ""
    return parts[0], "\n".join(one for one in (rest, below) if one.strip())
