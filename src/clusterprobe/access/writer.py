"""Requests that change objects of our own. Nothing else in the package writes to a cluster, apart from self-reviews.

What is made with it: all of an active run (`active.py`), and the reports of `openreports.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Resource
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http, decode
from clusterprobe.access.session import Origin
from clusterprobe.access.watch import Event, watch
from clusterprobe.errors import BadResponse

Value = TypeVar("Value")

REQUEST_SECONDS = 10.0
IN_FLIGHT = 8
MOST_OF_OURS = 500
APPLY = "application/apply-patch+yaml"  # JSON is YAML


class ObjectMeta(msgspec.Struct, rename="camel"):
    """What has to be known of an object of ours."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    labels: dict[str, str] | None = None


class Stored(msgspec.Struct):
    """Any object as the API server has it."""

    metadata: ObjectMeta


class _Page(msgspec.Struct):
    items: list[Stored] | None
    metadata: dict[str, Any]


class Writer:
    """Creates, replaces, deletes and watches. Each call ends within its limit, which need not be the run's."""

    def __init__(self, origin: Origin) -> None:
        self._http = Http(origin, threading.BoundedSemaphore(IN_FLIGHT), REQUEST_SECONDS)

    def create(self, resource: Resource, body: Mapping[str, Any], limit: Deadline, kind: type[Value]) -> Value | None:
        """Make an object; None if one of this name is there already. Never repeated: the first try may have been heard."""
        path = resource.path(body["metadata"].get("namespace", ""))
        answer = self._http.send("POST", path, limit, body=body, accept=(200, 201, 202, 409), retry=False)
        return None if answer.status == 409 else decode(answer, kind, f"create {resource.name}")

    def read(self, resource: Resource, namespace: str, name: str, limit: Deadline, kind: type[Value]) -> Value | None:
        """An object, or None if the API server says that it is not there."""
        answer = self._http.get(resource.path(namespace, name), limit, accept=(200, 404), limit_bytes=bodies.OBJECT)
        return None if answer.status == 404 else decode(answer, kind, f"get {resource.name}")

    def replace(self, resource: Resource, body: Mapping[str, Any], limit: Deadline, kind: type[Value]) -> Value | None:
        """Replace an object in the version that `body` names; None if it has changed, or is gone."""
        meta = body["metadata"]
        path = resource.path(meta.get("namespace", ""), meta["name"])
        answer = self._http.send("PUT", path, limit, body=body, accept=(200, 404, 409), retry=False)
        return decode(answer, kind, f"update {resource.name}") if answer.status == 200 else None

    def apply(self, resource: Resource, body: Mapping[str, Any], manager: str, limit: Deadline) -> None:
        """Make an object, or replace what this manager set of it (server-side apply); `BadResponse` where somebody else set it."""
        meta = body["metadata"]
        path = resource.path(meta.get("namespace", ""), meta["name"])
        query = {"fieldManager": manager}
        self._http.send("PATCH", path, limit, query=query, body=body, accept=(200, 201), retry=False, content_type=APPLY)

    def delete(self, resource: Resource, namespace: str, name: str, limit: Deadline, *, uid: str = "", grace: int | None = None) -> None:
        """Ask for an object to go; one that is gone, or that bears the name under another UID, is left at that."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        self._http.send("DELETE", resource.path(namespace, name), limit, body=options, accept=(200, 202, 404, 409))

    def find(self, resource: Resource, selector: str, limit: Deadline, namespace: str = "") -> list[Stored]:
        """The objects with these labels; `BadResponse` for more than there can be of ours."""
        query = {"labelSelector": selector, "limit": MOST_OF_OURS}
        page = decode(self._http.get(resource.path(namespace), limit, query=query, limit_bytes=bodies.PAGE), _Page, f"list {resource.name}")
        if page.metadata.get("continue"):
            raise BadResponse(f"list {resource.name}: more than {MOST_OF_OURS} objects are labelled {selector}")
        return page.items or []

    def query(self, resource: Resource, namespace: str, query: Mapping[str, Any], limit: Deadline, kind: type[Value]) -> Value:
        """A short list, in the shape that is asked for."""
        return decode(self._http.get(resource.path(namespace), limit, query=query, limit_bytes=bodies.PAGE), kind, f"list {resource.name}")

    def watch(self, resource: Resource, stored: Stored, limit: Deadline, stopped: Callable[[], bool]) -> Iterator[Event]:
        """What happens to one object from the version on in which it was stored."""
        meta = stored.metadata
        query = {
            "fieldSelector": f"metadata.name={meta.name}",
            "resourceVersion": meta.resource_version,
            "timeoutSeconds": max(1, int(limit.remaining) + 1),
        }
        return watch(self._http, resource.path(meta.namespace), query, limit, stopped)
