"""The API itself: who we are, what is served, and the objects of custom resources."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from clusterprobe import errors, model
from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.urls import UrlPath
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings, single
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.objects import (
    Namespace,
)
from clusterprobe.systems.kubernetes.resources import NAMESPACES

Value = TypeVar("Value")


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
        return str(cluster.get(NAMESPACES.path(name="kube-system"), _Object).metadata.get("uid") or "")
    except errors.Unreadable:
        return ""


# --- what is served ---------------------------------------------------------------------------------------------------


class ServedKind(msgspec.Struct, frozen=True):
    """What discovery says of a resource: the kind of its objects, whether they are in namespaces, and whether they can be listed."""

    kind: str = ""
    namespaced: bool = True
    listable: bool = False


class Served(msgspec.Struct, frozen=True):
    """The resources of the API: `plural.group` → versions, the preferred one first; and what each is, by the same names."""

    resources: dict[str, list[str]]
    kinds: dict[str, ServedKind] = {}

    def version(self, group: str, plural: str) -> str:
        """The version to ask for, or nothing if the resource is not served."""
        return next(iter(self.resources.get(f"{plural}.{group}", [])), "")


STALE, EMPTY = "is stale: its API service does not answer", "names no resource, so what it serves is not known"


class _Kind(msgspec.Struct):
    kind: str = ""


class _Resource(msgspec.Struct, rename="camel"):
    resource: str = ""
    response_kind: _Kind | None = None
    scope: str = ""
    verbs: list[str] | None = None

    @property
    def served(self) -> ServedKind:
        kind = self.response_kind.kind if self.response_kind else ""
        return ServedKind(kind, self.scope != "Cluster", "list" in (self.verbs or []))


class _Version2(msgspec.Struct):
    version: str
    resources: list[_Resource] | None = None
    freshness: str = "Current"

    @property
    def doubt(self) -> str:
        """Why what is not listed may be there all the same; empty if it certainly is not."""
        if self.freshness != "Current":
            return STALE
        return "" if self.resources else EMPTY


class _GroupMeta(msgspec.Struct):
    name: str


class _Group(msgspec.Struct):
    metadata: _GroupMeta
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
    kind: str = ""
    namespaced: bool = True
    verbs: list[str] | None = None

    @property
    def served(self) -> ServedKind:
        return ServedKind(self.kind, self.namespaced, "list" in (self.verbs or []))


class _OldResources(msgspec.Struct):
    kind: str
    resources: list[_OldName]


EVERY_GROUP = Subject(kind="APIGroupList")
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@source()
def served(cluster: Cluster) -> Readings[Served]:
    """Which API groups and resources there are: what proves that a system's objects cannot exist here.

    A group whose API service does not answer is unreadable by itself: what it serves is not known.
    """
    from clusterprobe.access.http import decode

    answer = cluster.api.get("/apis", cluster.deadline, headers={"Accept": AGGREGATED}, limit_bytes=bodies.DISCOVERY)
    if "g=apidiscovery.k8s.io" not in answer.headers.get("Content-Type", ""):
        return _served_before_aggregation(cluster, decode(answer, _OldGroups, "GET /apis"))
    groups = decode(answer, _Groups, "GET /apis")
    if groups.kind != "APIGroupDiscoveryList" or not groups.items:
        raise errors.BadResponse(f"GET /apis: the answer is a {groups.kind} of {len(groups.items)} groups")
    found: Collector[Served] = Collector()
    resources: dict[str, list[str]] = {}
    kinds: dict[str, ServedKind] = {}
    for group in groups.items:
        name = group.metadata.name
        for version in group.versions:
            for one in version.resources or []:
                resources.setdefault(f"{one.resource}.{name}", []).append(version.version)
                kinds.setdefault(f"{one.resource}.{name}", one.served)
        doubt = next((version.doubt for version in group.versions if version.doubt), "" if group.versions else EMPTY)
        if doubt:
            found.fail(_group(name), f"discovery of {name} {doubt}")
    found.add(EVERY_GROUP, Served(resources, kinds))
    return found.readings()


def _group(name: str) -> Subject:
    return Subject(kind="APIGroup", name=name)


def _served_before_aggregation(cluster: Cluster, groups: _OldGroups) -> Readings[Served]:
    if groups.kind != "APIGroupList" or not groups.groups:
        raise errors.BadResponse(f"GET /apis: the answer is a {groups.kind} of {len(groups.groups)} groups")
    found: Collector[Served] = Collector()
    for one in groups.groups:
        if not one.versions:
            found.fail(_group(one.name), f"discovery of {one.name} {EMPTY}")
    wanted = {
        Subject(kind="APIGroupVersion", name=f"{group.name}/{version.version}"): (group.name, version.version)
        for group in groups.groups
        for version in group.versions
    }
    listed = cluster.each(Readings(tuple(wanted.items())), lambda _, pair: cluster.get(UrlPath.of("apis", *pair), _OldResources))
    resources: dict[str, list[str]] = {}
    kinds: dict[str, ServedKind] = {}
    for subject, answer in listed:
        group, version = wanted[subject]
        if not answer.resources:
            found.fail(_group(group), f"discovery of {group} {EMPTY}")
        for resource in answer.resources:
            resources.setdefault(f"{resource.name}.{group}", []).append(version)
            kinds.setdefault(f"{resource.name}.{group}", resource.served)
    for failed in listed.unreadable:
        group, _ = wanted[failed.subject]
        found.fail(_group(group), f"discovery of {group} failed: {failed.reason}")
    found.add(EVERY_GROUP, Served(resources, kinds))
    return found.readings()


def list_custom(
    cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace], resource: Resource, kind: type[Value]
) -> Readings[Value]:
    """All objects of a kind that a system's own definitions bring; absent only if discovery says that none can exist."""
    version = served.items[0].version(resource.group, resource.plural) if served.items else ""
    if not version:
        # Of a group whose API service does not answer, only what is still listed is known; what is not may be there.
        blind = tuple(one for one in served.unreadable if not served.items or one.subject == _group(resource.group))
        return Readings((), blind, f"the API has no {resource.name}")
    there = Resource(version, resource.plural, resource.kind, resource.group, resource.namespaced)
    return cluster.list(there, kind, namespaces)
