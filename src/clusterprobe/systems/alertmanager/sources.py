"""Alertmanager: the Operator's object, and what each replica says of its configuration."""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint, Resource
from clusterprobe.access.servers import Server, read_each
from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.formats.alertmanager_config import Configuration, OddConfiguration, parse_configuration
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Condition, LabelSelector, ManagedMetadata, Namespace, Object
from clusterprobe.systems.prometheus.objects import GROUP, CustomStatus, StorageSpec, WebSpec

ALERTMANAGERS = Resource("v1", "alertmanagers", "Alertmanager", GROUP)


class ConfigurationObject(Object):
    """The AlertmanagerConfig that replaces the Secret, if there is one."""

    name: str = ""


class MatcherStrategy(Object):
    """Whether the Operator adds the own namespace of an AlertmanagerConfig to the matchers of its routes."""

    type: str = ""


class AlertmanagerSpec(Object):
    replicas: int | None = None
    paused: bool = False
    port_name: str = "web"
    route_prefix: str = ""
    config_secret: str = ""
    alertmanager_configuration: ConfigurationObject | None = None
    web: WebSpec | None = None
    storage: StorageSpec | None = None
    alertmanager_config_selector: LabelSelector | None = None
    alertmanager_config_namespace_selector: LabelSelector | None = None
    alertmanager_config_matcher_strategy: MatcherStrategy | None = None

    @property
    def serves_tls(self) -> bool:
        return self.web is not None and self.web.tls_config is not None

    @property
    def matcher_strategy(self) -> str:
        """Its type; empty where nothing is said, which is `OnNamespace`."""
        return self.alertmanager_config_matcher_strategy.type if self.alertmanager_config_matcher_strategy else ""


class Alertmanager(Object):
    metadata: ManagedMetadata
    spec: AlertmanagerSpec = msgspec.field(default_factory=AlertmanagerSpec)
    status: CustomStatus = msgspec.field(default_factory=CustomStatus)

    @property
    def wanted_pods(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas

    @property
    def input_secret(self) -> str:
        """The Secret that the Operator reads the configuration from: `spec.configSecret`, else the chart's own."""
        return self.spec.config_secret or self.chart_secret

    @property
    def chart_secret(self) -> str:
        return f"alertmanager-{self.metadata.name}"

    @property
    def generated_secret(self) -> str:
        """The Secret that the Operator writes, and Alertmanager is given."""
        return f"alertmanager-{self.metadata.name}-generated"

    def condition(self, kind: str) -> Condition | None:
        return next((one for one in self.status.conditions or [] if one.type == kind), None)


@source(Call("list", "alertmanagers", GROUP))
def alertmanagers(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Alertmanager]:
    """The Alertmanager objects of the Operator."""
    return list_custom(cluster, served, namespaces, ALERTMANAGERS, Alertmanager)


# --- what a running Alertmanager says ---------------------------------------------------------------------------------


class AlertmanagerStatus(msgspec.Struct, frozen=True):
    """What one replica serves. `cluster` is ready, settling or disabled (normal for one replica); `uptime` is when it started.

    `peers` are the addresses of the replicas that it knows, its own among them; None where it does not say, or in older bundles.
    """

    configuration: Configuration
    version: str = ""
    cluster: str = ""
    uptime: str = ""
    peers: list[str] | None = None


class _Peer(msgspec.Struct):
    address: str = ""


class _Cluster(msgspec.Struct):
    status: str = ""
    peers: list[_Peer] | None = None


class _Version(msgspec.Struct):
    version: str = ""


class _Config(msgspec.Struct):
    original: str


class _Status(msgspec.Struct, rename="camel"):
    config: _Config
    cluster: _Cluster = msgspec.field(default_factory=_Cluster)
    version_info: _Version = msgspec.field(default_factory=_Version)
    uptime: str = ""


@source(proxied("pods"))
def alertmanager_statuses(cluster: Cluster, alertmanager_servers: Readings[Server], profile: Profile) -> Readings[AlertmanagerStatus]:
    """What every replica serves: its configuration as routes and kinds of integrations, never as text."""

    def read(endpoint: Endpoint, _: Server) -> AlertmanagerStatus:
        answer = endpoint.json("/api/v2/status", _Status, limit_bytes=bodies.OBJECT)
        try:
            configuration = parse_configuration(answer.config.original)
        except OddConfiguration as error:
            raise BadResponse(f"GET {endpoint.url}/api/v2/status: {error}") from None
        listed = answer.cluster.peers
        if listed is None and answer.cluster.status not in ("", "disabled"):
            raise BadResponse(f"its cluster is {answer.cluster.status}, but it names no peers: half an answer")
        peers = None if listed is None and not answer.cluster.status else [one.address for one in listed or []]
        return AlertmanagerStatus(configuration, answer.version_info.version, answer.cluster.status, answer.uptime, peers)

    return read_each(cluster, profile, alertmanager_servers, read)


RELOADED = "alertmanager_config_last_reload_successful"
STARTED = "process_start_time_seconds"
SILENCES = "alertmanager_silences"
NOTIFICATIONS = frozenset(
    f"alertmanager_notification{rest}_total" for rest in ("s", "s_failed", "_requests", "_requests_failed", "s_suppressed")
)


class AlertmanagerMetrics(msgspec.Struct, frozen=True):
    """What one replica says of itself: its last reload, since when it runs (epoch seconds), and the notifications that it counts.

    `silences` are how many hold now; None where it does not say, or in older bundles.
    """

    reloaded: bool | None
    started: float | None
    counters: list[Metric]
    silences: float | None = None


@source(proxied("pods"))
def alertmanager_metrics(cluster: Cluster, alertmanager_servers: Readings[Server], profile: Profile) -> Readings[AlertmanagerMetrics]:
    """The metrics of every replica that tell of its configuration and its deliveries; of those, what is not 0."""

    def read(endpoint: Endpoint, _: Server) -> AlertmanagerMetrics:
        found = samples_of(endpoint, {RELOADED, STARTED, SILENCES, *NOTIFICATIONS})
        values = {one.name: one.value for one in found}
        if not found:
            raise BadResponse(f"GET {endpoint.url}/metrics: there is nothing of an Alertmanager in it")
        counters = [one for one in found if one.name in NOTIFICATIONS and one.value]
        active = next((one.value for one in found if one.name == SILENCES and one.labels.get("state") == "active"), None)
        return AlertmanagerMetrics({1.0: True, 0.0: False}.get(values.get(RELOADED, -1)), values.get(STARTED), counters, active)

    return read_each(cluster, profile, alertmanager_servers, read)


@source()
def alertmanager_reloads(alertmanager_metrics: Readings[AlertmanagerMetrics]) -> Readings[bool]:
    """Whether the last reload of every replica's configuration succeeded, from its metrics."""
    found: Collector[bool] = Collector(unreadable=list(alertmanager_metrics.unreadable))
    for subject, one in alertmanager_metrics:
        if one.reloaded is None:
            found.fail(subject, f"there is no {RELOADED} in its metrics that is 0 or 1")
        else:
            found.add(subject, one.reloaded)
    return found.readings(alertmanager_metrics.absent)
