"""What is left of terminations that are over: the kubelets' events, and what Prometheus scraped of kube-state-metrics."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint, Resource
from clusterprobe.access.servers import Server, read_each
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.queries import Not, matchers
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace, Node, Object, Pod
from clusterprobe.systems.kubernetes.resources import PODS, lists
from clusterprobe.systems.kubernetes.workloads import daemon_set_of
from clusterprobe.systems.pods.termination.model import (
    CLEANUP_SECONDS,
    AgentTermination,
    Kill,
    PastTermination,
    Phase,
    going,
    is_outlier,
)
from clusterprobe.systems.prometheus.query import query
from clusterprobe.thresholds import Thresholds
from clusterprobe.times import epoch

KILLINGS = Resource("v1", "events", "Event", field_selector="reason=Killing")
SUFFIX_LENGTH = 5  # of a DaemonSet's pods: promtail-x7k2p
DEFAULT_GRACE_SECONDS = 30
SAME_SECONDS = 60.0  # between an event and a scrape of one and the same termination
KILLED_WITHIN_SECONDS = 3.0  # after the end of its grace, a pod that was killed then is gone

# --- events -----------------------------------------------------------------------------------------------------------


class _Involved(Object, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class _EventSource(Object, frozen=True):
    host: str = ""


class _Event(Object, frozen=True):
    metadata: Metadata
    involved_object: _Involved = msgspec.field(default_factory=_Involved)
    message: str = ""
    source: _EventSource = msgspec.field(default_factory=_EventSource)
    reporting_instance: str = ""
    first_timestamp: str | None = None
    event_time: str | None = None


@source(lists(KILLINGS))
def pod_kills(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Kill]:
    """When the kubelets began to stop containers, as far back as events are kept (an hour, usually)."""
    found: Collector[Kill] = Collector()
    events = cluster.list(KILLINGS, _Event, namespaces)
    found.unreadable.extend(events.unreadable)
    for subject, event in events:
        pod, at = event.involved_object, epoch(event.first_timestamp) or epoch(event.event_time)
        # A container that is only restarted has another message.
        if pod.kind == "Pod" and at is not None and event.message.startswith("Stopping container"):
            node = event.source.host or event.reporting_instance
            found.add(subject, Kill(namespace=pod.namespace, pod=pod.name, uid=pod.uid, node=node, at=at))
    return found.readings("no kubelet has stopped a container recently")


# --- Prometheus -------------------------------------------------------------------------------------------------------

WINDOW = "1h"
_ON_NODES = matchers({"node": Not("")})
_INFO = f"topk by (uid) (1, max by (uid, node, created_by_kind, created_by_name) (last_over_time(kube_pod_info{_ON_NODES}[{WINDOW}])))"
# timestamp() is when a sample was scraped: the value of a step may be older, or stand for a pod that is gone by then.
_SCRAPED = f"timestamp(kube_pod_deletion_timestamp)[{WINDOW}:15s]"
LAST_SEEN = (
    f"max by (namespace, pod, uid) (max_over_time({_SCRAPED})) * on (uid) group_left (node, created_by_kind, created_by_name) {_INFO}"
)
FIRST_SEEN = f"min by (uid) (min_over_time({_SCRAPED}))"
DEADLINE = f"min by (uid) (min_over_time(kube_pod_deletion_timestamp[{WINDOW}]))"


@source(proxied("pods"))
def past_terminations(cluster: Cluster, prometheus_servers: Readings[Server], profile: Profile) -> Readings[list[PastTermination]]:
    """Terminations of the last hour that a scrape of kube-state-metrics happened to see, from every Prometheus."""

    def read(endpoint: Endpoint, _: Server) -> list[PastTermination]:
        first = {one.labels.get("uid", ""): one.value for one in query(endpoint, FIRST_SEEN)}
        deadline = {one.labels.get("uid", ""): one.value for one in query(endpoint, DEADLINE)}
        seen = [(one.labels, one.value) for one in query(endpoint, LAST_SEEN)]
        return [_past(labels, last, first, deadline) for labels, last in seen if labels.get("uid", "") in first.keys() & deadline.keys()]

    return read_each(cluster, profile, prometheus_servers, read)


def _past(labels: dict[str, str], last: float, first: dict[str, float], deadline: dict[str, float]) -> PastTermination:
    uid = labels["uid"]
    overdue = last - deadline[uid]
    kind, name = labels.get("created_by_kind", ""), labels.get("created_by_name", "")
    return PastTermination(
        namespace=labels.get("namespace", ""),
        pod=labels.get("pod", ""),
        uid=uid,
        node=labels.get("node", ""),
        owner=f"{kind}/{name}" if name else "",
        seconds=max(last - first[uid], overdue, 0.0),
        overdue_seconds=overdue,
        last_seen=last,
    )


# --- DaemonSets -------------------------------------------------------------------------------------------------------


@source()
def agent_terminations(
    pods: Readings[Pod], nodes: Readings[Node], pod_kills: Readings[Kill], past_terminations: Readings[list[PastTermination]]
) -> Readings[AgentTermination]:
    """How long the predecessors of the DaemonSets' pods took to go.

    A DaemonSet's pod is made as soon as its predecessor on the node is gone: from the kubelet's event to its creation is how
    long that took. What lasted longer than the grace period allows is left out: the grace was another one then, or the node
    was away, and nothing tells.
    """
    found: Collector[AgentTermination] = Collector(
        unreadable=[*pods.unreadable, *nodes.unreadable, *pod_kills.unreadable, *past_terminations.unreadable]
    )
    begun = _begun(pod_kills, {pod.metadata.uid for pod in pods.items})
    steady = {one.metadata.name: _ready_since(one) for one in nodes.items}
    agents = [pod for pod in pods.items if daemon_set_of(pod) and pod.spec.node_name]
    for pod in agents:
        kill = _predecessor(pod, begun)
        created = epoch(pod.metadata.creation_timestamp)
        if kill and created is not None and steady.get(pod.spec.node_name, 0.0) <= kill.at:
            _add(found, pod, kill.pod, created - kill.at, at=created)
    for past in [one for seen in past_terminations.items for one in seen]:
        kind, _, name = past.owner.partition("/")
        heir = next((pod for pod in agents if _place(pod) == (past.namespace, name, past.node)), None)
        if kind == "DaemonSet" and heir and heir.metadata.uid != past.uid and steady.get(past.node, 0.0) <= past.last_seen - past.seconds:
            _add(found, heir, past.pod, past.seconds, at=past.last_seen, scraped=True)
    return found.readings("no pod of a DaemonSet was replaced recently")


def _add(found: Collector[AgentTermination], heir: Pod, pod: str, seconds: float, *, at: float, scraped: bool = False) -> None:
    """Of what a scrape saw, only a lower bound is known."""
    grace = grace_of(heir)
    if not 0 <= seconds <= grace + CLEANUP_SECONDS:
        return
    killed = not scraped and grace - 1 <= seconds <= grace + KILLED_WITHIN_SECONDS
    place = dict(zip(("namespace", "daemon_set", "node"), _place(heir), strict=True))
    one = AgentTermination(
        **place,
        pod=pod,
        seconds=seconds,
        grace_seconds=grace,
        phase=Phase.APPLICATION.name if killed else "",
        at_least=scraped,
        seen="Prometheus" if scraped else "events",
        at=at,
    )
    found.add(PODS.subject(heir.metadata.namespace, pod, owner=f"DaemonSet/{one.daemon_set}"), one)


def grace_of(pod: Pod) -> int:
    """A pod's effective grace period in seconds."""
    grace = pod.spec.termination_grace_period_seconds
    return DEFAULT_GRACE_SECONDS if grace is None else grace


def _place(pod: Pod) -> tuple[str, str, str]:
    return pod.metadata.namespace, daemon_set_of(pod), pod.spec.node_name


def _begun(kills: Readings[Kill], alive: set[str]) -> list[Kill]:
    """For each pod that is gone, the first of its containers to be stopped."""
    first: dict[str, Kill] = {}
    for one in kills.items:
        if one.uid not in alive and (one.uid not in first or one.at < first[one.uid].at):
            first[one.uid] = one
    return list(first.values())


def _predecessor(pod: Pod, begun: list[Kill]) -> Kill | None:
    """The pod of the same DaemonSet on the same node that went last before this one came."""
    namespace, daemon_set, node = _place(pod)
    created = epoch(pod.metadata.creation_timestamp) or 0.0
    same = [one for one in begun if one.namespace == namespace and one.node == node and one.at <= created]
    return max((one for one in same if _is_of(one.pod, daemon_set)), key=lambda one: one.at, default=None)


def _is_of(pod: str, daemon_set: str) -> bool:
    stem, _, suffix = pod.rpartition("-")
    return stem == daemon_set and len(suffix) == SUFFIX_LENGTH


def _ready_since(node: Node) -> float:
    """Since when a node is ready without a break; for ever in the future for one that is not."""
    for one in node.status.conditions or []:
        if one.type == "Ready" and one.status == "True":
            return epoch(one.last_transition_time) or 0.0
    return float("inf")


def agents_going(pods: Readings[Pod], now: float) -> Iterator[tuple[Subject, AgentTermination]]:
    """The DaemonSets' pods that are being deleted right now, and for how long."""
    for subject, pod in pods:
        state = going(pod, {})
        if state and daemon_set_of(pod) and state.phase in (Phase.APPLICATION, Phase.CLEANUP):
            namespace, daemon_set, node = _place(pod)
            yield (
                subject,
                AgentTermination(
                    namespace=namespace,
                    daemon_set=daemon_set,
                    node=node,
                    pod=pod.metadata.name,
                    seconds=max(0.0, now - state.requested_at),
                    grace_seconds=int(state.deadline_at - state.requested_at),
                    phase=state.phase.name,
                    at_least=True,
                    seen="now",
                ),
            )


Peers = dict[str, list[AgentTermination]]


def slowest(terminations: list[AgentTermination]) -> AgentTermination:
    """The one that took longest."""
    return max(terminations, key=lambda one: one.seconds)


def _since_the_last(terminations: list[AgentTermination]) -> list[AgentTermination]:
    """Those from the last one on whose time is known as a whole: what was slow before that may have been repaired since."""
    known = [one.at for one in terminations if one.at is not None and not one.at_least]
    since = max(known, default=0.0) - SAME_SECONDS
    return [one for one in terminations if one.at is None or one.at >= since]


def by_daemon_set(terminations: list[AgentTermination]) -> dict[tuple[str, str], Peers]:
    """Terminations by DaemonSet (namespace, name) and then by node."""
    found: dict[tuple[str, str], Peers] = {}
    for one in terminations:
        found.setdefault((one.namespace, one.daemon_set), {}).setdefault(one.node, []).append(one)
    return found


def slow_agents(terminations: list[AgentTermination], thresholds: Thresholds) -> Iterator[tuple[AgentTermination, dict[str, float]]]:
    """The DaemonSets' terminations that stick out: on one node far longer than on the others, and than a short grace allows.

    Gives each with what the peers took, by node. One that hangs after its containers ended is none of the agent's.
    """
    for nodes in by_daemon_set(terminations).values():
        worst = {node: slowest(_since_the_last(seen)) for node, seen in nodes.items()}
        for node, one in worst.items():
            peers = {other: slowest(seen).seconds for other, seen in nodes.items() if other != node}
            sticks_out = is_outlier(
                one.seconds, peers.values(), factor=thresholds.termination.outlier_factor, least=thresholds.termination.outlier_seconds
            )
            if sticks_out and one.phase != Phase.CLEANUP.name and one.seconds > thresholds.log_agents.grace_seconds + CLEANUP_SECONDS:
                yield one, peers
