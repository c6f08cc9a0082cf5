"""Whether samples and rules get through VictoriaMetrics: what each program's own metrics say now, and what they lost lately.

Of a counter only its growth counts. A program of VictoriaMetrics keeps none of its own past, so what stores metrics is asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.prometheus.dialects import VICTORIAMETRICS, Ability, able
from clusterprobe.systems.prometheus.query import query
from clusterprobe.systems.prometheus.runtime import START, UNTYPED

# Counters of what is lost for good; each says what it means that one grew.
REFUSED = "vmagent_remotewrite_packets_dropped_total"
LOSSES = {
    REFUSED: "blocks of samples were refused by a receiver (HTTP 400 or 409), and are not sent again",
    "vm_persistentqueue_bytes_dropped_total": "bytes of samples were dropped from the queue on disk, which was full",
    "vm_rpc_rows_dropped_on_overload_total": "rows were dropped, as no vmstorage took them in time",
    "vm_hourly_series_limit_rows_dropped_total": "rows of new series were dropped by the limit of series in an hour",
    "vm_daily_series_limit_rows_dropped_total": "rows of new series were dropped by the limit of series in a day",
    "vmalert_remotewrite_dropped_rows_total": "results of rules were dropped, and not stored",
}
MISSED = "vmalert_iteration_missed_total"
_PENDING, _SENT = "vmagent_remotewrite_pending_data_bytes", "vmagent_remotewrite_bytes_sent_total"
_READ_ONLY, _FREE, _LIMIT = "vm_storage_is_read_only", "vm_free_disk_space_bytes", "vm_free_disk_space_limit_bytes"
RELOADS = (
    "vm_promscrape_config_last_reload_successful",
    "vmagent_relabel_config_last_reload_successful",
    "vmalert_config_last_reload_successful",
)
_NOW = {START, MISSED, _PENDING, _SENT, _READ_ONLY, _FREE, _LIMIT, *RELOADS, *LOSSES}
NONE_HERE = "no pod runs a program of VictoriaMetrics"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What one program says of itself. `lost` and `missed` are counted from its start (`started`, epoch seconds) on.

    `behind` are the seconds by which each remote write lags, as its queue and its usual speed tell; None for one that has sent nothing.
    `refused` are the configurations whose last reload failed, `free` and `least` bytes of the disk.
    """

    started: float
    lost: dict[str, float] = {}
    missed: float = 0.0
    behind: dict[str, float | None] = {}
    refused: list[str] = []
    read_only: bool = False
    free: float | None = None
    least: float | None = None


class Growth(msgspec.Struct, frozen=True):
    """By (namespace, pod) and name, how much a program's counters grew within the window, in a store that has them."""

    counters: dict[str, dict[str, float]]


def place_key(namespace: str, pod: str) -> str:
    """How a pod is called in a `Growth`."""
    return f"{namespace}/{pod}"


@source()
def victoriametrics_servers(metric_servers: Readings[Server]) -> Readings[Server]:
    """Every program of VictoriaMetrics that is recognised."""
    ours = metric_servers.keep(lambda _, one: one.dialect in VICTORIAMETRICS)
    kinds = {"VMAgent", "VMAlert", "VMSingle", "vmselect", "vminsert", "vmstorage", "VictoriaMetrics"}
    blind = [one for one in ours.unreadable if one.subject.kind in kinds or one.subject.owner.partition("/")[0] in kinds]
    listed = [one for one in ours.unreadable if one.subject.kind == "source" or not one.subject.name]  # what is there at all is not known
    return Readings(ours.values, tuple(dict.fromkeys([*blind, *listed])), NONE_HERE)


@source(proxied("pods"))
def victoriametrics_flow(cluster: Cluster, victoriametrics_servers: Readings[Server], profile: Profile) -> Readings[Flow]:
    """What every program of VictoriaMetrics says of what it takes, sends and loses."""

    def read(endpoint: Endpoint, _: Server) -> Flow:
        return flow_of(samples_of(endpoint, _NOW, mark=UNTYPED), cluster.now(), endpoint.url)

    return read_each(cluster, profile, victoriametrics_servers, read)


def flow_of(now: list[Metric], at: float, url: str = "") -> Flow:
    """A page of metrics, read at a moment (epoch seconds). Raises an `Unreadable` for one that is no program of VictoriaMetrics."""
    started = next((one.value for one in now if one.name == START), 0.0)
    if not started:
        raise BadResponse(f"GET {url}/metrics: there is no {START} in it")
    if len({one.name for one in now}) == 1:
        raise BadResponse(f"GET {url}/metrics: there is none of the metrics in it that a program of VictoriaMetrics has")
    age = max(at - started, 1.0)
    return Flow(
        started=started,
        lost={name: total for name in LOSSES if (total := _total(now, name))},
        missed=_total(now, MISSED),
        behind=_behind(now, age),
        refused=[name for name in RELOADS if any(one.name == name and one.value != 1 for one in now)],
        read_only=any(one.name == _READ_ONLY and one.value == 1 for one in now),
        free=_least(now, _FREE),
        least=_least(now, _LIMIT),
    )


def _total(now: Iterable[Metric], name: str) -> float:
    return sum(one.value for one in now if one.name == name)


def _least(now: Iterable[Metric], name: str) -> float | None:
    return min((one.value for one in now if one.name == name), default=None)


def _behind(now: list[Metric], age: float) -> dict[str, float | None]:
    sent = {one.labels.get("url", ""): one.value for one in now if one.name == _SENT}
    found: dict[str, float | None] = {}
    for one in now:
        url = one.labels.get("url", "")
        if one.name == _PENDING and one.value:
            found[excerpt(url, 200)] = one.value / (sent[url] / age) if sent.get(url) else None
    return found


@source(proxied("pods"))
def victoriametrics_growth(
    cluster: Cluster, prometheus_servers: Readings[Server], victoriametrics_servers: Readings[Server], profile: Profile
) -> Readings[Growth]:
    """How much the counters of VictoriaMetrics' programs grew lately, as each store of metrics has them."""
    if not victoriametrics_servers.values:
        return Readings((), victoriametrics_servers.unreadable, victoriametrics_servers.absent)
    window = profile.thresholds.prometheus.window_minutes * 60
    parts = [
        f'label_replace(sum by (namespace, pod) (increase({name}[{window}s])), "read", "{name}", "", "")' for name in (*LOSSES, MISSED)
    ]

    def read(endpoint: Endpoint, _: Server) -> Growth:
        found: dict[str, dict[str, float]] = {}
        for one in query(endpoint, " or ".join(parts)):
            key = place_key(one.labels.get("namespace", ""), one.labels.get("pod", ""))
            found.setdefault(key, {})[one.labels.get("read", "")] = one.value
        return Growth(found)

    return read_each(cluster, profile, able(prometheus_servers, Ability.QUERIES), read)
