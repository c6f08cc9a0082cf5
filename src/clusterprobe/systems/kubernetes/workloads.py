"""Which workload a pod belongs to."""

from __future__ import annotations

from clusterprobe.model import Subject
from clusterprobe.systems.kubernetes.objects import Metadata, Pod
from clusterprobe.systems.kubernetes.resources import PODS

_API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Rollout": "argoproj.io/v1alpha1",
}
_ROLLOUT_HASH = "rollouts-pod-template-hash"  # of Argo Rollouts, whose ReplicaSets no Deployment makes


def workload_of(pod: Pod) -> Subject:
    """The object that one would change to change a pod: its Deployment, StatefulSet, DaemonSet…, or the pod itself."""
    owner = next((one for one in pod.metadata.owner_references if one.controller), None)
    if owner is None:
        return PODS.subject(pod.metadata.namespace, pod.metadata.name)
    kind, name, revision = owner.kind, owner.name, pod.label("pod-template-hash")
    rollout = pod.label(_ROLLOUT_HASH)
    if kind == "ReplicaSet" and rollout and name.endswith(f"-{rollout}"):
        kind, name = "Rollout", name.removesuffix(f"-{rollout}")
    elif kind == "ReplicaSet" and revision and name.endswith(f"-{revision}"):
        kind, name = "Deployment", name.removesuffix(f"-{revision}")
    return Subject(api_version=_API_VERSIONS.get(kind, ""), kind=kind, namespace=pod.metadata.namespace, name=name)


def workload_above(subject: Subject, metadata: Metadata) -> Subject:
    """What one would change to change a controller: the Deployment of a ReplicaSet, the CronJob of a Job, or the controller itself."""
    owner = next((one for one in metadata.owner_references if one.controller), None)
    if owner is None or subject.kind not in ("ReplicaSet", "Job"):  # those above a StatefulSet are of operators
        return subject
    return Subject(api_version=_API_VERSIONS.get(owner.kind, ""), kind=owner.kind, namespace=subject.namespace, name=owner.name)


_REVISIONS = ("pod-template-hash", _ROLLOUT_HASH, "controller-revision-hash")


def revision_of(pod: Pod) -> str:
    """Which revision of its workload a pod is of; empty for a bare pod."""
    return next((pod.label(one) for one in _REVISIONS if pod.label(one)), "")


def other_revision(pod: Pod, pods: list[Pod]) -> str:
    """Another revision of the pod's workload that has ready pods, while its own has none."""
    own, workload = revision_of(pod), workload_of(pod)
    if not own:
        return ""
    beside = (one for one in pods if one.metadata.namespace == pod.metadata.namespace and one.ready)
    ready = [one for one in beside if workload_of(one) == workload]
    others = {revision_of(one) for one in ready}
    return "" if own in others else next(iter(sorted(others - {""})), "")


def daemon_set_of(pod: Pod) -> str:
    """The DaemonSet that a pod belongs to, if any."""
    return next((one.name for one in pod.metadata.owner_references if one.kind == "DaemonSet" and one.controller), "")
