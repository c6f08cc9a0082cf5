"""What is to be given an address of a load balancer: Services of that type, and Ingresses of controllers that make one for each."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.events import events_of
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Service
from clusterprobe.times import epoch

MAX_WAITING = 30  # objects without an address whose events are read in one run
MAX_EVENTS = 50  # of one of them
MAX_CHARACTERS = 600
# Each Ingress of theirs has a load balancer of its own; other controllers share theirs, and may write no address at all.
CONTROLLERS = ("ingress.k8s.aws/alb", "azure/application-gateway")
CLASSES = ("gce", "gce-internal", "alb")


class Balanced(msgspec.Struct, frozen=True):
    """What should have an address. `since` is when it was made, epoch seconds; `refusal` the newest word of who could not give it one."""

    addresses: list[str]
    since: float | None = None
    by: str = ""  # the class of load balancers that it asks for
    refusal: str = ""


@source(Call("list", "events"))
def balanced(
    cluster: Cluster, services: Readings[Service], watched_ingresses: Readings[Ingress], ingress_classes: Readings[IngressClass]
) -> Readings[Balanced]:
    """Whether each of them has an address; of those that have none, at most 30, what their events say."""
    found: Collector[Balanced] = Collector(unreadable=[*services.unreadable, *watched_ingresses.unreadable])
    for subject, service in services:
        if service.spec.type == "LoadBalancer":
            by = service.spec.load_balancer_class
            found.add(subject, Balanced(service.status.addresses, epoch(service.metadata.creation_timestamp), by))
    own = {subject.name for subject, one in ingress_classes if one.spec.controller.startswith(CONTROLLERS)}
    for subject, ingress in watched_ingresses:
        if ingress.class_name in own or ingress.class_name in CLASSES:
            found.add(subject, Balanced(ingress.status.addresses, epoch(ingress.metadata.creation_timestamp), ingress.class_name))
        elif ingress_classes.unreadable:
            found.fail(subject, f"whether it has a load balancer of its own is not known: {ingress_classes.unreadable[0].reason}")
    every = found.readings("no Service is of type LoadBalancer, and no Ingress has a load balancer of its own")
    told = {subject for subject, one in every if not one.addresses}
    asked = set(sorted(told, key=str)[:MAX_WAITING])
    return cluster.each(every, lambda subject, one: _told(cluster, subject, one) if subject in asked else one)


def _told(cluster: Cluster, subject: Subject, one: Balanced) -> Balanced:
    """Of its own: one that was made again has the name of the one before it, which has events, too."""
    warnings = [each for each in events_of(cluster, subject, MAX_EVENTS) if each.type == "Warning"]
    newest = max((each for each in warnings if (each.last or 0.0) >= (one.since or 0.0)), key=lambda each: each.last or 0.0, default=None)
    return msgspec.structs.replace(one, refusal=excerpt(newest.message, MAX_CHARACTERS)) if newest else one
