"""Which hosts and paths each Ingress claims for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.systems.kubernetes.objects import Ingress


@dataclass(frozen=True, slots=True)
class Claim:
    """One path of one Ingress, and the backend that it leads to."""

    subject: Subject
    class_name: str
    host: str
    path: str
    kind: str
    target: str

    @property
    def route(self) -> tuple[str, str, str, str]:
        return self.class_name, self.host, self.path, self.kind


def claims_of(subject: Subject, one: Ingress) -> Iterator[Claim]:
    """What an Ingress claims. A canary of ingress-nginx claims nothing: it takes part of what another one has."""
    if one.metadata.annotations.canary == "true":
        return
    for rule in one.spec.rules or []:
        for each in (rule.http.paths if rule.http else None) or []:
            backend = each.backend.service
            target = f"{subject.namespace}/{backend.name}:{backend.port}" if backend else "a resource"
            path = each.path if each.path_type == "Exact" else each.path.rstrip("/")
            yield Claim(subject, one.class_name, rule.host, path or "/", each.path_type, target)
