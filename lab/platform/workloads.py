"""Workloads: which a manifest leads to, and whether they are there and ready."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lab import api
from lab.platform.manifests import documents

KINDS = ("deployments", "statefulsets", "daemonsets")
_OPERATED = ("Prometheus", "Alertmanager")  # the Operator makes a StatefulSet of each, named after its kind and itself


class Workload(NamedTuple):
    """One of `KINDS`, by its name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@functools.cache
def workloads_of(manifest: str) -> tuple[Workload, ...]:
    """The workloads that are there once a manifest is applied. Remembered: while the platform settles, each second asks."""
    return tuple(_found(manifest))


def _found(manifest: str) -> Iterator[Workload]:
    for document in documents(manifest):
        kind, metadata = document["kind"], document["metadata"]
        namespace = metadata.get("namespace", "default")
        if (plural := f"{kind.lower()}s") in KINDS:
            yield Workload(plural, namespace, metadata["name"])
        elif kind in _OPERATED:
            yield Workload("statefulsets", namespace, f"{kind.lower()}-{metadata['name']}")


def not_ready(expected: Iterable[Workload]) -> Iterator[str]:
    """What is wrong of those that are expected: absent, or not rolled out."""
    wanted = list(expected)
    there = {
        Workload(kind, one["metadata"]["namespace"], one["metadata"]["name"]): one
        for kind in KINDS
        for one in api.items(f"/apis/apps/v1/{kind}")
    }
    for workload in wanted:
        if workload not in there:
            yield f"{workload} is not there"
        elif not is_rolled_out(there[workload]):
            yield f"{workload} is not ready"


def is_rolled_out(workload: api.Object) -> bool:
    """Whether the wanted number of its newest pods is ready, and no older one remains."""
    status = workload.get("status", {})
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if "desiredNumberScheduled" in status:  # a DaemonSet; a list leaves out the kind
        wanted, updated, ready = "desiredNumberScheduled", "updatedNumberScheduled", "numberReady"
        return bool(0 < status.get(wanted, 0) == status.get(updated) == status.get(ready))
    replicas: int = workload["spec"]["replicas"]
    counts: list[int] = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    return counts == [replicas] * len(counts)


def is_ready(pod: api.Object) -> bool:
    return condition(pod, "Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def condition(found: api.Object | None, kind: str) -> str:
    """The status of a condition of an object; empty where there is none."""
    conditions = (found or {}).get("status", {}).get("conditions") or []
    return next((str(one["status"]) for one in conditions if one["type"] == kind), "")
