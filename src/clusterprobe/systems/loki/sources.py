"""Loki: whether it is ready, whether it gives back what runs, and which queries it refuses."""

from __future__ import annotations

import time

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import decode, if_page
from clusterprobe.access.servers import Server, read_each
from clusterprobe.access.urls import UrlPath
from clusterprobe.decoding import from_json
from clusterprobe.environments import Environments
from clusterprobe.errors import BadResponse, Unreachable, Unreadable
from clusterprobe.fixes import shell
from clusterprobe.model import Command
from clusterprobe.numerals import whole_number
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, Whole, whole
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.formats.queries import matchers
from clusterprobe.systems.kubernetes.looking import asked_again
from clusterprobe.systems.kubernetes.objects import Namespace, Pod

API = UrlPath.of("loki", "api", "v1")
QUERY_SECONDS = 15.0


# --- per replica ------------------------------------------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True):
    """What `/ready` says; `message` is Loki's reason where it is not."""

    ready: bool
    message: str = ""


@source(proxied("pods"))
def loki_ready(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[Ready]:
    """Whether every replica says that it is ready."""
    return read_each(cluster, profile, loki_servers, lambda endpoint, _: _ready(endpoint))


def _ready(endpoint: Endpoint) -> Ready:
    what = f"GET {endpoint.url}/ready"
    answer = endpoint.get("/ready", seconds=QUERY_SECONDS, accept=(200, 503))
    text = answer.body[:1000].decode("utf-8", "replace").strip()
    if answer.status == 200:
        if not text.lower().startswith("ready"):
            raise BadResponse(f"{what}: status 200, but the answer is not Loki's" + if_page(text))
        return Ready(ready=True)
    # Proxies on the way answer 503 as well: with a page, with JSON, or in words of their own.
    words = ("not ready", "not running", "stopping", "waiting for")
    if text.startswith(("<", "{")) or not any(word in text.lower() for word in words):
        raise Unreachable(f"{what}: HTTP 503, but not from Loki" + if_page(text))
    return Ready(ready=False, message=text[:300])


class Build(msgspec.Struct, frozen=True):
    """A replica's version, as in `3.5.0`."""

    version: str

    @property
    def refuses_instant_log_queries(self) -> bool | None:
        """Since 3.2.0 it does; None for a version that is no release's."""
        parts = self.version.removeprefix("v").split(".")
        major, minor = (whole_number(one) for one in [*parts, "", ""][:2])
        return None if major is None or minor is None else (major, minor) >= (3, 2)


@source(proxied("pods"))
def loki_build(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[Build]:
    """The version of every replica."""
    path = API / "status" / "buildinfo"
    return read_each(cluster, profile, loki_servers, lambda endpoint, _: endpoint.json(path, Build, seconds=QUERY_SECONDS))


class Instants(msgspec.Struct, frozen=True):
    """Requests to the instant endpoint since a replica started: all, and those that were answered with 400."""

    asked: int
    refused: int


COUNTER = "loki_request_duration_seconds_count"


@source(proxied("pods"))
def loki_instant_counters(cluster: Cluster, loki_servers: Readings[Server], profile: Profile) -> Readings[Instants]:
    """How many instant queries every replica was asked and refused; parse errors are among the refused."""

    def read(endpoint: Endpoint, _: Server) -> Instants:
        found = samples_of(endpoint, {COUNTER})
        if not found:
            raise BadResponse(f"GET {endpoint.url}/metrics: there is no {COUNTER} in it")
        instant = [one for one in found if one.labels.get("route") == "loki_api_v1_query" and one.labels.get("method") != "gRPC"]
        refused = sum(one.value for one in instant if one.labels.get("status_code") == "400")
        # 500 is counted besides, inside the same process, for what the outside is told as 400.
        return Instants(asked=int(sum(one.value for one in instant if one.labels.get("status_code") != "500")), refused=int(refused))

    return read_each(cluster, profile, loki_servers, read)


# --- recent lines -----------------------------------------------------------------------------------------------------

NAMESPACE_LABELS = ("namespace", "kubernetes_namespace_name", "k8s_namespace_name", "kubernetes_namespace")
KUBERNETES_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
MAX_NAMESPACES = 12
LIMIT = 5


class Searched(msgspec.Struct, frozen=True):
    """What one namespace's query gave: how many lines up to the limit, and when the newest was written (epoch seconds).

    `error` says why it gave nothing at all; `seconds` is how long the answer took.
    """

    namespace: str
    query: str
    lines: int = 0
    newest: float = 0.0
    seconds: float = 0.0
    error: str = ""


class RecentLines(msgspec.Struct, frozen=True):
    """The queries made of one Loki, all between the same two moments (nanoseconds); no line is kept.

    `label` is the one that carries the namespace, empty if none of `labels` is known to. `skipped` are namespaces not asked.
    """

    start: int
    end: int
    label: str
    labels: list[str]
    searched: list[Searched]
    skipped: int = 0


class _Labels(Answer):
    data: list[str] | None = None


class _Stream(msgspec.Struct):
    values: list[list[msgspec.Raw]]


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Stream]


class _Lines(Answer, kw_only=True):
    data: _Data


@source(proxied("services"))
def loki_recent_lines(
    cluster: Cluster, loki_queriers: Readings[Server], pods: Readings[Pod], namespaces: Readings[Namespace], profile: Profile
) -> Readings[RecentLines]:
    """Whether each Loki gives back recent lines of the namespaces that have running pods, those of environments first."""
    wanted = workload_namespaces(pods, Environments(profile, namespaces.items))

    def read(endpoint: Endpoint, _: Server) -> RecentLines:
        end = int(cluster.now() * 1e9)
        start = end - profile.thresholds.loki.window_minutes * 60 * 10**9
        labels = _labels(endpoint, start, end)
        label = next((one for one in NAMESPACE_LABELS if one in labels), "")
        asked = wanted[:MAX_NAMESPACES] if label else []
        searched = [_search(endpoint, name, matchers({label: name}), start, end) for name in asked]
        return RecentLines(start, end, label, labels[:50], searched, len(wanted) - len(asked) if label else 0)

    return read_each(cluster, profile, loki_queriers, read)


def workload_namespaces(pods: Readings[Pod], environments: Environments) -> list[str]:
    """The namespaces with running pods: those of environments where the profile or labels name several, else all, these first.

    What names alone seem to say leaves none out.
    """
    running = sorted({pod.metadata.namespace for pod in pods.items if pod.running})
    stated = [name for name in running if environments.of(name) and environments.placing(name).stated]
    if len({environments.of(name) for name in stated}) > 1:
        return stated
    return sorted(running, key=lambda name: (not environments.of(name), name in KUBERNETES_NAMESPACES, name))


def _labels(endpoint: Endpoint, start: int, end: int) -> list[str]:
    answer = _asked(endpoint, API / "labels", _Labels, {"start": start, "end": end})
    return answer.data or []


def _search(endpoint: Endpoint, namespace: str, query: str, start: int, end: int) -> Searched:
    begun = time.monotonic()
    parameters = {"query": query, "start": start, "end": end, "limit": LIMIT, "direction": "backward"}
    try:
        answer = _asked(endpoint, API / "query_range", _Lines, parameters)
        if answer.data.result_type != "streams":
            raise BadResponse(f"GET {endpoint.url}{API}/query_range: not the lines that were asked for: {answer.data.result_type[:50]}")
        times = [_nanoseconds(from_json(values[0], str)) for stream in answer.data.result for values in stream.values]
    except (Unreadable, msgspec.MsgspecError, ValueError, IndexError) as error:
        reason = str(error) if isinstance(error, Unreadable) else f"GET {endpoint.url}{API}/query_range: an answer without times"
        return Searched(namespace, query, error=reason)
    return Searched(namespace, query, len(times), max(times, default=0) / 1e9, round(time.monotonic() - begun, 2))


def _nanoseconds(text: str) -> int:
    moment = whole_number(text)
    if moment is None:
        raise ValueError("an invalid time")
    return moment


def _asked(endpoint: Endpoint, path: UrlPath, kind: type[Whole], query: dict[str, object]) -> Whole:
    answer = endpoint.get(path, query, seconds=QUERY_SECONDS, limit_bytes=bodies.QUERY)
    what = f"GET {endpoint.url}{path}"
    return whole(decode(answer, kind, what), what)


def range_query_command(server: Server, profile: Profile, query: str, start: int, end: int) -> Command | None:
    """A command that asks `query_range` for the same: bounds are nanoseconds, the start included, the end not."""
    path, bounds = API / "query_range", {"start": start, "end": end, "limit": 100}
    if not server.url:  # `kubectl get --raw` sends no header that names a tenant
        return None if server.tenant else asked_again(server, path, {"query": query, **bounds})
    explicit = server.explicit(profile)
    url = server.url.rstrip("/") + path
    asked = "--data-urlencode query={} -d start={} -d end={} -d limit=100"
    if explicit and explicit.tenant:
        return shell("curl -sG -H 'X-Scope-OrgID: {}' {} " + asked, explicit.tenant, url, query, start, end)
    return shell("curl -sG {} " + asked, url, query, start, end)
