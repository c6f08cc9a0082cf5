"""Every MLflow that can be asked, and one way to each as its clients take it."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import MLFLOW
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import add_explicit, leads_to, of_pods
from clusterprobe.systems.kubernetes.objects import Service
from clusterprobe.systems.kubernetes.resources import SERVICES

MLFLOW_SERVERS = ("tracking", "tracking-server", "server", "mlflow", "ui", "")


@source()
def mlflow_servers(system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every MLflow tracking server."""
    return of_pods(MLFLOW, system_pods, profile, lambda one: one.part in MLFLOW_SERVERS)


@source()
def mlflow_addresses(
    mlflow_servers: Readings[Server], system_pods: Readings[SystemPod], services: Readings[Service], profile: Profile
) -> Readings[Server]:
    """One way to each MLflow as its clients take it: its Service, or the profile's URL."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    add_explicit(MLFLOW, profile, found)
    by_name = system_pods.by_name()
    for key in sorted({server.key for server in mlflow_servers.items if not server.url}):
        own = [server for server in mlflow_servers.items if server.key == key and server.pod]
        pods = [by_name[server.namespace, server.pod].pod for server in own]
        chosen = next((one for pod in pods for one in services.items if leads_to(one, pod)), None)
        if chosen is None:
            found.fail(Subject(kind="MLflow", namespace=key[0], name=key[1]), "no Service leads to it")
            continue
        ports = chosen.spec.ports or []
        port = next((one.port for one in ports if one.name in MLFLOW.port_names or one.port == MLFLOW.port), ports[0].port)
        scheme, prefix, service = own[0].scheme, own[0].prefix, chosen.metadata.name
        server = Server(system="mlflow", namespace=key[0], name=key[1], service=service, port=port, scheme=scheme, prefix=prefix)
        found.add(SERVICES.subject(key[0], chosen.metadata.name), server)
    found.unreadable.extend(one for one in mlflow_servers.unreadable if one not in found.unreadable)
    return found.readings(mlflow_servers.absent)
