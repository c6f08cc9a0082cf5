"""When a CronJob is to run next, as its controller reads the five fields of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clusterprobe.times import duration_seconds

_NAMES = {
    name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FAR_DAYS = 366 * 5  # 29 February comes every four years
_ALL_ZONES = [timezone(timedelta(minutes=minutes)) for minutes in range(-12 * 60, 14 * 60 + 1, 15)]
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = ((0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _NAMES), (0, 7, _DAYS))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes, hours, days, months and days of the week of a schedule; `either` of the two kinds of days is enough."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    week: frozenset[int]
    either: bool

    def on(self, day: datetime) -> bool:
        """Whether it runs on a day."""
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.week
        return day.month in self.months and (by_month or by_week if self.either else by_month and by_week)

    def at(self, moment: datetime) -> bool:
        """Whether it runs in a minute."""
        return self.on(moment) and moment.hour in self.hours and moment.minute in self.minutes


def schedule_of(text: str) -> Schedule | None:
    """A schedule; None for what is not understood. `@every 1h` has no fields, and is none.

    >>> schedule_of("*/20 3 * * mon-fri").week == frozenset({1, 2, 3, 4, 5})
    True
    """
    written = _SHORT.get(text.strip(), text).lower().split()
    if len(written) != len(_FIELDS):
        return None
    try:
        minutes, hours, days, months, week = (_field(one, *bounds) for one, bounds in zip(written, _FIELDS, strict=True))
    except ValueError:
        return None
    either = not any(written[place].split("/")[0] in ("*", "?") and "/" not in written[place] for place in (2, 4))
    return Schedule(minutes, hours, days, months, frozenset(one % 7 for one in week), either)


def _field(text: str, least: int, most: int, names: dict[str, int]) -> frozenset[int]:
    """One field. `ValueError` for one that is none."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        begin, dash, end = span.partition("-")
        first = least if begin in ("*", "?") else _number(begin, names)
        last = most if begin in ("*", "?") or (slash and not dash) else _number(end, names) if dash else first
        stride = _number(step, {}) if slash else 1
        if not least <= first <= last <= most or not stride:
            raise ValueError(text)
        found.update(range(first, last + 1, stride))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(text)
    return int(text)


def is_understood(text: str, zone: str | None) -> bool:
    """Whether it can be told when a CronJob with such a schedule and time zone is due."""
    return _every(text) is not None or (schedule_of(text) is not None and bool(_zones(zone)))


def due_after(text: str, zone: str | None, last: float) -> float | None:
    """When a CronJob is due at the latest after a moment; both in epoch seconds. None where that is never, or cannot be told.

    Without a time zone of its own it is that of the controller's machine, which is not known: of all zones in which the last run was
    due when it was made, the one that makes it due last counts; if there is none, of all.
    """
    if (every := _every(text)) is not None:
        return last + every
    schedule = schedule_of(text)
    if schedule is None:
        return None
    zones = _zones(zone)
    fitting = [one for one in zones if schedule.at(datetime.fromtimestamp(last, UTC).astimezone(one))] or zones
    return max((due for one in fitting if (due := _next(schedule, last, one)) is not None), default=None)


def _every(text: str) -> float | None:
    """The seconds of `@every 1h30m`."""
    words = text.split()
    return duration_seconds(words[1]) if len(words) == 2 and words[0] == "@every" else None


def _zones(name: str | None) -> Sequence[tzinfo]:
    """The zone of that name, none for one that is not known; without a name all that there are."""
    if not name:
        return _ALL_ZONES
    try:
        return [ZoneInfo(name)]
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []


def _next(schedule: Schedule, last: float, zone: tzinfo) -> float | None:
    begin = datetime.fromtimestamp(last, UTC).astimezone(zone).replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
    day = begin.replace(hour=0, minute=0)
    for _ in range(_FAR_DAYS):
        if schedule.on(day):
            for hour in sorted(schedule.hours):
                for minute in sorted(schedule.minutes):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment >= begin:
                        return moment.replace(tzinfo=zone).timestamp()
        day += timedelta(days=1)
    return None
