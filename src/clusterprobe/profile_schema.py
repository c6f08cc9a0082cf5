"""The JSON schema of profiles, by which editors complete and check them."""

from __future__ import annotations

import json
from typing import Any

from clusterprobe.profile import Profile


def schema() -> dict[str, Any]:
    """The schema of what `clusterprobe run --profile` takes, but for keys that have other names now."""
    whole = Profile.model_json_schema()
    entries = whole["properties"]["not_judged"]
    names = whole["$defs"]["NotJudged"]["properties"]["system"]
    entries["items"] = {"anyOf": [entries["items"], names]}  # a name alone is an entry
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "title": "A profile of Clusterprobe"}


def schema_text() -> str:
    """The schema as it is published in docs/profile.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"
