"""Whether a Prometheus keeps up: what its own metrics say now, and how much its counters grew within the window.

What is now comes from each replica's own `/metrics`. What a counter was at the start of the window comes from one query of
the replica itself: of all series, those of this very process are told by its start time, whatever labels they carry. So a
counter that grew long ago is no news, and neither is one of the process before.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, asked
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.formats.queries import any_of, matchers
from clusterprobe.systems.prometheus.dialects import AGENT_DIALECT, Ability, able
from clusterprobe.systems.prometheus.dropped import DROPPED, Dropped, dropped_by, dropped_query, recent_of
from clusterprobe.systems.prometheus.query import Sample, query
from clusterprobe.systems.prometheus.rule_groups import INTERVAL, LASTED, MISSED, RuleGroup, groups_of, with_lately
from clusterprobe.systems.prometheus.runtime import START
from clusterprobe.times import duration_seconds

CPU = "process_cpu_seconds_total"
# Counters that should never grow; each says what it means that one did.
TROUBLES = {
    "prometheus_tsdb_wal_writes_failed_total": "writes to the write-ahead log failed: samples are lost",
    "prometheus_tsdb_wal_corruptions_total": "corruptions of the write-ahead log were found: samples are lost",
    "prometheus_tsdb_wal_truncations_failed_total": "truncations of the write-ahead log failed: it grows until the volume is full",
    "prometheus_tsdb_checkpoint_creations_failed_total": "checkpoints could not be made: the write-ahead log grows",
    "prometheus_tsdb_head_truncations_failed_total": "truncations of the head failed: memory grows",
    "prometheus_tsdb_compactions_failed_total": "compactions failed: blocks pile up, and the head stays in memory",
    "prometheus_tsdb_reloads_failures_total": "blocks could not be loaded from the disk",
}
LOSING = ("prometheus_tsdb_wal_writes_failed_total", "prometheus_tsdb_wal_corruptions_total")
_HIGHEST = "prometheus_remote_storage_highest_timestamp_in_seconds"
_SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
_REFUSED = "prometheus_remote_storage_samples_failed_total"  # answered so that they are not sent again
_NOW = {
    START,
    CPU,
    "prometheus_target_interval_length_seconds",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_tsdb_wal_fsync_duration_seconds",
    "prometheus_engine_query_duration_seconds",
    "go_memstats_sys_bytes",
    "go_memstats_heap_released_bytes",
    _HIGHEST,
    _SENT,
    _REFUSED,
}


class Interval(msgspec.Struct, frozen=True):
    """The time between scrapes (seconds) of the targets with this configured interval, over Prometheus' own last 10 minutes."""

    configured: float
    median: float
    late: float  # nine of ten are shorter


class Pressure(msgspec.Struct, frozen=True, kw_only=True):
    """What one replica says of itself. `window` is what growth covers, in seconds; None is what could not be told.

    `cpu` are cores in use, `lifelong` those on average since it started, `throttled` the share of periods in which the kernel held
    it back; `memory` is what the Go runtime holds in bytes, without the files that are mapped into it. `behind` are the seconds by
    which each remote write lags, and `refused` the samples that each lost within the window, as its receiver did not take them.
    `dropped` is what each counter of `DROPPED` gained within the window, `dropped_lately` within the last `recent` seconds of that.
    `version` is its own, as in `3.5.0`; empty where it does not say.
    """

    started: float
    window: float
    intervals: list[Interval]
    groups: list[RuleGroup]
    troubles: dict[str, float | None]
    cpu: float | None = None
    lifelong: float = 0.0
    throttled: float | None = None
    memory: float = 0.0
    sync: float | None = None
    queue: float | None = None
    behind: dict[str, float] = {}
    refused: dict[str, float | None] = {}
    version: str = ""
    dropped: dict[str, float | None] = {}
    dropped_lately: dict[str, float | None] = {}
    recent: float = 0.0

    @property
    def loses(self) -> bool:
        """Whether anything grew that says that something is lost, or may have grown."""
        counts = (*self.troubles.values(), *self.refused.values(), *self.dropped.values())
        return any(one is None or one > 0 for one in counts)


@source(proxied("pods"))
def prometheus_pressure(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Pressure]:
    """Whether every replica keeps up with its scrapes, rules, database and remote writes."""
    window = profile.thresholds.prometheus.window_minutes * 60

    def read(endpoint: Endpoint, server: Server) -> Pressure:
        now = samples_of(endpoint, {*_NOW, *TROUBLES, *DROPPED, MISSED, _BUILD})
        started = next((one.value for one in now if one.name == START), 0.0)
        if not started:
            raise BadResponse(f"GET {endpoint.url}/metrics: there is no {START} in it")
        agent = server.dialect == AGENT_DIALECT.key  # which has no database and no rules, and keeps nothing of its own past
        if lack := lacking(now, () if agent else TROUBLES):
            raise BadResponse(f"GET {endpoint.url}/metrics: {lack}, so it is not the whole page, or not Prometheus'")
        before = [] if agent else query(endpoint, before_query(started, window, server))
        lost = [one for one in now if one.name == _REFUSED and one.value]
        refusals = query(endpoint, _refusals_query(started, window)) if lost and not agent else []
        refused = _refused(lost, refusals, young=cluster.now() - started < window)
        version = next((one.labels.get("version", "") for one in now if one.name == _BUILD), "")
        found = pressure_of(now, before, started, cluster.now(), window)
        lost_samples = _dropped(endpoint, now, found, window, kept=not agent)
        dropped = {"dropped": lost_samples.gained, "dropped_lately": lost_samples.lately, "recent": lost_samples.recent}
        scraped = [one.configured for one in found.intervals]
        groups = with_lately(partial(query, endpoint), found.groups, scraped, started, found.window)
        return msgspec.structs.replace(found, groups=groups, refused=refused, version=version, **dropped)

    return read_each(cluster, profile, able(metric_servers, Ability.PRESSURE), read)


def _dropped(endpoint: Endpoint, now: list[Metric], found: Pressure, window: int, *, kept: bool) -> Dropped:
    """What it drops; `kept` is whether it keeps its own past."""
    thrown, recent = [one for one in now if one.name in DROPPED and one.value], recent_of(one.configured for one in found.intervals)
    gained = query(endpoint, dropped_query(found.started, window, math.ceil(recent))) if thrown and kept else []
    return dropped_by(thrown, gained, recent, young=found.window < window)


_BUILD = "prometheus_build_info"
_EVERY_GROUP = (INTERVAL, LASTED, MISSED)


def lacking(now: list[Metric], troubles: Collection[str] = TROUBLES) -> str:
    """What every Prometheus has and these have not; empty if nothing. A page that ends early is cut between two lines at times."""
    names = {one.name for one in now}
    for name in (*troubles, CPU, "go_memstats_sys_bytes"):
        if name not in names:
            return f"there is no {name} in it"
    for one in now:
        if math.isnan(one.value) and "quantile" not in one.labels:  # of a summary it means that nothing was observed
            return f"{one.name} is not a number"
    groups = [{one.labels.get("rule_group", "") for one in now if one.name == name} for name in _EVERY_GROUP]
    odd = groups[0].union(*groups) - groups[0].intersection(*groups)
    return f"the group of rules {min(odd)} has not all of its metrics" if odd else ""


def before_query(started: float, window: int, server: Server) -> str:
    """Everything that the past has to tell, in one query: counters as they were, CPU in use, and how often it was throttled."""
    names = matchers({"__name__": any_of([*TROUBLES, MISSED])})
    own = f"on (instance, job) ({START} == {started!r})"
    parts = [
        f"({names} offset {window}s and {own})",
        f'label_replace(rate({CPU}[{window}s]) and {own}, "read", "cpu", "", "")',
    ]
    if server.pod:
        cgroup = matchers({"namespace": server.namespace, "pod": server.pod, "container": "prometheus"}) + f"[{window}s]"
        held, periods = (f"sum(increase(container_cpu_cfs_{one}_total{cgroup}))" for one in ("throttled_periods", "periods"))
        parts.append(f'label_replace({held} / ({periods} > 0), "read", "throttled", "", "")')
    return " or ".join(parts)


def _refusals_query(started: float, window: int) -> str:
    return f"increase({_REFUSED}[{window}s]) and on (instance, job) ({START} == {started!r})"


def _refused(lost: list[Metric], grown: list[Sample], *, young: bool) -> dict[str, float | None]:
    """By remote, how many samples were lost within the window; None where its own past does not tell."""
    found: dict[str, float | None] = {_remote(one.labels): one.value if young else None for one in lost}
    for sample in grown:
        if (name := _remote(sample.labels)) in found and not young:
            found[name] = max(sample.value, found[name] or 0.0)
    return found


def _remote(labels: Mapping[str, str]) -> str:
    return excerpt(labels.get("remote_name") or labels.get("url", ""), 200)


def pressure_of(now: list[Metric], before: list[Sample], started: float, at: float, window: int) -> Pressure:
    """The present and the past together."""
    growth = _Growth(before, young=at - started < window)
    held = _values(now, "go_memstats_sys_bytes") - _values(now, "go_memstats_heap_released_bytes")
    return Pressure(
        started=started,
        window=min(float(window), max(at - started, 0.0)),
        intervals=_intervals(now),
        groups=groups_of(now, growth.of),
        troubles={one.name: growth.of(one) for one in now if one.name in TROUBLES and one.value},
        cpu=_read(before, "cpu"),
        lifelong=_values(now, CPU) / max(at - started, 1.0),
        throttled=_read(before, "throttled"),
        memory=held,
        sync=_quantile(now, "prometheus_tsdb_wal_fsync_duration_seconds", "0.9"),
        queue=_quantile(now, "prometheus_engine_query_duration_seconds", "0.9", slice="queue_time"),
        behind=_behind(now, at - started),
    )


class _Growth:
    """How much counters grew within the window; of a process that is younger, since its start."""

    def __init__(self, before: list[Sample], *, young: bool) -> None:
        self._young = young
        self._before: dict[tuple[str, str], list[float]] = {}
        for one in before:
            if "read" not in one.labels:
                key = one.labels.get("__name__", ""), one.labels.get("rule_group", "")
                self._before.setdefault(key, []).append(one.value)

    def of(self, one: Metric) -> float | None:
        if self._young or not one.value:
            return one.value
        if not self._before:
            return None  # it does not scrape itself, or did not then
        then = self._before.get((one.name, one.labels.get("rule_group", "")), [])
        # It may be scraped twice. A group that was loaded anew begins at 0 again.
        return one.value - max((value for value in then if value <= one.value), default=0.0)


def _values(now: list[Metric], name: str) -> float:
    return sum(one.value for one in now if one.name == name)


def _read(before: list[Sample], what: str) -> float | None:
    return max((one.value for one in before if one.labels.get("read") == what), default=None)


def _quantile(now: list[Metric], name: str, quantile: str, **labels: str) -> float | None:
    """A summary's quantile; nothing was observed recently where it is not a number."""
    wanted = {"quantile": quantile, **labels}.items()
    return next((one.value for one in now if one.name == name and wanted <= one.labels.items() and not math.isnan(one.value)), None)


def _intervals(now: list[Metric]) -> list[Interval]:
    name = "prometheus_target_interval_length_seconds"
    found = []
    for text in sorted({one.labels.get("interval", "") for one in now if one.name == name}):
        configured = duration_seconds(text)
        median, late = (_quantile(now, name, quantile, interval=text) for quantile in ("0.5", "0.9"))
        if configured and median is not None and late is not None:
            found.append(Interval(configured, median, late))
    return found


def _behind(now: list[Metric], age: float) -> dict[str, float]:
    highest = max((one.value for one in now if one.name == _HIGHEST), default=0.0)
    sent = {one.labels.get("remote_name") or one.labels.get("url", ""): one.value for one in now if one.name == _SENT}
    return {excerpt(name, 200): highest - value if value else age for name, value in sent.items() if highest}


# --- what it is busy with ---------------------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True):
    """How many series are in memory, and the metrics that have most of them."""

    series: int
    metrics: list[tuple[str, int]]


class _HeadStats(msgspec.Struct, rename="camel"):
    num_series: int


class _Count(msgspec.Struct):
    name: str
    value: int


class _Database(msgspec.Struct, rename="camel"):
    head_stats: _HeadStats
    series_count_by_metric_name: list[_Count] | None = None


class _DatabaseAnswer(Answer):
    data: _Database | None = None


@source(proxied("pods"))
def prometheus_heads(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Head]:
    """The metrics with most series, at every replica."""

    def read(endpoint: Endpoint, _: Server) -> Head:
        data = asked(endpoint, "/api/v1/status/tsdb", _DatabaseAnswer).data
        counts = data.series_count_by_metric_name if data else None
        series = data.head_stats.num_series if data else 0
        if not counts and series:
            raise BadResponse(f"{endpoint.url}/api/v1/status/tsdb: it counts series, and names no metric")
        return Head(series, [(one.name, one.value) for one in (counts or [])[:10]])

    return read_each(cluster, profile, able(metric_servers, Ability.PRESSURE, Ability.QUERIES), read)


class SlowRule(msgspec.Struct, frozen=True):
    """A rule and how long its last evaluation took, in seconds."""

    file: str
    group: str
    name: str
    query: str
    seconds: float


class SlowRules(msgspec.Struct, frozen=True):
    """The rules that took longest."""

    rules: list[SlowRule]


class _Rule(msgspec.Struct, rename="camel"):
    name: str
    query: str = ""
    evaluation_time: float = 0.0


class _Group(msgspec.Struct):
    name: str
    file: str
    rules: list[_Rule]


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _RulesAnswer(Answer):
    data: _Groups | None = None


MAX_RULES = 20


@source(proxied("pods"))
def prometheus_slow_rules(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[SlowRules]:
    """The rules whose last evaluation took longest, at every replica."""

    def read(endpoint: Endpoint, _: Server) -> SlowRules:
        data = asked(endpoint, "/api/v1/rules", _RulesAnswer, {"exclude_alerts": "true"}).data
        found = [
            SlowRule(group.file, group.name, one.name, excerpt(one.query, 300), one.evaluation_time)
            for group in (data.groups if data else [])
            for one in group.rules
        ]
        return SlowRules(sorted(found, key=lambda one: -one.seconds)[:MAX_RULES])

    return read_each(cluster, profile, able(metric_servers, Ability.PRESSURE, Ability.RULES), read)
