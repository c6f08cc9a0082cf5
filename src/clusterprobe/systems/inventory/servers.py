"""The running pods of a system, as servers that can be asked: on which port, by which scheme, below which path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from clusterprobe.access.servers import Server, servers_of
from clusterprobe.known_systems import System
from clusterprobe.model import Subject
from clusterprobe.numerals import whole_number
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.systems.inventory.installations import with_stand_ins
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.objects import Container, Metadata, Pod, Service
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.words import listed

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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


def of_custom(system: System, custom: Readings[Resource], pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """The servers of a system with custom resources: their pods, and those that no custom resource explains, or else what stands in."""
    found = explained(system, custom, pods, profile)
    return or_stand_ins(system, found, absent_of(system, custom, pods, profile), pods, profile)


def absent_of(system: System, custom: Readings[Resource], pods: Readings[SystemPod], profile: Profile) -> str:
    """What proves that none of a system's pods is there: no sign of it, or custom resources that the profile accepts at 0."""
    idle = [f"{subject}" for subject, one in custom if not one.wanted_pods and profile.accepts(system.key, subject.namespace)]
    return f"{listed(idle, 3)}: scaled to 0, which the profile accepts" if idle else of_system(pods, system).absent


def explained(system: System, custom: Readings[Resource], pods: Readings[SystemPod], profile: Profile) -> Collector[Server]:
    """The servers of a system with custom resources: their pods, and those that no custom resource explains."""
    found: Collector[Server] = Collector(unreadable=[*custom.unreadable, *pods.unreadable])
    explicit = add_explicit(system, profile, found)
    candidates = of_system(pods, system)
    taken: set[str] = set()
    for subject, one in custom:
        own = [each for each in candidates.items if _belongs(each, one)]
        taken.update(each.pod.metadata.uid for each in own)
        if (subject.namespace, subject.name) in explicit or (subject.namespace, "") in explicit:
            continue
        wanted = one.wanted_pods
        running = add_pods(own, subject.name, found, one.spec)
        # One that is there and not running is told as a pod.
        if len(own) < max(wanted, 1) and (wanted or not profile.accepts(system.key, subject.namespace)):
            some = f"{running} of its {wanted} pods {'is' if running == 1 else 'are'} running" if wanted > 1 else "its pod is not running"
            found.fail(subject, pods.missing_reason(subject.namespace) or (some if wanted else _idle(system)))
    for each in candidates.items:
        if each.pod.metadata.uid not in taken and not _named(each, explicit):
            add_pods([each], each.name, found)
    return found


def _idle(system: System) -> str:
    accept = f"if that is meant so, accept that in the profile: `not_judged: [{system.key}]`"
    return f"it is scaled to 0, so there is nothing to ask; {accept}"


def _belongs(pod: SystemPod, one: Custom) -> bool:
    return pod.custom and (pod.pod.metadata.namespace, pod.name) == (one.metadata.namespace, one.metadata.name)


def _named(one: SystemPod, explicit: set[tuple[str, str]]) -> bool:
    """Whether the profile's endpoints name it."""
    namespace = one.pod.metadata.namespace
    return bool(explicit & {(namespace, ""), (namespace, one.name)})


def of_pods(
    system: System, pods: Readings[SystemPod], profile: Profile, serves: Callable[[SystemPod], bool] = lambda one: True
) -> Readings[Server]:
    """The servers of a system without custom resources: its pods that serve, but for jobs that are done."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = add_explicit(system, profile, found)
    ours = of_system(pods, system)
    for one in ours.items:
        if serves(one) and one.pod.status.phase != "Succeeded" and not _named(one, explicit):
            add_pods([one], one.name, found)
    return or_stand_ins(system, found, ours.absent, pods, profile)


def or_stand_ins(system: System, found: Collector[Server], absent: str, pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """What was found; where that is nothing, what does its work here and is not judged, so that nobody calls it absent."""
    others, why = with_stand_ins(system, found.readings(absent), pods, profile)
    for one in others:
        found.fail(one.subject, one.unjudged)
    return found.readings(why)


def add_explicit(system: System, profile: Profile, found: Collector[Server]) -> set[tuple[str, str]]:
    """Add what the profile's endpoints lead to; returns their (namespace, name), either of which may be empty."""
    for one in servers_of(profile, system.key):
        found.add(Subject(kind=system.name, namespace=one.namespace, name=one.name), one)
    return {(one.namespace, one.name) for one in profile.endpoints if one.system == system.key and one.url}


def add_pods(
    pods: Iterable[SystemPod], name: str, found: Collector[Server], listens: Listens | None = None, kind: str = "", dialect: str = ""
) -> int:
    """Add each running pod as a server, and each other one as unreadable; returns how many run.

    `listens` is the spec of the custom resource that `name` names, if there is one; `kind` is what its owner is called where that is
    not the system, and `dialect` what it answers as.
    """
    running = 0
    for one in pods:
        pod, system = one.pod, one.system
        subject = PODS.subject(pod.metadata.namespace, pod.metadata.name, owner=f"{kind or system.name}/{name}")
        if not pod.running:
            found.fail(subject, f"the pod is {pod.standing}, so it cannot be asked")
            continue
        running += 1
        if alone := listens_alone(one):
            found.fail(subject, alone)
            continue
        found.add(
            subject,
            Server(
                system=system.key,
                dialect=dialect,
                namespace=pod.metadata.namespace,
                name=name,
                custom=listens is not None,
                pod=pod.metadata.name,
                ip=pod.status.pod_ip,
                port=port_of(one, listens.port_name if listens else ""),
                scheme="https" if (listens is not None and listens.serves_tls) or _asked_by_tls(one) else "http",
                prefix=(prefix_of(one) or (listens.route_prefix if listens else "")).rstrip("/"),
            ),
        )
    return running


# --- how it is asked --------------------------------------------------------------------------------------------------


def listens_alone(one: SystemPod) -> str:
    """Why a server cannot be asked that listens inside its pod only; empty for any other."""
    host, _ = _listens(one.main)
    if host not in LOOPBACK:
        return ""
    before = next((each.name for each in one.pod.spec.containers if each.name != one.container and "proxy" in each.name), "")
    behind = f", behind the container {before}" if before else ""
    return (
        f"it listens on {host} only{behind}: name an address that answers under `endpoints:` in the profile "
        f"(system: {one.key}, namespace: {one.pod.metadata.namespace}), with credentials"
    )


def _listens(container: Container | None) -> tuple[str, int]:
    """Host and port of the flag that names them; empty and 0 without it."""
    stated = container.flag("web.listen-address") or container.flag("httpListenAddr") if container else ""
    host, _, port = stated.rpartition(":")
    return host, whole_number(port) or 0


def port_of(one: SystemPod, name: str = "") -> int:
    """The port that its flag names, else its own container's by name (`name` first), else the usual one; no other container counts."""
    _, stated = _listens(one.main)
    names = (*((name,) if name else ()), *one.system.port_names)
    return stated or _named_port([one.main] if one.main else [], names) or dict(one.system.parts).get(one.part, one.system.port)


def _named_port(containers: list[Container], names: tuple[str, ...]) -> int:
    ports = [port for container in containers for port in container.ports or []]
    return next((port.container_port for name in names for port in ports if port.name == name), 0)


def container_port(pod: Pod, names: tuple[str, ...], default: int) -> int:
    """The number of the first port with one of these names, or the usual one."""
    return _named_port(pod.spec.containers, names) or default


def prefix_of(one: SystemPod) -> str:
    """The path below which it serves: as its flags say, else as the kubelet asks it for its health; empty for the root."""
    container = one.main
    if container is None:
        return ""
    stated = container.flag("web.route-prefix") or container.flag("static-prefix") or container.flag("http.pathPrefix")
    outside = container.flag("web.external-url")
    if stated or outside:
        return _path(stated or outside)
    for probe in (container.readiness_probe, container.liveness_probe, container.startup_probe):
        path = probe.http_get.path.partition("?")[0] if probe and probe.http_get else ""
        if below := next((path.removesuffix(each) for each in one.system.health_paths if path.endswith(each)), ""):
            return _path(below)
    return ""


def _path(text: str) -> str:
    """The path of a prefix, which may be a whole address; none where a variable stands for it."""
    path = text.partition("://")[2].partition("/")[2] if "://" in text else text
    return "" if "$(" in path else f"/{path.strip('/')}".rstrip("/")


def _asked_by_tls(one: SystemPod) -> bool:
    """Whether the kubelet asks its container by TLS."""
    container = one.main
    probes = (container.readiness_probe, container.liveness_probe, container.startup_probe) if container else ()
    return any(probe.http_get.scheme == "HTTPS" for probe in probes if probe and probe.http_get)


def leads_to(service: Service, pod: Pod) -> bool:
    """Whether a Service's selector chooses a pod, and it has a port."""
    selector = service.spec.selector or {}
    same = service.metadata.namespace == pod.metadata.namespace and bool(selector) and bool(service.spec.ports)
    return same and all(pod.label(key) == value for key, value in selector.items())
