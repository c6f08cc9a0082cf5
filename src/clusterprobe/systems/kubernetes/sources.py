"""The objects of Kubernetes that other systems are made of."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from clusterprobe import errors
from clusterprobe.access.cluster import Cluster
from clusterprobe.decoding import from_tree
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import (
    CronJob,
    CsiDriver,
    Job,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    ReplicaSet,
    Service,
    StorageClass,
    Workload,
)
from clusterprobe.systems.kubernetes.references import whole
from clusterprobe.systems.kubernetes.resources import (
    CLAIMS,
    CLASSES,
    CRON_JOBS,
    CSI_DRIVERS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
    VOLUMES,
    lists,
)

# --- objects ----------------------------------------------------------------------------------------------------------


@source(lists(NAMESPACES))
def namespaces(cluster: Cluster, profile: object) -> Readings[Namespace]:
    """The namespaces; where they may not be listed, those that the profile and the kubeconfig name."""
    try:
        listed = cluster.list(NAMESPACES, Namespace)
    except errors.Forbidden as refused:
        found: Collector[Namespace] = Collector()
        found.fail(Subject(kind="NamespaceList"), str(refused))
        named = [*getattr(profile, "named_namespaces", ()), cluster.connection.namespace]
        for name in dict.fromkeys(one for one in named if one):
            found.add(NAMESPACES.subject("", name), from_tree({"metadata": {"name": name}}, Namespace))
        return found.readings()
    if not listed.complete or any(subject.name == "kube-system" for subject, _ in listed):
        return listed
    extent = "shows only a part" if len(listed) else "is empty"
    reason = f"the list of namespaces {extent}: it has no kube-system, which every cluster has"
    return replace(listed, unreadable=(Unchecked(subject=Subject(kind="NamespaceList"), reason=reason),))


@source(lists(NODES))
def nodes(cluster: Cluster, pods: Readings[Pod]) -> Readings[Node]:
    """The nodes with their readiness and taints."""
    listed = cluster.list(NODES, Node)
    # On a node that is gone, pods of DaemonSets and static ones stay for a minute; that a list is empty, they tell all the same.
    left = ("DaemonSet/", "Node/") if len(listed) else ()
    return whole(listed, NODES, {("", pod.spec.node_name): on for on, pod in pods if pod.running and not on.owner.startswith(left)})


@source(lists(PODS))
def pods(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Pod]:
    """Every pod, with its volumes, states and grace period; no environment variables."""
    return _with_silence(cluster.list(PODS, Pod, namespaces, as_it_is=True))


def _with_silence(pods: Readings[Pod]) -> Readings[Pod]:
    """Mark what runs on nodes that do not report: where a pod is cut off, and none is ready, since all of a node's are marked at once."""
    silent = {pod.spec.node_name for pod in pods.items if pod.cut_off} - {pod.spec.node_name for pod in pods.items if pod.ready}
    if not silent:
        return pods
    return pods.map(lambda _, pod: msgspec.structs.replace(pod, on_silent_node=True) if pod.spec.node_name in silent else pod)


@source(lists(REPLICA_SETS))
def replica_sets(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[ReplicaSet]:
    """Every ReplicaSet: the revisions of Deployments, with their numbers and images."""
    return cluster.list(REPLICA_SETS, ReplicaSet, namespaces, as_it_is=True)


@source(lists(SERVICES))
def services(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Service]:
    """Every Service with its selector and ports."""
    return cluster.list(SERVICES, Service, namespaces, as_it_is=True)


@source(lists(CLAIMS))
def claims(cluster: Cluster, namespaces: Readings[Namespace], pods: Readings[Pod]) -> Readings[PersistentVolumeClaim]:
    """Every PersistentVolumeClaim."""
    listed = cluster.list(CLAIMS, PersistentVolumeClaim, namespaces, as_it_is=True)
    used = {(on.namespace, name): on for on, pod in pods if pod.running for name in pod.claims}
    return whole(listed, CLAIMS, used)


@source(lists(VOLUMES))
def volumes(cluster: Cluster, claims: Readings[PersistentVolumeClaim]) -> Readings[PersistentVolume]:
    """Every PersistentVolume with what it really is."""
    bound = {("", one.spec.volume_name): of for of, one in claims if one.status.phase == "Bound"}
    return whole(cluster.list(VOLUMES, PersistentVolume, as_it_is=True), VOLUMES, bound)


@source(lists(CLASSES))
def storage_classes(cluster: Cluster) -> Readings[StorageClass]:
    """Every StorageClass with its provisioner and parameters."""
    return cluster.list(CLASSES, StorageClass)


@source(lists(CSI_DRIVERS))
def csi_drivers(cluster: Cluster) -> Readings[CsiDriver]:
    """Every CSI driver with what it wants done about a pod's fsGroup."""
    return cluster.list(CSI_DRIVERS, CsiDriver)


@source(lists(DEPLOYMENTS))
def deployments(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Workload]:
    """Every Deployment with the images that it wants, and how far its roll-out has got."""
    return cluster.list(DEPLOYMENTS, Workload, namespaces)


@source(lists(STATEFUL_SETS))
def stateful_sets(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Workload]:
    """Every StatefulSet with the images that it wants, and how far its roll-out has got."""
    return cluster.list(STATEFUL_SETS, Workload, namespaces)


@source(lists(JOBS))
def jobs(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Job]:
    """Every Job with its limits, and how it ended or how far it has got."""
    return cluster.list(JOBS, Job, namespaces)


@source(lists(CRON_JOBS))
def cron_jobs(cluster: Cluster, namespaces: Readings[Namespace], jobs: Readings[Job]) -> Readings[CronJob]:
    """Every CronJob with its schedule, and when it last ran and last succeeded."""
    running = {
        (of.namespace, of.owner.removeprefix("CronJob/")): of for of, one in jobs if of.owner.startswith("CronJob/") and not one.ended
    }
    return whole(cluster.list(CRON_JOBS, CronJob, namespaces), CRON_JOBS, running)
