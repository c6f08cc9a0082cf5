"""What a Prometheus selects: its five kinds of selectors, the namespaces that they reach, and what its operator watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe.access.cluster import Resource
from clusterprobe.environment_names import speaks_of
from clusterprobe.environments import Environments
from clusterprobe.known_systems import PROMETHEUS_OPERATOR, VICTORIAMETRICS_OPERATOR
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod, of_system, recognise
from clusterprobe.systems.kubernetes.objects import LabelSelector, Metadata, Namespace, Pod, Workload
from clusterprobe.systems.prometheus.objects import (
    POD_MONITORS,
    PROBES,
    RULES,
    SCRAPE_CONFIGS,
    SERVICE_MONITORS,
    VM_NODE_SCRAPES,
    VM_POD_SCRAPES,
    VM_PROBES,
    VM_RULES,
    VM_SCRAPE_CONFIGS,
    VM_SERVICE_SCRAPES,
    VM_STATIC_SCRAPES,
    Prometheus,
)

NAMESPACE_NAME = "kubernetes.io/metadata.name"  # set by the API server on every namespace


@dataclass(frozen=True, slots=True)
class Selected:
    """One kind of selected objects, and the two fields of what selects it. Those of VictoriaMetrics have no `stem` of a Prometheus."""

    resource: Resource
    stem: str
    field: str

    def labels_of(self, prometheus: Prometheus) -> LabelSelector | None:
        if prometheus.spec.selects is not None or not self.stem:
            one = (prometheus.spec.selects or {}).get(self.resource.kind)
            return one.labels if one else None
        selector: LabelSelector | None = getattr(prometheus.spec, f"{self.stem}_selector")
        return selector

    def places_of(self, prometheus: Prometheus) -> LabelSelector | None:
        if prometheus.spec.selects is not None or not self.stem:
            one = (prometheus.spec.selects or {}).get(self.resource.kind)
            return one.places if one else None
        selector: LabelSelector | None = getattr(prometheus.spec, f"{self.stem}_namespace_selector")
        return selector

    @property
    def taker(self) -> str:
        """What selects it, for a sentence."""
        return "Prometheus" if self.stem else "VMAlert" if self.resource is VM_RULES else "VMAgent"

    def concerns(self, prometheus: Prometheus) -> bool:
        """Whether it is a kind that the object's own operator knows."""
        return bool(self.stem) != prometheus.of_victoriametrics


SELECTED = (
    Selected(SERVICE_MONITORS, "service_monitor", "serviceMonitorSelector"),
    Selected(POD_MONITORS, "pod_monitor", "podMonitorSelector"),
    Selected(PROBES, "probe", "probeSelector"),
    Selected(SCRAPE_CONFIGS, "scrape_config", "scrapeConfigSelector"),
    Selected(RULES, "rule", "ruleSelector"),
    Selected(VM_SERVICE_SCRAPES, "", "serviceScrapeSelector"),
    Selected(VM_POD_SCRAPES, "", "podScrapeSelector"),
    Selected(VM_PROBES, "", "probeSelector"),
    Selected(VM_SCRAPE_CONFIGS, "", "scrapeConfigSelector"),
    Selected(VM_STATIC_SCRAPES, "", "staticScrapeSelector"),
    Selected(VM_NODE_SCRAPES, "", "nodeScrapeSelector"),
    Selected(VM_RULES, "", "ruleSelector"),
)
MONITORS = tuple(one for one in SELECTED if one.resource not in (RULES, VM_RULES))
BY_KIND = {one.resource.kind: one for one in SELECTED}
COPIES = {
    SERVICE_MONITORS.kind: VM_SERVICE_SCRAPES.kind,
    POD_MONITORS.kind: VM_POD_SCRAPES.kind,
    PROBES.kind: VM_PROBES.kind,
    SCRAPE_CONFIGS.kind: VM_SCRAPE_CONFIGS.kind,
    RULES.kind: VM_RULES.kind,
}
"""What VictoriaMetrics' operator makes of the Prometheus Operator's objects, under the same name, and then scrapes or evaluates."""


def places_field(kind: Selected) -> str:
    """The field of a Prometheus that says in which namespaces it looks for a kind."""
    return kind.field.replace("Selector", "NamespaceSelector")


def of_kinds(*several: Readings[Any]) -> list[tuple[Selected, Readings[Any]]]:
    """Every kind that can be selected, with what there is of it."""
    found: dict[str, list[tuple[Subject, Any]]] = {one: [] for one in BY_KIND}
    for readings in several:
        for subject, one in readings:
            found[subject.kind].append((subject, one))
    return [(one, Readings(tuple(found[one.resource.kind]))) for one in SELECTED]


# --- the operators ----------------------------------------------------------------------------------------------------


class Operator(msgspec.Struct, frozen=True):
    """What one Prometheus Operator watches, or VictoriaMetrics' (`victoriametrics`). None means every namespace.

    `instances` are the namespaces whose Prometheus objects it manages, `objects` those whose monitors and rules it sees.
    `unclear` names an argument whose value cannot be told from the pod.
    """

    instances: list[str] | None
    objects: list[str] | None
    denied: list[str]
    controller_id: str
    unclear: str
    alertmanager_instances: list[str] | None = None
    ready: bool = True
    started: str = ""
    victoriametrics: bool = False

    def manages(self, prometheus: Prometheus) -> bool:
        if self.victoriametrics != prometheus.of_victoriametrics:
            return False
        if self.controller_id != prometheus.metadata.annotations.controller_id:
            return False
        namespace = prometheus.metadata.namespace
        return namespace in self.instances if self.instances is not None else self.sees(namespace)

    def keeps(self, metadata: Metadata) -> bool:
        """Whether it manages an Alertmanager object with this metadata."""
        if self.victoriametrics:
            return False
        if self.controller_id != metadata.annotations.controller_id:
            return False
        own = self.alertmanager_instances
        return metadata.namespace in own if own is not None else self.sees(metadata.namespace)

    def sees(self, namespace: str) -> bool:
        return (self.objects is None or namespace in self.objects) and namespace not in self.denied


@source()
def prometheus_operators(system_pods: Readings[SystemPod]) -> Readings[Operator]:
    """What each Prometheus Operator watches, from the arguments of its pod; and each of VictoriaMetrics, which says so elsewhere."""
    operators = of_system(system_pods, PROMETHEUS_OPERATOR, VICTORIAMETRICS_OPERATOR)
    found: Collector[Operator] = Collector(unreadable=list(operators.unreadable))
    for subject, one in operators:
        if one.main is not None and not one.pod.metadata.deletion_timestamp:
            told = _operator([*(one.main.command or []), *(one.main.args or [])])
            theirs = one.system is VICTORIAMETRICS_OPERATOR
            started = one.pod.status.start_time or ""
            found.add(subject, msgspec.structs.replace(told, ready=one.pod.ready, started=started, victoriametrics=theirs))
    return found.readings(of_system(system_pods, PROMETHEUS_OPERATOR).absent)


def idle_operators(deployments: Readings[Workload], profile: Profile) -> list[tuple[Subject, Operator]]:
    """The Deployments of Prometheus Operators that are scaled to 0, with what each would watch."""
    found = []
    for subject, one in deployments:
        pod = None if one.wanted or one.status.replicas else recognise(Pod(one.metadata, one.spec.template.spec), profile)
        if pod is not None and pod.system is PROMETHEUS_OPERATOR and pod.main is not None:
            found.append((subject, _operator([*(pod.main.command or []), *(pod.main.args or [])])))
    return found


_FLAGS = ("namespaces", "deny-namespaces", "prometheus-instance-namespaces", "alertmanager-instance-namespaces")


def _operator(arguments: list[str]) -> Operator:
    given = flags(arguments)
    watched = [name for name in _FLAGS if "$(" in given.get(name, "")]
    return Operator(
        instances=_names(given.get("prometheus-instance-namespaces", "")) or None,
        alertmanager_instances=_names(given.get("alertmanager-instance-namespaces", "")) or None,
        objects=_names(given.get("namespaces", "")) or None,
        denied=_names(given.get("deny-namespaces", "")),
        controller_id=given.get("controller-id", ""),
        unclear=f"its argument --{watched[0]} comes from its environment" if watched else "",
    )


def flags(arguments: list[str]) -> dict[str, str]:
    """Go's flags: `--name=value`, `-name=value`, or the value as the next argument."""
    found: dict[str, str] = {}
    for index, one in enumerate(arguments):
        name, equals, value = one.lstrip("-").partition("=")
        if one.startswith("-"):
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            found[name] = value if equals or following.startswith("-") else following
    return found


def _names(value: str) -> list[str]:
    return [one.strip() for one in value.split(",") if one.strip()]


# --- what is taken ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taking:
    """One Prometheus (or agent) with the operators that manage it. `blind` says why its reach is not known."""

    subject: Subject
    prometheus: Prometheus
    operators: tuple[Operator, ...]
    blind: str

    def reaches(self, kind: Selected, namespace: str, labels: dict[str, str] | None) -> bool | None:
        """Whether it looks for objects of a kind in a namespace; None if that cannot be told."""
        if kind.labels_of(self.prometheus) is None:
            return False
        places = kind.places_of(self.prometheus)
        if places is None:
            return namespace == self.prometheus.metadata.namespace and self._watched(namespace)
        if not places.is_empty and labels is None:
            return None
        if not places.matches({NAMESPACE_NAME: namespace, **(labels or {})}):
            return False
        return self._watched(namespace)

    def takes(self, kind: Selected, metadata: Metadata, labels: dict[str, str] | None) -> bool | None:
        """Whether it takes an object, given its namespace's labels; None if that cannot be told."""
        selector = kind.labels_of(self.prometheus)
        if selector is None or not selector.matches(metadata.labels):
            return False
        return self.reaches(kind, metadata.namespace, labels)

    def _watched(self, namespace: str) -> bool | None:
        if any(one.sees(namespace) for one in self.operators):
            return True
        return None if self.blind else False


def takings(prometheuses: Iterable[tuple[Subject, Prometheus]], operators: Readings[Operator]) -> list[Taking]:
    """Every Prometheus object with what its operators watch; but for those of VictoriaMetrics that select nothing."""
    return [_taking(subject, one, operators) for subject, one in prometheuses if one.spec.selects != {}]


def _taking(subject: Subject, prometheus: Prometheus, operators: Readings[Operator]) -> Taking:
    own = tuple(one for one in operators.items if not one.unclear and one.manages(prometheus))
    unclear = next((one.unclear for one in operators.items if one.unclear), "")
    blind = operators.unreadable[0].reason if operators.unreadable else unclear
    if not own and not blind:
        whose = "VictoriaMetrics operator" if prometheus.of_victoriametrics else "Prometheus Operator"
        blind = f"no {whose} that was found manages it, so what it selects is not known"
    return Taking(subject, prometheus, own, blind)


def labels_by_namespace(namespaces: Readings[Namespace]) -> dict[str, dict[str, str]]:
    """The labels of the namespaces that were really listed: where they were not, only the names are known."""
    if not namespaces.complete:
        return {}
    return {one.metadata.name: one.metadata.labels for one in namespaces.items}


# --- selectors compared and named ---------------------------------------------------------------------------------------


def describe(selector: LabelSelector | None) -> str:
    """A selector of objects in words: absent takes nothing, `{}` everything."""
    return "absent (nothing)" if selector is None else str(selector)


def describe_places(selector: LabelSelector | None) -> str:
    if selector is None:
        return "absent (its own)"
    return "{} (all)" if selector.is_empty else str(selector)


def sample_labels(selector: LabelSelector) -> dict[str, str]:
    """Labels that an object meant for this selector carries."""
    wanted = dict(selector.match_labels)
    for one in selector.match_expressions:
        if one.operator == "In" and one.values_:
            wanted.setdefault(one.key, one.values_[0])
        elif one.operator == "Exists":
            wanted.setdefault(one.key, "any")
    return wanted


def sure_labels(selector: LabelSelector) -> dict[str, str]:
    """The labels of which a selector leaves no choice of the value."""
    several = {one.key for one in selector.match_expressions if one.operator == "In" and len(one.values_ or []) != 1}
    return {key: value for key, value in asked(selector) if key not in several or key in selector.match_labels}


def alike(mine: LabelSelector | None, theirs: LabelSelector | None) -> bool:
    """Whether what is made for their selector is taken by mine, too."""
    if mine is None or theirs is None:
        return False
    return mine.is_empty or (not theirs.is_empty and mine.matches(sample_labels(theirs)))


def asked(selector: LabelSelector | None) -> Iterator[tuple[str, str]]:
    """The (label, value) pairs that a selector asks for."""
    for key, value in selector.match_labels.items() if selector else ():
        yield key, value
    for one in selector.match_expressions if selector else ():
        for value in one.values_ or [] if one.operator == "In" else []:
            yield one.key, value


def names_environment(selector: LabelSelector | None, environment: str) -> bool:
    """Whether one of the values that a selector asks for has the environment's name in it."""
    return any(speaks_of(value, environment) for _, value in asked(selector))


def shared_labels(selector: LabelSelector | None, labels: Mapping[str, str]) -> list[str]:
    """By which of its labels an object was selected, as `release: monitoring`."""
    return [f"{key}: {labels[key]}" for key in dict(asked(selector)) if key in labels]


def through(selector: LabelSelector | None, labels: dict[str, str]) -> str:
    """By what of its labels an object was selected, for a sentence."""
    if selector is None or selector.is_empty:
        return "a selector that matches everything ({})"
    shared = [f"`{one}`" for one in shared_labels(selector, labels)]
    return f"the shared label {', '.join(shared)}" if shared else f"the selector {selector}"


REVIEW = ["Environment", "Prometheus", "Kind", "Selector", "Namespaces", "Names its environment", "Differs from the others"]


def review(every: list[Taking], environments: Environments) -> list[list[str]]:
    """A reviewer's checklist: a row for each Prometheus and kind, in the columns of `REVIEW`."""
    rows = []
    for mine in every:
        own = environments.of(mine.subject.namespace)
        rivals = [one for one in every if environments.of(one.subject.namespace) not in ("", own)]
        for kind in (one for one in SELECTED if one.concerns(mine.prometheus)):
            selector, places = kind.labels_of(mine.prometheus), kind.places_of(mine.prometheus)
            same = [one.subject.namespace for one in rivals if alike(selector, kind.labels_of(one.prometheus))]
            named = "-" if selector is None or not own else "yes" if names_environment(selector, own) else "no"
            differs = "-" if selector is None or not rivals else f"no: as in {', '.join(same)}" if same else "yes"
            name = f"{mine.subject.namespace}/{mine.subject.name}"
            rows.append([own or "(shared)", name, kind.resource.kind, describe(selector), describe_places(places), named, differs])
    return rows
