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

    `gone` says that the Service certainly does not exist, and `ports` which it has, where the one that is named is none of them.
    """

    namespace: str = ""
    service: str = ""
    gone: bool = False
    unclear: str = ""
    ports: tuple[int, ...] = ()


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
        return _service(match[2], match[1], services, port)
    by_address = next((one for one in services.items if one.spec.cluster_ip == host and host), None)
    if by_address:
        return _service(by_address.metadata.namespace, by_address.metadata.name, services, port)
    match = _SHORT.fullmatch(host)
    if not match or host == "localhost":
        return Destination()
    if not match[2]:
        return _service(home, match[1], services, port) if home else Destination(unclear=f"its address {url} is a name without a namespace")
    if any(subject.name == match[2] for subject, _ in namespaces):
        return _service(match[2], match[1], services, port)
    return Destination()  # a name of two words that is no namespace's: somewhere else


def _service(namespace: str, name: str, services: Readings[Service], port: int) -> Destination:
    found = services.by_name().get((namespace, name))
    gone = found is None and not services.missing_reason(namespace)
    return Destination(namespace, name, gone=gone, ports=_others(found, port) if found else ())


def _others(service: Service, port: int) -> tuple[int, ...]:
    """The ports of a Service that does not have this one. One without an address of its own leads to its pods, at any port."""
    ports = tuple(one.port for one in service.spec.ports or [])
    leads_itself = service.spec.type != "ExternalName" and service.spec.cluster_ip != "None"
    return ports if leads_itself and port not in ports else ()
