"""Several controllers with keys of their own: each tries every SealedSecret that it watches, and the one without the key says so last.

A controller's keys are Secrets of its own namespace, so that two in one namespace share them, and two in different ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Step
from clusterprobe.readings import Readings
from clusterprobe.systems.sealed_secrets.advice import KEY_LABEL, Controller
from clusterprobe.systems.sealed_secrets.causes import changed_at
from clusterprobe.systems.sealed_secrets.sources import SealedSecret, SealingCertificate
from clusterprobe.times import epoch
from clusterprobe.words import listed


@dataclass(frozen=True, slots=True)
class Rival:
    """One of several controllers, and since when its newest key is valid (epoch seconds); None where that is not known."""

    controller: Controller
    key_since: float | None = None

    def __str__(self) -> str:
        return f"Deployment {self.controller.namespace}/{self.controller.name}"


def rivals_of(controllers: Readings[Server], certificates: Readings[SealingCertificate]) -> list[Rival]:
    """The controllers that run in different namespaces; none where one runs, or where all have the same newest key."""
    keys = {(place.namespace, place.name): epoch(one.not_before) for place, one in certificates}
    since: dict[tuple[str, str], float | None] = {}
    for one in controllers.items:
        key = keys.get((one.namespace, one.pod))
        since[one.namespace, one.name] = since.get((one.namespace, one.name)) or key
    known = set(since.values())
    same_key = len(known) == 1 and None not in known
    if same_key or len({namespace for namespace, _ in since}) < 2:
        return []
    return [Rival(Controller(*place), key) for place, key in sorted(since.items())]


def sealer_of(one: SealedSecret, rivals: list[Rival]) -> Rival | None:
    """Whose key it was sealed with: the only one whose newest key is older than it; None where that is not certain."""
    changed = changed_at(one)
    if changed is None or any(each.key_since is None for each in rivals):
        return None
    older = [each for each in rivals if each.key_since is not None and each.key_since <= changed]
    return older[0] if len(older) == 1 else None


def why_rivals(one: SealedSecret, rivals: list[Rival]) -> str:
    """Why one of them does not open it."""
    names, sealer = listed([str(each) for each in rivals], 4), sealer_of(one, rivals)
    others = listed([str(each) for each in rivals if each is not sealer], 4)
    which = (
        f"It is older than the newest key of {others}, so it was sealed, by likeliest cause, with a key of {sealer}"
        if sealer
        else "Which of them has its key, if any, is not known here"
    )
    return (
        f"{len(rivals)} controllers run ({names}), each with the keys of its own namespace. Each tries every SealedSecret that it "
        f"watches, and one without the key writes that into the status. {which}."
    )


def part_rivals(rivals: list[Rival], kept: Rival | None) -> list[Step]:
    """How to have one controller for each namespace. `kept` is the one that has the keys, where that is known."""
    keys = [shell("kubectl -n {} get secrets -l {}", place, KEY_LABEL) for place in sorted({one.controller.namespace for one in rivals})]
    seen = [shell("kubectl -n {} get deployment {} -o yaml", one.controller.namespace, one.controller.name) for one in rivals]
    others = [one for one in rivals if one is not kept]
    remove = (
        f"Keep {kept}, and remove {listed([str(one) for one in others], 4)}"
        if kept
        else "Keep the one whose keys are as old as the SealedSecrets, and remove the others"
    )
    restart = (
        kept.controller.restart("It looks at what it has given up only as it starts.")
        if kept
        else change("Restart the one that stays: it looks at what it has given up only as it starts.")
    )
    return [
        look("See which keys each controller has, and since when.", *keys),
        look("See which namespaces each watches: --all-namespaces, --additional-namespaces and --label-selector.", *seen),
        change(
            f"{remove}, {IN_GIT}, else by uninstalling its release. What was sealed with a removed controller's key has to be sealed "
            "again, or its key Secrets copied first. If more than one is meant to stay, let each watch namespaces of its own "
            "(--all-namespaces=false, --additional-namespaces)."
        ),
        restart,
    ]
