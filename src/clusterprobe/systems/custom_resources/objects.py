"""What an object of any kind says of itself: its conditions, and a few fields of its spec by which one rests on another.

The shapes are those that most controllers share; what is shaped otherwise counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clusterprobe.decoding import from_tree
from clusterprobe.model import Subject
from clusterprobe.systems.custom_resources.parts import parts
from clusterprobe.systems.custom_resources.statuses import (
    MOST_CONDITIONS,
    Stated,
    Status,
    conditions,
    dict_of,
    dicts_of,
    number_of,
    text_of,
    words,
)
from clusterprobe.systems.kubernetes.objects import LabelSelector, Object


class Owner(Object):
    """The object that controls this one; of `uid` only equality matters."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]


class Meta(Object):
    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: object = None
    owners_: list[Owner] | None = msgspec.field(default=None, name="ownerReferences")

    @property
    def owner_references(self) -> list[Owner]:
        return self.owners_ or []


class _Spec(Object):
    """Whatever stands under these keys: kinds differ in it."""

    suspend: object = None
    suspended: object = None
    paused: object = None
    running: object = None
    run_strategy: object = None
    source_ref: object = None
    chart_ref: object = None
    secret_store_ref: object = None
    issuer_ref: object = None
    depends_on: object = None
    parent_refs: object = None
    gateway_class_name: object = None
    secret_name: object = None
    target: object = None
    service: object = None
    scale_target_ref: object = None
    storage_location: object = None
    dns_names: object = None
    common_name: object = None
    selector: object = None
    backup_target: object = msgspec.field(default=None, name="backupTargetURL")


class Raw(Object):
    """An object as it is listed."""

    metadata: Meta
    spec: _Spec | str | int | float | bool | list[object] | None = None
    status: Status | str | int | float | bool | list[object] | None = None


class Named(Object):
    """Another object that this one names; `group` where it is said."""

    kind: str
    namespace: str
    name: str
    group: str = ""


class CustomObject(Object):
    """What is kept of an object. `words` are those of its status that may stand where others have conditions, by their fields."""

    namespace: str
    name: str
    uid: str = ""
    generation: int = 0
    observed_generation: int = 0
    created: str | None = None
    deleted: str | None = None
    owner: Owner | None = None
    conditions: list[Stated] = []
    words: list[Stated] = []
    suspended: bool = False
    needs: list[Named] = []
    secret_name: str = ""
    hosts: list[str] = []  # of a certificate
    adds_to_secret: bool = False  # it only adds to a Secret that something else makes
    selects: LabelSelector | None = None  # of a budget of disruptions
    used_up: bool = False  # a budget that allows no disruption although all is well that it counts
    about: Named | None = None  # what answers for an APIService, what an autoscaler scales, or whose last backup is which


class CustomKind(Object):
    """A kind with its objects."""

    group: str
    plural: str
    version: str
    kind: str
    objects: list[CustomObject] = []

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}"

    def subject_of(self, one: CustomObject) -> Subject:
        return Subject(api_version=f"{self.group}/{self.version}", kind=self.kind, namespace=one.namespace, name=one.name)


def kept(raw: Raw, kind: str) -> CustomObject:
    """What an object says of itself."""
    meta = raw.metadata
    spec = raw.spec if isinstance(raw.spec, _Spec) else _Spec()
    status = raw.status if isinstance(raw.status, Status) else Status()
    return CustomObject(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        generation=meta.generation,
        observed_generation=number_of(status.observed_generation),
        created=meta.creation_timestamp,
        deleted=meta.deletion_timestamp,
        owner=next((one for one in meta.owner_references if one.controller), None),
        conditions=[] if _is_unused(spec, kind) else list(conditions(status))[:MOST_CONDITIONS],
        words=[*words(status, kind), *parts(status)],
        suspended=True in (spec.suspend, spec.suspended, spec.paused) or spec.running is False or _is_halted(spec, status),
        needs=list(_needs(spec, kind, meta.namespace)),
        secret_name=_secret(spec, kind, meta.name),
        hosts=_hosts(spec) if kind == "Certificate" else [],
        adds_to_secret=kind == "ExternalSecret" and dict_of(spec.target).get("creationPolicy") in ("Merge", "None"),
        selects=_selects(spec) if kind == "PodDisruptionBudget" else None,
        used_up=kind == "PodDisruptionBudget" and _is_used_up(status),
        about=_about(spec, kind, meta),
    )


def _is_unused(spec: _Spec, kind: str) -> bool:
    """Whether it is only the place for what nobody has set: Longhorn calls a backup target without an address unavailable."""
    return kind == "BackupTarget" and not text_of(spec.backup_target)


def _is_halted(spec: _Spec, status: Status) -> bool:
    """Whether a virtual machine is off, and nothing is to start it."""
    return spec.run_strategy == "Halted" or (spec.run_strategy not in (None, "Always") and status.printable_status == "Stopped")


def _needs(spec: _Spec, kind: str, namespace: str) -> Iterator[Named]:
    """The objects that it names by the usual fields, with the kinds that these have where nothing is said."""
    usual = {"source_ref": "GitRepository", "chart_ref": "OCIRepository", "secret_store_ref": "SecretStore", "issuer_ref": "Issuer"}
    for field, standard in usual.items():
        yield from _reference(getattr(spec, field), standard, namespace)
    for field, standard in (("depends_on", kind), ("parent_refs", "Gateway")):
        for one in dicts_of(getattr(spec, field)):
            yield from _reference(one, standard, namespace)
    if name := text_of(spec.storage_location):
        yield Named("BackupStorageLocation", namespace, name)
    if name := text_of(spec.gateway_class_name):
        yield Named("GatewayClass", "", name)


def _reference(value: object, standard: str, namespace: str) -> Iterator[Named]:
    if isinstance(value, dict) and (name := text_of(value.get("name"))):
        kind = text_of(value.get("kind")) or standard
        place = "" if kind.startswith("Cluster") else text_of(value.get("namespace")) or namespace
        yield Named(kind, place, name, text_of(value.get("group")) or text_of(value.get("apiVersion")).rpartition("/")[0])


def _secret(spec: _Spec, kind: str, name: str) -> str:
    """The Secret that is made of it, in its own namespace."""
    match kind:
        case "Certificate":
            return text_of(spec.secret_name)
        case "ExternalSecret":
            return text_of(spec.target.get("name") if isinstance(spec.target, dict) else None) or name
    return ""


def _hosts(spec: _Spec) -> list[str]:
    names = spec.dns_names if isinstance(spec.dns_names, list) else []
    return [one for one in (*names, spec.common_name) if text_of(one)]


def _selects(spec: _Spec) -> LabelSelector | None:
    """The pods that it is for: none without a selector, or with one of no shape that is known."""
    try:
        return from_tree(spec.selector, LabelSelector)
    except msgspec.ValidationError:
        return None


def _is_used_up(status: Status) -> bool:
    """Whether it asks for all that there are."""
    desired = number_of(status.desired_healthy)
    return desired > 0 and status.disruptions_allowed in (0, None) and number_of(status.current_healthy) >= desired


def _about(spec: _Spec, kind: str, meta: Meta) -> Named | None:
    match kind:
        case "APIService":
            return next(_reference(spec.service, "Service", meta.namespace), None)
        case "HorizontalPodAutoscaler":
            return next(_reference(spec.scale_target_ref, "", meta.namespace), None)
        case "Backup" if name := text_of(dict_of(meta.labels).get("velero.io/schedule-name")):
            return Named("Schedule", meta.namespace, name)
    return None
