"""Namespaces, nodes and Services."""

from __future__ import annotations

import msgspec

from clusterprobe.systems.kubernetes.objects.meta import Condition, Metadata, Object
from clusterprobe.systems.kubernetes.objects.network import BalancedStatus


class NamespaceStatus(Object):
    """Its conditions say what keeps it, while it is being deleted."""

    conditions: list[Condition] | None = None


class Namespace(Object):
    metadata: Metadata
    status: NamespaceStatus | None = None


class NodeAddress(Object):
    type: str = ""
    address: str = ""


class NodeStatus(Object):
    conditions: list[Condition] | None = None
    addresses: list[NodeAddress] | None = None


class Taint(Object):
    key: str
    effect: str = ""
    value: str = ""
    time_added: str | None = None


class NodeSpec(Object):
    taints: list[Taint] | None = None
    unschedulable: bool = False


class Node(Object):
    metadata: Metadata
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)

    @property
    def ready(self) -> bool:
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions or [])

    @property
    def windows(self) -> bool:
        """By the label that every kubelet sets itself."""
        return self.metadata.labels.get("kubernetes.io/os") == "windows"


class ServicePort(Object):
    port: int
    name: str = ""
    target_port: int | str | None = None
    node_port: int = 0


class ServiceSpec(Object):
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    type: str = ""
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    load_balancer_class: str = ""


class Service(Object):
    metadata: Metadata
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: BalancedStatus = msgspec.field(default_factory=BalancedStatus)
