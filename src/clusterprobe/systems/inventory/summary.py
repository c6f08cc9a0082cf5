"""What runs here, and which of it the probes of a run looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from clusterprobe.known_systems import System
from clusterprobe.model import Installed, ProbeResult
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.installations import CONDITIONS, Installation


class Said(Protocol):
    """What the systems of a run said of themselves."""

    def versions(self, one: Installation) -> list[str]: ...
    def counts(self, system: System) -> dict[str, int]: ...
    def hears(self, system: System) -> bool: ...


def inventory(
    found: Readings[Installation], probes: Iterable[ProbeResult], profile: Profile, now: float, said: Said | None = None
) -> list[Installed]:
    """Every installation, with whether a probe of this run examined it; `now` (epoch seconds) decides what the profile still accepts."""
    ran = list(probes)
    return [_installed(one, ran, profile, now, said) for one in found.items]


def _installed(one: Installation, ran: list[ProbeResult], profile: Profile, now: float, said: Said | None) -> Installed:
    versions, by = version_of(one, said.versions(one) if said else [])
    # What a probe would judge may be accepted as well: a log agent that shows no metrics, say. Then its probes leave it out.
    accepted = None if looked_at(one, ran) else profile.accepts(one.system.key, one.namespace, now)
    return Installed(
        system=one.system.key,
        subject=one.subject,
        state="accepted" if accepted else _state(one, ran, said),
        seen=one.seen,
        parts=list(one.parts),
        why=accepted.why if accepted else "",
        until=str(accepted.until or "") if accepted else "",
        flavours=list(one.flavours),
        versions=versions,
        version_by=by,
        disputed=doubts(one, said.versions(one) if said else []),
        objects=said.counts(one.system) if said else {},
    )


def version_of(one: Installation, answered: list[str]) -> tuple[list[str], Literal["", "answer", "image"]]:
    """Which versions of it run, and what says so: its own answers, else the tags of its images."""
    if answered:
        return answered, "answer"
    return list(one.versions), "image" if one.versions else ""


def doubts(one: Installation, answered: list[str]) -> list[str]:
    """Where two signs disagree: of which system it is, or of which version."""
    found = [one.disputed] if one.disputed else []
    if answered and one.versions and not any(_same(own, tag) for own in answered for tag in one.versions):
        found.append(f"it answers that it is {' and '.join(answered)}, and the tag of its image is {' and '.join(one.versions)}")
    return found


def _same(own: str, tag: str) -> bool:
    """Whether a tag names that version, perhaps with what its builder adds, such as `-r3` or `-ubi9`, or less of it."""
    return f"{own}-".startswith((f"{tag}-", f"{tag}.", f"{tag}+")) or f"{tag}-".startswith((f"{own}-", f"{own}.", f"{own}+"))


def _state(one: Installation, ran: list[ProbeResult], said: Said | None) -> Literal["looked at", "objects looked at", "not looked at"]:
    if one.pods and said and said.hears(one.system) and any(probe.id == CONDITIONS and probe.examined for probe in ran):
        return "objects looked at"
    return "looked at" if looked_at(one, ran) else "not looked at"


def looked_at(one: Installation, ran: Iterable[ProbeResult]) -> bool:
    """Whether a probe of its areas examined something, and not all of its pods were out of that probe's reach."""
    areas = (one.system.key, *one.system.areas) if one.system.judged else ()
    pods = {(each.namespace, each.name) for each in one.pods}
    return bool(pods) and any(
        probe.examined and not pods <= {(each.subject.namespace, each.subject.name) for each in probe.unchecked}
        for probe in ran
        if probe.id.partition("/")[0] in areas
    )
