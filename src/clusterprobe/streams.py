"""Standard output and error: closed, full, left by their reader or without UTF-8, they end no command and hide no answer."""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO

from clusterprobe.words import for_console

PLAIN = "clusterprobe.plain"  # how what an encoding lacks is written
_PLAIN = {"·": "|", "…": "...", "–": "-", "—": "-", "→": "->", "›": ">", "×": "x", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "’": "'"}


class _Patient(io.FileIO):
    """A stream whose writes never fail. `failed` is why the first was lost; a reader that has left is no failure."""

    failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # somebody made it non-blocking, and it is full
                select.select([], [self], [])
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            self.failed = self.failed or error
            return len(data)
        return written


def open_streams() -> None:
    """Prepare the three streams; what was closed is treated as /dev/null. One that a test has replaced is left alone."""
    codecs.register_error(PLAIN, _plain)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, for as long as we run
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, before: Any) -> TextIO:
    raw = _Patient(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if before else "utf-8",
        errors=PLAIN,
        line_buffering=before.line_buffering if before else True,
        write_through=before.write_through if before else False,
    )


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


def out(text: str) -> None:
    """Lines of the answer for people: whoever wrote what they quote, they move no cursor and give a CI system no command."""
    sys.stdout.write(f"{for_console(text)}\n")


def document(text: str) -> None:
    """The answer as a document for programs, which has to come as it is: whoever made it saw to what is in it."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """A line beside the answer, on standard error, as harmless as one of the answer."""
    sys.stderr.write(f"clusterprobe: {for_console(text)}\n")
    sys.stderr.flush()


def flushed() -> OSError | None:
    """Let go of what was written; why some of standard output was lost, if it was."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "failed", None)
