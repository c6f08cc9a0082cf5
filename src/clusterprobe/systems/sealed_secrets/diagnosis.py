"""What became of a SealedSecret: as data, for a probe to put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.access.servers import Server
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Condition
from clusterprobe.systems.sealed_secrets.causes import NO_KEY, Loss, Origin, changed_at, opening, origin_of, without_key
from clusterprobe.systems.sealed_secrets.sources import SealedSecret, SealingCertificate
from clusterprobe.systems.sealed_secrets.unsealed import Unsealed
from clusterprobe.times import age, epoch

_IN_THE_WAY = "already exists and is not managed by SealedSecret"
_IMMUTABLE = "immutable"
# What the API server says of a Secret that it would not take either if none were there.
_REFUSED_ANYWAY = ("required value", "must contain", "is required", "unsupported value")
_NEEDED_KEYS = {
    "kubernetes.io/basic-auth": ("username", "password"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}

State = Literal[
    "fine",
    "going",  # it is being deleted
    "odd condition",
    # refused: Synced=False for the newest generation
    "sealed",
    "in the way",
    "bad template",
    "immutable",
    "refused",
    # the controller has not said anything of the newest generation
    "age unknown",
    "young",
    "stale",
    "ignored",
    "without status",
    "without status, and unknown",
    # it opened: is its Secret there, and its own?
    "unknown",
    "not listed yet",
    "missing",
    "owner unknown",
    "of another",
    "of no owner",
]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What became of one SealedSecret.

    `origin` is what it was sealed for instead, `loss` what tells that its key is lost: both of one that is `sealed`. `seconds` is how
    long ago its spec was written, where the controller has not said anything of that.
    """

    sealed: SealedSecret
    state: State
    fact: Unsealed
    origin: Origin | None = None
    loss: Loss | None = None
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """What the controller says of the newest generation; may be empty."""
        return self.sealed.synced.message if self.sealed.synced else ""

    @property
    def keeps_secret(self) -> bool:
        """Whether an older Secret of its own is still there."""
        return bool(self.fact.exists and self.fact.owned)


class World:
    """What is known beside a SealedSecret: the readings, the moment, and the seconds within which nothing need have happened."""

    def __init__(
        self,
        every: Readings[SealedSecret],
        facts: Readings[Unsealed],
        certificates: Readings[SealingCertificate],
        controllers: Readings[Server],
        *,
        now: float,
        patience_seconds: float,
    ) -> None:
        self._facts, self.opens = facts.by_name(), opening(every.items)
        failing = [one for one in every.items if _cannot_open(one) and origin_of(one, self.opens) is None]
        self.losses = without_key(failing, every, self._facts, certificates)
        self.no_controller = controllers.complete and not controllers.values
        self.now, self.patience_seconds = now, patience_seconds

    def fact(self, one: SealedSecret) -> Unsealed:
        return self._facts.get(one.place, Unsealed(proof="what is known of its Secret could not be read"))


def _cannot_open(one: SealedSecret) -> bool:
    refused = one.synced is not None and one.synced.status == "False" and NO_KEY in one.synced.message
    return refused and not one.metadata.deletion_timestamp


def diagnose(one: SealedSecret, world: World) -> Diagnosis:
    """What became of it."""
    fact, known = world.fact(one), age(changed_at(one), world.now)
    seconds = known or 0.0
    if one.metadata.deletion_timestamp:
        return Diagnosis(one, "going", fact)
    if one.synced is None:
        return Diagnosis(one, _unspoken(one, fact, world, known), fact, seconds=seconds)
    if _cannot_open(one):
        return Diagnosis(one, "sealed", fact, origin_of(one, world.opens), world.losses.get(one.place))
    states: dict[str, State] = {"False": _refused(one, one.synced), "True": _of_secret(fact, one.synced, world)}
    return Diagnosis(one, states.get(one.synced.status, "odd condition"), fact)


def _refused(one: SealedSecret, condition: Condition) -> State:
    """A Secret that cannot be changed can be deleted, but only where nothing else keeps the controller from making it again."""
    if _IN_THE_WAY in condition.message:
        return "in the way"
    words, sealed = condition.message.lower(), {each.key for each in one.sealed}
    lacking = not set(_NEEDED_KEYS.get(one.template.type, ())) <= sealed
    if any(each in words for each in _REFUSED_ANYWAY) or (_IMMUTABLE in words and lacking):
        return "bad template"
    return "immutable" if _IMMUTABLE in words else "refused"


def _unspoken(one: SealedSecret, fact: Unsealed, world: World, seconds: float | None) -> State:
    status = one.status
    if seconds is None or (status is not None and not status.observed_generation):
        return "age unknown"
    if seconds <= world.patience_seconds:
        return "young"
    if status is not None and status.observed_generation != one.metadata.generation:
        return "stale"
    if world.no_controller or fact.exists is False:
        return "ignored"
    return "without status" if fact.exists and fact.owned else "without status, and unknown"


def _of_secret(fact: Unsealed, condition: Condition, world: World) -> State:
    since = age(epoch(condition.last_transition_time), world.now)
    if fact.exists is None:
        return "unknown"
    if not fact.exists:
        listed_late = not fact.direct and (since is None or since <= world.patience_seconds)
        return "not listed yet" if listed_late else "missing"
    if fact.owned is None:
        return "owner unknown"
    return "fine" if fact.owned else "of no owner" if fact.shared else "of another"
