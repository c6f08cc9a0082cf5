"""Controllers of Ingresses that serve the same ones. Of ingress-nginx its arguments tell; others read files as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from clusterprobe.known_systems import INGRESS_NGINX
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.entrances import CONTROLLERS
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import IngressClass
from clusterprobe.systems.kubernetes.workloads import workload_of

NGINX = "k8s.io/ingress-nginx"


class Installed(NamedTuple):
    """An installation of ingress-nginx: its workload, which controller it is to IngressClasses, and in which namespaces, all if empty."""

    workload: Subject
    controller: str
    namespaces: frozenset[str]


class Shared(NamedTuple):
    """Two installations that serve the same classes."""

    one: Installed
    other: Installed
    classes: list[str]


def may_share(classes: Iterable[IngressClass]) -> bool:
    """Whether ingress-nginx may serve one of them: its controller is what --controller-class says, so any that no other is known by."""
    return any(CONTROLLERS.get(one.spec.controller, CONTROLLERS[NGINX]) == CONTROLLERS[NGINX] for one in classes)


def shared_classes(classes: Iterable[IngressClass], pods: Readings[SystemPod]) -> list[Shared]:
    """Two for each pair; none for one whose namespaces are chosen by their labels, since those may be apart."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in classes:
        names[each.spec.controller].append(each.metadata.name)
    return [
        Shared(one, other, sorted(names[one.controller]))
        for one, other in combinations(_installed(pods), 2)
        if one.controller == other.controller and names[one.controller] and _meet(one.namespaces, other.namespaces)
    ]


def _installed(pods: Readings[SystemPod]) -> list[Installed]:
    """One for each installation, by its first pod: the arguments are those of one template."""
    found: dict[tuple[str, str], Installed] = {}
    for subject, one in sorted(pods, key=lambda pair: str(pair[0])):
        main = one.main
        if one.key != INGRESS_NGINX.key or main is None or "backend" in one.part or main.flag("watch-namespace-selector"):
            continue
        if one.pod.status.phase not in ("Succeeded", "Failed"):
            places = frozenset(filter(None, main.flag("watch-namespace").split(",")))
            found.setdefault((subject.namespace, one.name), Installed(workload_of(one.pod), main.flag("controller-class") or NGINX, places))
    return list(found.values())


def _meet(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(one & other)
