"""Whether a container crashes only because what it calls is not there yet: judged by evidence, never by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clusterprobe.numerals import whole_number
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.kubernetes.objects import Container, Pod, Service
from clusterprobe.systems.pods.crashes import Crash
from clusterprobe.times import epoch

# curl's own words for: no such host, refused, HTTP error (with --fail), timeout, TLS, no answer, connection lost.
_CURL = ours(r"\bcurl\b")
_CURL_CODES = {6, 7, 22, 28, 35, 52, 56}
_UNREACHABLE = ours(
    r"(?i)connection refused|can't connect|could ?n[o']t connect|failed to connect|connection (?:timed out|reset)|no route to host|"
    r"no such host|could not resolve|couldn't resolve|bad address|name or service not known|name resolution|i/o timeout|"
    r"\b50[234]\b|service unavailable|ECONNREFUSED|ENOTFOUND|dial tcp"
)
_URL = ours(r"\b[a-z][a-z0-9+.-]*://(?:[^/@\s\"']*@)?([A-Za-z0-9.-]+)(?::(\d+))?")
_HOST_AND_PORT = ours(r"(?:^|[^\w/.:@-])([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*):(\d{2,5})([\w.:]?)")
_NETCAT = ours(r"\bnc\b[^;&|\n]*?\s([a-z0-9][a-z0-9.-]*)\s+(\d{2,5})\b")
_SERVICE_NAME = ours(r"(?:^|[^\w/.:@-])([a-z0-9-]+(?:\.[a-z0-9-]+)+\.svc(?:\.[a-z0-9.-]+)?)(?::(\d+))?")
_ITSELF = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104 - names, no binding
RETRY_SECONDS = 15  # a Service takes a moment to lead to a pod that has become ready


@dataclass(frozen=True, slots=True)
class Target:
    """What a container calls: a host, and a port if it names one."""

    host: str
    port: int | None = None


State = Literal["ready", "not ready", "missing", "wrong port", "no service", "no selector", "services unread", "pods unread"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How what a container calls stands, as far as that can be told.

    `service` is the Service that it is, with its ports, and `pods` those that it leads to. `why` is what kept them from being
    read. `since` is when the first of its pods became ready, `born` when it began to come up: epoch seconds.
    """

    state: State
    target: Target
    service: Ref | None = None
    ports: tuple[int, ...] = ()
    pods: tuple[str, ...] = ()
    why: str = ""
    since: float = 0.0
    born: float | None = None


Excuse = Literal["unnamed", "unread", "wrong port", "overdue", "young", "elsewhere", "back", "just ready", "long ready"]
_STATES: dict[Excuse, Literal["normal", "unknown"]] = {"young": "normal", "back": "normal", "just ready": "normal", "unread": "unknown"}


@dataclass(frozen=True, slots=True)
class Wait:
    """Whether what a container calls excuses that it crashes, by how that stands.

    `seconds` is how long it has been waiting, how long its target has been ready, or, of `just ready`, since when it has not tried.
    """

    excuse: Excuse
    standing: Standing | None = None
    seconds: float = 0.0

    @property
    def state(self) -> Literal["normal", "real", "unknown"]:
        """Whether that is normal, or no excuse (`real`), or neither can be told."""
        return _STATES.get(self.excuse, "real")

    @property
    def service(self) -> Ref | None:
        """The Service whose pods it waits for, where it waits for any too long."""
        one = self.standing if self.excuse == "overdue" else None
        return one.service if one and one.state == "not ready" else None


def targets_of(container: Container | None) -> list[Target]:
    """The hosts in a container's command and arguments; variables are not read, so a host in one is not known."""
    text = " ".join(container.calls or []) if container else ""
    found: dict[str, Target] = {}
    for pattern in (_URL, _NETCAT, _SERVICE_NAME, _HOST_AND_PORT):
        for host, port, *more in pattern.findall(text):
            name = host.rstrip(".")
            if any(more):  # what goes on behind the digits is no port
                continue
            if name.lower() not in _ITSELF and name not in found:
                found[name] = Target(name, whole_number(port) if port else None)
    return list(found.values())


def says_unreachable(crash: Crash, lines: Iterable[str]) -> bool:
    """Whether it ended because it did not reach something: by curl's exit code, or by its own last words."""
    ended, container = crash.ended, crash.container
    if ended is None or crash.out_of_memory or not 0 < ended.exit_code < 126:
        return False
    words = " ".join([container.image, *(container.calls or [])]) if container else ""
    if _CURL.search(words) and ended.exit_code in _CURL_CODES:
        return True
    return any(_UNREACHABLE.search(line) for line in lines)


class Neighbourhood:
    """The Services and pods that a container may call."""

    def __init__(self, services: Readings[Service], pods: Readings[Pod]) -> None:
        self._services, self._pods = services, pods
        self._named = services.by_name()
        self._by_namespace: dict[str, list[Pod]] = {}
        for subject, pod in pods:
            self._by_namespace.setdefault(subject.namespace, []).append(pod)

    def standing(self, target: Target, namespace: str) -> Standing:
        """How a target stands, as seen from a pod of that namespace."""
        place = self._place(target.host, namespace)
        if place is None:
            blind = next((one.reason for one in self._services.unreadable), "")
            return Standing("services unread" if blind else "no service", target, why=blind)
        service, ref = self._named.get(place), Ref(RefKind.SERVICE, *place)
        if service is None:
            reason = self._services.missing_reason(place[0])
            return Standing("services unread" if reason else "missing", target, ref, why=reason)
        ports = tuple(sorted({one.port for one in service.spec.ports or []}))
        if target.port is not None and ports and target.port not in ports:
            return Standing("wrong port", target, ref, ports)
        return self._of_service(service, target)

    def _place(self, host: str, namespace: str) -> tuple[str, str] | None:
        for service in self._services.items:
            if service.spec.cluster_ip == host:
                return service.metadata.namespace, service.metadata.name
        labels = host.split(".")
        if len(labels) == 1:
            return namespace, host
        if "svc" in labels[2:]:
            at = labels.index("svc", 2)
            return labels[at - 1], labels[at - 2]
        known = {one.namespace for one, _ in self._services} | set(self._by_namespace)
        return (labels[1], labels[0]) if len(labels) == 2 and labels[1] in known else None

    def _of_service(self, service: Service, target: Target) -> Standing:
        namespace, selector = service.metadata.namespace, service.spec.selector or {}
        ref = Ref(RefKind.SERVICE, namespace, service.metadata.name)
        if not selector:
            return Standing("no selector", target, ref)
        reason = self._pods.missing_reason(namespace)
        if reason:
            return Standing("pods unread", target, ref, why=reason)
        pods = [
            one
            for one in self._by_namespace.get(namespace, [])
            if selector.items() <= one.metadata.labels.items() and not one.metadata.deletion_timestamp
        ]
        names, ready = tuple(one.metadata.name for one in pods), [since for one in pods if (since := _ready_since(one)) is not None]
        if ready:
            return Standing("ready", target, ref, pods=names, since=min(ready))
        born = [at for one in pods if (at := epoch(one.metadata.creation_timestamp)) is not None]
        return Standing("not ready", target, ref, pods=names, born=max(born) if born else epoch(service.metadata.creation_timestamp))

    def silenced_with(self, pod: Pod) -> list[Ref]:
        """The Services that lead to a pod, and to none that is ready."""
        found = []
        for service in self._services.items:
            selector = service.spec.selector or {}
            if service.metadata.namespace == pod.metadata.namespace and selector and selector.items() <= pod.metadata.labels.items():
                found.append(self._of_service(service, Target(service.metadata.name)))
        return [one.service for one in found if one.service is not None and one.state == "not ready"]


def _ready_since(pod: Pod) -> float | None:
    for one in pod.status.conditions or []:
        if one.type == "Ready" and one.status == "True":
            return epoch(one.last_transition_time) or 0.0
    return None


def wait_of(crash: Crash, around: Neighbourhood, now: float, startup_seconds: float) -> Wait:
    """Whether what a container calls explains its crashes, if it is one that says that it did not reach something."""
    namespace = crash.pod.metadata.namespace
    standings = [around.standing(one, namespace) for one in targets_of(crash.container)]
    if not standings:
        return Wait("unnamed")
    for excuse, states in _FIRST:
        if found := next((one for one in standings if one.state in states), None):
            return Wait(excuse, found)
    missing = next((one for one in standings if one.state in ("missing", "not ready")), None)
    if missing:
        return _while_missing(crash, missing, now, startup_seconds)
    return _although_ready(crash, [one for one in standings if one.state == "ready"], standings[0], now)


# What of several targets is told first, before those that are not there yet.
_FIRST: tuple[tuple[Excuse, tuple[State, ...]], ...] = (("unread", ("services unread", "pods unread")), ("wrong port", ("wrong port",)))


def _while_missing(crash: Crash, missing: Standing, now: float, limit: float) -> Wait:
    created = epoch(crash.pod.metadata.creation_timestamp)
    longest = max((now - one for one in (created, missing.born) if one is not None), default=0.0)
    return Wait("overdue" if created is None or longest > limit else "young", missing, longest)


def _although_ready(crash: Crash, ready: list[Standing], first: Standing, now: float) -> Wait:
    if not ready:
        return Wait("elsewhere", first)
    latest = max(ready, key=lambda one: one.since)
    tried = epoch(crash.ended.started_at or crash.ended.finished_at) if crash.ended else None
    if crash.phase == "recovered":
        return Wait("back", latest, now - latest.since)
    if tried is not None and tried < latest.since + RETRY_SECONDS:
        return Wait("just ready", latest, now - tried)
    return Wait("long ready", latest, now - latest.since)
