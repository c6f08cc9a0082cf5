"""Whether a monitor that is selected leads to anything: the link of its chain that is missing, as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.servers import leads_to
from clusterprobe.systems.kubernetes.objects import LabelSelector, Namespace, Pod, Service
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.objects import SERVICE_MONITORS, VM_SERVICE_SCRAPES, Monitor, MonitorEndpoint
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.times import epoch

_SYSTEM = "kube-system"
SETTLING_SECONDS = 300  # the Operator, the reload of the configuration, and service discovery

MOST_ALIKE = 3  # of more, nothing tells which is meant

OF_SERVICES = (SERVICE_MONITORS.kind, VM_SERVICE_SCRAPES.kind)
"""The kinds that select Services."""

State = Literal["nothing to select", "port missing", "no pod behind", "nothing ready", "without targets", "unknown"]


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a monitor leads.

    `selected` are the Services or pods that it selects, as `namespace/name`. `wanted` are the port names that none of them has, `there`
    those that they have. `whole` tells that no endpoint is left that would lead to something. `places` is where it looks, `absent` those
    of them that do not exist. `near` is what it may be meant for: of one that selects nothing what has those labels in another namespace
    (`elsewhere`), or leads to pods that have them; of a Service that leads to no pod, the pods that it may be meant for. `alike` is what
    has the labels by name, each with those of other values as `key=value`.
    """

    state: State
    selected: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    whole: bool = True
    places: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    alike: tuple[tuple[str, str], ...] = ()


class Ground:
    """The Services and pods that monitors select, and the namespaces in which they look."""

    def __init__(self, services: Readings[Service], pods: Readings[Pod], namespaces: Readings[Namespace], now: float) -> None:
        self._services, self._pods, self._now = services, pods, now
        self._there = {one.metadata.name for one in namespaces.items} if namespaces.complete else set()
        self._by_namespace: dict[str, list[Pod]] = defaultdict(list)
        for pod in pods.items:
            self._by_namespace[pod.metadata.namespace].append(pod)

    def chain(self, kind: str, monitor: Monitor) -> Chain:
        """The first link of a ServiceMonitor or PodMonitor that is missing; where targets should follow, `without targets`."""
        places = namespaces_of(monitor)
        if kind in OF_SERVICES:
            return self._of_services(monitor, places)
        return self._of_pods(monitor, places)

    def _of_services(self, monitor: Monitor, places: tuple[str, ...]) -> Chain:
        selector = monitor.spec.selector
        found = [one for one in self._services.items if _in(places, one.metadata.namespace) and _matches(selector, one.metadata.labels)]
        if not found:
            lead = [one for one in self._services.items if _in(places, one.metadata.namespace) and _asks_for(selector, one)]
            return self._nothing(self._services, places, selector, tuple(map(_place, lead)))
        names = tuple(map(_place, found))
        there = {port.name for one in found for port in one.spec.ports or [] if port.name}
        missing = _missing(monitor.spec.endpoints or [], there)
        if missing and not self._blind(self._services, places):
            return Chain("port missing", names, missing, tuple(sorted(there)), whole=len(missing) == len(monitor.spec.endpoints or []))
        behind = [pod for one in found for pod in self._by_namespace[one.metadata.namespace] if leads_to(one, pod)]
        if not behind and (near := self._meant(found, selector)) and not self._blind(self._pods, places):
            return Chain("no pod behind", names, near=near)
        return Chain("without targets" if any(map(self._ready, behind)) else "nothing ready", names)

    def _nothing(self, readings: Any, places: tuple[str, ...], selector: LabelSelector | None, near: tuple[str, ...] = ()) -> Chain:
        """One that selects nothing where it looks; what has these labels in another namespace may be what it is meant for."""
        if self._blind(readings, places):
            return Chain("unknown", places=places)
        other = [_place(one) for one in readings.items if places and _names(selector, one.metadata.labels)]
        absent = tuple(one for one in places if self._there and one not in self._there)
        alike = () if other or near else _alike(selector, [one for one in readings.items if _in(places, one.metadata.namespace)])
        return Chain("nothing to select", places=places, absent=absent, elsewhere=tuple(other), near=near, alike=alike)

    def _meant(self, services: list[Service], selector: LabelSelector | None) -> tuple[str, ...]:
        """The pods that Services without any may be meant for: they have the monitor's labels, or are of a workload called like one."""
        found = []
        for one in services:
            if not one.spec.selector or one.metadata.namespace == _SYSTEM:
                return ()  # its endpoints are made otherwise, or the control plane that it is for runs elsewhere
            named = one.metadata.name
            pods = self._by_namespace[one.metadata.namespace]
            found += [pod for pod in pods if _names(selector, pod.metadata.labels) or workload_of(pod).name == named]
        return tuple(dict.fromkeys(map(_place, found)))

    def _of_pods(self, monitor: Monitor, places: tuple[str, ...]) -> Chain:
        selector = monitor.spec.selector
        found = [one for one in self._pods.items if _in(places, one.metadata.namespace) and _matches(selector, one.metadata.labels)]
        if not found:
            return self._nothing(self._pods, places, selector)
        names = tuple(map(_place, found))
        there = {port.name for one in found for each in one.spec.containers for port in each.ports or [] if port.name}
        endpoints = monitor.spec.pod_metrics_endpoints or []
        missing = _missing(endpoints, there)
        if missing and not self._blind(self._pods, places):
            return Chain("port missing", names, missing, tuple(sorted(there)), whole=len(missing) == len(endpoints))
        return Chain("without targets" if any(map(self._ready, found)) else "nothing ready", names)

    def _ready(self, pod: Pod) -> bool:
        """Whether it has been ready for so long that it should be a target."""
        ready = next((one for one in pod.status.conditions or [] if one.type == "Ready" and one.status == "True"), None)
        since = epoch(ready.last_transition_time) if ready else None
        return pod.running and since is not None and self._now - since >= SETTLING_SECONDS

    @staticmethod
    def _blind(readings: Readings[Service] | Readings[Pod], places: tuple[str, ...]) -> bool:
        return not readings.complete if not places else any(readings.missing_reason(one) for one in places)


def namespaces_of(monitor: Monitor) -> tuple[str, ...]:
    """Where a monitor looks; empty for everywhere."""
    own = monitor.spec.namespace_selector
    if own is not None and own.any:
        return ()
    return tuple(own.match_names or []) if own is not None and own.match_names else (monitor.metadata.namespace,)


def _in(places: tuple[str, ...], namespace: str) -> bool:
    return not places or namespace in places


def _matches(selector: LabelSelector | None, labels: dict[str, str]) -> bool:
    return selector is None or selector.matches(labels)


def _asks_for(selector: LabelSelector | None, service: Service) -> bool:
    """Whether a Service asks for pods with the labels that it should have itself: the frequent mistake."""
    return _names(selector, service.spec.selector or {})


def _names(selector: LabelSelector | None, labels: dict[str, str]) -> bool:
    """Whether a selector that asks for labels finds them here: one that asks for none finds everything."""
    return selector is not None and bool(selector.match_labels) and selector.matches(labels)


def _alike(selector: LabelSelector | None, there: Sequence[Service | Pod]) -> tuple[tuple[str, str], ...]:
    """What carries the labels that are asked for by name, and fits best in their values; none where many do."""
    if selector is None or not selector.match_labels:
        return ()
    wanted, others = selector.match_labels, {}
    for one in there:
        labels = one.metadata.labels
        if wanted.keys() <= labels.keys() and all(each.met_by(labels) for each in selector.match_expressions):
            others[_place(one)] = {key: labels[key] for key, value in wanted.items() if labels[key] != value}
    fewest = min(map(len, others.values()), default=0)
    best = {place: labels for place, labels in others.items() if len(labels) == fewest}
    if len(best) > MOST_ALIKE:
        return ()
    return tuple((place, ", ".join(f"{key}={value}" for key, value in labels.items())) for place, labels in best.items())


def _place(one: Service | Pod) -> str:
    return f"{one.metadata.namespace}/{one.metadata.name}"


def _missing(endpoints: list[MonitorEndpoint], there: set[str]) -> tuple[str, ...]:
    """The names of ports that nothing has; an endpoint that goes by number, or by a pod's own port, is not judged."""
    return tuple(
        one.port for one in endpoints if one.port and one.target_port is None and one.port_number is None and one.port not in there
    )


# --- scraped twice ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Twice:
    """Targets with one URL, of one Prometheus: the pools that they are in, and the Services that they were found by.

    `alike` tells that they are scraped with the same interval, so that no one wanted two of them.
    """

    pools: tuple[str, ...]
    services: tuple[str, ...]
    urls: tuple[str, ...]
    alike: bool
    jobs: tuple[str, ...]


def scraped_twice(targets: list[Target]) -> list[Twice]:
    """The targets that are there more than once by their URL, in groups with the same pools and Services."""
    by_url: dict[str, list[Target]] = defaultdict(list)
    for one in targets:
        by_url[one.scrape_url].append(one)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...], bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for url, ones in by_url.items():
        if len(ones) > 1 and url:
            pools = tuple(sorted({one.scrape_pool for one in ones}))
            services = tuple(sorted({_service(one) for one in ones} - {""}))
            jobs = tuple(sorted({one.labels.get("job", "") for one in ones} - {""}))
            groups[pools, services, len({one.scrape_interval for one in ones}) == 1, jobs].append(url)
    return [Twice(pools, services, tuple(sorted(urls)), alike, jobs) for (pools, services, alike, jobs), urls in groups.items()]


def _service(target: Target) -> str:
    return target.discovered.service and f"{target.namespace}/{target.discovered.service}"
