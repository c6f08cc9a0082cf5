"""The Operator's objects, and what every running Prometheus says of itself."""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.formats.answers import Answer, asked
from clusterprobe.systems.formats.queries import Regex, matchers
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.objects import (
    AGENTS,
    GROUP,
    POD_MONITORS,
    PROBES,
    PROMETHEUSES,
    RULES,
    SCRAPE_CONFIGS,
    SERVICE_MONITORS,
    THANOS_RULERS,
    Monitor,
    Prometheus,
    Rule,
)
from clusterprobe.systems.prometheus.query import Sample, query


@source(Call("list", "prometheuses", GROUP))
def prometheuses(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The Prometheus objects of the Operator, with their selectors and storage."""
    return list_custom(cluster, served, namespaces, PROMETHEUSES, Prometheus)


@source(Call("list", "prometheusagents", GROUP))
def prometheus_agents(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The PrometheusAgent objects of the Operator, which select monitors as a Prometheus does."""
    return list_custom(cluster, served, namespaces, AGENTS, Prometheus)


@source(Call("list", "thanosrulers", GROUP))
def thanos_rulers(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The ThanosRuler objects of the Operator, which select rules as a Prometheus does."""
    return list_custom(cluster, served, namespaces, THANOS_RULERS, Prometheus)


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
    """Every PrometheusRule with the names of its groups, without its rules."""
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


class _TargetsAnswer(Answer):
    data: _Targets | None = None


@source(proxied("pods"))
def prometheus_targets(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[list[Target]]:
    """The active targets of every replica."""

    def read(endpoint: Endpoint, _: Server) -> list[Target]:
        data = asked(endpoint, "/api/v1/targets", _TargetsAnswer, {"state": "active"}, limit_bytes=bodies.TARGETS).data
        return data.active_targets if data else []

    return read_each(cluster, profile, prometheus_servers, read)


# Of each kind of series whose `namespace` is that of what is observed: enough to tell which namespaces are watched.
_KINDS_OF_STATE = matchers({"__name__": Regex("kube_(pod_info|deployment_created|service_info)")})
KUBE_STATE = f"count by (namespace, exported_namespace, instance, job) ({_KINDS_OF_STATE})"

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


class _RuntimeAnswer(Answer):
    data: Runtime | None = None


@source(proxied("pods"))
def prometheus_runtime(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[Runtime]:
    """Since when every replica runs, and runs with its configuration."""

    def read(endpoint: Endpoint, _: Server) -> Runtime:
        data = asked(endpoint, "/api/v1/status/runtimeinfo", _RuntimeAnswer).data
        if data is None or not data.start_time:
            raise BadResponse(f"{endpoint.url}/api/v1/status/runtimeinfo: it does not say since when it runs")
        return data

    return read_each(cluster, profile, prometheus_servers, read)
