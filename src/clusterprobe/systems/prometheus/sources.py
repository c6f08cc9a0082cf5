"""The Operator's objects, and what every running Prometheus says of itself."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from clusterprobe.access import bodies, urls
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.formats.answers import Answer, asked
from clusterprobe.systems.formats.queries import Regex, matchers
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.dialects import Ability, able
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
    VM_AGENTS,
    VM_ALERTS,
    VM_GROUP,
    VM_NODE_SCRAPES,
    VM_POD_SCRAPES,
    VM_PROBES,
    VM_RULES,
    VM_SCRAPE_CONFIGS,
    VM_SERVICE_SCRAPES,
    VM_SINGLES,
    VM_STATIC_SCRAPES,
    Monitor,
    Prometheus,
    Rule,
)
from clusterprobe.systems.prometheus.query import Sample, query
from clusterprobe.systems.prometheus.vm_objects import VmObject, alerting, scraping
from clusterprobe.times import epoch

Value = TypeVar("Value")


@source(Call("list", "prometheuses", GROUP))
def prometheuses(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The Prometheus objects of the Operator, with their selectors and storage."""
    return list_custom(cluster, served, namespaces, PROMETHEUSES, Prometheus)


@source(Call("list", "prometheusagents", GROUP), Call("list", "vmagents", VM_GROUP), Call("list", "vmsingles", VM_GROUP))
def prometheus_agents(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The PrometheusAgent objects of the Operator, which select monitors as a Prometheus does, and so do VMAgent and VMSingle."""
    return _together(
        list_custom(cluster, served, namespaces, AGENTS, Prometheus),
        list_custom(cluster, served, namespaces, VM_AGENTS, VmObject).map(scraping),
        list_custom(cluster, served, namespaces, VM_SINGLES, VmObject).map(scraping),
    )


@source(Call("list", "thanosrulers", GROUP), Call("list", "vmalerts", VM_GROUP))
def thanos_rulers(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Prometheus]:
    """The ThanosRuler objects of the Operator, which select rules as a Prometheus does, and so does VMAlert."""
    return _together(
        list_custom(cluster, served, namespaces, THANOS_RULERS, Prometheus),
        list_custom(cluster, served, namespaces, VM_ALERTS, VmObject).map(alerting),
    )


@source(Call("list", "servicemonitors", GROUP), Call("list", "vmservicescrapes", VM_GROUP))
def service_monitors(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every ServiceMonitor, and every VMServiceScrape, which says the same."""
    return _together(*(list_custom(cluster, served, namespaces, one, Monitor) for one in (SERVICE_MONITORS, VM_SERVICE_SCRAPES)))


@source(Call("list", "podmonitors", GROUP), Call("list", "vmpodscrapes", VM_GROUP))
def pod_monitors(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every PodMonitor, and every VMPodScrape, which says the same."""
    return _together(*(list_custom(cluster, served, namespaces, one, Monitor) for one in (POD_MONITORS, VM_POD_SCRAPES)))


@source(Call("list", "probes", GROUP), Call("list", "vmprobes", VM_GROUP))
def probe_objects(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every Probe object of the Operator, and every VMProbe."""
    return _together(*(list_custom(cluster, served, namespaces, one, Monitor) for one in (PROBES, VM_PROBES)))


@source(
    Call("list", "scrapeconfigs", GROUP),
    Call("list", "vmscrapeconfigs", VM_GROUP),
    Call("list", "vmstaticscrapes", VM_GROUP),
    Call("list", "vmnodescrapes", VM_GROUP),
)
def scrape_configs(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Monitor]:
    """Every ScrapeConfig, and what names its targets itself with VictoriaMetrics."""
    return _together(
        *(
            list_custom(cluster, served, namespaces, one, Monitor)
            for one in (SCRAPE_CONFIGS, VM_SCRAPE_CONFIGS, VM_STATIC_SCRAPES, VM_NODE_SCRAPES)
        )
    )


@source(Call("list", "prometheusrules", GROUP), Call("list", "vmrules", VM_GROUP))
def prometheus_rules(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Rule]:
    """Every PrometheusRule and VMRule with the names of its groups, without its rules."""
    return _together(*(list_custom(cluster, served, namespaces, one, Rule) for one in (RULES, VM_RULES)))


def _together(*lists: Readings[Value]) -> Readings[Value]:
    """Kinds of two operators that say the same, as one reading."""
    values = tuple(pair for one in lists for pair in one)
    blind = tuple(dict.fromkeys(each for one in lists for each in one.unreadable))
    return Readings(values, blind, next((one.absent for one in lists if one.absent), ""))


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
        """Where the target runs, as discovered, labelled, or in the name of a Service; its series may still speak of other namespaces."""
        return self.discovered.namespace or self.labels.get("namespace", "") or _namespace_in(self.scrape_url)


def _namespace_in(url: str) -> str:
    """The namespace of a Service or of a pod behind one, by its name in the cluster: `name.namespace.svc…`; empty for any other host."""
    names = urls.place_of(url)[0].split(".")
    return names[names.index("svc") - 1] if "svc" in names[2:] else ""


class _Targets(msgspec.Struct, rename="camel"):
    active_targets: list[Target]


class _TargetsAnswer(Answer):
    data: _Targets | None = None


@source(proxied("pods"))
def prometheus_targets(cluster: Cluster, scraping_servers: Readings[Server], profile: Profile) -> Readings[list[Target]]:
    """The active targets of every replica."""

    def read(endpoint: Endpoint, _: Server) -> list[Target]:
        data = asked(endpoint, "/api/v1/targets", _TargetsAnswer, {"state": "active"}, limit_bytes=bodies.TARGETS).data
        return [_told_apart(one) for one in data.active_targets] if data else []

    return read_each(cluster, profile, scraping_servers, read)


def _told_apart(target: Target) -> Target:
    """VictoriaMetrics calls a target down that it has not scraped yet, with the zero of its clock as the time of the last scrape."""
    scraped = epoch(target.last_scrape)
    never = target.health == "down" and not target.last_error and scraped is not None and scraped <= 0
    return msgspec.structs.replace(target, health="unknown") if never else target


# Of each kind of series whose `namespace` is that of what is observed: enough to tell which namespaces are watched.
_KINDS_OF_STATE = matchers({"__name__": Regex("kube_(pod_info|deployment_created|service_info)")})
KUBE_STATE = f"count by (namespace, exported_namespace, instance, job) ({_KINDS_OF_STATE})"

# The targets that did not answer a single scrape of the last minutes, and were asked at least three times.
DOWN_WINDOW_SECONDS = 300
_DOWN = f"max_over_time(up[{DOWN_WINDOW_SECONDS}s]) == 0 and count_over_time(up[{DOWN_WINDOW_SECONDS}s]) >= 3"


@source(proxied("pods"))
def prometheus_kube_state(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[list[Sample]]:
    """Which namespaces the series of kube-state-metrics speak of, by the instance that they come from, at every replica."""
    return read_each(
        cluster, profile, able(metric_servers, Ability.TARGETS, Ability.QUERIES), lambda endpoint, _: query(endpoint, KUBE_STATE)
    )


class Down(msgspec.Struct, frozen=True):
    """The labels of the targets that have been down for a while."""

    targets: list[dict[str, str]]


@source(proxied("pods"))
def prometheus_down(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Down]:
    """Which targets have failed every scrape for a while, at every replica: one scrape may fail by chance."""
    return read_each(
        cluster,
        profile,
        able(metric_servers, Ability.TARGETS, Ability.QUERIES),
        lambda endpoint, _: Down([one.labels for one in query(endpoint, _DOWN)]),
    )
