"""What a command's exit status says. Light to import, since `--help` shows them."""

from __future__ import annotations

import enum
from typing import Self


class Exit(enum.IntEnum):
    """An exit status, with its meaning in a few words."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        one = int.__new__(cls, value)
        one._value_, one.meaning = value, meaning
        return one

    HEALTHY = 0, "healthy"
    FINDINGS = 1, "findings"
    INCOMPLETE = 2, "incomplete"
    BROKEN = 3, "it broke, or could not write"
    USAGE = 4, "bad usage"
    NOTHING_SELECTED = 5, "nothing selected"


def summary() -> str:
    """All of them in one sentence."""
    return f"Exit status: {', '.join(f'{one.value} {one.meaning}' for one in Exit)}."
