"""Handshakes: at which addresses something listens, and which certificate is shown there for a name. Each is asked once."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.tls import Address, Certificate, Shown, connects, show
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings

Pair = tuple[Address, str]  # where to ask, and for which name


def closed_of(cluster: Cluster, addresses: set[Address]) -> dict[Address, str]:
    """Which of these cannot be connected to, and why; each is tried once."""
    tried = tuple((Subject(kind="Address", name=str(one)), one) for one in sorted(addresses, key=str))
    by_subject = dict(tried)
    answers = cluster.each(Readings(tried), lambda _, one: connects(one, cluster.deadline))
    return {by_subject[one.subject]: one.reason for one in answers.unreadable}


def shaken(cluster: Cluster, profile: Profile, pairs: Iterable[Pair]) -> tuple[dict[Pair, Shown], dict[Pair, str]]:
    """By address and name what is shown, or why nothing is."""
    keyed = {Subject(kind="Host", namespace=str(address), name=name): (address, name) for address, name in sorted(pairs, key=str)}
    answers = cluster.each(Readings(tuple(keyed.items())), lambda _, pair: show(*pair, cluster.deadline, profile.ingress.ca_file))
    return {keyed[subject]: value for subject, value in answers}, {keyed[one.subject]: one.reason for one in answers.unreadable}


def name_of(host: str) -> str:
    """The name to ask for: no client asks for a wildcard."""
    return f"clusterprobe{host[1:]}" if host.startswith("*.") else host


def covers(name: str, host: str) -> bool:
    """Whether a certificate's name is good for a host: a wildcard stands for exactly one label."""
    name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    if name.startswith("*.") and not host.startswith("*."):
        return "." in host and host.partition(".")[2] == name[2:]
    return name == host


def is_for(host: str, certificate: Certificate | None) -> bool:
    return certificate is not None and any(covers(name, name_of(host)) for name in certificate.names)
