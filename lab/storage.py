"""NFS volumes: directories on the lab's NFS server, and the PersistentVolumes that the provisioner would have made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from lab import api
from lab.cluster.nfs import make_export, remove_export
from lab.manifests import ENVIRONMENTS
from lab.paths import NFS_EXPORTS

NFS_SERVER = "nfs.lab.internal"
NFS_CLASS = "nfs-client"
NFS_PROVISIONER = "cluster.local/nfs-subdir-external-provisioner"


@dataclass(frozen=True)
class NfsVolume:
    """A volume for one claim; the directory belongs to the user and the group that will write there."""

    namespace: str
    claim: str
    size: str
    user: int
    group: int
    access_mode: str = "ReadWriteOnce"
    storage_class: str = NFS_CLASS

    @property
    def name(self) -> str:
        """As a provisioner names it, yet the same every time."""
        return f"pvc-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{self.namespace}/{self.claim}/{self.storage_class}')}"

    @property
    def path(self) -> str:
        return f"/exports/{self.namespace}-{self.claim}-{self.name}"


def healthy_volumes() -> list[NfsVolume]:
    """The NFS volumes of the healthy platform: Alertmanager's silences, and the models' logs."""
    alertmanagers = [NfsVolume(each.namespace, each.alertmanager_claim, "1Gi", 1000, 2000) for each in ENVIRONMENTS]
    logs = [NfsVolume(each.workload_namespace, "fastapi-logs", "5Gi", 1000, 1000, "ReadWriteMany") for each in ENVIRONMENTS]
    return [*alertmanagers, *logs]


def create_volume(volume: NfsVolume) -> None:
    make_export(volume.path, volume.user, volume.group)
    api.create("/api/v1/persistentvolumes", _persistent_volume(volume))


def remove_volume(volume: NfsVolume) -> None:
    """Remove the volume and, as `archiveOnDelete` says, keep its directory under another name."""
    api.delete(f"/api/v1/persistentvolumes/{volume.name}")
    folder = NFS_EXPORTS / volume.path.lstrip("/")
    archive = folder.with_name(f"archived-{folder.name}")
    remove_export(f"{archive.relative_to(NFS_EXPORTS)}")
    if folder.exists():
        folder.rename(archive)


def _persistent_volume(volume: NfsVolume) -> api.Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume.name, "annotations": {"pv.kubernetes.io/provisioned-by": NFS_PROVISIONER}},
        "spec": {
            "capacity": {"storage": volume.size},
            "accessModes": [volume.access_mode],
            "storageClassName": volume.storage_class,
            "persistentVolumeReclaimPolicy": "Delete",
            "nfs": {"server": NFS_SERVER, "path": volume.path},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": volume.namespace,
                "name": volume.claim,
            },
        },
    }
