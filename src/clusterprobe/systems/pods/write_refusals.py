"""What containers say of being refused on their volumes, read from the last lines of the few that have a reason to say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.logs import Line, dated_lines, has_ended, last_ended_was_before
from clusterprobe.systems.kubernetes.objects import (
    Container,
    ContainerStatus,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StorageClass,
    Volume,
)
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.crashes import crashes_of
from clusterprobe.systems.storage.folders import VolumeFolder, folder_of_mount
from clusterprobe.systems.storage.natures import Nature, Storage, claim_name

LINES = 100
MAX_LOGS = 100
PER_WORKLOAD = 2  # ready pods of one workload: what one of them may not do, its replicas may not either
_DENIED = ours(r"(?i)\[Errno 13\]|PermissionError|permission denied|\bEACCES\b")
# What a chown on NFS gets: it only matters where the program then gives up.
_NOT_PERMITTED = ours(r"(?i)\[Errno 1\]|operation not permitted|\bEPERM\b")
_PATH = ours(r"(?:^|[^\w.:/-])(/[\w.@+=,-]+(?:/[\w.@+=,-]+)*)")


class Denial(msgspec.Struct, frozen=True):
    """A line that says so, the path under a volume's mount that it names (empty if it names none such), and when: epoch seconds."""

    line: str
    path: str = ""
    at: float | None = None


class ContainerLog(msgspec.Struct, frozen=True):
    """What a container's last lines say of refusals; `silent` if it has logged nothing, which says nothing."""

    container: str
    silent: bool
    denials: list[Denial]


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume in a container, and what it really is: the PersistentVolume behind it, and its folder where it is NFS."""

    volume: Volume
    path: str
    nature: Nature
    bound: PersistentVolume | None = None
    folder: VolumeFolder | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A container whose log is worth a look."""

    pod: Pod
    container: Container
    status: ContainerStatus
    previous: bool


def writes_of(pod: Pod, container: str) -> Ref:
    """What a container of a workload writes: refused on its volume, it may be why the container crashes."""
    workload = workload_of(pod)
    return Ref(RefKind.WRITES, workload.namespace, f"{workload.kind}/{workload.name}/{container}")


def mounts_of(pod: Pod, container: Container, storage: Storage, *, also_read: bool = False) -> list[Mount]:
    """The volumes of a container that keep data: claims, NFS, directories of the node, inline CSI; those that it may write to."""
    named = {one.name: one for one in pod.spec.volumes or []}
    found = []
    for mount in container.volume_mounts or []:
        volume = named.get(mount.name)
        if (
            volume
            and (also_read or not mount.read_only)
            and (volume.persistent_volume_claim or volume.nfs or volume.host_path or volume.csi)
        ):
            nature = storage.of_mount(pod.metadata.namespace, pod.metadata.name, volume)
            claim = storage.claim(pod.metadata.namespace, claim_name(volume)) if volume.persistent_volume_claim else None
            bound = storage.volume_of(claim) if claim else None
            folder = folder_of_mount(mount, volume, bound, storage)
            found.append(Mount(volume, mount.mount_path.rstrip("/") or "/", nature, bound, folder))
    return found


def crashing(pod: Pod, now: float) -> bool:
    return any(one.phase != "recovered" for one in crashes_of(pod, now))


def struggling(pod: Pod, now: float) -> bool:
    """Whether a pod is not ready, or crashes."""
    return not pod.ready or crashing(pod, now)


def looks_at(pod: Pod, storage: Storage, now: float) -> Iterator[Look]:
    """The containers of a pod whose logs are read: of one that struggles, those with any such volume; else those on NFS."""
    if pod.metadata.deletion_timestamp or pod.status.phase in ("Succeeded", "Failed"):
        return
    troubled = struggling(pod, now)
    statuses = {one.name: one for one in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]}
    for container in [*((pod.spec.init_containers or []) if troubled else []), *pod.spec.containers]:
        mounts, status = mounts_of(pod, container, storage), statuses.get(container.name)
        if status is None or not any(troubled or one.nature.kind == "nfs" for one in mounts):
            continue
        if status.state.running or has_ended(status):  # else it has never run
            crashed = not status.state.running or (troubled and not status.ready and has_ended(status))
            yield Look(pod, container, status, crashed and last_ended_was_before(status))


@source(Call("get", "pods/log"))
def volume_logs(
    cluster: Cluster,
    pods: Readings[Pod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    storage_classes: Readings[StorageClass],
    profile: Profile,
) -> Readings[ContainerLog]:
    """What the containers on NFS volumes, and those with volumes that crash or are not ready, say of being refused."""
    storage, now = Storage(claims, volumes, storage_classes, profile.storage_drivers), cluster.now()
    found: Collector[Look] = Collector(unreadable=list(pods.unreadable))
    counted: dict[str, int] = {}
    for pod in sorted(pods.items, key=lambda one: not struggling(one, now)):
        looks, troubled, workload = list(looks_at(pod, storage, now)), struggling(pod, now), str(workload_of(pod))
        if not troubled and looks:
            counted[workload] = counted.get(workload, 0) + 1
            if counted[workload] > PER_WORKLOAD:
                continue
        for look in looks:
            subject = PODS.subject(pod.metadata.namespace, pod.metadata.name)
            if len(found.values) < MAX_LOGS:
                found.add(subject, look)
            else:
                found.fail(subject, f"only the logs of the first {MAX_LOGS} containers with such volumes are read")
    seconds = profile.thresholds.storage.permission_window_minutes * 60
    read = cluster.each(found.readings(), lambda _, look: _read(cluster, look, storage, seconds))
    return Readings(
        read.values, read.unreadable, "no running pod has a volume of NFS, and none with another volume crashes or is not ready"
    )


def _read(cluster: Cluster, look: Look, storage: Storage, seconds: int) -> ContainerLog:
    window = 0 if look.previous or not look.status.state.running else seconds
    lines = dated_lines(cluster, look.pod, look.container.name, LINES, previous=look.previous, since_seconds=window)
    if not lines and window:  # it may just have been quiet for so long
        lines = [Line("", one.at) for one in dated_lines(cluster, look.pod, look.container.name, 1)]
    paths = [one.path for one in mounts_of(look.pod, look.container, storage)]
    return ContainerLog(look.container.name, not lines, denials_in(lines, paths, gave_up=not look.status.ready))


def denials_in(lines: list[Line], mounts: list[str], *, gave_up: bool = False) -> list[Denial]:
    """The refusals, each path once, at most ten; a refusal about something else has no path."""
    found: dict[str, Denial] = {}
    for one in lines:
        line = one.text
        if not _DENIED.search(line) and not (gave_up and _NOT_PERMITTED.search(line)):
            continue
        path = next((each for each in _PATH.findall(line) if any(_under(each, mount) for mount in mounts)), "")
        found[path] = Denial(line, path, one.at)  # the newest line of each
    return list(found.values())[-10:]


def _under(path: str, mount: str) -> bool:
    return mount in ("/", path) or path.startswith(f"{mount}/")
