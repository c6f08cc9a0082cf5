"""How a Prometheus is made to select a monitor or rule: by its labels, its namespace's, or the selector of namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterprobe.fixes import GIT, SOURCE, change, each, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.managers import Manager, manager_of
from clusterprobe.systems.kubernetes.objects import LabelSelector
from clusterprobe.systems.prometheus.object_advice import set_spec, spec_key
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.openshift import for_openshift_only, openshift_setting
from clusterprobe.systems.prometheus.selection import BY_KIND, NAMESPACE_NAME, Taking, places_field, sure_labels
from clusterprobe.systems.prometheus.selection_advice import resource_of
from clusterprobe.systems.prometheus.unselected import Cause
from clusterprobe.words import listed

_TAKING = "prometheus\\.operator\\.|rules\\.kubernetes|prometheusCR|target_allocator"


def unless_taken(others: tuple[Subject, ...]) -> str:
    """That another program may take it, as a sentence behind the cause."""
    if not others:
        return ""
    return f" {listed([str(one) for one in others], 3)} can take such an object itself; whether that selects it is not known here."


def steps(cause: Cause, subjects: list[Subject], others: tuple[Subject, ...] = ()) -> list[Step]:
    """What is certainly missing, each by command; else only where to look, for which Prometheus is meant is not known.

    Nothing is labelled by a command where another program may take it: with the label both would.
    """
    if others:
        places = dict.fromkeys(one.namespace for one in others)
        shown = [shell("kubectl -n {} get configmaps -o yaml | grep -nE {}", place, _TAKING) for place in list(places)[:3]]
        text = (
            "If that takes it, all is well, and this finding can be accepted in the profile. Else give it the labels that the selector of "
        )
        return [
            look("See whether the configuration of those takes such objects, and by which selector.", *shown),
            change(f"{text}its {BY_KIND[subjects[0].kind].taker} asks for, {SOURCE}."),
        ]
    see = look(
        "See its labels.",
        *(shell("kubectl -n {} get {} {} --show-labels", one.namespace, _resource(one), one.name) for one in subjects[:1]),
    )
    taker = BY_KIND[subjects[0].kind].taker
    labelled = [_label(cause, subjects)] if cause.labels else []
    opened = _open(cause.only, cause, subjects[0]) if cause.only and cause.closed else []
    if not labelled and not opened:
        return [
            see,
            change(
                f"Give it the labels that the selector of its {taker} asks for. Or, where its {taker} does not look there, add "
                f"the namespace to its namespace selector. Change it {SOURCE}."
            ),
        ]
    return [see, *labelled, *opened]


def _label(cause: Cause, subjects: list[Subject]) -> Step:
    manager = manager_of(cause.metadata) if cause.metadata else Manager()
    value = "prometheus.monitor.additionalLabels" if manager.chart == "kube-state-metrics" else ""
    return change(
        f"Set what {cause.by} selects by. {manager.lasting(value)}",
        *(
            shell("kubectl -n {} label {} {} {}={} --overwrite", one.namespace, _resource(one), one.name, key, value)
            for one in subjects
            for key, value in cause.labels
        ),
    )


def _open(taking: Taking, cause: Cause, subject: Subject) -> list[Step]:
    """That Prometheus made to look into the namespace, by what keeps it from that."""
    kind, place, spec = BY_KIND[subject.kind], subject.namespace, taking.prometheus
    if for_openshift_only(spec.metadata, place):
        return [_for_users(spec)]
    if cause.closed == "selector":
        return [
            change(
                f"{cause.by} has no {kind.field}, so it selects nothing of that kind: give it one that matches the labels of what it is to "
                f"take. Change it {manager_of(spec.metadata).source}."
            )
        ]
    if cause.closed == "operator":
        return [
            change(f"Let the Prometheus Operator of {cause.by} watch {place} as well, by its argument --namespaces. Change it {SOURCE}.")
        ]
    places = kind.places_of(spec)
    if (wider := _wider(places, taking.subject.namespace, place)) is not None:
        key = spec_key(taking.subject.kind)
        target = (resource_of(taking.subject), spec.metadata, {places_field(kind): wider})
        return [set_spec(f"Let {cause.by} look into {place} as well.", *target, key=key)]
    missing = _missing(places, place, cause.namespace)
    if not missing:
        return [
            change(f"Give the namespace labels by which {cause.by} looks into it ({places}), {SOURCE}, or widen its {places_field(kind)}.")
        ]
    pairs = each("{}", [f"{key}={value}" for key, value in missing.items()])
    text = f"Give the namespace the labels by which {cause.by} looks into it, {SOURCE}."
    return [change(text, shell("kubectl label namespace {} {}", place, pairs))]


def _for_users(spec: Prometheus) -> Step:
    """The labels by which OpenShift's own Prometheus looks into a namespace are for OpenShift's own."""
    place, name, _ = openshift_setting(spec.metadata)
    return change(
        f"Turn on the monitoring of user workloads, in the key config.yaml of the ConfigMap {place}/{name}, which need not exist yet. "
        f"OpenShift's own Prometheus {spec.metadata.namespace}/{spec.metadata.name} is for its own namespaces. {GIT}.",
        code="enableUserWorkload: true",
    )


def _wider(places: LabelSelector | None, own: str, place: str) -> dict[str, Any] | None:
    """The namespace selector that takes a namespace in by its name; None for one that does not go by names."""
    names = [own]
    removed: dict[str, Any] = {}
    if places is not None:
        if set(places.match_labels) == {NAMESPACE_NAME} and not places.match_expressions:
            names, removed = [places.match_labels[NAMESPACE_NAME]], {"matchLabels": {NAMESPACE_NAME: None}}
        elif not places.match_labels and [(one.key, one.operator) for one in places.match_expressions] == [(NAMESPACE_NAME, "In")]:
            names = list(places.match_expressions[0].values_ or [])
        else:
            return None
    return {**removed, "matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": sorted({*names, place})}]}


def _missing(places: LabelSelector | None, place: str, present: Mapping[str, str]) -> dict[str, str]:
    """The labels with which the selector takes the namespace; none where it has another value of one, by which others may go."""
    wanted = sure_labels(places) if places else {}
    missing = {key: value for key, value in wanted.items() if present.get(key) != value}
    whole = places is not None and places.matches({NAMESPACE_NAME: place, **present, **missing})
    return missing if whole and not set(missing) & {*present, NAMESPACE_NAME} else {}


def _resource(subject: Subject) -> str:
    return BY_KIND[subject.kind].resource.name
