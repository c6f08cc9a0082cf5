"""What canaries and stable versions answered recently: requests and latency from Prometheus, error lines from Loki, pod by pod."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import decode
from clusterprobe.access.servers import Server, read_each
from clusterprobe.decoding import from_json
from clusterprobe.environments import Environments
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile
from clusterprobe.profile_sections import Serving
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, whole
from clusterprobe.systems.formats.queries import any_of, matchers, raw, within
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.loki.sources import API, QUERY_SECONDS
from clusterprobe.systems.prometheus.query import Sample, counted, query
from clusterprobe.systems.serving.sources import Canary
from clusterprobe.times import epoch

LINES = 3  # error lines that are kept of a pod
CHARACTERS = 300
STEP_SECONDS = 15
UNMEASURED = "no Prometheus is of the environment of a canary"
SCRAPE = ("job", "service", "instance")  # two monitors of one pod give everything twice


Found = TypeVar("Found", "_Vector", "_Lines")


class PodTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What one pod answered within the window. `buckets` are cumulative counts by upper bound, as Prometheus writes it.

    `current` tells that it is still measured: Prometheus has series of it now, and not from earlier in the window only.
    """

    namespace: str
    pod: str
    requests: int = 0
    server_errors: int = 0
    client_errors: int = 0
    buckets: dict[str, float] = {}
    current: bool = True


class Traffic(msgspec.Struct, frozen=True):
    """What one Prometheus has of the namespaces with a canary."""

    pods: list[PodTraffic]


@source(proxied("pods"))
def canary_traffic(
    cluster: Cluster,
    prometheus_servers: Readings[Server],
    model_canaries: Readings[Canary],
    namespaces: Readings[Namespace],
    profile: Profile,
) -> Readings[Traffic]:
    """Requests by status and duration, of canaries and what runs beside them, at the Prometheus servers of their environment."""
    environments = Environments(profile, namespaces.items, {server.namespace for server in prometheus_servers.items})
    measured = {environments.of(server.namespace) for server in prometheus_servers.items}
    canaries = model_canaries.items

    def wanted(server: Server) -> list[Canary]:
        own = environments.of(server.namespace)
        return [one for one in canaries if environments.of(one.namespace) == own or environments.of(one.namespace) not in measured]

    def read(endpoint: Endpoint, server: Server) -> Traffic:
        return Traffic([one for canary in wanted(server) for one in _traffic(endpoint, canary, profile, cluster.now())])

    asked = prometheus_servers.keep(lambda _, server: bool(wanted(server)), UNMEASURED)
    return read_each(cluster, profile, asked, read)


def window_seconds(canary: Canary, profile: Profile, now: float) -> int:
    """How far back both are looked at: not before the canary's newest revision, or what happened earlier counts for one only."""
    created = epoch(canary.created)
    longest = profile.thresholds.canary.window_minutes * 60
    if created is None or now - created >= longest:
        return longest
    step = STEP_SECONDS if now - created < 60 else 60  # whole ones, so that queries made one after the other are the same
    return max(STEP_SECONDS, int((now - created) // step * step))


def _traffic(endpoint: Endpoint, canary: Canary, profile: Profile, now: float) -> list[PodTraffic]:
    serving, seconds = profile.serving, window_seconds(canary, profile, now)
    names = [*serving.request_metrics, *(f"{one}_bucket" for one in serving.duration_metrics)]
    starts = [one.name for one in (canary.canary, canary.stable) if one is not None]
    selector = matchers({"__name__": any_of(names), "namespace": canary.namespace, "pod": any_of(starts, then="-.+")})
    before = {_key(one): one.value for one in query(endpoint, f"{selector} offset {seconds}s")}
    grown: dict[str, dict[tuple[str, ...], list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for one in query(endpoint, f"last_over_time({selector}[{seconds}s])"):
        start = before.get(_key(one), 0.0)  # what did not exist then began at 0
        value = one.value - start if one.value >= start else one.value  # it began anew
        way = tuple(one.labels.get(label, "") for label in SCRAPE)
        grown[one.labels.get("pod", "")][way].append(Sample(one.labels, one.time, value))
    still = {one.labels.get("pod", "") for one in query(endpoint, f"group by (pod) ({selector})")} if grown else set()
    found = [[_of_pod(canary.namespace, pod, samples, serving) for samples in ways.values()] for pod, ways in sorted(grown.items())]
    most = [max(ways, key=lambda one: one.requests) for ways in found]
    return [replace(one, current=one.pod in still) for one in most]


def _key(one: Sample) -> frozenset[tuple[str, str]]:
    return frozenset(one.labels.items())


def _of_pod(namespace: str, pod: str, samples: list[Sample], serving: Serving) -> PodTraffic:
    there = {one.labels.get("__name__", "") for one in samples if not _is_quiet(one, serving)}
    metric = next((one for one in serving.request_metrics if one in there), "")
    histogram = next((f"{one}_bucket" for one in serving.duration_metrics if f"{one}_bucket" in there), "")
    counts: dict[str, float] = defaultdict(float)
    buckets: dict[str, float] = defaultdict(float)
    for one in samples:
        if _is_quiet(one, serving):
            continue
        if one.labels.get("__name__") == metric:
            status = next((one.labels[label] for label in serving.status_labels if label in one.labels), "")
            counts[status[:1]] += one.value
        elif one.labels.get("__name__") == histogram:
            bound = one.labels.get("le", "")
            buckets["+Inf" if bound == "+Inf" else f"{counted(bound, f'the bound of a bucket of {histogram}'):g}"] += one.value
    return PodTraffic(
        namespace=namespace,
        pod=pod,
        requests=round(sum(counts.values())),
        server_errors=round(counts["5"]),
        client_errors=round(counts["4"]),
        buckets=dict(buckets),
    )


def _is_quiet(one: Sample, serving: Serving) -> bool:
    """What machines ask every second is no request of a client."""
    path = next((one.labels[label] for label in serving.path_labels if label in one.labels and one.labels[label].startswith("/")), "")
    return bool(path) and any(fnmatch.fnmatchcase(path, pattern) for pattern in serving.quiet_paths)


# --- log lines --------------------------------------------------------------------------------------------------------


class PodLines(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines one pod wrote within the window, how many of them are errors, and a few of those."""

    namespace: str
    pod: str
    lines: int = 0
    errors: int = 0
    examples: list[str] = []


class ErrorLines(msgspec.Struct, frozen=True):
    """What one Loki has of the namespaces with a canary."""

    pods: list[PodLines]


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Streams(msgspec.Struct):
    stream: dict[str, str]
    values: list[list[msgspec.Raw]]


class _VectorData(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Series]


class _StreamData(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Streams]


class _Vector(Answer, kw_only=True):
    data: _VectorData


class _Lines(Answer, kw_only=True):
    data: _StreamData


@source(proxied("services"))
def canary_error_lines(
    cluster: Cluster, loki_queriers: Readings[Server], model_canaries: Readings[Canary], profile: Profile
) -> Readings[ErrorLines]:
    """How many lines, and how many error lines, the pods of namespaces with a canary wrote."""
    canaries = model_canaries.items

    def read(endpoint: Endpoint, _: Server) -> ErrorLines:
        return ErrorLines([one for canary in canaries for one in _lines(endpoint, canary, profile, cluster.now())])

    return read_each(cluster, profile, loki_queriers.keep(lambda *_: bool(canaries), "no canary is deployed"), read)


def _lines(endpoint: Endpoint, canary: Canary, profile: Profile, now: float) -> list[PodLines]:
    namespace, serving, seconds, end = canary.namespace, profile.serving, window_seconds(canary, profile, now), int(now * 1e9)
    stream, label = serving.log_stream.replace("NAMESPACE", within(namespace)), serving.log_pod_label
    errors_of = f"{stream} |~ {raw(serving.error_lines)}"
    lines = _counts(endpoint, f"sum by ({label}) (count_over_time({stream} [{seconds}s]))", label, end)
    errors = _counts(endpoint, f"sum by ({label}) (count_over_time({errors_of} [{seconds}s]))", label, end)
    examples = _examples(endpoint, errors_of, label, end - seconds * 10**9, end) if errors else {}
    return [
        PodLines(
            namespace=namespace,
            pod=pod,
            lines=max(lines[pod], errors.get(pod, 0)),
            errors=errors.get(pod, 0),
            examples=examples.get(pod, []),
        )
        for pod in sorted(lines)
        if canary.is_canary(pod) or canary.is_stable(pod)
    ]


def _counts(endpoint: Endpoint, expression: str, label: str, end: int) -> dict[str, int]:
    answer = _ask(endpoint, "query", _Vector, {"query": expression, "time": end})
    if answer.data.result_type != "vector":
        raise BadResponse(f"GET {endpoint.url}{API}/query: {answer.data.result_type} instead of counts")
    return {one.metric.get(label, ""): int(counted(one.value[1], f"GET {endpoint.url}{API}/query: a count")) for one in answer.data.result}


def _examples(endpoint: Endpoint, selector: str, label: str, start: int, end: int) -> dict[str, list[str]]:
    parameters = {"query": selector, "start": start, "end": end, "limit": 50, "direction": "backward"}
    found: dict[str, list[str]] = defaultdict(list)
    for one in _ask(endpoint, "query_range", _Lines, parameters).data.result:
        for values in one.values:
            try:
                line = from_json(values[1], str)
            except (msgspec.MsgspecError, IndexError):
                raise BadResponse(f"GET {endpoint.url}{API}/query_range: an invalid line") from None
            if len(found[one.stream.get(label, "")]) < LINES:
                found[one.stream.get(label, "")].append(excerpt(line, CHARACTERS))
    return found


def _ask(endpoint: Endpoint, path: str, kind: type[Found], parameters: dict[str, object]) -> Found:
    what = f"GET {endpoint.url}{API}/{path}"
    answer = decode(endpoint.get(API / path, parameters, seconds=QUERY_SECONDS, limit_bytes=bodies.QUERY), kind, what)
    return whole(answer, what)
