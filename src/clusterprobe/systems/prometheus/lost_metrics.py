"""Metrics that alerting rules ask for, that had series a day ago and have none now: asked by name, some at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.queries import any_of, matchers
from clusterprobe.systems.prometheus.alerting import LoadedRules
from clusterprobe.systems.prometheus.query import query

BACK_SECONDS = 86400
NAMES_A_QUERY = 50  # so that an address stays below what proxies take
MAX_NAMES = 1000  # more are not looked for


class Lost(msgspec.Struct, frozen=True):
    """A metric without a series now, and the jobs that had some a day ago, with whether anything of that job is scraped now."""

    metric: str
    jobs: dict[str, bool]


class LostMetrics(msgspec.Struct, frozen=True):
    """What of the metrics that one replica's alerting rules ask for was lost since a day ago. `asked` is how many there are."""

    asked: int
    lost: list[Lost]


@source(proxied("pods"))
def prometheus_lost_metrics(
    cluster: Cluster, prometheus_servers: Readings[Server], prometheus_loaded_rules: Readings[LoadedRules], profile: Profile
) -> Readings[LostMetrics]:
    """The metrics of alerting rules that every replica has lost since a day ago."""
    rules = dict(prometheus_loaded_rules)
    known: Collector[Server] = Collector(unreadable=[*prometheus_servers.unreadable, *prometheus_loaded_rules.unreadable])
    asked: dict[Server, list[str]] = {}
    for subject, server in prometheus_servers:
        if subject in rules:
            known.add(subject, server)
            asked[server] = names_of(rules[subject])

    def read(endpoint: Endpoint, server: Server) -> LostMetrics:
        names = asked[server]
        there = {name for some in _portions(names) for name in _series(endpoint, some, "__name__")}
        missing = [one for one in names if one not in there]
        return LostMetrics(len(names), _lost(endpoint, missing) if missing else [])

    return read_each(cluster, profile, known.readings(prometheus_servers.absent), read)


def names_of(rules: LoadedRules) -> list[str]:
    """The metrics that the alerting rules of a Prometheus ask for, in order."""
    return sorted({name for file in rules.files for one in file.alerting for name in one.metrics or []})[:MAX_NAMES]


def _lost(endpoint: Endpoint, missing: list[str]) -> list[Lost]:
    before: dict[str, set[str]] = {}
    for some in _portions(missing):
        for one in query(endpoint, f"group by (__name__, job) ({_selector(some)} offset {BACK_SECONDS}s)"):
            if (name := one.labels.get("__name__", "")) in some:
                before.setdefault(name, set()).add(one.labels.get("job", ""))
    if not before:
        return []
    scraped = {one.labels.get("job", "") for one in query(endpoint, "group by (job) (up)")}
    return [Lost(name, {job: job in scraped for job in sorted(jobs)}) for name, jobs in sorted(before.items())]


def _series(endpoint: Endpoint, names: Collection[str], label: str) -> Iterator[str]:
    return (one.labels.get(label, "") for one in query(endpoint, f"group by ({label}) ({_selector(names)})"))


def _selector(names: Collection[str]) -> str:
    return matchers({"__name__": any_of(names)})


def _portions(names: list[str]) -> Iterator[list[str]]:
    return (names[begin : begin + NAMES_A_QUERY] for begin in range(0, len(names), NAMES_A_QUERY))
