"""Ingresses: what they ask for, and where their controller can be reached."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.tls import Address
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.entrances import Surroundings, candidates
from clusterprobe.systems.ingress.handshakes import closed_of
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Ingress, IngressClass, Namespace, Node, Service
from clusterprobe.systems.kubernetes.resources import lists

GROUP = "networking.k8s.io"
INGRESSES = Resource("v1", "ingresses", "Ingress", GROUP)
INGRESS_CLASSES = Resource("v1", "ingressclasses", "IngressClass", GROUP, namespaced=False)
ENDPOINT_SLICES = Resource("v1", "endpointslices", "EndpointSlice", "discovery.k8s.io")
OVERRIDE = "to say where it listens, set `ingress.address` in the profile"


@source(lists(INGRESSES))
def ingresses(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Ingress]:
    """Every Ingress with its hosts, backends, and the names of its Secrets."""
    return list_custom(cluster, served, namespaces, INGRESSES, Ingress)


@source(lists(INGRESS_CLASSES))
def ingress_classes(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[IngressClass]:
    """Every IngressClass with the controller that it is for."""
    return list_custom(cluster, served, namespaces, INGRESS_CLASSES, IngressClass)


@source(lists(ENDPOINT_SLICES))
def endpoint_slices(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[EndpointSlice]:
    """What stands behind every Service: which pods, whether each is ready, on which ports."""
    return cluster.list(ENDPOINT_SLICES, EndpointSlice, namespaces, as_it_is=True)


@source()
def watched_ingresses(profile: Profile, ingresses: Readings[Ingress]) -> Readings[Ingress]:
    """The Ingresses that are judged: all, unless the profile names classes; not those that prove a domain for a minute."""
    wanted = profile.ingress.classes
    proving = "acme.cert-manager.io/http01-solver"
    absent = f"no Ingress is of the classes {', '.join(wanted)}" if wanted else "there is no Ingress in the cluster"
    return ingresses.keep(lambda _, one: (not wanted or one.class_name in wanted) and proving not in one.metadata.labels, absent)


class Entrance(msgspec.Struct, frozen=True):
    """Where the controller of an Ingress answers: with TLS if the Ingress asks for that, else plain."""

    address: Address
    encrypted: bool


@source()
def ingress_entrances(
    cluster: Cluster,
    profile: Profile,
    watched_ingresses: Readings[Ingress],
    ingress_classes: Readings[IngressClass],
    services: Readings[Service],
    nodes: Readings[Node],
) -> Readings[Entrance]:
    """For each Ingress the first address that can be connected to; where none can, what was tried."""
    around = Surroundings(cluster.connection.route, profile, ingress_classes, services, nodes)
    possible = {subject: candidates(one, around) for subject, one in watched_ingresses}
    closed = closed_of(cluster, {address for addresses in possible.values() for address in addresses})
    found: Collector[Entrance] = Collector(unreadable=list(watched_ingresses.unreadable))
    for subject, one in watched_ingresses:
        open_ = next((address for address in possible[subject] if address not in closed), None)
        if open_ is not None:
            found.add(subject, Entrance(open_, bool(one.spec.tls)))
        else:
            unread = [each.reason for lists in (ingress_classes, services, nodes) for each in lists.unreadable]
            whose = f"of its class {one.class_name}" if one.class_name else "at all"
            found.fail(subject, unreached(whose, possible[subject], closed, unread))
    return found.readings(watched_ingresses.absent)


def unreached(whose: str, tried: list[Address], closed: dict[Address, str], unread: list[str], way_out: str = OVERRIDE) -> str:
    """Why a controller was not reached, and what to do about it; `whose` says which one was looked for."""
    if not tried and unread:
        return f"no address is known: its status has none, and its controller's Service could not be looked for: {unread[0]}; {way_out}"
    if not tried:
        return f"no address is known: its status has none, and no Service of a controller {whose} was recognised; {way_out}"
    return "its controller could not be reached: " + "; ".join(f"{closed[each]} ({each.origin})" for each in tried) + f"; {way_out}"


def missing_class(one: Ingress, classes: Readings[IngressClass]) -> str:
    """What is wrong with the class that an Ingress names, if that certainly does not exist."""
    names = sorted(subject.name for subject, _ in classes)
    wanted = one.spec.ingress_class_name
    if not wanted or wanted in names or not classes.complete:
        return ""
    return f"its ingressClassName is {wanted}, and there is no IngressClass of that name (there are: {', '.join(names) or 'none'})"
