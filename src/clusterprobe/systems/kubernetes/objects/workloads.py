"""Workloads, as far as probes use them."""

from __future__ import annotations

import msgspec

from clusterprobe.numerals import whole_number
from clusterprobe.systems.kubernetes.objects.meta import Condition, LabelSelector, Metadata, Object, OwnerReference
from clusterprobe.systems.kubernetes.objects.pods import PodSpec
from clusterprobe.systems.kubernetes.objects.storage import PersistentVolumeClaimSpec


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


class ReplicaSetStatus(Object):
    replicas: int = 0
    conditions: list[Condition] | None = None


class ReplicaSet(Object):
    """One revision of a Deployment: its number is an annotation. Older bundles hold no status of it."""

    metadata: Metadata
    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)
    status: ReplicaSetStatus | None = None

    @property
    def revision(self) -> int:
        """The Deployment's number for it; 0 where it belongs to none."""
        return whole_number(self.metadata.annotations.revision) or 0

    @property
    def images(self) -> list[str]:
        return [one.image for one in self.spec.template.spec.containers or []]


class WorkloadTemplate(Object):
    spec: PodSpec


class RollingUpdate(Object):
    partition: int | None = None


class UpdateStrategy(Object):
    """Of a StatefulSet or DaemonSet; a Deployment has a `strategy`, which is not read."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class TemplateName(Object):
    name: str = ""


class ClaimTemplate(Object):
    """The PVC that a StatefulSet makes for each of its pods."""

    metadata: TemplateName = msgspec.field(default_factory=TemplateName)
    spec: PersistentVolumeClaimSpec = msgspec.field(default_factory=PersistentVolumeClaimSpec)


class WorkloadSpec(Object):
    template: WorkloadTemplate
    replicas: int | None = None
    paused: bool = False
    selector: LabelSelector | None = None
    update_strategy: UpdateStrategy | None = None
    pod_management_policy: str = ""
    volume_claim_templates: list[ClaimTemplate] | None = None


class WorkloadStatus(Object):
    """Counts that a kind does not have are 0; those with `number` in them are a DaemonSet's."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    update_revision: str = ""
    conditions: list[Condition] | None = None


class Workload(Object):
    """A Deployment, StatefulSet or DaemonSet; which one, its subject says."""

    metadata: Metadata
    spec: WorkloadSpec
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)

    @property
    def wanted(self) -> int:
        """How many pods there should be. Only a DaemonSet has no `replicas`: the API server fills it in for the others."""
        return self.status.desired_number_scheduled if self.spec.replicas is None else self.spec.replicas

    @property
    def updated(self) -> int:
        """How many pods there are of the newest template."""
        return self.status.updated_number_scheduled if self.spec.replicas is None else self.status.updated_replicas

    @property
    def observed(self) -> bool:
        """Whether its controller has seen the newest specification, so that its status speaks of it."""
        return self.status.observed_generation >= self.metadata.generation

    def condition(self, kind: str) -> Condition | None:
        return next((one for one in self.status.conditions or [] if one.type == kind), None)

    def images(self) -> dict[str, str]:
        """The image that each container should run, by the container's name."""
        spec = self.spec.template.spec
        return {one.name: one.image for one in [*(spec.init_containers or []), *spec.containers]}


class TemplateLabels(Object):
    labels: dict[str, str] = {}


class JobTemplate(Object):
    metadata: TemplateLabels = msgspec.field(default_factory=TemplateLabels)


class JobSpec(Object):
    parallelism: int | None = None
    completions: int | None = None
    backoff_limit: int | None = None
    active_deadline_seconds: int | None = None
    suspend: bool = False
    template: JobTemplate = msgspec.field(default_factory=JobTemplate)


class JobStatus(Object):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: str | None = None
    completion_time: str | None = None
    conditions: list[Condition] | None = None


class Job(Object):
    """A Job: how many pods it is to have, and how far it has got."""

    metadata: Metadata
    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)

    @property
    def end(self) -> Condition | None:
        """The condition with which it ended, `Complete` or `Failed`; None while it has not."""
        return next((one for one in self.status.conditions or [] if one.type in ("Complete", "Failed") and one.status == "True"), None)

    @property
    def ended(self) -> bool:
        return self.end is not None


class CronJobSpec(Object):
    schedule: str = ""
    time_zone: str | None = None
    suspend: bool = False
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None


class CronJobStatus(Object):
    active: list[OwnerReference] | None = None
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(Object):
    """A CronJob: when it is to run, and when it last did."""

    metadata: Metadata
    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)
