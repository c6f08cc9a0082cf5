"""Whom the critical alerts of a cluster would reach through one Alertmanager: which labels they have, and where each ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.alerts import Arrived, ArrivedAlert
from clusterprobe.systems.alertmanager.routing import Delivery, deliveries, inhibited_by, possible_deliveries
from clusterprobe.systems.formats.alertmanager_config import Configuration, Inhibition, walk
from clusterprobe.systems.prometheus.alerting import AlertingRule, LoadedRules
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.times import epoch

EXAMPLE = "ClusterprobeExample"
ALWAYS_FIRES = "Watchdog"
LASTING_SECONDS = 7 * 86400  # an incident that inhibits others is over by then
CRITICAL = {"severity": "critical"}
# What platforms call it by which somebody is to be woken up.
CRITICAL_WORDS = frozenset({"critical", "crit", "page", "pager", "emergency", "fatal", "disaster", "blocker", "p0", "p1", "sev0", "sev1"})
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alert:
    """A critical alert that may come: of a namespace (empty: of none), with the labels that are known of it."""

    namespace: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Lasting:
    """An alert that fires, as an Alertmanager holds it: it always does (`since` is None), or has done so for a week (epoch seconds)."""

    labels: Labels
    since: float | None = None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "") or "an alert without a name"


@dataclass(frozen=True, slots=True)
class Held:
    """An inhibit rule, and the alert that makes it hold others back."""

    rule: Inhibition
    source: Lasting


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an alert: its ways, and which of them lead to somebody. `held` is what holds it back for as long as that fires."""

    alert: Alert
    ends: list[Delivery]
    good: list[Delivery]
    held: Held | None = None
    others: set[str] = field(default_factory=set)

    @property
    def arrives(self) -> bool:
        return bool(self.good) and self.held is None

    @property
    def muted_by(self) -> str:
        """The intervals by which it is muted for the whole coming year, where nothing else keeps it."""
        return next((one.muted_by for one in self.ends if one.muted_by), "")


class Senders:
    """What the Prometheuses of a cluster add to the alerts that they send, and the labels that their critical rules give."""

    def __init__(self, prometheuses: Readings[Prometheus], rules: Readings[LoadedRules], arrived: Readings[Arrived]) -> None:
        self._prometheuses, self._rules, self._arrived = prometheuses.items, rules, arrived
        self.complete = prometheuses.complete and rules.complete and arrived.complete

    def heartbeats(self, replica: Subject) -> list[Labels]:
        """The alerts that always fire, as this replica holds them."""
        return [one for one in self.held(replica) if one.get("alertname") == ALWAYS_FIRES]

    def held(self, replica: Subject) -> list[Labels]:
        """The labels of all alerts that this replica holds."""
        return [one.labels for one in self._held(replica)]

    def lasting(self, replica: Subject, now: float) -> list[Lasting]:
        """Those, and the alerts that have been firing for a week: what they inhibit is held back as long."""
        others = [one for one in self._held(replica) if one.labels.get("alertname") != ALWAYS_FIRES]
        timed = ((one.labels, epoch(one.starts_at)) for one in others)
        long = [Lasting(labels, since) for labels, since in timed if since is not None and now - since >= LASTING_SECONDS]
        return [*map(Lasting, self.heartbeats(replica)), *long]

    def _held(self, replica: Subject) -> list[ArrivedAlert]:
        return [each for subject, one in self._arrived if subject == replica for each in one.alerts]

    def alerts(self, namespaces: Iterable[str], place: str, replica: Subject, names: set[str]) -> list[Alert]:
        """The critical alerts that may come to an Alertmanager in the namespace `place`, each once as far as the labels `names` differ."""
        found: dict[tuple[str, str], Alert] = {}
        given = self._given(place, replica, "critical")
        for namespace in namespaces:
            for outer, rule in (each for each in given if each[1].may_be_of(namespace)):
                labels = {**outer, **({"namespace": namespace} if namespace else {}), **labels_of(rule)}
                alike = str(sorted((name, value) for name, value in labels.items() if name in names))
                found.setdefault((namespace, alike), Alert(namespace, labels))
        return list(found.values())

    def given(self, place: str, replica: Subject, severity: str = "critical") -> list[tuple[Labels, Labels]]:
        """The labels of alerts of a severity (empty: of any) that may come to that namespace: what is added on the way, and the rule's.

        Where no such rule is known, they are those of an example.
        """
        return [(outer, labels_of(rule)) for outer, rule in self._given(place, replica, severity)]

    def _given(self, place: str, replica: Subject, severity: str) -> list[tuple[Labels, AlertingRule]]:
        senders = [one for one in self._prometheuses if place in _destinations(one)]
        senders = senders or [one for one in self._prometheuses if not _destinations(one)]
        added = [_external_labels(one) for one in senders] or [_without_those_of_its_rule(one) for one in self.heartbeats(replica)] or [{}]
        rules = self._alerting({one.metadata.namespace for one in senders}, severity) or [AlertingRule(EXAMPLE, CRITICAL)]
        return [(outer, rule) for outer in added for rule in rules]

    def _alerting(self, namespaces: set[str], severity: str) -> list[AlertingRule]:
        """The rules of a severity, whatever the highest is called, of the Prometheuses in these namespaces; of all where none sends."""
        loaded = [one for subject, one in self._rules if not namespaces or subject.namespace in namespaces]
        alerting = [one for each in loaded for file in each.files for one in file.alerting]
        wanted = CRITICAL_WORDS if severity == "critical" else {severity}
        return [one for one in alerting if not severity or one.labels.get("severity", "").lower() in wanted]


def labels_of(rule: AlertingRule) -> dict[str, str]:
    """The labels that a rule gives to its alerts."""
    return {**rule.labels, "alertname": rule.name}


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


def fate_of(configuration: Configuration, alert: Alert, firing: list[Lasting], now: float) -> Fate:
    """What becomes of an alert at the moment `now` (epoch seconds). Raises `Undecidable`."""
    ends = deliveries(configuration, alert.labels, now)
    good = [one for one in ends if _reaches(configuration, one)]
    held = (Held(rule, one) for one in firing if (rule := inhibited_by(configuration, alert.labels, one.labels)))
    others = set() if good else set(_other_labels(configuration, alert.labels, now))
    return Fate(alert, ends, good, next(held, None), others)


def _reaches(configuration: Configuration, end: Delivery) -> bool:
    return not configuration.receiver(end.receiver).is_sink and not end.muted_by


def _other_labels(configuration: Configuration, labels: Labels, now: float) -> Iterator[str]:
    """The labels on which it depends whether such an alert arrives after all; never that of the namespace, which is known."""
    for way in possible_deliveries(configuration, {"namespace": "", **labels}, now):
        if _reaches(configuration, way):
            yield from (one.name for one in way.matchers if one.name not in labels and one.name != "namespace")
