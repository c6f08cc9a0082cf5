"""Lines that log agents dropped: how many recently, as Prometheus has it, and why, as the agents' own logs say."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.log_agents.agents import is_agent, judged_agents
from clusterprobe.systems.log_agents.metrics import increases
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.systems.log_agents.wordings import Words, words_of
from clusterprobe.systems.prometheus.query import query

MAX_AGENTS = 5
LINES = 500
QUIET_SECONDS = 120  # after which what was sent again is taken to have arrived: an agent says nothing of that


class Drops(msgspec.Struct, frozen=True):
    """The increase of an agent's counter over the window, by reason, as one Prometheus scraped it; 0 is an answer."""

    namespace: str
    pod: str
    reason: str
    count: float


class Dropped(msgspec.Struct, frozen=True):
    """What one Prometheus knows of all agents; it may know none."""

    drops: list[Drops]


@source(proxied("pods"))
def agent_drops(
    cluster: Cluster, prometheus_servers: Readings[Server], system_pods: Readings[SystemPod], profile: Profile
) -> Readings[Dropped]:
    """How many lines each agent dropped within the window, from every Prometheus."""
    programs = {one.key for one in judged_agents(system_pods, profile).items}
    expression = increases(programs, f"{round(profile.thresholds.log_agents.drop_minutes * 60)}s")

    def read(endpoint: Endpoint, _: Server) -> Dropped:
        if not expression:
            return Dropped([])
        found = query(endpoint, expression)
        labels = [(one.labels.get("namespace", ""), one.labels.get("pod", ""), one.labels.get("reason", "")) for one in found]
        return Dropped([Drops(*each, round(one.value, 1)) for each, one in zip(labels, found, strict=True)])

    return read_each(cluster, profile, prometheus_servers, read)


class SendErrors(msgspec.Struct, frozen=True):
    """The last words of an agent on what it gave up (`said`) or sends again (`waits`): the status and what the receiver answered.

    `given_up` and `retried` count the lines that say so, within the window. All are empty if it said nothing. `quiet`: the last of
    `retried` is longer ago than a moment.
    """

    said: list[str]
    waits: list[str] = []
    given_up: int = 0
    retried: int = 0
    quiet: bool = False


@source(Call("get", "pods/log"))
def agent_send_errors(
    cluster: Cluster, agent_states: Readings[AgentState], system_pods: Readings[SystemPod], profile: Profile
) -> Readings[SendErrors]:
    """Why lines were refused, from the logs of a few of the agents whose counters say so, or could not be read."""
    states = agent_states.by_name()
    wanted: Collector[SystemPod] = Collector()
    for subject, one in judged_agents(system_pods, profile):
        state = states.get((subject.namespace, subject.name))
        troubled = state.dropped or state.failing if state else one.pod.running
        if is_agent(one) and troubled and len(wanted.values) < MAX_AGENTS:
            wanted.add(subject, one)
    seconds = round(profile.thresholds.log_agents.drop_minutes * 60)

    def words(one: SystemPod, since: int) -> list[Words]:
        return words_of(one.key, last_lines(cluster, one.pod, one.container, LINES, since_seconds=since))

    def read(_: object, one: SystemPod) -> SendErrors:
        found = errors_of(words(one, seconds))
        if not found.retried or seconds <= QUIET_SECONDS:
            return found
        return msgspec.structs.replace(found, quiet=all(each.lost for each in words(one, QUIET_SECONDS)))

    return cluster.each(wanted.readings("no agent lost or failed to send a line"), read)


def errors_of(words: list[Words]) -> SendErrors:
    """What an agent's lines come to, each answer once."""
    lost = [one for one in words if one.lost]
    waits = [one for one in words if not one.lost]
    said, again = ([*dict.fromkeys(one.answer for one in each if one.answer)][-3:] for each in (lost, waits))
    return SendErrors(said, again, len(lost), len(waits))
