"""A Prometheus database on NFS, openly, and under the name of the local class; and a Prometheus that is stopped."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus
from lab.platform.effects import wait_for_healthy_targets, wait_for_pod, wait_for_pod_gone
from lab.platform.manifests import Environment, document
from lab.platform.storage import NFS_CLASS, NFS_PROVISIONER, NfsVolume, create_volume, remove_volume
from lab.stages import Stage

LOCAL_CLASS = "local-path"
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_STORAGE = "the Prometheus of {environment}"


def stage_tsdb_on_nfs(environment: Environment) -> None:
    _move(environment, NFS_CLASS, _volume(environment, NFS_CLASS))


def clear_tsdb_on_nfs(environment: Environment) -> None:
    """The class in the resource, replicas to 0, the claim deleted, replicas back: its history is lost."""
    _move(environment, LOCAL_CLASS, None)
    remove_volume(_volume(environment, NFS_CLASS))


def stage_nfs_called_local_path(environment: Environment) -> None:
    impostor = document("storage", "StorageClass", LOCAL_CLASS)
    impostor |= {"provisioner": NFS_PROVISIONER, "parameters": {"archiveOnDelete": "true"}, "volumeBindingMode": "Immediate"}
    _replace_class(impostor)
    _move(environment, LOCAL_CLASS, _volume(environment, LOCAL_CLASS))


def clear_nfs_called_local_path(environment: Environment) -> None:
    _replace_class(document("storage", "StorageClass", LOCAL_CLASS))
    _move(environment, LOCAL_CLASS, None)
    remove_volume(_volume(environment, LOCAL_CLASS))


def stage_stopped(environment: Environment) -> None:
    _set(environment, {"replicas": 0})
    wait_for_pod_gone(environment.namespace, environment.prometheus_pod)


def clear_stopped(environment: Environment) -> None:
    _start(environment)


def _move(environment: Environment, storage_class: str, volume: NfsVolume | None) -> None:
    """Put the database on another volume: a claim's class cannot be changed, so the claim is made anew."""
    template = {"volumeClaimTemplate": {"spec": {"storageClassName": storage_class}}}
    _set(environment, {"replicas": 0, "storage": template})
    wait_for_pod_gone(environment.namespace, environment.prometheus_pod)
    claim = f"/api/v1/namespaces/{environment.namespace}/persistentvolumeclaims/{environment.prometheus_claim}"
    api.delete(claim)
    wait_until("the claim to be gone", lambda: api.find(claim) is None, 60)
    if volume:
        remove_volume(volume)  # of an earlier time
        wait_until("the volume to be gone", lambda: api.find(f"/api/v1/persistentvolumes/{volume.name}") is None, 30)
        create_volume(volume)
    _start(environment)


def _start(environment: Environment) -> None:
    _set(environment, {"replicas": 1})
    wait_for_pod(environment.namespace, environment.prometheus_pod)
    wait_for_healthy_targets(environment)


def _set(environment: Environment, change: api.Object) -> None:
    api.patch(prometheus.path_of(environment), {"spec": change})


def _volume(environment: Environment, storage_class: str) -> NfsVolume:
    return NfsVolume(environment.namespace, environment.prometheus_claim, "20Gi", storage_class=storage_class)


def _replace_class(wanted: api.Object) -> None:
    """A class's provisioner cannot be changed either; claims that are bound do not mind."""
    api.delete(f"{_CLASSES}/{wanted['metadata']['name']}")
    api.create(_CLASSES, wanted)


STAGES = (
    Stage(
        "tsdb-on-nfs",
        "Prometheus keeps its database on a volume of the NFS class",
        stage_tsdb_on_nfs,
        clear_tsdb_on_nfs,
        touches=(_STORAGE,),
    ),
    Stage(
        "nfs-called-local-path",
        "the class local-path is NFS underneath, and Prometheus' database is on it",
        stage_nfs_called_local_path,
        clear_nfs_called_local_path,
        touches=(_STORAGE, "the class local-path"),
    ),
    Stage(
        "prometheus-stopped",
        "a Prometheus is scaled to 0 through its resource",
        stage_stopped,
        clear_stopped,
        touches=(_STORAGE,),
    ),
)
