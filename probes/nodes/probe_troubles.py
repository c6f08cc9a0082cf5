from collections import defaultdict
from collections.abc import Iterator

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.node_troubles import Trouble, by_conditions, by_events, flapping
from clusterprobe.systems.kubernetes.objects import Node
from clusterprobe.verdict import Verdict

NODE_TROUBLE = FindingKind(
    "NodeTrouble", Severity.WARNING, "A node is ready, and by its other conditions or its events something of it does not work."
)
NODE_FLAPS = FindingKind("NodeFlaps", Severity.WARNING, "A node is ready, and went not ready more than once within the last hour.")


@reports(NODE_TROUBLE, NODE_FLAPS)
def probe_troubles(verdict: Verdict, nodes: Examined[Node], node_events: Needed[Complaint], clock: Clock) -> None:
    """Does every node that is ready stay so, and work as a whole?

    Problem: A node is ready now, and was not a few minutes ago, again and again; or something of it does not work that its readiness does
    not tell of.
    Cause: What a detector of problems finds stands in further conditions, and what the kubelet does not get done (freeing its disk) in
    events. An API server keeps events for an hour, as a rule: what is older is not seen.
    Fix: Repair on the node what the condition or the event names, or drain and replace the node.
    Prevention: Alert on KubeNodeReadinessFlapping, and reserve CPU, memory and disk for the system on every node.
    """
    told: dict[str, list[Complaint]] = defaultdict(list)
    for about, event in node_events:
        told[about.name].append(event)
    for subject, node in nodes.keep(lambda _, node: node.ready, "no node is ready"):
        for kind, trouble in _troubles(node, told[subject.name], clock.now):
            _report(verdict, kind, subject, trouble)


def _troubles(node: Node, events: list[Complaint], now: float) -> Iterator[tuple[FindingKind, Trouble]]:
    for trouble in by_conditions(node.status.conditions or []):
        yield NODE_TROUBLE, trouble
    if flaps := flapping(events, now):
        yield NODE_FLAPS, flaps
    for trouble in by_events(events, now):
        yield NODE_TROUBLE, trouble


def _report(verdict: Verdict, kind: FindingKind, subject: Subject, trouble: Trouble) -> None:
    verdict.report(
        kind,
        subject,
        problem=f"Node {subject.name} {trouble.problem}",
        cause=trouble.cause,
        fix=[
            look(
                "See its conditions, and what was said of it.",
                shell("kubectl describe node {}", subject.name),
                shell("kubectl get events -A --field-selector involvedObject.kind=Node,involvedObject.name={}", subject.name),
            ),
            change(f"{trouble.helps}."),
        ],
    )
