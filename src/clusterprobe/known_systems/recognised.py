"""The systems that are recognised, and that no probe judges: a run says that they are here. They are listed in recognised.toml."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from clusterprobe.known_systems.record import Purpose, Signs, System

_LISTED: dict[str, Any] = tomllib.loads(files(__package__).joinpath("recognised.toml").read_text("utf-8"))


def _system(key: str, one: dict[str, Any]) -> System:
    labels = (f"app.kubernetes.io/name={key}", *one.get("labels", ()))
    signs = Signs(images=tuple(one.get("images", ())), flags=tuple(one.get("flags", ())), labels=labels)
    purpose, more = Purpose(one["purpose"]), {"stands_for": one.get("stands_for", ""), "beside": one.get("beside", False)}
    more |= {"groups": tuple(one.get("groups", ())), "generic": one.get("generic", False)}
    return System(key=key, name=one["name"], purpose=purpose, does=one["does"], signs=signs, **more)


RECOGNISED = tuple(_system(key, one) for key, one in _LISTED["systems"].items())

HELPERS = frozenset(_LISTED["helpers"])
"""Images whose containers are no system of their own, whatever the labels of their pods say."""
