"""What runs here, and which of it the probes of a run looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from clusterprobe.model import Installed, ProbeResult
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.installations import CONDITIONS, Installation


def inventory(found: Readings[Installation], probes: Iterable[ProbeResult], profile: Profile, now: float) -> list[Installed]:
    """Every installation, with whether a probe of this run examined it; `now` (epoch seconds) decides what the profile still accepts."""
    ran = list(probes)
    return [_installed(one, ran, profile, now) for one in found.items]


def _installed(one: Installation, ran: list[ProbeResult], profile: Profile, now: float) -> Installed:
    accepted = None if one.system.judged and one.pods else profile.accepts(one.system.key, one.namespace, now)
    return Installed(
        system=one.system.key,
        subject=one.subject,
        state="accepted" if accepted else _state(one, ran),
        seen=one.seen,
        parts=list(one.parts),
        why=accepted.why if accepted else "",
        until=str(accepted.until or "") if accepted else "",
    )


def _state(one: Installation, ran: list[ProbeResult]) -> Literal["looked at", "objects looked at", "not looked at"]:
    if one.pods and one.system.groups and any(probe.id == CONDITIONS and probe.examined for probe in ran):
        return "objects looked at"
    return "looked at" if _looked_at(one, ran) else "not looked at"


def _looked_at(one: Installation, ran: list[ProbeResult]) -> bool:
    """Whether a probe of its areas examined something, and not all of its pods were out of that probe's reach."""
    areas = (one.system.key, *one.system.areas) if one.system.judged else ()
    pods = {(each.namespace, each.name) for each in one.pods}
    return bool(pods) and any(
        probe.examined and not pods <= {(each.subject.namespace, each.subject.name) for each in probe.unchecked}
        for probe in ran
        if probe.id.partition("/")[0] in areas
    )
