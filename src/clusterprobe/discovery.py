"""Which systems run here, of which release, and how to reach each: from custom resources, labels and the profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clusterprobe.access.servers import Server
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.alertmanager import Alertmanager
from clusterprobe.systems.kubernetes import PODS, SERVICES
from clusterprobe.systems.objects import Pod, Service
from clusterprobe.systems.prometheus import Prometheus

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"


# --- Prometheus and Alertmanager: one server a pod ------------------------------------------------------------------


@source()
def prometheus_servers(prometheuses: Readings[Prometheus], pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every replica of every Prometheus, with or without the Operator."""
    return _servers("prometheus", "Prometheus", 9090, ("web", "http-web"), prometheuses, pods, profile)


@source()
def alertmanager_servers(alertmanagers: Readings[Alertmanager], pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every replica of every Alertmanager, with or without the Operator."""
    return _servers("alertmanager", "Alertmanager", 9093, ("web", "http-web"), alertmanagers, pods, profile)


def _servers(
    system: str,
    kind: str,
    port: int,
    port_names: tuple[str, ...],
    custom: Readings[Any],
    pods: Readings[Pod],
    profile: Profile,
) -> Readings[Server]:
    found: Collector[Server] = Collector(unreadable=[*custom.unreadable, *pods.unreadable])
    explicit = _from_profile(system, kind, profile, found)
    candidates = [pod for pod in pods.items if pod.label(NAME) == system]
    taken: set[str] = set()
    for subject, one in custom:
        own = [pod for pod in candidates if _belongs(pod, system, one)]
        taken.update(pod.metadata.uid for pod in own)
        if (subject.namespace, subject.name) in explicit or (subject.namespace, "") in explicit:
            continue
        wanted = one.wanted_pods
        running = _add_pods(own, system, kind, subject.name, True, port, port_names, one.spec, found)
        if running < max(wanted, 1):
            why = "it is scaled to 0, so there is nothing to ask" if wanted == 0 else f"{running} of its {wanted} pods are running"
            found.fail(subject, why)
    for pod in candidates:
        if pod.metadata.uid not in taken and (pod.metadata.namespace, "") not in explicit:
            _add_pods([pod], system, kind, pod.label(INSTANCE) or pod.metadata.name, False, port, port_names, None, found)
    return found.readings(f"there is no {kind}: neither a custom resource nor a pod labelled {NAME}={system}")


def _belongs(pod: Pod, system: str, one: Any) -> bool:
    named = pod.label("operator.prometheus.io/name") or pod.label(system)
    return bool(pod.metadata.namespace == one.metadata.namespace and named == one.metadata.name)


def _from_profile(system: str, kind: str, profile: Profile, found: Collector[Server]) -> set[tuple[str, str]]:
    places = set()
    for one in profile.endpoints:
        if one.system == system:
            places.add((one.namespace, one.name))
            server = Server(system=system, namespace=one.namespace, name=one.name or one.namespace or one.url, url=one.url)
            found.add(Subject(kind=kind, namespace=one.namespace, name=server.name), server)
    return places


def _add_pods(
    pods: Iterable[Pod],
    system: str,
    kind: str,
    name: str,
    custom: bool,
    port: int,
    port_names: tuple[str, ...],
    spec: Any,
    found: Collector[Server],
) -> int:
    """Add each running pod as a server, and each other one as unreadable; returns how many run."""
    running = 0
    for pod in pods:
        subject = PODS.subject(pod.metadata.namespace, pod.metadata.name, owner=f"{kind}/{name}")
        if not pod.running:
            state = "being deleted" if pod.metadata.deletion_timestamp else f"{pod.status.phase or 'in no phase'}"
            found.fail(subject, f"the pod is {state}, so it cannot be asked")
            continue
        running += 1
        found.add(
            subject,
            Server(
                system=system,
                namespace=pod.metadata.namespace,
                name=name,
                custom=custom,
                pod=pod.metadata.name,
                ip=pod.status.pod_ip,
                port=container_port(pod, (*((spec.port_name,) if spec else ()), *port_names), port),
                scheme="https" if spec is not None and spec.serves_tls else "http",
                prefix=(spec.route_prefix if spec else "").rstrip("/"),
            ),
        )
    return running


def container_port(pod: Pod, names: tuple[str, ...], default: int) -> int:
    """The number of the first port with one of these names, or the usual one."""
    ports = [port for container in pod.spec.containers for port in container.ports or []]
    return next((port.container_port for name in names for port in ports if port.name == name), default)


# --- Loki -----------------------------------------------------------------------------------------------------------

LOKI_PORTS = ("http-metrics", "http", "http-loki")


@source()
def loki_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Loki pod; gateways and caches beside it are none."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = _from_profile("loki", "Loki", profile, found)
    for pod in pods.items:
        if pod.label(NAME) == "loki" and not _is_beside(pod) and (pod.metadata.namespace, "") not in explicit:
            _add_pods([pod], "loki", "Loki", pod.label(INSTANCE) or "loki", False, 3100, LOKI_PORTS, None, found)
    return found.readings(f"there is no Loki: no pod is labelled {NAME}=loki")


def _is_beside(pod: Pod) -> bool:
    component = pod.label("app.kubernetes.io/component")
    return component in ("gateway", "canary", "memcached-chunks-cache", "memcached-results-cache") or component.startswith("memcached")


@source()
def loki_queriers(loki_servers: Readings[Server], services: Readings[Service], profile: Profile) -> Readings[Server]:
    """One way to query each Loki: any replica can answer, so its Service, the gateway first."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    explicit = {namespace for namespace, _ in _from_profile("loki", "Loki", profile, found)}
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
        port = next((p.port for p in service.spec.ports or [] if p.name in LOKI_PORTS or p.port in (3100, 80)), 0)
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


# --- Grafana --------------------------------------------------------------------------------------------------------

GRAFANA_PORTS = ("grafana", "http-web", "http", "service")


@source()
def grafana_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Grafana: its pods, or what the profile's address leads to, which is the only way to send credentials."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = _from_profile("grafana", "Grafana", profile, found)
    for pod in pods.items:
        name = pod.label(INSTANCE) or "grafana"
        if pod.label(NAME) == "grafana" and not {(pod.metadata.namespace, ""), (pod.metadata.namespace, name)} & explicit:
            _add_pods([pod], "grafana", "Grafana", name, False, 3000, GRAFANA_PORTS, None, found)
    return found.readings(f"there is no Grafana: no pod is labelled {NAME}=grafana, and the profile names none")


# --- Airflow and MLflow ---------------------------------------------------------------------------------------------

AIRFLOW_PORTS = ("api-server", "webserver", "airflow-ui", "http")
AIRFLOW_SERVERS = ("api-server", "webserver", "standalone", "web", "")
MLFLOW_PORTS = ("mlflow", "http", "tracking")
MLFLOW_SERVERS = ("tracking", "tracking-server", "server", "mlflow", "")


def component_of(pod: Pod) -> str:
    """Which part of its system a pod is: the usual label, or the one of Airflow's own chart."""
    return pod.label("app.kubernetes.io/component") or pod.label("component")


def is_airflow(pod: Pod) -> bool:
    """Airflow's own chart labels its pods `tier: airflow`, the caches and databases beside them otherwise."""
    return pod.label("tier") == "airflow" or pod.label(NAME) == "airflow"


def is_mlflow(pod: Pod) -> bool:
    return pod.label(NAME) == "mlflow" or (not pod.label(NAME) and pod.label("app") == "mlflow")


@source()
def airflow_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Airflow API server (or webserver, before Airflow 3)."""
    ours = [pod for pod in pods.items if is_airflow(pod) and component_of(pod) in AIRFLOW_SERVERS]
    return _unmanaged("airflow", "Airflow", 8080, AIRFLOW_PORTS, ours, pods, profile)


@source()
def mlflow_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every MLflow tracking server."""
    ours = [pod for pod in pods.items if is_mlflow(pod) and component_of(pod) in MLFLOW_SERVERS]
    return _unmanaged("mlflow", "MLflow", 5000, MLFLOW_PORTS, ours, pods, profile)


def _unmanaged(
    system: str, kind: str, port: int, port_names: tuple[str, ...], ours: list[Pod], pods: Readings[Pod], profile: Profile
) -> Readings[Server]:
    """The servers of a system without custom resources: its pods, but for jobs that are done."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = _from_profile(system, kind, profile, found)
    for pod in ours:
        name = pod.label(INSTANCE) or pod.label("release") or system
        if pod.status.phase != "Succeeded" and not explicit & {(pod.metadata.namespace, ""), (pod.metadata.namespace, name)}:
            _add_pods([pod], system, kind, name, False, port, port_names, None, found)
    return found.readings(f"there is no {kind}: no pod is labelled {NAME}={system}")


@source()
def mlflow_addresses(
    mlflow_servers: Readings[Server], pods: Readings[Pod], services: Readings[Service], profile: Profile
) -> Readings[Server]:
    """One way to each MLflow as its clients take it: its Service, or the profile's URL."""
    found: Collector[Server] = Collector(unreadable=list(services.unreadable))
    _from_profile("mlflow", "MLflow", profile, found)
    by_name = pods.by_name()
    for key in sorted({server.key for server in mlflow_servers.items if not server.url}):
        own = [by_name[server.namespace, server.pod] for server in mlflow_servers.items if server.key == key and server.pod]
        chosen = next((one for pod in own for one in services.items if _leads_to(one, pod)), None)
        if chosen is None:
            found.fail(Subject(kind="MLflow", namespace=key[0], name=key[1]), "no Service leads to it")
            continue
        ports = chosen.spec.ports or []
        port = next((one.port for one in ports if one.name in MLFLOW_PORTS or one.port == 5000), ports[0].port)
        server = Server(system="mlflow", namespace=key[0], name=key[1], service=chosen.metadata.name, port=port)
        found.add(SERVICES.subject(key[0], chosen.metadata.name), server)
    found.unreadable.extend(one for one in mlflow_servers.unreadable if one not in found.unreadable)
    return found.readings(mlflow_servers.absent)


def _leads_to(service: Service, pod: Pod) -> bool:
    selector = service.spec.selector or {}
    same = service.metadata.namespace == pod.metadata.namespace and bool(selector) and bool(service.spec.ports)
    return same and all(pod.label(key) == value for key, value in selector.items())
