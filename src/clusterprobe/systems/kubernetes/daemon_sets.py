"""DaemonSets, and why one has no pod on a node."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import (
    Namespace,
    Node,
    Object,
    PodSpec,
    Requirement,
    Taint,
    Workload,
    WorkloadSpec,
    WorkloadTemplate,
)
from clusterprobe.systems.kubernetes.resources import DAEMON_SETS, lists

# Every DaemonSet's pods tolerate these by themselves.
_TOLERATED = frozenset(
    f"node.kubernetes.io/{name}"
    for name in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable", "network-unavailable")
)


class Toleration(Object):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def covers(self, taint: Taint) -> bool:
        if self.effect not in ("", taint.effect):
            return False
        if self.operator == "Exists":
            return self.key in ("", taint.key)
        return self.key == taint.key and self.value == taint.value


class NodeTerm(Object):
    match_expressions: list[Requirement] | None = None


class NodeTerms(Object):
    node_selector_terms: list[NodeTerm] | None = None


class NodeAffinity(Object):
    required: NodeTerms | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Affinity(Object):
    node_affinity: NodeAffinity | None = None


class TemplateSpec(PodSpec):
    node_selector: dict[str, str] | None = None
    tolerations: list[Toleration] | None = None
    affinity: Affinity | None = None


class Template(WorkloadTemplate):
    spec: TemplateSpec


class DaemonSetSpec(WorkloadSpec):
    template: Template


class DaemonSet(Workload):
    """A workload of which it also matters where it may run."""

    spec: DaemonSetSpec


@source(lists(DAEMON_SETS))
def daemon_sets(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[DaemonSet]:
    """Every DaemonSet, with what its pods run and mount of the node, where they may run, and how far its roll-out has got."""
    return cluster.list(DAEMON_SETS, DaemonSet, namespaces)


def why_not_on(one: DaemonSet, node: Node) -> str:
    """What in a DaemonSet's template keeps its pods from a node; empty if nothing does."""
    return "; ".join(_obstacles(one.spec.template.spec, node))


def _obstacles(spec: TemplateSpec, node: Node) -> Iterator[str]:
    labels = node.metadata.labels
    for key, value in sorted((spec.node_selector or {}).items()):
        if labels.get(key) != value:
            yield f"its nodeSelector wants {key}={value}, and the node has " + (
                f"{key}={labels[key]}" if key in labels else "no such label"
            )
    for taint in untolerated(spec.tolerations or [], node):
        written = f"{taint.key}={taint.value}" if taint.value else taint.key
        yield f"the node has the taint {written}:{taint.effect}, and it does not tolerate that"
    required = spec.affinity.node_affinity.required if spec.affinity and spec.affinity.node_affinity else None
    # An operator that is not known here (Gt, Lt) is not worth an accusation.
    terms = (required.node_selector_terms or []) if required else []
    if terms and not any(all(each.met_by(labels) is not False for each in term.match_expressions or []) for term in terms):
        yield "its node affinity leaves the node out"


def untolerated(tolerations: list[Toleration], node: Node) -> list[Taint]:
    """The taints of a node that keep out pods with these tolerations."""
    barring = [one for one in node.spec.taints or [] if one.effect in ("NoSchedule", "NoExecute") and one.key not in _TOLERATED]
    return [taint for taint in barring if not any(one.covers(taint) for one in tolerations)]
