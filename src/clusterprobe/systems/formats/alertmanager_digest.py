"""Whether two configurations of an Alertmanager mean the same, told by digests: of texts that may hold keys nothing else is kept.

The Operator and Alertmanager both write what they read anew, with defaults merged in, so texts differ where nothing was
changed. Compared are the routes, their matchers, and the receivers with their kinds of integrations. What AlertmanagerConfig
objects add is left out, for the Secret does not have it; so are addresses and keys, which Alertmanager does not show.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import msgspec

from clusterprobe.systems.formats.alertmanager_config import MAX_TEXT, Configuration, OddConfiguration, Receiver, Route, parse_configuration


def meaning_of(configuration: Configuration) -> str:
    """A digest that is the same for configurations that route alike."""
    own = [one for one in configuration.receivers if not one.is_of_object]
    objects = {one.name for one in configuration.receivers if one.is_of_object}
    receivers = sorted((_receiver(one) for one in own), key=str)
    tree = [receivers, sorted(configuration.group_by), _route(configuration.route, objects)]
    return hashlib.sha256(msgspec.json.encode(tree)).hexdigest()[:16]


def _receiver(one: Receiver) -> list[Any]:
    return [one.name, sorted(one.integrations.items())]


def _route(one: Route, objects: set[str]) -> list[Any]:
    matchers = sorted(str(matcher) for matcher in one.matchers)
    routes = [_route(child, objects) for child in one.routes if child.receiver not in objects]
    return [one.receiver, matchers, one.goes_on, routes]


def meaning_of_value(key: str, value: bytes) -> str:
    """The same of what is under a key of a Secret, packed or not; empty for anything that is no configuration."""
    try:
        if key.endswith(".gz"):
            unpacking = zlib.decompressobj(wbits=31)
            value = unpacking.decompress(value, MAX_TEXT)
            if not unpacking.eof:
                return ""
        return meaning_of(parse_configuration(value.decode()))
    except (zlib.error, UnicodeDecodeError, OddConfiguration):
        return ""
