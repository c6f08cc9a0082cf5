"""The certificate that is shown for each host of an Ingress."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.tls import Shown
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.ingress.handshakes import covers, name_of, shaken
from clusterprobe.systems.ingress.sources import Entrance
from clusterprobe.systems.kubernetes.objects import Ingress


class HostCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown for one host of an Ingress. `secret_name`: what spec.tls names for it; `listed`: whether spec.tls has the host."""

    host: str
    secret_name: str = ""
    listed: bool = True
    shown: Shown


@source()
def ingress_certificates(
    cluster: Cluster, profile: Profile, watched_ingresses: Readings[Ingress], ingress_entrances: Readings[Entrance]
) -> Readings[HostCertificate]:
    """The certificate that is shown for each host of each Ingress with TLS: one handshake for each address and name."""
    entrances = dict(ingress_entrances)
    wanted = [(subject, *each) for subject, one in watched_ingresses for each in hosts_with_tls(one)]
    pairs = {(entrances[subject].address, name_of(host)) for subject, host, _, _ in wanted if subject in entrances}
    shown, failed = shaken(cluster, profile, pairs)
    with_tls = {subject for subject, *_ in wanted}
    blind = [one for one in ingress_entrances.unreadable if one.subject in with_tls or one in watched_ingresses.unreadable]
    found: Collector[HostCertificate] = Collector(unreadable=blind)
    for subject, host, secret, listed in wanted:
        if subject not in entrances:
            continue
        pair = entrances[subject].address, name_of(host)
        if pair in shown:
            found.add(subject, HostCertificate(host=host, secret_name=secret, listed=listed, shown=shown[pair]))
        else:
            found.fail(subject, failed[pair])
    return found.readings(watched_ingresses.why_none("no Ingress asks for TLS for a host"))


def hosts_with_tls(one: Ingress) -> Iterator[tuple[str, str, bool]]:
    """Each host of an Ingress with TLS, the Secret that is named for it, and whether spec.tls lists it."""
    seen: set[str] = set()
    for entry in one.spec.tls or []:
        for host in one.hosts_of(entry):
            if host not in seen:
                seen.add(host)
                yield host, entry.secret_name, True
    if one.spec.tls:
        yield from ((host, "", False) for host in one.rule_hosts if not any(covers(name, host) for name in seen))
