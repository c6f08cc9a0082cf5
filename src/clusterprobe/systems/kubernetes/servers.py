"""The running pods of a system, as servers that can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from clusterprobe.access.servers import Server, servers_of
from clusterprobe.known_systems import System
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.systems.kubernetes.objects import Metadata, Pod, Service
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.words import number

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"


class Listens(Protocol):
    """What a custom resource says of how its pods are asked."""

    @property
    def port_name(self) -> str: ...
    @property
    def serves_tls(self) -> bool: ...
    @property
    def route_prefix(self) -> str: ...


class Custom(Protocol):
    """A custom resource that an Operator makes pods of."""

    @property
    def metadata(self) -> Metadata: ...
    @property
    def spec(self) -> Listens: ...
    @property
    def wanted_pods(self) -> int: ...


Resource = TypeVar("Resource", bound=Custom)


def of_custom(system: System, custom: Readings[Resource], pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """The servers of a system with custom resources: their pods, and those that no custom resource explains."""
    found: Collector[Server] = Collector(unreadable=[*custom.unreadable, *pods.unreadable])
    explicit = add_explicit(system, profile, found)
    candidates = [pod for pod in pods.items if pod.label(NAME) == system.key]
    taken: set[str] = set()
    for subject, one in custom:
        own = [pod for pod in candidates if _belongs(pod, system, one)]
        taken.update(pod.metadata.uid for pod in own)
        if (subject.namespace, subject.name) in explicit or (subject.namespace, "") in explicit:
            continue
        wanted = one.wanted_pods
        running = add_pods(own, system, subject.name, found, one.spec)
        if running < max(wanted, 1):
            some = f"{running} of its {number(wanted, 'pod')} {'is' if running == 1 else 'are'} running"
            why = some if wanted else "it is scaled to 0, so there is nothing to ask"
            found.fail(subject, why)
    for pod in candidates:
        if pod.metadata.uid not in taken and (pod.metadata.namespace, "") not in explicit:
            add_pods([pod], system, pod.label(INSTANCE) or pod.metadata.name, found)
    return found.readings(f"there is no {system.name}: neither a custom resource nor a pod labelled {NAME}={system.key}")


def _belongs(pod: Pod, system: System, one: Custom) -> bool:
    named = pod.label("operator.prometheus.io/name") or pod.label(system.key)
    return bool(pod.metadata.namespace == one.metadata.namespace and named == one.metadata.name)


def of_pods(system: System, ours: list[Pod], pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """The servers of a system without custom resources: its pods, but for jobs that are done."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = add_explicit(system, profile, found)
    for pod in ours:
        name = pod.label(INSTANCE) or pod.label("release") or system.key
        if pod.status.phase != "Succeeded" and not explicit & {(pod.metadata.namespace, ""), (pod.metadata.namespace, name)}:
            add_pods([pod], system, name, found)
    return found.readings(f"there is no {system.name}: no pod is labelled {NAME}={system.key}")


def add_explicit(system: System, profile: Profile, found: Collector[Server]) -> set[tuple[str, str]]:
    """Add what the profile's endpoints lead to; returns their (namespace, name), either of which may be empty."""
    for one in servers_of(profile, system.key):
        found.add(Subject(kind=system.name, namespace=one.namespace, name=one.name), one)
    return {(one.namespace, one.name) for one in profile.endpoints if one.system == system.key}


def add_pods(pods: Iterable[Pod], system: System, name: str, found: Collector[Server], listens: Listens | None = None) -> int:
    """Add each running pod as a server, and each other one as unreadable; returns how many run.

    `listens` is the spec of the custom resource that `name` names, if there is one.
    """
    running = 0
    for pod in pods:
        subject = PODS.subject(pod.metadata.namespace, pod.metadata.name, owner=f"{system.name}/{name}")
        if not pod.running:
            state = "being deleted" if pod.metadata.deletion_timestamp else f"{pod.status.phase or 'in no phase'}"
            state = "on a node that does not report" if pod.cut_off else state
            found.fail(subject, f"the pod is {state}, so it cannot be asked")
            continue
        running += 1
        found.add(
            subject,
            Server(
                system=system.key,
                namespace=pod.metadata.namespace,
                name=name,
                custom=listens is not None,
                pod=pod.metadata.name,
                ip=pod.status.pod_ip,
                port=container_port(pod, (*((listens.port_name,) if listens else ()), *system.port_names), system.port),
                scheme="https" if listens is not None and listens.serves_tls else "http",
                prefix=(listens.route_prefix if listens else "").rstrip("/"),
            ),
        )
    return running


def container_port(pod: Pod, names: tuple[str, ...], default: int) -> int:
    """The number of the first port with one of these names, or the usual one."""
    ports = [port for container in pod.spec.containers for port in container.ports or []]
    return next((port.container_port for name in names for port in ports if port.name == name), default)


def component_of(pod: Pod) -> str:
    """Which part of its system a pod is: the usual label, or the one of Airflow's own chart."""
    return pod.label("app.kubernetes.io/component") or pod.label("component")


def leads_to(service: Service, pod: Pod) -> bool:
    """Whether a Service's selector chooses a pod, and it has a port."""
    selector = service.spec.selector or {}
    same = service.metadata.namespace == pod.metadata.namespace and bool(selector) and bool(service.spec.ports)
    return same and all(pod.label(key) == value for key, value in selector.items())
