"""Who writes where: the containers on a volume, as whom, and who else has the same folder."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Container, CsiDriver, Pod
from clusterprobe.systems.pods.user_and_groups import Effect, Identity, effect_of, identity_of
from clusterprobe.systems.pods.write_refusals import ContainerLog, Denial, Mount, mounts_of
from clusterprobe.systems.storage.folders import folder_of_volume
from clusterprobe.systems.storage.natures import Storage, claim_name


@dataclass(frozen=True, slots=True)
class Use:
    """One volume of one container: as whom, on what, and what fsGroup does there."""

    pod: Pod
    container: Container
    mount: Mount
    identity: Identity
    effect: Effect
    denial: Denial | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        return self.pod.metadata.namespace, self.pod.metadata.name, self.container.name


def uses_of(pod: Pod, log: ContainerLog, storage: Storage, drivers: Readings[CsiDriver]) -> list[Use]:
    """Each of a container's volumes, with the refusal that names a path on it; the deepest mount above the path counts."""
    container = pod.container(log.container)
    if container is None:
        return []
    mounts = mounts_of(pod, container, storage)
    every = sorted((one.mount_path.rstrip("/") for one in container.volume_mounts or []), key=len, reverse=True)
    refused: dict[str, Denial] = {}
    for denial in log.denials:
        above = next((one for one in every if denial.path and f"{denial.path}/".startswith(f"{one}/")), None)
        if above is not None:
            refused[above or "/"] = denial
    who = identity_of(pod, container)
    return [Use(pod, container, one, who, effect_of(pod, one.volume, storage, drivers), refused.get(one.path)) for one in mounts]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A container that has the same folder, or one in it, and as whom it runs; None: as its image says."""

    pod: str
    user: int | None
    group: int | None


def neighbours(refused: list[Use], pods: Readings[Pod], storage: Storage) -> list[Neighbour]:
    """Who else would feel it if the owner of the refused containers' folder changed."""
    use, own = refused[0], {one.place for one in refused}
    found = []
    for pod in pods.items:
        if pod.status.phase in ("Succeeded", "Failed"):
            continue
        for container in pod.spec.containers:
            shares = any(_same(use, pod, mount) for mount in mounts_of(pod, container, storage, also_read=True))
            if shares and (pod.metadata.namespace, pod.metadata.name, container.name) not in own:
                who = identity_of(pod, container)
                found.append(Neighbour(f"{pod.metadata.namespace}/{pod.metadata.name}", who.user, who.group))
    return found


def _same(use: Use, pod: Pod, mount: Mount) -> bool:
    if use.mount.folder and mount.folder:
        return use.mount.folder.holds(mount.folder)
    claim = claim_name(use.mount.volume)
    return bool(claim) and (claim, use.pod.metadata.namespace) == (claim_name(mount.volume), pod.metadata.namespace)


def other_volumes(use: Use, storage: Storage) -> list[str]:
    """The other PersistentVolumes whose folder is the refused container's, or lies in it."""
    folder, bound = use.mount.folder, use.mount.bound
    found = []
    for one in storage.volumes.items if folder else []:
        there = folder_of_volume(one, storage.class_named(one.spec.storage_class_name))
        if folder and there and folder.holds(there) and not (bound and bound.metadata.name == one.metadata.name):
            found.append(one.metadata.name)
    return found
