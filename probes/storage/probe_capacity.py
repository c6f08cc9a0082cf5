from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import GIT, SOURCE, change, look, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional, Enriching, Examined
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, StorageClass
from clusterprobe.systems.kubernetes.resources import CLAIMS
from clusterprobe.systems.prometheus.retention import ADVISED_FRACTION, Overdrawn, overdrawn
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.volume_stats import GROWTH_SECONDS, VolumeStats, VolumeUse
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

VOLUME_FULL = FindingKind("VolumeNearlyFull", Severity.ERROR, "A volume has hardly any space or inodes left, so that writes fail.")
VOLUME_FILLING = FindingKind("VolumeFilling", Severity.WARNING, "A volume is rather full, and will be full within days as it grows now.")
RETENTION_EXCEEDS_VOLUME = FindingKind(
    "RetentionExceedsVolume", Severity.WARNING, "A Prometheus may keep more than its volume holds, so that it deletes nothing in time."
)
DAY_SECONDS = 86400
# Where volumes may be folders of one file system: whose numbers these then are, and what helps instead of a larger PVC.
_OF_ALL = {
    "nfs": "If it is a folder of a share, these are the numbers of the whole share, whatever fills it.",
    "shared": "If it is a folder of a file system with others, these are the numbers of all of it, whatever fills it.",
    "local": "These are the numbers of the node's file system, if the volume is a directory of it.",
}
_OF_ALL_FIX = {
    "nfs": "If it is a folder of a share, a larger PVC changes nothing: free the share on its server, or enlarge the share.",
    "shared": "If it is a folder of a file system with others, a larger PVC changes nothing: free that file system, or enlarge it.",
    "local": "If it is a directory of the node, a larger PVC changes nothing: free the node's disk.",
}
_LESS = {
    "space": "Keep less on it: shorten the retention, or limit it by size, of what writes to it.",
    "inodes": "Keep fewer files on it: there are too many, however small they are.",
}


@reports(VOLUME_FULL, VOLUME_FILLING, RETENTION_EXCEEDS_VOLUME)
def probe_capacity(
    verdict: Verdict,
    prometheus_volume_stats: Examined[VolumeStats],
    prometheus_runtime: Conditional[Runtime],
    system_pods: Conditional[SystemPod],
    claims: Enriching[PersistentVolumeClaim],
    volumes: Enriching[PersistentVolume],
    storage_classes: Enriching[StorageClass],
    profile: Profile,
) -> None:
    """Do the volumes have space left?

    Problem: A database or a log store whose volume is full stops: Prometheus ends, Loki refuses lines, and what was not written is lost.
    Cause: The volume is too small for what is kept on it, or something on it grows that should not, or it has run out of inodes. What
    Prometheus may keep by size is more than its volume holds.
    Fix: Keep less on it, such as by a shorter retention, or let the PVC ask for more where its class allows that.
    Prevention: Alert on KubePersistentVolumeFillingUp and KubePersistentVolumeInodesFillingUp, and limit what is kept by size (Prometheus:
    `retentionSize`) rather than by age alone.
    """
    storage = Storage(claims, volumes, storage_classes, profile.storage_drivers)
    measured = prometheus_volume_stats.keep(lambda _, one: bool(one.volumes), "no Prometheus has the kubelets' numbers of volumes")
    limits = profile.thresholds.storage
    known: dict[tuple[str, str], VolumeUse] = {}
    for _, one in measured:
        for volume in one.volumes:
            key = volume.namespace, volume.claim
            known[key] = min(known.get(key, volume), volume, key=lambda each: each.available)
    found: dict[tuple[str, float, float], list[Fill]] = defaultdict(list)
    for volume in known.values():
        fill = Fill(volume)
        if fill.lacking(limits.full_fraction):
            found["full", volume.capacity, volume.available].append(fill)
        elif fill.used >= limits.filling_fraction and (left := fill.days_left) is not None and left < limits.full_days:
            found["filling", volume.capacity, volume.available].append(fill)
    for (state, _, _), alike in found.items():
        _report(verdict, VOLUME_FULL if state == "full" else VOLUME_FILLING, alike, storage, limits.full_fraction)
    for each in overdrawn(prometheus_runtime.need(), system_pods.need(), known) if known else ():
        _report_retention(verdict, each)


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a volume is, and how soon there is nothing left."""

    volume: VolumeUse

    @property
    def used(self) -> float:
        return 1 - self.volume.available / self.volume.capacity

    @property
    def inodes_used(self) -> float:
        """0 where the file system has no fixed number of them."""
        one = self.volume
        return 1 - one.inodes_free / one.inodes if one.inodes and one.inodes_free is not None else 0.0

    @property
    def days_left(self) -> float | None:
        """Until it is full, if it grows as it did; None where it does not, or that is not known."""
        before = self.volume.available_before
        if before is None or before <= self.volume.available:
            return None
        return self.volume.available / (before - self.volume.available) * GROWTH_SECONDS / DAY_SECONDS

    def lacking(self, limit: float) -> str:
        """What it has run out of: space, inodes or nothing."""
        return "space" if self.used >= limit else "inodes" if self.inodes_used >= limit else ""


def _report(verdict: Verdict, kind: FindingKind, alike: list[Fill], storage: Storage, limit: float) -> None:
    """Volumes with the same numbers to the byte are on one file system, and one finding."""
    first = alike[0]
    subjects = [CLAIMS.subject(one.volume.namespace, one.volume.claim) for one in alike]
    what = first.lacking(limit) or "space"
    share = first.inodes_used if what == "inodes" else first.used
    days = first.days_left
    ends = "" if days is None or what == "inodes" else f"; as it grew in the last {GROWTH_SECONDS // 3600} h it is full in {_time(days)}"
    nature = _nature(storage, subjects[0])
    also = f" {listed([f'{one.namespace}/{one.name}' for one in subjects[1:]], 3)} share it." if len(subjects) > 1 else ""
    verdict.report(
        kind,
        subjects[0],
        problem=f"{subjects[0]} has used {share:.0%} of its {what}{ends}.",
        cause=f"{_left(first.volume, what)}.{also}{' ' + _OF_ALL[nature] if nature in _OF_ALL else ''}",
        fix=[
            look(
                "See which pods mount it, and what it asks for.",
                shell("kubectl -n {} describe pvc {}", subjects[0].namespace, subjects[0].name),
            ),
            change(f"{_LESS[what]} Change it {SOURCE}."),
            _enlarge(subjects[0], nature),
        ],
        exhibits=[_table(alike)],
        breaks=[Ref.of(one) for one in subjects] if kind is VOLUME_FULL else [],
    )


def _enlarge(claim: Subject, nature: str) -> Step:
    """More space for one claim; of a StatefulSet's, the template cannot be changed."""
    if nature in _OF_ALL_FIX:
        return change(f"{_OF_ALL_FIX[nature]} Otherwise enlarge the PVC, where its class allows that.")
    return change(
        "Or enlarge the PVC (spec.resources.requests.storage), where its class allows expansion; it cannot be made smaller again. That of "
        f"a StatefulSet is changed on the PVC itself, for its volumeClaimTemplates cannot be changed. {GIT}.",
        shell("kubectl -n {} edit pvc {}", claim.namespace, claim.name),
    )


def _report_retention(verdict: Verdict, one: Overdrawn) -> None:
    advised = int(one.volume.capacity * ADVISED_FRACTION) >> 30
    where = f"{one.volume.namespace}/{one.volume.claim}"
    verdict.report(
        RETENTION_EXCEEDS_VOLUME,
        one.prometheus,
        problem=f"Prometheus {one.prometheus.namespace}/{one.prometheus.name} may keep {_size(one.limit)}, and its volume holds "
        f"{_size(one.volume.capacity)}: the volume is full before anything is deleted by size.",
        cause=f"Its retention by size is {_size(one.limit)}. The PVC {where}, which its database is on, has {_size(one.volume.capacity)}, "
        f"of which {_size(one.volume.available)} are left.",
        fix=[
            look("See what the PVC asks for.", shell("kubectl -n {} describe pvc {}", one.volume.namespace, one.volume.claim)),
            change(
                f"Limit it to at most {ADVISED_FRACTION:.0%} of the volume (`retentionSize`; without the Operator "
                f"`--storage.tsdb.retention.size`). Change it {SOURCE}.",
                code=snippet("retentionSize: {}", f"{advised}GiB") if advised else "",
            ),
        ],
    )


def _nature(storage: Storage, subject: Subject) -> str:
    claim = storage.claim(subject.namespace, subject.name)
    return storage.of_claim(claim).kind if claim else ""


def _left(one: VolumeUse, what: str) -> str:
    if what == "inodes":
        return f"{one.inodes_free or 0:.0f} of {one.inodes or 0:.0f} inodes are left: there are too many files"
    return f"{_size(one.available)} of {_size(one.capacity)} are left"


def _table(alike: list[Fill]) -> Table:
    rows = [
        [f"{one.volume.namespace}/{one.volume.claim}", _size(one.volume.capacity), f"{one.used:.1%}", f"{one.inodes_used:.1%}"]
        for one in alike
    ]
    return Table(title="How full they are", columns=["PVC", "Size", "Used", "Inodes used"], rows=rows)


def _time(days: float) -> str:
    return f"{days * 24:.0f} h" if days < 2 else f"{days:.0f} days"


def _size(count: float) -> str:
    """`1.5 GiB`, as PVCs are asked for."""
    for unit, size in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1024:.0f} KiB"
