"""Where a data source leads: the Service in the cluster that its address names, and that Service's namespace."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.access.urls import place_of
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Service


@dataclass(frozen=True, slots=True)
class Destination:
    """A Service, or why none is known (`unclear`); neither is set for what is outside the cluster.

    `gone` says that the Service certainly does not exist.
    """

    namespace: str = ""
    service: str = ""
    gone: bool = False
    unclear: str = ""


_NAME = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_FULL = ours(rf"({_NAME})\.({_NAME})\.svc(?:\.[-a-z0-9.]+)?\.?")
_SHORT = ours(rf"({_NAME})(?:\.({_NAME}))?")


def destination_of(url: str, home: str, services: Readings[Service], namespaces: Readings[Namespace]) -> Destination:
    """Where an address leads for a Grafana in the namespace `home`; a name alone is a Service beside it."""
    if "$" in url:
        return Destination(unclear=f"its address {url} holds a variable that only Grafana knows")
    host, port = place_of(url)
    if not port:
        return Destination(unclear="its address is not a valid URL")
    if match := _FULL.fullmatch(host):
        return _service(match[2], match[1], services)
    by_address = next((one for one in services.items if one.spec.cluster_ip == host and host), None)
    if by_address:
        return Destination(by_address.metadata.namespace, by_address.metadata.name)
    match = _SHORT.fullmatch(host)
    if not match or host == "localhost":
        return Destination()
    if not match[2]:
        return _service(home, match[1], services) if home else Destination(unclear=f"its address {url} is a name without a namespace")
    if any(subject.name == match[2] for subject, _ in namespaces):
        return _service(match[2], match[1], services)
    return Destination()  # a name of two words that is no namespace's: somewhere else


def _service(namespace: str, name: str, services: Readings[Service]) -> Destination:
    known = (namespace, name) in services.by_name()
    return Destination(namespace, name, gone=not known and not services.missing_reason(namespace))
