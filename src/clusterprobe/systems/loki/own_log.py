"""What Loki's own log says of log queries that were sent to the instant endpoint.

The log is read from the API server (`pods/log`), not asked of Loki: it is there when Loki cannot answer, when no agent
collects Loki's own lines, and whatever the tenant and the labels are; the window is exact; and asking leaves no trace in
the very log that is searched (Loki logs the text of every query that it runs).

Two kinds of line are proof. The refusal itself, `log queries are not supported as an instant query type…`, where a
deployment logs it. And, since the query path of a single binary (seen with 3.5.0, at level info and debug) answers the
client with that sentence but writes only what it was asked, the front end's line `msg="executing query" type=instant
query="{…}"`: from 3.2.0 on each such query is refused. A query that does not parse never gets as far as that line, and
an instant *metric* query is told by its text, which does not begin with a stream selector.
"""

from __future__ import annotations

import itertools
import statistics

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.known_systems import LOKI
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.formats.logfmt import fields_of, line_time
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.loki.query_costs import CLIENT_KEYS, QueryCost, costs_of
from clusterprobe.systems.loki.query_refusals import RefusedQueries, refused_of

REFUSAL = "log queries are not supported as an instant query type"
MAX_LINES = 10_000
MAX_KEPT = 500
MAX_QUERY = 500  # characters that are kept of a query
# Components of a distributed Loki that answer no queries of clients.
ASIDE = ours(r"(gateway|canary|write|backend|ingester|distributor|compactor|index-gateway|ruler|query-scheduler|memcached|bloom|test).*")


class Refusal(msgspec.Struct, frozen=True):
    """One log query on the instant endpoint. `said` tells whether the line is the refusal itself; `time` is epoch seconds."""

    time: float
    query: str = ""
    tenant: str = ""
    client: str = ""
    said: bool = False


class LokiLog(msgspec.Struct, frozen=True):
    """What was read of a pod's log: how many lines, from when to when, and whether as many as were asked for at most.

    `informs` tells whether there are lines of level info, without which nothing is logged of queries.
    """

    namespace: str
    release: str
    lines: int
    first: float
    last: float
    full: bool
    informs: bool
    refusals: list[Refusal]
    costs: list[QueryCost] = []
    refused: list[RefusedQueries] = []


@source(Call("get", "pods/log"))
def loki_refused_instant_queries(cluster: Cluster, system_pods: Readings[SystemPod], profile: Profile) -> Readings[LokiLog]:
    """The log queries on the instant endpoint that the log of every Loki pod shows within the window."""
    seconds = profile.thresholds.loki.window_minutes * 60
    lokis = of_system(system_pods, LOKI)
    found: Collector[LokiLog] = Collector(unreadable=list(lokis.unreadable))
    asked: Collector[SystemPod] = Collector()
    for one in lokis.items:
        if ASIDE.fullmatch(one.part):
            continue
        subject = PODS.subject(one.pod.metadata.namespace, one.pod.metadata.name)
        if one.pod.running:
            asked.add(subject, one)
        else:
            found.fail(subject, "the pod does not run, so its log says nothing of now")
    read = cluster.each(asked.readings(), lambda _, one: _log(cluster, one, seconds))
    return Readings(read.values, (*found.unreadable, *read.unreadable), lokis.absent)


def pods_of(logs: Readings[LokiLog], namespace: str, release: str) -> list[str]:
    """The names of the pods whose log was read of one Loki."""
    return [subject.name for subject, log in logs if (log.namespace, log.release) == (namespace, release)]


def _log(cluster: Cluster, one: SystemPod, seconds: int) -> LokiLog:
    namespace, name = one.pod.metadata.namespace, one.pod.metadata.name
    query = {"container": one.container, "sinceSeconds": seconds, "tailLines": MAX_LINES, "timestamps": "true"}
    answer = cluster.log(PODS.path(namespace, name), namespace, one.pod.spec.node_name, query)
    return parse_log(namespace, one.name, answer.body)


def parse_log(namespace: str, release: str, body: bytes) -> LokiLog:
    """A log with the kubelet's time before every line."""
    lines = [line for line in body.split(b"\n") if line]
    times = [at for line in (lines[:1] + lines[-1:]) if (at := line_time(line)) is not None]
    if lines and len(times) != len(lines[:1] + lines[-1:]):
        raise BadResponse(f"the log of a Loki pod in {namespace} is not lines that begin with a time")
    if body and not body.endswith(b"\n"):
        raise BadResponse(f"the log of a Loki pod in {namespace} ends within a line")
    refusals = [one for line in lines if b"instant" in line and (one := parse_line(line.decode("utf-8", "replace")))]
    return LokiLog(
        namespace=namespace,
        release=release,
        lines=len(lines),
        first=times[0] if times else 0.0,
        last=times[-1] if times else 0.0,
        full=len(lines) >= MAX_LINES,
        informs=any(b"level=info" in line or b'"level":"info"' in line for line in lines),
        refusals=refusals[-MAX_KEPT:],
        costs=costs_of(lines),
        refused=refused_of(lines),
    )


def parse_line(line: str) -> Refusal | None:
    """The log query on the instant endpoint that a line proves, if it proves one."""
    at = line_time(line.encode())
    fields = fields_of(line.partition(" ")[2].strip())
    # Somebody who searches the log for the sentence has it in `query`: only where Loki itself speaks does it count.
    said = any(REFUSAL in fields.get(key, "") for key in ("err", "error", "msg", "message"))
    if fields.get("msg") == "executing query":
        said = False
        if fields.get("type") != "instant" or fields.get("component") == "querier" or not is_log_query(fields.get("query", "")):
            return None
    elif not said:
        return None
    client = ", ".join(f"{key} {fields[key]}" for key in CLIENT_KEYS if fields.get(key))
    query = excerpt(fields.get("query", ""), 500)
    return Refusal(at or 0.0, query, fields.get("org_id", "") or fields.get("orgID", ""), excerpt(client, 200), said)


_BEFORE = ours(r"(?:\s|\(|#[^\n]*(?:\n|\z))*")


def is_log_query(query: str) -> bool:
    """Whether a LogQL text asks for lines: it begins with a stream selector, where every metric query begins with a name or number.

    >>> is_log_query('{namespace="a"} |= "x"'), is_log_query('count_overline_time({namespace="a"}[5m])')
    (True, False)
    """
    match = _BEFORE.match(query)
    return query[match.end() if match else 0 :].startswith("{")


def still_asked(seen: list[Refusal], now: float, seconds: float) -> bool:
    """Whether a query goes on: its newest is no older than that many seconds, or than twice its usual interval if that is longer."""
    times = sorted(one.time for one in seen)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return now - times[-1] <= max(seconds, 2 * statistics.median(gaps) if gaps else 0.0)
