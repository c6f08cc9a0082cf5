"""Objects of custom resources as an API server lists them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clusterprobe.decoding import from_tree
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.objects import CustomKind, Raw, kept

NOW = 1_800_000_000.0
PATIENCE = 900.0
OLD = 86400.0


def at(seconds_ago: float) -> str:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str = "Ready", status: str = "False", ago: float = 3600, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, "lastTransitionTime": at(ago), "reason": "Failed", "message": "it is refused", **more}


def raw(name: str = "db", *conditions: Any, age: float = OLD, namespace: str = "shop", **more: Any) -> Raw:
    """An object; `more` is fields of its metadata, or `spec` and `status`."""
    status = {"conditions": list(conditions), **more.pop("status", {})}
    spec = more.pop("spec", {})
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": at(age), **more}
    return from_tree({"metadata": metadata, "spec": spec, "status": status}, Raw)


def kind(resource: str, name: str, *objects: Raw) -> CustomKind:
    plural, _, group = resource.partition(".")
    return CustomKind(group, plural, "v1", name, [kept(one, name) for one in objects])


def external_secrets(*objects: Raw) -> CustomKind:
    return kind("externalsecrets.external-secrets.io", "ExternalSecret", *objects)


def readings(*kinds: CustomKind, unreadable: tuple[Unchecked, ...] = ()) -> Readings[CustomKind]:
    values = tuple((Subject(kind="CustomResource", name=one.resource), one) for one in kinds)
    return Readings(values, unreadable, "the API serves none")
