"""Whether a container crashes only because what it calls is not there yet: judged by evidence, never by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clusterprobe.readings import Readings
from clusterprobe.systems.crashes import Crash
from clusterprobe.systems.objects import Container, Pod, Service
from clusterprobe.times import ago, epoch

# curl's own words for: no such host, refused, HTTP error (with --fail), timeout, TLS, no answer, connection lost.
_CURL_CODES = {6, 7, 22, 28, 35, 52, 56}
_UNREACHABLE = re.compile(
    r"(?i)connection refused|can't connect|could ?n[o']t connect|failed to connect|connection (?:timed out|reset)|no route to host|"
    r"no such host|could not resolve|couldn't resolve|bad address|name or service not known|name resolution|i/o timeout|"
    r"\b50[234]\b|service unavailable|ECONNREFUSED|ENOTFOUND|dial tcp"
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^/@\s\"']*@)?([A-Za-z0-9.-]+)(?::(\d+))?")
_HOST_AND_PORT = re.compile(r"(?<![\w/.:@-])([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*):(\d{2,5})(?![\w.:])")
_NETCAT = re.compile(r"\bnc\b[^;&|\n]*?\s([a-z0-9][a-z0-9.-]*)\s+(\d{2,5})\b")
_SERVICE_NAME = re.compile(r"(?<![\w/.:@-])([a-z0-9-]+(?:\.[a-z0-9-]+)+\.svc(?:\.[a-z0-9.-]+)?)(?::(\d+))?")
_ITSELF = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104 - names, no binding
RETRY_SECONDS = 15  # a Service takes a moment to lead to a pod that has become ready


@dataclass(frozen=True, slots=True)
class Target:
    """What a container calls: a host, and a port if it names one."""

    host: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether what is called is there: since when, or why it cannot be told. `born` is when it began to come up."""

    state: Literal["ready", "not ready", "wrong", "unknown", "elsewhere"]
    what: str
    since: float = 0.0
    born: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a crash is normal, or is not, or why neither can be told."""

    state: Literal["normal", "real", "unknown"]
    text: str


def targets_of(container: Container | None) -> list[Target]:
    """The hosts in a container's command and arguments; variables are not read, so a host in one is not known."""
    text = " ".join([*(container.command or []), *(container.args or [])]) if container else ""
    found: dict[str, Target] = {}
    for pattern in (_URL, _NETCAT, _SERVICE_NAME, _HOST_AND_PORT):
        for host, port in pattern.findall(text):
            name = host.rstrip(".")
            if name.lower() not in _ITSELF and name not in found:
                found[name] = Target(name, int(port) if port else None)
    return list(found.values())


def says_unreachable(crash: Crash, lines: Iterable[str]) -> bool:
    """Whether it ended because it did not reach something: by curl's exit code, or by its own last words."""
    ended, container = crash.ended, crash.container
    if ended is None or crash.out_of_memory or not 0 < ended.exit_code < 126:
        return False
    words = " ".join([container.image, *(container.command or []), *(container.args or [])]) if container else ""
    if re.search(r"\bcurl\b", words) and ended.exit_code in _CURL_CODES:
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
            return Standing("unknown", blind) if blind else Standing("elsewhere", f"{target.host} is no Service of this cluster")
        service = self._named.get(place)
        where = f"Service {place[0]}/{place[1]}"
        if service is None:
            reason = self._services.missing_reason(place[0])
            return Standing("unknown", f"{where}: {reason}") if reason else Standing("not ready", f"{where} does not exist yet")
        ports = {one.port for one in service.spec.ports or []}
        if target.port is not None and ports and target.port not in ports:
            listed = ", ".join(map(str, sorted(ports)))
            return Standing("wrong", f"{where} has no port {target.port}, only {listed}")
        return self._of_service(service, where)

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

    def _of_service(self, service: Service, where: str) -> Standing:
        namespace, selector = service.metadata.namespace, service.spec.selector or {}
        if not selector:
            return Standing("elsewhere", f"{where} selects no pods")
        reason = self._pods.missing_reason(namespace)
        if reason:
            return Standing("unknown", f"the pods of {where}: {reason}")
        pods = [
            one
            for one in self._by_namespace.get(namespace, [])
            if selector.items() <= one.metadata.labels.items() and not one.metadata.deletion_timestamp
        ]
        ready = [since for one in pods if (since := _ready_since(one)) is not None]
        if ready:
            return Standing("ready", where, min(ready))
        born = [at for one in pods if (at := epoch(one.metadata.creation_timestamp)) is not None]
        what = f"{where} has no ready pod" + (f" ({', '.join(one.metadata.name for one in pods[:3])})" if pods else " at all")
        return Standing("not ready", what, born=max(born) if born else epoch(service.metadata.creation_timestamp))


def _ready_since(pod: Pod) -> float | None:
    for one in pod.status.conditions or []:
        if one.type == "Ready" and one.status == "True":
            return epoch(one.last_transition_time) or 0.0
    return None


def reason_of(crash: Crash, around: Neighbourhood, now: float, startup_seconds: float) -> Reason:
    """Whether what a container calls explains its crashes. It is one that says that it did not reach something."""
    namespace = crash.pod.metadata.namespace
    standings = [around.standing(one, namespace) for one in targets_of(crash.container)]
    if not standings:
        return Reason("real", "its command does not name what it calls")
    unknown = next((one for one in standings if one.state == "unknown"), None)
    if unknown:
        return Reason("unknown", f"whether what it waits for is there: {unknown.what}")
    hopeless = next((one for one in standings if one.state == "wrong"), None)
    if hopeless:
        return Reason("real", hopeless.what)
    missing = next((one for one in standings if one.state == "not ready"), None)
    if missing:
        return _while_missing(crash, missing, now, startup_seconds)
    return _although_ready(crash, [one for one in standings if one.state == "ready"], standings[0], now)


def _while_missing(crash: Crash, missing: Standing, now: float, limit: float) -> Reason:
    created = epoch(crash.pod.metadata.creation_timestamp)
    ages = [now - one for one in (created, missing.born) if one is not None]
    if created is None or max(ages) > limit:
        return Reason("real", f"it waits for something that does not come: {missing.what}, for {ago(max(ages, default=0.0))}")
    return Reason("normal", f"{missing.what}, and both are young ({ago(max(ages))})")


def _although_ready(crash: Crash, ready: list[Standing], first: Standing, now: float) -> Reason:
    if not ready:
        return Reason("real", first.what)
    latest = max(ready, key=lambda one: one.since)
    tried = epoch(crash.ended.started_at or crash.ended.finished_at) if crash.ended else None
    if crash.phase == "recovered":
        return Reason("normal", f"{latest.what} has been ready for {ago(now - latest.since)}, and it is well by now")
    if tried is not None and tried < latest.since + RETRY_SECONDS:
        return Reason("normal", f"{latest.what} became ready only after its last try, {ago(now - tried)} ago")
    return Reason("real", f"{latest.what} has been ready for {ago(now - latest.since)}, and it still crashes")
