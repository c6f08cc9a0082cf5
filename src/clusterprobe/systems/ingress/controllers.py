"""Whether the controller that serves an Ingress runs, by the Service that its chart makes for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.backends import Backends, Lack
from clusterprobe.systems.ingress.entrances import controller_label, entrance_ports, is_entrance
from clusterprobe.systems.kubernetes.objects import BackendPort, Ingress, IngressClass, Service, ServiceBackend


@dataclass(frozen=True, slots=True)
class Down:
    """A controller without a ready pod: its Service, what is at fault, and the Ingresses that it serves."""

    service: Subject
    lack: Lack
    ingresses: tuple[Subject, ...]


def controllers_down(
    ingresses: Readings[Ingress],
    classes: Readings[IngressClass],
    services: Readings[Service],
    backends: Backends,
    answered: Collection[Subject],
) -> list[Down]:
    """The controllers of which no Service has anything ready behind it. One without a Service cannot be judged by it.

    `answered` are the Ingresses of which a host answers: their controller runs, whatever its Services are.
    """
    served: dict[str, list[Subject]] = defaultdict(list)
    for subject, one in ingresses:
        if label := controller_label(one, classes):
            served[label].append(subject)
    found = []
    for label, subjects in served.items():
        if any(one in answered for one in subjects):
            continue
        own = [(subject, one) for subject, one in services if is_entrance(one, label)]
        judged = [(subject, backends.judge(subject.namespace, _backend(one))) for subject, one in own]
        lacks = [(subject, lack) for subject, lack in judged if isinstance(lack, Lack)]
        if lacks and len(lacks) == len(judged) and not services.unreadable:
            found.append(Down(*lacks[0], tuple(subjects)))
    return found


def _backend(one: Service) -> ServiceBackend:
    return ServiceBackend(name=one.metadata.name, port=BackendPort(number=entrance_ports(one)[0]))
