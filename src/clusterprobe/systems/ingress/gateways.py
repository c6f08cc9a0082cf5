"""Gateways of the Gateway API: the hosts that their listeners end TLS for, and the certificate that is shown for each.

A listener's port is the one that clients connect to; some controllers take the port of their own container for it, behind a load balancer
with another one. So the port of HTTPS is tried after it.
"""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.tls import Address, Shown
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.handshakes import Pair, closed_of, is_for, name_of, shaken
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import IngressMetadata, Metadata, Namespace, Object
from clusterprobe.systems.kubernetes.resources import lists

GROUP = "gateway.networking.k8s.io"
GATEWAYS = Resource("v1", "gateways", "Gateway", GROUP)
HTTP_ROUTES = Resource("v1", "httproutes", "HTTPRoute", GROUP)
HTTPS_PORT = 443


class CertificateRef(Object):
    """A Secret, of the Gateway's own namespace unless it says another."""

    kind: str = "Secret"
    namespace: str = ""
    name: str = ""


class ListenerTls(Object):
    mode: str = ""
    certificate_refs: list[CertificateRef] | None = None


class Listener(Object):
    name: str = ""
    hostname: str = ""
    port: int = 0
    protocol: str = ""
    tls: ListenerTls | None = None

    @property
    def ends_tls(self) -> bool:
        """Whether it shows a certificate itself, rather than what is behind it."""
        return self.protocol in ("HTTPS", "TLS") and (self.tls is None or self.tls.mode != "Passthrough")

    @property
    def certificates(self) -> list[CertificateRef]:
        return [one for one in (self.tls.certificate_refs if self.tls else None) or [] if one.kind == "Secret"]


class GatewaySpec(Object):
    listeners: list[Listener] | None = None


class GatewayAddress(Object):
    value: str = ""


class GatewayStatus(Object):
    addresses: list[GatewayAddress] | None = None


class Gateway(Object):
    metadata: IngressMetadata
    spec: GatewaySpec = msgspec.field(default_factory=GatewaySpec)
    status: GatewayStatus = msgspec.field(default_factory=GatewayStatus)


class ParentRef(Object):
    kind: str = "Gateway"
    namespace: str = ""
    name: str = ""
    section_name: str = ""
    port: int = 0


class BackendRef(Object):
    """What a route leads to, in the words of the Gateway API, of Traefik and of OpenShift."""

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    port: int | str | None = None


class RouteRule(Object):
    backend_refs: list[BackendRef] | None = None


class HttpRouteSpec(Object):
    hostnames: list[str] | None = None
    parent_refs: list[ParentRef] | None = None
    rules: list[RouteRule] | None = None


class HttpRoute(Object):
    """An HTTPRoute, or a GRPCRoute, which has the same shape. In older bundles it has no `rules`."""

    metadata: Metadata
    spec: HttpRouteSpec = msgspec.field(default_factory=HttpRouteSpec)

    def names(self, gateway: Gateway, listener: Listener) -> bool:
        """Whether it asks to be taken by this listener."""
        return any(
            one.kind == "Gateway"
            and (one.namespace or self.metadata.namespace, one.name) == (gateway.metadata.namespace, gateway.metadata.name)
            and one.section_name in ("", listener.name)
            and one.port in (0, listener.port)
            for one in self.spec.parent_refs or []
        )


class ListenerCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown for one host of a listener, and the Secrets that it names, as `namespace/name`: one of them is for that host."""

    host: str
    listener: str
    secrets: list[str]
    shown: Shown


class _Wanted(msgspec.Struct, frozen=True):
    """A host of a listener, and where it may be answered, the likeliest first."""

    gateway: Subject
    listener: Listener
    host: str
    addresses: tuple[Address, ...]

    @property
    def pairs(self) -> list[Pair]:
        return [(address, name_of(self.host)) for address in self.addresses]

    @property
    def secrets(self) -> list[str]:
        return [f"{one.namespace or self.gateway.namespace}/{one.name}" for one in self.listener.certificates]


@source(lists(GATEWAYS))
def gateways(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Gateway]:
    """Every Gateway with its listeners, the names of their Secrets, and its addresses."""
    return list_custom(cluster, served, namespaces, GATEWAYS, Gateway)


@source(lists(HTTP_ROUTES))
def http_routes(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[HttpRoute]:
    """Every HTTPRoute with its hosts, what it leads to, and the Gateways that it names."""
    return list_custom(cluster, served, namespaces, HTTP_ROUTES, HttpRoute)


@source()
def gateway_certificates(
    cluster: Cluster, profile: Profile, gateways: Readings[Gateway], http_routes: Readings[HttpRoute]
) -> Readings[ListenerCertificate]:
    """The certificate that is shown for each host of each listener that ends TLS: one handshake for each address and name."""
    found: Collector[ListenerCertificate] = Collector(unreadable=list(gateways.unreadable))
    wanted = []
    for subject, one in gateways:
        for listener in (each for each in one.spec.listeners or [] if each.ends_tls):
            if hosts := hosts_of(one, listener, http_routes):
                wanted += [_Wanted(subject, listener, host, _addresses(one, listener)) for host in hosts]
            else:
                found.fail(subject, _without_host(listener, http_routes))
    shown, failed = _shown(cluster, profile, wanted)
    for each in wanted:
        if certificates := [shown[pair] for pair in each.pairs if pair in shown]:
            # Where several addresses answer, what is for the host is the Gateway's: another program may listen at the other one.
            best = next((one for one in certificates if is_for(each.host, one.certificate)), certificates[0])
            found.add(each.gateway, ListenerCertificate(host=each.host, listener=each.listener.name, secrets=each.secrets, shown=best))
        else:
            tried = "; ".join(failed[pair] for pair in each.pairs) or "its status has no address"
            found.fail(each.gateway, f"its listener {each.listener.name} could not be asked for {each.host}: {tried}")
    return found.readings(gateways.why_none("no listener of a Gateway ends TLS"))


def hosts_of(gateway: Gateway, listener: Listener, routes: Readings[HttpRoute]) -> list[str]:
    """The host of a listener; of one that takes every host, those of the HTTPRoutes that name it."""
    if listener.hostname:
        return [listener.hostname]
    return list(dict.fromkeys(host for _, one in routes if one.names(gateway, listener) for host in one.spec.hostnames or []))


def _without_host(listener: Listener, routes: Readings[HttpRoute]) -> str:
    why = f" ({routes.unreadable[0].reason})" if routes.unreadable else ""
    return f"its listener {listener.name} names no host, and no HTTPRoute that was read does so for it{why}: whom to ask for is not known"


def _addresses(gateway: Gateway, listener: Listener) -> tuple[Address, ...]:
    values = [one.value for one in gateway.status.addresses or [] if one.value]
    ports = dict.fromkeys(port for port in (listener.port, HTTPS_PORT) if port)
    return tuple(Address(value, port, "its status.addresses") for port in ports for value in values)


def _shown(cluster: Cluster, profile: Profile, wanted: list[_Wanted]) -> tuple[dict[Pair, Shown], dict[Pair, str]]:
    """By address and name what is shown, or why nothing is. An address that nothing listens at is tried once."""
    pairs = {pair for each in wanted for pair in each.pairs}
    closed = closed_of(cluster, {address for address, _ in pairs})
    shown, failed = shaken(cluster, profile, {pair for pair in pairs if pair[0] not in closed})
    return shown, failed | {pair: closed[pair[0]] for pair in pairs if pair[0] in closed}
