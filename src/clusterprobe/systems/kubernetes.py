"""Kubernetes itself: who we are, what is served, and the objects that other systems are made of."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from clusterprobe import errors, model
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.decoding import from_tree
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings, single
from clusterprobe.sources import Call, source
from clusterprobe.systems.objects import (
    CsiDriver,
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

NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("v1", "nodes", "Node", namespaced=False)
PODS = Resource("v1", "pods", "Pod")
SERVICES = Resource("v1", "services", "Service")
REPLICA_SETS = Resource("v1", "replicasets", "ReplicaSet", "apps")
CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False)
CLASSES = Resource("v1", "storageclasses", "StorageClass", "storage.k8s.io", namespaced=False)
DEPLOYMENTS = Resource("v1", "deployments", "Deployment", "apps")
STATEFUL_SETS = Resource("v1", "statefulsets", "StatefulSet", "apps")
DAEMON_SETS = Resource("v1", "daemonsets", "DaemonSet", "apps")
CSI_DRIVERS = Resource("v1", "csidrivers", "CSIDriver", "storage.k8s.io", namespaced=False)


Value = TypeVar("Value")


def lists(resource: Resource) -> Call:
    """The call that lists a resource."""
    return Call("list", resource.plural, resource.group)


class _Version(msgspec.Struct, rename="camel"):
    git_version: str


class _UserInfo(msgspec.Struct):
    username: str = ""


class _ReviewStatus(msgspec.Struct, rename="camel"):
    user_info: _UserInfo


class _Review(msgspec.Struct):
    status: _ReviewStatus


class _Object(msgspec.Struct):
    metadata: dict[str, object]


@source(Call("create", "selfsubjectreviews", "authentication.k8s.io"), Call("get", "namespaces"))
def identity(cluster: Cluster) -> Readings[model.Cluster]:
    """Which cluster this is and as whom we ask. Being nobody ends the reading of it: `Unauthenticated`."""
    version = _version(cluster)
    connection = cluster.connection
    known = model.Cluster(
        context=connection.context,
        server=connection.origin.url,
        user=_who_am_i(cluster) or connection.user,
        version=version,
        route=connection.route,
        uid=_cluster_uid(cluster),
        skew_seconds=round(cluster.skew_seconds, 1),
    )
    return single(Subject(kind="Cluster", name=connection.context), known)


def _version(cluster: Cluster) -> str:
    try:
        return cluster.get("/version", _Version).git_version
    except errors.Forbidden:
        return ""  # hardened clusters keep it to themselves; everything else may still be allowed


ANONYMOUS = "system:anonymous"


def _who_am_i(cluster: Cluster) -> str:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        review = cluster.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", body, _Review, retry=True)
        user = review.status.user_info.username
    except (errors.NotFound, errors.Forbidden) as refused:
        # Before Kubernetes 1.28, or not allowed: the kubeconfig's name for the user has to do. But nobody may not ask either.
        user = ANONYMOUS if ANONYMOUS in str(refused) else ""
    if user == ANONYMOUS:
        raise errors.Unauthenticated("the API server takes us for system:anonymous: the credentials are missing or expired")
    return user


def _cluster_uid(cluster: Cluster) -> str:
    """The UID of kube-system, which is as good as a name for the cluster; empty where it may not be read."""
    try:
        return str(cluster.get(NAMESPACES.path(name="kube-system"), _Object).metadata.get("uid", ""))
    except errors.Unreadable:
        return ""


# --- what is served ---------------------------------------------------------------------------------------------------


class Served(msgspec.Struct, frozen=True):
    """The resources of the API: (group, plural) → versions, the preferred one first."""

    resources: dict[str, list[str]]

    def version(self, group: str, plural: str) -> str:
        """The version to ask for, or nothing if the resource is not served."""
        return next(iter(self.resources.get(f"{plural}.{group}", [])), "")


class _Resource(msgspec.Struct):
    resource: str = ""


class _Version2(msgspec.Struct):
    version: str
    resources: list[_Resource] | None = None
    freshness: str = "Current"


class _Group(msgspec.Struct):
    metadata: dict[str, object]
    versions: list[_Version2]


class _Groups(msgspec.Struct):
    kind: str
    items: list[_Group]


class _OldGroupVersion(msgspec.Struct, rename="camel"):
    version: str


class _OldGroup(msgspec.Struct):
    name: str
    versions: list[_OldGroupVersion]


class _OldGroups(msgspec.Struct):
    kind: str
    groups: list[_OldGroup]


class _OldName(msgspec.Struct):
    name: str


class _OldResources(msgspec.Struct):
    kind: str
    resources: list[_OldName]


OURS = ("monitoring.coreos.com", "bitnami.com", "argoproj.io", "networking.k8s.io", "storage.k8s.io")
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@source()
def served(cluster: Cluster) -> Readings[Served]:
    """Which API groups and resources there are: what proves that a system's objects cannot exist here."""
    from clusterprobe.access.http import decode

    answer = cluster.api.get("/apis", cluster.deadline, headers={"Accept": AGGREGATED})
    subject = Subject(kind="APIGroupList")
    if "g=apidiscovery.k8s.io" not in answer.headers.get("Content-Type", ""):
        return single(subject, _served_before_aggregation(cluster, decode(answer, _OldGroups, "GET /apis")))
    resources: dict[str, list[str]] = {}
    groups = decode(answer, _Groups, "GET /apis")
    if groups.kind != "APIGroupDiscoveryList":
        raise errors.BadResponse(f"GET /apis: the answer is a {groups.kind}")
    for group in groups.items:
        for version in group.versions:
            for one in version.resources or []:
                resources.setdefault(f"{one.resource}.{group.metadata.get('name')}", []).append(version.version)
    return single(subject, Served(resources))


def _served_before_aggregation(cluster: Cluster, groups: _OldGroups) -> Served:
    if groups.kind != "APIGroupList":
        raise errors.BadResponse(f"GET /apis: the answer is a {groups.kind}")
    resources: dict[str, list[str]] = {}
    for group in groups.groups:
        if group.name not in OURS:
            continue
        for version in group.versions:
            listed = cluster.get(f"/apis/{group.name}/{version.version}", _OldResources)
            for one in listed.resources:
                resources.setdefault(f"{one.name}.{group.name}", []).append(version.version)
    return Served(resources)


def list_custom(
    cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace], resource: Resource, kind: type[Value]
) -> Readings[Value]:
    """All objects of a kind that a system's own definitions bring; absent only if discovery says that none can exist."""
    if not served.complete:
        return Readings((), served.unreadable)
    version = served.items[0].version(resource.group, resource.plural)
    if not version:
        return Readings(absent=f"the API has no {resource.name}")
    there = Resource(version, resource.plural, resource.kind, resource.group, resource.namespaced)
    return cluster.list(there, kind, namespaces)


# --- objects ----------------------------------------------------------------------------------------------------------


@source(lists(NAMESPACES))
def namespaces(cluster: Cluster, profile: object) -> Readings[Namespace]:
    """The namespaces; where they may not be listed, those that the profile and the kubeconfig name."""
    try:
        return cluster.list(NAMESPACES, Namespace)
    except errors.Forbidden as refused:
        found: Collector[Namespace] = Collector()
        found.fail(Subject(kind="NamespaceList"), str(refused))
        named = [*getattr(profile, "named_namespaces", ()), cluster.connection.namespace]
        for name in dict.fromkeys(one for one in named if one):
            found.add(NAMESPACES.subject("", name), from_tree({"metadata": {"name": name}}, Namespace))
        return found.readings()


@source(lists(NODES))
def nodes(cluster: Cluster) -> Readings[Node]:
    """The nodes with their readiness and taints."""
    return cluster.list(NODES, Node)


@source(lists(PODS))
def pods(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Pod]:
    """Every pod, with its volumes, states and grace period; no environment variables."""
    return cluster.list(PODS, Pod, namespaces)


@source(lists(REPLICA_SETS))
def replica_sets(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[ReplicaSet]:
    """Every ReplicaSet: the revisions of Deployments, with their numbers and images."""
    return cluster.list(REPLICA_SETS, ReplicaSet, namespaces)


@source(lists(SERVICES))
def services(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Service]:
    """Every Service with its selector and ports."""
    return cluster.list(SERVICES, Service, namespaces)


@source(lists(CLAIMS))
def claims(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[PersistentVolumeClaim]:
    """Every PersistentVolumeClaim."""
    return cluster.list(CLAIMS, PersistentVolumeClaim, namespaces)


@source(lists(VOLUMES))
def volumes(cluster: Cluster) -> Readings[PersistentVolume]:
    """Every PersistentVolume with what it really is."""
    return cluster.list(VOLUMES, PersistentVolume)


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
