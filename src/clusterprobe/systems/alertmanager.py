"""Alertmanager: the Operator's object, and what each replica says of its configuration."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes import Served, list_custom
from clusterprobe.systems.objects import LabelSelector, Metadata, Namespace, Object
from clusterprobe.systems.prometheus import GROUP, CustomStatus, StorageSpec, WebSpec

ALERTMANAGERS = Resource("v1", "alertmanagers", "Alertmanager", GROUP)


class AlertmanagerSpec(Object):
    replicas: int | None = None
    paused: bool = False
    port_name: str = "web"
    route_prefix: str = ""
    config_secret: str = ""
    web: WebSpec | None = None
    storage: StorageSpec | None = None
    alertmanager_config_selector: LabelSelector | None = None

    @property
    def serves_tls(self) -> bool:
        return self.web is not None and self.web.tls_config is not None


class Alertmanager(Object):
    metadata: Metadata
    spec: AlertmanagerSpec = msgspec.field(default_factory=AlertmanagerSpec)
    status: CustomStatus = msgspec.field(default_factory=CustomStatus)

    @property
    def wanted_pods(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas


@source(Call("list", "alertmanagers", GROUP))
def alertmanagers(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Alertmanager]:
    """The Alertmanager objects of the Operator."""
    return list_custom(cluster, served, namespaces, ALERTMANAGERS, Alertmanager)
