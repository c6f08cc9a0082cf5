"""Two provisioners of NFS that answer to one name: whose folder a volume becomes is up to chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.systems.inventory.images import matches
from clusterprobe.systems.kubernetes.objects import PersistentVolume, Pod, StorageClass
from clusterprobe.systems.kubernetes.workloads import workload_of

IMAGES = ("nfs-subdir-external-provisioner", "nfs-client-provisioner")


@dataclass(frozen=True, slots=True)
class Rivals:
    """Provisioners of different exports, and the volumes of one provisioner's name by their exports.

    `workloads` are pairs of a workload and the export that it mounts; `volumes` pairs of an export and how many volumes are there.
    """

    provisioner: str
    classes: tuple[str, ...]
    workloads: tuple[tuple[Subject, str], ...]
    volumes: tuple[tuple[str, int], ...]


def rivals(classes: Iterable[StorageClass], volumes: Iterable[PersistentVolume], pods: Iterable[Pod]) -> list[Rivals]:
    """Where volumes of one provisioner's classes are on the exports of several provisioners that run."""
    exports = {workload_of(pod): export for pod in pods if pod.running for export in _export(pod)}
    names: dict[str, str] = {one.metadata.name: one.provisioner for one in classes}
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in volumes:
        provisioner = names.get(one.spec.storage_class_name, "")
        if one.spec.nfs and provisioner:
            for export in set(exports.values()):
                if _is_within(f"{one.spec.nfs.server}:{one.spec.nfs.path}", export):
                    found[provisioner][export] += 1
    return [
        Rivals(
            provisioner,
            tuple(sorted(name for name, each in names.items() if each == provisioner)),
            tuple(sorted(((who, export) for who, export in exports.items() if export in counts), key=str)),
            tuple(sorted(counts.items())),
        )
        for provisioner, counts in found.items()
        if len(counts) > 1
    ]


def _export(pod: Pod) -> list[str]:
    """The export that a provisioner makes folders in: its pod mounts it."""
    if not any(matches(one.image, name) for one in pod.spec.containers for name in IMAGES):
        return []
    return [f"{one.nfs.server}:{one.nfs.path.rstrip('/')}" for one in pod.spec.volumes or [] if one.nfs and one.nfs.server][:1]


def _is_within(place: str, export: str) -> bool:
    return place == export or place.startswith(f"{export}/")
