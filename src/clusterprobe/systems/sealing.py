"""Why a SealedSecret does not open: told from where it was sealed for, from what else opens, and from the controller's newest key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.readings import Readings
from clusterprobe.systems.sealed_secrets import Scope, SealedSecret, SealingCertificate, scope_of
from clusterprobe.systems.unsealed import Unsealed
from clusterprobe.times import epoch

NO_KEY = "no key could decrypt secret"
IN_THE_WAY = "already exists and is not managed by SealedSecret"
IMMUTABLE = "immutable"
SETTLING_SECONDS = 60.0  # a refusal that comes so long after the last change was not brought about by it
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a SealedSecret was sealed for, where that is not what it is applied as.

    `told` says what tells; `twin` is a SealedSecret with the same encrypted values that opens where it is.
    """

    place: Place
    scope: Scope
    told: str
    twin: SealedSecret | None = None


def keys_in(message: str) -> list[str]:
    """The keys that the controller could not open: `no key could decrypt secret (password, url)`."""
    found = re.search(rf"{NO_KEY} \(([^()]*)\)", message)
    return [one.strip() for one in found[1].split(",")] if found else []


Opening = dict[str, list[SealedSecret]]
"""What opens, by the digests of its encrypted values: no two encryptions are ever the same."""


def opening(every: Iterable[SealedSecret]) -> Opening:
    found: Opening = {}
    for one in every:
        for value in one.sealed if one.opens else ():
            found.setdefault(value.digest, []).append(one)
    return found


def origin_of(one: SealedSecret, opens: Opening) -> Origin | None:
    """Where it was copied or renamed from, or which scope it had; None where it seems to be what it was sealed as."""
    twin = next((each for value in one.sealed for each in opens.get(value.digest, ()) if each.place != one.place), None)
    template, scope = one.template, scope_of(one.template.annotations)
    place = (template.namespace or one.place[0], template.name or one.place[1])
    if not _same(scope, place, one.place):
        return Origin(place, scope, _told(one, place), twin)
    if (template.name or template.namespace) and scope != one.scope:
        return Origin(place, scope, f"spec.template of it says scope {scope}, its own annotations say {one.scope}", twin)
    if twin is not None and not _same(twin.scope, twin.place, one.place):
        told = "the same encrypted values open in SealedSecret {}/{}".format(*twin.place)
        return Origin(twin.place, twin.scope, told, twin)
    return None


def _same(scope: Scope, one: Place, other: Place) -> bool:
    """Whether what is sealed with this scope for one place opens at another."""
    return scope == "cluster-wide" or (one[0] == other[0] and (scope == "namespace-wide" or one[1] == other[1]))


def _told(one: SealedSecret, place: Place) -> str:
    template = one.template
    fields = [
        f"spec.template.metadata.{name} is {value}"
        for name, value, own in (("namespace", template.namespace, one.place[0]), ("name", template.name, one.place[1]))
        if value and value != own
    ]
    return " and ".join(fields) or f"it says {'/'.join(place)}"


def why_sealed(one: SealedSecret, origin: Origin | None, lost: str) -> str:
    """The likeliest cause why nothing opens it, and how that is known; `lost` is what tells that its key is gone."""
    here = "/".join(one.place)
    if origin is None and lost:
        return f"The controller lacks the key that it was sealed with: {lost}."
    if origin is None:
        return (
            f"Nothing in it contradicts {here}, so, by likeliest cause: another place's file was edited until it fitted; it "
            "was sealed with another cluster's certificate; its key is lost; or its text was damaged."
        )
    if _same(origin.scope, origin.place, one.place):
        return f"Its scope was changed: {origin.told}, by which the controller goes; what is sealed for one scope opens in no other."
    there = "/".join(origin.place)
    moved = f"renamed from {origin.place[1]}" if origin.place[0] == one.place[0] else f"copied from namespace {origin.place[0]}"
    twin = f" The original, SealedSecret {'/'.join(origin.twin.place)} with the same encrypted values, opens." if origin.twin else ""
    bound = "that namespace" if origin.scope == "namespace-wide" else "that namespace and that name"
    return (
        f"It was {moved}: it was sealed for {there} ({origin.told}), and is applied as {here}. Scope {origin.scope} binds its values to "
        f"{bound}.{twin}"
    )


# --- the key ----------------------------------------------------------------------------------------------------------


def without_key(
    failing: list[SealedSecret],
    every: Readings[SealedSecret],
    facts: dict[Place, Unsealed],
    certificates: Readings[SealingCertificate],
) -> dict[Place, str]:
    """Those whose key the controller lacks, with what tells so. `failing` are those that nothing else explains."""
    found = {one.place: told for one in failing if (told := _opened_before(one, facts.get(one.place, Unsealed())))}
    if every.complete and (found or len(failing) > 1):
        others = [changed_at(each) for each in every.items if each.opens]
        newest = max((at for each in certificates.items if (at := epoch(each.not_before)) is not None), default=None)
        for one in failing:
            told = _nothing_like_it_opens(one, others, newest)
            if told:
                found.setdefault(one.place, told)
    return found


def _opened_before(one: SealedSecret, fact: Unsealed) -> str:
    """It opened as it is now: its Secret is there and its own, and it was not changed when it ceased to open."""
    condition, changed = one.synced, changed_at(one)
    ceased = epoch(condition.last_transition_time) if condition else None
    if not (fact.exists and fact.owned) or ceased is None or changed is None or ceased - changed < SETTLING_SECONDS:
        return ""
    return "it opened before as it is, for its Secret is there and its own"


def _nothing_like_it_opens(one: SealedSecret, opening_since: list[float | None], newest: float | None) -> str:
    """Nothing opens at all, or nothing that is as old as it is, and the newest key is younger; times are those of the last changes."""
    if not opening_since:
        return "no SealedSecret opens"
    if newest is None or (changed := changed_at(one)) is None or changed >= newest:
        return ""
    if any(at is None or at < newest for at in opening_since):
        return ""
    return "it is older than the controller's newest key, and nothing as old opens"


def changed_at(one: SealedSecret) -> float | None:
    """When its spec was written, as epoch seconds; None where that is not known."""
    if one.metadata.generation == 1:
        return epoch(one.metadata.creation_timestamp)
    return epoch(one.changed_at)
