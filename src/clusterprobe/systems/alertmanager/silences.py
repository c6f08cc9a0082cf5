"""What an Alertmanager is told to keep quiet about: its silences, and which of the alerts that may come they hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.alertmanager.reach import Labels
from clusterprobe.systems.alertmanager.sources import AlertmanagerMetrics
from clusterprobe.systems.formats.alertmanager_config import Matcher

MAX_COMMENT = 200  # characters of what whoever made it says


class Silence(msgspec.Struct, frozen=True):
    """A silence that holds now; times are RFC 3339."""

    id: str
    matchers: list[Matcher]
    starts_at: str = ""
    ends_at: str = ""
    created_by: str = ""
    comment: str = ""

    def hides(self, labels: Labels) -> bool:
        """Whether it holds an alert with just these labels back. Raises `Undecidable`."""
        return all(one.matches(labels) for one in sorted(self.matchers, key=lambda one: one.is_pattern))


class Silences(msgspec.Struct, frozen=True):
    """The silences of one replica that hold now; to have none is an answer, too."""

    silences: list[Silence]


class _Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @property
    def matcher(self) -> Matcher:
        operator = ("=~" if self.is_equal else "!~") if self.is_regex else ("=" if self.is_equal else "!=")
        return Matcher(self.name, operator, self.value)


class _State(msgspec.Struct):
    state: str


class _Silence(msgspec.Struct, rename="camel"):
    id: str
    status: _State
    matchers: list[_Matcher]
    starts_at: str = ""
    ends_at: str = ""
    created_by: str = ""
    comment: str = ""


@source(proxied("pods"))
def alertmanager_silences(
    cluster: Cluster, alertmanager_servers: Readings[Server], alertmanager_metrics: Readings[AlertmanagerMetrics], profile: Profile
) -> Readings[Silences]:
    """The silences that hold now, of every replica of every Alertmanager. One that says that none does is not asked for them."""
    counted = {subject: one.silences for subject, one in alertmanager_metrics}
    silent = {server for subject, server in alertmanager_servers if counted.get(subject) == 0}

    def read(endpoint: Endpoint, server: Server) -> Silences:
        if server in silent:
            return Silences([])
        listed = endpoint.json("/api/v2/silences", list[_Silence], limit_bytes=bodies.QUERY)
        return Silences([_kept(one) for one in listed if one.status.state == "active"])

    return read_each(cluster, profile, alertmanager_servers, read)


def _kept(one: _Silence) -> Silence:
    said = excerpt(one.comment, MAX_COMMENT), excerpt(one.created_by, MAX_COMMENT)
    return Silence(one.id, [each.matcher for each in one.matchers], one.starts_at, one.ends_at, said[1], said[0])


# --- what they hide -----------------------------------------------------------------------------------------------------


Scope = Literal["everything", "all critical", "critical of some", "some critical", "others", "nothing known"]
Given = list[tuple[Labels, Labels]]  # what is added to alerts on the way, and the labels of their rule


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a silence hides of the alerts that may come.

    `namespaces` are those of which it hides every critical alert, `names` the critical alerts that it hides of any namespace, and `firing`
    those alerts of whatever severity that fire now.
    """

    scope: Scope
    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    firing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """The alerts that may come to an Alertmanager: critical ones and all, of the namespaces that are its own, and those it holds now."""

    critical: Given
    every: Given
    namespaces: list[str]
    held: list[Labels]


def hidden_by(silence: Silence, coming: Coming) -> Hidden:
    """What a silence hides of the alerts that may come. Raises `Undecidable`."""
    critical, every, namespaces = coming.critical, coming.every, coming.namespaces
    places = [one for one in namespaces if _in_namespace(silence, one)]
    hits = [rule["alertname"] for outer, rule in critical if _whatever_namespace(silence, {**outer, **rule}, rule)]
    firing = tuple(dict.fromkeys(one.get("alertname", "") for one in coming.held if silence.hides(one)))
    names = tuple(dict.fromkeys(hits)) if places else ()
    if names and len(hits) == len(critical):
        whole = tuple(places)
        if len(places) < len(namespaces):
            return Hidden("critical of some", whole, names, firing)
        rest = all(_whatever_namespace(silence, {**outer, **rule}, rule) for outer, rule in every)
        return Hidden("everything" if rest else "all critical", whole, names, firing)
    if names:
        return Hidden("some critical", (), names, firing)
    other = firing or (places and any(_whatever_namespace(silence, {**outer, **rule}, rule) for outer, rule in every))
    return Hidden("others" if other else "nothing known", (), (), firing)


def _in_namespace(silence: Silence, namespace: str) -> bool:
    labels = {"namespace": namespace}
    return all(one.matches(labels) for one in silence.matchers if one.name == "namespace")


def _whatever_namespace(silence: Silence, labels: Labels, rule: Labels) -> bool:
    """Whether it hides an alert with these labels that is of a namespace which it names; a rule may give the namespace itself."""
    asked = [one for one in silence.matchers if one.name != "namespace" or "namespace" in rule]
    return all(one.matches(labels) for one in sorted(asked, key=lambda one: one.is_pattern))
