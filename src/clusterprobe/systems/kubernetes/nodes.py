"""Which nodes there are, and which of them are ready."""

from __future__ import annotations

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Node, Pod


def ready_nodes(nodes: Readings[Node]) -> dict[str, bool]:
    """The nodes by name, and whether they are ready."""
    return {one.metadata.name: one.ready for one in nodes.items}


def is_virtual(node: Node) -> bool:
    """Whether it stands for a service that runs single pods, such as AWS Fargate, and takes none of a DaemonSet."""
    labels = node.metadata.labels
    named = labels.get("type") in ("virtual-kubelet", "kwok") or labels.get("eks.amazonaws.com/compute-type") == "fargate"
    return named or any(one.key == "virtual-kubelet.io/provider" for one in node.spec.taints or [])


def lost_nodes(nodes: Readings[Node], pods: Readings[Pod]) -> set[str]:
    """The nodes that pods name and that are no longer there, if all nodes were read."""
    if not nodes.complete or not nodes.values:
        return set()
    return {one.spec.node_name for one in pods.items if one.spec.node_name} - ready_nodes(nodes).keys()
