"""What stands behind a Service's port: whether anything ready does and, if not, what is at fault."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec

from clusterprobe.findings import FindingKind
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Pod, ReplicaSet, Service, ServiceBackend, ServicePort
from clusterprobe.systems.kubernetes.resources import SERVICES
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.words import listed, said

SERVICE_MISSING = FindingKind("ServiceMissing", Severity.ERROR, "An Ingress or route leads to a Service that does not exist.")
PORT_MISSING = FindingKind("PortMissing", Severity.ERROR, "An Ingress or route leads to a port that its Service does not have.")
NO_ENDPOINTS = FindingKind("NoEndpoints", Severity.ERROR, "Nothing ready is behind the Service of an Ingress or route.", settles=True)
PORT_CLOSED = FindingKind("PortClosed", Severity.ERROR, "Nothing listens on the port to which the Service of an Ingress leads.")
# The port by which the AWS load balancer's controller tells an action of an annotation, such as a redirect, from a Service.
ACTION = "use-annotation"
INGRESS = "Ingress"
LACKS = (SERVICE_MISSING, PORT_MISSING, NO_ENDPOINTS, PORT_CLOSED)


@dataclass(frozen=True, slots=True)
class Lack:
    """Why nothing answers behind a backend: what is at fault, how to repair it, and the workloads that it rests on.

    `problem` and `breaks` are what clients of those that lead there meet, where these are known.
    """

    kind: FindingKind
    cause: str
    fix: list[Step]
    severity: Severity = Severity.ERROR
    rests_on: tuple[Ref, ...] = ()
    problem: str = ""
    breaks: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether anything answers could not be seen."""

    reason: str


class Lead(msgspec.Struct, frozen=True):
    """That requests of some hosts or rule go to a Service; a backend without a port goes to any of its ports."""

    route: str
    namespace: str
    backend: ServiceBackend


def port_of(service: Service, backend: ServiceBackend) -> ServicePort | None:
    """The Service's port that a backend names, by its name or its number."""
    for one in service.spec.ports or []:
        if (backend.port.name and one.name == backend.port.name) or (backend.port.number and one.port == backend.port.number):
            return one
    return None


class Backends:
    """The Services with their endpoints, pods and workloads."""

    def __init__(
        self,
        services: Readings[Service],
        slices: Readings[EndpointSlice],
        pods: Readings[Pod],
        replica_sets: Readings[ReplicaSet],
    ) -> None:
        self._services, self._slices, self._pods, self._replica_sets = services, slices, pods, replica_sets
        self._by_name = services.by_name()
        self._slices_of = defaultdict[tuple[str, str], list[EndpointSlice]](list)
        for subject, one in slices:
            self._slices_of[subject.namespace, one.service].append(one)

    def behind(self, subject: Subject, leads: Iterable[Lead]) -> Iterator[tuple[Lead, Lack | Unknown]]:
        """What is lacking behind the backends to which an object leads, each once, and as it is said of that object."""
        alike: dict[tuple[str, ServiceBackend], list[Lead]] = defaultdict(list)
        for lead in leads:
            alike[lead.namespace, lead.backend].append(lead)
        for (namespace, backend), those in alike.items():
            lack = self.judge(namespace, backend, subject.kind)
            if lack is not None:
                yield those[0], _of(subject, those, lack) if isinstance(lack, Lack) else lack

    def judge(self, namespace: str, backend: ServiceBackend, by: str = INGRESS) -> Lack | Unknown | None:
        """What is lacking behind a backend; nothing if a ready pod stands behind its port, or behind any, where none is named.

        `by` is the kind of what leads there.
        """
        service = self._by_name.get((namespace, backend.name))
        if service is None and backend.port.name == ACTION:
            return None  # it is the load balancer that answers
        if service is None:
            why = self._services.missing_reason(namespace)
            return (
                Unknown(f"whether the Service {namespace}/{backend.name} exists is not known: {why}")
                if why
                else self._no_service(namespace, backend, by)
            )
        if service.spec.type == "ExternalName":
            return None  # it leads out of the cluster
        port = port_of(service, backend)
        anywhere = not backend.port.name and not backend.port.number
        if port is None and not anywhere:
            return _no_port(namespace, backend, service, by)
        slices = self._slices_of[namespace, backend.name]
        if any(each.ready for one in slices if port is None or port.name in one.port_names for each in one.endpoints):
            return None
        why = self._slices.missing_reason(namespace)
        if why:
            return Unknown(f"whether anything is ready behind the Service {namespace}/{backend.name} is not known: {why}")
        if port is not None and any(each.ready for one in slices for each in one.endpoints):
            return _no_target(namespace, backend, port)
        return self._nothing_ready(namespace, backend, service.spec.selector or {}, by)

    def closed(self, namespace: str, backend: ServiceBackend, refused: str) -> Lack:
        """What is lacking where pods are ready, and the port to which the Service leads is closed on them."""
        service = self._by_name.get((namespace, backend.name))
        port = port_of(service, backend) if service else None
        selector = (service.spec.selector or {}) if service else {}
        pods = [pod for at, pod in self._pods if at.namespace == namespace and selector and selector.items() <= pod.metadata.labels.items()]
        named = sorted({each.container_port for pod in pods for one in pod.spec.containers for each in one.ports or []})
        ports = f"its pods name the {'port' if len(named) == 1 else 'ports'} {listed([str(one) for one in named], 5)}" if named else ""
        target = port.target_port or port.port if port else "that it names"
        return Lack(
            PORT_CLOSED,
            f"port {backend.port} of the Service {namespace}/{backend.name} leads to targetPort {target}, and there it was said "
            f"{said(refused)}{'; ' + ports if ports else ''}.",
            [
                look("See where its ports lead.", shell("kubectl -n {} describe service {}", namespace, backend.name)),
                change(
                    "Make targetPort the port on which the program listens, in the chart or "
                    f"{IN_GIT}. If it is that port, the program listens at localhost only: let it listen at all addresses."
                ),
                edited("service", SERVICES.subject(namespace, backend.name)),
            ],
        )

    def _no_service(self, namespace: str, backend: ServiceBackend, by: str) -> Lack:
        names = [name for place, name in self._by_name if place == namespace]
        near = difflib.get_close_matches(backend.name, names, 3) or names
        there = f" In {namespace} there are: {listed(near, 3)}." if near else f" There is no Service in {namespace} at all."
        elsewhere = [place for place, name in self._by_name if name == backend.name]
        only = ", but an Ingress only reaches its own namespace" if by == INGRESS else ""
        where = f" One of that name is in {listed(elsewhere, 3)}{only}." if elsewhere else ""
        return Lack(
            SERVICE_MISSING,
            f"the Service {namespace}/{backend.name} does not exist.{there}{where}",
            [
                look("See which Services there are.", shell("kubectl -n {} get services", namespace)),
                change(f"Create the Service, or name the right one in the {by}, {IN_GIT}."),
            ],
        )

    def _nothing_ready(self, namespace: str, backend: ServiceBackend, selector: dict[str, str], by: str) -> Lack:
        place, words = f"{namespace}/{backend.name}", ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
        slices = shell("kubectl -n {} get endpointslices -l kubernetes.io/service-name={}", namespace, backend.name)
        if not selector:
            return Lack(
                NO_ENDPOINTS,
                f"the Service {place} has no selector, and no EndpointSlice with a ready address.",
                [look("See which addresses it has, and who writes them.", slices)],
            )
        pods = [pod for subject, pod in self._pods if subject.namespace == namespace and selector.items() <= pod.metadata.labels.items()]
        selected = shell("kubectl -n {} get pods -l {}", namespace, ",".join(f"{key}={value}" for key, value in sorted(selector.items())))
        see = look("See which pods the Service selects, and which of their addresses are ready.", slices, selected)
        if pods:
            names = listed([f"{pod.metadata.name} ({state_of(pod)})" for pod in pods], 4)
            owners = dict.fromkeys(workload_of(pod) for pod in pods)
            silent = dict.fromkeys(pod.spec.node_name for pod in pods if pod.cut_off)
            rests = (*map(Ref.of, owners), *(Ref(RefKind.NODE, name=one) for one in silent))
            fix = [see, change("Repair what keeps these pods from being ready; their events and logs name it.")]
            return Lack(NO_ENDPOINTS, f"the Service {place} selects {words}, and none of its pods is ready: {names}.", fix, rests_on=rests)
        service = Subject(kind="Service", namespace=namespace, name=backend.name)
        return self._no_pod(service, selector, f"the Service {place} selects {words}", see, by)

    def _no_pod(self, service: Subject, selector: dict[str, str], begin: str, see: Step, by: str) -> Lack:
        """No pod is selected: its Deployment is scaled to 0 or gets no pods, or a label differs."""
        namespace = service.namespace
        blind = self._pods.missing_reason(namespace) or self._replica_sets.missing_reason(namespace)
        for name, one in self._newest(namespace).items():
            if not selector.items() <= one.metadata.labels.items():
                continue
            rests = (Ref(RefKind.DEPLOYMENT, namespace, name),)
            if one.spec.replicas == 0:
                cause = f"{begin}, and its Deployment {namespace}/{name} is scaled to 0."
                scale = shell("kubectl -n {} scale deployment {} --replicas=1", namespace, name)
                fix = [
                    change(f"If it is meant to run, scale it up, {IN_GIT}.", scale),
                    change(f"Otherwise remove the {by} as well, {IN_GIT}."),
                ]
                return Lack(NO_ENDPOINTS, cause, fix, Severity.WARNING, rests)
            if not blind:
                return Lack(NO_ENDPOINTS, f"{begin}; its Deployment {namespace}/{name} wants pods and has none.", [see], rests_on=rests)
        if blind:
            return Lack(NO_ENDPOINTS, f"{begin}; why no pod is ready could not be seen: {blind}", [see], Severity.WARNING)
        fix = [
            see,
            change(f"Make the Service's selector and the pods' labels the same, in the chart or {IN_GIT}."),
            edited("service", service),
        ]
        cause = f"{begin}, and no pod has these labels, nor will any Deployment's.{self._nearest(namespace, selector)}"
        return Lack(NO_ENDPOINTS, cause, fix)

    def _newest(self, namespace: str) -> dict[str, ReplicaSet]:
        """The newest revision of each Deployment of a namespace: its labels are those of the pods to come."""
        found: dict[str, ReplicaSet] = {}
        for subject, one in sorted(self._replica_sets, key=lambda each: each[1].revision):
            owner = next((each.name for each in one.metadata.owner_references if each.controller and each.kind == "Deployment"), "")
            if subject.namespace == namespace and owner:
                found[owner] = one
        return found

    def _nearest(self, namespace: str, selector: dict[str, str]) -> str:
        """The pods that have most of the labels, and how they differ."""
        labels = {pod.metadata.name: pod.metadata.labels for subject, pod in self._pods if subject.namespace == namespace}
        shared = {name: len(selector.items() & each.items()) for name, each in labels.items()}
        best = max(shared, key=lambda name: shared[name], default="")
        if not best or not shared[best]:
            return ""
        differing = [f"{key}={labels[best].get(key, '')}" if key in labels[best] else f"no {key}" for key in sorted(selector)]
        wrong = [text for key, text in zip(sorted(selector), differing, strict=True) if labels[best].get(key) != selector[key]]
        return f" Nearest is Pod {best}, with {', '.join(wrong)}."


def _of(subject: Subject, leads: list[Lead], lack: Lack) -> Lack:
    """The same, as clients of these hosts meet it."""
    backend = leads[0].backend
    # Where nothing is ready behind it, it is the Service that is broken, for whatever else leads to it or calls it.
    silent = [Ref(RefKind.SERVICE, leads[0].namespace, backend.name)] if lack.kind == NO_ENDPOINTS else []
    port = f"port {backend.port} of " if backend.port.name or backend.port.number else ""
    answer = "503 or 404 of the Ingress controller" if subject.kind == INGRESS else "an error of the controller"
    hosts = listed(list(dict.fromkeys(one.route for one in leads)), 4)
    in_ingress = subject.kind == INGRESS and lack.kind in (SERVICE_MISSING, PORT_MISSING)
    return replace(
        lack,
        fix=[*lack.fix, edited("ingress", subject)] if in_ingress else lack.fix,
        problem=f"Nothing answers behind {hosts}: clients get {answer}.",
        cause=f"{subject} leads to {port}Service {backend.name}, and {lack.cause}",
        breaks=(Ref.of(subject), *silent),
        rests_on=(*silent, *lack.rests_on),
    )


def _no_port(namespace: str, backend: ServiceBackend, service: Service, by: str) -> Lack:
    ports = ", ".join(f"{one.port} ({one.name})" if one.name else str(one.port) for one in service.spec.ports or []) or "none"
    return Lack(
        PORT_MISSING,
        f"the Service {namespace}/{backend.name} has no port {backend.port}: it has {ports}.",
        [
            look("See which ports it has.", shell("kubectl -n {} get service {}", namespace, backend.name)),
            change(f"Name one of the Service's ports in the {by}, in the chart or {IN_GIT}."),
        ],
    )


def _no_target(namespace: str, backend: ServiceBackend, port: ServicePort) -> Lack:
    return Lack(
        NO_ENDPOINTS,
        f"port {backend.port} of the Service {namespace}/{backend.name} leads to targetPort {port.target_port}, "
        "which no container of its ready pods names.",
        [
            look("See where its ports lead.", shell("kubectl -n {} describe service {}", namespace, backend.name)),
            change(f"Make targetPort a port that the containers have, in the chart or {IN_GIT}."),
        ],
    )


def state_of(pod: Pod) -> str:
    """Why a pod is not ready, in a few words."""
    if pod.cut_off:
        return f"on {pod.spec.node_name}, which does not report"
    for one in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
        if one.state.waiting and one.state.waiting.reason:
            return one.state.waiting.reason
    return pod.status.reason or ("Running, not ready" if pod.status.phase == "Running" else pod.status.phase or "unknown")
