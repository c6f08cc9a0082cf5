"""What the systems of a run said of themselves where its probes asked them anyway: which version they are, how many objects they have.

Nothing is asked for this: a source that no probe of the run reads has said nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterprobe.known_systems import (
    ALERTMANAGER,
    ARGOCD,
    GRAFANA,
    LOKI,
    MLFLOW,
    PROMETHEUS,
    PROMETHEUS_OPERATOR,
    SEALED_SECRETS,
    System,
)
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.diagnosis import reports_on
from clusterprobe.systems.inventory.installations import Installation

# Sources of what only this system answers, each with its replicas' version in what they return.
ANSWERS: Mapping[str, System] = {
    "alertmanager_statuses": ALERTMANAGER,
    "grafana_health": GRAFANA,
    "loki_build": LOKI,
    "mlflow_alive": MLFLOW,
    "prometheus_pressure": PROMETHEUS,
}
# Sources of one kind of custom resource, of which system, and what kubectl calls that kind.
OBJECTS: Mapping[str, tuple[System, str]] = {
    "applications": (ARGOCD, "applications.argoproj.io"),
    "alertmanager_configs": (PROMETHEUS_OPERATOR, "alertmanagerconfigs.monitoring.coreos.com"),
    "pod_monitors": (PROMETHEUS_OPERATOR, "podmonitors.monitoring.coreos.com"),
    "prometheus_rules": (PROMETHEUS_OPERATOR, "prometheusrules.monitoring.coreos.com"),
    "prometheuses": (PROMETHEUS_OPERATOR, "prometheuses.monitoring.coreos.com"),
    "sealed_secrets": (SEALED_SECRETS, "sealedsecrets.bitnami.com"),
    "service_monitors": (PROMETHEUS_OPERATOR, "servicemonitors.monitoring.coreos.com"),
}
KINDS = "custom_kinds"
CONFIRMING = (*ANSWERS, *OBJECTS, KINDS)


@dataclass(frozen=True, slots=True)
class Confirmations:
    """The version of each pod that answered, by system, namespace and name; empty where it does not say.

    `objects` counts the objects of each kind (`plural.group`) of which every one was read, and there is any. `groups` are those, and their
    kinds, of which an object says by its conditions how it is.
    """

    answers: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()

    def versions(self, one: Installation) -> list[str]:
        """The versions that the pods of an installation answer with."""
        keys = ((one.system.key, pod.namespace, pod.name) for pod in one.pods)
        return sorted({self.answers[key] for key in keys if self.answers.get(key)})

    def counts(self, system: System) -> dict[str, int]:
        """How many objects there are of each kind that a system's controllers look after, as far as they were read."""
        own = {*system.groups, *(kind for one, kind in OBJECTS.values() if one is system)}
        return {kind: count for kind, count in self.objects.items() if own & {kind, kind.partition(".")[2]}}

    def hears(self, system: System) -> bool:
        """Whether any object of a system says how it is."""
        return not self.groups.isdisjoint(system.groups)


def confirmations(readings: Mapping[str, Readings[Any]]) -> Confirmations:
    """Gather them from readings by the name of their source; one that is not there was not read."""
    answers = {
        (system.key, subject.namespace, subject.name): str(value.version).removeprefix("v")
        for name, system in ANSWERS.items()
        for subject, value in readings.get(name, Readings())
    }
    objects = {kind: len(read) for name, (_, kind) in OBJECTS.items() if (read := readings.get(name, Readings())).complete and len(read)}
    custom = readings.get(KINDS, Readings())
    for one in custom.items:
        half = any(unread.subject.kind in (one.kind, f"{one.kind}List") for unread in custom.unreadable)
        if one.objects and not half:
            objects[one.resource] = len(one.objects)
    groups = frozenset(name for one in custom.items if reports_on(one) for name in (one.group, one.resource))
    return Confirmations(answers, dict(sorted(objects.items())), groups)
