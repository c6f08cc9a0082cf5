"""As whom a container runs, and what a pod's fsGroup really does to each of its volumes."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Container, CsiDriver, Pod, SecurityContext, Volume
from clusterprobe.systems.storage.natures import Storage

_DEFAULT_POLICY = "ReadWriteOnceWithFSType"


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and groups of a container's process. None: what the image says, which the API does not tell."""

    user: int | None
    group: int | None
    groups: tuple[int, ...]
    file_system_group: int | None
    proof: str

    @property
    def words(self) -> str:
        user = "the image's own user" if self.user is None else "root (uid 0)" if self.user == 0 else f"uid {self.user}"
        group = "the image's own group" if self.group is None else f"gid {self.group}"
        more = f", supplemental groups {', '.join(map(str, self.groups))}" if self.groups else ", no supplemental groups"
        return f"{user}, {group}{more}"


def identity_of(pod: Pod, container: Container) -> Identity:
    """What the runtime says where it does, else what the container's security context, and then the pod's, asks for."""
    above, own = pod.spec.security_context or SecurityContext(), container.security_context or SecurityContext()
    statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
    user = next((one.user.linux for one in statuses if one.name == container.name and one.user), None)
    if user:
        return Identity(user.uid, user.gid, tuple(user.supplemental_groups or []), above.fs_group, "as the runtime started it")
    groups = dict.fromkeys([*(above.supplemental_groups or []), *([above.fs_group] if above.fs_group is not None else [])])
    uid = own.run_as_user if own.run_as_user is not None else above.run_as_user
    gid = own.run_as_group if own.run_as_group is not None else above.run_as_group
    return Identity(uid, gid, tuple(groups), above.fs_group, "by the security contexts")


@dataclass(frozen=True, slots=True)
class Effect:
    """Whether the kubelet gives a volume's files to the fsGroup; None where it cannot be told. `why` is a clause."""

    applied: bool | None
    why: str


def effect_of(pod: Pod, volume: Volume, storage: Storage, drivers: Readings[CsiDriver]) -> Effect:
    """What fsGroup does to one of a pod's volumes."""
    if volume.nfs:
        return Effect(False, "on in-tree NFS the kubelet never changes who owns the files")
    if volume.host_path:
        return Effect(False, "on a hostPath volume the kubelet never changes who owns the files")
    if volume.csi:
        return _of_driver(volume.csi.driver, drivers, fits=bool(volume.csi.fs_type), why="the volume names no fsType")
    claim = storage.claim(pod.metadata.namespace, volume.persistent_volume_claim.claim_name) if volume.persistent_volume_claim else None
    bound = storage.volume_of(claim) if claim else None
    if bound is None:
        return Effect(None, "its PVC or volume could not be read")
    if bound.spec.nfs:
        return Effect(False, "on in-tree NFS the kubelet never changes who owns the files")
    if bound.spec.host_path:
        return Effect(False, "on a hostPath volume the kubelet never changes who owns the files")
    if bound.spec.csi is None:
        return Effect(True, "the kubelet gives the files of such a volume to the fsGroup")
    modes = bound.spec.access_modes or []
    why = "the volume names no fsType" if not bound.spec.csi.fs_type else f"its access mode is {', '.join(modes) or 'not given'}"
    return _of_driver(bound.spec.csi.driver, drivers, fits=bool(bound.spec.csi.fs_type) and "ReadWriteOnce" in modes, why=why)


def _of_driver(name: str, drivers: Readings[CsiDriver], *, fits: bool, why: str) -> Effect:
    driver = drivers.by_name().get(("", name))
    if driver is None and not drivers.complete:
        return Effect(None, f"the CSI driver {name} could not be looked at")
    policy = (driver.spec.fs_group_policy if driver else "") or _DEFAULT_POLICY
    what = f"the CSI driver {name} has fsGroupPolicy {policy}"
    if policy == "None":
        return Effect(False, f"{what}, so the kubelet changes nothing")
    if policy == "File" or fits:
        return Effect(True, f"{what}, so the kubelet gives the files to the fsGroup")
    return Effect(False, f"{what}, which changes nothing here: {why}")
