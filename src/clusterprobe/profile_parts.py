"""What every part of a profile is made of, and where it is written."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

Path_ = tuple[str | int, ...]
"""A place in a profile: its keys and indices."""

Lines = dict[Path_, tuple[Path, int]]
"""In which file and line each place is written."""


class Part(BaseModel):
    """The base: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
