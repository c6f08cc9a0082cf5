from collections import Counter

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.agent_drops import FINAL, Dropped, SendErrors
from clusterprobe.systems.agent_states import AgentState
from clusterprobe.systems.daemon_sets import DaemonSet, untolerated, why_not_on
from clusterprobe.systems.kubernetes import NODES
from clusterprobe.systems.node_logs import Cover, agent_sets, central_agents, covers, needs_none, workloads_on
from clusterprobe.systems.objects import Node, Pod
from clusterprobe.systems.promtail import NAME
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict

END_OF_LIFE = 1772409600.0  # 2026-03-02
PREVENTION = (
    "Let the agent tolerate every taint (`operator: Exists`), alert on nodes without one (kube_node_info unless its DaemonSet's pods) "
    "and on its counters of dropped entries, and run this probe after nodes or taints change."
)
REASONS = {
    "rate_limited": "Loki's rate limits (ingestion_rate_mb, per_stream_rate_limit) refuse them",
    "stream_limited": "there are more streams than allowed (max_streams, max_global_streams_per_user)",
    "line_too_long": "they are longer than the agent's own max_line_size",
    "ingester_error": "Loki refused them for good (too old, too long, out of order), or was out of reach until the retries were used up",
}


def probe_coverage(
    verdict: Verdict,
    nodes: Readings[Node],
    pods: Readings[Pod],
    daemon_sets: Readings[DaemonSet],
    agent_states: Readings[AgentState],
    agent_drops: Readings[Dropped],
    agent_send_errors: Readings[SendErrors],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a log agent run on every node, and does everything that it reads arrive?

    Problem: The logs of some pods are not in Loki, and are gone with the pod: nothing else shows that they were not collected.
    Cause: A node's taint that the agent does not tolerate, or a nodeSelector that leaves the node out; or an agent that
    drops lines, because Loki refuses them (rate limits, too old, too long); or one that is far behind.
    Fix: Add the toleration; raise the limit that the finding names, or write less.
    Prevention: Tolerate every taint, and alert on dropped entries. Promtail itself reached its end of life on 2 March 2026;
    its successor is Grafana Alloy.
    """
    verdict.need(pods)
    sets = agent_sets(verdict.need(daemon_sets))
    if sets and daemon_sets.complete:
        around = covers(sets, pods, clock.now)
        busy = workloads_on(pods)
        for subject, node in verdict.examine(nodes):
            _judge_node(verdict, subject, node, around.get(subject.name, Cover()), busy.get(subject.name, []), sets, pods, clock.now)
    elif not sets and daemon_sets.complete and pods.complete and not central_agents(pods):
        verdict.not_applicable("no DaemonSet is a log agent that is known, and no other one runs")
    elif not sets and daemon_sets.complete:
        verdict.unchecked(Subject(kind="NodeList"), "a log agent runs that is no DaemonSet: it may read the logs of all nodes, or not")
    _judge_agents(verdict, agent_states, agent_drops, agent_send_errors, profile, clock.now)
    _mention_end_of_life(verdict, pods, clock.now)


Sets = list[tuple[Subject, DaemonSet]]


def _judge_node(
    verdict: Verdict, subject: Subject, node: Node, cover: Cover, work: list[Pod], sets: Sets, pods: Readings[Pod], now: float
) -> None:
    fine = needs_none(node, bool(work), now)
    if cover.ready:
        return
    if fine:
        verdict.note(f"{subject.name} has no log agent that is ready: {fine}.")
    elif cover.going or cover.young:
        verdict.note(f"The log agent on {subject.name} is just being replaced.")
    elif cover.failing:
        pod, state = cover.failing[0]
        cause = f"{pod.namespace}/{pod.name} should run there, and does not: {state}."
        fix = f"$ kubectl -n {pod.namespace} describe pod {pod.name}\n$ kubectl -n {pod.namespace} logs {pod.name} --previous"
        _report_node(verdict, subject, "AgentNotRunning", work, cause, fix)
    elif central_agents(pods):
        verdict.unchecked(subject, "it has no log agent of its own; one that is no DaemonSet may read its logs from the API server")
    elif not any(pods.missing_reason(place.namespace) for place, _ in sets):
        place, one = sets[0]
        why = why_not_on(one, node) or "nothing in its template keeps it away: its events say more (quota, resources, host ports)"
        cause = f"The DaemonSet {place.namespace}/{place.name} has no pod there: {why}."
        _report_node(verdict, subject, "NodeWithoutAgent", work, cause, _fix(place, one, node))


def _report_node(verdict: Verdict, node: Subject, reason: str, work: list[Pod], cause: str, fix: str) -> None:
    names = sorted({pod.metadata.namespace for pod in work})
    rows = [[pod.metadata.namespace, pod.metadata.name] for pod in work[:30]]
    verdict.finding(
        Severity.ERROR if work else Severity.WARNING,
        reason,
        NODES.subject(name=node.name),
        problem=f"Nobody collects the logs of {node.name}"
        + (f": {len(work)} pods of {', '.join(names[:5])} run there." if work else ", where only DaemonSets run."),
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
        exhibits=[Table(title=f"Pods on {node.name}", columns=["Namespace", "Pod"], rows=rows)] if rows else [],
        breaks=[f"Logs/Node/{node.name}"],
        rests_on=[f"Node/{node.name}"],
    )


def _fix(place: Subject, one: DaemonSet, node: Node) -> str:
    barring = untolerated(one.spec.template.spec.tolerations or [], node)
    wanted = {key: value for key, value in (one.spec.template.spec.node_selector or {}).items() if node.metadata.labels.get(key) != value}
    lines = [f"$ kubectl -n {place.namespace} describe daemonset {place.name}"]
    if wanted:
        pairs = " ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        lines = [
            "Drop the nodeSelector from the values of the chart, or label the node:",
            f"$ kubectl label node {node.metadata.name} {pairs}",
        ]
    if barring:
        toleration = f'{{"key":"{barring[0].key}","operator":"Exists","effect":"{barring[0].effect}"}}'
        patch = f'[{{"op":"add","path":"/spec/template/spec/tolerations/-","value":{toleration}}}]'
        wanted_key = f"key {barring[0].key}, operator Exists, effect {barring[0].effect}"
        lines = [
            f"Add the toleration to the values of the chart (`tolerations`): {wanted_key}.",
            f"$ kubectl -n {place.namespace} patch daemonset {place.name} --type json -p '{patch}'",
        ]
    return "\n".join(lines)


# --- what the agents drop, and have still to read ---------------------------------------------------------------------


def _judge_agents(
    verdict: Verdict,
    states: Readings[AgentState],
    drops: Readings[Dropped],
    errors: Readings[SendErrors],
    profile: Profile,
    now: float,
) -> None:
    lately: dict[tuple[str, str], Counter[str]] = {}
    totals = any(one.dropped for one in states.items)
    for one in [each for found in (verdict.need(drops) if totals else verdict.enrich(drops)).items for each in found.drops]:
        seen = lately.setdefault((one.namespace, one.pod), Counter())
        seen[one.reason] = max(seen[one.reason], round(one.count))
    said = {(subject.namespace, subject.name): one.said for subject, one in verdict.enrich(errors)}
    lost: dict[Subject, list[tuple[Subject, Counter[str], str]]] = {}
    for subject, state in verdict.examine(states):
        counts: Counter[str] | None = lately.get((subject.namespace, subject.name))
        window = f"in the last {profile.thresholds.agent_drop_minutes:g} minutes"
        if counts is None and state.dropped and drops.complete:
            counts, window = Counter(state.dropped), f"since it started {ago(now - state.started)} ago (no Prometheus scrapes it)"
        if counts and sum(counts.values()):
            lost.setdefault(_owner(subject, state), []).append((subject, counts, window))
        elif state.dropped and counts is not None:
            verdict.note(f"{subject.name} dropped {sum(state.dropped.values())} lines since it started, and none {window}.")
        _judge_backlog(verdict, subject, state, profile)
    for owner, agents in lost.items():
        _report_lost(verdict, owner, agents, said)


def _owner(subject: Subject, state: AgentState) -> Subject:
    kind, _, name = state.owner.partition("/")
    return Subject(api_version="apps/v1", kind=kind, namespace=subject.namespace, name=name) if name else subject


def _report_lost(
    verdict: Verdict, owner: Subject, agents: list[tuple[Subject, Counter[str], str]], said: dict[tuple[str, str], list[str]]
) -> None:
    total: Counter[str] = sum((counts for _, counts, _ in agents), Counter())
    reason, _ = total.most_common(1)[0]
    lately = any("since it started" not in window for _, _, window in agents)
    words = [one for subject, _, _ in agents for one in said.get((subject.namespace, subject.name), [])]
    rows = [[subject.name, each, str(count), window] for subject, counts, window in agents for each, count in counts.items() if count]
    verdict.finding(
        Severity.ERROR if lately else Severity.WARNING,
        "LinesDropped",
        owner,
        problem=f"{owner.namespace}/{owner.name} dropped {sum(total.values())} lines {agents[0][2]}, which are not sent again.",
        cause=f"Reason `{reason}`: {REASONS.get(reason, 'see the log of the agent')}." + (f" Loki answered: {words[-1]}" if words else ""),
        fix="Raise the limit that is named, in Loki's limits_config or for one tenant in its overrides; or write less, and shorter lines.\n"
        f"$ kubectl -n {owner.namespace} logs {agents[0][0].name} --since=1h | grep '{FINAL}' | tail -3",
        prevention=PREVENTION,
        exhibits=[Table(title="Dropped lines", columns=["Agent", "Reason", "Lines", "When"], rows=rows[:30])],
        breaks=[f"Logs/{owner.namespace}"],
    )


def _judge_backlog(verdict: Verdict, subject: Subject, state: AgentState, profile: Profile) -> None:
    limit = profile.thresholds.agent_backlog_megabytes
    behind = state.backlog_bytes / 1e6
    if behind >= limit:
        verdict.finding(
            Severity.WARNING,
            "AgentBehind",
            subject,
            settles=True,
            problem=f"The log agent on {state.node} has still {behind:.0f} MB to read: new lines come late, or are rotated away before.",
            cause="Its files grow faster than Loki takes them (or it was stopped for long): file_bytes_total is ahead of read_bytes_total.",
            fix=f"$ kubectl -n {subject.namespace} logs {subject.name} --since=10m | grep -E 'level=(warn|error)' | tail",
            prevention=PREVENTION,
        )


def _mention_end_of_life(verdict: Verdict, pods: Readings[Pod], now: float) -> None:
    """Once for the cluster, however many there are."""
    agents = [pod for pod in pods.items if pod.label(NAME) == "promtail" and pod.running]
    if agents:
        images = sorted({one.image for pod in agents for one in pod.spec.containers if "promtail" in one.image})
        reached = "reached" if now >= END_OF_LIFE else "reaches"
        verdict.finding(
            Severity.INFO,
            "PromtailEndOfLife",
            Subject(kind="Promtail"),
            problem=f"Promtail {reached} its end of life on 2 March 2026: {len(agents)} agents still run it.",
            cause=f"{', '.join(images) or 'Promtail'}: no more fixes, also for security.",
            fix="Move to Grafana Alloy, which reads Promtail's configuration:\n"
            "$ alloy convert --source-format=promtail --output=config.alloy promtail.yaml",
            prevention="Keep an eye on the end of life of what is deployed.",
        )
