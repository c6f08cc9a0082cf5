"""Grafana by its HTTP API: whether it is well, its data sources, and what its dashboards and alert rules ask Loki.

Everything but `/api/health` needs credentials, which only an address in the profile can carry: the API server's proxy strips
them. The shapes follow the documented API (grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api).
"""

from __future__ import annotations

from typing import Any

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import decode
from clusterprobe.access.servers import Server, has_credentials, read_each
from clusterprobe.access.urls import UrlPath, without_user
from clusterprobe.errors import BadResponse, NotFound, Unreadable
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.grafana.queries import Board, board_of, board_of_rule

GIVE_CREDENTIALS = (
    "its data sources, dashboards and alert rules need credentials: name its address under `endpoints:` in the profile "
    "(system: grafana) with bearer_token_env or basic, of a service account with the role Viewer, and Admin for data sources"
)
NONE_WITH_CREDENTIALS = "the profile gives credentials of no Grafana"
MAX_DASHBOARDS = 200
MAX_DATASOURCES = 30
PAGE = 1000


class Health(msgspec.Struct, frozen=True):
    """What `/api/health` says: the state of Grafana's own database (`ok`, or what is wrong), and its version."""

    database: str
    version: str = ""


class Datasource(msgspec.Struct, frozen=True, kw_only=True):
    """A data source without anything secret. `health` is empty where it was not asked, else `OK` or what Grafana says."""

    name: str
    type: str
    url: str = ""
    uid: str = ""
    default: bool = False
    access: str = ""
    organization: int = 1
    health: str = ""


class Datasources(msgspec.Struct, frozen=True):
    """The data sources of one Grafana or one file; `skipped` is how many were not asked whether they answer."""

    items: list[Datasource]
    skipped: int = 0


class Boards(msgspec.Struct, frozen=True):
    """Dashboards or alert rules, as far as they ask Loki; `skipped` were not read, `failed` says why others were not."""

    boards: list[Board]
    skipped: int = 0
    failed: list[str] = []


class Notifications(msgspec.Struct, frozen=True):
    """The notifications of Grafana's own alerts since `started` (epoch seconds), and how many of them failed, by kind of contact point."""

    started: float
    sent: dict[str, float]
    failed: dict[str, float]

    @property
    def lost(self) -> list[str]:
        """The kinds of which every notification failed."""
        return sorted(kind for kind, count in self.sent.items() if count and self.failed.get(kind, 0.0) >= count)


def _open(servers: Readings[Server], profile: Profile) -> Readings[Server]:
    return servers.keep(lambda _, server: has_credentials(server, profile), NONE_WITH_CREDENTIALS)


@source(proxied("pods"))
def grafana_health(cluster: Cluster, grafana_servers: Readings[Server], profile: Profile) -> Readings[Health]:
    """Whether every Grafana reaches its own database; needs no credentials."""
    return read_each(cluster, profile, grafana_servers, lambda endpoint, _: _health(endpoint))


def _health(endpoint: Endpoint) -> Health:
    what = f"GET {endpoint.url}/api/health"
    # With its database down it answers 503 and the same JSON, `database: failing`. A proxy's 503 has no such key.
    answer = endpoint.get("/api/health", accept=(200, 503))
    health = decode(answer, Health, what)
    if (answer.status == 200) != (health.database == "ok"):
        raise BadResponse(f"{what}: HTTP {answer.status} with `database: {health.database[:50]}`: not Grafana's answer")
    return health


# --- its own alerts ---------------------------------------------------------------------------------------------------

_SENT, _FAILED = "grafana_alerting_notifications_total", "grafana_alerting_notifications_failed_total"
_STARTED = "process_start_time_seconds"


@source(proxied("pods"))
def grafana_notifications(cluster: Cluster, grafana_servers: Readings[Server], profile: Profile) -> Readings[Notifications]:
    """What became of the notifications of the alerts that every Grafana evaluates itself; by default its metrics need no credentials."""
    return read_each(cluster, profile, grafana_servers, lambda endpoint, _: _notifications(endpoint))


def _notifications(endpoint: Endpoint) -> Notifications:
    found = samples_of(endpoint, {_SENT, _FAILED, _STARTED})
    started = next((one.value for one in found if one.name == _STARTED), 0.0)
    if not started:
        raise BadResponse(f"GET {endpoint.url}/metrics: there is no {_STARTED} in it")
    counts: dict[str, dict[str, float]] = {_SENT: {}, _FAILED: {}}
    for one in found:
        if one.name in counts:
            kinds, kind = counts[one.name], one.labels.get("integration", "")
            kinds[kind] = kinds.get(kind, 0.0) + one.value
    return Notifications(started, counts[_SENT], counts[_FAILED])


# --- data sources -----------------------------------------------------------------------------------------------------


class _Datasource(msgspec.Struct, rename="camel"):
    name: str
    type: str
    url: str = ""
    uid: str = ""
    is_default: bool = False
    access: str = ""
    org_id: int = 1


class _DatasourceHealth(msgspec.Struct):
    status: str
    message: str = ""


@source()
def grafana_datasources(cluster: Cluster, grafana_servers: Readings[Server], profile: Profile) -> Readings[Datasources]:
    """The data sources of every Grafana that the profile has credentials of, and whether each answers."""

    def read(endpoint: Endpoint, _: Server) -> Datasources:
        listed = endpoint.json("/api/datasources", list[_Datasource], limit_bytes=bodies.OBJECT)
        found = [_with_health(endpoint, one, asked=number < MAX_DATASOURCES) for number, one in enumerate(listed)]
        return Datasources(found, sum(number >= MAX_DATASOURCES or not one.uid for number, one in enumerate(listed)))

    return read_each(cluster, profile, _open(grafana_servers, profile), read)


def _with_health(endpoint: Endpoint, one: _Datasource, *, asked: bool) -> Datasource:
    health = _datasource_health(endpoint, one.uid) if asked and one.uid else ""
    return Datasource(
        name=one.name,
        type=one.type,
        url=without_user(one.url),
        uid=one.uid,
        default=one.is_default,
        access=one.access,
        organization=one.org_id,
        health=health,
    )


def _datasource_health(endpoint: Endpoint, uid: str) -> str:
    """`OK`, what is wrong, or nothing where the plugin has no health check (404)."""
    path = UrlPath.of("api", "datasources", "uid", uid, "health")
    try:
        answer = endpoint.get(path, accept=(200, 400, 500))
    except NotFound:
        return ""
    health = decode(answer, _DatasourceHealth, f"GET {endpoint.url}{path}")
    if not health.status:
        raise BadResponse(f"GET {endpoint.url}{path}: it does not say how the data source is")
    return "OK" if health.status.upper() == "OK" else health.message[:300] or health.status


# --- what is asked of Loki --------------------------------------------------------------------------------------------


class _Hit(msgspec.Struct):
    uid: str
    title: str = ""


class _Dashboard(msgspec.Struct):
    dashboard: dict[str, Any]


@source()
def grafana_dashboards(cluster: Cluster, grafana_servers: Readings[Server], profile: Profile) -> Readings[Boards]:
    """What the dashboards of every Grafana that the profile has credentials of ask Loki."""
    return read_each(cluster, profile, _open(grafana_servers, profile), lambda endpoint, _: _dashboards(endpoint))


def _dashboards(endpoint: Endpoint) -> Boards:
    hits: list[_Hit] = []
    for page in range(1, 6):
        more = endpoint.json("/api/search", list[_Hit], {"type": "dash-db", "limit": PAGE, "page": page}, limit_bytes=bodies.OBJECT)
        hits += more
        if len(more) < PAGE:
            break
    boards, failed = [], []
    for hit in hits[:MAX_DASHBOARDS]:
        try:
            path = UrlPath.of("api", "dashboards", "uid", hit.uid)
            boards.append(board_of(endpoint.json(path, _Dashboard, limit_bytes=bodies.OBJECT).dashboard))
        except Unreadable as error:
            failed.append(f"{hit.title or hit.uid}: {error}")
    return Boards(boards, max(0, len(hits) - MAX_DASHBOARDS), failed)


@source()
def grafana_alert_rules(cluster: Cluster, grafana_servers: Readings[Server], profile: Profile) -> Readings[Boards]:
    """What the alert rules of every Grafana that the profile has credentials of ask Loki."""

    def read(endpoint: Endpoint, _: Server) -> Boards:
        types = {one.uid: one.type for one in endpoint.json("/api/datasources", list[_Datasource], limit_bytes=bodies.OBJECT)}
        rules = endpoint.json("/api/v1/provisioning/alert-rules", list[dict[str, Any]], limit_bytes=bodies.PAGE)
        return Boards([board_of_rule(one, types) for one in rules])

    return read_each(cluster, profile, _open(grafana_servers, profile), read)
