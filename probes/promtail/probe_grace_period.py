"""Log agents that may be stuck writing their positions to NFS until their grace period is over."""

from __future__ import annotations

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.agents import agents_going, slow_agents
from clusterprobe.systems.objects import Pod
from clusterprobe.systems.promtail import LogAgent
from clusterprobe.systems.termination import CLEANUP_SECONDS, AgentTermination, CanaryTiming, Phase, is_outlier
from clusterprobe.verdict import Verdict


def probe_grace_period(
    verdict: Verdict,
    log_agents: Readings[LogAgent],
    pods: Readings[Pod],
    agent_terminations: Readings[AgentTermination],
    termination_canaries: Readings[list[CanaryTiming]],
    profile: Profile,
    clock: Clock,
) -> None:
    """Can a log agent hang on its last write of positions to NFS, for longer than that write is worth?

    Problem: A node drains slowly, and an agent's roll-out takes half a minute on one node: its pod stays Terminating while
    the application writes positions.yaml to a slow NFS, until its grace period is over and it is killed.

    Cause: The positions lie on NFS, and the pod may take 30 s (the default; the chart sets none) for its shutdown. A position
    that is not written only means that a few lines are sent twice.

    Fix: Set terminationGracePeriodSeconds to 10 on the DaemonSet. That shortens the application's phase, and only that: an
    unmount that hangs after the containers ended is repaired at the NFS server.

    Prevention: Keep positions on the node (hostPath /run/promtail, as the chart has it), where a grace period of 30 s is fine.
    """
    longest = profile.thresholds.agent_grace_seconds
    exposed: dict[tuple[str, str], list[LogAgent]] = {}
    for _, agent in verdict.examine(log_agents):
        if agent.export and agent.grace_seconds > longest:
            exposed.setdefault((agent.namespace, agent.owner), []).append(agent)
    if not exposed:
        verdict.enrich(agent_terminations)
        verdict.enrich(termination_canaries)
        return
    past = verdict.need(agent_terminations).items
    now = [one for _, one in agents_going(verdict.need(pods), clock.now)]
    slow = {(one.namespace, f"DaemonSet/{one.daemon_set}", one.node): one for one, _ in slow_agents([*past, *now], profile.thresholds)}
    slow |= {(one.namespace, f"DaemonSet/{one.daemon_set}", one.node): one for one in now if _lags(one, past, profile)}
    canaries = {subject.name: timings for subject, timings in verdict.need(termination_canaries)}
    for (namespace, owner), agents in exposed.items():
        seen = [one for (place, name, _), one in slow.items() if (place, name) == (namespace, owner)]
        _report(verdict, agents, seen, canaries, longest)


def _lags(one: AgentTermination, past: list[AgentTermination], profile: Profile) -> bool:
    """Whether a pod that is being deleted just now runs on, by when its peers on other nodes were long gone."""
    mine = (one.namespace, one.daemon_set)
    peers = [other.seconds for other in past if (other.namespace, other.daemon_set) == mine and other.node != one.node]
    factor = profile.thresholds.termination_outlier_factor
    return one.phase == Phase.APPLICATION.name and is_outlier(one.seconds, peers, factor=factor, least=CLEANUP_SECONDS)


def _report(
    verdict: Verdict, agents: list[LogAgent], seen: list[AgentTermination], canaries: dict[str, list[CanaryTiming]], longest: int
) -> None:
    first = agents[0]
    kind, _, name = first.owner.partition("/")
    unmounts = {one.node: seconds for one in agents if (seconds := _unmount(canaries.get(one.node, []), first)) is not None}
    verdict.finding(
        Severity.ERROR if seen else Severity.WARNING,
        "PositionsOnNfs",
        Subject(api_version="apps/v1", kind=kind or "Pod", namespace=first.namespace, name=name or first.name),
        problem=_problem(first, seen),
        cause=f"Its positions ({first.positions}) lie on the NFS export {first.export}, and it may take "
        f"{first.grace_seconds} s to shut down. {_phase(seen, unmounts)}",
        fix=_fix(first, kind, name, longest),
        prevention="Keep the positions on the node itself (hostPath /run/promtail, the chart's default): writing them never hangs there.",
        exhibits=[_table(agents, seen, unmounts)],
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
    """What a canary with the same export took to be cleaned up."""
    key = agent.export.key if agent.export else None
    return next((one.cleanup_seconds for one in timings if (one.server, one.path) == key), None)


def _phase(seen: list[AgentTermination], unmounts: dict[str, float]) -> str:
    """Which phase is slow, as far as there is evidence."""
    shorter = "the application's phase, which a shorter grace period ends earlier"
    if not seen:
        return f"Should that write hang, it is {shorter}; an unmount that hangs is another matter, which it does not help."
    said = []
    for one in seen:
        unmount = unmounts.get(one.node)
        if unmount is not None and unmount >= one.seconds / 2:
            said.append(
                f"On {one.node} it is the unmount that is slow: a canary with the same export took {unmount:.1f} s after its container "
                "had ended. A shorter grace period does not help that; see pods/termination."
            )
        elif one.phase == Phase.APPLICATION.name:
            how = "its containers are still running" if one.seen == "now" else f"it was gone just when its {one.grace_seconds} s were over"
            said.append(f"On {one.node} it is {shorter}: {how}.")
        elif unmount is not None:
            said.append(f"On {one.node} it is {shorter}: a canary with the same export was cleaned up within {unmount:.1f} s.")
        else:
            said.append(f"On {one.node} nothing tells whether the application or the unmount is slow; run with --active to find out.")
    return " ".join(said)


def _fix(first: LogAgent, kind: str, name: str, longest: int) -> str:
    values = (
        "In the values of the Alloy chart: `controller.terminationGracePeriodSeconds: {}`."
        if first.program != "promtail"
        else "The Promtail chart has no value for it: patch the rendered DaemonSet (a Kustomize patch, or Helm's post-renderer) with\n"
        "    spec.template.spec.terminationGracePeriodSeconds: {}\n"
        "or move the positions back to the node: `config.positions.filename: /run/promtail/positions.yaml`, and the chart's own\n"
        "`defaultVolumes` and `defaultVolumeMounts`."
    ).format(longest)
    patch = f'{{"spec":{{"template":{{"spec":{{"terminationGracePeriodSeconds":{longest}}}}}}}}}'
    return (
        f"Shorten the application's phase to {longest} s (a position that is not written costs a few lines sent twice):\n"
        f"$ kubectl -n {first.namespace} patch {kind.lower() or 'pod'} {name or first.name} --type merge -p '{patch}'\n"
        f"{values}"
    )


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
        title="Agents with positions on NFS", columns=["Node", "Pod", "Grace", "Slow termination", "Unmount of a canary"], rows=rows
    )
