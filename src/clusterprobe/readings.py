"""What a source returns: for each subject a value, or the reason why it could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from clusterprobe.model import Subject, Unchecked

Value = TypeVar("Value")
Other = TypeVar("Other")


class Clean(tuple[tuple[Subject, Value], ...]):
    """Values whose secrets were taken out as they came; whatever is made of them is not known to be so."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Readings(Generic[Value]):
    """The values by subject, what was unreadable, and, if there is nothing at all, what proves that.

    `absent` says why there is nothing (an API that is not served, a complete list without a match); it proves nothing
    while something is unreadable.
    """

    values: tuple[tuple[Subject, Value], ...] = ()
    unreadable: tuple[Unchecked, ...] = ()
    absent: str = ""
    _named: list[dict[tuple[str, str], Value]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __iter__(self) -> Iterator[tuple[Subject, Value]]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def complete(self) -> bool:
        """Whether everything was read, so that what is missing from the values is really not there."""
        return not self.unreadable

    @property
    def items(self) -> list[Value]:
        return [value for _, value in self.values]

    def by_name(self) -> dict[tuple[str, str], Value]:
        """The values by (namespace, name) of their subjects, in a dictionary of the caller's own."""
        if not self._named:
            self._named.append({(subject.namespace, subject.name): value for subject, value in self.values})
        return self._named[0].copy()  # twenty ask for those of 50,000 pods, and a copy is made in no time

    def missing_reason(self, namespace: str) -> str:
        """Why a name that is not among the values may still exist; empty if it certainly does not."""
        blind = [one for one in self.unreadable if one.subject.namespace in ("", namespace)]
        return blind[0].reason if blind else ""

    def why_none(self, reason: str) -> str:
        """What it proves if nothing comes of these readings: `reason` where there are some, else why there are none."""
        return reason if self.values else self.absent or reason

    def keep(self, wanted: Callable[[Subject, Value], bool], absent: str = "") -> Readings[Value]:
        """The readings whose subject and value are wanted; `absent` is what it proves if there are some, but none is wanted."""
        kept = tuple((subject, value) for subject, value in self.values if wanted(subject, value))
        return Readings(kept, self.unreadable, self.why_none(absent))

    def map(self, change: Callable[[Subject, Value], Other]) -> Readings[Other]:
        """The same subjects with other values."""
        return Readings(tuple((s, change(s, v)) for s, v in self.values), self.unreadable, self.absent)


def unreadable(subject: Subject, reason: str, *, broken: bool = False) -> Readings[Value]:
    """Readings that consist of one thing that could not be read; `broken` if a bug of ours is why."""
    return Readings((), (Unchecked(subject=subject, reason=reason, broken=broken),))


def single(subject: Subject, value: Value) -> Readings[Value]:
    """Readings of exactly one subject."""
    return Readings(((subject, value),))


@dataclass(slots=True)
class Collector(Generic[Value]):
    """Gathers readings one by one."""

    values: list[tuple[Subject, Value]] = field(default_factory=list)
    unreadable: list[Unchecked] = field(default_factory=list)

    def add(self, subject: Subject, value: Value) -> None:
        self.values.append((subject, value))

    def fail(self, subject: Subject, reason: str) -> None:
        self.unreadable.append(Unchecked(subject=subject, reason=reason))

    def readings(self, absent: str = "") -> Readings[Value]:
        return Readings(tuple(self.values), tuple(self.unreadable), absent)
