"""What is said of an object of a custom resource, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Command, Step, Subject, Table
from clusterprobe.systems.custom_resources import own_advice
from clusterprobe.systems.custom_resources.acme import Challenge, told_of
from clusterprobe.systems.custom_resources.backups import BACKUPS, LAST, SCHEDULES
from clusterprobe.systems.custom_resources.diagnosis import FLUX, Diagnosis
from clusterprobe.systems.custom_resources.kinds import is_own
from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject, Named
from clusterprobe.systems.custom_resources.statuses import Stated
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.missing import look_for, named
from clusterprobe.times import ago
from clusterprobe.words import listed, said

_CERTIFICATES = "certificates.cert-manager.io"
_GATEWAY_API = "gateway.networking.k8s.io"
_REPAIRS: Mapping[str, str] = {
    "cert-manager.io": "Correct the issuer, or the names and the challenge that it refuses",
    "external-secrets.io": "Correct the store, its credentials, or the key that its message or its events name",
    _GATEWAY_API: "Correct the reference, or what the Gateway allows",
    "sloth.slok.dev": "Correct the SLO that the log of Sloth's controller names, which is the only place that says why",
}


def described(kind: CustomKind, subject: Subject) -> Command | None:
    """The object with its conditions and its events."""
    if subject.namespace:
        return shell("kubectl -n {} describe {} {}", subject.namespace, kind.resource, subject.name)
    return shell("kubectl describe {} {}", kind.resource, subject.name)


def name_of(one: Stated) -> str:
    """A condition as `kubectl wait` names it, with the part of the object that it is about."""
    of = f" for {one.of}" if one.of else ""
    return f"{one.type}={one.status or 'Unknown'}{of}"


def problem(subject: Subject, found: Diagnosis) -> str:
    """What is wrong, and since when."""
    names = listed([name_of(one) for one in found.conditions], 3)
    reasons = listed(sorted({one.reason for one in found.conditions if one.reason}), 3)
    why = f" ({reasons})" if reasons else ""
    if found.seconds is None:
        return f"{subject} has {names}{why}; since when is not reported."
    if found.retried:
        return f"{subject} has {names}{why}, from its last attempt {ago(found.seconds)} ago."
    return f"{subject} has had {names}{why} for {ago(found.seconds)}."


def cause(found: Diagnosis) -> str:
    """What the controller says, each thing once."""
    each = list(dict.fromkeys(one.message or one.reason for one in found.conditions if one.message or one.reason))
    words = "; ".join(said(one, 600) for one in each[:3])
    heard = f" An event of it says {said(found.heard, 600)}." if found.heard else ""
    told = f"Its controller says {words}." if words else "Its controller gives no reason and no message."
    return f"{told}{heard}{named(found.missing)}"


class Case(NamedTuple):
    """An object that is not well, and what was found of it."""

    subject: Subject
    kind: CustomKind
    one: CustomObject
    found: Diagnosis


class Beside(NamedTuple):
    """What explains it beside the object itself: challenges of ACME, and who serves which API."""

    challenges: Iterable[Challenge]
    servers: Mapping[str, Named]


def explained(case: Case, beside: Beside) -> tuple[str, list[Step]]:
    """The cause in words, and the steps: of kinds whose messages are known, by what they say."""
    subject, kind, one, found = case
    first = [*look_for(found.missing), look("See its conditions, and the events about it.", described(kind, subject))]
    if is_own(kind.resource):
        row = own_advice.row_of(kind.kind, found.conditions)
        asked = own_advice.asked_of(one, found.conditions, beside.servers)
        steps = [*first, *own_advice.steps(subject, one, found.conditions, beside.servers)]
        return _joined(row.why if row else "", cause(found), asked), steps
    steps = [*first, *_steps(kind, subject, one, found)]
    if kind.resource == _CERTIFICATES:
        told = told_of(one, found.conditions, beside.challenges)
        return _joined(told.why, cause(found), told.words), [*(steps[:-1] if told.why else steps), *told.steps]
    return cause(found), steps


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _steps(kind: CustomKind, subject: Subject, one: CustomObject, why: Diagnosis) -> list[Step]:
    """How to follow it, and at last where it is repaired."""
    found = []
    if kind.resource == SCHEDULES and one.about and any(each.type == LAST for each in why.conditions):
        shown = shell("kubectl -n {} describe {} {}", one.about.namespace, BACKUPS, one.about.name)
        text = f"Repair what the message names, or the backup's log (by Velero's own client), {SOURCE}. The next backup shows it."
        return [look("See that backup.", shown), change(text)]
    if kind.resource == _CERTIFICATES:
        text = "See the requests that were made for it, with what the issuer answered."
        found.append(look(text, shell("kubectl -n {} describe certificaterequests.cert-manager.io", subject.namespace)))
    if kind.group == "longhorn.io":
        found += _of_longhorn(subject)
    elif kind.group.endswith(FLUX):
        found.append(change("Repair what the message names, in Git. Flux tries again at its next interval."))
    else:
        found.append(
            change(f"{_REPAIRS.get(kind.group, 'Repair what the message names')}, {SOURCE}. Its controller tries again by itself.")
        )
    if kind.group == _GATEWAY_API and subject.namespace:  # its messages name fields of the object itself
        found.append(edited(kind.resource, subject))
    return found


def _of_longhorn(subject: Subject) -> list[Step]:
    """Its state is what is left of its replicas."""
    seen = look("See where its replicas are.", shell("kubectl -n {} get replicas.longhorn.io -o wide", subject.namespace))
    text = (
        "Bring the nodes, the disks and the pods back that its replicas are on, and see that others have room for new ones. One that is "
        "faulted, and whose disk is well, is salvaged in Longhorn (Salvage). Without any replica restore a backup."
    )
    return [seen, change(text)]


def table(found: list[Stated]) -> Table:
    """The conditions, all of them."""
    rows = [[name_of(one), one.reason, one.last_transition_time or "", one.message[:300]] for one in found]
    return Table(title="Conditions", columns=["Condition", "Reason", "Since", "Message"], rows=rows)
