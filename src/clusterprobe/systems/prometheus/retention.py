"""How much a Prometheus may keep by size, beside what the volume of its database holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, database_path
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.volume_stats import VolumeUse
from clusterprobe.systems.storage.natures import claim_name, mounted_at

HELD_FRACTION = 0.95  # a block is deleted after the next one is written, which needs room
ADVISED_FRACTION = 0.85  # as Prometheus' documentation advises
_SIZE = ours(r"(\d+(?:\.\d+)?)([KMGTPE])iB")
_POWERS = {unit: 1 << 10 * power for power, unit in enumerate("KMGTPE", 1)}


@dataclass(frozen=True, slots=True)
class Overdrawn:
    """A Prometheus whose limit by size (bytes) is more than its volume takes."""

    prometheus: Subject
    limit: float
    volume: VolumeUse


def size_limit(retention: str) -> float | None:
    """The bytes in what a Prometheus says of its retention; None where only its age is limited.

    >>> size_limit("15d or 45GiB"), size_limit("1GiB512MiB"), size_limit("15d")
    (48318382080.0, 1610612736.0, None)
    """
    found = [float(one[1]) * _POWERS[one[2]] for one in _SIZE.finditer(retention[:200])]
    return sum(found) if found else None


def overdrawn(runtime: Readings[Runtime], pods: Readings[SystemPod], volumes: Mapping[tuple[str, str], VolumeUse]) -> list[Overdrawn]:
    """Those that delete nothing by size before their volume is full, each Prometheus once."""
    by_name = pods.by_name()
    found: dict[Subject, Overdrawn] = {}
    for subject, told in runtime:
        one, limit = by_name.get((subject.namespace, subject.name)), size_limit(told.storage_retention)
        mounted = mounted_at(one.pod, database_path(one.pod)) if one else None
        volume = volumes.get((subject.namespace, claim_name(mounted))) if mounted else None
        if limit is not None and volume is not None and limit > HELD_FRACTION * volume.capacity:
            prometheus = PROMETHEUSES.subject(subject.namespace, subject.owner.partition("/")[2] or subject.name)
            found.setdefault(prometheus, Overdrawn(prometheus, limit, volume))
    return list(found.values())
