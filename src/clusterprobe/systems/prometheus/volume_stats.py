"""How full volumes are, as the kubelets measure it and a Prometheus has stored it."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.queries import Regex, matchers
from clusterprobe.systems.prometheus.query import Sample, query

GROWTH_SECONDS = 6 * 3600  # over which growth is taken: as long as the alerts of kubernetes-mixin look back
_PREFIX = "kubelet_volume_stats_"
_AVAILABLE = f"{_PREFIX}available_bytes"
NOW = matchers({"__name__": Regex(f"{_PREFIX}(available_bytes|capacity_bytes|inodes|inodes_free)")})
BEFORE = f"{matchers({'__name__': _AVAILABLE})} offset {GROWTH_SECONDS}s"


class VolumeUse(msgspec.Struct, frozen=True):
    """What the file system of a mounted PVC has and has left, in bytes and inodes; None where that is not measured.

    `available_before` is what it had left `GROWTH_SECONDS` earlier. The numbers are those of the whole file system, be it shared or not.
    """

    namespace: str
    claim: str
    capacity: float
    available: float
    inodes: float | None = None
    inodes_free: float | None = None
    available_before: float | None = None


class VolumeStats(msgspec.Struct, frozen=True):
    """What one Prometheus has stored of volumes; of none, where it does not scrape kubelets."""

    volumes: list[VolumeUse]


@source(proxied("pods"))
def prometheus_volume_stats(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[VolumeStats]:
    """How full the volumes are that every replica of every Prometheus knows of."""

    def read(endpoint: Endpoint, _: Server) -> VolumeStats:
        now = query(endpoint, NOW)
        return VolumeStats(volumes_of(now, query(endpoint, BEFORE) if now else []))

    return read_each(cluster, profile, prometheus_servers, read)


def volumes_of(now: list[Sample], before: list[Sample]) -> list[VolumeUse]:
    """A volume for each claim of which size and space are known. Of several series of one, as of several nodes, the least counts."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for one in now:
        _least(found[_claim(one)], one.labels.get("__name__", "").removeprefix(_PREFIX), one.value)
    for one in before:
        _least(found[_claim(one)], "before", one.value)
    return [
        VolumeUse(
            *(namespace, name, each["capacity_bytes"], each["available_bytes"]),
            *(each.get("inodes"), each.get("inodes_free"), each.get("before")),
        )
        for (namespace, name), each in sorted(found.items())
        if namespace and name and each.get("capacity_bytes", 0) > 0 and "available_bytes" in each
    ]


def _claim(one: Sample) -> tuple[str, str]:
    """Where labels of targets win, the claim's own namespace has another name."""
    return one.labels.get("exported_namespace") or one.labels.get("namespace", ""), one.labels.get("persistentvolumeclaim", "")


def _least(values: dict[str, float], name: str, value: float) -> None:
    values[name] = min(value, values.get(name, value))
