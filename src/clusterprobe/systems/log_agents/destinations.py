"""Whether a log agent writes to a Loki of this cluster, by what its configuration and its own metrics say."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clusterprobe.access.cluster import owner_of
from clusterprobe.known_systems import LOKI
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.inventory.servers import leads_to
from clusterprobe.systems.kubernetes.objects import Namespace, Pod, Service
from clusterprobe.systems.log_agents.agents import judged_agents, stays
from clusterprobe.systems.log_agents.configuration_files import Output
from clusterprobe.systems.log_agents.configurations import AgentConfiguration, maps_of
from clusterprobe.systems.log_agents.states import AgentState

# What an output is called that writes to Loki, or to some other store of logs. What is in neither may lead to either.
TO_LOKI = frozenset({"loki", "grafana-loki"})
TO_OTHERS = frozenset(
    (
        *(
            "es",
            "elasticsearch",
            "opensearch",
            "elasticsearch_dynamic",
            "splunk",
            "splunk_hec",
            "splunk_hec_logs",
            "datadog",
            "datadog_logs",
        ),
        *("stackdriver", "googlecloud", "gcp_stackdriver_logs", "google_cloud", "cloudwatch", "cloudwatch_logs", "awscloudwatchlogs"),
        *(
            "aws_cloudwatch_logs",
            "azure",
            "azure_monitor_logs",
            "azure_logs_ingestion",
            "azuremonitor",
            "s3",
            "aws_s3",
            "gcp_cloud_storage",
        ),
        *(
            "nrlogs",
            "newrelic",
            "new_relic",
            "new_relic_logs",
            "gelf",
            "logdna",
            "logzio",
            "honeycomb",
            "clickhouse",
            "axiom",
            "papertrail",
        ),
    )
)
NO_LOGS = frozenset(
    (
        *("prometheus_exporter", "prometheus_remote_write", "prometheus", "prometheusremotewrite", "statsd", "blackhole", "null", "nop"),
        *("console", "stdout", "debug", "logging", "file", "counter", "flowcounter"),
    )
)
_ALWAYS = ("promtail", "alloy", "grafana-agent")


class Destination(msgspec.Struct, frozen=True):
    """Where one agent's pod sends logs. `loki` is whether that is a Loki; None where nothing tells.

    `nowhere` are outputs whose address names a Service that does not exist. Where no Loki is recognised, `strange` are the Services
    (namespace and name) that are sent to as to one, and `away` the addresses outside of the cluster.
    """

    program: str
    node: str
    owner: str
    outputs: list[Output]
    loki: bool | None
    nowhere: list[Output] = []
    strange: list[tuple[str, str]] = []
    away: list[str] = []

    @property
    def names(self) -> list[str]:
        """Its outputs, for a sentence."""
        return [one.to or one.name or one.kind for one in self.outputs if one.kind not in NO_LOGS]


@source()
def agent_destinations(
    system_pods: Readings[SystemPod],
    agent_states: Readings[AgentState],
    agent_configurations: Readings[AgentConfiguration],
    services: Readings[Service],
    namespaces: Readings[Namespace],
    profile: Profile,
) -> Readings[Destination]:
    """Where every log agent that is there to stay sends to."""
    agents, states = judged_agents(system_pods, profile), agent_states.by_name()
    configured = agent_configurations.by_name()
    lokis = of_system(system_pods, LOKI)
    alone = lokis.complete and not lokis.values and services.complete and not any(one.system == LOKI.key for one in profile.endpoints)
    known = [one.pod for one in system_pods.items]
    found: Collector[Destination] = Collector(unreadable=list(agents.unreadable))
    for subject, one in agents:
        if not stays(one.pod):
            continue
        place, state = subject.namespace, states.get((subject.namespace, subject.name))
        own = [read for name in maps_of(one.pod) if (read := configured.get((place, name)))]
        outputs = [each for read in own for each in read.configured.outputs] or (state.outputs if state else [])
        led = [each for each in outputs if _leads(each, place, services, lokis)]
        nowhere = [each for each in outputs if services.complete and _leads_nowhere(each, place, services, namespaces)]
        loki = True if led or (one.key in _ALWAYS and not _only_metrics(outputs)) else _by_kinds(outputs)
        strange, away = _unknown(outputs, place, services, known) if alone and loki else ([], [])
        found.add(subject, Destination(one.key, one.pod.spec.node_name, owner_of(one.pod), outputs, loki, nowhere, strange, away))
    return found.readings(agents.absent)


def _unknown(
    outputs: Iterable[Output], namespace: str, services: Readings[Service], known: list[Pod]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Where it sends to as to a Loki: the Services with no pod of any known system behind them, and the addresses of elsewhere."""
    addresses = {one.to or one.name for one in outputs if one.kind in TO_LOKI}
    places = {one: service_in(one, namespace) for one in addresses}
    there = {place: services.by_name()[place] for place in places.values() if place in services.by_name()}
    strange = [place for place, service in there.items() if not any(leads_to(service, pod) for pod in known)]
    return sorted(strange), sorted(one for one, place in places.items() if not place[1] and "." in one)


def _only_metrics(outputs: list[Output]) -> bool:
    """Whether its outputs are known, and none of them takes logs."""
    return bool(outputs) and all(one.kind in NO_LOGS for one in outputs)


def _by_kinds(outputs: Iterable[Output]) -> bool | None:
    kinds = {one.kind for one in outputs} - NO_LOGS
    if kinds & TO_LOKI:
        return True
    return False if kinds and kinds <= TO_OTHERS else None


_NAME = ours(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")  # of a Service


def service_in(address: str, namespace: str) -> tuple[str, str]:
    """The namespace and name of the Service that an address names, from within a namespace; empty for any other address.

    >>> service_in("http://loki-gateway.logging.svc.cluster.local:80/otlp", "apps"), service_in("loki:3100", "logging")
    (('logging', 'loki-gateway'), ('logging', 'loki'))
    >>> service_in("logs.example.com:443", "apps"), service_in("${HOST}:3100", "apps")
    (('', ''), ('', ''))
    """
    host = address.partition("://")[2] or address
    host = host.partition("/")[0].partition(":")[0].rstrip(".")
    parts = host.removesuffix(".cluster.local").removesuffix(".svc").split(".")
    if len(parts) > 2 or parts == ["localhost"] or not all(_NAME.fullmatch(one) for one in parts):
        return "", ""
    return (parts[1], parts[0]) if len(parts) == 2 else (namespace, parts[0])


def _leads(output: Output, namespace: str, services: Readings[Service], lokis: Readings[SystemPod]) -> bool:
    """Whether its address is that of a Service of Loki's, or of the gateway before it."""
    place = service_in(output.to, namespace)
    service = services.by_name().get(place) if place[1] else None
    return service is not None and any(leads_to(service, one.pod) for one in lokis.items)


def _leads_nowhere(output: Output, namespace: str, services: Readings[Service], namespaces: Readings[Namespace]) -> bool:
    """Whether its address names a Service that there is none of; `logs.example` may be a host of elsewhere, unless it ends with `.svc`."""
    place = service_in(output.to, namespace)
    if not place[1] or place in services.by_name():
        return False
    alone = "." not in (output.to.partition("://")[2] or output.to).partition("/")[0].partition(":")[0]
    return alone or ".svc" in output.to or any(one.metadata.name == place[0] for one in namespaces.items)
