"""What to do about a monitor that leads to nothing, and about what is scraped twice."""

from __future__ import annotations

from collections.abc import Sequence

from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.patterns import ours
from clusterprobe.systems.kubernetes.looking import logs_of_label
from clusterprobe.systems.prometheus.monitor_diagnosis import Chain, Twice
from clusterprobe.systems.prometheus.objects import SERVICE_MONITORS, pool_origin
from clusterprobe.systems.prometheus.selection import BY_KIND
from clusterprobe.words import listed

_SECRET = ours(r'\bsecrets? "([^"]+)"')
_KUBELET = ours(r"kubelet$")


def secret_in(message: str) -> str:
    """The Secret that a message of the Operator names; empty where it names none."""
    found = _SECRET.search(message)
    return str(found[1]) if found else ""


def _see(subject: Subject) -> Step:
    return look("See the monitor.", shell("kubectl -n {} get {} {} -o yaml", subject.namespace, _resource(subject), subject.name))


def _resource(subject: Subject) -> str:
    return BY_KIND[subject.kind].resource.name


def reject_steps(subject: Subject, refusal: str) -> list[Step]:
    """For a monitor that the Operator refuses."""
    if name := secret_in(refusal):
        return [
            _see(subject),
            look("See which Secrets there are.", shell("kubectl -n {} get secrets", subject.namespace)),
            change(
                f"Create the Secret {name} with the key that the monitor names, or correct its name in the monitor. Change it {SOURCE}."
            ),
        ]
    return [_see(subject), change(f"Correct in the monitor what the message names. Change it {SOURCE}.")]


def steps_of(subject: Subject, chain: Chain, takers: Sequence[Subject] = ()) -> list[Step]:
    """By the link that is missing."""
    what, plural = ("Service", "services") if subject.kind == SERVICE_MONITORS.kind else ("pod", "pods")
    match chain.state:
        case "port missing":
            places = list(dict.fromkeys(one.split("/", 1)[0] for one in chain.selected))[:3]
            name = f"{chain.there[0]}" if len(chain.there) == 1 else f"one of {', '.join(chain.there)}" if chain.there else "a name"
            given = "" if chain.there else f" Give the port of the {what} that name first."
            return [
                _see(subject),
                look(f"See the ports of each {what}.", *(shell("kubectl -n {} get {} -o wide", one, plural) for one in places)),
                change(f"Name the port in the monitor as the {what} does: {name}. Change it {SOURCE}.{given}"),
            ]
        case "nothing to select":
            places = list(chain.places[:3])
            shown = [shell("kubectl -n {} get {} --show-labels", one, plural) for one in places]
            return [
                _see(subject),
                look(f"See the labels of each {what}.", *(shown or [shell("kubectl get {} -A --show-labels", plural)])),
                change(
                    f"Correct spec.selector or spec.namespaceSelector, or give the {what} those labels. Or delete the monitor, if what it "
                    f"watched was removed. Change it {SOURCE}."
                ),
            ]
    return [
        _see(subject),
        *[
            look(
                "See whether it may look there.",
                logs_of_label(one.namespace, f"app.kubernetes.io/instance={one.name}", "forbidden|failed to (list|watch)", "1h"),
            )
            for one in takers[:1]
        ],
        change(f"Correct the relabelings of the monitor, or let the Role of that Prometheus allow it to list there. Change it {SOURCE}."),
    ]


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
