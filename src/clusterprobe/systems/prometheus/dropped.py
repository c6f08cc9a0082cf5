"""What a Prometheus drops after it was scraped, or before it was sent: its own counters, and how much they gained."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.runtime import START

NOTIFICATIONS = "prometheus_notifications_dropped_total"
DROPPED = {
    "prometheus_target_scrapes_sample_out_of_order_total": "out-of-order samples, which are older than the newest of their series",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total": "duplicate samples, which have the time of another of their series",
    "prometheus_target_scrapes_sample_out_of_bounds_total": "out-of-bounds samples, which are too old or in the future",
    NOTIFICATIONS: "alerts before it had sent them",
}
"""Counters that stay at 0 where all is well; each says of what."""
_NOT_SENT = "prometheus_notifications_errors_total"  # what `prometheus/alerting` reports


LEAST_RECENT_SECONDS = 60.0


class Dropped(msgspec.Struct, frozen=True):
    """By counter, what it gained within the window, and within the last `recent` seconds of it; None where its own past does not tell."""

    gained: dict[str, float | None] = {}
    lately: dict[str, float | None] = {}
    recent: float = LEAST_RECENT_SECONDS


def recent_of(intervals: Iterable[float]) -> float:
    """For how long nothing is dropped before it is over: what drops does so at each scrape, so every target has to be scraped twice."""
    return max(LEAST_RECENT_SECONDS, 2 * max(intervals, default=0.0))


def dropped_query(started: float, window: int, recent: int) -> str:
    """What each counter of this very process gained; `increase` takes the name away, so that it is kept beside."""
    each = (
        f'label_replace(label_replace(increase({one}[{seconds}s]), "counter", "{one}", "", ""), "within", "{within}", "", "")'
        for within, seconds in (("window", window), ("recent", recent))
        for one in (*DROPPED, _NOT_SENT)
    )
    return f"({' or '.join(each)}) and on (instance, job) ({START} == {started!r})"


def dropped_by(now: list[Metric], gained: list[Sample], recent: float, *, young: bool) -> Dropped:
    """What is known of the counters that are not 0. Of a process that is younger than the window, all of them is within it."""
    grown: dict[tuple[str, str], float] = {}
    for one in gained:
        key = one.labels.get("within", ""), one.labels.get("counter", "")
        grown[key] = max(one.value, grown.get(key, 0.0))
    found = {one.name: one.value if young else grown.get(("window", one.name)) for one in now}
    if grown.get(("window", _NOT_SENT)):
        found.pop(NOTIFICATIONS, None)  # they could not be sent, which is a finding of its own
    return Dropped(found, {name: grown.get(("recent", name)) for name in found}, recent)
