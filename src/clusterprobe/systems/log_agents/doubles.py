"""Log agents that read the same logs, and send them to the same receiver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from clusterprobe.model import Struct, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.log_agents.destinations import NO_LOGS, Destination, service_in
from clusterprobe.systems.log_agents.states import AgentState


class Double(Struct, frozen=True):
    """Two agents, the receiver that both send to, and the namespaces and nodes whose logs each of them reads as a whole."""

    owners: tuple[Subject, Subject]
    to: str
    namespaces: set[str]
    nodes: set[str]


def doubles(states: Readings[AgentState], destinations: Readings[Destination], pods: Readings[Pod]) -> list[Double]:
    """Two that share the pods of a namespace among them are none: each has to read as many files there as containers run."""
    running = _containers(pods)
    on_node: dict[str, list[tuple[Subject, AgentState]]] = {}
    for subject, state in states:
        if state.owner:
            on_node.setdefault(state.node, []).append((_owner(subject, state), state))
    sent = {(one.node, _owner(subject, one)): set(_receivers(one, subject.namespace)) for subject, one in destinations if one.loki}
    found: dict[tuple[Subject, Subject, str], Double] = {}
    for node, agents in on_node.items():
        for (first, one), (second, other) in combinations(sorted(agents, key=lambda pair: str(pair[0])), 2):
            shared = {name for name in one.reads if 0 < running[node, name] <= min(one.reads[name], other.reads.get(name, 0))}
            for to in sent.get((node, first), set()) & sent.get((node, second), set()) if first != second and shared else ():
                double = found.setdefault((first, second, to), Double(owners=(first, second), to=to, namespaces=set(), nodes=set()))
                double.namespaces.update(shared)
                double.nodes.add(node)
    return list(found.values())


def _containers(pods: Readings[Pod]) -> Counter[tuple[str, str]]:
    return Counter((pod.spec.node_name, subject.namespace) for subject, pod in pods if pod.running for _ in pod.spec.containers)


def _owner(agent: Subject, one: AgentState | Destination) -> Subject:
    kind, _, name = one.owner.partition("/")
    return Subject(kind=kind, namespace=agent.namespace, name=name)


def _receivers(one: Destination, namespace: str) -> Iterator[str]:
    for output in one.outputs:
        if output.to and output.kind not in NO_LOGS:
            place = service_in(output.to, namespace)
            yield "/".join(place) if place[1] else (output.to.partition("://")[2] or output.to).partition("/")[0]
