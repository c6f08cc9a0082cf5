"""Why a SealedSecret does not open, in words."""

from __future__ import annotations

from clusterprobe.systems.sealed_secrets.causes import Loss, Origin
from clusterprobe.systems.sealed_secrets.diagnosis import Diagnosis
from clusterprobe.systems.sealed_secrets.sources import SealedSecret

_LOSSES: dict[Loss, str] = {
    "opened before": "it opened before as it is, because its Secret exists and belongs to it",
    "nothing opens": "no SealedSecret opens",
    "older than the key": "it is older than the controller's newest key, and nothing as old opens",
}


def sign_of(loss: Loss) -> str:
    """What tells that its key is lost."""
    return _LOSSES[loss]


def why_sealed(found: Diagnosis) -> str:
    """The likeliest cause why nothing opens it, and how that is known."""
    one, origin = found.sealed, found.origin
    here = "/".join(one.place)
    if origin is None and found.loss:
        return f"The controller lacks the key that it was sealed with: {sign_of(found.loss)}."
    if origin is None:
        return (
            f"Nothing in it contradicts {here}, so, by likeliest cause: another place's file was edited until it fitted; it "
            "was sealed with another cluster's certificate; its key is lost; or its text was damaged."
        )
    told = _told(one, origin)
    if origin.fits(one.place):
        return f"Its scope was changed: {told}, which the controller uses; what is sealed for one scope opens in no other."
    there = "/".join(origin.place)
    moved = f"renamed from {origin.place[1]}" if origin.place[0] == one.place[0] else f"copied from namespace {origin.place[0]}"
    twin = f" The original, SealedSecret {'/'.join(origin.twin.place)} with the same encrypted values, opens." if origin.twin else ""
    bound = "that namespace" if origin.scope == "namespace-wide" else "that namespace and that name"
    return (
        f"It was {moved}: it was sealed for {there} ({told}), and is applied as {here}. Scope {origin.scope} binds its values to "
        f"{bound}.{twin}"
    )


def _told(one: SealedSecret, origin: Origin) -> str:
    """What tells where it is from."""
    if origin.sign == "twin":
        return f"the same encrypted values open in SealedSecret {'/'.join(origin.place)}"
    if origin.sign == "scope":
        return f"spec.template of it says scope {origin.scope}, its own annotations say {one.scope}"
    template = one.template
    fields = [
        f"spec.template.metadata.{name} is {value}"
        for name, value, own in (("namespace", template.namespace, one.place[0]), ("name", template.name, one.place[1]))
        if value and value != own
    ]
    return " and ".join(fields) or f"it says {'/'.join(origin.place)}"
