"""Loki's ruler: which log alerts it has loaded, how their evaluation goes, and where it sends what fires.

Everything is read from each replica that runs the module `ruler` (`/services` tells). Where the alerts go is told by the
labels of its counters, so that its configuration, which may hold credentials, is never read.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import decode, is_page
from clusterprobe.access.servers import Server, read_each, tenants_of
from clusterprobe.access.urls import place_of, without_user
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, whole
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.loki.sources import QUERY_SECONDS

LOADED = "/prometheus/api/v1/rules"
STORED = "/loki/api/v1/rules"
MAX_FIRING = 50  # of one rule: enough to see whether they arrive
DISCOVERED = "loki_prometheus_notifications_alertmanagers_discovered"
SENT = "loki_prometheus_notifications_sent_total"
FAILED = "loki_prometheus_notifications_errors_total"
DROPPED = "loki_prometheus_notifications_dropped_total"
RELOADED = "loki_ruler_config_last_reload_successful"


class Firing(msgspec.Struct, frozen=True):
    """An alert that the ruler says fires, since when (RFC 3339)."""

    labels: dict[str, str]
    active_at: str = ""


class LogRule(msgspec.Struct, frozen=True):
    """A rule as it was loaded; `health` is ok, err or unknown (not evaluated yet)."""

    name: str
    group: str
    file: str
    alerting: bool
    health: str
    error: str = ""
    firing: list[Firing] = []


class Receiver(msgspec.Struct, frozen=True):
    """An Alertmanager that a ruler sends to, as the ruler's counters since its start have it."""

    address: str
    sent: int = 0
    failed: int = 0

    @property
    def accepted(self) -> int:
        """Every attempt counts as sent, those that failed as well."""
        return self.sent - self.failed

    @property
    def host(self) -> str:
        return place_of(self.address)[0] or self.address


class Ruler(msgspec.Struct, frozen=True):
    """One replica. `stored_error` is why its rule files cannot be read; `known` are the Alertmanagers it has, by its own count."""

    namespace: str
    release: str
    runs: bool
    rules: list[LogRule] = []
    stored_error: str = ""
    reload_failed: list[str] = []  # tenants
    known: int = 0
    receivers: list[Receiver] = []
    dropped: int = 0


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    state: str
    active_at: str = ""


class _Rule(msgspec.Struct, rename="camel"):
    name: str
    health: str
    type: str
    last_error: str = ""
    alerts: list[_Alert] | None = None


class _Group(msgspec.Struct):
    name: str
    file: str
    rules: list[_Rule] | None = None


class _Groups(msgspec.Struct):
    groups: list[_Group] | None = None


class _Answer(Answer):
    data: _Groups | None = None


@source(proxied("pods"))
def loki_rulers(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[Ruler]:
    """What the ruler of every Loki replica has loaded, and what became of what it sent."""
    return read_each(cluster, profile, loki_servers, lambda endpoint, server: read_ruler(endpoint, server, tenants_of(profile, server)))


def read_ruler(endpoint: Endpoint, server: Server, tenants: Sequence[str] = ()) -> Ruler:
    """One replica's ruler, with the rules of these tenants. That it has none is said only if Loki itself lists its modules without it."""
    runs = _runs_ruler(endpoint)
    if runs is False:
        _confirm_absence(endpoint)
        return Ruler(server.namespace, server.name, runs=False)
    ways = [endpoint.as_tenant(one) for one in tenants] or [endpoint]
    rules = [rule for way in ways for rule in _loaded(way)]
    metrics = samples_of(endpoint, {DISCOVERED, SENT, FAILED, DROPPED, RELOADED}, seconds=QUERY_SECONDS)
    if odd := [one.value for one in metrics if one.name == RELOADED and one.value not in (0, 1)]:
        raise BadResponse(f"GET {endpoint.url}/metrics: {RELOADED} is {odd[0]:g}, neither 0 nor 1")
    return Ruler(
        namespace=server.namespace,
        release=server.name,
        runs=True,
        rules=rules,
        stored_error=next((error for way in ways if (error := _stored_error(way))), ""),
        reload_failed=sorted(one.labels.get("user", "") for one in metrics if one.name == RELOADED and one.value == 0),
        known=int(max((one.value for one in metrics if one.name == DISCOVERED), default=0)),
        receivers=_receivers(metrics),
        dropped=int(sum(one.value for one in metrics if one.name == DROPPED)),
    )


_MODULE = ours(r"(?m)^([\w-]+) => \w+$")


def _runs_ruler(endpoint: Endpoint) -> bool | None:
    """Whether the module is among those that `/services` lists; None where that page is not to be had (a gateway)."""
    answer = endpoint.get("/services", seconds=QUERY_SECONDS, accept=(200, 404))
    if answer.status == 404:
        return None
    modules = _MODULE.findall(answer.body[:10_000].decode("utf-8", "replace"))
    if "server" not in modules:
        raise BadResponse(f"GET {endpoint.url}/services: the answer is not Loki's list of modules")
    return "ruler" in modules


def _confirm_absence(endpoint: Endpoint) -> None:
    """The list of modules has no end mark, so that half of it looks like a whole one: its rules must not be served either."""
    if endpoint.get(LOADED, seconds=QUERY_SECONDS, accept=(200, 404), whole=False).status != 404:
        raise BadResponse(f"GET {endpoint.url}/services: the module `ruler` is not in it, and yet {LOADED} answers")


def _loaded(endpoint: Endpoint) -> list[LogRule]:
    what = f"GET {endpoint.url}{LOADED}"
    answer = decode(endpoint.get(LOADED, seconds=QUERY_SECONDS, limit_bytes=bodies.QUERY), _Answer, what)
    data = whole(answer, what).data
    if data is None or data.groups is None or any(group.rules is None for group in data.groups):
        raise BadResponse(f"{what}: a list is null, where Loki writes an empty one")
    return [_rule(group, one) for group in data.groups for one in group.rules or []]


def _rule(group: _Group, one: _Rule) -> LogRule:
    firing = [Firing(alert.labels, alert.active_at) for alert in one.alerts or [] if alert.state == "firing"]
    return LogRule(
        name=one.name,
        group=group.name,
        file=group.file,
        alerting=one.type == "alerting",
        health=one.health,
        error=excerpt(one.last_error, 400),
        firing=firing[:MAX_FIRING],
    )


def _stored_error(endpoint: Endpoint) -> str:
    """Why the rule files cannot be read; empty if they can, or if there are none."""
    answer = endpoint.get(STORED, seconds=QUERY_SECONDS, accept=(200, 400, 404), whole=False)
    text = answer.body[:2000].decode("utf-8", "replace").strip()
    if answer.status != 400 or text.endswith("no such file or directory"):
        return ""
    if is_page(text):
        raise BadResponse(f"GET {endpoint.url}{STORED}: an HTML page (a login page?)")
    return excerpt(text, 400)


def _receivers(metrics: list[Metric]) -> list[Receiver]:
    """By address, without whatever credentials an address may carry."""
    counted: dict[str, dict[str, int]] = {}
    for one in metrics:
        if "alertmanager" in one.labels:
            counts = counted.setdefault(_plain(one.labels["alertmanager"]), {})
            counts[one.name] = counts.get(one.name, 0) + int(one.value)
    return [Receiver(address, counts.get(SENT, 0), counts.get(FAILED, 0)) for address, counts in sorted(counted.items())]


def _plain(address: str) -> str:
    return without_user(address).removesuffix("/api/v2/alerts").removesuffix("/api/v1/alerts")
