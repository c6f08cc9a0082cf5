r"""Regular expressions over text that the cluster writes: RE2, whose time is linear in the text, whatever the pattern is.

Python's `re` may take exponential time, and holds the interpreter while it does, so that neither a deadline nor a signal gets
through. RE2 has no look-around and no back-references; `\d`, `\w`, `\s` and `\b` are ASCII; flags stand in the pattern, as in
`(?i)`; the end of the text is `\z`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import re2

OURS_BYTES = 8 * 1024 * 1024  # RE2's memory for one pattern: its program, and the states that it has worked out
THEIRS_BYTES = 256 * 1024
THEIRS_CHARACTERS = 10_000


class PatternError(ValueError):
    """An expression that RE2 does not take: invalid, or too large."""


class Match(Protocol):
    """What `re.Match` offers, as far as it is used."""

    def __getitem__(self, group: int | str, /) -> Any: ...
    def group(self, *groups: int | str) -> Any: ...
    def groups(self) -> tuple[Any, ...]: ...
    def groupdict(self) -> dict[str, Any]: ...
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class Pattern:
    """A compiled expression, used as `re.Pattern` is. A lone surrogate, which is no text, is read as a question mark."""

    def __init__(self, text: str, max_bytes: int) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = max_bytes
        try:
            self._compiled = re2.compile(_encodable(text), options)
        except re2.error as error:
            why = error.args[0] if error.args else ""
            raise PatternError(why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)) from None

    def search(self, text: str) -> Match | None:
        found: Match | None = self._compiled.search(_encodable(text))
        return found

    def match(self, text: str) -> Match | None:
        found: Match | None = self._compiled.match(_encodable(text))
        return found

    def fullmatch(self, text: str) -> Match | None:
        found: Match | None = self._compiled.fullmatch(_encodable(text))
        return found

    def finditer(self, text: str) -> Iterator[Match]:
        found: Iterator[Match] = self._compiled.finditer(_encodable(text))
        return found

    def findall(self, text: str) -> list[Any]:
        found: list[Any] = self._compiled.findall(_encodable(text))
        return found

    def split(self, text: str) -> list[str]:
        found: list[str] = self._compiled.split(_encodable(text))
        return found

    def sub(self, replacement: str | Callable[[Match], str], text: str) -> str:
        found: str = self._compiled.sub(replacement, _encodable(text))
        return found


def ours(text: str) -> Pattern:
    r"""One of our own expressions, for text of the cluster's.

    >>> ours(r"(?i)errno (\d+)").search("OSError: [Errno 13]")[1]
    '13'
    """
    return Pattern(text, OURS_BYTES)


def theirs(text: str) -> Pattern:
    """An expression that the cluster's text holds, in Go's syntax. Raises `PatternError`, which quotes only the part that is wrong."""
    if len(text) > THEIRS_CHARACTERS:
        raise PatternError(f"longer than {THEIRS_CHARACTERS} characters")
    return Pattern(text, THEIRS_BYTES)


def literal(text: str) -> str:
    """The expression that matches exactly this text."""
    quoted: str = re2.escape(_encodable(text))
    return quoted


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
