"""How long pods take to go, and in which phase: the application's shutdown, or the clean-up of volumes and cgroups after it."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from clusterprobe.model import Struct
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import NfsVolume, Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume

# What unmounting and cgroups take on a healthy node, with the seconds to which the API cuts its times.
CLEANUP_SECONDS = 5.0


class Phase(enum.StrEnum):
    """Where a pod that is going hangs. What is neither the application nor a volume comes first."""

    NODE = "its node is not ready"
    FINALIZERS = "finalizers hold it"
    UNSTARTED = "its containers never started"
    APPLICATION = "its containers are still running"
    CLEANUP = "its containers have ended"


class Going(Struct, frozen=True):
    """A pod that was asked to go. Times are epoch seconds; `ended_at` is when its last container ended."""

    phase: Phase
    requested_at: float
    deadline_at: float
    ended_at: float = 0.0
    forced: bool = False


def epoch(text: str | None) -> float | None:
    """An API time as epoch seconds; None for none, or one that is odd."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def requested_at(pod: Pod) -> float | None:
    """When it was asked to go: the API adds the grace period to the deletion timestamp, and rebases it when the grace shrinks."""
    deadline = epoch(pod.metadata.deletion_timestamp)
    return None if deadline is None else deadline - (pod.metadata.deletion_grace_period_seconds or 0)


def going(pod: Pod, ready_nodes: Mapping[str, bool]) -> Going | None:
    """The state of a pod that is being deleted; None for one that is not."""
    requested, deadline = requested_at(pod), epoch(pod.metadata.deletion_timestamp)
    if requested is None or deadline is None:
        return None
    ended = finished_at(pod)
    return Going(
        phase=_phase(pod, ready_nodes.get(pod.spec.node_name, True), ended),
        requested_at=requested,
        deadline_at=deadline,
        ended_at=ended or 0.0,
        forced=pod.metadata.deletion_grace_period_seconds == 0,
    )


def _phase(pod: Pod, node_ready: bool, ended: float | None) -> Phase:
    if not node_ready:
        return Phase.NODE
    if pod.metadata.finalizers and (ended is not None or not pod.spec.node_name):
        return Phase.FINALIZERS
    statuses = pod.status.container_statuses or []
    if ended is not None:
        return Phase.CLEANUP
    started = any(one.state.running is not None or one.state.terminated is not None for one in statuses)
    return Phase.APPLICATION if started else Phase.UNSTARTED


def finished_at(pod: Pod) -> float | None:
    """When the last of its containers ended, by the node's clock; None while one runs, or where that is not known."""
    statuses = pod.status.container_statuses or []
    ends = [epoch(one.state.terminated.finished_at) if one.state.terminated else None for one in statuses]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def split(total: float, *, requested: float | None, finished: float | None, ended_seen: float | None) -> float:
    """The application's part of `total` seconds of termination.

    `requested` and `finished` are the API's times, cut to seconds and by two clocks; `ended_seen` is after how many seconds we
    were told that the containers had ended, which is never too early. Where the times contradict it, the clocks differ.
    """
    latest = total if ended_seen is None else min(ended_seen, total)
    if requested is None or finished is None:
        return latest
    application = finished - requested
    return latest if application > latest + 1 or application < -1 else min(max(application, 0.0), latest)


def is_outlier(seconds: float, peers: Iterable[float], *, factor: float, least: float) -> bool:
    """Whether it takes that many times as long as its peers do, and that many seconds longer; nothing sticks out of nobody."""
    others = list(peers)
    if not others:
        return False
    usual = statistics.median(others)
    return seconds >= usual + least and seconds >= usual * factor


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

    def of_volume(self, namespace: str, volume: Volume) -> Export | None:
        """The export behind one volume of a pod in that namespace."""
        if volume.nfs:
            return _export(volume.nfs, ())
        if volume.persistent_volume_claim is None:
            return None
        claim = self._claims.get((namespace, volume.persistent_volume_claim.claim_name))
        bound = self._volumes.get(claim.spec.volume_name) if claim else None
        return export_of(bound) if bound else None

    def of_pod(self, pod: Pod) -> list[Export]:
        """The exports that a pod mounts, each once."""
        found = [self.of_volume(pod.metadata.namespace, one) for one in pod.spec.volumes or []]
        return list({one.key: one for one in found if one}.values())

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


# --- what a canary takes ----------------------------------------------------------------------------------------------


class CanaryTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long a pod of ours took to go from a node; `export` is what it had mounted, empty for nothing.

    `gone` is false for one that we could not wait for: then the seconds are how long it was seen to hang, at least.
    """

    server: str = ""
    path: str = ""
    application_seconds: float
    cleanup_seconds: float
    gone: bool = True

    @property
    def export(self) -> str:
        return f"{self.server}:{self.path}" if self.server else ""

    @property
    def seconds(self) -> float:
        return self.application_seconds + self.cleanup_seconds


class PastTermination(msgspec.Struct, frozen=True, kw_only=True):
    """A termination that is over, as far as scrapes saw it: all of its seconds are lower bounds.

    `overdue_seconds` is how long after its deadline it was still there (negative: it was not seen past it).
    """

    namespace: str
    pod: str
    uid: str
    node: str
    owner: str
    seconds: float
    overdue_seconds: float
    last_seen: float


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """A kubelet's word that it began to stop a pod's container."""

    namespace: str
    pod: str
    uid: str
    node: str
    at: float


class AgentTermination(msgspec.Struct, frozen=True, kw_only=True):
    """How long a DaemonSet's pod took to go from a node.

    `at_least` marks a lower bound. `phase` is empty where nothing tells it.
    """

    namespace: str
    daemon_set: str
    node: str
    pod: str
    seconds: float
    grace_seconds: int
    phase: str = ""
    at_least: bool = False
    seen: str = ""


def daemon_set_of(pod: Pod) -> str:
    """The DaemonSet that a pod belongs to, if any."""
    return next((one.name for one in pod.metadata.owner_references if one.kind == "DaemonSet" and one.controller), "")


def ready_nodes(nodes: Readings[Node]) -> dict[str, bool]:
    """The nodes by name, and whether they are ready."""
    return {one.metadata.name: one.ready for one in nodes.items}
