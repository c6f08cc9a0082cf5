"""NFS: which exports volumes are, and which pods mount them."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.model import Struct
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import NfsVolume, PersistentVolume, PersistentVolumeClaim, Pod, Volume

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


NFS_DRIVER = "nfs.csi.k8s.io"


def export_of(volume: PersistentVolume) -> Export | None:
    """The export behind a PersistentVolume; None if it is no NFS."""
    options = tuple(volume.spec.mount_options or [])
    if volume.spec.nfs:
        return _export(volume.spec.nfs, options)
    attributes = (volume.spec.csi.volume_attributes or {}) if volume.spec.csi and volume.spec.csi.driver == NFS_DRIVER else {}
    if attributes.get("server") and attributes.get("share"):
        share = "/".join([attributes["share"].rstrip("/"), attributes.get("subdir") or attributes.get("subDir") or ""]).rstrip("/")
        return Export(server=attributes["server"], path=share or "/", options=options, driver=NFS_DRIVER)
    return None


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
