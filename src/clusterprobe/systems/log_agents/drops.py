"""Lines that log agents dropped: how many recently, as Prometheus has it, and why, as the agents' own logs say."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.formats.logfmt import fields_of
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.log_agents.states import DROPPED, AgentState
from clusterprobe.systems.prometheus.query import query

FINAL = "final error sending batch"
MAX_AGENTS = 5
LINES = 500


class Drops(msgspec.Struct, frozen=True):
    """The increase of an agent's counter over the window, by reason, as one Prometheus scraped it; 0 is an answer."""

    namespace: str
    pod: str
    reason: str
    count: float


class Dropped(msgspec.Struct, frozen=True):
    """What one Prometheus knows of all agents; it may know none."""

    drops: list[Drops]


def increase_of(minutes: float) -> str:
    """The query: only pods that were scraped at least twice within the window are in its answer."""
    window = f"{round(minutes * 60)}s"
    return " or ".join(f"sum by (namespace, pod, reason) (increase({name}[{window}]))" for name in DROPPED)


@source(proxied("pods"))
def agent_drops(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[Dropped]:
    """How many lines each agent dropped within the window, from every Prometheus."""
    expression = increase_of(profile.thresholds.log_agents.drop_minutes)

    def read(endpoint: Endpoint, _: Server) -> Dropped:
        found = query(endpoint, expression)
        labels = [(one.labels.get("namespace", ""), one.labels.get("pod", ""), one.labels.get("reason", "")) for one in found]
        return Dropped([Drops(*each, round(one.value, 1)) for each, one in zip(labels, found, strict=True)])

    return read_each(cluster, profile, prometheus_servers, read)


class SendErrors(msgspec.Struct, frozen=True):
    """The last words of an agent on batches that it gave up: the status and what Loki answered; empty if it said nothing."""

    said: list[str]


@source(Call("get", "pods/log"))
def agent_send_errors(
    cluster: Cluster, agent_states: Readings[AgentState], system_pods: Readings[SystemPod], profile: Profile
) -> Readings[SendErrors]:
    """Why Loki refused lines, from the logs of a few of the agents that dropped some."""
    by_name = system_pods.by_name()
    wanted: Collector[SystemPod] = Collector()
    for subject, state in agent_states:
        one = by_name.get((subject.namespace, subject.name))
        if state.dropped and one and len(wanted.values) < MAX_AGENTS:
            wanted.add(subject, one)
    seconds = round(profile.thresholds.log_agents.drop_minutes * 60)

    def read(_: object, one: SystemPod) -> SendErrors:
        lines = last_lines(cluster, one.pod, one.container, LINES, since_seconds=seconds)
        return SendErrors(list(dict.fromkeys(said for line in lines if FINAL in line and (said := _error(line))))[-3:])

    return cluster.each(wanted.readings("no agent dropped a line"), read)


def _error(line: str) -> str:
    """What Loki answered, out of a line that may have been cut short."""
    fields = fields_of(line)
    if not fields.get("error"):
        fields = fields_of(line + '"')
    return excerpt(fields.get("error", "") or line, 300)
