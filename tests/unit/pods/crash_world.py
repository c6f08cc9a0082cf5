"""Readings of a cluster in which one container crashes, as a case of the corpus says."""

from types import SimpleNamespace
from typing import Any

from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.pods.crashes import CrashLog
from clusterprobe.times import epoch
from tests.factories import labelled, listing
from tests.unit.pods.crash_corpus import NOW, Case, running

READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T10:00:00Z"}]
NEW, OLD_REVISION = {"pod-template-hash": "new"}, {"pod-template-hash": "old"}


def pod_of(case: Case) -> Pod:
    container = {"name": "main", "image": "registry/app:2", "command": list(case.command), **case.more}
    status = {"name": "main", "ready": case.ready, "restartCount": case.restarts, "state": case.state, "lastState": case.last}
    serving = {"name": "web", "ready": True, "state": running("2026-01-01T10:00:00Z")}
    spec = {"containers": [{"name": "web"} if case.init else container], "restartPolicy": case.policy}
    statuses: dict[str, Any] = {"containerStatuses": [serving if case.init else status]}
    if case.init:
        spec["initContainers"], statuses["initContainerStatuses"] = [container], [status]
    metadata = {"creationTimestamp": case.created, "ownerReferences": owners("new") if case.owned else []}
    return labelled(
        Pod, "app", "tmp-curl", NEW if case.owned else {}, spec=spec, metadata=metadata, status={"phase": case.phase, **statuses}
    )


def owners(revision: str) -> list[dict[str, Any]]:
    return [{"kind": "ReplicaSet", "name": f"web-{revision}", "uid": revision, "controller": True}]


def old_pod() -> Pod:
    status = {
        "phase": "Running",
        "conditions": READY,
        "containerStatuses": [{"name": "web", "ready": True, "state": running("2026-01-01T10:00:00Z")}],
    }
    return labelled(
        Pod, "app", "web-old-1", OLD_REVISION, metadata={"ownerReferences": owners("old")}, spec={"containers": []}, status=status
    )


def target_pod(case: Case) -> Pod:
    since = [{"type": "Ready", "status": "True", "lastTransitionTime": case.target}] if case.target.startswith("2026") else []
    status = {"phase": "Running", "conditions": since, "containerStatuses": [{"name": "loki", "state": running(case.target_created)}]}
    return labelled(
        Pod,
        "logging",
        "loki-0",
        {"app": "loki"},
        metadata={"creationTimestamp": case.target_created},
        spec={"containers": []},
        status=status,
    )


def world(case: Case, **changes: Any) -> dict[str, Any]:
    there = case.target != "missing"
    service = labelled(Service, "logging", "loki", spec={"selector": {"app": "loki"}, "ports": [{"port": 3100}]})
    log = (Subject(kind="Pod", namespace="app", name="tmp-curl"), CrashLog("main", list(case.lines)))
    return {
        "pods": listing("Pod", [pod_of(case), *([target_pod(case)] if there else []), *([old_pod()] if case.old_serves else [])]),
        "services": listing("Service", [service] if there else []),
        "crash_logs": Readings((log,) if case.lines else (), absent="none crashes"),
        "crash_events": Readings(absent="none crashes"),
        "stateful_sets": Readings(absent="there is no StatefulSet"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=epoch(NOW)),
        **changes,
    }
