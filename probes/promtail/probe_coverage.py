from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.known_systems import LOKI, PROMTAIL
from clusterprobe.model import Command, Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet, why_not_on
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import Node, Pod
from clusterprobe.systems.kubernetes.resources import NODES, SERVICES
from clusterprobe.systems.kubernetes.workloads import daemon_set_of
from clusterprobe.systems.log_agents.advice import let_run, look_at_agent, where_loki_refuses
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.log_agents.doubles import Double, doubles
from clusterprobe.systems.log_agents.drops import Dropped, SendErrors
from clusterprobe.systems.log_agents.loss_words import why_lost, why_waiting
from clusterprobe.systems.log_agents.losses import Evidence, Trouble, troubles
from clusterprobe.systems.log_agents.metrics import amount
from clusterprobe.systems.log_agents.node_coverage import (
    Cover,
    Sets,
    agent_sets,
    by_destination,
    central_agents,
    covers,
    needs_none,
    runs,
    runs_beside,
    sets_for,
    strange_sets,
    workloads_on,
)
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.systems.log_agents.wordings import WORDINGS
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

NODE_WITHOUT_AGENT = FindingKind("NodeWithoutAgent", Severity.ERROR, "A node has no log agent.")
AGENT_NOT_RUNNING = FindingKind("AgentNotRunning", Severity.ERROR, "The log agent of a node does not run.")
AGENT_NOT_READY = FindingKind("AgentNotReady", Severity.WARNING, "The log agent of a node runs, and is not ready.")
LINES_DROPPED = FindingKind("LinesDropped", Severity.ERROR, "A log agent drops lines.")
AGENT_BEHIND = FindingKind("AgentBehind", Severity.WARNING, "A log agent is far behind with what it reads.", settles=True)
PROMTAIL_END_OF_LIFE = FindingKind(
    "PromtailEndOfLife",
    Severity.INFO,
    "Promtail has reached its end of life, and still runs.",
    prevention="Keep an eye on the end of life of what is deployed.",
)
SENDS_FAIL = FindingKind(
    "SendsFail",
    Severity.WARNING,
    "What a log agent sends is refused or does not arrive, so that it sends again, and loses lines in the end.",
    settles=True,
)
READ_TWICE = FindingKind(
    "LogsReadTwice",
    Severity.WARNING,
    "Two log agents send the same logs to one receiver.",
    prevention="While one log agent replaces another, let each node have one of them.",
)
STRANGE = (
    "it mounts the nodes' logs, and its program is not known here, so whether all that it reads arrives is not known: name its image or "
    "labels under `systems:` in the profile, as the log agent that it is or is most like, and under `not_judged` if that cannot be judged"
)
SCRAPES = (
    "it scrapes metrics, too, and no probe judges its targets, while nothing here does that whose targets are judged; if something else "
    "watches them, accept in the profile that nothing judges it: `not_judged: [{key}]`"
)
END_OF_LIFE = 1772409600.0  # 2026-03-02


@reports(NODE_WITHOUT_AGENT, AGENT_NOT_RUNNING, AGENT_NOT_READY, LINES_DROPPED, SENDS_FAIL, AGENT_BEHIND, READ_TWICE, PROMTAIL_END_OF_LIFE)
def probe_coverage(
    verdict: Verdict,
    nodes: Conditional[Node],
    pods: Needed[Pod],
    system_pods: Needed[SystemPod],
    daemon_sets: Needed[DaemonSet],
    agent_states: Examined[AgentState],
    agent_drops: Conditional[Dropped],
    agent_send_errors: Enriching[SendErrors],
    agent_destinations: Needed[Destination],
    metric_servers: Enriching[Server],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a log agent run on every node, and does everything that it reads arrive?

    Problem: The logs of some pods are not in Loki, and are lost with the pod: nothing else shows that they were not collected.
    Cause: A node's taint that the agent does not tolerate, or a nodeSelector that leaves the node out; or an agent that drops lines,
    because the receiver refuses them (rate limits, too old, too long) or is not where it sends to; or one that is far behind, or sends
    to another receiver than Loki. Promtail itself reached its end of life on 2 March 2026; its successor is Grafana Alloy.
    Fix: Add the toleration; raise the limit that the finding names, or write less.
    Prevention: Let the agent tolerate every taint (`operator: Exists`), alert on nodes without one (kube_node_info unless its DaemonSet's
    pods) and on its counters of dropped entries, and run this probe after nodes or taints change.
    """
    every, unjudged = agent_sets(daemon_sets, profile)
    sets, aside, doubts = by_destination(every, unjudged, agent_destinations)
    if sets and daemon_sets.complete:
        around, busy = covers(sets, pods, clock.now), workloads_on(pods)
        _mention_doubts(verdict, around, covers([pair for pair in sets if pair[0] not in doubts], pods, clock.now), doubts, pods)
        beside = {name: runs_beside(one, agent_destinations) for name, one in covers(aside, pods, clock.now).items()}
        for subject, node in nodes.examine():
            here = (around.get(subject.name, Cover()), busy.get(subject.name, []), sets, pods, system_pods, clock.now)
            _judge_node(verdict, subject, node, _Surroundings(*here, beside.get(subject.name, "")))
    elif not sets and daemon_sets.complete:
        _without_sets(verdict, daemon_sets, pods, system_pods, profile)
    drops = agent_drops.need() if any(one.dropped for one in agent_states.readings.items) else agent_drops.enrich()
    evidence = Evidence(drops, agent_send_errors, system_pods, agent_destinations, profile.thresholds.log_agents.drop_minutes, clock.now)
    _judge_agents(verdict, agent_states, evidence, profile)
    _judge_receivers(verdict, agent_states.readings, agent_destinations, metric_servers, pods)
    _mention_end_of_life(verdict, of_system(system_pods, PROMTAIL), clock.now)


def _without_sets(
    verdict: Verdict, sets: Readings[DaemonSet], pods: Readings[Pod], system_pods: Readings[SystemPod], profile: Profile
) -> None:
    """What may read the logs of the nodes where no DaemonSet is known to."""
    if not pods.complete or central_agents(system_pods):
        verdict.unchecked(Subject(kind="NodeList"), "a log agent runs that is not a DaemonSet: it may read the logs of all nodes, or not")
    elif strange := strange_sets(sets, profile) if of_system(system_pods, LOKI).values else []:
        for subject in strange:
            verdict.unchecked(subject, STRANGE)
    else:
        verdict.not_applicable("no DaemonSet is a log agent that is known, and no other one runs")


def _judge_receivers(
    verdict: Verdict,
    states: Readings[AgentState],
    destinations: Readings[Destination],
    servers: Readings[Server],
    pods: Readings[Pod],
) -> None:
    """Where the agents send, and what else than logs they do."""
    _report_doubles(verdict, doubles(states, destinations, pods))
    _mention_receivers(verdict, destinations)
    _mention_scraping(verdict, states, servers)


def _mention_receivers(verdict: Verdict, destinations: Readings[Destination]) -> None:
    """Where the agents send to as to a Loki, and none is recognised: what becomes of the lines there is not looked at."""
    for namespace, name in sorted({place for one in destinations.items for place in one.strange}):
        verdict.unchecked(
            SERVICES.subject(namespace, name),
            "log agents send to it as to a Loki, and none is recognised behind it: name its image or labels under `systems:` in the "
            "profile (loki), or its address under `endpoints:`",
        )
    if away := sorted({address for one in destinations.items for address in one.away}):
        verdict.note(f"Log agents send to {listed(away, 3)}, outside of this cluster: what becomes of the lines there was not looked at.")


def _mention_scraping(verdict: Verdict, states: Readings[AgentState], servers: Readings[Server]) -> None:
    """Which agents do the work of a Prometheus as well: that is open where no other one is here."""
    for (namespace, owner), program in {(subject.namespace, one.owner): one.program for subject, one in states if one.scrapes}.items():
        kind, _, name = owner.partition("/")
        subject = Subject(kind=kind, namespace=namespace, name=name)
        if servers.values or servers.unreadable:
            verdict.note(f"{subject} scrapes metrics, too: whether its targets are up was not judged.")
        else:
            verdict.unchecked(subject, SCRAPES.format(key=program))


def _mention_doubts(
    verdict: Verdict, around: dict[str, Cover], certain: dict[str, Cover], doubts: dict[Subject, str], pods: Readings[Pod]
) -> None:
    """What reads the logs of a node alone, and is not looked into, or may send them elsewhere."""
    by_name = pods.by_name()
    alone: dict[tuple[str, str], list[str]] = {}
    for node, cover in around.items():
        if cover.ready and not certain.get(node, Cover()).ready:
            for one in cover.ready:
                alone.setdefault((one.namespace, daemon_set_of(by_name[one.namespace, one.name])), []).append(node)
    for place, why in doubts.items():
        if nodes := alone.get((place.namespace, place.name)):
            verdict.unchecked(place, why.format(nodes=listed(sorted(nodes), 3)))


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What there is on a node, and in the cluster, to judge whether its logs are collected."""

    cover: Cover
    work: list[Pod]
    sets: Sets
    pods: Readings[Pod]
    agents: Readings[SystemPod]
    now: float
    beside: str = ""  # which agents run there that send elsewhere


def _judge_node(verdict: Verdict, subject: Subject, node: Node, look: _Surroundings) -> None:
    cover, fine, fitting = look.cover, needs_none(node, bool(look.work), look.now), sets_for(node, look.sets)
    if cover.ready:
        return
    if fine:
        verdict.note(f"{subject.name} has no log agent that is ready: {fine}.")
    elif cover.going or cover.young:
        verdict.note(f"The log agent on {subject.name} is just being replaced.")
    elif cover.failing:
        _report_failing(verdict, subject, node, look)
    elif central_agents(look.agents):
        verdict.unchecked(subject, "it has no log agent of its own; one that is not a DaemonSet may read its logs from the API server")
    elif node.windows and not fitting:
        verdict.note(f"{subject.name} runs Windows, and no log agent here is for Windows: its logs are not collected.")
    elif not any(look.pods.missing_reason(place.namespace) for place, _ in look.sets):
        place, one = (fitting or look.sets)[0]
        why = why_not_on(one, node) or "nothing in its template keeps it away: its events say more (quota, resources, host ports)"
        cause = f"The DaemonSet {place.namespace}/{place.name} has no pod there: {why}.{look.beside}"
        _report_node(verdict, subject, NODE_WITHOUT_AGENT, look.work, cause, by_hand(place, let_run(place, one, node)))


def _report_failing(verdict: Verdict, subject: Subject, node: Node, look: _Surroundings) -> None:
    """Of an agent that runs, and is only not ready, it is not known that it collects nothing."""
    place, state = look.cover.failing[0]
    pod = look.pods.by_name()[place.namespace, place.name]
    name, fix = f"{place.namespace}/{place.name}", look_at_agent(pod, node)
    if runs(pod):
        problem = f"Whether the logs of {subject.name} are collected is not sure: its log agent is not ready."
        cause = f"{name} runs there, and its readiness probe fails: it has found nothing to read, or does not get on.{look.beside}"
        _report_node(verdict, subject, AGENT_NOT_READY, look.work, cause, fix, problem)
    else:
        _report_node(verdict, subject, AGENT_NOT_RUNNING, look.work, f"{name} should run there, and does not: {state}.{look.beside}", fix)


def _report_node(
    verdict: Verdict, node: Subject, kind: FindingKind, work: list[Pod], cause: str, fix: list[Step], problem: str = ""
) -> None:
    where = listed(sorted({pod.metadata.namespace for pod in work}), 5)
    rows = [[pod.metadata.namespace, pod.metadata.name] for pod in work[:30]]
    there = f": {number(len(work), f'pod of {where} runs', f'pods of {where} run')} there." if work else ", where only DaemonSets run."
    verdict.report(
        kind,
        NODES.subject(name=node.name),
        severity=kind.severity if work else Severity.WARNING,
        problem=problem or f"No log agent collects the logs of {node.name}{there}",
        cause=cause,
        fix=fix,
        exhibits=[Table(title=f"Pods on {node.name}", columns=["Namespace", "Pod"], rows=rows)] if rows else [],
        breaks=[Ref(RefKind.LOGS_OF_NODE, name=node.name)],
        rests_on=[Ref.of(node)],
    )


# --- what the agents drop, and have still to read ---------------------------------------------------------------------


def _judge_agents(verdict: Verdict, states: Examined[AgentState], evidence: Evidence, profile: Profile) -> None:
    notes: list[str] = []
    found = troubles(evidence, states.readings, notes)
    for note in notes:
        verdict.note(note)
    for subject, state in states:
        _judge_backlog(verdict, subject, state, evidence.pods, profile)
    for owner, one in found.items():
        if one.lost:
            _report_lost(verdict, owner, one, evidence)
        elif one.waiting:
            _report_waiting(verdict, owner, one, evidence)
        elif one.waited:
            times = number(sum(count for _, count in one.waited), "time")
            verdict.note(f"{owner.namespace}/{owner.name} had to send again {times} {evidence.window}, and not in the last 2 minutes.")


def _report_lost(verdict: Verdict, owner: Subject, one: Trouble, evidence: Evidence) -> None:
    rows = [[each.agent.name, reason, str(count), each.window] for each in one.lost for reason, count in each.counts.items() if count]
    cause, helps = why_lost(one)
    verdict.report(
        LINES_DROPPED,
        owner,
        severity=Severity.ERROR if any(each.lately for each in one.lost) else Severity.WARNING,
        problem=f"{owner.namespace}/{owner.name} dropped {amount(one.total)} {one.lost[0].window}, which "
        f"{'is' if one.total.total() == 1 else 'are'} not sent again.",
        cause=cause,
        fix=[
            look("Read what the receiver answered.", *_own_words(one, one.lost[0].agent, evidence.pods)),
            change(f"{helps} Change it {SOURCE}."),
            *where_loki_refuses(helps, [each.agent for each in one.lost], evidence.destinations, evidence.pods),
        ],
        exhibits=[Table(title="Dropped lines", columns=["Agent", "Reason", "Lines", "When"], rows=rows[:30])],
        breaks=[Ref(RefKind.LOGS, name=owner.namespace)],
    )


def _report_waiting(verdict: Verdict, owner: Subject, one: Trouble, evidence: Evidence) -> None:
    cause, helps = why_waiting(one)
    rows = [[agent.name, str(count)] for agent, count in one.waiting]
    verdict.report(
        SENDS_FAIL,
        owner,
        problem=f"{owner.namespace}/{owner.name} cannot send what it reads: {number(sum(times for _, times in one.waiting), 'line')} of "
        f"its log {evidence.window} {'says' if rows == [[rows[0][0], '1']] else 'say'} that it sends again.",
        cause=cause,
        fix=[look("Read what it says.", *_own_words(one, one.waiting[0][0], evidence.pods)), change(f"{helps} Change it {SOURCE}.")],
        exhibits=[Table(title="Agents that send again", columns=["Agent", "Lines of its log"], rows=rows[:30])],
        breaks=[Ref(RefKind.LOGS, name=owner.namespace)],
    )


def _own_words(one: Trouble, agent: Subject, pods: Readings[SystemPod]) -> list[Command | None]:
    """The lines of an agent's log about what it could not send, by what its program writes."""
    if one.program not in WORDINGS:
        return []
    place, words = (agent.namespace, agent.name), WORDINGS[one.program].grep
    template = "kubectl -n {} logs {} -c {} --since=1h | grep -E {} | tail -3"
    return [shell(template, *place, name, words) for name in _container_of(agent, pods)]


def _container_of(agent: Subject, pods: Readings[SystemPod]) -> list[str]:
    """The name of an agent's own container, which no sidecar's is; nothing where its pod was not read."""
    one = pods.by_name().get((agent.namespace, agent.name))
    return [one.container] if one else []


def _judge_backlog(verdict: Verdict, subject: Subject, state: AgentState, pods: Readings[SystemPod], profile: Profile) -> None:
    limit = profile.thresholds.log_agents.backlog_megabytes
    behind, full = state.backlog_bytes / 1e6, state.full if state.failing or state.dropped else []
    if behind >= limit:
        problem = f"The log agent on {state.node} has still {behind:.0f} MB to read: new lines come late, or are rotated away before."
        cause = "Its files grow faster than Loki takes them (or it was stopped for long): file_bytes_total is ahead of read_bytes_total."
    elif full:
        queues = listed([f"{one.name} ({one.size:.0f} of {one.capacity:.0f})" for one in full], 3)
        problem = f"A queue of the log agent on {state.node} is full: new lines come late, or are dropped."
        cause = f"What it sends is taken slower than it comes in, or refused. Full is the queue of {queues}."
    elif state.paused:
        problem = f"The log agent on {state.node} has stopped reading for now: new lines come late, or are rotated away before."
        cause = f"Its input {listed(state.paused, 3)} waits, because its buffers are full of what was not sent."
    else:
        return
    place = (subject.namespace, subject.name)
    command = "kubectl -n {} logs {} -c {} --since=10m | grep -iE 'warn|error' | tail"
    verdict.report(
        AGENT_BEHIND,
        subject,
        problem=problem,
        cause=cause,
        fix=[
            look(
                "Read what keeps it: refused batches, or files that it cannot read.",
                *(shell(command, *place, name) for name in _container_of(subject, pods)),
            ),
            change(f"Repair what that names; else let the pods of {state.node} write less, or give the agent more CPU, {SOURCE}."),
        ],
    )


def _report_doubles(verdict: Verdict, found: list[Double]) -> None:
    for one in found:
        first, second = (f"{owner.namespace}/{owner.name}" for owner in one.owners)
        commands = [shell("kubectl -n {} get {} {} -o wide", owner.namespace, owner.kind.lower(), owner.name) for owner in one.owners]
        verdict.report(
            READ_TWICE,
            one.owners[1],
            problem=f"{first} and {second} both send the logs of {listed(sorted(one.namespaces), 3)} on {listed(sorted(one.nodes), 3)} to "
            f"{one.to}.",
            cause="Each reads as many files of these namespaces as containers run there. Loki keeps a line once only where both give it "
            "the same labels: otherwise it is stored, found and counted against the limits twice.",
            fix=[
                look("See what both are for.", *commands),
                change(f"Keep the one that is to stay, once it is seen to collect everything, and take the other away {SOURCE}."),
            ],
        )


def _mention_end_of_life(verdict: Verdict, pods: Readings[SystemPod], now: float) -> None:
    """Once for the cluster, however many there are."""
    agents = [one for one in pods.items if one.pod.running]
    if agents:
        images = sorted({one.main.image for one in agents if one.main})
        reached = "reached" if now >= END_OF_LIFE else "reaches"
        verdict.report(
            PROMTAIL_END_OF_LIFE,
            Subject(kind="Promtail"),
            problem=f"Promtail {reached} its end of life on 2 March 2026: {number(len(agents), 'agent still runs', 'agents still run')} "
            "it.",
            cause=f"{', '.join(images) or 'Promtail'}: no more fixes, also for security.",
            fix=[
                look(
                    "See what Grafana Alloy makes of Promtail's configuration: save that as promtail.yaml, and have it converted.",
                    shell("alloy convert --source-format=promtail --output=config.alloy promtail.yaml"),
                ),
                change("Run Alloy with it on one node, compare what arrives in Loki, and replace Promtail on the others."),
            ],
        )
