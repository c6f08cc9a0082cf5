"""What to do about a monitor that leads to nothing, and about what is scraped twice."""

from __future__ import annotations

from collections.abc import Sequence

from clusterprobe.fixes import SOURCE, change, look, patch, shell
from clusterprobe.model import Command, Step, Subject
from clusterprobe.patterns import ours
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.event_lists import secret_in
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.kubernetes.managers import Manager
from clusterprobe.systems.kubernetes.objects import LabelSelector
from clusterprobe.systems.prometheus.monitor_diagnosis import OF_SERVICES, Chain, Twice
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, pool_origin
from clusterprobe.systems.prometheus.selection import BY_KIND
from clusterprobe.words import listed

_KUBELET = ours(r"kubelet$")


def _see(subject: Subject) -> Step:
    return look("See the monitor.", shell("kubectl -n {} get {} {} -o yaml", subject.namespace, _resource(subject), subject.name))


def _resource(subject: Subject) -> str:
    return BY_KIND[subject.kind].resource.name


def reject_steps(subject: Subject, refusal: str, manager: Manager) -> list[Step]:
    """For a monitor that the Operator refuses."""
    if name := secret_in(refusal):
        return [
            _see(subject),
            look("See which Secrets there are.", shell("kubectl -n {} get secrets", subject.namespace)),
            change(
                f"Create the Secret {name} with the key that the monitor names, or correct its name in the monitor. Change it "
                f"{manager.source}."
            ),
        ]
    text = f"Correct in the monitor what the message names. Change it {manager.source}."
    return [_see(subject), change(text), edited(_resource(subject), subject)]


def steps_of(subject: Subject, chain: Chain, manager: Manager, takers: Sequence[Subject] = ()) -> list[Step]:
    """By the link that is missing."""
    what, plural = ("Service", "services") if subject.kind in OF_SERVICES else ("pod", "pods")
    match chain.state:
        case "port missing":
            places = list(dict.fromkeys(one.split("/", 1)[0] for one in chain.selected))[:3]
            name = f"{chain.there[0]}" if len(chain.there) == 1 else f"one of {', '.join(chain.there)}" if chain.there else "a name"
            given = "" if chain.there else f" Give the port of the {what} that name first."
            return [
                _see(subject),
                look(f"See the ports of each {what}.", *(shell("kubectl -n {} get {} -o wide", one, plural) for one in places)),
                change(
                    f"Name the port in the monitor as the {what} does: {name}. Change it {manager.source}.{given}",
                    *_named(subject, chain, manager),
                ),
            ]
        case "nothing to select":
            text = f"{_selecting(chain, what)} Change it {manager.source}."
            return [_see(subject), _see_labels(chain, what, plural), change(text), edited(_resource(subject), subject)]
        case "no pod behind":
            place, _, name = chain.selected[0].partition("/")
            return [
                look("See the Service.", shell("kubectl -n {} get service {} -o yaml", place, name)),
                look("See the labels of each pod.", shell("kubectl -n {} get pods --show-labels", place)),
                change(f"Let spec.selector of the Service ask for the labels that its pods have. Change it {SOURCE}."),
            ]
    return [
        _see(subject),
        *[
            look(
                "See whether it may look there.",
                log_of(one.namespace, f"statefulset/prometheus-{one.name}", "forbidden|failed to (list|watch)"),
            )
            for one in takers[:1]
            if one.kind == PROMETHEUSES.kind  # of an agent there may be a DaemonSet
        ],
        change(f"Correct the relabelings of the monitor, {manager.source}. Or let the Role of what selects it allow it to list there."),
    ]


def _see_labels(chain: Chain, what: str, plural: str) -> Step:
    """Where it looks, of what exists, and where it may be meant to."""
    places = [one for one in chain.places if one not in chain.absent] + [one.partition("/")[0] for one in chain.elsewhere]
    shown = [shell("kubectl -n {} get {} --show-labels", one, plural) for one in list(dict.fromkeys(places))[:3]]
    return look(f"See the labels of each {what}.", *(shown or [shell("kubectl get {} -A --show-labels", plural)]))


def _selecting(chain: Chain, what: str) -> str:
    removed = "Or delete the monitor, if what it watched was removed."
    if chain.elsewhere:
        names = sorted({one.partition("/")[0] for one in chain.elsewhere})
        return (
            f"If it is meant for {listed(chain.elsewhere, 3)}, let it look there: name {listed(names, 3)} in "
            f"spec.namespaceSelector.matchNames. Else correct spec.selector. {removed}"
        )
    if chain.absent:
        return f"Correct the names in spec.namespaceSelector.matchNames. {removed}"
    if chain.near:
        return f"Give {what} {listed(chain.near, 3)} the labels that spec.selector asks for, in its metadata.labels. {removed}"
    if chain.alike:
        place, labels = chain.alike[0]
        return f"If it is meant for {place}, let spec.selector ask for {labels}. {removed}"
    return f"Correct spec.selector or spec.namespaceSelector, or give the {what} those labels. {removed}"


def selects_nothing(subject: Subject, chain: Chain, selector: LabelSelector | None) -> str:
    """Why a monitor selects nothing, with what it may be meant for."""
    what = "Service" if subject.kind in OF_SERVICES else "pod"
    there = [one for one in chain.places if one not in chain.absent]
    told = [f"The namespace {one}, in which it is to look, does not exist." for one in chain.absent]
    if there or not chain.places:
        where = f"in {listed(there, 3)}" if there else "of any namespace"
        told.append(f"No {what} {where} has the labels that its spec.selector asks for: {selector}.")
    if chain.elsewhere:
        told.append(f"{listed(chain.elsewhere, 3)} {'has' if len(chain.elsewhere) == 1 else 'have'} them, where it does not look.")
    elif chain.near:
        told.append(f"{what} {listed(chain.near, 3)} asks its pods for them, and does not have them itself.")
    elif chain.alike:
        told.append(f"{what} {listed([f'{place} has {labels}' for place, labels in chain.alike], 3)}.")
    return " ".join(told)


def _named(subject: Subject, chain: Chain, manager: Manager) -> list[Command | None]:
    """The command for a monitor with one endpoint, of whose port there is but one name; it changes nothing where that is another by now."""
    if manager.maker or not chain.whole or len(chain.wanted) != 1 or len(chain.there) != 1:
        return []
    path = f"/spec/{'endpoints' if subject.kind in OF_SERVICES else 'podMetricsEndpoints'}/0/port"
    edit = [{"op": "test", "path": path, "value": chain.wanted[0]}, {"op": "replace", "path": path, "value": chain.there[0]}]
    target = (subject.namespace, _resource(subject), subject.name)
    return [shell("kubectl -n {} patch {} {} --type json -p {}", *target, patch(edit))]


def about_twice(one: Twice) -> str:
    """Why it is scraped twice, as far as its pools and Services tell."""
    origins = [f"{origin[0].kind} {origin[1]}/{origin[2]}" for pool in one.pools if (origin := pool_origin(pool))]
    through = listed(origins or list(one.pools), 4, between=" and ")
    if len(one.services) > 1:
        kept = (
            " The Operator keeps one such Service; one that a former release or a second Operator made stays." if _is_kubelet(one) else ""
        )
        return (
            f"{through} {'finds' if len(one.pools) == 1 else 'find'} each of them behind {listed(one.services, 4, between=' and ')}.{kept}"
        )
    if len(one.pools) > 1:
        return f"{through} select the same {'Service ' + one.services[0] if one.services else 'targets'}."
    return f"{through} has them twice, with labels that differ."


def _is_kubelet(one: Twice) -> bool:
    return all(_KUBELET.search(each) for each in one.services)


def twice_steps(one: Twice) -> list[Step]:
    """Which of two is left over is not known from here, so nothing is deleted."""
    if len(one.services) > 1:
        pairs = [each.split("/", 1) for each in one.services[:4]]
        return [
            look(
                "See which of the Services is kept up to date, and by whom.",
                *(shell("kubectl -n {} get service {} -o yaml --show-managed-fields", place, name) for place, name in pairs),
            ),
            change(
                "Delete the Service that is left over, once nothing else uses it. If both are needed, let the monitor's spec.selector "
                f"match one of them only. Change it {SOURCE}."
            ),
        ]
    origins = [origin for pool in one.pools[:4] if (origin := pool_origin(pool))]
    seen = [look("See both.", *(shell("kubectl -n {} get {} {} -o yaml", place, kind.name, name) for kind, place, name in origins))]
    return [
        *(seen if origins else []),
        change(f"Let one of them select these targets, or delete the one that is left over. Change it {SOURCE}."),
    ]
