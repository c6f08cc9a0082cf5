"""What every Kubernetes object has: metadata, owners, label selectors, conditions."""

from __future__ import annotations

from typing import ClassVar, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))  # so that subclasses need not repeat it
class Object(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The base: camelCase on the wire, and lists that may be null (Go writes empty ones so)."""

    # What the API server takes only as a name, an enumeration or a time, or fills in itself: no free text, so no secret.
    NAMES: ClassVar[frozenset[str]] = frozenset(
        {
            *("name", "namespace", "uid", "kind", "node_name", "claim_name", "secret_name", "volume_name", "storage_class_name"),
            *("creation_timestamp", "deletion_timestamp", "last_transition_time", "start_time", "started_at", "finished_at"),
            *("pod_ip", "host_ip", "phase", "restart_policy", "fs_type", "access_modes", "running", "empty_dir", "limits", "requests"),
        }
    )


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
    sealed_cluster_wide: str = msgspec.field(default="", name="sealedsecrets.bitnami.com/cluster-wide")
    sealed_namespace_wide: str = msgspec.field(default="", name="sealedsecrets.bitnami.com/namespace-wide")
    sealed_patch: str = msgspec.field(default="", name="sealedsecrets.bitnami.com/patch")
    sealed_without_owner: str = msgspec.field(default="", name="sealedsecrets.bitnami.com/skip-set-owner-references")
    revision: str = msgspec.field(default="", name="deployment.kubernetes.io/revision")
    helm_release: str = msgspec.field(default="", name="meta.helm.sh/release-name")
    helm_namespace: str = msgspec.field(default="", name="meta.helm.sh/release-namespace")
    argo_tracking: str = msgspec.field(default="", name="argocd.argoproj.io/tracking-id")
    accept: str = msgspec.field(default="", name="clusterprobe.io/accept")
    accept_until: str = msgspec.field(default="", name="clusterprobe.io/accept-until")
    accept_why: str = msgspec.field(default="", name="clusterprobe.io/accept-why")
    accept_owner: str = msgspec.field(default="", name="clusterprobe.io/accept-owner")


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


class ManagedFields(Object):
    """Which program wrote, and when: of what it wrote, only whether it was a Secret's or ConfigMap's data."""

    manager: str = ""
    time: str | None = None
    subresource: str = ""
    fields: WrittenFields | None = msgspec.field(default=None, name="fieldsV1")


class WrittenFields(Object, rename=None):
    data: dict[str, object] | None = msgspec.field(default=None, name="f:data")
    string_data: dict[str, object] | None = msgspec.field(default=None, name="f:stringData")


class ManagedMetadata(Metadata):
    """Metadata with who wrote the object; not in `Metadata`, for pods have it by the thousand."""

    managed_: list[ManagedFields] | None = msgspec.field(default=None, name="managedFields")

    @property
    def managed(self) -> list[ManagedFields]:
        return self.managed_ or []


class Requirement(Object):
    key: str
    operator: str
    values_: list[str] | None = msgspec.field(default=None, name="values")

    def met_by(self, labels: dict[str, str]) -> bool | None:
        """Whether an object with these labels meets it; none for an operator that is not known here, such as a node's `Gt`."""
        values = self.values_ or []
        match self.operator:
            case "In":
                return labels.get(self.key) in values
            case "NotIn":
                return labels.get(self.key) not in values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return None


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
            one.met_by(labels) for one in self.match_expressions
        )

    def __str__(self) -> str:
        terms = [f"{key}={value}" for key, value in sorted(self.match_labels.items())]
        for one in self.match_expressions:
            values = f" ({', '.join(one.values_ or [])})" if one.values_ else ""
            terms.append(f"{one.key} {one.operator}{values}")
        return ", ".join(terms) or "{} (everything)"


class Condition(Object):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str | None = None
