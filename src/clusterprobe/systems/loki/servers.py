"""Every Loki that can be asked, and one way to query each."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from clusterprobe.access.servers import Server, tenants_of
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import INSTANCE, SystemPod, of_system
from clusterprobe.systems.inventory.servers import add_explicit, leads_to, of_pods
from clusterprobe.systems.kubernetes.objects import Service
from clusterprobe.systems.kubernetes.resources import SERVICES

ASIDE = ("gateway", "canary")
# Which part answers queries, past a gateway, which may ask for a password that Loki itself does not know.
_BY_RANK = ("query-frontend", "read", "single-binary", "", "querier", "gateway")


def is_loki(one: SystemPod) -> bool:
    """Whether a pod of Loki's is a Loki, no gateway or cache beside it."""
    return one.part not in ASIDE and "memcached" not in one.part


@source()
def loki_servers(system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every Loki pod; gateways and caches beside it are none."""
    return of_pods(LOKI, system_pods, profile, is_loki)


@source()
def loki_queriers(
    loki_servers: Readings[Server], system_pods: Readings[SystemPod], services: Readings[Service], profile: Profile
) -> Readings[Server]:
    """One way to query each Loki: any replica can answer, so its Service, that of the part that answers queries first."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    explicit = {namespace for namespace, _ in add_explicit(LOKI, profile, found)}
    pods = of_system(system_pods, LOKI).items
    for namespace, name in sorted({server.key for server in loki_servers.items if not server.url}):
        if namespace in explicit:
            continue
        own = [one for one in pods if (one.pod.metadata.namespace, one.name) == (namespace, name)]
        prefix = next((server.prefix for server in loki_servers.items if server.key == (namespace, name)), "")
        ways = [way for service in services.items if (way := _way(service, own, namespace, name)) is not None]
        if ways:
            _, port, service = min(ways, key=lambda way: way[0])
            server = Server(system="loki", namespace=namespace, name=name, service=service.metadata.name, port=port, prefix=prefix)
            for subject, each in _as_tenants(SERVICES.subject(namespace, service.metadata.name), server, profile):
                found.add(subject, each)
        else:
            found.fail(Subject(kind="Loki", namespace=namespace, name=name), "no Service of it has a port to query")
    found.unreadable.extend(one for one in loki_servers.unreadable if one not in found.unreadable)
    return found.readings(loki_servers.absent)


def _as_tenants(subject: Subject, server: Server, profile: Profile) -> Iterator[tuple[Subject, Server]]:
    """The same way, once for each tenant that the profile names."""
    tenants = tenants_of(profile, server)
    if not tenants:
        yield subject, server
    for one in tenants:
        yield Subject(kind=LOKI.name, namespace=server.namespace, name=f"{server.name} ({one})"), replace(server, tenant=one)


def _way(service: Service, own: list[SystemPod], namespace: str, name: str) -> tuple[int, int, Service] | None:
    """How good a Service is to query a Loki through (less is better), and its port; none for one of something else."""
    labels = service.metadata.labels
    behind = [one for one in own if leads_to(service, one.pod)]
    labelled = labels.get("app.kubernetes.io/name", "").startswith("loki") and labels.get(INSTANCE, name) == name
    if service.metadata.namespace != namespace or not (behind or labelled):
        return None
    port = next((p.port for p in service.spec.ports or [] if p.name in LOKI.port_names or p.port in (LOKI.port, 80)), 0)
    part = labels.get("app.kubernetes.io/component", "") or next((one.part for one in behind), "")
    rank = _BY_RANK.index(part) if part in _BY_RANK else 50
    return (rank + (100 if service.spec.cluster_ip == "None" else 0), port, service) if port else None
