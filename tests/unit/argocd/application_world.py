"""An Application of Argo CD as its controller writes it, with all that is read beside it."""

from datetime import UTC, datetime
from typing import Any

from clusterprobe.evidence import Clock
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.sources import Application, Drift
from clusterprobe.systems.kubernetes.objects import Workload
from tests.factories import labelled, listing

NOW = 1_700_000_000.0
OLD, NEW = "a" * 40, "b" * 40
DEPLOYMENT = {"group": "apps", "kind": "Deployment", "namespace": "web-dev", "name": "web", "status": "Synced"}
PATIENCE, STALE = 15 * 60, 30 * 60


def at(seconds_ago: float) -> str:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat()


def operation(phase: str = "Succeeded", revision: str = NEW, ago: float = 600, **fields: Any) -> dict[str, Any]:
    result = {"revision": revision, "resources": fields.pop("resources", [])}
    ended = {} if phase == "Running" else {"finishedAt": at(ago)}
    return {"phase": phase, "message": "one or more objects failed", "startedAt": at(ago), "syncResult": result, **ended, **fields}


def application(
    sync: str = "Synced", health: str = "Healthy", *, automated: dict[str, Any] | None = None, name: str = "web", **status: Any
) -> Application:
    policy = {"prune": True, "selfHeal": True} if automated is None else automated
    spec = {
        "project": "default",
        "source": {"repoURL": "https://git.example.org/platform", "path": "web", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "web-dev"},
        "syncPolicy": {"automated": policy} if policy else {},
        **status.pop("spec", {}),
    }
    whole = {
        "sync": {"status": sync, "revision": NEW},
        "health": {"status": health, "lastTransitionTime": at(status.pop("health_ago", 600))},
        "resources": [DEPLOYMENT],
        "history": [{"revision": OLD, "deployedAt": at(9000)}],
        "operationState": operation(),
        "reconciledAt": at(60),
        **status,
    }
    metadata = {"namespace": "argocd", "name": name, **whole.pop("metadata", {})}
    return labelled(Application, "argocd", name, spec=spec, status=whole, metadata=metadata)


def world(*applications: Application, drift: Drift | None = None, **changes: Any) -> dict[str, Any]:
    readings = listing("Application", applications)
    out = readings.keep(lambda _, one: one.status.sync.status == "OutOfSync")
    return {
        "applications": readings,
        "application_drifts": out.map(lambda _, __: drift or Drift()),
        "deployments": listing("Deployment", [deployment()]),
        "pods": listing("Pod", []),
        "start_events": Readings(absent="every pod is ready"),
        "creation_failures": Readings(absent="there is no event"),
        "jobs": listing("Job", []),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def deployment(reason: str = "NewReplicaSetAvailable", message: str = "") -> Workload:
    template = {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    condition = {"type": "Progressing", "status": "True", "reason": reason, "message": message}
    return labelled(Workload, "web-dev", "web", spec={"replicas": 1, "template": template}, status={"conditions": [condition]})


def condition(kind: str, message: str = "app path does not exist", ago: float = 30) -> dict[str, Any]:
    return {"type": kind, "message": message, "lastTransitionTime": at(ago)}


FAILED = {"kind": "Deployment", "namespace": "web-dev", "name": "web", "status": "SyncFailed", "message": "field is immutable"}
