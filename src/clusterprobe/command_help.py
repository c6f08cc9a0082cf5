"""How `--help` is written: as plain text, since what draws boxes takes longer to load than all the rest of it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

WIDEST = 120  # columns; longer lines are hard to read


class Group(TyperGroup):
    """Commands, each with its whole sentence, under the headings that they name."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what the commands are for, in the order in which they were declared."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                heading = getattr(command, "rich_help_panel", None) or "Commands"
                headings.setdefault(heading, []).append((name, " ".join((command.help or "").split("\n\n")[0].split())))
        for heading, rows in headings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def application(**options: Any) -> typer.Typer:
    """A Typer application whose help is written so, and which is asked for it as `-h`, too."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
    return typer.Typer(cls=Group, rich_markup_mode=None, no_args_is_help=True, context_settings=settings, **options)
