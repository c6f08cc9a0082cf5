"""Routes beside the Ingress that lead to Services: Traefik's, OpenShift's, and those of the Gateway API, brought to one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.gateways import GROUP as GATEWAY_GROUP
from clusterprobe.systems.ingress.gateways import HTTP_ROUTES
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import BackendPort, Metadata, Namespace, Object, ServiceBackend
from clusterprobe.systems.kubernetes.resources import lists
from clusterprobe.words import listed

OPENSHIFT = "route.openshift.io"
ROUTES = Resource("v1", "routes", "Route", OPENSHIFT)
GRPC_ROUTES = Resource("v1", "grpcroutes", "GRPCRoute", GATEWAY_GROUP)
_TRAEFIK_KINDS = {"ingressroutes": "IngressRoute", "ingressroutetcps": "IngressRouteTCP", "ingressrouteudps": "IngressRouteUDP"}
TRAEFIK = tuple(
    Resource("v1alpha1", plural, kind, group) for group in ("traefik.io", "traefik.containo.us") for plural, kind in _TRAEFIK_KINDS.items()
)
Kind = TypeVar("Kind")
WITHOUT_KIND = ("", "Service")  # what a reference leads to that names no kind


class Lead(msgspec.Struct, frozen=True):
    """That requests of some hosts or rule go to a Service; a backend without a port goes to any of its ports."""

    route: str
    namespace: str
    backend: ServiceBackend


class OtherRoute(msgspec.Struct, frozen=True):
    """A route: where it leads, whether its controller itself says that a Service or a port is missing, and whether it ends TLS unseen."""

    leads: list[Lead]
    controller_tells: bool = False
    unseen_tls: bool = False


class _Target(Object):
    """A reference to a Service, in the words of all three."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    port: int | str | None = None

    def lead(self, route: str, at: str) -> Lead | None:
        """None of what is no Service."""
        if self.group or self.kind not in WITHOUT_KIND or not self.name:
            return None
        return Lead(route, self.namespace or at, ServiceBackend(name=self.name, port=_port(self.port)))


class _TraefikRule(Object):
    match: str = ""
    services: list[_Target] | None = None


class _TraefikSpec(Object):
    routes: list[_TraefikRule] | None = None
    tls: dict[str, msgspec.Raw] | None = None


class _TraefikRoute(Object):
    metadata: Metadata
    spec: _TraefikSpec = msgspec.field(default_factory=_TraefikSpec)


class _RoutePort(Object):
    target_port: int | str | None = None


class _RouteSpec(Object):
    host: str = ""
    path: str = ""
    to: _Target = msgspec.field(default_factory=_Target)
    alternate_backends: list[_Target] | None = None
    port: _RoutePort | None = None


class _Route(Object):
    metadata: Metadata
    spec: _RouteSpec = msgspec.field(default_factory=_RouteSpec)


class _GatewayRule(Object):
    backend_refs: list[_Target] | None = None


class _GatewayRouteSpec(Object):
    hostnames: list[str] | None = None
    rules: list[_GatewayRule] | None = None


class _GatewayRoute(Object):
    metadata: Metadata
    spec: _GatewayRouteSpec = msgspec.field(default_factory=_GatewayRouteSpec)


@source(*map(lists, (*TRAEFIK, ROUTES, HTTP_ROUTES, GRPC_ROUTES)))
def other_routes(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[OtherRoute]:
    """Every IngressRoute of Traefik, Route of OpenShift, HTTPRoute and GRPCRoute, with the Services that it leads to."""
    found: Collector[OtherRoute] = Collector()

    def gather(resource: Resource, kind: type[Kind], brought: Callable[[Kind], OtherRoute]) -> None:
        read = list_custom(cluster, served, namespaces, resource, kind)
        found.values += [(subject, brought(one)) for subject, one in read]
        found.unreadable += [one for one in read.unreadable if one not in found.unreadable]

    for each in TRAEFIK:
        gather(each, _TraefikRoute, _of_traefik)
    gather(ROUTES, _Route, _of_openshift)
    for each in (HTTP_ROUTES, GRPC_ROUTES):
        gather(each, _GatewayRoute, _of_gateway)
    return found.readings("no route beside the Ingresses is here: no IngressRoute of Traefik, Route of OpenShift, HTTPRoute or GRPCRoute")


def _of_traefik(one: _TraefikRoute) -> OtherRoute:
    rules = [(rule.match or "every connection", each) for rule in one.spec.routes or [] for each in rule.services or []]
    return OtherRoute(_leads(rules, one.metadata.namespace), unseen_tls=one.spec.tls is not None)


def _of_openshift(one: _Route) -> OtherRoute:
    """Its port is that of the pods: by name it is a port's of the Service, too; by number it may be any of them."""
    spec = one.spec
    port = spec.port.target_port if spec.port and isinstance(spec.port.target_port, str) else None
    targets = [msgspec.structs.replace(each, port=port) for each in (spec.to, *(spec.alternate_backends or []))]
    return OtherRoute(_leads([(f"{spec.host or 'its host'}{spec.path}", each) for each in targets], one.metadata.namespace))


def _of_gateway(one: _GatewayRoute) -> OtherRoute:
    hosts = listed(one.spec.hostnames or ["every host"], 3)
    rules = [(hosts, each) for rule in one.spec.rules or [] for each in rule.backend_refs or []]
    return OtherRoute(_leads(rules, one.metadata.namespace), controller_tells=True)


def _leads(targets: list[tuple[str, _Target]], namespace: str) -> list[Lead]:
    return [lead for route, each in targets if (lead := each.lead(route, namespace))]


def _port(value: int | str | None) -> BackendPort:
    if isinstance(value, str) and not value.isdecimal():
        return BackendPort(name=value)
    return BackendPort(number=int(value or 0))
