"""What queries cost, as Loki's own log has it.

The front end writes a line for each query that it is asked (`msg="executing query" type=range … length=720h0m0s`), and one
when it is done (`caller=metrics.go component=frontend … length= duration= total_bytes= status=`). The parts into which it
splits a query are logged by `component=querier`, and rules by `component=ruler`: neither is a client's query. Of a query that
it refuses because its range is too long, Loki 3.5 writes only the first of the two lines.
"""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.numerals import whole_number
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.logfmt import fields_of, line_time, size_bytes
from clusterprobe.times import duration_seconds

MAX_KEPT = 200
SCHEDULER_QUEUE = "query_scheduler.max_outstanding_requests_per_tenant"
FRONTEND_QUEUE = "frontend.max_outstanding_per_tenant"
TOO_LONG = "the query time range exceeds the limit"
# What may tell who asked: Grafana sends tags, a gateway addresses.
CLIENT_KEYS = ("source", "user", "dashboard_id", "dashboard_title", "panel_id", "sourceIPs", "remote", "user_agent", "header_user_agent")
_TYPES = ("filter", "limited", "metric")


class QueryCost(msgspec.Struct, frozen=True):
    """One query with one range: how often it was asked and done, and what it took. Sizes are bytes, times epoch seconds."""

    query: str
    tenant: str = ""
    client: str = ""
    length_seconds: float = 0.0
    asked: int = 0
    done: int = 0
    failed: int = 0
    seconds_max: float = 0.0
    seconds_total: float = 0.0
    bytes_max: float = 0.0
    first: float = 0.0
    last: float = 0.0

    @property
    def times(self) -> int:
        """Not every version and level writes both lines."""
        return max(self.asked, self.done)

    def plus(self, other: QueryCost) -> QueryCost:
        """Both together, as of one query that several replicas were asked."""
        return QueryCost(
            query=self.query,
            tenant=self.tenant,
            client=other.client or self.client,
            length_seconds=max(self.length_seconds, other.length_seconds),
            asked=self.asked + other.asked,
            done=self.done + other.done,
            failed=self.failed + other.failed,
            seconds_max=max(self.seconds_max, other.seconds_max),
            seconds_total=self.seconds_total + other.seconds_total,
            bytes_max=max(self.bytes_max, other.bytes_max),
            first=min(self.first, other.first),
            last=max(self.last, other.last),
        )

    @property
    def key(self) -> tuple[str, str, int]:
        """The same query with about the same range: dashboards move on, and round to their step."""
        unit = 3600 if self.length_seconds > 7200 else 60
        return self.query, self.tenant, round(self.length_seconds / unit) * unit


def costs_of(lines: list[bytes]) -> list[QueryCost]:
    """The queries of clients that these lines tell of, the longest ranges and the slowest first."""
    found: dict[tuple[str, str, int], QueryCost] = {}
    for line in lines:
        if b"length" in line and (b"metrics.go" in line or b"executing query" in line) and (one := cost_of(line)):
            found[one.key] = found[one.key].plus(one) if one.key in found else one
    return sorted(found.values(), key=lambda one: (-one.seconds_total, -one.length_seconds))[:MAX_KEPT]


def cost_of(line: bytes) -> QueryCost | None:
    """What one line says of a client's query, if it does."""
    fields = fields_of(line.decode("utf-8", "replace").partition(" ")[2].strip())
    length, query, at = duration_seconds(fields.get("length", "")), fields.get("query", ""), line_time(line)
    if length is None or not query or at is None:
        return None
    asked = fields.get("msg") == "executing query"
    if asked and ("component" in fields or fields.get("type") != "range"):
        return None  # a querier's part, or a rule
    if not asked and (fields.get("component") != "frontend" or fields.get("query_type") not in _TYPES):
        return None
    seconds = duration_seconds(fields.get("duration", "")) or 0.0
    status = fields.get("status", "")
    return QueryCost(
        query=excerpt(query, 500),
        tenant=fields.get("org_id", "") or fields.get("orgID", ""),
        client=excerpt(", ".join(f"{key} {fields[key]}" for key in CLIENT_KEYS if fields.get(key)), 200),
        length_seconds=length,
        asked=int(asked),
        done=int(not asked),
        failed=int(status.startswith("5") or status == "499"),
        seconds_max=seconds,
        seconds_total=seconds,
        bytes_max=size_bytes(fields.get("total_bytes", "")) or 0.0,
        first=at,
        last=at,
    )


_SELECTOR = ours(r"\{((?:[^{}\"`]|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)*)\}")
_MATCHER = ours(r"([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*(?:\"((?:[^\"\\]|\\.)*)\"|`([^`]*)`)")
_OPEN = ours(r"\^?\(?(\.[*+]|\.\+\??)\)?\$?")


def selects_everything(query: str) -> bool:
    """Whether one of a query's stream selectors narrows nothing: only patterns that every value fits, or exclusions.

    >>> selects_everything('{namespace=~".+"} |= "x"'), selects_everything('{namespace=~"a|b", pod=~".+"}')
    (True, False)
    """
    return any(all(_is_open(one) for one in _MATCHER.findall(inner)) for inner in _SELECTOR.findall(query) if _MATCHER.search(inner))


def _is_open(matcher: tuple[str, str, str, str]) -> bool:
    _, operator, quoted, raw = matcher
    value = quoted or raw
    return operator.startswith("!") or (operator == "=~" and bool(_OPEN.fullmatch(value))) or not value


# --- limits -----------------------------------------------------------------------------------------------------------


class QueryLimits(msgspec.Struct, frozen=True):
    """A replica's limits for tenants without their own; seconds, 0 for none. Of the two queues: requests, 0 where it was not read."""

    max_query_length: float
    query_timeout: float
    split_interval: float
    scheduler_queue: int = 0
    frontend_queue: int = 0


@source(proxied("pods"))
def loki_query_limits(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[QueryLimits]:
    """A few numbers of every replica's configuration; nothing else of it is kept."""
    return read_each(cluster, profile, loki_servers, lambda endpoint, _: _limits(endpoint))


def _limits(endpoint: Endpoint) -> QueryLimits:
    text = endpoint.get("/config", seconds=15, limit_bytes=bodies.OBJECT).body.decode("utf-8", "replace")
    keys = ("max_query_length", "query_timeout", "split_queries_by_interval")
    values = [ours(rf"(?m)^  {key}: (\S+)$").search(text) for key in keys]
    seconds = [duration_seconds(one[1]) if one else None for one in values]
    if seconds[0] is None:
        raise BadResponse(f"GET {endpoint.url}/config: there is no max_query_length in it")
    return QueryLimits(
        seconds[0],
        seconds[1] or 0.0,
        seconds[2] or 0.0,
        _queue(text, SCHEDULER_QUEUE),
        _queue(text, FRONTEND_QUEUE),
    )


def _queue(text: str, setting: str) -> int:
    section, _, key = setting.partition(".")
    found = ours(rf"(?m)^{section}:\n(?:  .*\n)*?  {key}: (\d+)$").search(text)
    return (whole_number(found[1]) or 0) if found else 0
