"""What became of the notifications that Alertmanagers tried to deliver: attempts against failures, over a window.

Alertmanager counts a *notification* once when it begins, and once more, with a reason, when it is given up; each HTTP
*request* for it is counted apart, failed ones too. So a retry that succeeded is a failed request and no failed notification,
and what was delivered is requests less failed requests. A notification that a reload interrupts (`contextCanceled`) is none
that failed: it is begun anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.alertmanager.sources import AlertmanagerMetrics, AlertmanagerStatus
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.formats.queries import any_of, matchers
from clusterprobe.systems.prometheus.query import ask, counted

STALE_SECONDS = 300  # as for Prometheus: a series without a sample for so long is gone
INTERRUPTED = "contextCanceled"

ATTEMPTS = "alertmanager_notifications_total"
FAILURES = "alertmanager_notifications_failed_total"
REQUESTS = "alertmanager_notification_requests_total"
REFUSED = "alertmanager_notification_requests_failed_total"
SUPPRESSED = "alertmanager_notifications_suppressed_total"
COUNTERS = (ATTEMPTS, FAILURES, REQUESTS, REFUSED, SUPPRESSED)


class Tally(msgspec.Struct, frozen=True):
    """What one replica did through one kind of integration in the window; times are epoch seconds, None for never seen.

    `failures` are notifications that were given up, by reason; `since` those of them after the last delivery.
    """

    attempts: float = 0
    delivered: float = 0
    refused: float = 0
    failures: dict[str, float] = {}
    last_delivered: float | None = None
    last_failed: float | None = None
    since: dict[str, float] = {}

    @property
    def failed(self) -> float:
        return sum(self.failures.values())


class ReplicaTally(msgspec.Struct, frozen=True):
    """One replica's tallies by kind of integration, what was suppressed by reason, and when it was last asked."""

    namespace: str
    pod: str
    tallies: dict[str, Tally]
    suppressed: dict[str, float]
    newest: float


class DeliverySeries(msgspec.Struct, frozen=True):
    """What one Prometheus saw of the Alertmanagers that it scrapes."""

    replicas: list[ReplicaTally]


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


@source(proxied("pods"))
def delivery_series(
    cluster: Cluster, prometheus_servers: Readings[Server], alertmanager_statuses: Readings[AlertmanagerStatus], profile: Profile
) -> Readings[DeliverySeries]:
    """The deliveries of the profile's window, as every Prometheus has scraped them, of the integrations that are configured."""
    kinds = sorted({kind for one in alertmanager_statuses.items for kind in one.configuration.kinds})
    chosen = any_of(["", *kinds])  # what is suppressed names no integration
    expression = (
        matchers({"__name__": any_of(COUNTERS), "integration": chosen}) + f"[{profile.thresholds.alertmanager.delivery_window_minutes}m]"
    )

    def read(endpoint: Endpoint, _: Server) -> DeliverySeries:
        return DeliverySeries(_replicas(ask(endpoint, expression, "matrix", _Series)))

    return read_each(cluster, profile, prometheus_servers, read)


# --- from series to tallies -------------------------------------------------------------------------------------------


UNSCRAPED = (
    "no Prometheus has scraped its metrics recently: let one scrape it, or name the one that does under `endpoints:` in the "
    "profile (system: prometheus)"
)


@dataclass(slots=True)
class _Count:
    """How much each counter rose, and when."""

    attempts: float = 0
    failures: dict[str, float] = field(default_factory=dict)
    requests: dict[float, float] = field(default_factory=dict)
    refused: dict[float, float] = field(default_factory=dict)
    failed_at: list[tuple[float, str, float]] = field(default_factory=list)

    def tally(self) -> Tally:
        delivered = {moment: rise - self.refused.get(moment, 0) for moment, rise in self.requests.items()}
        last_delivered = max((moment for moment, count in delivered.items() if count > 0), default=None)
        since: dict[str, float] = {}
        for moment, reason, rise in self.failed_at:
            if last_delivered is None or moment > last_delivered:
                since[reason] = since.get(reason, 0) + rise
        return Tally(
            attempts=self.attempts,
            delivered=sum(delivered.values()),
            refused=sum(self.refused.values()),
            failures={reason: count for reason, count in self.failures.items() if count},
            last_delivered=last_delivered,
            last_failed=max((moment for moment, _, _ in self.failed_at), default=None),
            since=since,
        )


def _replicas(series: Iterable[_Series]) -> list[ReplicaTally]:
    counts: dict[tuple[str, str], dict[str, _Count]] = {}
    suppressed: dict[tuple[str, str], dict[str, float]] = {}
    newest: dict[tuple[str, str], float] = {}
    for one in series:
        place = one.metric.get("namespace", ""), one.metric.get("pod", "")
        rises = _rises(one.values)
        newest[place] = max(newest.get(place, 0), one.values[-1][0] if one.values else 0)
        of_place = counts.setdefault(place, {})
        if one.metric.get("__name__") == SUPPRESSED:
            reasons, reason = suppressed.setdefault(place, {}), one.metric.get("reason", "")
            reasons[reason] = reasons.get(reason, 0) + sum(rise for _, rise in rises)
        else:
            _add(of_place.setdefault(one.metric.get("integration", ""), _Count()), one.metric, rises)
    return [
        ReplicaTally(*place, {kind: count.tally() for kind, count in found.items()}, suppressed.get(place, {}), newest[place])
        for place, found in counts.items()
    ]


def _rises(values: list[tuple[float, str]]) -> list[tuple[float, float]]:
    """When a counter rose and by how much; after a restart it begins at 0 again."""
    numbers = [(moment, counted(text, "a counter of notifications")) for moment, text in values]
    pairs = itertools.pairwise(numbers)
    found = ((moment, number - before if number >= before else number) for (_, before), (moment, number) in pairs)
    return [(moment, rise) for moment, rise in found if rise]


def _add(count: _Count, labels: dict[str, str], rises: list[tuple[float, float]]) -> None:
    match labels.get("__name__"):
        case "alertmanager_notifications_total":
            count.attempts += sum(rise for _, rise in rises)
        case "alertmanager_notifications_failed_total":
            reason = labels.get("reason", "other")
            if reason != INTERRUPTED:
                count.failures[reason] = count.failures.get(reason, 0) + sum(rise for _, rise in rises)
                count.failed_at += [(moment, reason, rise) for moment, rise in rises]
        case "alertmanager_notification_requests_total":
            for moment, rise in rises:
                count.requests[moment] = count.requests.get(moment, 0) + rise
        case "alertmanager_notification_requests_failed_total":
            for moment, rise in rises:
                count.refused[moment] = count.refused.get(moment, 0) + rise


def own_tally(counters: list[Metric], kind: str) -> Tally:
    """What a replica's own counters say since it was started."""
    count = _Count()
    for one in counters:
        if one.labels.get("integration") == kind:
            _add(count, {**one.labels, "__name__": one.name}, [(0.0, one.value)] if one.value else [])
    return msgspec.structs.replace(count.tally(), last_delivered=None, last_failed=None, since={})


# --- what is known of one replica -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one replica and one kind of integration. `blind` says why nothing is; `timed` whether it is known when."""

    subject: Subject
    tally: Tally = field(default_factory=Tally)
    suppressed: float = 0
    timed: bool = True
    blind: str = ""


def known_of(
    subject: Subject,
    kind: str,
    series: Readings[DeliverySeries],
    metrics: dict[Subject, AlertmanagerMetrics],
    window_start: float,
    now: float,
) -> Known:
    """From a Prometheus that has scraped it all through the window; else from its own counters, if it is younger than that."""
    seen = [one for value in series.items for one in value.replicas if (one.namespace, one.pod) == (subject.namespace, subject.name)]
    fresh = max((one for one in seen if now - one.newest < STALE_SECONDS), key=lambda one: one.newest, default=None)
    own = metrics.get(subject)
    if own is not None and own.started is not None and own.started >= window_start:
        tally = own_tally(own.counters, kind)
        timed = fresh.tallies.get(kind) if fresh else None
        if timed is not None and timed.failed + timed.delivered > 0:  # when it was, is known from there only
            return Known(subject, msgspec.structs.replace(tally, last_delivered=timed.last_delivered, last_failed=timed.last_failed))
        return Known(subject, tally, sum(one.value for one in own.counters if one.name == SUPPRESSED), timed=False)
    if fresh is not None:
        return Known(subject, fresh.tallies.get(kind, Tally()), sum(fresh.suppressed.values()))
    return Known(subject, blind=series.unreadable[0].reason if series.unreadable else UNSCRAPED)
