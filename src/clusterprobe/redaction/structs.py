"""The gate in for whole readings: every text in a struct is redacted, and values under telling labels are masked.

There may be 50,000 pods, and most of what one says, others say as well. So what to look at in a struct is worked out once for its type,
what is alike is looked at once, and kept once.
"""

from __future__ import annotations

import functools
import operator
import string
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")
Visit = Callable[[Any], Any]

MOST = 16_384  # texts, and parts of a kind, that are remembered
SHORT = 512  # characters of a text, bytes of a part: what is longer is hardly alike
TRIED = 1_000  # parts of a kind, after which it shows whether many are alike

# Names in which `key:value` is none, and digests under the names of a Secret's keys.
_NAMES = frozenset({"image", "image_id", "digest", "digests", "meanings", "owners", "listed"})
# Maps whose keys people choose, and may announce a secret with.
_LABELS = frozenset(
    {"labels", "labels_", "match_labels_", "annotations", "annotations_", "parameters", "volume_attributes", "targets", "env"}
)
# Nothing else is in the names of most objects; no secret is known that looks so, but for what a key announces.
_PLAIN = str.maketrans("", "", string.ascii_lowercase + string.digits + "-./")


class Cleaner:
    """Redacts readings with `text` for every string, and `told(key, value)` for the values of labels.

    In place: what was just read is nobody else's yet.
    """

    def __init__(self, text: Callable[[str], str], told: Callable[[str, str], bool], mask: str) -> None:
        self._redact, self._told, self._mask = text, told, mask
        self._of_struct: Callable[[Any], Visit] = functools.cache(self._work_out)
        self._texts, self._names = Remembered(self._looked_through), Remembered(lambda name: name)

    def __call__(self, value: Value) -> Value:
        """The same value without secrets."""
        return typing.cast("Value", self._anything(value))

    def forget(self) -> None:
        """Look at everything anew."""
        self._of_struct.cache_clear()  # type: ignore[attr-defined]
        self._texts.clear()
        self._names.clear()

    # --- by what a value is -------------------------------------------------------------------------------------------

    def _anything(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._texts[value]
        if kind is list or kind is tuple:
            return _each(self._anything, value)
        if kind is dict:
            return self._map(value)
        return self._of_struct(kind)(value) if isinstance(value, msgspec.Struct) else value

    def _looked_through(self, value: str) -> str:
        return self._redact(value) if value.translate(_PLAIN) else value

    def _map(self, value: dict[Any, Any]) -> dict[Any, Any]:
        clean = {self._anything(key): self._anything(one) for key, one in value.items()}
        same = all(key is was and clean[key] is value[was] for key, was in zip(clean, value, strict=False))
        return value if same and len(clean) == len(value) else clean

    def _labels(self, value: Any) -> Any:
        if type(value) is not dict:
            return _each(self._labels, value) if type(value) is list else self._anything(value)
        return {key: self._mask if type(one) is str and self._told(key, one) else self._anything(one) for key, one in value.items()}

    # --- by its type --------------------------------------------------------------------------------------------------

    def _work_out(self, kind: type) -> Visit:
        plans: list[tuple[tuple[str, ...], tuple[Visit, ...], Visit]] = []  # made later: a struct may hold one of its own kind
        change = msgspec.structs.force_setattr

        def visit(value: Any) -> Any:
            if not plans:
                plans.append(_plan(dict(self._looks(kind))))
            names, looks, of = plans[0]
            for name, look, one in zip(names, looks, of(value), strict=False):
                if one and (clean := look(one)) is not one:
                    change(value, name, clean)
            return value

        return _once(visit)

    def _looks(self, kind: type) -> Iterator[tuple[str, Visit]]:
        """What to do with the value of each attribute that can hold text."""
        names = _NAMES | getattr(kind, "NAMES", frozenset())
        for name, hint in _fields(kind):
            if hint in (str, str | None):
                yield name, (self._names if name in names else self._texts).__getitem__
            elif name in names:
                if _may_hold_text(hint, frozenset()):
                    yield name, _once(lambda value: value)
            elif name in _LABELS and not _is_struct(hint):
                yield name, _once(self._labels)
            elif (look := self._visitor(hint)) is not None:
                yield name, look

    def _visitor(self, hint: Any) -> Visit | None:
        """What to do with a value of that type; None if it cannot hold text."""
        if not _may_hold_text(hint, frozenset()):
            return None
        parts = [one for one in typing.get_args(hint) if one is not type(None)]
        if _is_struct(hint) and not parts:
            return self._of_struct(hint)
        if typing.get_origin(hint) is list:
            return _once(functools.partial(_each, self._visitor(parts[0])))
        if len(parts) == 1 and typing.get_origin(hint) not in (dict, tuple):
            return self._visitor(parts[0])  # or nothing
        return self._texts.__getitem__ if hint is str else self._anything


class Remembered(dict[str, str]):
    """What texts become, so that of equal ones there is one in the end."""

    def __init__(self, become: Callable[[str], str]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, text: str) -> str:
        clean = self._become(text)
        if len(text) <= SHORT:
            if len(self) >= MOST:
                self.clear()
            self[text] = clean
        return clean


def _plan(looks: dict[str, Visit]) -> tuple[tuple[str, ...], tuple[Visit, ...], Visit]:
    """The names of attributes, what to do with each, and how to get all of their values."""
    names = tuple(looks)
    of = operator.attrgetter(*names, *names[:1]) if names else lambda _: ()  # of one name alone it would give no tuple
    return names, tuple(looks.values()), of


def _once(look: Visit) -> Visit:
    """The same, but what is written alike is looked at once, and is one object from then on: so are the parts of a thousand pods.

    Where nearly all are unlike each other, such as what has a time in it, this is given up.
    """
    known: dict[bytes, Any] = {}
    found, lacked = 0, 0

    def visit(value: Any) -> Any:
        nonlocal found, lacked
        if lacked > TRIED and lacked > 4 * found:
            known.clear()
            return look(value)
        try:
            key = msgspec.msgpack.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return look(value)
        clean = known.get(key)
        if clean is not None:
            found += 1
            return clean
        lacked += 1
        clean = look(value)
        if len(known) > MOST:
            known.clear()
        if len(key) < SHORT:
            known[key] = clean
        return clean

    return visit


def _each(look: Visit | None, values: Any) -> Any:
    if look is None:
        return values
    if type(values) is not list:
        clean = [look(one) for one in values]
        return values if all(map(operator.is_, clean, values)) else type(values)(clean)
    for index, one in enumerate(values):
        if (clean := look(one)) is not one:
            values[index] = clean
    return values


def _is_struct(hint: Any) -> bool:
    kinds = [one for one in (typing.get_args(hint) or (hint,)) if one is not type(None)]
    return (
        typing.get_origin(hint) not in (list, dict, tuple)
        and len(kinds) == 1
        and isinstance(kinds[0], type)
        and issubclass(kinds[0], msgspec.Struct)
    )


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """The attributes with their types."""
    hints = typing.get_type_hints(kind)
    return tuple((one.name, hints[one.name]) for one in msgspec.structs.fields(kind))


def _may_hold_text(kind: Any, seen: frozenset[Any]) -> bool:
    if kind in (str, Any, object, dict, list):
        return True
    if kind in seen:
        return False
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(_may_hold_text(hint, seen | {kind}) for _, hint in _fields(kind))
    return typing.get_origin(kind) is not typing.Literal and any(_may_hold_text(one, seen) for one in typing.get_args(kind))
