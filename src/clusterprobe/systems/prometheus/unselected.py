"""Why no Prometheus selects a monitor or a rule, and the labels with which one does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clusterprobe.environments import Environments
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.selection import (
    COPIES,
    NAMESPACE_NAME,
    Operator,
    Selected,
    Taking,
    asked,
    describe,
    labels_by_namespace,
    places_field,
    sure_labels,
    takings,
)
from clusterprobe.systems.prometheus.stacks import known_stacks

Closed = Literal["", "selector", "namespace", "operator"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why no Prometheus takes an object. `key` is the label that it carries with another value than a selector asks for.

    `labels` are what it certainly needs to be taken, as pairs; `by` is the Prometheus that takes it then, and `only` that one with what it
    selects, where no other comes into question. `closed` is what keeps it from looking into the namespace.
    `metadata` is that of the first object with this cause, `namespace` the labels of its namespace.
    """

    text: str
    key: str = ""
    elsewhere: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    by: str = ""
    closed: Closed = ""
    only: Taking | None = field(default=None, compare=False)
    metadata: Metadata | None = field(default=None, compare=False)
    namespace: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether something takes it cannot be told."""

    why: str


class Selecting:
    """Everything that selects: each object is to be taken by what is in its own environment, or shared.

    An environment in which nothing selects is looked after by another's, unless the profile says that they are two.
    """

    def __init__(
        self,
        customs: list[Readings[Prometheus]],
        operators: Readings[Operator],
        namespaces: Readings[Namespace],
        environments: Environments,
        objects: Iterable[Readings[Any]] = (),
    ) -> None:
        """`objects` are those to be selected: what VictoriaMetrics' operator made copies of is selected by its copy."""
        self.every = [one for readings in customs for one in takings(readings, operators)]
        self._labels = labels_by_namespace(namespaces)
        self._environments = environments.divided_by({one for readings in customs for one in known_stacks(readings)})
        self._blind = next((one.reason for readings in customs for one in readings.unreadable), "")
        originals = {kind: one for one, kind in COPIES.items()}
        there = (subject for one in objects for subject, _ in one)
        self._copied = {(originals[one.kind], one.namespace, one.name) for one in there if one.kind in originals}

    def takers(self, kind: Selected, metadata: Metadata) -> list[Taking]:
        """What certainly takes an object."""
        return [one for one in self.every if one.takes(kind, metadata, self._labels.get(metadata.namespace))]

    def untaken(self, kind: Selected, metadata: Metadata) -> Cause | Unclear | None:
        """Why nothing of its environment takes an object; None for one that is taken."""
        if (kind.resource.kind, metadata.namespace, metadata.name) in self._copied:
            return None  # the copy is judged
        environments, known = self._environments, self._labels.get(metadata.namespace)
        own = environments.of(metadata.namespace)
        every = [one for one in self.every if kind.concerns(one.prometheus)]
        mine = [one for one in every if environments.of(one.subject.namespace) in ("", own) or not own] or every
        if any(one.takes(kind, metadata, known) for one in mine):
            return None
        for one in mine:
            if one.reaches(kind, metadata.namespace, known) is None:
                return Unclear(one.blind or "the labels of its namespace are not known")
        if self._blind:
            return Unclear(self._blind)
        if not every:
            return _nobody(kind)
        others = [one for one in every if one not in mine and one.takes(kind, metadata, known)]
        return _cause(kind, metadata, mine, others, known)


def _nobody(kind: Selected) -> Cause:
    if copy := COPIES.get(kind.resource.kind):
        return Cause(f"there is no object that would select a {kind.resource.kind}, and VictoriaMetrics' operator made no {copy} of it")
    return Cause(f"there is no object that would select a {kind.resource.kind}")


def _cause(kind: Selected, metadata: Metadata, mine: list[Taking], others: list[Taking], labels: dict[str, str] | None) -> Cause:
    elsewhere = ", ".join(_name(one) for one in others)
    reaching = [one for one in mine if one.reaches(kind, metadata.namespace, labels)]
    near = _nearest(kind, metadata, reaching)
    if near:
        key, value, taking = near
        by = _name(taking)
        text = f"it carries `{key}: {metadata.labels[key]}`, and the {kind.field} of {by} asks for `{key}: {value}`"
        return Cause(text, key, elsewhere, _needed(kind, metadata, taking, {key: value}), by, metadata=metadata)
    only = reaching[0] if len(reaching) == 1 else mine[0] if len(mine) == 1 else None
    return Cause(
        _why(kind, metadata, mine, labels),
        elsewhere=elsewhere,
        labels=_needed(kind, metadata, only, {}) if only else (),
        by=_name(only) if only else "",
        closed=_closed(kind, metadata, only, labels) if only and not reaching else "",
        only=only,
        metadata=metadata,
        namespace=labels or {},
    )


def _why(kind: Selected, metadata: Metadata, mine: list[Taking], labels: dict[str, str] | None) -> str:
    """What each Prometheus asks for, and where it looks, if that is not here."""
    fits = [one for one in mine if (chosen := kind.labels_of(one.prometheus)) is not None and chosen.matches(metadata.labels)]
    looks = {_name(one): _limit(kind, metadata, one, labels) for one in mine if not one.reaches(kind, metadata.namespace, labels)}
    if fits:
        return "its labels fit, and its namespace does not: " + "; ".join(f"{_name(one)} {looks[_name(one)]}" for one in fits)
    asking = (
        f"{_name(one)}: {describe(kind.labels_of(one.prometheus))}" + (f" (and it {looks[_name(one)]})" if looks.get(_name(one)) else "")
        for one in mine
    )
    return f"it matches no {kind.field}: {'; '.join(asking)}"


def _limit(kind: Selected, metadata: Metadata, taking: Taking, labels: dict[str, str] | None) -> str:
    """Where a Prometheus looks that does not look here; empty where it looks nowhere."""
    match _closed(kind, metadata, taking, labels):
        case "operator":
            return f"has an Operator that does not watch {metadata.namespace}"
        case "namespace":
            places, field = kind.places_of(taking.prometheus), places_field(kind)
            if places is None:
                return f"looks into {taking.subject.namespace} only, since it has no {field}"
            return f"looks only into namespaces with {places} ({field})"
    return ""


def _closed(kind: Selected, metadata: Metadata, taking: Taking, labels: dict[str, str] | None) -> Closed:
    """What keeps a Prometheus from looking at a kind of objects in a namespace."""
    places = kind.places_of(taking.prometheus)
    if kind.labels_of(taking.prometheus) is None:
        return "selector"
    own = metadata.namespace == taking.subject.namespace
    looks = own if places is None else places.matches({NAMESPACE_NAME: metadata.namespace, **(labels or {})})
    return "operator" if looks else "namespace"


def _name(taking: Taking) -> str:
    return f"{taking.subject.namespace}/{taking.subject.name}"


def _needed(kind: Selected, metadata: Metadata, taking: Taking, chosen: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The labels with which that Prometheus takes it; none where a value would have to be guessed, or labels do not help."""
    selector = kind.labels_of(taking.prometheus)
    if selector is None:
        return ()
    wanted = {**sure_labels(selector), **chosen}
    if not selector.matches({**metadata.labels, **wanted}):
        return ()
    return tuple((key, value) for key, value in sorted(wanted.items()) if metadata.labels.get(key) != value)


def _nearest(kind: Selected, metadata: Metadata, mine: list[Taking]) -> tuple[str, str, Taking] | None:
    """The label that it carries with another value than asked for; of several values, the one most like its own."""
    found = [
        (difflib.SequenceMatcher(None, metadata.labels[key], value).ratio(), key, value, one)
        for one in mine
        for key, value in asked(kind.labels_of(one.prometheus))
        if key in metadata.labels and metadata.labels[key] != value
    ]
    if not found:
        return None
    return max(found, key=lambda one: one[0])[1:]
