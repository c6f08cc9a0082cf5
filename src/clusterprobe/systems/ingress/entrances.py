"""Where an Ingress controller may be reached: the profile's address, the load balancer's, its Service, a node's port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterprobe.access.tls import Address
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.other_routes import RouteTls
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Node, Service, ServicePort

# The label app.kubernetes.io/name of each controller's Service, as its chart sets it, by how its IngressClass names it.
CONTROLLERS = {
    "k8s.io/ingress-nginx": "ingress-nginx",
    "traefik.io/ingress-controller": "traefik",
    "haproxy.org/ingress-controller": "kubernetes-ingress",
    "haproxy-ingress.github.io/controller": "haproxy-ingress",
    "nginx.org/ingress-controller": "nginx-ingress",
    "ingress-controllers.konghq.com/kong": "kong",
    "projectcontour.io/ingress-controller": "contour",
}
# What the classes are called where there is no IngressClass, but the annotation that came before it.
OLD_NAMES = {"nginx": "ingress-nginx", "traefik": "traefik", "haproxy": "haproxy-ingress", "kong": "kong", "contour": "contour"}
SECURE, PLAIN = (443, ("https", "websecure", "kong-proxy-tls")), (80, ("http", "web", "kong-proxy"))
MANY_NODES = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the ways to a controller are found by. `route`: from where we ask."""

    route: str
    profile: Profile
    classes: Readings[IngressClass]
    services: Readings[Service]
    nodes: Readings[Node]


def candidates(one: Ingress, around: Surroundings) -> list[Address]:
    """Where this Ingress may be answered, the likeliest first: with TLS if it has that, else plain.

    The profile's address is that of TLS; plain is port 80 of the same host.
    """
    port, names = SECURE if one.spec.tls else PLAIN
    if given := _given(around.profile, 0 if one.spec.tls else port):
        return [given]
    label = controller_label(one, around.classes)
    stated = [Address(address, port, "its status.loadBalancer") for address in one.status.addresses]
    by_service = _by_service({"app.kubernetes.io/name": label} if label else {}, around, port, names)
    return _reporting(list(dict.fromkeys([*stated, *(address for _, ways in by_service for address in ways)])), around)


def doors(tls: RouteTls, around: Surroundings) -> list[list[Address]]:
    """Where a route with TLS may be answered, the likeliest first, by each of the controllers that may serve it.

    A controller to which no way leads from here is one, too. The profile's address is not that of entry points with names of their own.
    """
    if is_usual(tls) and (given := _given(around.profile)):
        return [[given]]
    number, names = SECURE if is_usual(tls) else (0, tuple(tls.entry_points))
    stated = [Address(one, SECURE[0], "its status.ingress") for one in tls.addresses]
    found: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for service, ways in _by_service(tls.controller, around, number, names):
        # Services that select the same pods are ways to one controller.
        found[service.metadata.namespace, str(sorted((service.spec.selector or {}).items()))] += ways
    return [_reporting([*stated, *each], around) for each in found.values()] or [_reporting(stated, around)]


def _reporting(addresses: list[Address], around: Surroundings) -> list[Address]:
    """Those of a node that does not report are tried only where there is no other: it may be gone, and whoever asks it waits."""
    by_ready = {
        ready: {each.address for node in around.nodes.items if node.ready is ready for each in node.status.addresses or []}
        for ready in (True, False)
    }
    return [one for one in addresses if one.host not in by_ready[False] - by_ready[True]] or addresses


def is_usual(tls: RouteTls) -> bool:
    """Whether it is answered at the port of HTTPS, rather than at one of its own."""
    return not tls.entry_points or any(one in SECURE[1] for one in tls.entry_points)


def _given(profile: Profile, port: int = 0) -> Address | None:
    """What the profile says, with another port where one is named."""
    host, _, stated = profile.ingress.address.rpartition(":")
    return Address(host.strip("[]"), port or int(stated), "ingress.address of the profile", found=False) if host else None


def _by_service(
    labels: Mapping[str, str], around: Surroundings, number: int, names: tuple[str, ...]
) -> Iterator[tuple[Service, list[Address]]]:
    """The Services with these labels and a port of this number or one of these names, each with the ways there."""
    for subject, service in around.services:
        if not labels or not labels.items() <= service.metadata.labels.items():
            continue
        port = next((each for each in service.spec.ports or [] if each.port == number or each.name in names), None)
        if port is not None:
            yield service, list(_ways_to(service, port, around, f"Service {subject.namespace}/{subject.name}"))


def _ways_to(service: Service, port: ServicePort, around: Surroundings, origin: str) -> Iterator[Address]:
    """From inside the cluster the Service's own address; from outside what may be reachable from there."""
    own = service.spec.cluster_ip
    if around.route == "in-cluster":
        if own and own != "None":
            yield Address(own, port.port, origin)
        return
    for address in service.status.addresses:
        yield Address(address, port.port, f"{origin}, its load balancer")
    if port.node_port:
        ready = [node for _, node in around.nodes if node.ready]
        addresses = [each for node in ready for each in node.status.addresses or [] if each.type in ("ExternalIP", "InternalIP")]
        for each in sorted(addresses, key=lambda each: each.type)[:MANY_NODES]:
            yield Address(each.address, port.node_port, f"{origin}, its port on a node")


def controller_label(one: Ingress, classes: Readings[IngressClass]) -> str:
    """The label of the controller's Service; empty for a controller that is not known."""
    by_name = {subject.name: value for subject, value in classes}
    chosen = by_name.get(one.class_name)
    if not one.class_name:
        chosen = next((value for _, value in classes if value.is_default), None)
    if chosen is None:
        return OLD_NAMES.get(one.metadata.annotations.legacy_class, "")
    return next((label for start, label in CONTROLLERS.items() if chosen.spec.controller.startswith(start)), "")


def is_entrance(one: Service, label: str) -> bool:
    """Whether clients reach the controller by it; the pages of errors and the admission webhook have Services of their own."""
    labels = one.metadata.labels
    aside = any(word in labels.get("app.kubernetes.io/component", "") for word in ("default", "webhook"))
    return labels.get("app.kubernetes.io/name") == label and not aside and bool(entrance_ports(one))


def entrance_ports(one: Service) -> list[int]:
    """Its ports for clients of the controller."""
    numbers, names = (SECURE[0], PLAIN[0]), (*SECURE[1], *PLAIN[1])
    return [each.port for each in one.spec.ports or [] if (each.port in numbers or each.name in names) and "webhook" not in each.name]
