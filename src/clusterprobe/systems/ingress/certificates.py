"""The certificate that is shown for each host of an Ingress, and of a route of Traefik or OpenShift."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.tls import Address, Shown
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.entrances import Surroundings, doors, is_usual
from clusterprobe.systems.ingress.gateways import GROUP as GATEWAY_GROUP
from clusterprobe.systems.ingress.handshakes import closed_of, covers, is_for, name_of, shaken
from clusterprobe.systems.ingress.other_routes import OtherRoute, RouteTls
from clusterprobe.systems.ingress.sources import OVERRIDE, Entrance, unreached
from clusterprobe.systems.kubernetes.objects import Ingress, Node, Service
from clusterprobe.words import listed

NO_TLS = "no Ingress, and no route of Traefik or OpenShift, asks for TLS for a host"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A host, and what its certificate is to come from: the Secret that spec.tls names for it, or Traefik's resolver.

    `listed`: whether spec.tls has the host. `passes_through`: whether it is a route whose backend shows it.
    """

    host: str
    secret_name: str = ""
    listed: bool = True
    resolver: str = ""
    passes_through: bool = False


class HostCertificate(Asked, frozen=True, kw_only=True):
    """What is shown for it."""

    shown: Shown


class _Wanted(msgspec.Struct, frozen=True):
    """A host of an Ingress or route, and an address of each of the controllers that may serve it.

    `doubt` is why it may be another one, so that only what is for the host is known to be shown by the right one.
    """

    subject: Subject
    asked: Asked
    places: list[Address]
    doubt: str = ""


@source()
def ingress_certificates(
    cluster: Cluster,
    profile: Profile,
    watched_ingresses: Readings[Ingress],
    ingress_entrances: Readings[Entrance],
    other_routes: Readings[OtherRoute],
    services: Readings[Service],
    nodes: Readings[Node],
) -> Readings[HostCertificate]:
    """The certificate that is shown for each host of each Ingress and each route of Traefik or OpenShift with TLS.

    One handshake for each address and name.
    """
    entrances = dict(ingress_entrances)
    hosts = [(subject, asked) for subject, one in watched_ingresses for asked in hosts_with_tls(one)]
    with_tls = {subject for subject, _ in hosts}
    found: Collector[HostCertificate] = Collector(
        unreadable=[one for one in ingress_entrances.unreadable if one.subject in with_tls or one in watched_ingresses.unreadable]
    )
    found.unreadable += [one for one in other_routes.unreadable if not _is_of_gateways(one.subject)]
    wanted = [_Wanted(subject, asked, [entrances[subject].address]) for subject, asked in hosts if subject in entrances]
    wanted += _of_routes(cluster, other_routes, Surroundings(cluster.connection.route, profile, Readings(), services, nodes), found)
    shown, failed = shaken(cluster, profile, {(place, name_of(one.asked.host)) for one in wanted for place in one.places})
    for one in wanted:
        pairs = [(place, name_of(one.asked.host)) for place in one.places]
        answers = [shown[pair] for pair in pairs if pair in shown]
        fitting = sorted((each for each in answers if is_for(one.asked.host, each.certificate)), key=_ends, reverse=True)
        if fitting or (answers and not one.doubt):
            found.add(one.subject, HostCertificate(**msgspec.structs.asdict(one.asked), shown=(fitting or answers)[0]))
        else:
            found.fail(one.subject, one.doubt if answers else "; ".join(failed[pair] for pair in pairs))
    return found.readings(NO_TLS if other_routes.values else watched_ingresses.why_none(NO_TLS))


def _ends(one: Shown) -> float:
    return one.certificate.ends if one.certificate else 0.0


def _is_of_gateways(subject: Subject) -> bool:
    """Whether it is routes of the Gateway API, or the API of these: their certificates are those of Gateways."""
    return GATEWAY_GROUP in (subject.api_version.partition("/")[0], subject.name)


def _of_routes(
    cluster: Cluster, routes: Readings[OtherRoute], around: Surroundings, found: Collector[HostCertificate]
) -> Iterator[_Wanted]:
    """The hosts of routes, each with the first address that can be connected to, of each controller; the others are unreadable."""
    with_tls = [(subject, one.tls) for subject, one in routes if one.tls]
    possible = {subject: doors(tls, around) for subject, tls in with_tls}
    closed = closed_of(cluster, {one for each in possible.values() for door in each for one in door})
    unread = [each.reason for lists in (around.services, around.nodes) for each in lists.unreadable]
    for subject, tls in with_tls:
        for reason in tls.hostless:
            found.fail(subject, reason)
        places = list(_open(possible[subject], closed))
        if tls.hosts and not places:
            tried = [one for door in possible[subject] for one in door]
            found.fail(subject, unreached(_whose(tls), tried, closed, unread, _way_out(tls)))
        elif places:
            doubt = doubt_of(tls, possible[subject], around.services)
            yield from (_Wanted(subject, _asked(host, tls), places, doubt) for host in tls.hosts)


def doubt_of(tls: RouteTls, possible: list[list[Address]], services: Readings[Service]) -> str:
    """Why it may be another controller that serves it; empty where its status or the profile says where it is answered."""
    if len(possible) > 1:
        return f"{len(possible)} controllers may serve it, and what is shown for it is not its own; {_way_out(tls)}"
    stated = tls.addresses or not all(one.found for door in possible for one in door)
    if stated or services.complete:
        return ""
    return f"another controller may serve it, since not every Service was read: {services.unreadable[0].reason}; {_way_out(tls)}"


def _open(possible: list[list[Address]], closed: Collection[Address]) -> Iterator[Address]:
    """Of each controller the first address that can be connected to."""
    firsts = (next((one for one in door if one not in closed), None) for door in possible)
    yield from dict.fromkeys(one for one in firsts if one)


def _asked(host: str, tls: RouteTls) -> Asked:
    return Asked(host=host, secret_name=tls.secret_name, resolver=tls.resolver, passes_through=tls.passes_through)


def _whose(tls: RouteTls) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in tls.controller.items())
    return f"with the label {labels}{'' if is_usual(tls) else f' and a port {listed(tls.entry_points, 3)}'}" if labels else "at all"


def _way_out(tls: RouteTls) -> str:
    """The address of the profile is that of HTTPS."""
    if is_usual(tls):
        return OVERRIDE
    return f"it is looked for at the Service of Traefik that has a port {listed(tls.entry_points, 3)}: let just one have it"


def hosts_with_tls(one: Ingress) -> Iterator[Asked]:
    """Each host of an Ingress with TLS."""
    seen: set[str] = set()
    for entry in one.spec.tls or []:
        for host in one.hosts_of(entry):
            if host not in seen:
                seen.add(host)
                yield Asked(host=host, secret_name=entry.secret_name)
    if one.spec.tls:
        yield from (Asked(host=host, listed=False) for host in one.rule_hosts if not any(covers(name, host) for name in seen))
