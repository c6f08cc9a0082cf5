"""Where a Prometheus sends its alerts, whether they are taken there, and whose rules it has loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, reach, read_each
from clusterprobe.access.urls import place_of
from clusterprobe.errors import BadResponse, Unreadable
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.redaction import redact
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.answers import Answer, asked
from clusterprobe.systems.formats.exposition import samples_of
from clusterprobe.systems.formats.promql import metrics_in, namespaces_in
from clusterprobe.systems.formats.queries import matchers
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.prometheus.dialects import VICTORIAMETRICS, Ability, able
from clusterprobe.systems.prometheus.objects import VM_ALERTS, VM_RULES
from clusterprobe.systems.prometheus.query import query
from clusterprobe.systems.prometheus.runtime import UNTYPED

MAX_ERROR = 600  # characters of what a rule's evaluation failed with
SENDING_SECONDS = 300  # the window in which every alert must have failed before it is a finding


class Destinations(msgspec.Struct, frozen=True):
    """The Alertmanagers that one replica sends to, as `host:port`; `dropped` are hosts that relabelling left out of those found.

    `blackhole` tells of a VMAlert that it is told to send its alerts nowhere.
    """

    active: list[str]
    dropped: list[str] = []
    blackhole: bool = False


class _Url(msgspec.Struct):
    url: str


class _Alertmanagers(msgspec.Struct, rename="camel"):
    active_alertmanagers: list[_Url] | None
    dropped_alertmanagers: list[_Url] | None = None


class _AlertmanagersAnswer(Answer):
    data: _Alertmanagers | None = None


def _place(url: str) -> str:
    """`host:port` of a URL: paths and credentials are no one's business."""
    host, port = place_of(url)
    return f"{host}:{port}" if port else ""


def host_of(place: str) -> str:
    return place.rpartition(":")[0]


@source(proxied("pods"))
def prometheus_alertmanagers(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Destinations]:
    """The Alertmanagers that every replica of every Prometheus has found to send to, and every VMAlert."""

    def read(endpoint: Endpoint, server: Server) -> Destinations:
        if server.dialect in VICTORIAMETRICS:
            sent = _sent_since_the_start(endpoint).sent
            return Destinations(active=[one for one in sent if one], blackhole="" in sent)
        data = asked(endpoint, "/api/v1/alertmanagers", _AlertmanagersAnswer).data
        if data is None or data.active_alertmanagers is None:
            raise BadResponse(f"{endpoint.url}/api/v1/alertmanagers: a list is null, where Prometheus writes an empty one")
        active = [_place(one.url) for one in data.active_alertmanagers]
        if "" in active:
            raise BadResponse(f"{endpoint.url}/api/v1/alertmanagers: an invalid URL")
        dropped = {host_of(_place(one.url)) for one in data.dropped_alertmanagers or []}
        return Destinations(active=active, dropped=sorted(dropped - {""} - {host_of(one) for one in active}))

    return read_each(cluster, profile, able(metric_servers, Ability.ALERTS), read)


# --- rules ------------------------------------------------------------------------------------------------------------


class FailingRule(msgspec.Struct, frozen=True):
    """A rule whose last evaluation failed, with what Prometheus says of that."""

    group: str
    name: str
    error: str
    alerts: bool


class AlertingRule(msgspec.Struct, frozen=True):
    """A rule that alerts, with the labels that it gives to its alerts; those that are made of series are left out.

    `metrics` are the names of those that its expression asks for, but for those that it asks the absence of; None in older
    bundles, and where a secret may stand in the expression. `namespaces` are those that its alerts can be of ("" for none); None where that
    can be any, or is not known.
    """

    name: str
    labels: dict[str, str] = {}
    metrics: list[str] | None = None
    namespaces: list[str] | None = None

    def may_be_of(self, namespace: str) -> bool:
        """Whether it may alert of something of this namespace, which is empty for none."""
        return self.namespaces is None or namespace in self.namespaces


class RuleFile(msgspec.Struct, frozen=True):
    """One file of loaded rules: its name without the folder, its groups, and how many of its rules alert.

    `failing` are those whose last evaluation failed; None in older bundles.
    """

    name: str
    groups: list[str]
    alerts: int
    failing: list[FailingRule] | None = None
    alerting: list[AlertingRule] = []


class _Rule(msgspec.Struct, rename="camel"):
    type: str
    name: str = ""
    health: str = ""
    last_error: str = ""
    query: str = ""
    labels: dict[str, str] | None = None

    @property
    def alerting(self) -> AlertingRule:
        labels = {name: value for name, value in (self.labels or {}).items() if "{{" not in value}
        # Once the names stand alone, nothing tells any more that one of them is the value of a key before it.
        secret = redact(self.query) != self.query
        metrics, namespaces = (None, None) if secret else (sorted(metrics_in(self.query)), namespaces_in(self.query))
        return AlertingRule(self.name, labels, metrics, namespaces)


class _Group(msgspec.Struct):
    name: str
    file: str
    rules: list[_Rule]


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _RulesAnswer(Answer):
    data: _Groups | None = None


class LoadedRules(msgspec.Struct, frozen=True):
    """What one replica evaluates."""

    files: list[RuleFile]

    @property
    def alerts(self) -> int:
        return sum(one.alerts for one in self.files)


@source(proxied("pods"))
def prometheus_loaded_rules(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[LoadedRules]:
    """The files of rules that every replica has loaded; the Operator names them after the PrometheusRule they come from."""

    def read(endpoint: Endpoint, _: Server) -> LoadedRules:
        data = asked(endpoint, "/api/v1/rules", _RulesAnswer, {"exclude_alerts": "true"}).data
        files: dict[str, list[_Group]] = {}
        for group in data.groups if data else []:
            files.setdefault(group.file.rpartition("/")[2], []).append(group)
        return LoadedRules([_file(name, groups) for name, groups in sorted(files.items())])

    return read_each(cluster, profile, able(metric_servers, Ability.RULES), read)


def _file(name: str, groups: Iterable[_Group]) -> RuleFile:
    alerting = [rule.alerting for group in groups for rule in group.rules if rule.type == "alerting"]
    failing = [
        FailingRule(group.name, rule.name, excerpt(rule.last_error, MAX_ERROR), rule.type == "alerting")
        for group in groups
        for rule in group.rules
        if rule.health == "err"
    ]
    return RuleFile(name, [group.name for group in groups], len(alerting), failing, alerting)


def rule_key(subject: Subject, uid: str) -> str:
    """How the rules of an object are known once they are loaded: by its UID, or those of a VMRule by the name of their file."""
    return f"{subject.namespace}-{subject.name}" if subject.kind == VM_RULES.kind else uid


def loaded_key(file: str, stack: Subject) -> str:
    """The same of a file that is loaded; empty for one that no operator writes, and of VMAlert for one that may be any.

    >>> loaded_key("shop-orders.yaml", Subject(kind="VMAlert"))
    'shop-orders'
    """
    if stack.kind == VM_ALERTS.kind:
        return file.removesuffix(".gz").removesuffix(".yaml")
    return rule_uid(file)


_OPERATORS_FILE = ours(r".+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.yaml")


def rule_uid(file: str) -> str:
    """The UID of the PrometheusRule that the Operator made a file from (`<namespace>-<name>-<uid>.yaml`); empty for any other file.

    >>> rule_uid("monitoring-dev-general.rules-4e4e0678-7631-4bea-aa51-30208d1b60ae.yaml")
    '4e4e0678-7631-4bea-aa51-30208d1b60ae'
    """
    match = _OPERATORS_FILE.fullmatch(file)
    return match[1] if match else ""


# --- sending ----------------------------------------------------------------------------------------------------------


class Sending(msgspec.Struct, frozen=True):
    """By `host:port` of an Alertmanager, how many alerts one replica has sent recently, and how many of these it did not take.

    Of a VMAlert, which keeps no series, it is not recently but since its start, `since_start`.
    """

    sent: dict[str, float]
    failed: dict[str, float]
    since_start: bool = False


@source(proxied("pods"))
def prometheus_sending(cluster: Cluster, metric_servers: Readings[Server], profile: Profile) -> Readings[Sending]:
    """How many alerts every replica has sent in the last minutes, by the series that one of the same Prometheus scrapes of it."""

    def read(endpoint: Endpoint, server: Server) -> Sending:
        if server.dialect in VICTORIAMETRICS:
            return _sent_since_the_start(endpoint)
        if not server.pod:
            raise BadResponse("which of its series are its own is not known, for it is asked under the profile's address")
        found = _sent(endpoint, server)
        # Of a Prometheus in shards it may be another one that scrapes this one.
        others = (one for one in metric_servers.items if one.key == server.key and one.pod not in ("", server.pod))
        while not found.sent and (other := next(others, None)):
            found = _sent_as_known_to(cluster, profile, other, server) or found
        return found

    return read_each(cluster, profile, able(metric_servers, Ability.ALERTS), read)


def _sent(endpoint: Endpoint, server: Server) -> Sending:
    own = matchers({"namespace": server.namespace, "pod": server.pod}) + f"[{SENDING_SECONDS}s]"
    sent = query(endpoint, f"increase(prometheus_notifications_sent_total{own})")
    failed = query(endpoint, f"increase(prometheus_notifications_errors_total{own})")
    sent_by, failed_by = ({_place(one.labels.get("alertmanager", "")): one.value for one in found} for found in (sent, failed))
    return Sending(sent_by, failed_by)


def _sent_as_known_to(cluster: Cluster, profile: Profile, other: Server, server: Server) -> Sending | None:
    """The same as another replica knows it; None where that cannot be asked."""
    try:
        return _sent(reach(cluster, profile, other), server)
    except Unreadable:
        return None


_SENT, _FAILED = "vmalert_alerts_sent_total", "vmalert_alerts_send_errors_total"
_RELOADED = "vmalert_config_last_reload_successful"  # each vmalert has it
_BLACKHOLE = "blackhole"  # what a VMAlert calls the address of its flag -notifier.blackhole


def _sent_since_the_start(endpoint: Endpoint) -> Sending:
    """What a VMAlert has sent to each of its notifiers, of which it has a counter from its start on; "" is nowhere."""
    found = samples_of(endpoint, {_SENT, _FAILED, _RELOADED}, mark=UNTYPED)
    if all(one.name != _RELOADED for one in found):
        raise BadResponse(f"GET {endpoint.url}/metrics: there is no {_RELOADED} in it, so it is not the whole page, or not a vmalert's")
    counts: dict[str, dict[str, float]] = {_SENT: {}, _FAILED: {}}
    for one in found:
        address = one.labels.get("addr", "")
        place = _place(address) if address.startswith(("http://", "https://")) else ""
        if one.name in counts and (place or address == _BLACKHOLE):
            counts[one.name][place] = counts[one.name].get(place, 0.0) + one.value
        elif one.name in counts:
            raise BadResponse(f"GET {endpoint.url}/metrics: {one.name} has an address that is none")
    return Sending(counts[_SENT], counts[_FAILED], since_start=True)


# --- whose Alertmanager it is -----------------------------------------------------------------------------------------

_SERVICE_NAME = ours(r"(?:.+\.)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\..*)?")


class Addresses:
    """Tells in which namespace a host of an Alertmanager's URL is: a pod, a Service, or one that the profile names."""

    def __init__(self, pods: Readings[Pod], services: Readings[Service], profile: Profile) -> None:
        # On the host's network several pods share the node's address: that names none of them, and one of them may not be read.
        known = [one for one in pods.items if not _over(one) and (pods.complete or one.status.pod_ip != one.status.host_ip)]
        counts = Counter(one.status.pod_ip for one in known)
        self._pods: Mapping[str, Pod] = {one.status.pod_ip: one for one in known if counts[one.status.pod_ip] == 1}
        self._services = {one.spec.cluster_ip: one for one in services.items if one.spec.cluster_ip not in ("", "None")}
        self._named = {place_of(one.url)[0]: one for one in profile.endpoints if one.system == "alertmanager" and one.namespace}

    def pod(self, host: str) -> Pod | None:
        return self._pods.get(host)

    def find(self, host: str) -> tuple[str, str] | None:
        """(namespace, what it is), or None for an address that nothing here has."""
        if host in self._named:
            return self._named[host].namespace, f"Alertmanager at {host}"
        if host in self._pods:
            metadata = self._pods[host].metadata
            return metadata.namespace, f"Pod {metadata.namespace}/{metadata.name}"
        if host in self._services:
            metadata = self._services[host].metadata
            return metadata.namespace, f"Service {metadata.namespace}/{metadata.name}"
        match = _SERVICE_NAME.fullmatch(host)
        return (match[2], f"Service {match[2]}/{match[1]}") if match else None


def _over(pod: Pod) -> bool:
    """Whether its address may meanwhile be another pod's."""
    return not pod.status.pod_ip or pod.status.phase in ("Succeeded", "Failed")
