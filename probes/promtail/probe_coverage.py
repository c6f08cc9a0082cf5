from collections import Counter

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.known_systems import PROMTAIL, System
from clusterprobe.model import Command, Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet, why_not_on
from clusterprobe.systems.kubernetes.objects import Node, Pod
from clusterprobe.systems.kubernetes.resources import NODES
from clusterprobe.systems.kubernetes.workloads import daemon_set_of
from clusterprobe.systems.log_agents.advice import let_run, look_at_agent
from clusterprobe.systems.log_agents.drops import Dropped, SendErrors
from clusterprobe.systems.log_agents.node_coverage import (
    Cover,
    Sets,
    agent_sets,
    central_agents,
    covers,
    needs_none,
    sets_for,
    workloads_on,
)
from clusterprobe.systems.log_agents.refusals import limit_in
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

NODE_WITHOUT_AGENT = FindingKind("NodeWithoutAgent", Severity.ERROR, "A node has no log agent.")
AGENT_NOT_RUNNING = FindingKind("AgentNotRunning", Severity.ERROR, "The log agent of a node does not run.")
LINES_DROPPED = FindingKind("LinesDropped", Severity.ERROR, "A log agent drops lines.")
AGENT_BEHIND = FindingKind("AgentBehind", Severity.WARNING, "A log agent is far behind with what it reads.", settles=True)
PROMTAIL_END_OF_LIFE = FindingKind(
    "PromtailEndOfLife",
    Severity.INFO,
    "Promtail has reached its end of life, and still runs.",
    prevention="Keep an eye on the end of life of what is deployed.",
)
END_OF_LIFE = 1772409600.0  # 2026-03-02
REASONS = {
    "rate_limited": "Loki's rate limits (ingestion_rate_mb, per_stream_rate_limit) refuse them",
    "stream_limited": "there are more streams than allowed (max_streams, max_global_streams_per_user)",
    "line_too_long": "they are longer than the agent's own max_line_size",
    "ingester_error": "Loki refused them for good (too old, too long, out of order), or was out of reach until the retries were used up",
}

LIMITS = {
    "rate_limited": "Raise ingestion_rate_mb or per_stream_rate_limit in Loki's limits_config, or for one tenant in its overrides.",
    "stream_limited": "Take labels with many values out of the agent's configuration, or raise max_global_streams_per_user in Loki.",
    "line_too_long": "Raise the agent's own max_line_size, or let the program write shorter lines.",
    "ingester_error": "Raise the limit that Loki's answer names, in its limits_config or for one tenant in its overrides.",
}


@reports(NODE_WITHOUT_AGENT, AGENT_NOT_RUNNING, LINES_DROPPED, AGENT_BEHIND, PROMTAIL_END_OF_LIFE)
def probe_coverage(
    verdict: Verdict,
    nodes: Conditional[Node],
    pods: Needed[Pod],
    system_pods: Needed[SystemPod],
    daemon_sets: Needed[DaemonSet],
    agent_states: Examined[AgentState],
    agent_drops: Conditional[Dropped],
    agent_send_errors: Enriching[SendErrors],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a log agent run on every node, and does everything that it reads arrive?

    Problem: The logs of some pods are not in Loki, and are lost with the pod: nothing else shows that they were not collected.
    Cause: A node's taint that the agent does not tolerate, or a nodeSelector that leaves the node out; or an agent that drops lines,
    because Loki refuses them (rate limits, too old, too long); or one that is far behind. Promtail itself reached its end of life on 2
    March 2026; its successor is Grafana Alloy.
    Fix: Add the toleration; raise the limit that the finding names, or write less.
    Prevention: Let the agent tolerate every taint (`operator: Exists`), alert on nodes without one (kube_node_info unless its DaemonSet's
    pods) and on its counters of dropped entries, and run this probe after nodes or taints change.
    """
    sets, unjudged = agent_sets(daemon_sets, profile)
    if sets and daemon_sets.complete:
        around, busy = covers(sets, pods, clock.now), workloads_on(pods)
        _mention_unjudged(verdict, around, covers([pair for pair in sets if pair[0] not in unjudged], pods, clock.now), unjudged, pods)
        for subject, node in nodes.examine():
            _judge_node(
                verdict, subject, node, around.get(subject.name, Cover()), busy.get(subject.name, []), sets, pods, clock.now, system_pods
            )
    elif not sets and daemon_sets.complete and pods.complete and not central_agents(system_pods):
        verdict.not_applicable("no DaemonSet is a log agent that is known, and no other one runs")
    elif not sets and daemon_sets.complete:
        verdict.unchecked(Subject(kind="NodeList"), "a log agent runs that is not a DaemonSet: it may read the logs of all nodes, or not")
    _judge_agents(verdict, agent_states, agent_drops, agent_send_errors, system_pods, profile, clock.now)
    _mention_end_of_life(verdict, of_system(system_pods, PROMTAIL), clock.now)


def _mention_unjudged(
    verdict: Verdict, around: dict[str, Cover], judged: dict[str, Cover], unjudged: dict[Subject, System], pods: Readings[Pod]
) -> None:
    """What reads the logs of a node alone, and is not looked into."""
    by_name = pods.by_name()
    alone: dict[tuple[str, str], list[str]] = {}
    for node, cover in around.items():
        if cover.ready and not judged.get(node, Cover()).ready:
            for one in cover.ready:
                alone.setdefault((one.namespace, daemon_set_of(by_name[one.namespace, one.name])), []).append(node)
    for place, system in unjudged.items():
        if nodes := alone.get((place.namespace, place.name)):
            verdict.unchecked(
                place,
                f"it is {system.name}, and no other log agent runs on {listed(sorted(nodes), 3)}; no probe judges whether what it reads "
                f"arrives anywhere. If something else watches it, accept that in the profile: `not_judged: [{system.key}]`",
            )


def _judge_node(
    verdict: Verdict,
    subject: Subject,
    node: Node,
    cover: Cover,
    work: list[Pod],
    sets: Sets,
    pods: Readings[Pod],
    now: float,
    agents: Readings[SystemPod],
) -> None:
    fine, fitting = needs_none(node, bool(work), now), sets_for(node, sets)
    if cover.ready:
        return
    if fine:
        verdict.note(f"{subject.name} has no log agent that is ready: {fine}.")
    elif cover.going or cover.young:
        verdict.note(f"The log agent on {subject.name} is just being replaced.")
    elif cover.failing:
        pod, state = cover.failing[0]
        cause = f"{pod.namespace}/{pod.name} should run there, and does not: {state}."
        fix = look_at_agent(pods.by_name()[pod.namespace, pod.name], node)
        _report_node(verdict, subject, AGENT_NOT_RUNNING, work, cause, fix)
    elif central_agents(agents):
        verdict.unchecked(subject, "it has no log agent of its own; one that is not a DaemonSet may read its logs from the API server")
    elif node.windows and not fitting:
        verdict.note(f"{subject.name} runs Windows, and no log agent here is for Windows: its logs are not collected.")
    elif not any(pods.missing_reason(place.namespace) for place, _ in sets):
        place, one = (fitting or sets)[0]
        why = why_not_on(one, node) or "nothing in its template keeps it away: its events say more (quota, resources, host ports)"
        cause = f"The DaemonSet {place.namespace}/{place.name} has no pod there: {why}."
        _report_node(verdict, subject, NODE_WITHOUT_AGENT, work, cause, let_run(place, one, node))


def _report_node(verdict: Verdict, node: Subject, kind: FindingKind, work: list[Pod], cause: str, fix: list[Step]) -> None:
    where = listed(sorted({pod.metadata.namespace for pod in work}), 5)
    rows = [[pod.metadata.namespace, pod.metadata.name] for pod in work[:30]]
    verdict.report(
        kind,
        NODES.subject(name=node.name),
        severity=Severity.ERROR if work else Severity.WARNING,
        problem=f"No log agent collects the logs of {node.name}"
        + (f": {number(len(work), f'pod of {where} runs', f'pods of {where} run')} there." if work else ", where only DaemonSets run."),
        cause=cause,
        fix=fix,
        exhibits=[Table(title=f"Pods on {node.name}", columns=["Namespace", "Pod"], rows=rows)] if rows else [],
        breaks=[Ref(RefKind.LOGS_OF_NODE, name=node.name)],
        rests_on=[Ref.of(node)],
    )


# --- what the agents drop, and have still to read ---------------------------------------------------------------------


def _judge_agents(
    verdict: Verdict,
    states: Examined[AgentState],
    drops: Conditional[Dropped],
    errors: Readings[SendErrors],
    pods: Readings[SystemPod],
    profile: Profile,
    now: float,
) -> None:
    lately: dict[tuple[str, str], Counter[str]] = {}
    totals = any(one.dropped for one in states.readings.items)
    for one in [each for found in (drops.need() if totals else drops.enrich()).items for each in found.drops]:
        seen = lately.setdefault((one.namespace, one.pod), Counter())
        seen[one.reason] = max(seen[one.reason], round(one.count))
    answers = {(subject.namespace, subject.name): one.said for subject, one in errors}
    lost: dict[Subject, list[tuple[Subject, Counter[str], str]]] = {}
    for subject, state in states:
        counts: Counter[str] | None = lately.get((subject.namespace, subject.name))
        window = f"in the last {profile.thresholds.log_agents.drop_minutes:g} minutes"
        if counts is None and state.dropped and drops.readings.complete:
            counts, window = Counter(state.dropped), f"since it started {ago(now - state.started)} ago (no Prometheus scrapes it)"
        if counts and sum(counts.values()):
            lost.setdefault(_owner(subject, state), []).append((subject, counts, window))
        elif state.dropped and counts is not None:
            verdict.note(f"{subject.name} dropped {number(sum(state.dropped.values()), 'line')} since it started, and none {window}.")
        _judge_backlog(verdict, subject, state, pods, profile)
    for owner, agents in lost.items():
        _report_lost(verdict, owner, agents, answers, pods)


def _owner(subject: Subject, state: AgentState) -> Subject:
    kind, _, name = state.owner.partition("/")
    return Subject(api_version="apps/v1", kind=kind, namespace=subject.namespace, name=name) if name else subject


def _report_lost(
    verdict: Verdict,
    owner: Subject,
    agents: list[tuple[Subject, Counter[str], str]],
    answers: dict[tuple[str, str], list[str]],
    pods: Readings[SystemPod],
) -> None:
    total: Counter[str] = sum((counts for _, counts, _ in agents), Counter())
    reason, _ = total.most_common(1)[0]
    lately = any("since it started" not in window for _, _, window in agents)
    words = [one for subject, _, _ in agents for one in answers.get((subject.namespace, subject.name), [])]
    rows = [[subject.name, each, str(count), window] for subject, counts, window in agents for each, count in counts.items() if count]
    cause, helps = _why_lost(reason, words)
    verdict.report(
        LINES_DROPPED,
        owner,
        severity=Severity.ERROR if lately else Severity.WARNING,
        problem=f"{owner.namespace}/{owner.name} dropped {number(total.total(), 'line')} {agents[0][2]}, which "
        f"{'is' if total.total() == 1 else 'are'} not sent again.",
        cause=cause,
        fix=[
            look("Read what Loki answered.", *_final_errors(agents[0][0], pods)),
            change(f"{helps} Change it {SOURCE}."),
        ],
        exhibits=[Table(title="Dropped lines", columns=["Agent", "Reason", "Lines", "When"], rows=rows[:30])],
        breaks=[Ref(RefKind.LOGS, name=owner.namespace)],
    )


def _why_lost(reason: str, words: list[str]) -> tuple[str, str]:
    """Why Loki refused lines, and what helps: by the limit that its answer names, else by the agent's reason."""
    limits = dict.fromkeys(one for one in map(limit_in, words) if one is not None) if reason != "line_too_long" else {}
    answer = f" Loki answered: {said(words[-1])}." if words else ""
    if not limits:
        helps = f"{LIMITS.get(reason, 'Repair what the log of the agent names.')} Or write less."
        return f"Reason `{reason}`: {REASONS.get(reason, 'see the log of the agent')}.{answer}", helps
    named = []
    for limit in limits:
        value = next((found for one in words if limit_in(one) is limit and (found := limit.of(one))), "")
        named.append(f"{limit.setting} (limit {said(value)})" if value else limit.setting)
    return f"Reason `{reason}`: Loki refuses them by {listed(named, 4)}.{answer}", " ".join(limit.helps for limit in limits)


def _final_errors(agent: Subject, pods: Readings[SystemPod]) -> list[Command | None]:
    place = (agent.namespace, agent.name)
    template = "kubectl -n {} logs {} -c {} --since=1h | grep 'final error sending batch' | tail -3"
    return [shell(template, *place, name) for name in _container_of(agent, pods)]


def _container_of(agent: Subject, pods: Readings[SystemPod]) -> list[str]:
    """The name of an agent's own container, which no sidecar's is; nothing where its pod was not read."""
    one = pods.by_name().get((agent.namespace, agent.name))
    return [one.container] if one else []


def _judge_backlog(verdict: Verdict, subject: Subject, state: AgentState, pods: Readings[SystemPod], profile: Profile) -> None:
    limit, place = profile.thresholds.log_agents.backlog_megabytes, (subject.namespace, subject.name)
    behind = state.backlog_bytes / 1e6
    if behind >= limit:
        verdict.report(
            AGENT_BEHIND,
            subject,
            problem=f"The log agent on {state.node} has still {behind:.0f} MB to read: new lines come late, or are rotated away before.",
            cause="Its files grow faster than Loki takes them (or it was stopped for long): file_bytes_total is ahead of read_bytes_total.",
            fix=[
                look(
                    "Read what keeps it: refused batches, or files that it cannot read.",
                    *(
                        shell("kubectl -n {} logs {} -c {} --since=10m | grep -E 'level=(warn|error)' | tail", *place, name)
                        for name in _container_of(subject, pods)
                    ),
                ),
                change(f"Repair what that names; else let the pods of {state.node} write less, or give the agent more CPU, {SOURCE}."),
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
                    "See what Grafana Alloy makes of a copy of Promtail's configuration, which its own converter reads.",
                    shell("alloy convert --source-format=promtail --output=config.alloy promtail.yaml"),
                ),
                change("Run Alloy with it on one node, compare what arrives in Loki, and replace Promtail on the others."),
            ],
        )
