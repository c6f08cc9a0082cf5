"""NFS volumes: directories on the lab's NFS server, and the PersistentVolumes that the provisioner would have made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from lab import api
from lab.cluster.nfs import make_export, remove_export
from lab.manifests import ENVIRONMENTS, Environment
from lab.paths import NFS_EXPORTS

NFS_SERVER = "nfs.lab.internal"
NFS_CLASS = "nfs-client"
NFS_PROVISIONER = "cluster.local/nfs-subdir-external-provisioner"


@dataclass(frozen=True)
class NfsVolume:
    """A volume for one claim. As the provisioner makes it, its directory is open to everyone: the kubelet, which makes
    sub-paths in it as root, gives them the same mode."""

    namespace: str
    claim: str
    size: str
    access_mode: str = "ReadWriteOnce"
    storage_class: str = NFS_CLASS
    owner: int = 0
    mode: int = 0o777

    @property
    def name(self) -> str:
        """As a provisioner names it, yet the same every time."""
        return f"pvc-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{self.namespace}/{self.claim}/{self.storage_class}')}"

    @property
    def path(self) -> str:
        return f"/exports/{self.namespace}-{self.claim}-{self.name}"


def healthy_volumes() -> list[NfsVolume]:
    """The NFS volumes of the healthy platform: Alertmanager's silences, and the models' logs."""
    alertmanagers = [NfsVolume(each.namespace, each.alertmanager_claim, "1Gi") for each in ENVIRONMENTS]
    return [*alertmanagers, *(_logs_volume(each) for each in ENVIRONMENTS)]


def _logs_volume(environment: Environment) -> NfsVolume:
    """Made by hand, and closed: only the models' own user may write there."""
    return NfsVolume(environment.workload_namespace, "fastapi-logs", "5Gi", "ReadWriteMany", owner=1000, mode=0o755)


def create_volume(volume: NfsVolume) -> None:
    make_export(volume.path, volume.owner, volume.mode)
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
