"""Why a SealedSecret does not open: told from where it was sealed for, from what else opens, and from the controller's newest key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.systems.sealed_secrets.sources import Scope, SealedSecret, SealingCertificate, scope_of
from clusterprobe.systems.sealed_secrets.unsealed import Unsealed
from clusterprobe.times import epoch

NO_KEY = "no key could decrypt secret"
SETTLING_SECONDS = 60.0  # a refusal that comes so long after the last change was not brought about by it
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a SealedSecret was sealed for, where that is not what it is applied as.

    `sign` is what tells: the place or the scope in its template, or a twin, which is a SealedSecret with the same encrypted values that
    opens where it is.
    """

    place: Place
    scope: Scope
    sign: Literal["place", "scope", "twin"]
    twin: SealedSecret | None = None

    def fits(self, place: Place) -> bool:
        """Whether it would open at this place, so that only its scope was changed."""
        return _same(self.scope, self.place, place)


_KEYS = ours(rf"{NO_KEY} \(([^()]*)\)")


def keys_in(message: str) -> list[str]:
    """The keys that the controller could not open: `no key could decrypt secret (password, url)`."""
    found = _KEYS.search(message)
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
        return Origin(place, scope, "place", twin)
    if (template.name or template.namespace) and scope != one.scope:
        return Origin(place, scope, "scope", twin)
    if twin is not None and not _same(twin.scope, twin.place, one.place):
        return Origin(twin.place, twin.scope, "twin", twin)
    return None


def _same(scope: Scope, one: Place, other: Place) -> bool:
    """Whether what is sealed with this scope for one place opens at another."""
    return scope == "cluster-wide" or (one[0] == other[0] and (scope == "namespace-wide" or one[1] == other[1]))


# --- the key ----------------------------------------------------------------------------------------------------------


Loss = Literal["opened before", "nothing opens", "older than the key"]
"""What shows that the controller lacks the key of a SealedSecret."""


def without_key(
    failing: list[SealedSecret],
    every: Readings[SealedSecret],
    facts: dict[Place, Unsealed],
    certificates: Readings[SealingCertificate],
) -> dict[Place, Loss]:
    """Those whose key the controller lacks, with what tells so. `failing` are those that nothing else explains."""
    found: dict[Place, Loss] = {one.place: "opened before" for one in failing if _opened_before(one, facts.get(one.place, Unsealed()))}
    if every.complete and (found or len(failing) > 1):
        others = [changed_at(each) for each in every.items if each.opens]
        newest = max((at for each in certificates.items if (at := epoch(each.not_before)) is not None), default=None)
        for one in failing:
            loss = _nothing_like_it_opens(one, others, newest)
            if loss:
                found.setdefault(one.place, loss)
    return found


def _opened_before(one: SealedSecret, fact: Unsealed) -> bool:
    """It opened as it is now: its Secret is there and its own, and it was not changed when it ceased to open."""
    condition, changed = one.synced, changed_at(one)
    ceased = epoch(condition.last_transition_time) if condition else None
    if ceased is None or changed is None:
        return False
    return bool(fact.exists and fact.owned) and ceased - changed >= SETTLING_SECONDS


def _nothing_like_it_opens(one: SealedSecret, opening_since: list[float | None], newest: float | None) -> Loss | None:
    """Nothing opens at all, or nothing that is as old as it is, and the newest key is younger; times are those of the last changes."""
    if not opening_since:
        return "nothing opens"
    if newest is None or (changed := changed_at(one)) is None or changed >= newest:
        return None
    if any(at is None or at < newest for at in opening_since):
        return None
    return "older than the key"


def changed_at(one: SealedSecret) -> float | None:
    """When its spec was written, as epoch seconds; None where that is not known."""
    if one.metadata.generation == 1:
        return epoch(one.metadata.creation_timestamp)
    return epoch(one.changed_at)
