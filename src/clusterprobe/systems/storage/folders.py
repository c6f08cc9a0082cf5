"""The folder on an NFS server that is a volume's own: typed data of its parts, and none where a part is open."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from clusterprobe.patterns import ours
from clusterprobe.systems.kubernetes.objects import PersistentVolume, StorageClass, Volume, VolumeMount
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.systems.storage.nfs import share_of
from clusterprobe.systems.storage.reclaiming import is_nfs_subdir

# Services that serve NFS, and have no server that one could log in to.
_MANAGED_HOSTS = ours(r"(?i)\.(?:amazonaws\.com|amazonaws\.com\.cn|core\.windows\.net|core\.chinacloudapi\.cn)\.?$")


@dataclass(frozen=True, slots=True)
class VolumeFolder:
    """What a mount sees of an NFS server: the export, the volume's folder in it, and the mount's `subPath` of that.

    An empty `subdir` and an empty `sub_path` mean the whole share, of which nothing says that it is this volume's alone.
    """

    server: str
    share: str
    subdir: str = ""
    sub_path: str = ""

    @property
    def path(self) -> str:
        return posixpath.join(self.share, self.subdir, self.sub_path).rstrip("/")

    @property
    def own(self) -> bool:
        """Whether it is less than the share, and the share is the server's own path: `/` may be the root of NFSv4, which lies anywhere."""
        return bool(self.subdir or self.sub_path) and self.share != "/"

    @property
    def managed(self) -> bool:
        return bool(_MANAGED_HOSTS.search(self.server))

    def holds(self, other: VolumeFolder) -> bool:
        """Whether another folder is this one, or lies in it."""
        return self.server == other.server and f"{other.path}/".startswith(f"{self.path}/")


def folder_of_mount(mount: VolumeMount, volume: Volume, bound: PersistentVolume | None, storage: Storage) -> VolumeFolder | None:
    """What a container sees of an NFS server; None for what is no NFS, and where the pod's environment decides."""
    if volume.nfs:
        whole = _folder(volume.nfs.server, volume.nfs.path)
    else:
        whole = folder_of_volume(bound, storage.class_named(bound.spec.storage_class_name)) if bound else None
    return _folder(whole.server, whole.share, whole.subdir, mount.sub_path or mount.sub_path_expr) if whole else None


def folder_of_volume(volume: PersistentVolume, storage_class: StorageClass | None) -> VolumeFolder | None:
    """The folder of a PersistentVolume; its own part is known where the provisioner has named it."""
    spec = volume.spec
    if spec.nfs:
        path = posixpath.normpath(spec.nfs.path)
        own = next((one for one in _provisioned(volume, storage_class) if path.endswith(f"/{one}")), "")
        return _folder(spec.nfs.server, path.removesuffix(f"/{own}") if own else path, own)
    found = share_of(volume)
    return _folder(*found) if found else None


def _provisioned(volume: PersistentVolume, storage_class: StorageClass | None) -> list[str]:
    """How the nfs-subdir provisioner calls the folder: after the claim and the volume, or by a pattern of the claim's name."""
    claim = volume.spec.claim_ref
    if claim is None or not claim.name:
        return []
    pattern = (storage_class.parameters or {}).get("pathPattern", "") if storage_class and is_nfs_subdir(storage_class) else ""
    named = pattern.replace("${.PVC.namespace}", claim.namespace).replace("${.PVC.name}", claim.name).strip("/")
    default = f"{claim.namespace}-{claim.name}-{volume.metadata.name}"
    return [default, named] if "${.PVC.name}" in pattern and "$" not in named else [default]


def _folder(server: str, share: str, subdir: str = "", sub_path: str = "") -> VolumeFolder | None:
    """The folder, if each part is what it seems: no variable, no way up, and the share an absolute path."""
    parts = [share, subdir, sub_path]
    if not server or not share.startswith("/") or any("$" in one or ".." in one.split("/") for one in parts):
        return None
    return VolumeFolder(server, f"/{_inside(share)}", _inside(subdir), _inside(sub_path))


def _inside(path: str) -> str:
    """A path below another one; empty for that one itself."""
    inside = posixpath.normpath(path.strip("/") or ".")
    return "" if inside == "." else inside
