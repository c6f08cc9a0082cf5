"""Alertmanager's time intervals, as its package timeinterval reads them, and whether a route that names some sends within a year.

What lies within a year is looked through day by day: months have different lengths, and the years of an interval end.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from clusterprobe.patterns import ours

DAYS_AHEAD = 366
MAX_RANGES = 200  # more in the intervals of one route are not looked through
_MINUTES = 24 * 60
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")  # as `datetime` counts them
_WEEK = ("sunday", *_WEEKDAYS[:-1])  # as Alertmanager does
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_CLOCK = ours(r"(\d{1,2}):(\d{2})")
_NUMBER = ours(r"-?\d{1,4}")
Range = tuple[int, int]


class Period(msgspec.Struct, frozen=True):
    """One entry of an interval. A list that is empty restricts nothing.

    `times` are minutes of the day, the end excluded; `weekdays` count from Monday, 0; `days` of the month may count from its end, below
    0; all other ranges hold both ends.
    """

    times: list[Range] = []
    weekdays: list[int] = []
    days: list[Range] = []
    months: list[int] = []
    years: list[Range] = []
    location: str = ""

    @property
    def size(self) -> int:
        return 1 + len(self.times) + len(self.weekdays) + len(self.days) + len(self.months) + len(self.years)

    def holds(self, day: datetime.date, minute: int) -> bool:
        return (
            (not self.years or any(first <= day.year <= last for first, last in self.years))
            and (not self.months or day.month in self.months)
            and (not self.weekdays or day.weekday() in self.weekdays)
            and (not self.days or any(_in_month(first, last, day) for first, last in self.days))
            and (not self.times or any(first <= minute < last for first, last in self.times))
        )


def _in_month(first: int, last: int, day: datetime.date) -> bool:
    following = (day.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
    length = (following - datetime.timedelta(days=1)).day
    begin, end = (one + length + 1 if one < 0 else one for one in (first, last))
    return begin <= day.day <= end


# --- reading them -------------------------------------------------------------------------------------------------------


def intervals_of(tree: dict[str, Any]) -> dict[str, list[Period]]:
    """The entries of each named interval of a configuration, of which any one is enough; what is odd is left out."""
    found: dict[str, list[Period]] = {}
    for key in ("mute_time_intervals", "time_intervals"):
        for one in tree.get(key) or []:
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                periods = [_period(each) for each in one.get("time_intervals") or []]
                if None not in periods:
                    found[one["name"]] = [each for each in periods if each is not None]
    return found


def _period(tree: Any) -> Period | None:
    """An entry as Alertmanager writes it; None for anything else.

    >>> _period({"weekdays": ["saturday:sunday"], "times": [{"start_time": "22:00", "end_time": "24:00"}]})
    Period(times=[(1320, 1440)], weekdays=[5, 6], days=[], months=[], years=[], location='')
    """
    if not isinstance(tree, dict):
        return None
    try:
        return Period(
            times=[(_minute(one["start_time"]), _minute(one["end_time"])) for one in tree.get("times") or []],
            weekdays=sorted({_WEEKDAYS.index(_WEEK[each]) for one in tree.get("weekdays") or [] for each in _span(one, _WEEK, 0)}),
            days=[_ends(one) for one in tree.get("days_of_month") or []],
            months=sorted({each + 1 for one in tree.get("months") or [] for each in _span(one, _MONTHS, 1)}),
            years=[_ends(one) for one in tree.get("years") or []],
            location=str(tree.get("location") or ""),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _minute(value: Any) -> int:
    """Minutes of the day; YAML reads `24:00` without quotes as a number to the base of 60."""
    if isinstance(value, int):
        return value
    found = _CLOCK.fullmatch(str(value))
    if not found:
        raise ValueError
    return int(found[1]) * 60 + int(found[2])


def _span(value: Any, names: Sequence[str], base: int) -> range:
    first, colon, last = str(value).lower().replace(" ", "").partition(":")
    begin, end = (names.index(one) if one in names else int(one) - base for one in (first, last if colon else first))
    if not 0 <= begin <= end < len(names):
        raise ValueError
    return range(begin, end + 1)


def _ends(value: Any) -> Range:
    first, colon, last = str(value).replace(" ", "").partition(":")
    if not (_NUMBER.fullmatch(first) and _NUMBER.fullmatch(last if colon else first)):
        raise ValueError
    return int(first), int(last if colon else first)


# --- judging them -------------------------------------------------------------------------------------------------------


def is_shut(mutes: Sequence[Period], actives: Sequence[Period] | None, now: float) -> bool:
    """Whether at each time of the coming year a mute holds, or no activity does; `actives` are None where none restricts.

    Of several time zones each is judged alone: what only their sum covers counts as open. Raises `ValueError` for too many ranges.
    """
    if sum(one.size for one in (*mutes, *(actives or ()))) > MAX_RANGES:
        raise ValueError("its time intervals have too many ranges")
    zones = {one.location for one in (*mutes, *(actives or ()))} or {""}
    for zone in sorted(zones):
        alike = actives if actives is not None and all(one.location == zone for one in actives) else None
        if _shut([one for one in mutes if one.location == zone], alike, now):
            return True
    return False


def _shut(mutes: Sequence[Period], actives: Sequence[Period] | None, now: float) -> bool:
    today = datetime.datetime.fromtimestamp(now, datetime.UTC).date()
    # Within these minutes nothing changes.
    begins = sorted({0, *(each for one in (*mutes, *(actives or ())) for ends in one.times for each in ends if each < _MINUTES)})
    for ahead in range(DAYS_AHEAD):
        day = today + datetime.timedelta(days=ahead)
        for minute in begins:
            active = actives is None or any(one.holds(day, minute) for one in actives)
            if active and not any(one.holds(day, minute) for one in mutes):
                return False
    return True
