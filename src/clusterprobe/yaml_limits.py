"""How much a YAML text stands for, counted by its events: no recursion, and each alias as what it names.

PyYAML composes by recursion and shares what aliases name, so that a text of a kilobyte may stand for a billion values.
"""

from __future__ import annotations

from typing import Any, Literal

import yaml


class BeyondLimit(ValueError):
    """A text refers to itself, is nested too deeply, or stands for too much. `anchor` is what it refers to; the line may be unknown (0)."""

    def __init__(self, what: Literal["itself", "depth", "values"], line: int, anchor: str = "") -> None:
        super().__init__(what)
        self.what, self.line, self.anchor = what, line, anchor


def check(text: str, loader: Any, *, values: int, depth: int) -> None:
    """Raises `BeyondLimit`, and what the loader raises for a text that is no YAML."""
    sizes: dict[str, int] = {}
    open_ones: list[tuple[str, int]] = []  # anchor, and how many nodes there were before
    count = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            if any(event.anchor == anchor for anchor, _ in open_ones):
                raise BeyondLimit("itself", line, event.anchor or "")
            count += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor or "", count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_ones.pop()
            sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            sizes[event.anchor or ""] = 1
        if len(open_ones) > depth:
            raise BeyondLimit("depth", line)
        if count > values:
            raise BeyondLimit("values", line)
