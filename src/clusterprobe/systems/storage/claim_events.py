"""What was said of PersistentVolumeClaims that wait for a volume, or to grow: by their provisioner, resizer, or who binds them."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.events import events_of
from clusterprobe.systems.kubernetes.objects import PersistentVolumeClaim
from clusterprobe.systems.storage.growth import growth_of
from clusterprobe.times import epoch

MAX_CLAIMS = 30  # claims whose events are read in one run
MAX_EVENTS = 50  # of one claim
_FAILURES = ("ProvisioningFailed", "FailedBinding")
_RESIZES = ("VolumeResizeFailed", "FileSystemResizeFailed", "ExternalExpanding")
MAX_CHARACTERS = 600


class ClaimFailure(msgspec.Struct, frozen=True):
    """The newest word of who could not provision, bind or resize a claim, and how often it was said; empty where none is kept."""

    message: str = ""
    count: int = 0


@source(Call("list", "events"))
def claim_failures(cluster: Cluster, claims: Readings[PersistentVolumeClaim]) -> Readings[ClaimFailure]:
    """Why each claim that is Pending has no volume, and each that is to grow does not, at most of 30."""
    wanted: Collector[PersistentVolumeClaim] = Collector(unreadable=list(claims.unreadable))
    for number, (subject, claim) in enumerate((on, one) for on, one in claims if one.status.phase == "Pending" or growth_of(one)):
        if number < MAX_CLAIMS:
            wanted.add(subject, claim)
        else:
            wanted.fail(subject, f"only the events of the first {MAX_CLAIMS} PVCs that are Pending, or are to grow, are read")
    read = cluster.each(wanted.readings(), lambda subject, claim: _failure(cluster, subject, claim))
    return Readings(read.values, read.unreadable, "no PVC is Pending, or is to grow")


def _failure(cluster: Cluster, subject: Subject, claim: PersistentVolumeClaim) -> ClaimFailure:
    """Of its own: one that was made again has the name of the one before it, which has events, too."""
    created = epoch(claim.metadata.creation_timestamp) or 0.0
    wanted = _FAILURES if claim.status.phase == "Pending" else _RESIZES
    told = [one for one in events_of(cluster, subject, MAX_EVENTS) if one.reason in wanted and (one.last or created) >= created]
    newest = max(told, key=lambda one: one.last or 0.0, default=None)
    return ClaimFailure(excerpt(newest.message, MAX_CHARACTERS), newest.count or 1) if newest else ClaimFailure()
