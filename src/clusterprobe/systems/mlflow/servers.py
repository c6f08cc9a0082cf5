"""Every MLflow that can be asked, and one way to each as its clients take it."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import MLFLOW
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.kubernetes.resources import SERVICES
from clusterprobe.systems.kubernetes.servers import NAME, add_explicit, component_of, leads_to, of_pods

MLFLOW_SERVERS = ("tracking", "tracking-server", "server", "mlflow", "")


def is_mlflow(pod: Pod) -> bool:
    return pod.label(NAME) == "mlflow" or (not pod.label(NAME) and pod.label("app") == "mlflow")


@source()
def mlflow_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every MLflow tracking server."""
    ours = [pod for pod in pods.items if is_mlflow(pod) and component_of(pod) in MLFLOW_SERVERS]
    return of_pods(MLFLOW, ours, pods, profile)


@source()
def mlflow_addresses(
    mlflow_servers: Readings[Server], pods: Readings[Pod], services: Readings[Service], profile: Profile
) -> Readings[Server]:
    """One way to each MLflow as its clients take it: its Service, or the profile's URL."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    add_explicit(MLFLOW, profile, found)
    by_name = pods.by_name()
    for key in sorted({server.key for server in mlflow_servers.items if not server.url}):
        own = [by_name[server.namespace, server.pod] for server in mlflow_servers.items if server.key == key and server.pod]
        chosen = next((one for pod in own for one in services.items if leads_to(one, pod)), None)
        if chosen is None:
            found.fail(Subject(kind="MLflow", namespace=key[0], name=key[1]), "no Service leads to it")
            continue
        ports = chosen.spec.ports or []
        port = next((one.port for one in ports if one.name in MLFLOW.port_names or one.port == 5000), ports[0].port)
        server = Server(system="mlflow", namespace=key[0], name=key[1], service=chosen.metadata.name, port=port)
        found.add(SERVICES.subject(key[0], chosen.metadata.name), server)
    found.unreadable.extend(one for one in mlflow_servers.unreadable if one not in found.unreadable)
    return found.readings(mlflow_servers.absent)
