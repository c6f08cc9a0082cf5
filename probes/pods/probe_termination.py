"""Pods that do not terminate in time: where, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.nodes import lost_nodes, ready_nodes
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.kubernetes.resources import NODES
from clusterprobe.systems.pods.termination.advice import release, unmount
from clusterprobe.systems.pods.termination.history import agents_going, slow_agents
from clusterprobe.systems.pods.termination.model import (
    CLEANUP_SECONDS,
    AgentTermination,
    CanaryTiming,
    Going,
    PastTermination,
    Phase,
    going,
)
from clusterprobe.systems.pods.termination.outliers import Slow, bars, slow_nodes
from clusterprobe.systems.storage.nfs import Export, Mounts
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

STUCK_TERMINATING = FindingKind("StuckTerminating", Severity.ERROR, "Pods have been Terminating for longer than they may.", settles=True)
SLOW_AGENT = FindingKind("SlowAgent", Severity.WARNING, "A pod of a DaemonSet takes much longer to stop on one node than on the others.")
SLOW_UNMOUNT = FindingKind(
    "SlowUnmount", Severity.ERROR, "A timed pod with an NFS volume takes long to terminate, because its volume is unmounted slowly."
)
SLOW_TERMINATION = FindingKind("SlowTermination", Severity.ERROR, "A timed pod without a volume takes long to terminate.")
WENT_LATE = FindingKind("WentLate", Severity.INFO, "Pods still existed after their grace period, within the last hour.")


@reports(STUCK_TERMINATING, SLOW_AGENT, SLOW_UNMOUNT, SLOW_TERMINATION, WENT_LATE)
def probe_termination(
    verdict: Verdict,
    pods: Examined[Pod],
    nodes: Needed[Node],
    claims: Enriching[PersistentVolumeClaim],
    volumes: Enriching[PersistentVolume],
    agent_terminations: Needed[AgentTermination],
    past_terminations: Needed[list[PastTermination]],
    termination_canaries: Examined[list[CanaryTiming]],
    profile: Profile,
    clock: Clock,
) -> None:
    """Do pods terminate in time on every node, with and without NFS?

    Problem: Pods stay Terminating for half a minute and more: drains, roll-outs and node replacements stall.

    Cause: One of two phases. The application takes its whole grace period (an agent that flushes to a slow NFS until it is
    killed); or its containers have ended and the kubelet cannot unmount a volume, about which there is no event. Finalizers, nodes
    that are not ready and forced deletions look alike, and are distinguished.

    Fix: A shorter grace period for the first; for the second no grace period helps: repair the NFS server, or the way to it.

    Prevention: Mount NFS with timeouts that suit it, keep what is written at shutdown on local storage, and run this probe with --active
    after every change at an NFS server or a node.
    """
    ready = ready_nodes(nodes)
    lost = lost_nodes(nodes, pods.readings)
    mounts = Mounts(claims, volumes)
    stuck: dict[tuple[Phase, str], list[tuple[Pod, Going]]] = defaultdict(list)
    for _, pod in pods:
        state = going(pod, ready | dict.fromkeys(lost, False))
        if state and _hangs(state, clock.now, profile):
            stuck[state.phase, pod.spec.node_name].append((pod, state))
    for (phase, node), group in stuck.items():
        _report_stuck(verdict, phase, node, group, mounts, Known(ready, node in lost, profile, clock.now))
    now = [one for _, one in agents_going(pods.readings, clock.now) if ready.get(one.node, False)]
    for one, peers in slow_agents([*agent_terminations.items, *now], profile.thresholds):
        _report_agent(verdict, one, peers, clock.now)
    _report_past(verdict, past_terminations, {pod.metadata.uid for pod in pods.readings.items})
    _judge_canaries(verdict, termination_canaries, profile)


# --- now --------------------------------------------------------------------------------------------------------------


def _hangs(state: Going, now: float, profile: Profile) -> bool:
    """Past its deadline, or its containers ended long ago. Times of another clock are believed only where they can be true."""
    patience = profile.thresholds.termination.outlier_seconds
    if now - state.deadline_at > patience:
        return True
    told = state.requested_at - 1 <= state.ended_at <= now + 1
    return state.phase is Phase.CLEANUP and told and now - state.ended_at > patience


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known of a node: which nodes are ready, and whether this one is no longer there."""

    ready: dict[str, bool]
    lost: bool
    profile: Profile
    now: float


def _report_stuck(verdict: Verdict, phase: Phase, node: str, group: list[tuple[Pod, Going]], mounts: Mounts, known: Known) -> None:
    exports = {export.key: export for pod, _ in group for export in mounts.of_pod(pod)}
    drivers = sorted({driver for pod, _ in group for driver in mounts.drivers_of(pod)})
    longest = max(known.now - state.requested_at for _, state in group)
    limit = known.profile.thresholds.termination.seconds
    overdue = any(known.now - state.deadline_at > 0 for _, state in group) or longest >= limit
    nfs = f"; they mount {' and '.join(map(str, exports.values()))}" if exports else ""
    serious = overdue and phase in (Phase.APPLICATION, Phase.CLEANUP) and known.ready.get(node, False)
    names = listed([f"{pod.metadata.namespace}/{pod.metadata.name}" for pod, _ in group], 3)
    who = "A pod" if len(group) == 1 else f"{len(group)} pods"
    cause = f"The node {node} no longer exists, so whether their containers ended is not known" if known.lost else _CAUSES[phase]
    verdict.report(
        STUCK_TERMINATING,
        NODES.subject("", node) if node else Subject(kind="Pod", namespace=group[0][0].metadata.namespace, name=group[0][0].metadata.name),
        severity=Severity.ERROR if serious else Severity.WARNING,
        problem=f"{who} on {node or 'no node'} {'is' if len(group) == 1 else 'are'} Terminating for up to {longest:.0f} s: {names}.",
        cause=f"{cause}{nfs if phase is Phase.CLEANUP else ''}.",
        fix=release(phase, node, group[0][0], list(map(str, exports.values())), drivers, lost=known.lost),
        exhibits=[_stuck_table(group, mounts, known.now)],
        breaks=[Ref(RefKind.NODE, name=node)] if phase is Phase.NODE else [],
        rests_on=_rests_on(phase, node, exports.values()),
    )


_CAUSES = {
    Phase.NODE: "The node is not ready, so its kubelet cannot say that they ended",
    Phase.FINALIZERS: "Their containers have ended, and finalizers hold them: whoever set these has not taken them away",
    Phase.UNSTARTED: "Their containers never started (a volume that cannot be mounted, or an image that cannot be pulled)",
    Phase.APPLICATION: "The application's phase: their containers are still running, so they neither ended nor could be killed in time",
    Phase.CLEANUP: "The clean-up: their containers have ended, and the kubelet has not unmounted their volumes. No grace period helps",
}


def _rests_on(phase: Phase, node: str, exports: Iterable[Export]) -> list[Ref]:
    """What timed pods tell of the node, and of the NFS servers whose exports are to be unmounted there."""
    if phase not in (Phase.APPLICATION, Phase.CLEANUP):
        return []
    servers = dict.fromkeys(one.server for one in exports) if phase is Phase.CLEANUP else ()
    return [*(Ref(RefKind.UNMOUNT, node, server) for server in servers), Ref(RefKind.TERMINATION, name=node)]


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


def _report_agent(verdict: Verdict, one: AgentTermination, peers: dict[str, float], now: float) -> None:
    when = f" {ago(now - one.at)} ago" if one.at is not None else ""
    times = ", ".join(f"{node} {seconds:.0f} s" for node, seconds in sorted(peers.items()))
    phase = "Which phase is slow is not known; run with --active to see whether it is an unmount"
    if one.phase == Phase.APPLICATION.name:
        how = "its containers are still running" if one.seen == "now" else "it used its whole grace period"
        phase = f"It is the application's phase: {how}"
    verdict.report(
        SLOW_AGENT,
        Subject(api_version="apps/v1", kind="DaemonSet", namespace=one.namespace, name=one.daemon_set),
        problem=f"The agent {one.namespace}/{one.daemon_set} takes {'at least ' if one.at_least else ''}{one.seconds:.0f} s to stop on "
        f"{one.node}; elsewhere: {times}.",
        cause=f"{phase} (pod {one.pod}, grace {one.grace_seconds} s, seen in {one.seen}{when}).",
        fix=[
            look(
                f"See its grace period and its volumes; then what it does after SIGTERM on {one.node}.",
                shell(
                    "kubectl -n {} get daemonset {} -o jsonpath='{.spec.template.spec.terminationGracePeriodSeconds} "
                    "{.spec.template.spec.volumes}'",
                    one.namespace,
                    one.daemon_set,
                ),
            ),
            change(
                "If it writes what it still holds as it ends, as to NFS or to a slow receiver, a shorter terminationGracePeriodSeconds "
                f"ends that sooner, and what is not written by then is lost. Change it {SOURCE}."
            ),
        ],
        rests_on=[Ref(RefKind.TERMINATION, one.namespace, one.daemon_set)],
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
        verdict.report(
            WENT_LATE,
            NODES.subject("", node),
            problem=f"{number(len(found), 'pod was', 'pods were')} still on {node} after the deadline, within the last hour.",
            cause="Prometheus still scraped them after their grace periods, when every application has ended or was killed.",
            fix=[
                change(
                    "Measure it with timed pods, which --active creates on each node and deletes again.",
                    shell("clusterprobe run --select pods/termination --active"),
                )
            ],
            exhibits=[Table(title=f"Late on {node}", columns=["Pod", "Owner", "Past its deadline, at least"], rows=rows)],
            rests_on=[Ref(RefKind.UNMOUNT, node), Ref(RefKind.TERMINATION, name=node)],
        )


# --- canaries ---------------------------------------------------------------------------------------------------------


def _judge_canaries(verdict: Verdict, canaries: Examined[list[CanaryTiming]], profile: Profile) -> None:
    if not canaries.readings.values and canaries.readings.complete:
        verdict.note(f"No timed pod was made: {canaries.readings.absent}.")
        return
    timings = {subject.name: timings for subject, timings in canaries}
    slow = list(slow_nodes(timings, profile.thresholds))
    limit = profile.thresholds.termination.seconds
    verdict.exhibit(bars(timings, slow, limit))
    for one in slow:
        _report_canary(verdict, one, limit)


def _report_canary(verdict: Verdict, one: Slow, limit: float) -> None:
    took = f"{'' if one.timing.gone else 'at least '}{one.timing.seconds:.1f} s"
    elsewhere = ", ".join(f"{node} {seconds:.1f} s" for node, seconds in sorted(one.peers.items())) or "there is no other node to compare"
    if one.server:
        kind, fix = SLOW_UNMOUNT, unmount(one.node, [one.timing.export], [])
        without = f"{one.plain.seconds:.1f} s" if one.plain else "an unknown time"
        cause = (
            f"The unmount, not the application: the container ended within {one.timing.application_seconds:.1f} s, and unmounting "
            f"the NFS export {one.timing.export} took {'' if one.timing.gone else 'at least '}{one.timing.cleanup_seconds:.1f} s. "
            f"Without a volume a pod terminates on {one.node} in {without}. With exports of the NFS server {one.server}: {elsewhere}."
        )
    else:
        kind = SLOW_TERMINATION
        late = one.timing.cleanup_seconds > one.timing.application_seconds
        what = "the clean-up after its container had ended" if late else "stopping its container"
        cause = (
            f"A pod without any volume: {what} is slow, so it is the node (its kubelet, container runtime or disk). Elsewhere: {elsewhere}."
        )
        fix = [look("See the node's conditions; then its kubelet and container runtime.", shell("kubectl describe node {}", one.node))]
    verdict.report(
        kind,
        NODES.subject("", one.node),
        severity=Severity.ERROR if one.over_limit else Severity.WARNING,
        problem=f"A pod takes {took} to terminate on {one.node} (limit {limit:.0f} s).",
        cause=cause,
        fix=fix,
        breaks=[Ref(RefKind.UNMOUNT, one.node, one.server), Ref(RefKind.UNMOUNT, one.node)]
        if one.server
        else [Ref(RefKind.TERMINATION, name=one.node)],
    )
