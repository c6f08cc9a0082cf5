"""NFS: which exports volumes are, and which pods mount them."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.model import Struct
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import NfsVolume, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from clusterprobe.systems.storage.drivers import AZURE_FILES, FILESTORE, NFS_DRIVER, of_driver

# --- NFS --------------------------------------------------------------------------------------------------------------


class Export(Struct, frozen=True):
    """A directory of an NFS server, and the options that it is mounted with. `driver` is the CSI driver's, if one mounts it."""

    server: str
    path: str
    options: tuple[str, ...] = ()
    driver: str = ""

    def __str__(self) -> str:
        return f"{self.server}:{self.path}"

    @property
    def key(self) -> tuple[str, str]:
        return self.server, self.path


def share_of(volume: PersistentVolume) -> tuple[str, str, str] | None:
    """The server, the share and the folder in it of a volume whose driver is NFS inside and says where; None for any other."""
    csi = volume.spec.csi
    given = {key.lower(): value for key, value in (csi.volume_attributes or {}).items()} if csi else {}
    if csi is None:
        return None
    if csi.driver == FILESTORE and given.get("ip") and given.get("volume"):
        return given["ip"], f"/{given['volume'].strip('/')}", ""
    account, share = given.get("storageaccount", ""), given.get("sharename", "")
    if csi.driver == AZURE_FILES and given.get("protocol", "").lower() == "nfs" and account and share:
        return given.get("server") or f"{account}.file.core.windows.net", f"/{account}/{share}", given.get("foldername", "")
    named = csi.driver == NFS_DRIVER or of_driver(csi.driver, given)[0] == "nfs"
    return (given["server"], given["share"], given.get("subdir", "")) if named and given.get("server") and given.get("share") else None


def export_of(volume: PersistentVolume) -> Export | None:
    """The export behind a PersistentVolume; None if it is no NFS."""
    options = tuple(volume.spec.mount_options or [])
    if volume.spec.nfs:
        return _export(volume.spec.nfs, options)
    found = share_of(volume)
    if found is None or volume.spec.csi is None:
        return None
    server, share, folder = found
    path = "/".join([share.rstrip("/"), folder.strip("/")]).rstrip("/")
    return Export(server=server, path=path or "/", options=options, driver=volume.spec.csi.driver)


def _export(nfs: NfsVolume, options: tuple[str, ...]) -> Export:
    return Export(server=nfs.server, path=nfs.path, options=options)


class Mounts:
    """Which exports pods mount, from their volumes, claims and PersistentVolumes."""

    def __init__(self, claims: Readings[PersistentVolumeClaim], volumes: Readings[PersistentVolume]) -> None:
        self._claims = claims.by_name()
        self._volumes = {one.metadata.name: one for one in volumes.items}

    def bound_to(self, namespace: str, volume: Volume) -> PersistentVolume | None:
        """The PersistentVolume behind one volume of a pod in that namespace."""
        if volume.persistent_volume_claim is None:
            return None
        claim = self._claims.get((namespace, volume.persistent_volume_claim.claim_name))
        return self._volumes.get(claim.spec.volume_name) if claim else None

    def of_volume(self, namespace: str, volume: Volume) -> Export | None:
        """The export behind one volume of a pod in that namespace."""
        if volume.nfs:
            return _export(volume.nfs, ())
        bound = self.bound_to(namespace, volume)
        return export_of(bound) if bound else None

    def of_pod(self, pod: Pod) -> list[Export]:
        """The exports that a pod mounts, each once."""
        found = [self.of_volume(pod.metadata.namespace, one) for one in pod.spec.volumes or []]
        return list({one.key: one for one in found if one}.values())

    def drivers_of(self, pod: Pod) -> list[str]:
        """The CSI drivers of a pod's volumes, which have to run on its node for these to be unmounted."""
        found = {one.csi.driver for one in pod.spec.volumes or [] if one.csi}
        bound = (self.bound_to(pod.metadata.namespace, one) for one in pod.spec.volumes or [])
        return sorted(found | {one.spec.csi.driver for one in bound if one and one.spec.csi})

    def by_node(self, pods: Iterable[Pod]) -> dict[str, list[Export]]:
        """The exports that each node has mounted for its pods, the servers taking turns."""
        found: dict[str, dict[tuple[str, str], Export]] = {}
        for pod in pods:
            if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed"):
                found.setdefault(pod.spec.node_name, {}).update({one.key: one for one in self.of_pod(pod)})
        return {node: _turns(exports.values()) for node, exports in found.items()}


def _turns(exports: Iterable[Export]) -> list[Export]:
    """One export of every server first, for it is mostly the server that matters."""
    servers: dict[str, int] = {}
    ranked = []
    for one in sorted(exports, key=lambda one: one.key):
        ranked.append((servers.setdefault(one.server, 0), one))
        servers[one.server] += 1
    return [one for _, one in sorted(ranked, key=lambda pair: (pair[0], pair[1].key))]
