"""Prometheus and the Prometheus Operator's objects."""

from __future__ import annotations

import math
import re
from typing import Any, Generic, TypeVar

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint, Resource
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.kubernetes import Served, list_custom
from clusterprobe.systems.objects import Condition, LabelSelector, Metadata, Namespace, Object, Pod

Series = TypeVar("Series")

GROUP = "monitoring.coreos.com"
PROMETHEUSES = Resource("v1", "prometheuses", "Prometheus", GROUP)
SERVICE_MONITORS = Resource("v1", "servicemonitors", "ServiceMonitor", GROUP)
POD_MONITORS = Resource("v1", "podmonitors", "PodMonitor", GROUP)
PROBES = Resource("v1", "probes", "Probe", GROUP)
SCRAPE_CONFIGS = Resource("v1alpha1", "scrapeconfigs", "ScrapeConfig", GROUP)
RULES = Resource("v1", "prometheusrules", "PrometheusRule", GROUP)
AGENTS = Resource("v1alpha1", "prometheusagents", "PrometheusAgent", GROUP)


class ClaimTemplateSpec(Object):
    storage_class_name: str | None = None
    volume_name: str = ""


class ClaimTemplate(Object):
    spec: ClaimTemplateSpec = msgspec.field(default_factory=ClaimTemplateSpec)


class StorageSpec(Object):
    volume_claim_template: ClaimTemplate | None = None
    empty_dir: dict[str, Any] | None = None
    ephemeral: dict[str, Any] | None = None


class WebSpec(Object):
    tls_config: dict[str, Any] | None = None


class AlertmanagerEndpoint(Object):
    """The Service through which alerts go out; without a namespace it is the Prometheus' own."""

    name: str = ""
    namespace: str = ""
    port: str | int = ""


class Alerting(Object):
    alertmanagers: list[AlertmanagerEndpoint] | None = None


class PrometheusSpec(Object):
    """A `*_selector` that is None selects nothing, an empty one everything; a namespace selector that is None means its own."""

    replicas: int | None = None
    shards: int | None = None
    paused: bool = False
    port_name: str = "web"
    route_prefix: str = ""
    retention: str = ""
    web: WebSpec | None = None
    storage: StorageSpec | None = None
    alerting: Alerting | None = None
    ignore_namespace_selectors: bool = False
    service_monitor_selector: LabelSelector | None = None
    service_monitor_namespace_selector: LabelSelector | None = None
    pod_monitor_selector: LabelSelector | None = None
    pod_monitor_namespace_selector: LabelSelector | None = None
    probe_selector: LabelSelector | None = None
    probe_namespace_selector: LabelSelector | None = None
    scrape_config_selector: LabelSelector | None = None
    scrape_config_namespace_selector: LabelSelector | None = None
    rule_selector: LabelSelector | None = None
    rule_namespace_selector: LabelSelector | None = None

    @property
    def serves_tls(self) -> bool:
        return self.web is not None and self.web.tls_config is not None


class CustomStatus(Object):
    conditions: list[Condition] | None = None
    replicas: int = 0
    available_replicas: int = 0


class Prometheus(Object):
    metadata: Metadata
    spec: PrometheusSpec = msgspec.field(default_factory=PrometheusSpec)
    status: CustomStatus = msgspec.field(default_factory=CustomStatus)

    @property
    def wanted_pods(self) -> int:
        replicas = 1 if self.spec.replicas is None else self.spec.replicas
        return replicas * (1 if self.spec.shards is None else self.spec.shards)


class NamespaceSelector(Object):
    """A monitor's own: absent or empty means the monitor's namespace."""

    any: bool = False
    match_names: list[str] | None = None


class MonitorEndpoint(Object):
    port: str = ""
    interval: str = ""


class MonitorSpec(Object):
    namespace_selector: NamespaceSelector | None = None
    selector: LabelSelector | None = None
    endpoints: list[MonitorEndpoint] | None = None
    job_label: str = ""


class Monitor(Object):
    """A ServiceMonitor, PodMonitor, Probe or ScrapeConfig: what matters is its labels, and where it looks."""

    metadata: Metadata
    spec: MonitorSpec = msgspec.field(default_factory=MonitorSpec)


class Rule(Object):
    """A PrometheusRule; its groups are not read."""

    metadata: Metadata


@source(Call("list", "prometheuses", GROUP))
def prometheuses(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The Prometheus objects of the Operator, with their selectors and storage."""
    return list_custom(cluster, served, namespaces, PROMETHEUSES, Prometheus)


@source(Call("list", "prometheusagents", GROUP))
def prometheus_agents(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The PrometheusAgent objects of the Operator, which select monitors as a Prometheus does."""
    return list_custom(cluster, served, namespaces, AGENTS, Prometheus)


@source(Call("list", "servicemonitors", GROUP))
def service_monitors(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every ServiceMonitor."""
    return list_custom(cluster, served, namespaces, SERVICE_MONITORS, Monitor)


@source(Call("list", "podmonitors", GROUP))
def pod_monitors(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every PodMonitor."""
    return list_custom(cluster, served, namespaces, POD_MONITORS, Monitor)


@source(Call("list", "probes", GROUP))
def probe_objects(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every Probe object of the Operator."""
    return list_custom(cluster, served, namespaces, PROBES, Monitor)


@source(Call("list", "scrapeconfigs", GROUP))
def scrape_configs(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every ScrapeConfig."""
    return list_custom(cluster, served, namespaces, SCRAPE_CONFIGS, Monitor)


@source(Call("list", "prometheusrules", GROUP))
def prometheus_rules(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Rule]:
    """Every PrometheusRule, without its rules."""
    return list_custom(cluster, served, namespaces, RULES, Rule)


# --- what a running Prometheus says -----------------------------------------------------------------------------------


class Discovered(msgspec.Struct, frozen=True, gc=False):
    """What service discovery knew of a target before relabelling."""

    namespace: str = msgspec.field(default="", name="__meta_kubernetes_namespace")
    service: str = msgspec.field(default="", name="__meta_kubernetes_service_name")
    pod: str = msgspec.field(default="", name="__meta_kubernetes_pod_name")
    node: str = msgspec.field(default="", name="__meta_kubernetes_pod_node_name")


class Target(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An active target. `health` is up, down or unknown (never scraped yet); durations of scrapes are seconds."""

    labels: dict[str, str]
    scrape_pool: str
    health: str
    discovered: Discovered = msgspec.field(default_factory=Discovered, name="discoveredLabels")
    scrape_url: str = ""
    last_error: str = ""
    last_scrape: str = ""
    last_scrape_duration: float = 0.0
    scrape_interval: str = ""
    scrape_timeout: str = ""

    @property
    def namespace(self) -> str:
        """Where the target runs; with `honorLabels` its series may still speak of other namespaces."""
        return self.discovered.namespace or self.labels.get("namespace", "")


class _Targets(msgspec.Struct, rename="camel"):
    active_targets: list[Target]


class _TargetsAnswer(msgspec.Struct):
    status: str
    data: _Targets | None = None
    error: str = ""


@source(proxied("pods"))
def prometheus_targets(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[list[Target]]:
    """The active targets of every replica."""

    def read(endpoint: Endpoint, _: Server) -> list[Target]:
        answer = endpoint.json("/api/v1/targets", _TargetsAnswer, {"state": "active"})
        if answer.status != "success" or answer.data is None:
            raise BadResponse(f"{endpoint.url}/api/v1/targets: status {answer.status}: {answer.error or 'no data'}")
        return answer.data.active_targets

    return read_each(cluster, profile, prometheus_servers, read)


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One series of an instant query: its labels, and its value at `time` (epoch seconds)."""

    labels: dict[str, str]
    time: float
    value: float


class _Vector(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _QueryData(msgspec.Struct, Generic[Series], rename="camel"):
    result_type: str
    result: list[Series]


class _QueryAnswer(msgspec.Struct, Generic[Series]):
    status: str
    data: _QueryData[Series] | None = None
    error: str = ""
    warnings: list[str] | None = None


def ask(endpoint: Endpoint, expression: str, result_type: str, kind: type[Series]) -> list[Series]:
    """The series of a query, of the result type that it has. An answer with warnings is partial, and so unreadable."""
    answer = endpoint.json("/api/v1/query", _QueryAnswer[kind], {"query": expression})  # type: ignore[valid-type]
    if answer.status != "success" or answer.data is None or answer.data.result_type != result_type:
        raise BadResponse(f"{endpoint.url}/api/v1/query: {answer.error or 'no data'}")
    if answer.warnings:
        raise BadResponse(f"{endpoint.url}/api/v1/query: a partial answer: {answer.warnings[0]}")
    return answer.data.result


def query(endpoint: Endpoint, expression: str) -> list[Sample]:
    """An instant query. A value that is no number makes the answer unreadable."""
    samples = [Sample(one.metric, one.value[0], float(one.value[1])) for one in ask(endpoint, expression, "vector", _Vector)]
    if any(math.isnan(one.value) for one in samples):  # no comparison with it holds, so that it would pass every threshold
        raise BadResponse(f"{endpoint.url}/api/v1/query: a value of {expression} is not a number")
    return samples


# Of each kind of series whose `namespace` is that of what is observed: enough to tell which namespaces are watched.
KUBE_STATE = 'count by (namespace, exported_namespace, instance, job) ({__name__=~"kube_(pod_info|deployment_created|service_info)"})'

# The targets that did not answer a single scrape of the last minutes, and were asked at least three times.
DOWN_WINDOW_SECONDS = 300
_DOWN = f"max_over_time(up[{DOWN_WINDOW_SECONDS}s]) == 0 and count_over_time(up[{DOWN_WINDOW_SECONDS}s]) >= 3"


@source(proxied("pods"))
def prometheus_kube_state(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[list[Sample]]:
    """Which namespaces the series of kube-state-metrics speak of, by the instance that they come from, at every replica."""
    return read_each(cluster, profile, prometheus_servers, lambda endpoint, _: query(endpoint, KUBE_STATE))


class Down(msgspec.Struct, frozen=True):
    """The labels of the targets that have been down for a while."""

    targets: list[dict[str, str]]


@source(proxied("pods"))
def prometheus_down(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[Down]:
    """Which targets have failed every scrape for a while, at every replica: one scrape may fail by chance."""
    return read_each(cluster, profile, prometheus_servers, lambda endpoint, _: Down([one.labels for one in query(endpoint, _DOWN)]))


class Runtime(msgspec.Struct, frozen=True, rename="camel"):
    """What a Prometheus says of itself; times are RFC 3339."""

    start_time: str = ""
    last_config_time: str = ""
    reload_config_success: bool = True
    corruption_count: int = 0
    storage_retention: str = ""


class _RuntimeAnswer(msgspec.Struct):
    status: str
    data: Runtime | None = None


@source(proxied("pods"))
def prometheus_runtime(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[Runtime]:
    """Since when every replica runs, and runs with its configuration."""

    def read(endpoint: Endpoint, _: Server) -> Runtime:
        answer = endpoint.json("/api/v1/status/runtimeinfo", _RuntimeAnswer)
        if answer.status != "success" or answer.data is None or not answer.data.start_time:
            raise BadResponse(f"{endpoint.url}/api/v1/status/runtimeinfo: status {answer.status}, without the expected data")
        return answer.data

    return read_each(cluster, profile, prometheus_servers, read)


# --- scrape pools -----------------------------------------------------------------------------------------------------

_POOL = re.compile(r"(serviceMonitor|podMonitor|probe|scrapeConfig)/([^/]+)/([^/]+)(?:/\d+)?")
_KINDS = {"serviceMonitor": SERVICE_MONITORS, "podMonitor": POD_MONITORS, "probe": PROBES, "scrapeConfig": SCRAPE_CONFIGS}


def pool_origin(pool: str) -> tuple[Resource, str, str] | None:
    """The object that the Operator made a scrape pool from: its resource, *its own* namespace, and name.

    >>> pool_origin("serviceMonitor/monitoring-prod/api/0")[1:]
    ('monitoring-prod', 'api')
    """
    match = _POOL.fullmatch(pool)
    return (_KINDS[match[1]], match[2], match[3]) if match else None


def monitor_index(*kinds: Readings[Monitor]) -> dict[tuple[str, str, str], Monitor]:
    """Monitors by (kind, namespace, name)."""
    return {(subject.kind, subject.namespace, subject.name): one for readings in kinds for subject, one in readings}


# --- the database -----------------------------------------------------------------------------------------------------


def database_path(pod: Pod) -> str:
    """Where a Prometheus pod keeps its database."""
    arguments = [one for container in pod.spec.containers for one in [*(container.command or []), *(container.args or [])]]
    for index, one in enumerate(arguments):
        name, equals, value = one.lstrip("-").partition("=")
        if name == "storage.tsdb.path":
            path = value if equals else next(iter(arguments[index + 1 : index + 2]), "")
            return path if path.startswith("/") else f"/prometheus/{path}"  # the image works in /prometheus
    return "/prometheus"


def pods_of(custom: Prometheus, pods: Readings[Pod]) -> list[Pod]:
    """The pods that the Operator made for a Prometheus object."""
    return [pod for pod in pods.items if pod.metadata.namespace == custom.metadata.namespace and _operated(pod) == custom.metadata.name]


def is_plain_prometheus(pod: Pod) -> bool:
    """Whether a pod is a Prometheus that no Operator made."""
    return pod.label("app.kubernetes.io/name") == "prometheus" and not _operated(pod)


def _operated(pod: Pod) -> str:
    if pod.label("app.kubernetes.io/name") != "prometheus":
        return ""
    return pod.label("operator.prometheus.io/name") or pod.label("prometheus")
