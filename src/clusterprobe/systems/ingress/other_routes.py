"""Routes beside the Ingress that lead to Services: Traefik's, OpenShift's, and those of the Gateway API, brought to one shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.numerals import whole_number
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.backends import Lead
from clusterprobe.systems.ingress.gateways import GROUP as GATEWAY_GROUP
from clusterprobe.systems.ingress.gateways import BackendRef, HttpRoute
from clusterprobe.systems.ingress.middlewares import MiddlewareRef, Reference, references
from clusterprobe.systems.ingress.traefik_rules import hosts_in
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import BackendPort, Metadata, Namespace, Object, ServiceBackend
from clusterprobe.systems.kubernetes.resources import lists
from clusterprobe.words import listed, said

OPENSHIFT = "route.openshift.io"
ROUTES = Resource("v1", "routes", "Route", OPENSHIFT)
# On the Services of a router, with the name of that; the Operator for Ingress sets it.
ROUTER_LABEL = "ingresscontroller.operator.openshift.io/owning-ingresscontroller"
GRPC_ROUTES = Resource("v1", "grpcroutes", "GRPCRoute", GATEWAY_GROUP)
_TCP = "IngressRouteTCP"
_TRAEFIK_KINDS = {"ingressroutes": "IngressRoute", "ingressroutetcps": _TCP, "ingressrouteudps": "IngressRouteUDP"}
TRAEFIK = tuple(
    Resource("v1alpha1", plural, kind, group) for group in ("traefik.io", "traefik.containo.us") for plural, kind in _TRAEFIK_KINDS.items()
)
Kind = TypeVar("Kind")
WITHOUT_KIND = ("", "Service")  # what a reference leads to that names no kind


class RouteTls(msgspec.Struct, frozen=True, kw_only=True):
    """The TLS of a route: its hosts, what its certificate is to come from, and by what its controller is found.

    `hostless` says of each of its rules of which no host is known what to do about it. `controller` are the labels of its controller's
    Services, `entry_points` the names of their ports where it names any, and `addresses` where its status says that it is answered.
    """

    hosts: list[str] = []
    hostless: list[str] = []
    secret_name: str = ""
    resolver: str = ""
    passes_through: bool = False
    controller: dict[str, str] = {}
    entry_points: list[str] = []
    addresses: list[str] = []


class OtherRoute(msgspec.Struct, frozen=True):
    """A route: where it leads, whether its controller itself says that a Service or a port is missing, and its TLS, if it has any.

    The certificates of the Gateway API are those of Gateways; in older bundles no route has `tls`, or `middlewares` (of Traefik).
    """

    leads: list[Lead]
    controller_tells: bool = False
    tls: RouteTls | None = None
    middlewares: list[Reference] = []


class _TraefikRule(Object):
    match: str = ""
    services: list[BackendRef] | None = None
    middlewares: list[MiddlewareRef] | None = None


class _TraefikDomain(Object):
    main: str = ""
    sans: list[str] | None = None


class _TraefikTls(Object):
    secret_name: str = ""
    cert_resolver: str = ""
    passthrough: bool = False
    domains: list[_TraefikDomain] | None = None

    @property
    def hosts(self) -> list[str]:
        """Those of its domains."""
        return [host for one in self.domains or [] for host in (one.main, *(one.sans or [])) if host]


class _TraefikSpec(Object):
    entry_points: list[str] | None = None
    routes: list[_TraefikRule] | None = None
    tls: _TraefikTls | None = None


class _TraefikRoute(Object):
    metadata: Metadata
    spec: _TraefikSpec = msgspec.field(default_factory=_TraefikSpec)


class _RoutePort(Object):
    target_port: int | str | None = None


class _ExternalCertificate(Object):
    name: str = ""


class _RouteTls(Object):
    termination: str = ""
    external_certificate: _ExternalCertificate = msgspec.field(default_factory=_ExternalCertificate)


class _RouteSpec(Object):
    host: str = ""
    tls: _RouteTls | None = None
    path: str = ""
    to: BackendRef = msgspec.field(default_factory=BackendRef)
    alternate_backends: list[BackendRef] | None = None
    port: _RoutePort | None = None


class _Admission(Object):
    router_name: str = ""
    router_canonical_hostname: str = ""


class _RouteStatus(Object):
    ingress: list[_Admission] | None = None


class _Route(Object):
    metadata: Metadata
    spec: _RouteSpec = msgspec.field(default_factory=_RouteSpec)
    status: _RouteStatus = msgspec.field(default_factory=_RouteStatus)


@source(*map(lists, (*TRAEFIK, ROUTES, GRPC_ROUTES)))
def other_routes(
    cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace], http_routes: Readings[HttpRoute]
) -> Readings[OtherRoute]:
    """Every IngressRoute of Traefik, Route of OpenShift, HTTPRoute and GRPCRoute, with the Services that it leads to."""
    found: Collector[OtherRoute] = Collector()

    def listed_of(resource: Resource, kind: type[Kind]) -> Readings[Kind]:
        return list_custom(cluster, served, namespaces, resource, kind)

    def gather(read: Readings[Kind], brought: Callable[[Kind], OtherRoute]) -> None:
        found.values += [(subject, brought(one)) for subject, one in read]
        found.unreadable += [one for one in read.unreadable if one not in found.unreadable]

    for each in TRAEFIK:
        gather(listed_of(each, _TraefikRoute), partial(_of_traefik, tcp=each.kind == _TCP))
    gather(listed_of(ROUTES, _Route), _of_openshift)
    gather(http_routes, _of_gateway)
    gather(listed_of(GRPC_ROUTES, HttpRoute), _of_gateway)
    return found.readings("no route beside the Ingresses is here: no IngressRoute of Traefik, Route of OpenShift, HTTPRoute or GRPCRoute")


def _of_traefik(one: _TraefikRoute, *, tcp: bool) -> OtherRoute:
    rules = [(rule.match or "every connection", each) for rule in one.spec.routes or [] for each in rule.services or []]
    named = [each for rule in one.spec.routes or [] for each in rule.middlewares or []]
    return OtherRoute(
        _leads(rules, one.metadata.namespace),
        tls=_tls_of_traefik(one.spec, one.spec.tls) if one.spec.tls else None,
        middlewares=references(named, "MiddlewareTCP" if tcp else "Middleware", one.metadata.namespace),
    )


def _tls_of_traefik(spec: _TraefikSpec, tls: _TraefikTls) -> RouteTls:
    """Where a rule names no host, those for which its certificate is asked for stand in for it."""
    by_rule = {rule.match: hosts_in(rule.match) for rule in spec.routes or []}
    hostless = [match for match, hosts in by_rule.items() if not hosts]
    named = [host for hosts in by_rule.values() for host in hosts] + (tls.hosts if hostless else [])
    return RouteTls(
        hosts=list(dict.fromkeys(named)),
        hostless=[] if tls.hosts else [_hostless(match) for match in hostless],
        secret_name=tls.secret_name,
        resolver=tls.cert_resolver,
        passes_through=tls.passthrough,
        controller={"app.kubernetes.io/name": "traefik"},
        entry_points=spec.entry_points or [],
    )


def _hostless(match: str) -> str:
    rule = f"its rule {said(match, 100)}" if match else "a rule of it"
    return f"{rule} names no host to ask for; name it there as `Host(…)` alone, or under `spec.tls.domains`, which is asked for then"


def _of_openshift(one: _Route) -> OtherRoute:
    """Its port is that of the pods: by name it is a port's of the Service, too; by number it may be any of them."""
    spec = one.spec
    port = spec.port.target_port if spec.port and isinstance(spec.port.target_port, str) else None
    targets = [msgspec.structs.replace(each, port=port) for each in (spec.to, *(spec.alternate_backends or []))]
    leads = _leads([(f"{spec.host or 'its host'}{spec.path}", each) for each in targets], one.metadata.namespace)
    return OtherRoute(leads, tls=_tls_of_openshift(one, spec.tls) if spec.tls and spec.tls.termination else None)


def _tls_of_openshift(one: _Route, tls: _RouteTls) -> RouteTls:
    """It is answered by the router that has admitted it; of several, by the first."""
    router = next(iter(one.status.ingress or []), _Admission())
    return RouteTls(
        hosts=[one.spec.host] if one.spec.host else [],
        hostless=[] if one.spec.host else ["it names no host to ask for; name one under `spec.host`"],
        secret_name=tls.external_certificate.name,
        passes_through=tls.termination == "passthrough",
        controller={ROUTER_LABEL: router.router_name} if router.router_name else {},
        addresses=[router.router_canonical_hostname] if router.router_canonical_hostname else [],
    )


def _of_gateway(one: HttpRoute) -> OtherRoute:
    hosts = listed(one.spec.hostnames or ["every host"], 3)
    rules = [(hosts, each) for rule in one.spec.rules or [] for each in rule.backend_refs or []]
    return OtherRoute(_leads(rules, one.metadata.namespace), controller_tells=True)


def _leads(targets: list[tuple[str, BackendRef]], namespace: str) -> list[Lead]:
    """Without what is no Service."""
    return [
        Lead(route, each.namespace or namespace, ServiceBackend(name=each.name, port=_port(each.port)))
        for route, each in targets
        if not each.group and each.kind in WITHOUT_KIND and each.name
    ]


def _port(value: int | str | None) -> BackendPort:
    number = whole_number(value) if isinstance(value, str) else value or 0
    return BackendPort(name=str(value)) if number is None else BackendPort(number=number)
