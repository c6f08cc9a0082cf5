"""The files that docs/own-probes.md shows."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "own-probes.md"


def write_example(folder: Path) -> Path:
    """Write them as the page says, below a folder; returns the one to name with `--probes`."""
    for name, text in re.findall(r"```python\n# (own/\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "own"
