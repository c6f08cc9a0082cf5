"""What is left of each shape, exactly: what is taken out beyond the secret is lost to whoever looks for the fault.

`LEFT=write pytest -n0 tests/secrets/test_what_is_left.py` writes it anew; the diff shows what has changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterprobe.redaction import redact, redact_lines
from tests.secrets.corpus import SHAPES

FILE = Path(__file__).with_name("left.json")
BEHIND = "\nlevel=error msg=refused"


def left() -> list[list[str]]:
    """Of each shape its name, and what is left of it alone and within a log of several lines."""
    return [[shape.name, redact(shape.text), "\n".join(redact_lines(f"{shape.text}{BEHIND}".split("\n")))] for shape in SHAPES]


def test_what_is_left_is_what_was_left() -> None:
    found = left()
    if os.environ.get("LEFT") == "write":
        FILE.write_text(json.dumps(found, indent=0, ensure_ascii=True) + "\n", encoding="utf-8")
        pytest.skip("written anew")
    known = json.loads(FILE.read_text(encoding="utf-8"))
    assert [one for one in found if one not in known] == []
    assert len(found) == len(known)
