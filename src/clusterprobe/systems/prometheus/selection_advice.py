"""How a Prometheus is kept to its own environment, by what takes the other's targets in.

Its selectors keep their labels, and are limited to namespaces: that is one change, takes effect at once, and loses nothing of its
own, also where a selector is empty. Labels can only be changed on the selector and on all that it selects together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clusterprobe.access.cluster import Resource
from clusterprobe.fixes import GIT, change, look, patch, shell, snippet
from clusterprobe.model import Command, Step, Subject
from clusterprobe.systems.kubernetes.looking import owner_of_secret
from clusterprobe.systems.kubernetes.objects import LabelSelector
from clusterprobe.systems.prometheus.object_advice import set_spec, spec_key, value_of
from clusterprobe.systems.prometheus.objects import (
    POD_MONITORS,
    PROMETHEUSES,
    SERVICE_MONITORS,
    STACKS,
    VM_POD_SCRAPES,
    VM_SERVICE_SCRAPES,
    Prometheus,
)
from clusterprobe.systems.prometheus.selection import NAMESPACE_NAME, Selected, asked, describe_places, places_field
from clusterprobe.words import listed, said


@dataclass(frozen=True, slots=True)
class Apart:
    """A Prometheus of the environment `own` that takes in what belongs to `other`. `places` are the namespaces that it has to keep."""

    subject: Subject
    own: str
    other: str
    places: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.subject.namespace}/{self.subject.name}"

    @property
    def target(self) -> tuple[str, str, str]:
        """Its namespace, its resource and its name, as kubectl wants them."""
        return self.subject.namespace, resource_of(self.subject).name, self.subject.name


Kept = tuple[Apart, Prometheus | None, Sequence[Selected]]


def keep_to_namespaces(apart: Apart, custom: Prometheus | None, kinds: Sequence[Selected], also: Sequence[Kept] = ()) -> list[Step]:
    """For objects of the other environment that its selectors match, by whatever label, or by none. `also` is changed with it."""
    changes = [_keep(*one) for one in ((apart, custom, kinds), *also)]
    if custom is None:
        return changes
    read = [(custom, apart), *((its, one) for one, its, _ in also if its)]
    return [
        _see(kinds[0], custom),
        *changes,
        *_by_label(apart, custom, kinds[0]),
        look("See that the Operator has taken it.", *(_status_of(its, one) for its, one in read)),
    ]


def _status_of(custom: Prometheus, apart: Apart) -> Command | None:
    if custom.of_victoriametrics:
        return shell("kubectl -n {} get {} {} -o jsonpath='{.status}'", *apart.target)
    return shell("kubectl -n {} get {} {} -o jsonpath='{.status.conditions}'", *apart.target)


def _keep(apart: Apart, custom: Prometheus | None, kinds: Sequence[Selected]) -> Step:
    """The change itself; where its object was not read, the way to see it."""
    if custom is None:
        return look(f"See what {apart.name} selects; its object was not read.", shell("kubectl -n {} get {} {} -o yaml", *apart.target))
    spec = {places_field(kind): _limited(kind.places_of(custom), apart.places) for kind in kinds}
    return set_spec(
        f"Let {apart.name} select only in the namespaces of {apart.own}, and in the shared ones that it uses.",
        *(resource_of(apart.subject), custom.metadata, spec),
        key=spec_key(apart.subject.kind),
        instead=_by_namespace(kinds, custom),
        after="Add new namespaces there as they come.",
    )


def resource_of(subject: Subject) -> Resource:
    """The kind of what selects, as kubectl wants it."""
    return STACKS.get(subject.kind, PROMETHEUSES)


def _by_namespace(kinds: Sequence[Selected], custom: Prometheus) -> str:
    """For a Prometheus that OpenShift's Operator makes: what it asks namespaces for can be changed on these only."""
    asked_for = listed(list(dict.fromkeys(f"{places_field(one)} {describe_places(one.places_of(custom))}" for one in kinds)), 3)
    return f"What its namespaces are asked for stays as it is ({asked_for}): change the labels of the namespaces to leave out."


def _limited(present: LabelSelector | None, places: Iterable[str], operator: str = "In") -> dict[str, Any]:
    """The part of a namespace selector to merge in. A list is replaced as a whole, so what is in it is repeated."""
    kept = [
        {"key": one.key, "operator": one.operator, **({"values": one.values_} if one.values_ else {})}
        for one in (present.match_expressions if present else [])
    ]
    return {"matchExpressions": [*kept, {"key": NAMESPACE_NAME, "operator": operator, "values": sorted(places)}]}


def leave_out(subject: Subject, custom: Prometheus, kinds: Sequence[Selected], whose: Subject) -> Step:
    """For objects in the namespace of another Prometheus, which are made for that one."""
    spec = {places_field(kind): _limited(kind.places_of(custom), [whose.namespace], "NotIn") for kind in kinds}
    return set_spec(
        f"Let {subject.namespace}/{subject.name} select outside of {whose.namespace}: what is there is made for {whose.name}.",
        *(resource_of(subject), custom.metadata, spec),
        key=spec_key(subject.kind),
        instead=_by_namespace(kinds, custom),
    )


def divide(first: Subject, second: Subject, places: Sequence[str]) -> Step:
    """For what is in the namespace of neither: which of the two is to scrape it, only their owners know."""
    return change(
        f"Decide for each of these namespaces whether {first.namespace}/{first.name} or {second.namespace}/{second.name} looks after it, "
        f"and take it out of what the other one selects or discovers: {listed(places, 10)}. To tell them apart by label, give each release "
        f"a label of its own, on its selectors and on all that it is to select, in one commit. {GIT}."
    )


def drop_in_job(subject: Subject, job: str, whose: Subject) -> Step:
    """For a job without a monitor that discovers pods and Services in the namespace of another Prometheus."""
    rule = "- job_name: {}\n  relabel_configs:\n  - source_labels: [__meta_kubernetes_namespace]\n    regex: {}\n    action: drop"
    return change(
        f"In the configuration of {subject.namespace}/{subject.name}, put this rule first in the job, and leave the rest of the job as it "
        "is. Change it at its source, in Git.",
        code=snippet(rule, job, whose.namespace),
    )


def _see(kind: Selected, custom: Prometheus) -> Step:
    selector = kind.labels_of(custom)
    pairs = list(asked(selector))
    if len(pairs) == 1:
        return look(
            "See what carries the label that its selector asks for, in all namespaces.",
            shell("kubectl get {} -A -l {}={}", kind.resource.name, *pairs[0]),
        )
    return look("See what there is to select, with its labels.", shell("kubectl get {} -A --show-labels", kind.resource.name))


def _by_label(apart: Apart, custom: Prometheus, kind: Selected) -> list[Step]:
    """Labels of their own, for later: no command, for the selector and all that it selects must change together."""
    selector = kind.labels_of(custom)
    keys = sorted(selector.match_labels) if selector else []
    if not keys:
        return []
    value = value_of(custom.metadata, f"{spec_key(apart.subject.kind)}.{kind.field}.matchLabels.{keys[0]}")
    made = f", such as `kube-state-metrics.prometheus.monitor.additionalLabels.{keys[0]}`" if kind.resource is SERVICE_MONITORS else ""
    in_values = f" In the values these are `{value}`, and the label of each {kind.resource.kind}{made}." if value else ""
    return [
        change(
            f"Later, to tell {apart.own} from {apart.other} by label as well, change the selector and every {kind.resource.kind} that it "
            f"selects in one commit: with the selector alone changed, it selects nothing.{in_values}"
        )
    ]


# --- other ways in ----------------------------------------------------------------------------------------------------


_NARROWED = {one.name for one in (SERVICE_MONITORS, POD_MONITORS, VM_SERVICE_SCRAPES, VM_POD_SCRAPES)}


def narrow_monitors(apart: Apart, reaching: Mapping[tuple[str, str, str], Collection[str]]) -> list[Step]:
    """For monitors of its own that reach over: (resource, namespace, name) → the namespaces where each has targets to keep."""
    patched = {one: kept for one, kept in reaching.items() if one[0] in _NARROWED and kept}
    steps = [
        look(
            f"See where they look for targets: what selects in {apart.other} is in the monitor itself.",
            *(shell("kubectl -n {} get {} {} -o jsonpath='{.spec}'", place, kind, name) for kind, place, name in list(reaching)[:5]),
        )
    ]
    if patched:
        steps.append(
            change(
                f"Limit them to the namespaces outside {apart.other} in which they have targets. {GIT}.",
                *(
                    shell(
                        "kubectl -n {} patch {} {} --type merge -p {}",
                        *(place, kind, name),
                        patch({"spec": {"namespaceSelector": {"any": None, "matchNames": sorted(kept)}}}),
                    )
                    for (kind, place, name), kept in patched.items()
                ),
            )
        )
    if len(patched) < len(reaching):
        names = ", ".join(f"{place}/{name}" for kind, place, name in reaching if (kind, place, name) not in patched)
        steps.append(change(f"Take {apart.other} out of what {names} names, or delete it if it is meant for {apart.other} only. {GIT}."))
    return steps


def narrow_shared(apart: Apart, monitors: Iterable[tuple[str, str, str]]) -> list[Step]:
    """For monitors in shared namespaces: whose Prometheus is to take them, only their owner knows."""
    there = list(monitors)
    return [
        look(
            f"They are in namespaces that {apart.own} and {apart.other} share. See where each looks for targets, and its labels.",
            *(shell("kubectl -n {} get {} {} -o yaml", place, kind, name) for kind, place, name in there[:5]),
        ),
        change(
            f"Make one monitor for each environment, with the namespaces of that environment in spec.namespaceSelector, and with labels "
            f"that only its Prometheus selects. {GIT}."
        ),
    ]


def narrow_job(apart: Apart, custom: Prometheus | None, job: str, kept: Iterable[str], theirs: Sequence[str]) -> list[Step]:
    """For a job that no monitor stands for: in the Secret of additionalScrapeConfigs, or in the configuration itself.

    `kept` are the namespaces of its other targets, none where they were not discovered in namespaces; `theirs` the URLs to leave out.
    """
    extra = custom.spec.additional_scrape_configs if custom else None
    place, own = apart.subject.namespace, sorted(kept)
    if extra and extra.name:
        where = f"the key {extra.key} of the Secret {place}/{extra.name}, which spec.additionalScrapeConfigs names"
        see = look("See what owns the Secret: only there a change stays.", owner_of_secret(place, extra.name))
    else:
        where = f"the configuration of {apart.name}, where no monitor stands for it"
        see = look("See what configures it.", shell("kubectl -n {} get configmaps", place))
    if not own:
        urls = said(listed(theirs, 5))
        text = f"In {where}, take out of the job {said(job)} what leads to {apart.other}: {urls}. Change it at its source, in Git."
        return [see, change(text)]
    text = f"In {where}, put this rule first in the job, and leave the rest of the job as it is. Change it at its source, in Git."
    if custom is None:
        text += " It counts once it is loaded, by a reloader beside it or by a restart."
    rule = "- job_name: {}\n  relabel_configs:\n  - source_labels: [__meta_kubernetes_namespace]\n    regex: {}\n    action: keep"
    return [see, change(text, code=snippet(rule, job, "|".join(own)))]
