"""What a probe uses each of its readings for, as it writes in its signature.

A probe's parameter is `Examined[T]`, `Needed[T]`, `Enriching[T]` or `Conditional[T]`, for what is a `Readings[T]`. What could not
be read is accounted for before the probe is called, so that a probe cannot forget it.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.verdict import Verdict

Value = TypeVar("Value")


class Role(enum.StrEnum):
    """What becomes of a verdict when a reading is missing; the values are the words for it."""

    EXAMINED = "judged"
    NEEDED = "rested on"
    ENRICHING = "helping"
    CONDITIONAL = "as the case may be"


ROLES = {one.name.capitalize(): one for one in Role}
"""By the name that a signature writes."""

Needed = Annotated[Readings[Value], Role.NEEDED]
"""Readings that the judgement rests on: what is unreadable of them is unchecked."""

Enriching = Annotated[Readings[Value], Role.ENRICHING]
"""Readings that only help to name the cause: findings stand without them, and a note says what is unreadable."""


class _Bound(Generic[Value]):
    """Readings and the verdict that they count for. `readings` are the same for looking things up, which counts for nothing."""

    def __init__(self, verdict: Verdict, readings: Readings[Value]) -> None:
        self._verdict = verdict
        self.readings = readings


class Examined(_Bound[Value]):
    """What is judged: each subject counts as examined when it is taken, and what is unreadable is unchecked."""

    def __iter__(self) -> Iterator[tuple[Subject, Value]]:
        return self._verdict.examine(self.readings)

    def keep(self, wanted: Callable[[Subject, Value], bool], absent: str = "") -> Examined[Value]:
        """Those whose subject and value are wanted; `absent` is what it proves if there are some, but none is wanted."""
        return Examined(self._verdict, self.readings.keep(wanted, absent))


class Conditional(_Bound[Value]):
    """Readings whose role depends on others: nothing is accounted for until the probe says what it uses them for."""

    def examine(self) -> Iterator[tuple[Subject, Value]]:
        """Judge them, as `Examined`."""
        return self._verdict.examine(self.readings)

    def need(self) -> Readings[Value]:
        """Rest on them, as `Needed`."""
        return self._verdict.need(self.readings)

    def enrich(self) -> Readings[Value]:
        """Have them help, as `Enriching`."""
        return self._verdict.enrich(self.readings)


_CLASSES = {Examined: Role.EXAMINED, Conditional: Role.CONDITIONAL}


@cache
def roles_of(function: Callable[..., None]) -> dict[str, Role]:
    """The roles that a probe's parameters have; others have none. Raises `NameError` for an annotation that means nothing."""
    hints = typing.get_type_hints(function, include_extras=True)
    return {name: role for name, annotation in hints.items() if (role := _role_of(annotation)) is not None}


def _role_of(annotation: Any) -> Role | None:
    if typing.get_origin(annotation) is Annotated:
        return next((one for one in annotation.__metadata__ if isinstance(one, Role)), None)
    return _CLASSES.get(typing.get_origin(annotation) or annotation)


def in_its_role(verdict: Verdict, name: str, role: Role | None, value: Any) -> Any:
    """What a probe is handed for a parameter, once what is unreadable of it is accounted for. `TypeError` for readings without a role."""
    if not isinstance(value, Readings):
        return value
    match role:
        case Role.EXAMINED:
            verdict.need(value)
            return Examined(verdict, value)
        case Role.NEEDED:
            return verdict.need(value)
        case Role.ENRICHING:
            return verdict.enrich(value)
        case Role.CONDITIONAL:
            return Conditional(verdict, value)
    raise TypeError(f"{name} is a reading without a role: declare it as Examined, Needed, Enriching or Conditional")
