"""Every Loki that can be asked, and one way to query each."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.kubernetes.resources import SERVICES
from clusterprobe.systems.kubernetes.servers import INSTANCE, NAME, add_explicit, add_pods


@source()
def loki_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Loki pod; gateways and caches beside it are none."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = add_explicit(LOKI, profile, found)
    for pod in pods.items:
        if pod.label(NAME) == "loki" and not _is_beside(pod) and (pod.metadata.namespace, "") not in explicit:
            add_pods([pod], LOKI, pod.label(INSTANCE) or "loki", found)
    return found.readings(f"there is no Loki: no pod is labelled {NAME}=loki")


def _is_beside(pod: Pod) -> bool:
    component = pod.label("app.kubernetes.io/component")
    return component in ("gateway", "canary", "memcached-chunks-cache", "memcached-results-cache") or component.startswith("memcached")


@source()
def loki_queriers(loki_servers: Readings[Server], services: Readings[Service], profile: Profile) -> Readings[Server]:
    """One way to query each Loki: any replica can answer, so its Service, the gateway first."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    explicit = {namespace for namespace, _ in add_explicit(LOKI, profile, found)}
    for namespace, name in sorted({server.key for server in loki_servers.items if not server.url}):
        if namespace in explicit:
            continue
        chosen = _query_service(namespace, name, services)
        if chosen:
            server, service = chosen
            found.add(SERVICES.subject(namespace, service.metadata.name), server)
        else:
            found.fail(Subject(kind="Loki", namespace=namespace, name=name), "no Service of it has a port to query")
    found.unreadable.extend(one for one in loki_servers.unreadable if one not in found.unreadable)
    return found.readings(loki_servers.absent)


def _query_service(namespace: str, name: str, services: Readings[Service]) -> tuple[Server, Service] | None:
    best: tuple[int, Server, Service] | None = None
    for service in services.items:
        labels = service.metadata.labels
        if service.metadata.namespace != namespace or labels.get(NAME) != "loki" or labels.get(INSTANCE, name) != name:
            continue
        port = next((p.port for p in service.spec.ports or [] if p.name in LOKI.port_names or p.port in (3100, 80)), 0)
        if not port:
            continue
        server = Server(system="loki", namespace=namespace, name=name, service=service.metadata.name, port=port)
        rank = _query_rank(service)
        if best is None or rank < best[0]:
            best = (rank, server, service)
    return (best[1], best[2]) if best else None


def _query_rank(service: Service) -> int:
    component = service.metadata.labels.get("app.kubernetes.io/component", "")
    order = ["gateway", "query-frontend", "read", "single-binary", ""]
    headless = 100 if service.spec.cluster_ip == "None" else 0
    return headless + (order.index(component) if component in order else 50)
