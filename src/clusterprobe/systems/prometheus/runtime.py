"""Since when a server runs, and with its configuration: as a Prometheus says it, or by the metrics of VictoriaMetrics."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, asked
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.prometheus.dialects import VICTORIAMETRICS, Ability, able

START = "process_start_time_seconds"
UNTYPED = f"\n{START}".encode()
"""What each page of VictoriaMetrics' metrics has, which has no types."""
_LOADED = ("vm_promscrape_config_last_reload_success_timestamp_seconds", "vmalert_config_last_reload_success_timestamp_seconds")
_SUCCESS = ("vm_promscrape_config_last_reload_successful", "vmalert_config_last_reload_successful")


class Runtime(msgspec.Struct, frozen=True, rename="camel"):
    """What a Prometheus says of itself; times are RFC 3339."""

    start_time: str = ""
    last_config_time: str = ""
    reload_config_success: bool = True
    corruption_count: int = 0
    storage_retention: str = ""


class _RuntimeAnswer(Answer):
    data: Runtime | None = None


@source(proxied("pods"))
def prometheus_runtime(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Runtime]:
    """Since when every replica runs, and runs with its configuration."""

    def read(endpoint: Endpoint, server: Server) -> Runtime:
        if server.dialect in VICTORIAMETRICS:
            return _by_metrics(endpoint)
        data = asked(endpoint, "/api/v1/status/runtimeinfo", _RuntimeAnswer).data
        if data is None or not data.start_time:
            raise BadResponse(f"{endpoint.url}/api/v1/status/runtimeinfo: it does not say since when it runs")
        return data

    return read_each(cluster, profile, able(metric_servers, Ability.STATE), read)


def _by_metrics(endpoint: Endpoint) -> Runtime:
    """The times of a program of VictoriaMetrics; one without a configuration of its own has only its start."""
    found = {one.name: one.value for one in samples_of(endpoint, {START, *_LOADED, *_SUCCESS}, mark=UNTYPED)}
    if not found.get(START):
        raise BadResponse(f"GET {endpoint.url}/metrics: there is no {START} in it")
    loaded = next((found[one] for one in _LOADED if found.get(one)), 0.0)
    return Runtime(
        start_time=_moment(found[START]),
        last_config_time=_moment(loaded) if loaded else "",
        reload_config_success=all(found[one] == 1 for one in _SUCCESS if one in found),
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(min(max(seconds, 0.0), 4e9), UTC).isoformat()
