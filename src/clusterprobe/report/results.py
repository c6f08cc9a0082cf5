"""results.json: the whole result for other programs, with a published JSON schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from clusterprobe.model import SCHEMA, RunResult


def write(result: RunResult, folder: Path) -> None:
    """Write results.json into the folder."""
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


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
