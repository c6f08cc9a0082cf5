"""Which workload a pod belongs to."""

from __future__ import annotations

from clusterprobe.model import Subject
from clusterprobe.systems.kubernetes import PODS
from clusterprobe.systems.objects import Pod

_API_VERSIONS = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1", "Job": "batch/v1"}


def workload_of(pod: Pod) -> Subject:
    """The object that one would change to change a pod: its Deployment, StatefulSet, DaemonSet…, or the pod itself."""
    owner = next((one for one in pod.metadata.owner_references if one.controller), None)
    if owner is None:
        return PODS.subject(pod.metadata.namespace, pod.metadata.name)
    kind, name, revision = owner.kind, owner.name, pod.label("pod-template-hash")
    if kind == "ReplicaSet" and revision and name.endswith(f"-{revision}"):
        kind, name = "Deployment", name.removesuffix(f"-{revision}")
    return Subject(api_version=_API_VERSIONS.get(kind, ""), kind=kind, namespace=pod.metadata.namespace, name=name)
