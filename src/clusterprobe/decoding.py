"""Decoding into structs, from several threads at once.

msgspec works a struct's fields out as it first decodes one, and another thread that decodes the same struct at that moment
reads them half worked out: the process dies of a segmentation fault (seen with msgspec 0.22). So each type is prepared under
a lock, once, and nothing else calls msgspec's own `decode` and `convert`.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_lock = threading.Lock()


def from_json(content: bytes | str | msgspec.Raw, kind: type[Value]) -> Value:
    """A value of that type from JSON; raises what `msgspec.json.decode` raises."""
    decoded: Value = _prepared(kind).decode(content)
    return decoded


def from_tree(tree: object, kind: type[Value]) -> Value:
    """A value of that type from lists, dictionaries and the like; raises what `msgspec.convert` raises."""
    _prepared(kind)
    return msgspec.convert(tree, kind)


def _prepared(kind: Any) -> msgspec.json.Decoder[Any]:
    with _lock:
        return _decoder(kind)


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
