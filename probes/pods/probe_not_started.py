from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod, Service, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods import superseded
from clusterprobe.systems.pods.start_advice import steps
from clusterprobe.systems.pods.start_diagnosis import Held, Surroundings
from clusterprobe.systems.pods.start_logs import StartLog
from clusterprobe.systems.pods.start_words import STATES, cause_of
from clusterprobe.systems.pods.starts import StartEvents, State, start_of
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

POD_UNSCHEDULED = FindingKind("PodUnscheduled", Severity.ERROR, "A pod has had no node for too long.", settles=True)
CONTAINERS_NOT_CREATED = FindingKind(
    "ContainersNotCreated", Severity.ERROR, "A pod has a node, and its containers have not been created for too long.", settles=True
)
INIT_CONTAINER_WAITS = FindingKind("InitContainerWaits", Severity.ERROR, "An init container has not ended for too long.", settles=True)
POD_NOT_READY = FindingKind("PodNotReady", Severity.ERROR, "A pod runs, and has not been ready for too long.", settles=True)
POD_GATED = FindingKind("PodGated", Severity.WARNING, "A scheduling gate has held a pod back for too long.", settles=True)
QUEUE_SECONDS = 3600.0  # in a queue, pods wait by intent
KINDS: dict[State, FindingKind] = {
    "gated": POD_GATED,
    "unscheduled": POD_UNSCHEDULED,
    "creating": CONTAINERS_NOT_CREATED,
    "initialising": INIT_CONTAINER_WAITS,
    "unready": POD_NOT_READY,
}


@reports(POD_UNSCHEDULED, CONTAINERS_NOT_CREATED, INIT_CONTAINER_WAITS, POD_NOT_READY, POD_GATED)
def probe_not_started(
    verdict: Verdict,
    pods: Examined[Pod],
    start_events: Enriching[StartEvents],
    start_logs: Enriching[StartLog],
    services: Enriching[Service],
    nodes: Enriching[Node],
    claims: Enriching[PersistentVolumeClaim],
    volumes: Enriching[PersistentVolume],
    stateful_sets: Enriching[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every pod get as far as being ready?

    Problem: A pod is Pending, its containers are being created, an init container does not end, or it runs and is not ready: its workload
    has fewer pods than it should, or none.
    Cause: The scheduler says what no node has; a scheduling gate holds the pod back; the kubelet says what it cannot mount, attach or set
    up; an init container calls what is not there; a readiness probe fails, and the container's log says why. Each is quoted, with what the
    cluster knows of it.
    Fix: By the cause: the request, the selector, the Secret, the volume, the network, what is called, or the probe.
    Prevention: Alert on KubePodNotReady, request what a pod really uses, and roll out with `--wait` or a progress deadline.
    """
    around = Surroundings(pods.readings, services, nodes, claims, volumes, start_events, start_logs)
    serving = {str(workload_of(pod)) for pod in pods.readings.items if pod.ready}
    for ones in _held(verdict, pods, around, clock.now, profile.thresholds.pods.start_minutes * 60):
        newer = superseded.newer_revision(_worst(ones, clock.now).start.pod, stateful_sets)
        _report(verdict, ones, _serving(ones[0], serving, pods.readings), clock.now, newer)


def _held(verdict: Verdict, pods: Examined[Pod], around: Surroundings, now: float, limit: float) -> list[list[Held]]:
    """The pods that are held for longer than `limit` seconds, those of one workload with one cause together."""
    groups: dict[tuple[str, State, str], list[Held]] = defaultdict(list)
    young = 0
    for subject, pod in pods:
        start = start_of(pod, now)
        if start is None:
            continue
        if start.since is None:
            verdict.unchecked(subject, "it is not ready, and does not say since when")
            continue
        held = around.held(start)
        if now - start.since < (max(limit, QUEUE_SECONDS) if held.first.fault == "queued" else limit):
            young += 1
        else:
            groups[str(workload_of(pod)), start.state, held.first.fault].append(held)
    if young:
        verdict.note(f"{number(young, 'pod')} {'is' if young == 1 else 'are'} not ready for less than {limit / 60:.0f} min, which may pass")
    return list(groups.values())


def _serving(held: Held, serving: set[str], pods: Readings[Pod]) -> bool:
    """Whether its workload has a ready pod, or may have one that could not be read."""
    pod = held.start.pod
    return str(workload_of(pod)) in serving or bool(pods.missing_reason(pod.metadata.namespace))


def _worst(ones: list[Held], now: float) -> Held:
    """The one of which most is said."""
    return max(ones, key=lambda one: (len(one.events), now - (one.start.since or now)))


def _report(verdict: Verdict, ones: list[Held], serving: bool, now: float, newer: str) -> None:
    """`newer` is the revision that its StatefulSet asks for by now, and does not get to."""
    first = _worst(ones, now)
    start, workload = first.start, workload_of(first.start.pod)
    since = min(one.start.since or now for one in ones)
    names = listed(sorted(one.start.pod.metadata.name for one in ones), 3)
    what = f"{number(len(ones), 'pod')} of {workload}" if workload.kind != "Pod" else str(workload)
    container = f" (container {start.container})" if start.container else ""
    verdict.report(
        KINDS[start.state],
        workload,
        severity=Severity.WARNING if serving or not first.certain or start.state == "gated" else Severity.ERROR,
        problem=f"{what} {'is' if len(ones) == 1 else 'are'} {STATES[start.state]}{container}, for {ago(now - since)}"
        + (f": {names}." if workload.kind != "Pod" else ".")
        + (" Other pods of it are ready." if serving else ""),
        cause=cause_of(first) + (superseded.told(start.pod, newer) if newer else ""),
        fix=superseded.steps(start.pod) if newer else _fix(ones, first, workload),
        exhibits=[_table(ones, now), *([_said(first)] if first.events else [])],
        breaks=[Ref.of(workload), *(ref for one in ones for ref in one.silenced)],
        rests_on=list(dict.fromkeys(ref for one in ones for ref in one.rests_on)),
    )


def _fix(ones: list[Held], first: Held, workload: Subject) -> list[Step]:
    unready = [one.start.pod.metadata.name for one in ones]
    return by_hand(workload, steps(first), first.start.pod.metadata.labels, unready=unready)


def _table(ones: list[Held], now: float) -> Table:
    rows = [
        [one.start.pod.metadata.name, one.start.pod.spec.node_name, ago(now - (one.start.since or now)), one.first.says]
        for one in ones[:20]
    ]
    return Table(title="Pods that are not ready", columns=["Pod", "Node", "For", "What is said of it"], rows=rows)


def _said(held: Held) -> Table:
    newest = sorted(held.events, key=lambda one: -(one.last or 0.0))[:10]
    rows = [[one.reason, str(one.count), one.message] for one in newest]
    return Table(title=f"Events of {held.start.pod.metadata.name}", columns=["Reason", "Times", "Message"], rows=rows)
