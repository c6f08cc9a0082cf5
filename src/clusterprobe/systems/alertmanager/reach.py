"""Whom the critical alerts of a cluster would reach through one Alertmanager: which labels they have, and where each ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.alerts import Arrived
from clusterprobe.systems.alertmanager.routing import Delivery, deliveries, inhibited_by, possible_deliveries
from clusterprobe.systems.formats.alertmanager_config import Configuration, Inhibition, walk
from clusterprobe.systems.prometheus.alerting import LoadedRules
from clusterprobe.systems.prometheus.objects import Prometheus

EXAMPLE = "ClusterprobeExample"
ALWAYS_FIRES = "Watchdog"
CRITICAL = {"severity": "critical"}
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alert:
    """A critical alert that may come: of a namespace (empty: of none), with the labels that are known of it."""

    namespace: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an alert: its ways, and which of them lead to somebody. `inhibited_by` is a rule that holds it back for ever."""

    alert: Alert
    ends: list[Delivery]
    good: list[Delivery]
    inhibited_by: Inhibition | None = None
    others: set[str] = field(default_factory=set)

    @property
    def arrives(self) -> bool:
        return bool(self.good) and self.inhibited_by is None

    @property
    def muted_by(self) -> str:
        """The interval by which it is muted at all times, where nothing else keeps it."""
        return next((one.muted_by for one in self.ends if one.muted_by), "")


class Senders:
    """What the Prometheuses of a cluster add to the alerts that they send, and the labels that their critical rules give."""

    def __init__(self, prometheuses: Readings[Prometheus], rules: Readings[LoadedRules], arrived: Readings[Arrived]) -> None:
        self._prometheuses, self._rules, self._arrived = prometheuses.items, rules, arrived
        self.complete = prometheuses.complete and rules.complete and arrived.complete

    def heartbeats(self, replica: Subject) -> list[Labels]:
        """The alerts that always fire, as this replica holds them."""
        held = [one for subject, one in self._arrived if subject == replica]
        return [each.labels for one in held for each in one.alerts if each.labels.get("alertname") == ALWAYS_FIRES]

    def alerts(self, namespaces: Iterable[str], place: str, replica: Subject, names: set[str]) -> list[Alert]:
        """The critical alerts that may come to an Alertmanager in the namespace `place`, each once as far as the labels `names` differ."""
        senders = [one for one in self._prometheuses if place in _destinations(one)]
        senders = senders or [one for one in self._prometheuses if not _destinations(one)]
        added = [_external_labels(one) for one in senders] or [_without_those_of_its_rule(one) for one in self.heartbeats(replica)] or [{}]
        rules = self._critical({one.metadata.namespace for one in senders}) or [{**CRITICAL, "alertname": EXAMPLE}]
        found: dict[tuple[str, str], Alert] = {}
        for namespace in namespaces:
            for outer in added:
                for rule in rules:
                    labels = {**outer, **({"namespace": namespace} if namespace else {}), **rule}
                    alike = str(sorted((name, value) for name, value in labels.items() if name in names))
                    found.setdefault((namespace, alike), Alert(namespace, labels))
        return list(found.values())

    def _critical(self, namespaces: set[str]) -> list[dict[str, str]]:
        """The labels that critical rules give, of the Prometheuses in these namespaces; of all where none is known to send."""
        loaded = [one for subject, one in self._rules if not namespaces or subject.namespace in namespaces]
        alerting = [one for each in loaded for file in each.files for one in file.alerting]
        return [{**one.labels, "alertname": one.name} for one in alerting if one.labels.get("severity") == "critical"]


_OF_THE_RULE = frozenset({"alertname", "severity"})


def _without_those_of_its_rule(labels: Labels) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in _OF_THE_RULE}


def _external_labels(one: Prometheus) -> dict[str, str]:
    name = one.spec.prometheus_external_label_name
    own = {} if name == "" else {name or "prometheus": f"{one.metadata.namespace}/{one.metadata.name}"}
    return {**own, **(one.spec.external_labels or {})}


def _destinations(one: Prometheus) -> set[str]:
    """The namespaces of the Alertmanagers that its object names."""
    named = (one.spec.alerting.alertmanagers if one.spec.alerting else None) or []
    return {each.namespace or one.metadata.namespace for each in named}


def names_in(configuration: Configuration) -> set[str]:
    """The labels that a configuration asks for."""
    found = {one.name for route in walk(configuration.route) for one in route.matchers}
    for rule in configuration.inhibitions:
        found |= {*rule.equal, *(one.name for one in (*rule.source, *rule.target))}
    return found


def fate_of(configuration: Configuration, alert: Alert, firing: list[Labels]) -> Fate:
    """What becomes of an alert. Raises `Undecidable`."""
    ends = deliveries(configuration, alert.labels)
    good = [one for one in ends if _reaches(configuration, one)]
    rules = (inhibited_by(configuration, alert.labels, one) for one in firing)
    inhibited = next((one for one in rules if one), None)
    others = set() if good else set(_other_labels(configuration, alert.labels))
    return Fate(alert, ends, good, inhibited, others)


def _reaches(configuration: Configuration, end: Delivery) -> bool:
    return not configuration.receiver(end.receiver).is_sink and not end.muted_by


def _other_labels(configuration: Configuration, labels: Labels) -> Iterator[str]:
    """The labels on which it depends whether such an alert arrives after all; never that of the namespace, which is known."""
    for way in possible_deliveries(configuration, {"namespace": "", **labels}):
        if _reaches(configuration, way):
            yield from (one.name for one in way.matchers if one.name not in labels and one.name != "namespace")
