"""What a volume really is: told by the volume that is bound, then by its class's provisioner, never by the class's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, Pod, StorageClass, Volume
from clusterprobe.systems.kubernetes.resources import CLAIMS
from clusterprobe.systems.storage.drivers import IN_TREE, SINGLE_NODE_DRIVERS, Kind, of_driver

HOST_PATH = "hostPath"
"""What `storage_drivers` of a profile call the directories of nodes that pods mount."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

NO_DRIVERS: Mapping[str, Kind] = MappingProxyType({})


def data_of(workload: Subject) -> Ref:
    """The data that a workload keeps without a PVC, to which findings of several probes may lead."""
    return Ref(RefKind.OTHER, workload.namespace, f"data of {workload.kind}/{workload.name}")


@dataclass(frozen=True, slots=True)
class Nature:
    """What storage is: the kind, in words, and what says so. An unknown kind says in `what` why it is unknown."""

    kind: Kind
    what: str
    proof: str = ""

    @property
    def known(self) -> bool:
        return self.kind != "unknown"

    def __str__(self) -> str:
        return f"{self.what} ({self.proof})" if self.proof else self.what


def nature_of_volume(volume: PersistentVolume, storage_class: StorageClass | None, drivers: Mapping[str, Kind] = NO_DRIVERS) -> Nature:
    """What a PersistentVolume is; its class only helps where the volume itself leaves it open. `drivers` are the profile's."""
    spec, proof = volume.spec, f"PersistentVolume {volume.metadata.name}"
    if spec.nfs:
        return Nature("nfs", f"NFS {spec.nfs.server}:{spec.nfs.path}", proof)
    if spec.csi:
        given = {**((storage_class.parameters or {}) if storage_class else {}), **(spec.csi.volume_attributes or {})}
        kind, what = of_driver(spec.csi.driver, given, spec.access_modes or (), drivers)
        return Nature(kind, what, f"{proof}, CSI driver {spec.csi.driver}")
    if spec.local:
        return Nature("local", f"the node's own directory {spec.local.path}", proof)
    if spec.host_path:
        return _of_host_path(spec, proof, storage_class, drivers)
    if spec.flex_volume:
        kind, what = of_driver(spec.flex_volume.driver, {}, (), drivers)
        return Nature(kind, what, f"{proof}, driver {spec.flex_volume.driver}")
    for field, (kind, what) in IN_TREE.items():
        if getattr(spec, field) is not None:
            return Nature(kind, what, proof)
    return Nature("unknown", f"{proof} is of a type that is not known here")


def _of_host_path(spec: PersistentVolumeSpec, proof: str, storage_class: StorageClass | None, drivers: Mapping[str, Kind]) -> Nature:
    path = spec.host_path.path if spec.host_path else ""
    provisioner = storage_class.provisioner if storage_class else ""
    if provisioner in drivers:
        kind, what = of_driver(provisioner, {}, (), drivers)
        return Nature(kind, what, proof)
    if spec.node_affinity or provisioner in SINGLE_NODE_DRIVERS:
        return Nature("local", f"the node's own directory {path}", proof)
    # With local-path's `sharedFileSystemPath` every node sees the directory: it may well be a mount of NFS.
    return _of_directory(f"{proof} is the directory {path} of no particular node", proof, drivers)


def _of_directory(seen: str, proof: str, drivers: Mapping[str, Kind]) -> Nature:
    """What a directory of a node is, on which anything may be mounted: only the profile can say."""
    if HOST_PATH in drivers:
        kind, what = of_driver(HOST_PATH, {}, (), drivers)
        return Nature(kind, what, proof)
    settled = f"say under `storage_drivers` in the profile what the nodes' directories are (`{HOST_PATH}: local`)"
    return Nature("unknown", f"{seen}, which may be a mount of NFS; {settled}")


def nature_of_class(storage_class: StorageClass, drivers: Mapping[str, Kind] = NO_DRIVERS, modes: Iterable[str] = ()) -> Nature:
    """What the volumes of a class will be, by its provisioner, for a claim with these access modes."""
    provisioner, parameters = storage_class.provisioner, storage_class.parameters or {}
    proof = f"StorageClass {storage_class.metadata.name}, provisioner {provisioner}"
    if provisioner.startswith("cluster.local/") and parameters.keys() & {"archiveOnDelete", "pathPattern", "onDelete"}:
        return Nature("nfs", "NFS, by the nfs-subdir provisioner", proof)
    kind, what = of_driver(provisioner, parameters, modes, drivers)
    return Nature(kind, what, proof if kind != "unknown" else "")


class Storage:
    """The cluster's claims, volumes and classes together, and what follows from them; `drivers` is what the profile says of some."""

    def __init__(
        self,
        claims: Readings[PersistentVolumeClaim],
        volumes: Readings[PersistentVolume],
        classes: Readings[StorageClass],
        drivers: Mapping[str, Kind] = NO_DRIVERS,
    ) -> None:
        self.claims, self.volumes, self.classes, self.drivers = claims, volumes, classes, drivers
        self._claims, self._volumes, self._classes = claims.by_name(), volumes.by_name(), classes.by_name()

    def claim(self, namespace: str, name: str) -> PersistentVolumeClaim | None:
        return self._claims.get((namespace, name))

    def class_named(self, name: str) -> StorageClass | None:
        return self._classes.get(("", name))

    def class_of(self, claim: PersistentVolumeClaim) -> str:
        """The name of a claim's class: its own, or of the volume that it is bound to."""
        volume = self.volume_of(claim)
        return claim.spec.storage_class_name or (volume.spec.storage_class_name if volume else "")

    def volume_of(self, claim: PersistentVolumeClaim) -> PersistentVolume | None:
        return self._volumes.get(("", claim.spec.volume_name)) if claim.spec.volume_name else None

    def of_class(self, name: str, modes: Iterable[str] = ()) -> Nature:
        """What the volumes of the class of this name will be, for a claim with these access modes."""
        found = self.class_named(name)
        if found:
            return nature_of_class(found, self.drivers, modes)
        return Nature("unknown", self.classes.missing_reason("") or f"there is no StorageClass {name or 'named, and no default one'}")

    def of_claim(self, claim: PersistentVolumeClaim) -> Nature:
        """What a PVC's data are stored on: the bound volume decides, and only for an unbound claim its class."""
        volume = self.volume_of(claim)
        if volume:
            return nature_of_volume(volume, self.class_named(self.class_of(claim)), self.drivers)
        if claim.spec.volume_name:
            reason = self.volumes.missing_reason("") or "it does not exist"
            return Nature("unknown", f"PersistentVolume {claim.spec.volume_name} could not be read: {reason}")
        return self.of_class(claim.spec.storage_class_name or self.default_class(), claim.spec.access_modes or ())

    def default_class(self) -> str:
        """The class that a claim without one gets: of several defaults, the newest."""
        return next((one.metadata.name for one in default_classes(self.classes.items)), "")

    def of_mount(self, namespace: str, pod: str, volume: Volume) -> Nature:
        """What a pod's volume is."""
        if volume.nfs:
            return Nature("nfs", f"NFS {volume.nfs.server}:{volume.nfs.path}", f"mounted by Pod {pod} itself")
        if volume.empty_dir is not None:
            return Nature("ephemeral", "an emptyDir, which is deleted with the pod", f"Pod {pod}")
        if volume.host_path:
            return _of_directory(f"Pod {pod} mounts the directory {volume.host_path.path} of its node", f"Pod {pod}", self.drivers)
        if volume.ephemeral is not None:
            return self._of_ephemeral(namespace, pod, volume)
        if volume.persistent_volume_claim is None:
            return Nature("unknown", f"the volume {volume.name} of Pod {pod} is of a type that is not known here")
        name = volume.persistent_volume_claim.claim_name
        claim = self.claim(namespace, name)
        if claim is None:
            reason = self.claims.missing_reason(namespace) or "it does not exist"
            return Nature("unknown", f"PersistentVolumeClaim {namespace}/{name} could not be read: {reason}")
        return self.of_claim(claim)

    def _of_ephemeral(self, namespace: str, pod: str, volume: Volume) -> Nature:
        """What a generic ephemeral volume is: its PVC is the pod's own. Its file system only matters where that is a shared one."""
        name = f"{pod}-{volume.name}"
        claim = self.claim(namespace, name)
        below = self.of_claim(claim) if claim else None
        if below and below.kind in ("nfs", "shared", "object"):
            return below
        return Nature("ephemeral", f"an ephemeral volume, whose PVC {name} is deleted with the pod", f"Pod {pod}")

    def truly(self, kind: Kind) -> list[str]:
        """The names of the classes that really are of this kind, the default one first."""
        default = self.default_class()
        found = [one.metadata.name for one in self.classes.items if nature_of_class(one, self.drivers).kind == kind]
        return sorted(found, key=lambda name: (name != default, name))


def default_classes(classes: list[StorageClass]) -> list[StorageClass]:
    """The classes marked as default, the one that wins first: the newest, and of the same age the first by name."""
    marked = sorted((one for one in classes if one.is_default), key=lambda one: one.metadata.name)
    return sorted(marked, key=lambda one: one.metadata.creation_timestamp or "", reverse=True)


def claim_subject(claim: PersistentVolumeClaim) -> Subject:
    return CLAIMS.subject(claim.metadata.namespace, claim.metadata.name)


_SOUNDS_LOCAL = ours(r"(?i)local|host-?path|ssd|nvme")


def sounds_local(name: str) -> bool:
    """Whether a class's name promises a local disk: worth a word where it is none, and never a proof."""
    return bool(_SOUNDS_LOCAL.search(name))


def claim_name(volume: Volume) -> str:
    """The name of the claim that a pod's volume is; empty if it is none."""
    return volume.persistent_volume_claim.claim_name if volume.persistent_volume_claim else ""


def mounted_at(pod: Pod, path: str) -> Volume | None:
    """The pod's volume that holds a path: the one mounted at it, or closest above it, in any of its containers."""
    mounts = [
        (len(mount.mount_path.rstrip("/")), mount.name)
        for container in pod.spec.containers
        for mount in container.volume_mounts or []
        if f"{path.rstrip('/')}/".startswith(f"{mount.mount_path.rstrip('/')}/")
    ]
    name = max(mounts)[1] if mounts else ""
    return next((one for one in pod.spec.volumes or [] if one.name == name), None)
