"""Pods of our own, made to be deleted and timed: how long a node takes to let a pod go, with and without NFS."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe import errors
from clusterprobe.access.active import CLAIMS, PODS, VOLUMES, Workspace
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.deadline import Deadline, in_parallel
from clusterprobe.access.writer import Stored
from clusterprobe.decoding import from_json
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.events import EVENTS
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.kubernetes.resources import NODES
from clusterprobe.systems.pods.termination.model import CanaryTiming, finished_at, requested_at, split
from clusterprobe.systems.storage.drivers import NFS_DRIVER
from clusterprobe.systems.storage.nfs import Export, Mounts

GRACE_SECONDS = 5
ACTIVE_DEADLINE_SECONDS = 180
START_SECONDS = 60.0
SETTLE_SECONDS = 20.0
NODES_AT_ONCE = 32
SLOW_EXPORTS_OF_A_SERVER = 2  # are enough to know; more would only hang more

CALLS = (
    *(Call(verb, "namespaces") for verb in ("get", "list", "create", "delete")),
    *(Call(verb, "leases", "coordination.k8s.io") for verb in ("get", "create", "update", "delete")),
    *(Call(verb, "pods") for verb in ("get", "list", "watch", "create", "delete")),
    *(Call(verb, "persistentvolumeclaims") for verb in ("get", "list", "create", "delete")),
    *(Call(verb, "persistentvolumes") for verb in ("get", "list", "create", "delete")),
    Call("list", "events"),
)


@source(*CALLS, active=True)
def termination_canaries(
    cluster: Cluster,
    profile: Profile,
    nodes: Readings[Node],
    pods: Readings[Pod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
) -> Readings[list[CanaryTiming]]:
    """How long a pod of ours takes to go from each worker, without a volume and with each NFS export mounted there."""
    found: Collector[list[CanaryTiming]] = Collector(unreadable=list(nodes.unreadable))
    workers = [one for one in nodes.items if _can_hold(one, found)]
    exports: Mapping[str, list[Export]] = {}
    if profile.active.nfs:
        found.unreadable.extend([*pods.unreadable, *claims.unreadable, *volumes.unreadable])
        exports = Mounts(claims, volumes).by_node(pods.items)
    if not workers:
        return found.readings("no node takes pods that tolerate nothing")
    workspace = Workspace(cluster, profile.active.namespace)
    place = Subject(api_version="v1", kind="Namespace", name=profile.active.namespace)
    try:
        with workspace:
            _fly(workspace, profile, [one.metadata.name for one in workers], exports, found)
    except errors.Unreadable as error:
        found.fail(place, f"no pod could be timed: {error}")
    for leftover in workspace.leftovers:
        found.fail(place, leftover)
    return found.readings()


def _fly(
    workspace: Workspace, profile: Profile, nodes: list[str], exports: Mapping[str, list[Export]], found: Collector[list[CanaryTiming]]
) -> None:
    """All nodes at once, so that it takes about as long as the slowest of them."""
    rounds = [_Round(workspace, profile, node, index) for index, node in enumerate(nodes)]
    flown = in_parallel(lambda one: one.run(exports.get(one.node, [])), rounds, NODES_AT_ONCE)
    for one, timings in zip(rounds, flown, strict=True):
        if timings:
            found.add(NODES.subject("", one.node), timings)
        found.unreadable.extend(one.failures)


def _can_hold(node: Node, found: Collector[list[CanaryTiming]]) -> bool:
    """Whether a pod without tolerations may run there. A tainted node is no worker; one that is away could not be looked at."""
    if any(one.effect == "NoSchedule" and not one.key.startswith("node.kubernetes.io/") for one in node.spec.taints or []):
        return False
    if not node.ready or node.spec.unschedulable:
        why = "cordoned" if node.ready else "not ready"
        found.fail(NODES.subject("", node.metadata.name), f"the node is {why}, so no pod can be timed there")
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Change:
    """A canary at one moment: what the API server says of it, and when we heard it (monotonic)."""

    pod: Pod
    received: float
    deleted: bool = False


class _Round:
    """The canaries of one node, one after the other: plain, and then with each export."""

    def __init__(self, workspace: Workspace, profile: Profile, node: str, index: int) -> None:
        self.node = node
        self.failures: list[Unchecked] = []
        self._workspace, self._profile, self._index = workspace, profile, index
        self._limit_seconds = 3 * profile.thresholds.termination.seconds
        self._limit = Deadline.after(0)
        self._last = ""
        self._slow: Counter[str] = Counter()

    def run(self, exports: list[Export]) -> list[CanaryTiming]:
        """All that could be timed; what could not is in `failures`."""
        timings: list[CanaryTiming] = []
        for number, export in enumerate([None, *exports]):
            what = f"a timed pod with {export}" if export else "a timed pod without volumes"
            try:
                self._check(export)
                timing = self._time(export, f"clusterprobe-{self._workspace.run}-{self._index}-{number}")
            except errors.Unreadable as error:
                self.failures.append(Unchecked(subject=NODES.subject("", self.node), reason=f"{what} was not measured: {error}"))
                if export is None:
                    return []  # with a volume it would go no better
                continue
            timings.append(timing)
            if export and timing.cleanup_seconds >= self._profile.thresholds.termination.outlier_seconds:
                self._slow[export.server] += 1
        return timings

    def _check(self, export: Export | None) -> None:
        """One pod a node at a time, and nothing more once it is known, or the time is over."""
        if self._last and not self._workspace.is_gone(PODS, self._last, SETTLE_SECONDS):
            raise errors.TimedOut("the timed pod before it still exists")
        if export and self._slow[export.server] >= SLOW_EXPORTS_OF_A_SERVER:
            raise errors.TimedOut(f"{SLOW_EXPORTS_OF_A_SERVER} exports of {export.server} were slow already, so this one was skipped")
        if self._workspace.deadline.passed:
            raise errors.TimedOut("no time is left for it (--timeout)")

    def _time(self, export: Export | None, name: str) -> CanaryTiming:
        workspace = self._workspace
        if export:
            workspace.create(VOLUMES, name, _volume(workspace.namespace, name, export))
            workspace.create(CLAIMS, name, _claim(name))
        self._last = name
        stored = workspace.create(PODS, name, _pod(self._profile, self.node, name if export else ""))
        changes = self._changes(stored)
        try:
            self._await_running(changes, stored)
            asked = time.monotonic()
            workspace.delete(PODS, stored)
            timing = self._await_gone(changes, asked, export)
        except errors.Unreadable:
            workspace.remove(PODS, name)
            raise
        if timing.gone:
            workspace.went(PODS, name)
            for resource in (CLAIMS, VOLUMES) if export else ():
                workspace.remove(resource, name)
        return timing

    def _changes(self, stored: Stored) -> Iterator[_Change]:
        """The pod from now on, matched by its UID; `TimedOut` once the phase's limit has passed."""
        for event in self._workspace.watch(PODS, stored, lambda: self._limit.passed):
            try:
                pod = from_json(event.object, Pod)
            except msgspec.MsgspecError as error:
                raise errors.BadResponse(f"the watch gave no pod: {error}") from None
            if pod.metadata.uid == stored.metadata.uid:
                yield _Change(pod, event.received, event.type == "DELETED")

    def _await_running(self, changes: Iterator[_Change], stored: Stored) -> None:
        self._limit = Deadline.after(START_SECONDS)
        pod: Pod | None = None
        try:
            for change in changes:
                pod = change.pod
                trouble = "it was deleted from outside" if change.deleted or pod.metadata.deletion_timestamp else _trouble(pod)
                if trouble:
                    raise errors.BadResponse(f"it did not run: {trouble}")
                if pod.status.phase == "Running":
                    return
        except errors.TimedOut:
            self._end_if_interrupted()
            raise errors.TimedOut(f"it did not run in time: {self._said(stored) or _waiting(pod)}") from None
        raise errors.BadResponse("the watch ended before it ran")

    def _end_if_interrupted(self) -> None:
        if self._workspace.stopped:
            raise errors.TimedOut("the run was interrupted")

    def _said(self, stored: Stored) -> str:
        """What events say of a pod that does not run; nothing if they cannot be read."""
        query = {"fieldSelector": f"involvedObject.uid={stored.metadata.uid},type=Warning", "limit": 20}
        try:
            listed = self._workspace.writer.query(EVENTS, stored.metadata.namespace, query, Deadline.after(5), _Warnings)
        except errors.Unreadable:
            return ""
        return excerpt(next((one.message for one in reversed(listed.items or [])), ""), SAID)

    def _await_gone(self, changes: Iterator[_Change], asked: float, export: Export | None) -> CanaryTiming:
        self._limit = Deadline.after(self._limit_seconds)
        seen: list[_Change] = []
        try:
            for change in changes:
                seen.append(change)
                if change.deleted:
                    return _timing(seen, asked, change.received - asked, export, gone=True)
        except errors.TimedOut:
            hanging = time.monotonic() - asked
            if hanging < self._profile.thresholds.termination.outlier_seconds:
                self._end_if_interrupted()
            return _timing(seen, asked, hanging, export, gone=False)  # how long it hangs at least is certain
        raise errors.BadResponse("the watch ended before it was deleted")


def _timing(seen: list[_Change], asked: float, seconds: float, export: Export | None, *, gone: bool) -> CanaryTiming:
    last = seen[-1].pod if seen else None
    # From the first word of it: the kubelet's own, final deletion sets the times anew (seen with Kubernetes 1.34).
    requested = next((at for one in seen if (at := requested_at(one.pod)) is not None), None)
    ended = next((one.received - asked for one in seen if finished_at(one.pod) is not None), None)
    application = split(seconds, requested=requested, finished=finished_at(last) if last else None, ended_seen=ended)
    return CanaryTiming(
        server=export.server if export else "",
        path=export.path if export else "",
        application_seconds=round(application, 2),
        cleanup_seconds=round(seconds - application, 2),
        gone=gone,
    )


class _Warning(msgspec.Struct):
    message: str = ""


class _Warnings(msgspec.Struct):
    items: list[_Warning] | None = None


# A container in one of these states does not start by itself.
SAID = 1000  # characters that are kept of what is said of a pod of ours
HOPELESS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


def _trouble(pod: Pod) -> str:
    """Why it will never run, if that is certain."""
    if pod.status.phase in ("Failed", "Succeeded"):
        ended = next((one.state.terminated for one in pod.status.container_statuses or [] if one.state.terminated), None)
        said = f"its container ended with exit code {ended.exit_code} {ended.message}".strip() if ended else ""
        return excerpt(f"{pod.status.phase} {pod.status.reason}: {pod.status.message or said}", SAID)
    for one in pod.status.container_statuses or []:
        if one.state.waiting and one.state.waiting.reason in HOPELESS:
            return excerpt(f"{one.state.waiting.reason}: {one.state.waiting.message}", SAID)
    return ""


def _waiting(pod: Pod | None) -> str:
    """What it waits for, as far as its own status says."""
    if pod is None:
        return "the API server said nothing of it"
    refused = next((one for one in pod.status.conditions or [] if one.type == "PodScheduled" and one.status == "False"), None)
    if refused:
        return excerpt(f"{refused.reason}: {refused.message}", SAID)
    waiting = next((one.state.waiting for one in pod.status.container_statuses or [] if one.state.waiting), None)
    return excerpt(f"{waiting.reason} {waiting.message}".strip(), SAID) if waiting else f"it stayed {pod.status.phase or 'without a phase'}"


# --- manifests --------------------------------------------------------------------------------------------------------


def _pod(profile: Profile, node: str, claim: str) -> dict[str, Any]:
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    mounts = [{"name": "export", "mountPath": "/export", "readOnly": True}] if claim else []
    volumes = [{"name": "export", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}] if claim else []
    container = {
        "name": "canary",
        "image": profile.active.image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": mounts,
    }
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "activeDeadlineSeconds": ACTIVE_DEADLINE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]}}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "runAsGroup": 65535,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    return {"spec": spec}


def _volume(namespace: str, name: str, export: Export) -> dict[str, Any]:
    """The export once more, read-only and bound to our claim alone; deleting it touches nothing on the server."""
    spec: dict[str, Any] = {
        "capacity": {"storage": "1Mi"},
        "accessModes": ["ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name},
        "mountOptions": [one for one in export.options if one != "rw"],
    }
    if export.driver == NFS_DRIVER:
        attributes = {"server": export.server, "share": export.path}
        spec["csi"] = {"driver": NFS_DRIVER, "volumeHandle": name, "volumeAttributes": attributes, "readOnly": True}
    else:
        spec["nfs"] = {"server": export.server, "path": export.path, "readOnly": True}
    return {"spec": spec}


def _claim(name: str) -> dict[str, Any]:
    return {
        "spec": {"accessModes": ["ReadOnlyMany"], "storageClassName": "", "volumeName": name, "resources": {"requests": {"storage": "1Mi"}}}
    }
