from collections import Counter
from dataclasses import dataclass

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.known_systems import BY_KEY
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.resources import NAMESPACES
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.log_agents.metrics import amount
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.systems.loki.pod_log_times import LogTimes
from clusterprobe.systems.loki.sources import KUBERNETES_NAMESPACES, RecentLines, Searched
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

NAMESPACE_NOT_IN_LOKI = FindingKind(
    "NamespaceNotInLoki", Severity.ERROR, "Lines that the pods of a namespace write do not arrive in Loki.", settles=True
)
SLACK_SECONDS = 5.0  # for clocks, and for agents that take the time out of the line


@reports(NAMESPACE_NOT_IN_LOKI)
def probe_freshness(
    verdict: Verdict,
    pod_log_times: Needed[LogTimes],
    loki_recent_lines: Examined[RecentLines],
    agent_states: Enriching[AgentState],
    agent_destinations: Enriching[Destination],
    profile: Profile,
) -> None:
    """Do the lines that pods write now arrive in Loki?

    Problem: A namespace's pods log, and Loki has nothing of it: dashboards look calm, and alerts on its logs never fire.
    Cause: A relabel rule or pipeline stage of the agent drops the namespace, no agent runs on the nodes of its pods, or Loki refuses its
    lines (limits, tenant). Pods that write nothing are no finding.
    Fix: Take the rule out that drops it; the finding says how far the lines get.
    Prevention: Alert on namespaces that fall silent (`absent_over_time({namespace="…"}[15m])` as a rule of Loki's ruler), and review each
    drop rule of the agent's configuration like code: run this probe after it changes.
    """
    if elsewhere := _only_elsewhere(agent_destinations, loki_recent_lines.readings):
        verdict.not_applicable(elsewhere)
        return
    settled = _settled(pod_log_times)
    answers = _answers(verdict, loki_recent_lines)
    quiet = sorted(name for name in answers if name not in settled)
    if quiet:
        verdict.note(f"The pods of {', '.join(quiet)} wrote nothing recently that could be missed.")
    partly = not loki_recent_lines.readings.complete or any(not found.label for found in loki_recent_lines.readings.items)
    for namespace, logs in settled.items():
        searched = answers.get(namespace, [])
        newest = max((one.newest for one in searched), default=0.0)
        written = max(times.settled for _, times in logs)
        blind = partly or not searched or any(one.error for one in searched)
        if blind or written <= newest + SLACK_SECONDS:
            continue
        if not newest and (tenants := sorted({one.tenant for one in profile.endpoints if one.system == "loki" and one.tenant})):
            verdict.unchecked(NAMESPACES.subject(name=namespace), _of_another_tenant(tenants))
        elif namespace in KUBERNETES_NAMESPACES and not newest:
            verdict.note(f"Loki has no line of {namespace}: where that is not meant, an agent leaves out Kubernetes' own pods.")
        else:
            _report(verdict, namespace, logs, newest, written, _Agents(agent_states, agent_destinations), profile)


def _settled(times: Readings[LogTimes]) -> dict[str, list[tuple[Subject, LogTimes]]]:
    """By namespace the pods that wrote a line that is old enough to be in Loki."""
    found: dict[str, list[tuple[Subject, LogTimes]]] = {}
    for subject, one in times:
        if one.settled:
            found.setdefault(subject.namespace, []).append((subject, one))
    return found


@dataclass(frozen=True, slots=True)
class _Agents:
    """What log agents say of themselves, and where they send to."""

    states: Readings[AgentState]
    destinations: Readings[Destination]

    def on(self, nodes: list[str]) -> list[tuple[Subject, Destination]]:
        """The agents of some nodes that are not seen to send elsewhere than to Loki."""
        return [(subject, one) for subject, one in self.destinations if one.node in nodes and one.loki is not False]

    def aside(self, nodes: list[str]) -> list[str]:
        """Those that are, each for a sentence."""
        there = [(subject, one) for subject, one in self.destinations if one.node in nodes and one.loki is False]
        return [f"{BY_KEY[one.program].name} {subject}, which sends to {listed(one.names, 2)}" for subject, one in there]


def _only_elsewhere(agents: Readings[Destination], answers: Readings[RecentLines]) -> str:
    """That no log agent is to write to a Loki, where all are seen to send elsewhere, and no Loki has any line; empty otherwise."""
    some = any(one.newest or one.error for found in answers.items for one in found.searched)
    if some or not agents.items or not agents.complete or not answers.complete or any(one.loki is not False for one in agents.items):
        return ""
    told = [f"{BY_KEY[one.program].name} {subject.namespace}/{subject.name} sends to {listed(one.names, 2)}" for subject, one in agents]
    return f"no log agent writes to Loki: {listed(told, 3)}"


def _of_another_tenant(tenants: list[str]) -> str:
    """What one tenant has says nothing of what another one has."""
    return (
        f"Loki was asked as tenant {listed(tenants, 5)} only, which has no line of it: its lines may belong to another tenant. Name that "
        "one too, in an entry of its own under `endpoints:` in the profile (system: loki, `tenant`)"
    )


def _answers(verdict: Verdict, asked: Examined[RecentLines]) -> dict[str, list[Searched]]:
    """What each Loki has of each namespace that it was asked for."""
    answers: dict[str, list[Searched]] = {}
    for subject, found in asked:
        if not found.label:
            verdict.unchecked(subject, "none of its labels is known to name a namespace, so nothing can be compared")
        if found.skipped:
            verdict.note(
                f"{number(found.skipped, 'more namespace was', 'more namespaces were')} not asked for; `environments` says which matter."
            )
        for one in found.searched:
            answers.setdefault(one.namespace, []).append(one)
            if one.error:
                verdict.unchecked(NAMESPACES.subject(name=one.namespace), f"its lines could not be read from {subject}: {one.error}")
    return answers


def _report(
    verdict: Verdict,
    namespace: str,
    logs: list[tuple[Subject, LogTimes]],
    newest: float,
    written: float,
    agents: _Agents,
    profile: Profile,
) -> None:
    window = profile.thresholds.loki.window_minutes
    late = f"nothing newer than from {ago(written - newest)} before that" if newest else f"no line of the last {number(window, 'minute')}"
    nodes = sorted({times.node for _, times in logs})
    rows = [[subject.name, times.container, times.node, _ahead(times.settled - newest) if newest else "all"] for subject, times in logs]
    collectors = sorted({subject.namespace for subject, one in (*agents.on(nodes), *agents.states) if one.node in nodes})
    verdict.report(
        NAMESPACE_NOT_IN_LOKI,
        NAMESPACES.subject(name=namespace),
        problem=f"The pods of {namespace} write lines that do not arrive in Loki.",
        cause=f"{logs[0][0].name} wrote a line more than {ago(profile.thresholds.loki.freshness_minutes * 60)} before the check; "
        f"Loki has {late}. " + _how_far(namespace, nodes, agents),
        fix=_fix(*logs[0], agents.states.keep(lambda _, one: one.node in nodes)),
        exhibits=[Table(title="Pods that log", columns=["Pod", "Container", "Node", "Ahead of Loki"], rows=rows)],
        rests_on=[*(Ref(RefKind.LOGS_OF_NODE, name=node) for node in nodes), *(Ref(RefKind.LOGS, name=one) for one in collectors)],
    )


def _ahead(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s"


def _how_far(namespace: str, nodes: list[str], agents: _Agents) -> str:
    """Where on the way the lines are lost, as far as the agents tell."""
    aside = agents.aside(nodes)
    elsewhere = {(subject.namespace, subject.name) for subject, one in agents.destinations if one.loki is False}
    there = [(s, one) for s, one in agents.states if one.node in nodes and (s.namespace, s.name) not in elsewhere]
    bare = [node for node in nodes if node not in {one.node for _, one in there}]
    if not agents.states.complete and bare:
        return "How far the lines get is not known: not every log agent could be asked."
    if bare and not there:
        more = f" There runs {listed(aside, 2)}." if aside else ""
        return f"No log agent that is known{' to send to Loki' if aside else ''} runs on {', '.join(bare)}.{more}"
    names = ", ".join(f"{subject.name} on {one.node}" for subject, one in there)
    doubtful = [one for _, one in agents.on(nodes) if one.loki is None]
    if doubtful and len(doubtful) == len(agents.on(nodes)):
        return f"Neither its metrics nor a ConfigMap says whether the agent there ({names}) sends to Loki at all."
    return _by_files(namespace, names, [one for _, one in there])


def _by_files(namespace: str, names: str, there: list[AgentState]) -> str:
    """Whether the agents read the namespace's files, and what they do with the lines."""
    silent = any(not one.counts_files for one in there)
    reading = [one for one in there if one.reads.get(namespace) or not one.counts_files]
    if not reading:
        return f"The agent there ({names}) reads no file of {namespace}: a relabel rule drops its pods, or no scrape config takes them in."
    dropped: Counter[str] = sum((Counter(one.dropped) for one in reading), Counter())
    if dropped:
        does = "has" if silent else "reads its files, and has"
        refused = "what it sends is refused" if silent else "Loki refuses them"
        return f"The agent there ({names}) {does} dropped {amount(dropped)} since it started: {refused}."
    filtered = sum(one.filtered for one in reading)
    if silent:
        more = f", and its filters have dropped {number(filtered, 'line')} since it started" if filtered else ""
        return f"The agent there ({names}) does not say which files it reads{more}: its inputs or filters may leave the lines out."
    more = f" (its stages have dropped {number(filtered, 'line')} since it started)" if filtered else ""
    return f"The agent there ({names}) reads its files: a pipeline stage drops the lines or moves them to other labels or a tenant{more}."


def _fix(pod: Subject, times: LogTimes, agents: Readings[AgentState]) -> list[Step]:
    """The line that is missing, and the agent that should have read it."""
    wrote = shell("kubectl -n {} logs {} -c {} --tail=3 --timestamps", pod.namespace, pod.name, times.container)
    agent = next((subject for subject, one in agents if one.node == times.node), None) or next((subject for subject, _ in agents), None)
    if agent is None:
        seen = look("See which log agents there are.", shell("kubectl get daemonsets -A"))
    else:
        seen = look(
            "See what the agent of its node says.",
            shell("kubectl -n {} logs {} --all-containers --since=1h --tail=100", agent.namespace, agent.name),
        )
    return [
        look("See what the pod writes.", wrote),
        seen,
        change(
            "Take out of the agent's configuration what drops the namespace, at its source in Git: `action: drop` and `keep` among the "
            "relabel rules, `drop` and `match` among the stages, an excluded path or a filter of other agents. Where Loki refuses the "
            "lines, its limits or the tenant have to change."
        ),
    ]
