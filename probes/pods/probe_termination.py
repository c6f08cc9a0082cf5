"""Pods that do not go when they are told to: where, and because of what."""

from __future__ import annotations

from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.agents import agents_going, slow_agents
from clusterprobe.systems.kubernetes import NODES
from clusterprobe.systems.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.termination import (
    CLEANUP_SECONDS,
    AgentTermination,
    CanaryTiming,
    Going,
    Mounts,
    PastTermination,
    Phase,
    going,
    ready_nodes,
)
from clusterprobe.systems.unmounts import Slow, bars, slow_nodes
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Mount NFS with timeouts that suit it, keep what is written at shutdown on local storage, and run this probe with --active "
    "after every change at an NFS server or a node."
)


def probe_termination(
    verdict: Verdict,
    pods: Readings[Pod],
    nodes: Readings[Node],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    agent_terminations: Readings[AgentTermination],
    past_terminations: Readings[list[PastTermination]],
    termination_canaries: Readings[list[CanaryTiming]],
    profile: Profile,
    clock: Clock,
) -> None:
    """Do pods go when they are told to, on every node, with and without NFS?

    Problem: Pods stay Terminating for half a minute and more: drains, roll-outs and node replacements stall.

    Cause: One of two phases. The application takes its whole grace period (an agent that flushes to a slow NFS until it is
    killed); or its containers have ended and the kubelet cannot unmount a volume, about which no event tells. Finalizers, nodes
    that are not ready and forced deletions look alike, and are told apart.

    Fix: A shorter grace period for the first; for the second no grace period helps: repair the NFS server, or the way to it.

    Prevention: Time a pod of our own on every node (--active) after changes; keep what is written at shutdown on local storage.
    """
    ready = ready_nodes(verdict.need(nodes))
    mounts = Mounts(verdict.enrich(claims), verdict.enrich(volumes))
    stuck: dict[tuple[Phase, str], list[tuple[Pod, Going]]] = defaultdict(list)
    for _, pod in verdict.examine(pods):
        state = going(pod, ready)
        if state and _hangs(state, clock.now, profile):
            stuck[state.phase, pod.spec.node_name].append((pod, state))
    for (phase, node), group in stuck.items():
        _report_stuck(verdict, phase, node, group, mounts, ready, profile, clock.now)
    now = [one for _, one in agents_going(pods, clock.now) if ready.get(one.node, False)]
    for one, peers in slow_agents([*verdict.need(agent_terminations).items, *now], profile.thresholds):
        _report_agent(verdict, one, peers)
    _report_past(verdict, verdict.need(past_terminations), {pod.metadata.uid for pod in pods.items})
    _judge_canaries(verdict, termination_canaries, profile)


# --- now --------------------------------------------------------------------------------------------------------------


def _hangs(state: Going, now: float, profile: Profile) -> bool:
    """Past its deadline, or its containers ended long ago. Times of another clock are believed only where they can be true."""
    patience = profile.thresholds.termination_outlier_seconds
    if now - state.deadline_at > patience:
        return True
    told = state.requested_at - 1 <= state.ended_at <= now + 1
    return state.phase is Phase.CLEANUP and told and now - state.ended_at > patience


def _report_stuck(
    verdict: Verdict,
    phase: Phase,
    node: str,
    group: list[tuple[Pod, Going]],
    mounts: Mounts,
    ready: dict[str, bool],
    profile: Profile,
    now: float,
) -> None:
    exports = {export.key: export for pod, _ in group for export in mounts.of_pod(pod)}
    longest = max(now - state.requested_at for _, state in group)
    overdue = any(now - state.deadline_at > 0 for _, state in group) or longest >= profile.thresholds.termination_seconds
    nfs = f"; they mount {' and '.join(map(str, exports.values()))}" if exports else ""
    serious = overdue and phase in (Phase.APPLICATION, Phase.CLEANUP) and ready.get(node, False)
    names = ", ".join(f"{pod.metadata.namespace}/{pod.metadata.name}" for pod, _ in group[:3]) + (" …" if len(group) > 3 else "")
    who = "A pod" if len(group) == 1 else f"{len(group)} pods"
    verdict.finding(
        Severity.ERROR if serious else Severity.WARNING,
        "StuckTerminating",
        NODES.subject("", node) if node else Subject(kind="Pod", namespace=group[0][0].metadata.namespace, name=group[0][0].metadata.name),
        settles=True,
        problem=f"{who} on {node or 'no node'} {'is' if len(group) == 1 else 'are'} Terminating for up to {longest:.0f} s: {names}.",
        cause=f"{_CAUSES[phase]}{nfs if phase is Phase.CLEANUP else ''}.",
        fix=_stuck_fix(phase, node, group, str(next(iter(exports.values()), ""))),
        prevention=PREVENTION,
        exhibits=[_stuck_table(group, mounts, now)],
    )


_CAUSES = {
    Phase.NODE: "The node is not ready, so its kubelet cannot say that they ended",
    Phase.FINALIZERS: "Their containers have ended, and finalizers hold them: whoever set these has not taken them away",
    Phase.UNSTARTED: "Their containers never started (a volume that cannot be mounted, or an image that cannot be pulled)",
    Phase.APPLICATION: "The application's phase: their containers are still running, so they neither ended nor could be killed in time",
    Phase.CLEANUP: "The clean-up: their containers have ended, and the kubelet has not got rid of their volumes. No grace period helps",
}


def _stuck_fix(phase: Phase, node: str, group: list[tuple[Pod, Going]], export: str) -> str:
    pod = group[0][0].metadata
    if phase is Phase.NODE:
        return f"Bring the node back, or remove it for good if it does not exist any more:\n$ kubectl describe node {node}"
    if phase is Phase.FINALIZERS:
        return (
            f"Find the controller that owns {', '.join(pod.finalizers)}, and why it does not run:\n"
            f"$ kubectl -n {pod.namespace} get pod {pod.name} -o jsonpath='{{.metadata.finalizers}}'"
        )
    if phase is Phase.CLEANUP:
        return _unmount_fix(node, export)
    here = f"$ kubectl -n {pod.namespace}"
    return f"See what it waits for:\n{here} describe pod {pod.name}\n{here} logs {pod.name} --tail=20"


def _unmount_fix(node: str, export: str) -> str:
    server = export.partition(":")[0]
    where = (
        f"\nAt the NFS server {server}: is it up, overloaded, or holding locks; does the network between it and {node} lose packets?"
        if server
        else ""
    )
    look = "chroot /host sh -c 'grep nfs /proc/mounts; ps -eo pid,stat,wchan:20,args | grep [u]mount'"
    return (
        f"Repair what the unmount waits for; a shorter grace period only ends the application sooner.{where}\n"
        f"$ kubectl debug node/{node} -it --image=busybox -- {look}"
    )


def _stuck_table(group: list[tuple[Pod, Going]], mounts: Mounts, now: float) -> Table:
    rows = [
        [
            f"{pod.metadata.namespace}/{pod.metadata.name}",
            f"{now - state.requested_at:.0f} s",
            f"{state.deadline_at - state.requested_at:.0f} s{' (forced)' if state.forced else ''}",
            f"{now - state.ended_at:.0f} s ago" if state.ended_at else "",
            ", ".join([*map(str, mounts.of_pod(pod)), *pod.metadata.finalizers]),
        ]
        for pod, state in group
    ]
    return Table(title="Terminating", columns=["Pod", "For", "Grace", "Containers ended", "NFS, finalizers"], rows=rows)


# --- agents, and what is past -----------------------------------------------------------------------------------------


def _report_agent(verdict: Verdict, one: AgentTermination, peers: dict[str, float]) -> None:
    times = ", ".join(f"{node} {seconds:.0f} s" for node, seconds in sorted(peers.items()))
    phase = "Which phase is slow nothing tells; run with --active to see whether it is an unmount"
    if one.phase == Phase.APPLICATION.name:
        how = "its containers are still running" if one.seen == "now" else "it was gone when its grace period was over"
        phase = f"It is the application's phase: {how}"
    verdict.finding(
        Severity.WARNING,
        "SlowAgent",
        Subject(api_version="apps/v1", kind="DaemonSet", namespace=one.namespace, name=one.daemon_set),
        problem=f"The agent {one.namespace}/{one.daemon_set} takes {'at least ' if one.at_least else ''}{one.seconds:.0f} s to stop on "
        f"{one.node}; elsewhere: {times}.",
        cause=f"{phase} (pod {one.pod}, grace {one.grace_seconds} s, seen in {one.seen}).",
        fix=f"See what it does after SIGTERM on {one.node}; what it writes to NFS then may take until it is killed, and a shorter "
        f"terminationGracePeriodSeconds ends that:\n$ kubectl -n {one.namespace} get daemonset {one.daemon_set} -o "
        "jsonpath='{.spec.template.spec.terminationGracePeriodSeconds} {.spec.template.spec.volumes}'",
        prevention=PREVENTION,
    )


def _report_past(verdict: Verdict, past: Readings[list[PastTermination]], alive: set[str]) -> None:
    """Info only: scrapes see the slow ones and miss the quick ones, so nothing tells whether it was repaired since."""
    nodes: dict[str, dict[str, PastTermination]] = defaultdict(dict)
    for seen in past.items:
        for one in seen:
            if one.overdue_seconds > CLEANUP_SECONDS and one.uid not in alive:
                nodes[one.node][one.uid] = one
    for node, found in nodes.items():
        rows = [[f"{one.namespace}/{one.pod}", one.owner, f"{one.overdue_seconds:.0f} s"] for one in found.values()]
        verdict.finding(
            Severity.INFO,
            "WentLate",
            NODES.subject("", node),
            problem=f"{len(found)} pod{'s were' if len(found) > 1 else ' was'} still on {node} after the deadline, within the last hour.",
            cause="Prometheus scraped them past the end of their grace periods, by when every application has ended or was killed.",
            fix="Time a pod of our own there:\n$ clusterprobe run --select pods/termination --active",
            prevention=PREVENTION,
            exhibits=[Table(title=f"Late on {node}", columns=["Pod", "Owner", "Past its deadline, at least"], rows=rows)],
        )


# --- canaries ---------------------------------------------------------------------------------------------------------


def _judge_canaries(verdict: Verdict, canaries: Readings[list[CanaryTiming]], profile: Profile) -> None:
    if not canaries.values and canaries.complete:
        verdict.note(f"No pod of our own was timed: {canaries.absent}.")
        return
    timings = {subject.name: timings for subject, timings in verdict.examine(canaries)}
    slow = list(slow_nodes(timings, profile.thresholds))
    limit = profile.thresholds.termination_seconds
    verdict.exhibit(bars(timings, slow, limit))
    for one in slow:
        _report_canary(verdict, one, limit)


def _report_canary(verdict: Verdict, one: Slow, limit: float) -> None:
    took = f"{'' if one.timing.gone else 'at least '}{one.timing.seconds:.1f} s"
    elsewhere = ", ".join(f"{node} {seconds:.1f} s" for node, seconds in sorted(one.peers.items())) or "there is no other node to compare"
    if one.server:
        reason, fix = "SlowUnmount", _unmount_fix(one.node, one.timing.export)
        without = f"{one.plain.seconds:.1f} s" if one.plain else "an unknown time"
        cause = (
            f"The unmount, not the application: the container ended within {one.timing.application_seconds:.1f} s, and getting rid of "
            f"the NFS export {one.timing.export} took {'' if one.timing.gone else 'at least '}{one.timing.cleanup_seconds:.1f} s. "
            f"Without a volume a pod goes from {one.node} in {without}. With exports of the NFS server {one.server}: {elsewhere}."
        )
    else:
        reason = "SlowTermination"
        late = one.timing.cleanup_seconds > one.timing.application_seconds
        what = "the clean-up after its container had ended" if late else "stopping its container"
        cause = (
            f"A pod without any volume: {what} is slow, so it is the node (its kubelet, container runtime or disk). Elsewhere: {elsewhere}."
        )
        fix = f"Look at the node's kubelet and container runtime:\n$ kubectl describe node {one.node}"
    verdict.finding(
        Severity.ERROR if one.over_limit else Severity.WARNING,
        reason,
        NODES.subject("", one.node),
        problem=f"A pod takes {took} to go from {one.node} (limit {limit:.0f} s).",
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
    )
