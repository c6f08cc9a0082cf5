"""The Prometheus Operator's objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from clusterprobe.access.cluster import Resource
from clusterprobe.known_systems import PROMETHEUS
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.objects import Condition, LabelSelector, Metadata, Object, Pod

Series = TypeVar("Series")

GROUP = "monitoring.coreos.com"
PROMETHEUSES = Resource("v1", "prometheuses", "Prometheus", GROUP)
SERVICE_MONITORS = Resource("v1", "servicemonitors", "ServiceMonitor", GROUP)
POD_MONITORS = Resource("v1", "podmonitors", "PodMonitor", GROUP)
PROBES = Resource("v1", "probes", "Probe", GROUP)
SCRAPE_CONFIGS = Resource("v1alpha1", "scrapeconfigs", "ScrapeConfig", GROUP)
RULES = Resource("v1", "prometheusrules", "PrometheusRule", GROUP)
AGENTS = Resource("v1alpha1", "prometheusagents", "PrometheusAgent", GROUP)
THANOS_RULERS = Resource("v1", "thanosrulers", "ThanosRuler", GROUP)

VM_GROUP = "operator.victoriametrics.com"
VM_AGENTS = Resource("v1beta1", "vmagents", "VMAgent", VM_GROUP)
VM_ALERTS = Resource("v1beta1", "vmalerts", "VMAlert", VM_GROUP)
VM_SINGLES = Resource("v1beta1", "vmsingles", "VMSingle", VM_GROUP)
VM_SERVICE_SCRAPES = Resource("v1beta1", "vmservicescrapes", "VMServiceScrape", VM_GROUP)
VM_POD_SCRAPES = Resource("v1beta1", "vmpodscrapes", "VMPodScrape", VM_GROUP)
VM_PROBES = Resource("v1beta1", "vmprobes", "VMProbe", VM_GROUP)
VM_SCRAPE_CONFIGS = Resource("v1beta1", "vmscrapeconfigs", "VMScrapeConfig", VM_GROUP)
VM_STATIC_SCRAPES = Resource("v1beta1", "vmstaticscrapes", "VMStaticScrape", VM_GROUP)
VM_NODE_SCRAPES = Resource("v1beta1", "vmnodescrapes", "VMNodeScrape", VM_GROUP)
VM_RULES = Resource("v1beta1", "vmrules", "VMRule", VM_GROUP)

STACKS = {one.kind: one for one in (PROMETHEUSES, AGENTS, THANOS_RULERS, VM_AGENTS, VM_ALERTS, VM_SINGLES)}
"""By kind, the objects of which stacks are made."""


class ClaimTemplateSpec(Object):
    storage_class_name: str | None = None
    access_modes: list[str] | None = None
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


class SecretKey(Object):
    """A key of a Secret in the same namespace."""

    name: str = ""
    key: str = ""


class Selection(Object):
    """What an object selects of one kind: by labels, where None is nothing and `{}` everything; and where, None for its own namespace."""

    labels: LabelSelector | None = None
    places: LabelSelector | None = None


class PrometheusSpec(Object):
    """A `*_selector` that is None selects nothing, an empty one everything; a namespace selector that is None means its own.

    `selects` is the same of VictoriaMetrics' objects, by the kind that is selected; None for those of the Prometheus Operator.
    """

    selects: dict[str, Selection] | None = None
    mode: str = ""
    replicas: int | None = None
    shards: int | None = None
    paused: bool = False
    port_name: str = "web"
    route_prefix: str = ""
    retention: str = ""
    web: WebSpec | None = None
    storage: StorageSpec | None = None
    alerting: Alerting | None = None
    additional_scrape_configs: SecretKey | None = None
    additional_alert_relabel_configs: SecretKey | None = None
    external_labels: dict[str, str] | None = None
    prometheus_external_label_name: str | None = None
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
    def of_victoriametrics(self) -> bool:
        """Whether it stands for an object of VictoriaMetrics' operator."""
        return self.spec.selects is not None

    @property
    def wanted_pods(self) -> int:
        """How many pods it is to have; of one on every node, not how many."""
        if self.spec.mode == "DaemonSet":
            return 1
        replicas = 1 if self.spec.replicas is None else self.spec.replicas
        return replicas * (1 if self.spec.shards is None else self.spec.shards)


class NamespaceSelector(Object):
    """A monitor's own: absent or empty means the monitor's namespace."""

    any: bool = False
    match_names: list[str] | None = None


class MonitorEndpoint(Object):
    """Where a monitor scrapes: a port by its name, or, of a pod, by its number."""

    port: str = ""
    port_number: int | None = None
    target_port: int | str | None = None
    interval: str = ""


class MonitorSpec(Object):
    namespace_selector: NamespaceSelector | None = None
    selector: LabelSelector | None = None
    endpoints: list[MonitorEndpoint] | None = None
    pod_metrics_endpoints: list[MonitorEndpoint] | None = None
    job_label: str = ""


class Binding(Object):
    """What the Operator says of one object that selects this one; since its version 0.86, and where that is switched on."""

    conditions: list[Condition] | None = None


class BoundStatus(Object):
    """What an operator says of the object: the Prometheus Operator by who selects it, VictoriaMetrics' in one word."""

    bindings: list[Binding] | None = None
    update_status: str = ""

    @property
    def failed(self) -> bool:
        """Whether VictoriaMetrics' operator refuses it, which `objects/conditions` says with the reason."""
        return self.update_status == "failed"

    @property
    def refusal(self) -> str:
        """Why the Operator does not accept the object; empty where it does, or does not say."""
        refused = [
            one.message or one.reason
            for binding in self.bindings or []
            for one in binding.conditions or []
            if one.type == "Accepted" and one.status == "False"
        ]
        return next(iter(refused), "")


class Monitor(Object):
    """A ServiceMonitor, PodMonitor, Probe or ScrapeConfig: what matters is its labels, and where it looks."""

    metadata: Metadata
    spec: MonitorSpec = msgspec.field(default_factory=MonitorSpec)
    status: BoundStatus = msgspec.field(default_factory=BoundStatus)


class NamedGroup(Object):
    name: str = ""


class RuleSpec(Object):
    groups: list[NamedGroup] | None = None


class Rule(Object):
    """A PrometheusRule; of its groups only the names are read. In older bundles it has no `spec`."""

    metadata: Metadata
    spec: RuleSpec | None = None
    status: BoundStatus = msgspec.field(default_factory=BoundStatus)


# --- scrape pools -----------------------------------------------------------------------------------------------------

_POOL = ours(r"(serviceMonitor|podMonitor|probe|scrapeConfig|serviceScrape|podScrape|staticScrape|nodeScrape)/([^/]+)/([^/]+)(?:/\d+)?")
_KINDS = {
    "serviceMonitor": SERVICE_MONITORS,
    "podMonitor": POD_MONITORS,
    "probe": PROBES,
    "scrapeConfig": SCRAPE_CONFIGS,
    "serviceScrape": VM_SERVICE_SCRAPES,
    "podScrape": VM_POD_SCRAPES,
    "staticScrape": VM_STATIC_SCRAPES,
    "nodeScrape": VM_NODE_SCRAPES,
}
# Whose pools are called as the Operator's. A VMAgent selects no ServiceMonitor, but the copy of one, which has its name.
_OF_VICTORIAMETRICS = {
    "probe": VM_PROBES,
    "scrapeConfig": VM_SCRAPE_CONFIGS,
    "serviceMonitor": VM_SERVICE_SCRAPES,
    "podMonitor": VM_POD_SCRAPES,
}


def pool_origin(pool: str, stack: Subject | None = None) -> tuple[Resource, str, str] | None:
    """The object that an operator made a scrape pool from: its resource, *its own* namespace, and name.

    Pools of two kinds are called the same by both operators: `stack`, which scrapes it, tells whose they are.

    >>> pool_origin("serviceMonitor/monitoring-prod/api/0")[1:]
    ('monitoring-prod', 'api')
    """
    match = _POOL.fullmatch(pool)
    if match is None:
        return None
    theirs = stack is not None and stack.kind in (VM_AGENTS.kind, VM_SINGLES.kind)
    return (_OF_VICTORIAMETRICS.get(match[1], _KINDS[match[1]]) if theirs else _KINDS[match[1]], match[2], match[3])


def monitor_index(*kinds: Readings[Monitor]) -> dict[tuple[str, str, str], Monitor]:
    """Monitors by (kind, namespace, name)."""
    return {(subject.kind, subject.namespace, subject.name): one for readings in kinds for subject, one in readings}


# --- stacks -----------------------------------------------------------------------------------------------------------

Customs = Mapping[tuple[str, str, str], "Prometheus"]
"""The objects that stacks are made of, by kind, namespace and name."""


def stack_of(replica: Subject) -> Subject:
    """What a replica belongs to, as its object, whether there is one or not."""
    kind, _, name = replica.owner.partition("/")
    return STACKS.get(kind, PROMETHEUSES).subject(replica.namespace, name or replica.name)


def called(stack: Subject) -> str:
    """A stack in a sentence, with what it is."""
    return f"{stack.kind} {stack.namespace}/{stack.name}"


def key_of(subject: Subject) -> tuple[str, str, str]:
    """By what an object is told from all others."""
    return subject.kind, subject.namespace, subject.name


def customs_of(*several: Iterable[tuple[Subject, Prometheus]]) -> dict[tuple[str, str, str], Prometheus]:
    """The objects that stacks are made of, by kind, namespace and name."""
    return {key_of(subject): one for each in several for subject, one in each}


# --- the database -----------------------------------------------------------------------------------------------------


def database_path(pod: Pod) -> str:
    """Where a Prometheus pod keeps its database."""
    flags = ("storage.tsdb.path", "storage.agent.path")
    path = next((path for one in pod.spec.containers for flag in flags if (path := one.flag(flag))), "/prometheus")
    return path if path.startswith("/") else f"/prometheus/{path}"  # the image works in /prometheus


def pods_of(custom: Prometheus, pods: Readings[SystemPod]) -> list[Pod]:
    """The pods that the Operator made for a Prometheus object."""
    made = (one for one in of_system(pods, PROMETHEUS).items if one.custom)
    return [one.pod for one in made if (one.pod.metadata.namespace, one.name) == (custom.metadata.namespace, custom.metadata.name)]


def is_plain_prometheus(one: SystemPod) -> bool:
    """Whether a pod is a Prometheus that no Operator made."""
    return one.system is PROMETHEUS and not one.custom
