"""Alertmanager's time intervals: only whether one covers all times, for what lies between depends on the day."""

from __future__ import annotations

from typing import Any

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def intervals_of(tree: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each named interval of a configuration, of which any one is enough; odd ones are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key in ("mute_time_intervals", "time_intervals"):
        for one in tree.get(key) or []:
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                entries = one.get("time_intervals")
                found[one["name"]] = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    return found


def is_always(entry: dict[str, Any]) -> bool:
    """Whether an entry covers all times: what it does not restrict, and what it restricts to everything.

    >>> is_always({"weekdays": ["monday:friday", "saturday", "sunday"]}), is_always({"weekdays": ["monday:friday"]})
    (True, False)
    """
    if entry.get("years"):
        return False
    return (
        _all_day(entry.get("times"))
        and _all_of(entry.get("weekdays"), _WEEKDAYS)
        and _all_of(entry.get("months"), _MONTHS)
        and _all_month(entry.get("days_of_month"))
    )


def _all_day(times: Any) -> bool:
    if not times:
        return True
    return isinstance(times, list) and any(
        isinstance(one, dict) and (str(one.get("start_time")), str(one.get("end_time"))) in (("00:00", "24:00"), ("0", "1440"))
        for one in times
    )


def _all_of(ranges: Any, names: tuple[str, ...]) -> bool:
    if not ranges:
        return True
    covered: set[int] = set()
    for one in ranges if isinstance(ranges, list) else []:
        first, _, last = str(one).lower().partition(":")
        begin, end = _number(first, names), _number(last or first, names)
        if begin is not None and end is not None:
            covered.update(range(begin, end + 1))
    return len(covered) == len(names)


def _number(name: str, names: tuple[str, ...]) -> int | None:
    if name in names:
        return names.index(name)
    return int(name) - 1 if len(names) == len(_MONTHS) and name in {str(one) for one in range(1, 13)} else None


def _all_month(ranges: Any) -> bool:
    return not ranges or (isinstance(ranges, list) and any(str(one) in ("1:31", "1:-1") for one in ranges))
