"""Which nodes' logs are collected: log agents of any kind, the nodes that they are on, and the nodes that need none."""

from __future__ import annotations

from clusterprobe.known_systems import BY_KEY, PROMTAIL, System
from clusterprobe.model import Struct, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, only_helps, program_of
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.nodes import is_virtual
from clusterprobe.systems.kubernetes.objects import Node, Pod
from clusterprobe.systems.kubernetes.workloads import daemon_set_of
from clusterprobe.systems.log_agents.agents import AGENTS, FROM_AFAR, mounts_just_logs, mounts_logs, stays
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.times import epoch
from clusterprobe.words import listed

YOUNG_SECONDS = 120.0


class Cover(Struct, frozen=True):
    """The agents' pods of one node, by what state they are in."""

    ready: tuple[Subject, ...] = ()
    going: tuple[Subject, ...] = ()
    young: tuple[Subject, ...] = ()
    failing: tuple[tuple[Subject, str], ...] = ()


Sets = list[tuple[Subject, DaemonSet]]


def agent_sets(sets: Readings[DaemonSet], profile: Profile) -> tuple[Sets, dict[Subject, System]]:
    """The DaemonSets that collect the logs of the node they run on, and which of them are of a system that no probe judges.

    What the profile accepts unjudged is not among those.
    """
    found: Sets = []
    unjudged: dict[Subject, System] = {}
    for subject, one in sets:
        spec = one.spec.template.spec
        system = program_of(one.metadata, spec, profile) if mounts_logs(spec.volumes) else None
        if system is None or not (system in AGENTS or system.stands_for == PROMTAIL.key):
            continue
        found.append((subject, one))
        if system not in AGENTS and profile.accepts(system.key, subject.namespace) is None:
            unjudged[subject] = system
    return found, unjudged


def strange_sets(sets: Readings[DaemonSet], profile: Profile) -> list[Subject]:
    """The DaemonSets that mount the nodes' logs, and whose program is not known: each may be a log agent."""
    found = []
    for subject, one in sets:
        spec = one.spec.template.spec
        known = only_helps(spec.containers) or program_of(one.metadata, spec, profile) is not None
        if mounts_just_logs(spec.volumes) and not known:
            found.append(subject)
    return found


def _no_judge(system: System) -> str:
    """Why it is not known what becomes of the lines of some nodes, `{nodes}`, that a system reads which no probe judges."""
    return (
        f"it is {system.name}, and no other log agent runs on {{nodes}}; no probe judges whether what it reads arrives anywhere. If "
        f"something else watches it, accept that in the profile: `not_judged: [{system.key}]`"
    )


def by_destination(
    sets: Sets, unjudged: dict[Subject, System], destinations: Readings[Destination]
) -> tuple[Sets, Sets, dict[Subject, str]]:
    """Those that count for a node's coverage, those that are seen to send elsewhere than to Loki, and those of which that is not known.

    Where none is seen to send to Loki, all count: each is the log agent of whatever it sends to. The last are among the first, each with
    why it is in doubt, in which `{nodes}` stands for the nodes that it is alone on.
    """
    seen: dict[tuple[str, str], Destination] = {}
    for subject, one in destinations:
        kind, _, name = one.owner.partition("/")
        if kind == "DaemonSet":
            seen[subject.namespace, name] = one
    open_ones = {place: _no_judge(system) for place, system in unjudged.items()}
    told = {subject: seen.get((subject.namespace, subject.name)) for subject, _ in sets}
    if not any(one and one.loki for one in told.values()):
        return sets, [], open_ones
    aside = [pair for pair in sets if (known := told[pair[0]]) and known.loki is False]
    doubts = {subject: _doubt(known) for subject, known in told.items() if known and known.loki is None}
    return [pair for pair in sets if pair not in aside], aside, {**doubts, **open_ones}


def _doubt(one: Destination) -> str:
    system = BY_KEY[one.program]
    return (
        f"it is {system.name}, and no other log agent runs on {{nodes}}; neither its metrics nor a ConfigMap says if it sends to Loki, "
        f"as another agent here does. If something else watches it, accept that in the profile: `not_judged: [{system.key}]`"
    )


def runs_beside(cover: Cover, destinations: Readings[Destination]) -> str:
    """A sentence on the agents of a node that send elsewhere; empty without one."""
    by_name = destinations.by_name()
    there = [(one, by_name[one.namespace, one.name]) for one in cover.ready if (one.namespace, one.name) in by_name]
    told = [f"{BY_KEY[known.program].name} {one.namespace}/{one.name}, which sends to {listed(known.names, 2)}" for one, known in there]
    return f" There runs {listed(told, 2)}, and not to Loki." if told else ""


def sets_for(node: Node, sets: Sets) -> Sets:
    """Those whose agent is for the node's operating system; one that does not say is for Linux, as nearly all are."""
    return [pair for pair in sets if _for_windows(pair[1]) == node.windows]


def _for_windows(one: DaemonSet) -> bool:
    spec = one.spec.template.spec
    if "kubernetes.io/os" in (spec.node_selector or {}):
        return (spec.node_selector or {})["kubernetes.io/os"] == "windows"
    required = spec.affinity.node_affinity.required if spec.affinity and spec.affinity.node_affinity else None
    expressions = [each for term in (required.node_selector_terms or [] if required else []) for each in term.match_expressions or []]
    return any(one.key == "kubernetes.io/os" and one.operator == "In" and one.values_ == ["windows"] for one in expressions)


def central_agents(pods: Readings[SystemPod]) -> list[SystemPod]:
    """Agents that are no DaemonSet's: they may read all nodes' logs from the API server."""
    return [one for one in pods.items if one.system in FROM_AFAR and stays(one.pod) and one.pod.running and not daemon_set_of(one.pod)]


def covers(sets: Sets, pods: Readings[Pod], now: float) -> dict[str, Cover]:
    """What each node has of agents."""
    names = {(subject.namespace, subject.name) for subject, _ in sets}
    found: dict[str, Cover] = {}
    for subject, pod in pods:
        if (subject.namespace, daemon_set_of(pod)) not in names or pod.status.phase in ("Succeeded", "Failed"):
            continue
        before = found.get(pod.spec.node_name, Cover())
        found[pod.spec.node_name] = _with(before, subject, pod, now)
    return found


def _with(cover: Cover, subject: Subject, pod: Pod, now: float) -> Cover:
    ready, going, young, failing = cover.ready, cover.going, cover.young, cover.failing
    if pod.metadata.deletion_timestamp:
        going = (*going, subject)
    elif pod.ready:
        ready = (*ready, subject)
    elif now - (epoch(pod.metadata.creation_timestamp) or now) < YOUNG_SECONDS:
        young = (*young, subject)
    else:
        failing = (*failing, (subject, _state(pod)))
    return Cover(ready=ready, going=going, young=young, failing=failing)


def _state(pod: Pod) -> str:
    waiting = [one.state.waiting.reason for one in pod.status.container_statuses or [] if one.state.waiting]
    return waiting[0] if waiting and waiting[0] else f"{pod.status.phase or 'in no phase'}, and not ready"


def runs(pod: Pod) -> bool:
    """Whether all its containers run, so that what it lacks is readiness alone."""
    told = pod.status.container_statuses or []
    return pod.running and bool(told) and all(one.state.running is not None for one in told)


def needs_none(node: Node, busy: bool, now: float) -> str:
    """Why a node without an agent is all right, or cannot be judged now; empty if it is not all right."""
    if is_virtual(node):
        return "it is virtual, and runs no agents"
    if not node.ready:
        return "it is not ready"
    if node.spec.unschedulable and not busy:
        return "it is cordoned and runs nothing but DaemonSets"
    if now - (epoch(node.metadata.creation_timestamp) or 0.0) < YOUNG_SECONDS:
        return "it has only just joined"
    return ""


def workloads_on(pods: Readings[Pod]) -> dict[str, list[Pod]]:
    """The running pods of each node that are neither a DaemonSet's nor the node's own."""
    found: dict[str, list[Pod]] = {}
    for pod in pods.items:
        static = any(one.kind == "Node" for one in pod.metadata.owner_references)
        if pod.running and not static and not daemon_set_of(pod):
            found.setdefault(pod.spec.node_name, []).append(pod)
    return found
