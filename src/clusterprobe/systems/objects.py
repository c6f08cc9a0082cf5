"""The fields of Kubernetes objects that probes use. Unknown fields are never decoded, so never kept."""

from __future__ import annotations

from typing import Any, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))  # so that subclasses need not repeat it
class Object(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The base: camelCase on the wire, and lists that may be null (Go writes empty ones so)."""


class OwnerReference(Object):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Annotations(Object, rename=None):
    """The annotations that probes use, one field each: others hold whole manifests, with what people put into them."""

    default_class: str = msgspec.field(default="", name="storageclass.kubernetes.io/is-default-class")
    beta_default_class: str = msgspec.field(default="", name="storageclass.beta.kubernetes.io/is-default-class")
    controller_id: str = msgspec.field(default="", name="operator.prometheus.io/controller-id")


class Metadata(Object):
    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels_: dict[str, str] | None = msgspec.field(default=None, name="labels")
    annotations_: Annotations | None = msgspec.field(default=None, name="annotations")
    owners_: list[OwnerReference] | None = msgspec.field(default=None, name="ownerReferences")
    finalizers_: list[str] | None = msgspec.field(default=None, name="finalizers")

    @property
    def labels(self) -> dict[str, str]:
        return self.labels_ or {}

    @property
    def annotations(self) -> Annotations:
        return self.annotations_ or Annotations()

    @property
    def owner_references(self) -> list[OwnerReference]:
        return self.owners_ or []

    @property
    def finalizers(self) -> list[str]:
        return self.finalizers_ or []


class Requirement(Object):
    key: str
    operator: str
    values_: list[str] | None = msgspec.field(default=None, name="values")


class LabelSelector(Object):
    """As in the API: absent and empty mean different things, so fields of this type are `| None`."""

    match_labels_: dict[str, str] | None = msgspec.field(default=None, name="matchLabels")
    match_expressions_: list[Requirement] | None = msgspec.field(default=None, name="matchExpressions")

    @property
    def match_labels(self) -> dict[str, str]:
        return self.match_labels_ or {}

    @property
    def match_expressions(self) -> list[Requirement]:
        return self.match_expressions_ or []

    @property
    def is_empty(self) -> bool:
        return not self.match_labels and not self.match_expressions

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether an object with these labels is selected; an empty selector selects everything."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            _meets(one, labels) for one in self.match_expressions
        )

    def __str__(self) -> str:
        terms = [f"{key}={value}" for key, value in sorted(self.match_labels.items())]
        for one in self.match_expressions:
            values = f" ({', '.join(one.values_ or [])})" if one.values_ else ""
            terms.append(f"{one.key} {one.operator}{values}")
        return ", ".join(terms) or "{} (everything)"


def _meets(one: Requirement, labels: dict[str, str]) -> bool:
    values = one.values_ or []
    match one.operator:
        case "In":
            return labels.get(one.key) in values
        case "NotIn":
            return labels.get(one.key) not in values
        case "Exists":
            return one.key in labels
        case "DoesNotExist":
            return one.key not in labels
    return False


class Condition(Object):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str | None = None


class Namespace(Object):
    metadata: Metadata


class NodeStatus(Object):
    conditions: list[Condition] | None = None


class Taint(Object):
    key: str
    effect: str = ""


class NodeSpec(Object):
    taints: list[Taint] | None = None
    unschedulable: bool = False


class Node(Object):
    metadata: Metadata
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)

    @property
    def ready(self) -> bool:
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions or [])


# --- pods -----------------------------------------------------------------------------------------------------------


class NfsVolume(Object):
    server: str = ""
    path: str = ""


class ClaimVolume(Object):
    claim_name: str = ""


class HostPathVolume(Object):
    path: str = ""


class SecretVolume(Object):
    secret_name: str = ""


class ConfigMapVolume(Object):
    name: str = ""


class InlineCsiVolume(Object):
    driver: str = ""
    fs_type: str = ""


class Volume(Object):
    name: str
    nfs: NfsVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    host_path: HostPathVolume | None = None
    secret: SecretVolume | None = None
    config_map: ConfigMapVolume | None = None
    empty_dir: dict[str, Any] | None = None
    csi: InlineCsiVolume | None = None


class VolumeMount(Object):
    name: str
    mount_path: str = ""
    sub_path: str = ""
    read_only: bool = False


class ContainerPort(Object):
    container_port: int
    name: str = ""


class SecurityContext(Object):
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    supplemental_groups: list[int] | None = None


class HttpGet(Object):
    path: str = "/"
    port: int | str = 0
    scheme: str = "HTTP"


class ContainerProbe(Object):
    http_get: HttpGet | None = None


class Resources(Object):
    limits: dict[str, Any] | None = None


class Container(Object):
    name: str
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    ports: list[ContainerPort] | None = None
    volume_mounts: list[VolumeMount] | None = None
    security_context: SecurityContext | None = None
    readiness_probe: ContainerProbe | None = None
    liveness_probe: ContainerProbe | None = None
    startup_probe: ContainerProbe | None = None
    resources: Resources | None = None


class PodSpec(Object):
    containers: list[Container]
    init_containers: list[Container] | None = None
    node_name: str = ""
    volumes: list[Volume] | None = None
    security_context: SecurityContext | None = None
    termination_grace_period_seconds: int | None = None
    restart_policy: str = "Always"


class Terminated(Object):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class Waiting(Object):
    reason: str = ""
    message: str = ""


class ContainerState(Object):
    terminated: Terminated | None = None
    waiting: Waiting | None = None
    running: dict[str, Any] | None = None


class LinuxUser(Object):
    uid: int
    gid: int = 0
    supplemental_groups: list[int] | None = None


class ContainerUser(Object):
    """As whom the runtime really started a container's first process; told since Kubernetes 1.33."""

    linux: LinuxUser | None = None


class ContainerStatus(Object):
    name: str
    ready: bool = False
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)
    user: ContainerUser | None = None


class PodStatus(Object):
    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Object):
    metadata: Metadata
    spec: PodSpec
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def ready(self) -> bool:
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions or [])

    @property
    def running(self) -> bool:
        """Whether it can be asked: running, with an address, and not being deleted."""
        return self.status.phase == "Running" and bool(self.status.pod_ip) and not self.metadata.deletion_timestamp

    def label(self, key: str) -> str:
        return self.metadata.labels.get(key, "")


# --- services and storage -------------------------------------------------------------------------------------------


class ServicePort(Object):
    port: int
    name: str = ""
    target_port: int | str | None = None


class ServiceSpec(Object):
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    type: str = ""
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class Service(Object):
    metadata: Metadata
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


class ClaimReference(Object):
    namespace: str = ""
    name: str = ""
    uid: str = ""


class CsiVolume(Object):
    driver: str = ""
    fs_type: str = ""
    volume_attributes: dict[str, str] | None = None


class Present(Object):
    """Something of which only matters that it is there."""


class PersistentVolumeSpec(Object):
    nfs: NfsVolume | None = None
    csi: CsiVolume | None = None
    host_path: HostPathVolume | None = None
    local: HostPathVolume | None = None
    aws_elastic_block_store: Present | None = None
    gce_persistent_disk: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cephfs: Present | None = None
    rbd: Present | None = None
    iscsi: Present | None = None
    fc: Present | None = None
    storage_class_name: str = ""
    claim_ref: ClaimReference | None = None
    persistent_volume_reclaim_policy: str = ""
    access_modes: list[str] | None = None
    node_affinity: dict[str, Any] | None = None
    mount_options: list[str] | None = None


class PhaseStatus(Object):
    phase: str = ""
    reason: str = ""
    message: str = ""


class PersistentVolume(Object):
    metadata: Metadata
    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    status: PhaseStatus = msgspec.field(default_factory=PhaseStatus)


class PersistentVolumeClaimSpec(Object):
    storage_class_name: str | None = None
    volume_name: str = ""
    access_modes: list[str] | None = None


class PersistentVolumeClaim(Object):
    metadata: Metadata
    spec: PersistentVolumeClaimSpec = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    status: PhaseStatus = msgspec.field(default_factory=PhaseStatus)


class StorageClass(Object):
    metadata: Metadata
    provisioner: str = ""
    parameters: dict[str, str] | None = None
    reclaim_policy: str = ""
    volume_binding_mode: str = ""

    @property
    def is_default(self) -> bool:
        """Whether the annotation is exactly "true", as the admission plugin wants it."""
        return "true" in (self.metadata.annotations.default_class, self.metadata.annotations.beta_default_class)


class CsiDriverSpec(Object):
    fs_group_policy: str = ""


class CsiDriver(Object):
    metadata: Metadata
    spec: CsiDriverSpec = msgspec.field(default_factory=CsiDriverSpec)
