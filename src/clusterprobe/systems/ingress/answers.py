"""What the hosts of Ingresses answer through their controller and, where that is odd, what the backend answers by itself."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.http import refusal
from clusterprobe.access.tls import Reply, ask
from clusterprobe.access.urls import place_of, written
from clusterprobe.errors import Unreadable
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.ingress.backends import port_of
from clusterprobe.systems.ingress.handshakes import name_of
from clusterprobe.systems.ingress.sources import Entrance
from clusterprobe.systems.kubernetes.objects import EndpointSlice, HttpPath, Ingress, Pod, Service, ServiceBackend

PLAIN_PATH = ours(r"/[A-Za-z0-9._~/-]*")
LOGIN = ours(r"(?i)log-?in|sign-?in|oauth|openid|saml|sso|auth|account|session")
# What the API server answers where nothing listens on a pod's port; without "HTTP", it is itself that does not listen.
CLOSED = ours(r"HTTP 50\d: .{0,300}dial tcp \S+ connect: connection refused")
UNREACHED = (502, 503, 504)
SECONDS = 5


class HostAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a host answers to one path. `changes`: the annotation by which the backend is asked for something else."""

    host: str
    path: str
    backend: ServiceBackend
    changes: str = ""
    reply: Reply

    @property
    def elsewhere(self) -> str:
        """The other host that it redirects to, unless that is a login or a variant of its own name."""
        if not 300 <= self.reply.status < 400:
            return ""
        location, _ = place_of(self.reply.location)
        host, own = location.removeprefix("www."), self.host.removeprefix("*.").removeprefix("www.")
        if not host or host == own or host.endswith(f".{own}") or own.endswith(f".{host}") or LOGIN.search(self.reply.location):
            return ""
        return location

    @property
    def odd(self) -> bool:
        """Whether it may come from something else than the backend: only then is the backend asked itself."""
        return self.reply.status == 404 or self.reply.status in UNREACHED or bool(self.elsewhere)


class DirectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The status with which a backend answers the same path by itself; where its port is closed, 0, and what `refused` says."""

    host: str
    path: str
    status: int
    refused: str = ""


@source()
def ingress_answers(
    cluster: Cluster,
    watched_ingresses: Readings[Ingress],
    ingress_entrances: Readings[Entrance],
    services: Readings[Service],
    pods: Readings[Pod],
) -> Readings[HostAnswer]:
    """What each host of an Ingress answers through its controller, on a path that its backend should know."""
    entrances, found = dict(ingress_entrances), Collector[HostAnswer](unreadable=list(ingress_entrances.unreadable))
    wanted: dict[Subject, tuple[Subject, Entrance, Ingress, str, str, ServiceBackend]] = {}
    for subject, one in watched_ingresses:
        for host, path, backend in questions(one, services, pods):
            if subject in entrances:
                key = Subject(kind="Question", namespace=f"{subject.namespace}/{subject.name}", name=host + path)
                wanted[key] = subject, entrances[subject], one, host, path, backend

    def read(_: Subject, each: tuple[Subject, Entrance, Ingress, str, str, ServiceBackend]) -> HostAnswer:
        _, entrance, one, host, path, backend = each
        reply = ask(entrance.address, name_of(host), written(path), cluster.deadline, encrypted=entrance.encrypted)
        return HostAnswer(host=host, path=path, backend=backend, changes=one.metadata.annotations.changes_requests, reply=reply)

    answers = cluster.each(Readings(tuple(wanted.items())), read)
    for key, answer in answers:
        found.add(wanted[key][0], answer)
    for each in answers.unreadable:
        found.fail(wanted[each.subject][0], each.reason)
    return found.readings(watched_ingresses.why_none("no Ingress has a host with a path to a Service"))


def questions(one: Ingress, services: Readings[Service], pods: Readings[Pod]) -> Iterator[tuple[str, str, ServiceBackend]]:
    """A host, a path and the backend that should answer it, for each path of an Ingress that can be asked for."""
    for rule in one.spec.rules or []:
        for each in (rule.http.paths if rule.http else None) or []:
            backend = each.backend.service
            if rule.host and backend is not None and PLAIN_PATH.fullmatch(each.path or "/"):
                yield rule.host, _path_to_ask(one, each, backend, services, pods), backend


def _path_to_ask(one: Ingress, each: HttpPath, backend: ServiceBackend, services: Readings[Service], pods: Readings[Pod]) -> str:
    """The path of the pods' readiness probe, if it lies below the Ingress' path: that one the backend certainly knows."""
    base = each.path or "/"
    if each.path_type == "Exact" or one.metadata.annotations.changes_requests:
        return base
    namespace = one.metadata.namespace
    service = services.by_name().get((namespace, backend.name))
    selector = (service.spec.selector or {}) if service else {}
    port = port_of(service, backend) if service else None
    for subject, pod in pods:
        if not selector or port is None or subject.namespace != namespace or not selector.items() <= pod.metadata.labels.items():
            continue
        for container in pod.spec.containers:
            probe = container.readiness_probe.http_get if container.readiness_probe else None
            path = probe.path if probe else ""
            numbers = {each.name: each.container_port for each in container.ports or []}
            if not probe or not _serves(port.target_port or port.port, probe.port, numbers):
                continue
            if PLAIN_PATH.fullmatch(path) and f"{path}/".startswith(base.rstrip("/") + "/"):
                return path
    return base


def _serves(target: int | str, probed: int | str, numbers: dict[str, int]) -> bool:
    """Whether the port that the Service leads to is the one that is probed; either may be a name."""
    return numbers.get(str(target), target) == numbers.get(str(probed), probed)


@source(proxied("services"))
def ingress_direct_answers(
    cluster: Cluster,
    ingress_answers: Readings[HostAnswer],
    services: Readings[Service],
    endpoint_slices: Readings[EndpointSlice],
) -> Readings[DirectAnswer]:
    """What the backend answers to the same path by itself, for each host whose answer looks as if it came from something else."""
    by_name, found = services.by_name(), Collector[DirectAnswer]()
    ready = {(subject.namespace, one.service) for subject, one in endpoint_slices if any(each.ready for each in one.endpoints)}
    for subject, one in ingress_answers:
        service = by_name.get((subject.namespace, one.backend.name))
        port = port_of(service, one.backend) if service else None
        nobody = (subject.namespace, one.backend.name) not in ready and not endpoint_slices.missing_reason(subject.namespace)
        if not one.odd or one.changes or port is None or nobody:
            continue
        scheme = "https" if port.port == 443 or port.name == "https" else "http"
        try:
            endpoint = cluster.service(subject.namespace, one.backend.name, port.port, scheme=scheme)
            answer = endpoint.get(written(one.path), seconds=SECONDS, accept=tuple(range(200, 600)), whole=False)
            if answer.status >= 400 and b'"kind":"Status"' in answer.body[:200].replace(b" ", b""):
                raise refusal(answer, f"GET {endpoint.url}{one.path}")  # it is the API server that speaks, not the backend
        except Unreadable as error:
            if not endpoint_slices.missing_reason(subject.namespace) and _is_closed(cluster, error):
                found.add(subject, DirectAnswer(host=one.host, path=one.path, status=0, refused=excerpt(str(error), 300)))
            else:
                found.fail(subject, str(error))
        else:
            found.add(subject, DirectAnswer(host=one.host, path=one.path, status=answer.status))
    return found.readings("every host answers as a backend may")


def _is_closed(cluster: Cluster, error: Unreadable) -> bool:
    """Whether nothing listens on the port that was asked: seen by the API server from outside, by ourselves from inside."""
    inside = cluster.connection.route == "in-cluster"
    return bool("connection refused" in str(error).lower() if inside else CLOSED.search(str(error)))
