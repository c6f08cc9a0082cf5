"""The events of one reason of all objects, where a controller says only so that it refuses something; and those of all nodes."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace, Object
from clusterprobe.systems.kubernetes.resources import lists
from clusterprobe.times import epoch

REJECTIONS = Resource("v1", "events", "Event", field_selector="reason=InvalidConfiguration")
CREATION_FAILURES = Resource("v1", "events", "Event", field_selector="reason=FailedCreate")
OF_NODES = Resource("v1", "events", "Event", field_selector="involvedObject.kind=Node")
MAX_CHARACTERS = 600


class Complaint(msgspec.Struct, frozen=True):
    """What was said of an object, how often, and when last (epoch seconds)."""

    message: str
    count: int = 1
    last: float | None = None
    reason: str = ""


class _Involved(Object):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class _Event(Object):
    metadata: Metadata
    involved_object: _Involved = msgspec.field(default_factory=_Involved)
    reason: str = ""
    message: str = ""
    count: int | None = None
    last_timestamp: str | None = None
    event_time: str | None = None


def _complaints(cluster: Cluster, resource: Resource, namespaces: Readings[Namespace]) -> Readings[Complaint]:
    """The events that are chosen, each under the object that it is about."""
    events = cluster.list(resource, _Event, namespaces)
    found: Collector[Complaint] = Collector(unreadable=list(events.unreadable))
    for _, event in events:
        about = event.involved_object
        subject = Subject(kind=about.kind, namespace=about.namespace, name=about.name)
        last = epoch(event.last_timestamp) or epoch(event.event_time)
        found.add(subject, Complaint(excerpt(event.message, MAX_CHARACTERS), event.count or 1, last, event.reason))
    return found.readings(f"there is no event with {resource.field_selector}")


@source(lists(REJECTIONS))
def operator_rejections(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Complaint]:
    """The monitors, rules and configurations that the Prometheus Operator rejects, with its words, as long as events are kept."""
    return _complaints(cluster, REJECTIONS, namespaces)


@source(lists(CREATION_FAILURES))
def creation_failures(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Complaint]:
    """The workloads whose controller cannot create a pod, with the API server's words, as long as events are kept."""
    return _complaints(cluster, CREATION_FAILURES, namespaces)


@source(lists(OF_NODES))
def node_events(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Complaint]:
    """What kubelets and controllers said of the nodes, as long as events are kept."""
    return _complaints(cluster, OF_NODES, namespaces)


def newest(complaints: Readings[Complaint]) -> dict[tuple[str, str, str], Complaint]:
    """The newest of each object, by (kind, namespace, name)."""
    found: dict[tuple[str, str, str], Complaint] = {}
    for subject, one in complaints:
        key = (subject.kind, subject.namespace, subject.name)
        if key not in found or (one.last or 0.0) >= (found[key].last or 0.0):
            found[key] = one
    return found


_SECRET = ours(r'\bsecrets? "([^"]+)"')


def secret_in(message: str) -> str:
    """The Secret that a message of the Operator names; empty where it names none."""
    found = _SECRET.search(message)
    return str(found[1]) if found else ""
