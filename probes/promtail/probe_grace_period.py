"""Log agents that may be stuck writing their positions to NFS until their grace period is over."""

from __future__ import annotations

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, patch, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Examined
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.log_agents.programs import LogAgent
from clusterprobe.systems.pods.termination.history import agents_going, slow_agents
from clusterprobe.systems.pods.termination.model import CLEANUP_SECONDS, AgentTermination, CanaryTiming, Phase, is_outlier
from clusterprobe.verdict import Verdict

POSITIONS_ON_NFS = FindingKind("PositionsOnNfs", Severity.ERROR, "A log agent keeps its positions on NFS, and may take long to shut down.")


@reports(POSITIONS_ON_NFS)
def probe_grace_period(
    verdict: Verdict,
    log_agents: Examined[LogAgent],
    pods: Conditional[Pod],
    agent_terminations: Conditional[AgentTermination],
    termination_canaries: Conditional[list[CanaryTiming]],
    profile: Profile,
    clock: Clock,
) -> None:
    """Can a log agent hang at shutdown while it writes positions to NFS?

    Problem: A node drains slowly, and an agent's roll-out takes half a minute on one node: its pod stays Terminating while
    the application writes positions.yaml to a slow NFS, until its grace period is over and it is killed.

    Cause: The positions are on NFS, and the pod may take 30 s (the default; the chart sets none) for its shutdown. A position
    that is not written only means that a few lines are sent twice.

    Fix: Set terminationGracePeriodSeconds to 10 on the DaemonSet. That shortens the application's phase, and only that: an
    unmount that hangs after the containers ended is repaired at the NFS server.

    Prevention: Keep the positions on the node itself (hostPath /run/promtail, the chart's default): writing them never hangs there.
    """
    longest = profile.thresholds.log_agents.grace_seconds
    exposed: dict[tuple[str, str], list[LogAgent]] = {}
    for _, agent in log_agents:
        if agent.nfs and agent.grace_seconds > longest:
            exposed.setdefault((agent.namespace, agent.owner), []).append(agent)
    if not exposed:
        agent_terminations.enrich()
        termination_canaries.enrich()
        return
    past = agent_terminations.need().items
    now = [one for _, one in agents_going(pods.need(), clock.now)]
    slow = {(one.namespace, f"DaemonSet/{one.daemon_set}", one.node): one for one, _ in slow_agents([*past, *now], profile.thresholds)}
    slow |= {(one.namespace, f"DaemonSet/{one.daemon_set}", one.node): one for one in now if _lags(one, past, profile)}
    canaries = {subject.name: timings for subject, timings in termination_canaries.need()}
    for (namespace, owner), agents in exposed.items():
        seen = [one for (place, name, _), one in slow.items() if (place, name) == (namespace, owner)]
        _report(verdict, agents, seen, canaries, longest)


def _lags(one: AgentTermination, past: list[AgentTermination], profile: Profile) -> bool:
    """Whether a pod that is being deleted just now runs on, by when its peers on other nodes were long gone."""
    mine = (one.namespace, one.daemon_set)
    peers = [other.seconds for other in past if (other.namespace, other.daemon_set) == mine and other.node != one.node]
    factor = profile.thresholds.termination.outlier_factor
    return one.phase == Phase.APPLICATION.name and is_outlier(one.seconds, peers, factor=factor, least=CLEANUP_SECONDS)


def _report(
    verdict: Verdict, agents: list[LogAgent], seen: list[AgentTermination], canaries: dict[str, list[CanaryTiming]], longest: int
) -> None:
    first = agents[0]
    kind, _, name = first.owner.partition("/")
    unmounts = {one.node: seconds for one in agents if (seconds := _unmount(canaries.get(one.node, []), first)) is not None}
    verdict.report(
        POSITIONS_ON_NFS,
        Subject(api_version="apps/v1", kind=kind or "Pod", namespace=first.namespace, name=name or first.name),
        severity=Severity.ERROR if seen else Severity.WARNING,
        problem=_problem(first, seen),
        cause=f"Its positions ({first.positions}) are on {first.nfs}, and it may take "
        f"{first.grace_seconds} s to shut down. {_phase(seen, unmounts)}",
        fix=_fix(first, kind, name, longest),
        exhibits=[_table(agents, seen, unmounts)],
        breaks=[Ref(RefKind.TERMINATION, first.namespace, name)] if kind == "DaemonSet" else [],
        rests_on=[Ref(RefKind.UNMOUNT, one.node, first.export.server) for one in seen if first.export and _is_unmount(one, unmounts)],
    )


def _problem(first: LogAgent, seen: list[AgentTermination]) -> str:
    who = f"The log agent {first.namespace}/{first.owner.partition('/')[2] or first.name}"
    if not seen:
        return f"{who} can hang for {first.grace_seconds} s on every node whenever it is stopped."
    where = " and ".join(f"{_at_least(one)} s on {one.node}" for one in seen)
    return f"{who} is slow to stop: it took {where}."


def _at_least(one: AgentTermination) -> str:
    return f"{'at least ' if one.at_least else ''}{one.seconds:.0f}"


def _unmount(timings: list[CanaryTiming], agent: LogAgent) -> float | None:
    """What a timed pod with the same export took to be cleaned up."""
    key = agent.export.key if agent.export else None
    return next((one.cleanup_seconds for one in timings if (one.server, one.path) == key), None)


def _is_unmount(one: AgentTermination, unmounts: dict[str, float]) -> bool:
    """Whether most of the time is that of the unmount, and not of the application."""
    return one.node in unmounts and unmounts[one.node] >= one.seconds / 2


def _phase(seen: list[AgentTermination], unmounts: dict[str, float]) -> str:
    """Which phase is slow, as far as there is evidence."""
    shorter = "the application's phase, which a shorter grace period ends earlier"
    if not seen:
        return f"Should that write hang, it is {shorter}; an unmount that hangs is another phase, which it does not shorten."
    said = []
    for one in seen:
        unmount = unmounts.get(one.node)
        if _is_unmount(one, unmounts):
            said.append(
                f"On {one.node} it is the unmount that is slow: a timed pod with the same export took {unmount:.1f} s after its container "
                "had ended. A shorter grace period does not change that; see pods/termination."
            )
        elif one.phase == Phase.APPLICATION.name:
            how = "its containers are still running" if one.seen == "now" else f"it used its whole grace period of {one.grace_seconds} s"
            said.append(f"On {one.node} it is {shorter}: {how}.")
        elif unmount is not None:
            said.append(f"On {one.node} it is {shorter}: a timed pod with the same export was cleaned up within {unmount:.1f} s.")
        else:
            said.append(f"On {one.node} it is not known whether the application or the unmount is slow; run with --active to find out.")
    return " ".join(said)


def _fix(first: LogAgent, kind: str, name: str, longest: int) -> list[Step]:
    text = (
        f"Shorten the application's phase to {longest} s. A position that is not written costs a few lines that are sent twice. The next "
        "upgrade of its release, or a sync by Argo CD or Flux, reverts this: set it in its values as well. Its pods are restarted, one "
        "after the other."
    )
    value = patch({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": longest}}}})
    steps = []
    if kind in ("DaemonSet", "StatefulSet", "Deployment"):
        steps.append(change(text, shell("kubectl -n {} patch {} {} --type merge -p {}", first.namespace, kind.lower(), name, value)))
    if first.program == "alloy":
        return [*steps, change("In the values of its chart:", code=snippet("controller:\n  terminationGracePeriodSeconds: {}", longest))]
    if first.program != "promtail":
        return [*steps, change("In the values of its chart, if it has one for terminationGracePeriodSeconds; else patch what it renders.")]
    return [
        *steps,
        change(
            "The Promtail chart has no value for it: patch the DaemonSet that it renders (Kustomize, or Helm's post-renderer).",
            code=snippet("spec:\n  template:\n    spec:\n      terminationGracePeriodSeconds: {}", longest),
        ),
        change(
            "Or keep the positions on the node, with the chart's own defaultVolumes and defaultVolumeMounts.",
            code="config:\n  positions:\n    filename: /run/promtail/positions.yaml",
        ),
    ]


def _table(agents: list[LogAgent], seen: list[AgentTermination], unmounts: dict[str, float]) -> Table:
    took = {one.node: one for one in seen}
    rows = [
        [
            one.node,
            one.name,
            f"{one.grace_seconds} s",
            f"{_at_least(took[one.node])} s ({took[one.node].seen})" if one.node in took else "",
            f"{unmounts[one.node]:.1f} s" if one.node in unmounts else "not tried",
        ]
        for one in agents
    ]
    return Table(
        title="Agents with positions on NFS", columns=["Node", "Pod", "Grace", "Slow termination", "Unmount of a timed pod"], rows=rows
    )
