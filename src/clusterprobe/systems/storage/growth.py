"""PersistentVolumeClaims that are to grow, and have not: how far each has got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.systems.formats.quantities import amount
from clusterprobe.systems.kubernetes.objects import PersistentVolumeClaim
from clusterprobe.times import epoch

FILE_SYSTEM = "FileSystemResizePending"
_RESIZING = ("Resizing", FILE_SYSTEM)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a claim asks for and has, since when (epoch seconds; None where that is not told), and what has still to grow.

    `says` is the message of its condition.
    """

    asked: str
    has: str
    stage: Literal["disk", "file system"]
    since: float | None
    says: str = ""


def growth_of(claim: PersistentVolumeClaim) -> Growth | None:
    """None for one that is not bound, or has all that it asks for."""
    asked, has = claim.spec.asked, str((claim.status.capacity or {}).get("storage") or "")
    wanted, there = amount(asked), amount(has)
    if claim.status.phase != "Bound" or wanted is None or there is None or wanted <= there:
        return None
    told = {one.type: one for one in claim.status.conditions or [] if one.type in _RESIZING and one.status == "True"}
    one = told.get(FILE_SYSTEM) or told.get("Resizing")
    since = epoch(one.last_transition_time) if one else None
    return Growth(asked, has, "file system" if FILE_SYSTEM in told else "disk", since, one.message if one else "")
