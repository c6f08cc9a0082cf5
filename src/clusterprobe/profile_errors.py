"""What is wrong in a user's profile, in their own words: with file, line, key, and the nearest valid name."""

from __future__ import annotations

import difflib
import re
import reprlib
import typing
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel

from clusterprobe.old_keys import THRESHOLDS
from clusterprobe.profile_parts import Lines, Path_

SHOWN = 20
MANY = 12  # choices, beyond which the nearest alone says more


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100


def explain(error: pydantic.ValidationError, lines: Lines, path: Path, model: type[BaseModel]) -> str:
    """What is wrong, a line each: file, line, key, and what was expected there."""
    found = error.errors(include_url=False)
    more = [f"and {len(found) - SHOWN} more mistakes"] if len(found) > SHOWN else []
    return "\n".join([*(_explain_one(one, lines, path, model) for one in found[:SHOWN]), *more])


def _explain_one(one: Any, lines: Lines, path: Path, model: type[BaseModel]) -> str:
    place: Path_ = tuple(one["loc"])
    known = place
    while known and known not in lines:
        known = known[:-1]
    file, line = lines.get(known, (path, 1))
    key = ".".join(map(str, place)).removesuffix(".[key]")
    if one["type"] == "extra_forbidden":
        before = {old: ".".join(new) for old, new in THRESHOLDS.items()} if place[:-1] == ("thresholds",) else {}
        return f"{file}:{line}: {key}: {_unknown_key(str(place[-1]), _keys_at(place[:-1], model), before)}"
    if one["type"] == "literal_error" and place[-1] == "[key]":  # of a mapping with a closed list of keys
        return f"{file}:{line}: {key}: {_unknown_key(str(one['input']), _choices(one), {})}"
    message = one["msg"].removeprefix("Value error, ")
    expected = _expected(one, message)
    return f"{file}:{line}: {key}: {expected}, found {_short.repr(one['input'])}"


def _unknown_key(key: str, names: list[str], before: dict[str, str]) -> str:
    """What may have been meant; `before` are names that there were once, with those of now."""
    near = difflib.get_close_matches(key, [*names, *before], 1)
    return "unknown key; " + (f"did you mean {before.get(near[0], near[0])}?" if near else f"known here: {', '.join(sorted(names))}")


def _choices(one: Any) -> list[str]:
    return re.findall(r"'([^']+)'", str(one["ctx"]["expected"]))


def _expected(one: Any, message: str) -> str:
    if one["type"] == "literal_error":
        names = _choices(one)
        near = difflib.get_close_matches(str(one["input"]), names, 1)
        if near and len(names) > MANY:
            return f"did you mean {near[0]}?"
        return f"expected one of {', '.join(names)}" + (f" (did you mean {near[0]}?)" if near else "")
    if one["type"] == "string_pattern_mismatch" and "(s|m|h)" in message:
        return "expected a duration such as 90s, 5m or 1h"
    if one["type"] == "string_pattern_mismatch" and "https?" in message:
        return "expected an http:// or https:// address without credentials in it"
    if one["type"] in ("model_type", "dict_type"):
        return "expected keys with their values"
    if one["type"].startswith("date"):
        return "expected a day such as 2027-06-30"
    return message[:1].lower() + message[1:]


def _keys_at(place: Path_, model: type[BaseModel]) -> list[str]:
    """The keys that are valid at a place of the profile."""
    kind: Any = model
    for step in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(step))
            kind = field.annotation if field else None
        else:
            arguments = [one for one in typing.get_args(kind) if one is not type(None)]
            kind = arguments[-1] if arguments else None
        if typing.get_origin(kind) is not dict and typing.get_origin(kind) is not list:
            models = [one for one in typing.get_args(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
            kind = models[0] if models else kind
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
