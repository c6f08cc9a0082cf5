"""The events of one object: what Kubernetes and its controllers said of it recently."""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.errors import BadResponse, Forbidden
from clusterprobe.model import Subject
from clusterprobe.times import epoch

EVENTS = Resource("v1", "events", "Event")


class ObjectEvent(msgspec.Struct, rename="camel"):
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None

    @property
    def last(self) -> float | None:
        """When it was last seen, epoch seconds."""
        return epoch(self.last_timestamp) or epoch(self.event_time)


class _EventList(msgspec.Struct):
    kind: str
    items: list[ObjectEvent]


def events_of(cluster: Cluster, subject: Subject, limit: int) -> list[ObjectEvent]:
    """At most `limit` events of an object, of those that there are by its kind and name. Raises an `Unreadable`."""
    namespace = subject.namespace
    chosen = {"fieldSelector": f"involvedObject.kind={subject.kind},involvedObject.name={subject.name}", "limit": limit}
    try:
        listed = cluster.get(EVENTS.path(namespace), _EventList, chosen, limit_bytes=bodies.OBJECT)
    except Forbidden:
        message = f"not allowed to list events in namespace {namespace}"
        raise Forbidden(message, verb="list", resource="events", namespace=namespace) from None
    if listed.kind != "EventList":
        raise BadResponse(f"list events: the answer is a {listed.kind}, not an EventList")
    return listed.items
