"""Middlewares of Traefik, and what names them: a router that names one which is not there is left out, so that its requests get 404.

Traefik calls the Middleware `name` of a namespace `namespace-name@kubernetescrd`. A route names it by name and namespace, an Ingress by
that whole name; after an `@` stands the provider that it is of, and those of files and others are not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.patterns import ours
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Metadata, Namespace, Object
from clusterprobe.systems.kubernetes.resources import lists

PROVIDER = "kubernetescrd"
GROUPS = ("traefik.io", "traefik.containo.us")
_KINDS = {"middlewares": "Middleware", "middlewaretcps": "MiddlewareTCP"}
RESOURCES = tuple(Resource("v1alpha1", plural, kind, group) for group in GROUPS for plural, kind in _KINDS.items())
PLURALS = {kind: plural for plural, kind in _KINDS.items()}
_PARTS = ours(r"[^\W_]+")


class Reference(msgspec.Struct, frozen=True):
    """A middleware as something names it: `namespace` is that of the route unless it says another; empty in an annotation."""

    kind: str
    name: str
    namespace: str = ""


class MiddlewareRef(Object):
    """One as it is written."""

    name: str = ""
    namespace: str = ""


class _Chain(Object):
    middlewares: list[MiddlewareRef] | None = None


class _Spec(Object):
    chain: _Chain | None = None


class _Middleware(Object):
    metadata: Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


class Middleware(msgspec.Struct, frozen=True):
    """A middleware; a chain is made of others, which it names."""

    metadata: Metadata
    chain: list[Reference] = []


@source(*map(lists, RESOURCES))
def traefik_middlewares(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Middleware]:
    """Every Middleware and MiddlewareTCP of Traefik, with what chains are made of."""
    found: Collector[Middleware] = Collector()
    for resource in RESOURCES:
        read = list_custom(cluster, served, namespaces, resource, _Middleware)
        found.values += [(subject, Middleware(one.metadata, _members(one))) for subject, one in read]
        found.unreadable += [one for one in read.unreadable if one not in found.unreadable]
    return found.readings("there is no Middleware of Traefik")


def _members(one: _Middleware) -> list[Reference]:
    return references((one.spec.chain.middlewares if one.spec.chain else None) or [], "Middleware", one.metadata.namespace)


def references(listed: list[MiddlewareRef], kind: str, namespace: str) -> list[Reference]:
    """What a route or chain of this namespace names."""
    return [Reference(kind, one.name, "" if "@" in one.name else one.namespace or namespace) for one in listed if one.name]


def of_annotation(text: str) -> list[Reference]:
    """What the annotation of an Ingress names, in its order."""
    return [Reference("Middleware", name) for one in text.split(",") if (name := one.strip())]


def goes_to_traefik(one: Ingress, classes: Readings[IngressClass]) -> bool:
    """Whether it is Traefik that reads an Ingress: its class, or the default one, says whose controller it is for."""
    wanted = [each for _, each in classes if (each.metadata.name == one.class_name if one.class_name else each.is_default)]
    controllers = [each.spec.controller for each in wanted] or [one.class_name]
    return any("traefik" in each for each in controllers) or not any(controllers)


@dataclass(frozen=True, slots=True)
class Absent:
    """A middleware that is named and is not there. `known_as` is what Traefik looks for; None in an annotation without any provider.

    `here` and `elsewhere` are those of that name, in the namespace of what names it and in others; `near` those that are called alike.
    """

    reference: Reference
    known_as: str | None
    here: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


class Middlewares:
    """The middlewares that are there, by the names that Traefik gives them."""

    def __init__(self, readings: Readings[Middleware]) -> None:
        self._readings = readings
        self._places: dict[tuple[str, str], list[Metadata]] = {}
        for subject, one in readings:
            self._places.setdefault((subject.kind, identity(subject.namespace, subject.name)), []).append(one.metadata)
        self._all = [(subject.kind, one.metadata) for subject, one in readings]

    def absent(self, given: list[Reference], namespace: str) -> Iterator[Absent | str]:
        """Those that are certainly not there; of one of which that is not known, why. `namespace` is that of what names them."""
        for one in dict.fromkeys(given):
            name, at, provider = one.name.rpartition("@")
            if at and provider.lower() != PROVIDER:
                continue  # a file, or another provider, has it
            known_as = (identity("", name) if at else None) if not one.namespace else identity(one.namespace, one.name)
            if known_as is not None and (one.kind, known_as) in self._places:
                continue
            unread = self._readings.missing_reason(one.namespace) if one.namespace else _first(self._readings)
            if unread and known_as is not None:
                yield f"whether the {one.kind} {one.name} is there is not known: {unread}"
            else:
                yield self._absent(one, known_as, name if at else one.name, namespace)

    def _absent(self, one: Reference, known_as: str | None, name: str, namespace: str) -> Absent:
        same = [each for kind, each in self._all if kind == one.kind and each.name == name]
        inside = sorted(each.name for kind, each in self._all if kind == one.kind and each.namespace == (one.namespace or namespace))
        return Absent(
            one,
            known_as,
            here=tuple(each.name for each in same if each.namespace == namespace),
            elsewhere=tuple(sorted(each.namespace for each in same if each.namespace != namespace)),
            near=tuple(difflib.get_close_matches(name, inside, 2)),
        )


def _first(readings: Readings[Middleware]) -> str:
    return readings.unreadable[0].reason if readings.unreadable else ""


def identity(namespace: str, name: str) -> str:
    """What Traefik makes of a name: its letters and digits, with a dash between them.

    >>> identity("shop", "strip.prefix")
    'shop-strip-prefix'
    """
    return "-".join(one[0] for one in _PARTS.finditer(f"{namespace}-{name}"))
