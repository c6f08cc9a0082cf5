"""Pods that never run: nothing creates them, no node takes them, what they mount is not there, or their node rejects them."""

from __future__ import annotations

from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.manifests import Environment
from lab.platform.small_workloads import deployment, deployments_path, pod_spec, pods_of
from lab.stages import Stage
from lab.stages.termination import SLOW_NODE

_SLEEP = "trap 'exit 0' TERM; sleep 3600 & wait $!"
_REPORTS, _EXPORT, _PRICING, _TRAINING = "report-api", "report-export", "pricing", "training"
_MIGRATED, _ARCHIVE, _FORECAST = "catalogue", "archive", "forecast"
_CLAIM = "archive"
_CORES = "64"  # no node of the lab has so many
_LEAST_REJECTED = 3


def stage_account(environment: Environment) -> None:
    """As in life: the ServiceAccount is in another chart, which was not installed."""
    namespace = environment.workload_namespace
    _create(namespace, _REPORTS, {"serviceAccountName": "reports"})
    wait_until("the pod to be refused", lambda: _is_refused(namespace, _REPORTS), PATIENCE_SECONDS)


def stage_secret(environment: Environment) -> None:
    """As in life: the Secret that it mounts was to be made by hand."""
    volume = {"name": "key", "secret": {"secretName": "warehouse-key"}}
    _create(environment.workload_namespace, _EXPORT, {"volumes": [volume]}, [{"name": "key", "mountPath": "/key"}])
    _wait_for_events(environment, _EXPORT, "warehouse-key")


def stage_config_map(environment: Environment) -> None:
    """As in life: the ConfigMap that it mounts got another name with each release, and this one did not."""
    volume = {"name": "settings", "configMap": {"name": "pricing-settings"}}
    _create(environment.workload_namespace, _PRICING, {"volumes": [volume]}, [{"name": "settings", "mountPath": "/settings"}])
    _wait_for_events(environment, _PRICING, "pricing-settings")


def stage_too_large(environment: Environment) -> None:
    """As in life: it requests what the nodes of another cluster had."""
    spec = pod_spec(_TRAINING, _SLEEP)
    spec["containers"][0]["resources"]["requests"]["cpu"] = _CORES
    _deploy(environment.workload_namespace, _TRAINING, spec)
    _wait_for_events(environment, _TRAINING, "Insufficient cpu")


def stage_init(environment: Environment) -> None:
    """As in life: the init container waits for a database by a name that it had in another release."""
    spec = pod_spec(_MIGRATED, _SLEEP)
    waits = "until timeout 2 nc -z catalogue-postgres 5432; do echo waiting for catalogue-postgres:5432; sleep 2; done"
    spec["initContainers"] = [{**spec["containers"][0], "name": "wait-for-database", "command": ["/bin/sh", "-c", waits]}]
    _deploy(environment.workload_namespace, _MIGRATED, spec)

    def waits_now() -> bool:
        found = [one for pod in pods_of(environment.workload_namespace, _MIGRATED) for one in pod["status"]["initContainerStatuses"]]
        return any("running" in one["state"] for one in found)

    wait_until("the init container to wait", waits_now, PATIENCE_SECONDS)


def stage_claim(environment: Environment) -> None:
    """As in life: the PVC names the class of a cloud."""
    namespace = environment.workload_namespace
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": _CLAIM, "namespace": namespace}, "spec": spec}
    api.create(_claims(namespace), claim)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": _CLAIM}}
    _create(namespace, _ARCHIVE, {"volumes": [volume]}, [{"name": "data", "mountPath": "/data"}])
    wait_until("its pod to be there", lambda: bool(pods_of(namespace, _ARCHIVE)), PATIENCE_SECONDS)


def clear_claim(environment: Environment) -> None:
    namespace = environment.workload_namespace
    _remove(namespace, _ARCHIVE)
    api.delete(f"{_claims(namespace)}/{_CLAIM}")
    wait_until("the claim to be gone", lambda: api.find(f"{_claims(namespace)}/{_CLAIM}") is None, PATIENCE_SECONDS)


def stage_rejected(environment: Environment) -> None:
    """As in life: it names its node itself, past the scheduler, and the node has less than it requests.

    Each failed pod is replaced at once, so it is scaled to 0 as soon as there are some, as somebody does who sees them pile up.
    """
    namespace = environment.workload_namespace
    spec = pod_spec(_FORECAST, _SLEEP)
    spec["containers"][0]["resources"]["requests"]["cpu"] = _CORES
    _deploy(namespace, _FORECAST, {**spec, "nodeName": SLOW_NODE.name})
    try:
        wait_until("pods to be rejected", lambda: _rejected(namespace) >= _LEAST_REJECTED, PATIENCE_SECONDS, every=0.1)
    finally:
        api.patch(f"{deployments_path(namespace)}/{_FORECAST}", {"spec": {"replicas": 0}})


def _rejected(namespace: str) -> int:
    return sum(pod["status"].get("reason", "") == "OutOfcpu" for pod in pods_of(namespace, _FORECAST))


def _create(namespace: str, name: str, change: api.Object, mounts: list[api.Object] | None = None) -> None:
    spec = pod_spec(name, _SLEEP)
    spec["containers"][0]["volumeMounts"] = mounts or []
    _deploy(namespace, name, {**spec, **change})


def _deploy(namespace: str, name: str, spec: api.Object) -> None:
    api.create(deployments_path(namespace), deployment(namespace, name, spec))


def _is_refused(namespace: str, name: str) -> bool:
    conditions = api.get(f"{deployments_path(namespace)}/{name}")["status"]["conditions"]
    return any(one["type"] == "ReplicaFailure" and one["status"] == "True" for one in conditions)


def _wait_for_events(environment: Environment, name: str, words: str) -> None:
    """Until somebody has said of a pod why it does not start."""
    path = f"/api/v1/namespaces/{environment.workload_namespace}/events"

    def is_said() -> bool:
        return any(one["involvedObject"].get("name", "").startswith(name) and words in one.get("message", "") for one in api.items(path))

    wait_until(f"an event of {name} that says {words}", is_said, PATIENCE_SECONDS)


def _remove(namespace: str, name: str) -> None:
    api.delete(f"{deployments_path(namespace)}/{name}")
    wait_until(f"{name} to be gone", lambda: not pods_of(namespace, name), PATIENCE_SECONDS)


def _claims(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"


def _stage(name: str, description: str, stage: Callable[[Environment], None], workload: str) -> Stage:
    def clear(environment: Environment) -> None:
        _remove(environment.workload_namespace, workload)

    return Stage(name, description, stage, clear, touches=(f"{workload} in {{environment}}",))


STAGES = (
    _stage("account-missing", "a Deployment names a ServiceAccount that does not exist, and gets no pod", stage_account, _REPORTS),
    _stage("secret-to-mount-missing", "a pod mounts a Secret that does not exist, and is not started", stage_secret, _EXPORT),
    _stage("config-map-missing", "a pod mounts a ConfigMap that does not exist, and is not started", stage_config_map, _PRICING),
    _stage("pod-too-large", f"a pod requests {_CORES} cores, which no node has", stage_too_large, _TRAINING),
    _stage("init-waits", "an init container waits for a Service that does not exist", stage_init, _MIGRATED),
    Stage(
        "claim-without-class",
        "a PVC names a class that does not exist, and its pod waits for it",
        stage_claim,
        clear_claim,
        touches=(f"{_ARCHIVE} in {{environment}}",),
    ),
    _stage(
        "pods-rejected",
        "a Deployment names its node, which rejects one pod after the other",
        stage_rejected,
        _FORECAST,
    ),
)
