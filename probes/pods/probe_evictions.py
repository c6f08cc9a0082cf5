from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, destroys, look, shell
from clusterprobe.model import Severity, Step, Table
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Examined
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import Metadata, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.evictions import Eviction, Fault, eviction_of
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

PODS_EVICTED = FindingKind("PodsEvicted", Severity.ERROR, "Nodes evict the pods of a workload again and again.", settles=True)
PODS_REJECTED = FindingKind("PodsRejected", Severity.ERROR, "Nodes reject the pods of a workload again and again.", settles=True)
OF_ONE_REVISION = ("pod-template-hash", "controller-revision-hash", "apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name")
LEAST = 3  # fewer may be one bad hour of one node
WINDOW_SECONDS = 6 * 3600.0
_MEANS: dict[Fault, str] = {
    "own limit": "It writes more to the node's disk than its own limit allows",
    "disk": "Its node ran out of disk, and what uses more than it requests goes first",
    "memory": "Its node ran out of memory, and what uses more than it requests goes first",
    "processes": "Its node ran out of process ids",
    "evicted": "The kubelet evicted it",
    "devices": "Its node has fewer healthy devices than the scheduler believed",
    "no room": "Its node has less room than the scheduler believed, such as for static pods, or two schedulers place pods",
    "sysctl": "It asks for a sysctl that the kubelet of its node does not allow",
    "topology": "Its node has no NUMA node that alone has what it asks for (Topology Manager), which the scheduler does not know",
    "rejected": "Its node does not take it, although it was scheduled there",
}
_FIXES: dict[Fault, str] = {
    "own limit": f"Raise limits.ephemeral-storage of the container, or sizeLimit of the emptyDir, {SOURCE}. Or let it write less.",
    "disk": f"Request ephemeral-storage by what the pod writes, or let it write to a volume, {SOURCE}. Free the node's disk of the rest.",
    "memory": f"Request as much memory as the pod really uses, {SOURCE}, so that the scheduler keeps room for it. Or add a node.",
    "processes": "Find on the node what starts so many processes, and limit those of a pod there (podPidsLimit of the kubelet).",
    "evicted": f"Repair what the message names. What the pod asks for is changed {SOURCE}.",
    "devices": "Restart the pod of the device plugin on that node, and see in its log which devices are unhealthy.",
    "no room": "Let one scheduler place pods, and take what runs on the node beside Kubernetes into its reserved resources (kubelet).",
    "sysctl": f"Take the sysctl out of its securityContext, {SOURCE}. Or allow it on its nodes (allowedUnsafeSysctls of the kubelet).",
    "topology": f"Let it ask for no more than one NUMA node has, {SOURCE}. Or set topologyManagerPolicy of the kubelet to best-effort.",
    "rejected": f"Repair what the message names: the labels of the node, or what the pod asks for, {SOURCE}.",
}


@reports(PODS_EVICTED, PODS_REJECTED)
def probe_evictions(verdict: Verdict, pods: Examined[Pod], clock: Clock) -> None:
    """Do nodes evict or reject pods of a workload again and again?

    Problem: A workload's pods end for good and are replaced, every time with a cold start; the failed ones pile up, and whoever only looks
    at the newest one sees it run.
    Cause: Its node runs out of disk, memory or process ids, and the pod uses more than it requests; it writes more than its own limit
    allows; or its node does not take what was scheduled there. It was neither the kernel's OOM killer nor a probe: the kubelet says why.
    Fix: Request what the pod uses, raise the limit that it hit, free the node, or repair its device plugin.
    Prevention: Request memory and ephemeral-storage for every container, and alert on the pressure of nodes and on evicted pods.
    """
    serving = {str(workload_of(pod)) for pod in pods.readings.items if pod.ready}
    groups: dict[tuple[str, Fault], list[Eviction]] = defaultdict(list)
    few = 0
    for _, pod in pods:
        if (one := eviction_of(pod)) and one.at is not None and clock.now - one.at <= WINDOW_SECONDS:
            groups[str(workload_of(pod)), one.fault].append(one)
    for (workload, _), ones in groups.items():
        if len(ones) >= LEAST:
            _report(verdict, ones, clock.now, serves=workload in serving)
        else:
            few += len(ones)
    if few:
        verdict.note(
            f"{number(few, 'pod was', 'pods were')} evicted or rejected in the last {ago(WINDOW_SECONDS)}, of no workload several."
        )


def _report(verdict: Verdict, ones: list[Eviction], now: float, *, serves: bool) -> None:
    ones = sorted(ones, key=lambda one: -(one.at or 0.0))
    newest, workload = ones[0], workload_of(ones[0].pod)
    nodes = sorted({one.pod.spec.node_name for one in ones} - {""})
    doing = "rejected" if newest.rejected else "evicted"
    first = now - (ones[-1].at or now)
    verdict.report(
        PODS_REJECTED if newest.rejected else PODS_EVICTED,
        workload,
        severity=Severity.WARNING if serves else Severity.ERROR,
        problem=f"{number(len(ones), 'pod')} of {workload} were {doing} in {ago(first)}, the last one {ago(now - (newest.at or now))} ago"
        + (f", on {listed(nodes, 3)}." if nodes else ".")
        + (" Others of it are ready." if serves else " None of it is ready."),
        cause=f"{_MEANS[newest.fault]}. The kubelet says {said(newest.pod.status.message, nothing=newest.pod.status.reason)}.",
        fix=[*by_hand(workload, _steps(newest, nodes), newest.pod.metadata.labels), *_remains(newest.pod.metadata)],
        exhibits=[_table(ones, now)],
        breaks=[Ref.of(workload)] if not serves else [],
        rests_on=[Ref(RefKind.NODE, name=one) for one in nodes],
    )


def _steps(newest: Eviction, nodes: list[str]) -> list[Step]:
    pod = newest.pod.metadata
    looks = [look("Read what the kubelet says of the last one.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name))]
    if nodes and newest.fault != "own limit":
        looks.append(look("See what the node has, and what its pods request.", shell("kubectl describe node {}", nodes[0])))
    return [*looks, change(_FIXES[newest.fault])]


def _remains(pod: Metadata) -> list[Step]:
    """Pods that have failed are kept until somebody deletes them, or there are thousands."""
    labels = ",".join(f"{key}={value}" for key, value in sorted(pod.labels.items()) if key not in OF_ONE_REVISION)
    if not labels:
        return []
    command = shell("kubectl -n {} delete pods --field-selector=status.phase=Failed -l {}", pod.namespace, labels)
    return [
        destroys("the pods that have failed, with what the kubelet says of them", "Then delete them: nothing else does so soon.", command)
    ]


def _table(ones: list[Eviction], now: float) -> Table:
    rows = [
        [one.pod.metadata.name, one.pod.spec.node_name, f"{ago(now - (one.at or now))} ago", one.pod.status.message] for one in ones[:20]
    ]
    return Table(title="Pods that their nodes ended", columns=["Pod", "Node", "When", "What the kubelet says"], rows=rows)
