"""The local-path provisioner, and NFS volumes: directories on the lab's NFS server, and the PersistentVolumes of a provisioner for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.cluster.nfs import make_export, remove_export
from lab.paths import NFS_EXPORTS
from lab.platform.system import System

NFS_SERVER = "nfs.lab.internal"
NFS_CLASS = "nfs-client"
NFS_PROVISIONER = "cluster.local/nfs-subdir-external-provisioner"

_MODULE = Module(
    "github.com/rancher/local-path-provisioner",
    "v0.0.30",
    {"local-path-provisioner": ""},
    {"main.VERSION": "v0.0.30"},
)


@dataclass(frozen=True)
class NfsVolume:
    """A volume for one claim.

    As the provisioner makes it, its directory is open to everyone: the kubelet, which makes sub-paths in it as root, gives them
    the same mode.
    """

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


def create_volume(volume: NfsVolume) -> None:
    """Make the directory and the volume; they may be there already."""
    make_export(volume.path, volume.owner, volume.mode)
    if api.find(f"/api/v1/persistentvolumes/{volume.name}") is None:
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


SYSTEM = System(
    name="storage",
    modules=(_MODULE,),
    images=(published("docker.io/rancher/local-path-provisioner:v0.0.30", _MODULE, "/usr/bin/local-path-provisioner"),),
    manifests=("storage",),
)
