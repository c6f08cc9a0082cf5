from collections import Counter, defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Examined
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.systems.custom_resources.rivals import Kept, kept_pods
from clusterprobe.systems.kubernetes.objects import Condition, Node, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.times import age, ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

NODE_NOT_READY = FindingKind(
    "NodeNotReady", Severity.ERROR, "A node is not ready: what runs on it is not reached, or not known.", settles=True
)
NODE_UNDER_PRESSURE = FindingKind("NodeUnderPressure", Severity.WARNING, "A node lacks memory, disk or processes, and evicts pods.")
DRAIN_HELD = FindingKind(
    "DrainHeld",
    Severity.WARNING,
    "A node has been cordoned for long, and a budget of disruptions lets none of a pod's replicas be evicted.",
    settles=True,
    prevention="Give a budget maxUnavailable: 1, or more replicas than minAvailable.",
)
CORDONED_SECONDS = 1800.0  # a drain takes minutes, as long as its pods' grace periods
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
EVICTION_SECONDS = 300  # after which pods are moved to other nodes; a node that restarts is back before
NEW_SECONDS = 300  # a node that joins sets up its network first
_PRESSURES = {
    "MemoryPressure": "memory",
    "DiskPressure": "disk space or inodes",
    "PIDPressure": "process ids",
}


@reports(NODE_NOT_READY, NODE_UNDER_PRESSURE, DRAIN_HELD)
def probe_ready(
    verdict: Verdict,
    nodes: Examined[Node],
    pods: Conditional[Pod],
    own_kinds: Conditional[CustomKind],
    clock: Clock,
) -> None:
    """Is every node ready, and can one that is cordoned be drained?

    Problem: A node is not ready: its pods are not reached, or their state is as of its last word, and after some minutes they are moved.
    Cause: The kubelet does not report, because it or the node is stopped or cut off; or it reports itself that the container runtime or the
    network plugin does not work. Under pressure, it evicts pods. A cordoned node keeps a pod whose budget asks for all that there are.
    Fix: Bring the kubelet, the node or its network back, or remove a node that is gone for good.
    Prevention: Alert on KubeNodeNotReady, keep room for the pods of one node on the others, and set requests and limits.
    """
    listed_nodes = list(nodes)
    drained = any(node.spec.unschedulable for _, node in listed_nodes)
    there = _by_node(pods.need() if drained else pods.enrich())
    kinds = own_kinds.need() if drained else own_kinds.enrich()
    for subject, node in listed_nodes:
        conditions = {one.type: one for one in node.status.conditions or []}
        ready = conditions.get("Ready")
        pressed = [_PRESSURES[kind] for kind, one in conditions.items() if kind in _PRESSURES and one.status == "True"]
        created = epoch(node.metadata.creation_timestamp)
        if ready is None:
            verdict.unchecked(subject, "it does not say whether it is ready")
        elif ready.status != "True" and created is not None and clock.now - created < NEW_SECONDS:
            verdict.note(f"{subject} joined {ago(clock.now - created)} ago, and is not ready yet")
        elif ready.status != "True":
            _report(verdict, subject, ready, pressed, there[subject.name], clock.now)
        elif pressed:
            _report_pressure(verdict, subject, conditions, pressed)
        _judge_drain(verdict, subject, node, kept_pods(kinds.items, there[subject.name]), clock.now)


def _by_node(pods: Readings[Pod]) -> dict[str, list[Pod]]:
    """The pods that have not ended, by their node."""
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods.items:
        if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed"):
            found[pod.spec.node_name].append(pod)
    return found


def _judge_drain(verdict: Verdict, subject: Subject, node: Node, kept: list[Kept], now: float) -> None:
    """A node that is cordoned for long is meant to be drained, as a rule."""
    taint = next((one for one in node.spec.taints or [] if one.key == UNSCHEDULABLE), None)
    since = age(epoch(taint.time_added), now) if taint else None
    if not node.spec.unschedulable or not kept or (since is not None and since < CORDONED_SECONDS):
        return
    pod, budget = kept[0].pod.metadata, kept[0].budget
    lasted = f", for {ago(since)}" if since is not None else ""
    more = f", nor {number(len(kept) - 1, 'other pod')}" if len(kept) > 1 else ""
    rows = [[f"{one.pod.metadata.namespace}/{one.pod.metadata.name}", one.budget.name, str(workload_of(one.pod))] for one in kept[:20]]
    verdict.report(
        DRAIN_HELD,
        subject,
        problem=f"Node {subject.name} is cordoned{lasted}, and Pod {pod.namespace}/{pod.name} "
        f"on it may not be evicted{more}: a drain of it does not end.",
        cause=f"{budget} asks for as many pods as there are, and all of them are well, so that it never allows a disruption.",
        fix=[
            look("See what it asks for.", shell("kubectl -n {} describe poddisruptionbudget {}", budget.namespace, budget.name)),
            change(
                "Ask for one less (maxUnavailable: 1, which for a single replica means that it may go), or run one more replica, "
                f"{SOURCE}. If the node is not to be drained, uncordon it."
            ),
        ],
        exhibits=[Table(title="What may not be evicted", columns=["Pod", "Budget", "Workload"], rows=rows)],
    )


def _report(verdict: Verdict, subject: Subject, ready: Condition, pressed: list[str], pods: list[Pod], now: float) -> None:
    lasted = age(epoch(ready.last_transition_time), now)
    brief = lasted is not None and lasted < EVICTION_SECONDS
    silent = ready.status != "False"
    told = f" It says {said(ready.message)}." if ready.message else ""
    short = f" Before, it was short of {listed(pressed, 3)}." if pressed else ""
    if silent:
        cause = f"Its kubelet does not report: it is stopped, or the node is, or its way to the API server is cut.{told}{short}"
    else:
        cause = f"Its kubelet reports that it cannot run pods.{told}{short}"
    verdict.report(
        NODE_NOT_READY,
        subject,
        severity=Severity.WARNING if brief else Severity.ERROR,
        problem=f"Node {subject.name} is not ready{f', for {ago(lasted)}' if lasted is not None else ''}: {number(len(pods), 'pod')} "
        f"{'is' if len(pods) == 1 else 'are'} on it.",
        cause=cause,
        fix=_steps(subject.name, silent=silent),
        exhibits=[_table(pods)] if pods else [],
        breaks=[Ref(RefKind.NODE, name=subject.name)],
    )


def _steps(name: str, *, silent: bool) -> list[Step]:
    seen = look(
        "See what it says, and which pods are on it.",
        shell("kubectl describe node {}", name),
        shell("kubectl get pods -A -o wide --field-selector spec.nodeName={}", name),
    )
    if not silent:
        return [seen, change("Repair on the node what the message names: the container runtime, or the network plugin's pod there.")]
    return [
        seen,
        change("Start the node and its kubelet, or repair its network: the kubelet's log on the node says what it cannot reach."),
        change(
            "If the node is gone for good, delete its Node object once it is certain that it does not run any more: then its pods are "
            "replaced, and their volumes are released. Data on its own disks are lost with it."
        ),
    ]


def _table(pods: list[Pod]) -> Table:
    counts = Counter(str(workload_of(one)) for one in pods)
    rows = [[name, str(count)] for name, count in counts.most_common(20)]
    return Table(title="What is on it", columns=["Workload", "Pods"], rows=rows)


def _report_pressure(verdict: Verdict, subject: Subject, conditions: dict[str, Condition], pressed: list[str]) -> None:
    told = [one.message for kind, one in conditions.items() if kind in _PRESSURES and one.status == "True" and one.message]
    verdict.report(
        NODE_UNDER_PRESSURE,
        subject,
        problem=f"Node {subject.name} is short of {listed(pressed, 3, between=' and ')}: it takes no new pods, and evicts some.",
        cause=f"Its kubelet says {said('; '.join(told))}." if told else "Its kubelet does not say more.",
        fix=[
            look("See what it has, and what its pods request.", shell("kubectl describe node {}", subject.name)),
            change("Free what it is short of, or move pods to other nodes: lower requests, add a node, or set limits for what uses it."),
        ],
    )
