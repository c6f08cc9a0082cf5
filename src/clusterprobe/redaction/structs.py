"""The gate in for whole readings: every text in a struct is redacted, and values under telling labels are masked.

There may be 50,000 pods. So what to look at in a struct is worked out once for its type, a struct's short texts are looked at
all at once, and what has no secret is the very same object afterwards.
"""

from __future__ import annotations

import functools
import operator
import string
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")
Visit = Callable[[Any], Any]

# Names in which `key:value` is none, and digests under the names of a Secret's keys.
_NAMES = frozenset({"image", "image_id", "digest", "digests", "meanings", "owners", "listed"})
# Maps whose keys people choose, and may announce a secret with.
_LABELS = frozenset(
    {"labels", "labels_", "match_labels_", "annotations", "annotations_", "parameters", "volume_attributes", "targets", "env"}
)
# Nothing else is in the names of most objects; no secret is known that looks so, but for what a key announces.
_PLAIN = str.maketrans("", "", string.ascii_lowercase + string.digits + "-./")


class Cleaner:
    """Redacts readings with `text` for every string, and `told(key, value)` for the values of labels."""

    def __init__(self, text: Callable[[str], str], told: Callable[[str, str], bool], mask: str) -> None:
        self._redact, self._told, self._mask = text, told, mask
        self._of_struct: Callable[[Any], Visit] = functools.cache(self._work_out)

    def __call__(self, value: Value) -> Value:
        """The same value without secrets; the very same object if there are none."""
        return typing.cast("Value", self._anything(value))

    # --- by what a value is -------------------------------------------------------------------------------------------

    def _anything(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is list or kind is tuple:
            return _each(self._anything, value)
        if kind is dict:
            return self._map(value)
        return self._of_struct(kind)(value) if isinstance(value, msgspec.Struct) else value

    def _text(self, value: str) -> str:
        if not value.translate(_PLAIN):
            return value
        clean = self._redact(value)
        return value if clean == value else clean

    def _map(self, value: dict[Any, Any]) -> dict[Any, Any]:
        clean = {self._anything(key): self._anything(one) for key, one in value.items()}
        return value if clean == value else clean

    def _labels(self, value: Any) -> Any:
        if type(value) is not dict:
            return _each(self._labels, value) if type(value) is list else self._anything(value)
        clean = {key: self._mask if type(one) is str and self._told(key, one) else self._anything(one) for key, one in value.items()}
        return value if clean == value else clean

    # --- by its type --------------------------------------------------------------------------------------------------

    def _work_out(self, kind: type) -> Visit:
        texts = [name for name, hint in _free(kind) if hint is str]
        inner = [
            (name, self._labels if name in _LABELS and not _is_struct(hint) else self._visitor(hint))
            for name, hint in _free(kind)
            if hint is not str and _may_hold_text(hint, frozenset())
        ]
        together = operator.attrgetter(*texts, *texts[:1]) if texts else None  # of one name alone it would give no tuple

        def visit(value: Any) -> Any:
            changed = {}
            if together is not None and "".join(together(value)).translate(_PLAIN):
                changed = {name: clean for name in texts if (clean := self._text(was := getattr(value, name))) is not was}
            for name, look in inner:
                one = getattr(value, name)
                if one and (clean := look(one)) is not one:
                    changed[name] = clean
            return msgspec.structs.replace(value, **changed) if changed else value

        return visit

    def _visitor(self, hint: Any) -> Visit:
        """What to do with a value of that type, which can hold text."""
        parts = [one for one in typing.get_args(hint) if one is not type(None)]
        if _is_struct(hint) and not parts:
            return self._struct_of(hint)
        if typing.get_origin(hint) is list:
            return functools.partial(_each, self._visitor(parts[0]))
        if len(parts) == 1 and typing.get_origin(hint) not in (dict, tuple):
            return self._visitor(parts[0])  # or None
        return self._text if hint is str else self._anything

    def _struct_of(self, kind: type) -> Visit:
        found: list[Visit] = []  # worked out when the first one comes: a struct may hold one of its own kind

        def visit(value: Any) -> Any:
            if not found:
                found.append(self._of_struct(kind))
            return found[0](value)

        return visit


def _each(look: Visit, values: Any) -> Any:
    clean = [look(one) for one in values]
    return values if all(map(operator.is_, clean, values)) else type(values)(clean)


def _is_struct(hint: Any) -> bool:
    kinds = [one for one in (typing.get_args(hint) or (hint,)) if one is not type(None)]
    return (
        typing.get_origin(hint) not in (list, dict, tuple)
        and len(kinds) == 1
        and isinstance(kinds[0], type)
        and issubclass(kinds[0], msgspec.Struct)
    )


@functools.cache
def _free(kind: type) -> tuple[tuple[str, Any], ...]:
    """The attributes with their types, without those in which only names are: `NAMES` of the struct says which."""
    hints, names = typing.get_type_hints(kind), _NAMES | getattr(kind, "NAMES", frozenset())
    return tuple((one.name, hints[one.name]) for one in msgspec.structs.fields(kind) if one.name not in names)


def _may_hold_text(kind: Any, seen: frozenset[Any]) -> bool:
    if kind in (str, Any, object, dict, list):
        return True
    if kind in seen:
        return False
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(_may_hold_text(hint, seen | {kind}) for _, hint in _free(kind))
    return typing.get_origin(kind) is not typing.Literal and any(_may_hold_text(one, seen) for one in typing.get_args(kind))
