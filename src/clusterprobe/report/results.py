"""results.json: the whole result for other programs, with a published JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from clusterprobe.model import SCHEMA, RunResult
from clusterprobe.words import UNSEEN


def write(result: RunResult, folder: Path) -> None:
    """Write results.json into the folder."""
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def text(result: RunResult) -> str:
    """The result as it is printed."""
    return printable(msgspec.json.encode(result))


def printable(encoded: bytes) -> str:
    """JSON in which nothing is invisible, and no CI system finds a command: both are escaped, which changes no value."""
    written = msgspec.json.format(encoded, indent=2).decode()
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], written).replace("##", "#\\u0023")


def schema() -> dict[str, Any]:
    """The JSON schema of results.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(RunResult),
    }


def schema_text() -> str:
    """The schema as it is published in docs/results.schema.json."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="deterministic"), indent=2).decode() + "\n"


def publish(path: Path) -> None:
    """Write the schema, as in `python -c "..."` after a change of the model."""
    path.write_text(schema_text(), encoding="utf-8")
