"""What a Prometheus drops after it was scraped, or before it was sent: its own counters, and how much they gained."""

from __future__ import annotations

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


def dropped_query(started: float, window: int) -> str:
    """What each counter of this very process gained; `increase` takes the name away, so that it is kept beside."""
    each = (f'label_replace(increase({one}[{window}s]), "counter", "{one}", "", "")' for one in (*DROPPED, _NOT_SENT))
    return f"({' or '.join(each)}) and on (instance, job) ({START} == {started!r})"


def gained_by(now: list[Metric], gained: list[Sample], *, young: bool) -> dict[str, float | None]:
    """By counter, what it gained within the window; None where its own past does not tell."""
    grown: dict[str, float] = {}
    for one in gained:
        name = one.labels.get("counter", "")
        grown[name] = max(one.value, grown.get(name, 0.0))
    found = {one.name: one.value if young else grown.get(one.name) for one in now}
    if grown.get(_NOT_SENT):
        found.pop(NOTIFICATIONS, None)  # they could not be sent, which is a finding of its own
    return found
