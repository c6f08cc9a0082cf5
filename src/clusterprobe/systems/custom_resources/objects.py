"""What an object of any kind says of itself: its conditions, and a few fields of its spec by which one rests on another.

The shapes are those that most controllers share; what is shaped otherwise counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from clusterprobe.systems.kubernetes.objects import Object

# Lists in a status whose entries have conditions of their own: a route's parents, a Gateway's listeners, a policy's ancestors, and
# the routers that took an OpenShift Route.
NESTED = ("parents", "listeners", "ancestors", "ingress")
# Fields of a status whose word stands where others have a condition, with what they are called here.
_WORDS = {
    "updateStatus": "update_status",
    "phase": "phase",
    "state": "state",
    "health": "health",
    "healthStatus": "health_status",
    "robustness": "robustness",
    "stageStatus": "stage_status",
    "currentStatus": "current_status",
    "certificateStatus": "certificate_status",
    "PostgresClusterStatus": "cluster_status",
}
MOST_CONDITIONS = 100  # of one object
MESSAGE_CHARACTERS = 2000


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


class _Status(Object):
    observed_generation: object = None
    conditions: object = None
    parents: object = None
    listeners: object = None
    ancestors: object = None
    ingress: object = None
    phase: object = None
    update_status: object = None
    state: object = None
    health: object = None
    health_status: object = None
    robustness: object = None
    stage_status: object = None
    current_status: object = None
    certificate_status: object = None
    cluster_status: object = msgspec.field(default=None, name="PostgresClusterStatus")
    ceph: object = None
    model_status: object = None
    message: object = None
    reason: object = None
    description: object = None
    failure_reason: object = None
    validation_errors: object = None
    errors: object = None


class Raw(Object):
    """An object as it is listed."""

    metadata: Meta
    spec: _Spec | str | int | float | bool | list[object] | None = None
    status: _Status | str | int | float | bool | list[object] | None = None


class Stated(Object):
    """A condition. `of` is the part of the object that it is about, such as a route's parent; empty for the object itself.

    A `word` of its status stands where others have a condition: its field is the type.
    """

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int = 0
    of: str = ""
    word: bool = False


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


def kept(raw: Raw, kind: str) -> CustomObject:
    """What an object says of itself."""
    meta = raw.metadata
    spec = raw.spec if isinstance(raw.spec, _Spec) else _Spec()
    status = raw.status if isinstance(raw.status, _Status) else _Status()
    return CustomObject(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        generation=meta.generation,
        observed_generation=_number(status.observed_generation),
        created=meta.creation_timestamp,
        deleted=meta.deletion_timestamp,
        owner=next((one for one in meta.owner_references if one.controller), None),
        conditions=list(_conditions(status))[:MOST_CONDITIONS],
        words=list(_words(status)),
        suspended=True in (spec.suspend, spec.suspended, spec.paused) or spec.running is False or spec.run_strategy == "Halted",
        needs=list(_needs(spec, kind, meta.namespace)),
        secret_name=_secret(spec, kind, meta.name),
        hosts=_hosts(spec) if kind == "Certificate" else [],
        about=_about(spec, kind, meta),
    )


def _conditions(status: _Status) -> Iterator[Stated]:
    yield from _listed(status.conditions, "")
    for key in NESTED:
        for entry in _dicts(getattr(status, key)):
            yield from _listed(entry.get("conditions"), _part(key, entry))


def _words(status: _Status) -> Iterator[Stated]:
    ceph = _dict(status.ceph)
    details = ceph.get("details")
    detailed = [_text(one.get("message")) for one in _dicts([*details.values()])] if isinstance(details, dict) else []
    model = _dict(status.model_status)
    failure = _dict(model.get("lastFailureInfo"))
    own = next(filter(None, map(_text, (status.message, status.reason, status.description, status.failure_reason))), "")
    values = {field: getattr(status, name) for field, name in _WORDS.items()}
    for field, value, message in (
        *((one, value, own or _counted(status)) for one, value in values.items()),
        ("ceph.health", ceph.get("health"), "; ".join(detailed)),
        ("modelStatus.transitionStatus", model.get("transitionStatus"), _text(failure.get("message")) or _text(failure.get("reason"))),
    ):
        if word := _text(value):
            yield Stated(type=field, status=word, message=message[:MESSAGE_CHARACTERS], word=True)


def _counted(status: _Status) -> str:
    """What a backup says that gives no reason: what its validation found, or how many errors there were."""
    found = status.validation_errors if isinstance(status.validation_errors, list) else []
    told = "; ".join(one for one in found if isinstance(one, str))
    return told or (f"{count} errors" if (count := _number(status.errors)) else "")


def _listed(value: object, of: str) -> Iterator[Stated]:
    for one in _dicts(value):
        if kind := _text(one.get("type")):
            yield Stated(
                type=kind,
                status=_text(one.get("status")),
                reason=_text(one.get("reason")),
                message=_text(one.get("message"))[:MESSAGE_CHARACTERS],
                last_transition_time=_text(one.get("lastTransitionTime")) or None,
                observed_generation=_number(one.get("observedGeneration")),
                of=of,
            )


def _part(key: str, entry: dict[str, Any]) -> str:
    reference = entry.get("parentRef") or entry.get("ancestorRef")
    if isinstance(reference, dict):
        kind, namespace, name = (_text(reference.get(each)) for each in ("kind", "namespace", "name"))
        section = _text(reference.get("sectionName"))
        place = "/".join(each for each in (namespace, name) if each)
        return " ".join(each for each in (kind or "Gateway", place, f"({section})" if section else "") if each)
    named = _text(entry.get("name")) or _text(entry.get("routerName"))
    return f"{'router' if key == 'ingress' else key.removesuffix('s')} {named}".strip()


def _needs(spec: _Spec, kind: str, namespace: str) -> Iterator[Named]:
    """The objects that it names by the usual fields, with the kinds that these have where nothing is said."""
    usual = {"source_ref": "GitRepository", "chart_ref": "OCIRepository", "secret_store_ref": "SecretStore", "issuer_ref": "Issuer"}
    for field, standard in usual.items():
        yield from _reference(getattr(spec, field), standard, namespace)
    for field, standard in (("depends_on", kind), ("parent_refs", "Gateway")):
        for one in _dicts(getattr(spec, field)):
            yield from _reference(one, standard, namespace)
    if name := _text(spec.storage_location):
        yield Named("BackupStorageLocation", namespace, name)
    if name := _text(spec.gateway_class_name):
        yield Named("GatewayClass", "", name)


def _reference(value: object, standard: str, namespace: str) -> Iterator[Named]:
    if isinstance(value, dict) and (name := _text(value.get("name"))):
        kind = _text(value.get("kind")) or standard
        place = "" if kind.startswith("Cluster") else _text(value.get("namespace")) or namespace
        yield Named(kind, place, name, _text(value.get("group")) or _text(value.get("apiVersion")).rpartition("/")[0])


def _secret(spec: _Spec, kind: str, name: str) -> str:
    """The Secret that is made of it, in its own namespace."""
    match kind:
        case "Certificate":
            return _text(spec.secret_name)
        case "ExternalSecret":
            return _text(spec.target.get("name") if isinstance(spec.target, dict) else None) or name
    return ""


def _hosts(spec: _Spec) -> list[str]:
    names = spec.dns_names if isinstance(spec.dns_names, list) else []
    return [one for one in (*names, spec.common_name) if _text(one)]


def _about(spec: _Spec, kind: str, meta: Meta) -> Named | None:
    match kind:
        case "APIService":
            return next(_reference(spec.service, "Service", meta.namespace), None)
        case "HorizontalPodAutoscaler":
            return next(_reference(spec.scale_target_ref, "", meta.namespace), None)
        case "Backup" if name := _text(_dict(meta.labels).get("velero.io/schedule-name")):
            return Named("Schedule", meta.namespace, name)
    return None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
