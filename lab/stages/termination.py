"""Pods that are slow to go: because the application is, or because a volume is after it."""

from __future__ import annotations

from lab import api
from lab.cluster.nfs import set_unmount_delay
from lab.command import wait_until
from lab.layout import Node, node_named
from lab.paths import NFS_EXPORTS
from lab.platform.effects import (
    PATIENCE_SECONDS,
    container_states,
    pod_on,
    pod_path,
    wait_for_pod_gone,
    wait_for_rollout,
)
from lab.platform.manifests import Environment
from lab.platform.storage import NFS_CLASS, NfsVolume, create_volume
from lab.stages import Stage

SLOW_NODE = node_named("worker2")
SHORT_GRACE_SECONDS = 10
UNMOUNT_DELAY_SECONDS = 35
_DAEMON_SET = "/apis/apps/v1/namespaces/logging/daemonsets/promtail"
_POSITIONS = NfsVolume("logging", "promtail-positions", "1Gi", "ReadWriteMany")
# The server takes the last write of the nodes listed in this file of the export only when they are killed.
_SLOW_NODES = "slow-nodes"
_AGENT = f"""/usr/bin/promtail "$@" & agent=$!
flush() {{
  kill -TERM "$agent"; wait "$agent"
  while grep -qx "$HOSTNAME" /positions/{_SLOW_NODES} 2>/dev/null; do
    cp "/positions/$HOSTNAME.yaml" "/positions/$HOSTNAME.yaml.unfinished"
    sleep 0.2
  done
  exit 0
}}
trap flush TERM
wait "$agent"
"""


def stage_slow_flush(_: Environment) -> None:
    """The agent keeps its positions on NFS, and writes them once more before it ends."""
    _make_positions_volume()
    (NFS_EXPORTS / _POSITIONS.path.lstrip("/") / _SLOW_NODES).write_text(f"{SLOW_NODE.name}\n")
    api.patch(_DAEMON_SET, _positions_on_nfs(), "application/strategic-merge-patch+json")
    wait_for_rollout(_DAEMON_SET)
    going = pod_on(SLOW_NODE, "logging", "promtail")
    api.delete(pod_path("logging", going))
    _wait_while_going("logging", going, "running", seconds=5)


def clear_slow_flush(_: Environment) -> None:
    """The grace period is shortened; what is slow stays slow, but is cut off."""
    api.patch(_DAEMON_SET, {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": SHORT_GRACE_SECONDS}}}})
    wait_for_rollout(_DAEMON_SET)
    _expect_quick_end("logging", "promtail", SHORT_GRACE_SECONDS + 5)
    wait_for_rollout(_DAEMON_SET)


def stage_unmount_hang(environment: Environment) -> None:
    set_unmount_delay(SLOW_NODE, UNMOUNT_DELAY_SECONDS)
    namespace = environment.workload_namespace
    going = pod_on(SLOW_NODE, namespace, "fastapi")
    api.delete(pod_path(namespace, going))
    _wait_while_going(namespace, going, "terminated", seconds=5)


def clear_unmount_hang(environment: Environment) -> None:
    """Repaired at the NFS server: no grace period would have helped."""
    set_unmount_delay(SLOW_NODE, 0)
    namespace = environment.workload_namespace
    deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/fastapi"
    wait_until("every pod that hangs to go", lambda: not _going(namespace), PATIENCE_SECONDS)
    wait_for_rollout(deployment)
    _expect_quick_end(namespace, "fastapi", seconds=15)
    wait_for_rollout(deployment)


def _make_positions_volume() -> None:
    claims = "/api/v1/namespaces/logging/persistentvolumeclaims"
    if api.find(f"{claims}/{_POSITIONS.claim}") is not None:
        return
    create_volume(_POSITIONS)
    spec = {
        "accessModes": [_POSITIONS.access_mode],
        "storageClassName": NFS_CLASS,
        "resources": {"requests": {"storage": _POSITIONS.size}},
    }
    metadata = {"name": _POSITIONS.claim, "namespace": _POSITIONS.namespace}
    api.create(claims, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def _positions_on_nfs() -> api.Object:
    config = ["-config.file=/etc/promtail/promtail.yaml", "-config.expand-env=true"]
    container = {
        "name": "promtail",
        "command": ["/bin/sh", "-c", _AGENT, "promtail"],
        "args": [*config, "-positions.file=/positions/$(HOSTNAME).yaml"],
        "volumeMounts": [{"name": "positions", "mountPath": "/positions"}],
    }
    volume = {"name": "positions", "persistentVolumeClaim": {"claimName": _POSITIONS.claim}}
    pod = {"terminationGracePeriodSeconds": None, "containers": [container], "volumes": [volume]}
    return {"spec": {"template": {"spec": pod}}}


def _wait_while_going(namespace: str, name: str, state: str, seconds: float) -> None:
    """Until the pod has been going for that long with all its containers in the one state."""
    seen_for = 0.0
    step = 0.5

    def is_so() -> bool:
        nonlocal seen_for
        seen_for = seen_for + step if container_states(namespace, name) == {state} else 0.0
        return seen_for >= seconds

    wait_until(f"{namespace}/{name} to be slow to go, its containers {state}", is_so, PATIENCE_SECONDS, every=step)


def _expect_quick_end(namespace: str, application: str, seconds: float, node: Node = SLOW_NODE) -> None:
    """Delete the application's pod on the node that was slow, and see it go in time."""
    name = pod_on(node, namespace, application)
    api.delete(pod_path(namespace, name))
    wait_for_pod_gone(namespace, name, seconds)


def _going(namespace: str) -> list[str]:
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods")
    return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]]


STAGES = (
    Stage(
        "agent-slow-flush",
        "Promtail on worker2 writes its positions to a slow NFS until the grace period of 30 s is over",
        stage_slow_flush,
        clear_slow_flush,
        touches=("promtail",),
        per_environment=False,
    ),
    Stage(
        "nfs-unmount-hang",
        "the NFS server takes 35 s to let worker2 unmount: pods there hang after their containers have ended",
        stage_unmount_hang,
        clear_unmount_hang,
        touches=("the NFS server",),
    ),
)
