"""Why no Prometheus selects a monitor or a rule, and the labels with which one does."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace
from clusterprobe.systems.prometheus.objects import RULES, Prometheus
from clusterprobe.systems.prometheus.selection import (
    BY_KIND,
    Operator,
    Selected,
    Taking,
    asked,
    describe,
    labels_by_namespace,
    sure_labels,
    takings,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why no Prometheus takes an object. `key` is the label that it carries with another value than a selector asks for.

    `labels` are what it certainly needs to be taken, as pairs; `by` is the Prometheus that takes it then.
    """

    text: str
    key: str = ""
    elsewhere: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether something takes it cannot be told."""

    why: str


class Selecting:
    """Everything that selects: each object is to be taken by what is in its own environment, or shared."""

    def __init__(
        self,
        customs: list[Readings[Prometheus]],
        operators: Readings[Operator],
        namespaces: Readings[Namespace],
        environments: Environments,
    ) -> None:
        self.every = [one for readings in customs for one in takings(readings, operators)]
        self._labels, self._environments = labels_by_namespace(namespaces), environments
        self._blind = next((one.reason for readings in customs for one in readings.unreadable), "")

    def takers(self, kind: Selected, metadata: Metadata) -> list[Taking]:
        """What certainly takes an object."""
        return [one for one in self.every if one.takes(kind, metadata, self._labels.get(metadata.namespace))]

    def untaken(self, kind: Selected, metadata: Metadata) -> Cause | Unclear | None:
        """Why nothing of its environment takes an object; None for one that is taken."""
        environments, known = self._environments, self._labels.get(metadata.namespace)
        own = environments.of(metadata.namespace)
        mine = [one for one in self.every if environments.of(one.subject.namespace) in ("", own) or not own] or self.every
        if any(one.takes(kind, metadata, known) for one in mine):
            return None
        for one in mine:
            if one.reaches(kind, metadata.namespace, known) is None:
                return Unclear(one.blind or "the labels of its namespace are not known")
        if self._blind:
            return Unclear(self._blind)
        others = [one for one in self.every if one not in mine and one.takes(kind, metadata, known)]
        return _cause(kind, metadata, mine, others, known)


def _cause(kind: Selected, metadata: Metadata, mine: list[Taking], others: list[Taking], labels: dict[str, str] | None) -> Cause:
    elsewhere = ", ".join(_name(one) for one in others)
    reaching = [one for one in mine if one.reaches(kind, metadata.namespace, labels)]
    near = _nearest(kind, metadata, reaching)
    if near:
        key, value, taking = near
        by = _name(taking)
        text = f"it carries `{key}: {metadata.labels[key]}`, and the {kind.field} of {by} asks for `{key}: {value}`"
        return Cause(text, key, elsewhere, _needed(kind, metadata, taking, {key: value}), by)
    wanted = "; ".join(
        f"{_name(one)}: {describe(kind.labels_of(one.prometheus))}"
        + ("" if one.reaches(kind, metadata.namespace, labels) else " (not in this namespace)")
        for one in mine
    )
    only = reaching[0] if len(reaching) == 1 else None
    needed = _needed(kind, metadata, only, {}) if only else ()
    return Cause(f"it matches no {kind.field}: {wanted}", elsewhere=elsewhere, labels=needed, by=_name(only) if only else "")


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


def steps(cause: Cause, subjects: list[Subject]) -> list[Step]:
    """The labels that are certainly missing; else only where to look, for a selector or a namespace may be what is wrong."""
    see = look(
        "See its labels.",
        *(shell("kubectl -n {} get {} {} --show-labels", one.namespace, _resource(one), one.name) for one in subjects[:1]),
    )
    if not cause.labels:
        return [
            see,
            change(
                "Give it the labels that the selector of its Prometheus asks for. Or, where its Prometheus does not look there, add "
                "the namespace to its namespace selector. Change it at its source in Git, where Argo CD or Flux manages it."
            ),
        ]
    example = "" if subjects[0].kind == RULES.kind else " (for kube-state-metrics `kube-state-metrics.prometheus.monitor.additionalLabels`)"
    return [
        see,
        change(
            f"Set what {cause.by} selects by. In Git where Argo CD or Flux manages it, as they revert the commands; in the values of "
            f"the chart that makes it{example}.",
            *(
                shell("kubectl -n {} label {} {} {}={} --overwrite", one.namespace, _resource(one), one.name, key, value)
                for one in subjects
                for key, value in cause.labels
            ),
        ),
    ]


def _resource(subject: Subject) -> str:
    return BY_KIND[subject.kind].resource.name
