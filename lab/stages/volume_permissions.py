"""A process that may not write to its NFS volume, with an fsGroup that changes nothing there; and one that says so of something else."""

from __future__ import annotations

from lab import api
from lab.cluster.nfs import make_export
from lab.command import wait_until
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment
from lab.platform.serving import logs_volume
from lab.stages import Stage

_OTHER_USER = 1001
_GROUP = 1000
_STRATEGIC = "application/strategic-merge-patch+json"
_PHRASES = (
    "PermissionError: [Errno 13] Permission denied: '/etc/model/key.pem'",
    "psycopg2.errors.InsufficientPrivilege: permission denied for table runs",
    'level=info method=GET path=/search query="permission denied" status=200',
)


def stage_denied(environment: Environment) -> None:
    """The image now runs as another user; fsGroup is set, and everybody counts on it. The folder lets its group read only."""
    make_export(logs_volume(environment).path, _GROUP, 0o755)
    _run_as(environment, {"runAsUser": _OTHER_USER, "runAsGroup": _OTHER_USER, "fsGroup": _GROUP})
    pods = f"/api/v1/namespaces/{environment.workload_namespace}/pods?labelSelector=app.kubernetes.io/name=fastapi"

    def is_so() -> bool:
        statuses = [one for pod in api.items(pods) for one in pod.get("status", {}).get("containerStatuses", [])]
        return any(one["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for one in statuses)

    wait_until("fastapi to crash on its volume", is_so, PATIENCE_SECONDS)


def clear_denied(environment: Environment) -> None:
    """The user that owns the folder, at pod level, and a folder of mode 0770."""
    make_export(logs_volume(environment).path, _GROUP, 0o770)
    _run_as(environment, {"runAsUser": _GROUP, "runAsGroup": _GROUP, "fsGroup": _GROUP})
    wait_for_rollout(_deployment(environment, "fastapi"))


def stage_elsewhere(environment: Environment) -> None:
    namespace, name = environment.workload_namespace, "permission-talk"
    labels = {"app.kubernetes.io/name": name}
    script = (
        "trap 'exit 0' TERM; while :; do "
        + "; ".join(f'echo "$PHRASE_{number}"' for number in range(len(_PHRASES)))
        + "; sleep 5 & wait $!; done"
    )
    container = {
        "name": name,
        "image": "lab/busybox:1",
        "command": ["/bin/sh", "-c", script],
        "env": [{"name": f"PHRASE_{number}", "value": phrase} for number, phrase in enumerate(_PHRASES)],
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "volumeMounts": [{"name": "logs", "mountPath": "/app/logs"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsUser": _GROUP, "runAsGroup": _GROUP},
        "containers": [container],
        "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "fastapi-logs"}}],
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    api.create(
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
    )
    wait_for_rollout(_deployment(environment, name))


def clear_elsewhere(environment: Environment) -> None:
    api.delete(_deployment(environment, "permission-talk"))
    selector = f"/api/v1/namespaces/{environment.workload_namespace}/pods?labelSelector=app.kubernetes.io/name=permission-talk"
    wait_until("permission-talk to be gone", lambda: not api.items(selector), PATIENCE_SECONDS)


def _run_as(environment: Environment, context: api.Object) -> None:
    api.patch(_deployment(environment, "fastapi"), {"spec": {"template": {"spec": {"securityContext": context}}}}, _STRATEGIC)


def _deployment(environment: Environment, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{environment.workload_namespace}/deployments/{name}"


STAGES = (
    Stage(
        "volume-permission-denied",
        "fastapi runs as another user, which may not write to its NFS volume; fsGroup is set and changes nothing",
        stage_denied,
        clear_denied,
        touches=("fastapi in {environment}",),
    ),
    Stage(
        "permission-denied-elsewhere",
        "a look-alike: a pod on NFS whose log speaks of permissions that have nothing to do with its volume",
        stage_elsewhere,
        clear_elsewhere,
        touches=("permission-talk in {environment}",),
    ),
)
