"""AlertmanagerConfig objects: what a team writes for itself, and which Alertmanager takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.formats.alertmanager_config import Configuration
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Condition, LabelSelector, ManagedMetadata, Namespace, Object
from clusterprobe.systems.prometheus.objects import GROUP
from clusterprobe.times import epoch

CONFIG_OBJECTS = Resource("v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig", GROUP)


class ReceiverName(Object):
    name: str = ""


class RouteOfObject(Object):
    """Of the `routes` below it, which the API server takes whatever they are, only the receivers that they name are kept, at any depth."""

    receiver: str = ""
    routes: list[Any] | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "routes", list(_receivers(self.routes or [])))


def _receivers(routes: list[Any]) -> Iterator[str]:
    left = list(routes)
    while left:
        match left.pop():
            case str() as kept:
                yield kept
            case dict() as one:
                if isinstance(name := one.get("receiver"), str):
                    yield name
                left += below if isinstance(below := one.get("routes"), list) else []


class ConfigObjectSpec(Object):
    """Its receivers by name only: what they hold is not kept."""

    route: RouteOfObject | None = None
    receivers: list[ReceiverName] | None = None

    @property
    def undefined(self) -> list[str]:
        """The receivers that its routes name and that it does not define, so that the Operator refuses it."""
        defined = {one.name for one in self.receivers or []}
        named = [self.route.receiver, *(self.route.routes or [])] if self.route else []
        return [one for one in dict.fromkeys(named) if one and one not in defined]


class Binding(Object):
    """What the Operator says of it, for one Alertmanager."""

    name: str = ""
    namespace: str = ""
    conditions: list[Condition] | None = None


class ConfigObjectStatus(Object):
    bindings: list[Binding] | None = None


class ConfigObject(Object):
    metadata: ManagedMetadata
    spec: ConfigObjectSpec = msgspec.field(default_factory=ConfigObjectSpec)
    status: ConfigObjectStatus = msgspec.field(default_factory=ConfigObjectStatus)

    def touched_since(self, moment: float) -> bool:
        """Whether it was made or changed since; what the Operator writes into its status is no change."""
        times = [self.metadata.creation_timestamp, *(one.time for one in self.metadata.managed if not one.subresource)]
        return any((epoch(one) or 0) >= moment for one in times)

    def refused_by(self, place: tuple[str, str]) -> str:
        """Why the Operator did not accept it for an Alertmanager, in its own words; empty where it does not say."""
        for one in self.status.bindings or []:
            if (one.namespace, one.name) == place:
                refusals = [each for each in one.conditions or [] if each.type == "Accepted" and each.status == "False"]
                return next((each.message or each.reason for each in refusals), "")
        return ""

    def effective_in(self, configuration: Configuration) -> bool:
        """Whether a configuration has its receivers, which the Operator names after it."""
        beginning = f"{self.metadata.namespace}/{self.metadata.name}/"
        return any(one.name.startswith(beginning) for one in configuration.receivers)


@source(Call("list", CONFIG_OBJECTS.plural, GROUP))
def alertmanager_configs(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[ConfigObject]:
    """The AlertmanagerConfig objects: their labels and the names of their receivers, no address and no key."""
    return list_custom(cluster, served, namespaces, CONFIG_OBJECTS, ConfigObject)


@dataclass(frozen=True, slots=True)
class Selection:
    """Whether an Alertmanager selects an AlertmanagerConfig. `why_not` is a whole clause about it; `missing` are labels that would do."""

    alertmanager: Alertmanager
    selected: bool
    why_not: str = ""
    missing: Mapping[str, str] | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.alertmanager.metadata.namespace, self.alertmanager.metadata.name


def selections(one: ConfigObject, alertmanagers: Iterable[Alertmanager], labels: Mapping[str, Mapping[str, str]]) -> list[Selection]:
    """What each Alertmanager makes of it; `labels` are those of the namespaces."""
    return [_selection(one, each, labels.get(one.metadata.namespace, {})) for each in alertmanagers]


def _selection(one: ConfigObject, by: Alertmanager, of_namespace: Mapping[str, str]) -> Selection:
    spec, own = by.spec, by.metadata.namespace
    globally = spec.alertmanager_configuration
    if globally and (globally.name, own) == (one.metadata.name, one.metadata.namespace):
        return Selection(by, selected=True)
    chosen, places = spec.alertmanager_config_selector, spec.alertmanager_config_namespace_selector
    if chosen is None:
        return Selection(by, selected=False, why_not="its `alertmanagerConfigSelector` is not set, so that it selects none")
    if places is None and own != one.metadata.namespace:
        return Selection(
            by, selected=False, why_not=f"its `alertmanagerConfigNamespaceSelector` is not set, so that it looks into {own} only"
        )
    if places is not None and not places.matches(dict(of_namespace)):
        return Selection(by, selected=False, why_not=f"its `alertmanagerConfigNamespaceSelector` asks for namespaces with {places}")
    if not chosen.matches(one.metadata.labels):
        return Selection(by, selected=False, why_not=f"its `alertmanagerConfigSelector` asks for {chosen}", missing=_missing(chosen, one))
    return Selection(by, selected=True)


def _missing(selector: LabelSelector, one: ConfigObject) -> dict[str, str] | None:
    """The labels that would have it selected; None where that is not certain."""
    if selector.match_expressions:
        return None
    return {key: value for key, value in selector.match_labels.items() if one.metadata.labels.get(key) != value}


def taken_by(one: Alertmanager, configs: Readings[ConfigObject], namespaces: Readings[Namespace]) -> list[tuple[Subject, ConfigObject]]:
    """Those that an Alertmanager selects."""
    labels = {each.metadata.name: each.metadata.labels for each in namespaces.items}
    return [(subject, each) for subject, each in configs if _selection(each, one, labels.get(each.metadata.namespace, {})).selected]


def unselected(
    configs: Readings[ConfigObject], alertmanagers: Readings[Alertmanager], labels: Mapping[str, Mapping[str, str]]
) -> list[tuple[Subject, ConfigObject, list[Selection]]]:
    """Those that no Alertmanager selects, with what each says to it."""
    found = [(subject, one, selections(one, alertmanagers.items, labels)) for subject, one in configs]
    return [(subject, one, each) for subject, one, each in found if not any(by.selected for by in each)]
