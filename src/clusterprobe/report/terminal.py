"""Prints a run's answer in the form that was asked for, by default at a glance.

On a terminal lines are wrapped at blanks; anywhere else (a CI log, a file) every text is one quiet line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from clusterprobe.model import Place, RunResult
from clusterprobe.report import glance, wide
from clusterprobe.report.lines import Line
from clusterprobe.report.safe import safe
from clusterprobe.words import for_console

if TYPE_CHECKING:
    from rich.console import Console

# What is printed for programs: the module and the function that write it.
DOCUMENTS = {
    "json": ("results", "text"),
    "junit": ("junit", "text"),
    "markdown": ("summary", "summary_markdown"),
    "sarif": ("sarif", "text"),
    "ctrf": ("ctrf", "text"),
}
INDENTED = 5  # what follows the first line of a text that begins with a number


def show(result: RunResult, folder: Path | None = None, console: Console | None = None, form: str = "") -> None:
    """Print the answer, by default on standard output. NO_COLOR is honoured; `folder` is where the report was written.

    `form` is empty for the answer at a glance, or one of `request.FORMS`.
    """
    result = safe(result)
    if form in DOCUMENTS:
        _document(result, form)
        return
    console = console or _console()
    width = console.width if console.is_terminal else None
    forms = {"wide": wide.lines(result, folder), "verdict": glance.verdict(result)}
    print_lines(forms.get(form) or glance.lines(result, folder, width), console)


def show_finding(result: RunResult, place: Place, folder: Path | None = None, console: Console | None = None) -> None:
    """Print everything about one finding."""
    print_lines(wide.one_finding(safe(result), place, folder), console or _console())


def print_lines(lines: Iterable[Line], console: Console | None = None) -> None:
    """Print lines as text that moves no cursor and gives a CI system no command."""
    from rich.text import Text

    console = console or _console()
    width = console.width if console.is_terminal else None
    for text, style in lines:
        for piece in _wrapped(for_console(text), width):
            console.print(Text(piece, style=style), soft_wrap=True, highlight=False)


def _console() -> Console:
    from rich.console import Console

    class Patient(Console):
        """Rich's own answer to a reader that left (`| head`) is to exit with 1, which here means findings."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    return Patient()


def _document(result: RunResult, form: str) -> None:
    """The same text as in the file of that output. It is for programs: a terminal's reader should not ask for it."""
    from clusterprobe import streams

    module, function = DOCUMENTS[form]
    streams.document(getattr(import_module(f"clusterprobe.report.{module}"), function)(result).removesuffix("\n"))


def _wrapped(text: str, width: int | None) -> list[str]:
    """The text in lines of a terminal's width, broken at blanks only; a long word stays whole, to be copied."""
    if width is None or len(text) <= width or text.lstrip().startswith("$ "):
        return [text]
    begin = text.lstrip()
    indent = " " * (len(text) - len(begin) + (INDENTED - 2 if begin[:1].isdigit() else 2))
    return textwrap.wrap(text, width=max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
