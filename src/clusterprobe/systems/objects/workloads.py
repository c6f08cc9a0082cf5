"""Workloads, as far as probes use them."""

from __future__ import annotations

import msgspec

from clusterprobe.systems.objects.meta import Metadata, Object


class TemplateContainer(Object):
    name: str
    image: str = ""


class TemplateSpec(Object):
    containers: list[TemplateContainer] | None = None


class PodTemplate(Object):
    spec: TemplateSpec = msgspec.field(default_factory=TemplateSpec)


class ReplicaSetSpec(Object):
    replicas: int = 1
    template: PodTemplate = msgspec.field(default_factory=PodTemplate)


class ReplicaSet(Object):
    """One revision of a Deployment: its number is an annotation."""

    metadata: Metadata
    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)

    @property
    def revision(self) -> int:
        """The Deployment's number for it; 0 where it belongs to none."""
        number = self.metadata.annotations.revision
        return int(number) if number.isdigit() else 0

    @property
    def images(self) -> list[str]:
        return [one.image for one in self.spec.template.spec.containers or []]
