"""Containers that crash: for good reasons, for bad ones, and harmlessly while a stack comes up."""

from __future__ import annotations

from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.errors import LabError
from lab.platform.effects import PATIENCE_SECONDS, pod_path, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.platform.small_workloads import deployment, deployments_path, labels_of, pod_spec, pods_of
from lab.stages import Stage

# Stands for curl, which is not in the image: the same exit codes where it cannot connect, and where nothing answers in time.
_CURL = 'curl() { timeout 2 wget -q -O /dev/null "$1" && return 0; [ $? -eq 143 ] && return 28; return 7; }; curl '
_GATEWAY = "model-gateway"
# Takes connections only once it is told to: until then its pod is not ready.
_NOT_YET = "trap 'exit 0' TERM; sleep 3600 & wait $!"
_AT_WORK = "echo ok > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"


def stage_tmp_curl(environment: Environment) -> None:
    """As in life: a helper is started with the stack, and asks for what is not ready yet."""
    namespace = environment.workload_namespace
    api.create(f"/api/v1/namespaces/{namespace}/services", _service(namespace))
    api.create(deployments_path(namespace), _gateway(namespace, _NOT_YET))
    _create_curl(namespace, f"http://{_GATEWAY}.{namespace}.svc.cluster.local:8080/")
    _wait_for_waiting(namespace, "tmp-curl", "CrashLoopBackOff")


def clear_tmp_curl(environment: Environment) -> None:
    """What it waits for gets ready, and it ends by itself."""
    namespace = environment.workload_namespace
    deployment = f"{deployments_path(namespace)}/{_GATEWAY}"
    if api.find(deployment) is not None:
        container = _gateway(namespace, _AT_WORK)["spec"]["template"]["spec"]["containers"][0]
        template = {"spec": {"containers": [{"name": container["name"], "command": container["command"]}]}}
        api.patch(deployment, {"spec": {"template": template}}, "application/strategic-merge-patch+json")
        wait_for_rollout(deployment)
        wait_until("tmp-curl to end by itself", lambda: _phase(namespace, "tmp-curl") in ("Succeeded", ""), PATIENCE_SECONDS)
    _remove_pods(namespace, "tmp-curl")
    api.delete(f"/api/v1/namespaces/{namespace}/services/{_GATEWAY}")
    api.delete(deployment)
    wait_until(f"{_GATEWAY} to be gone", lambda: not pods_of(namespace, _GATEWAY), PATIENCE_SECONDS)


def stage_wrong_port(environment: Environment) -> None:
    """The same pod by name, but what it calls has long been ready: it asks the wrong port, where nothing answers."""
    namespace = environment.workload_namespace
    _create_curl(namespace, f"http://fastapi.{namespace}.svc.cluster.local:9999/health")
    _wait_for_waiting(namespace, "tmp-curl", "CrashLoopBackOff")


def clear_wrong_port(environment: Environment) -> None:
    _remove_pods(environment.workload_namespace, "tmp-curl")


def stage_out_of_memory(environment: Environment) -> None:
    namespace = environment.workload_namespace
    api.create(_pods(namespace), _pod(namespace, "feature-cache", "tail /dev/zero"))

    def is_so() -> bool:
        return any(one.get("reason") == "OOMKilled" for one in _ends(namespace, "feature-cache"))

    wait_until("feature-cache to run out of memory", is_so, PATIENCE_SECONDS)
    _wait_for_waiting(namespace, "feature-cache", "CrashLoopBackOff")


def clear_out_of_memory(environment: Environment) -> None:
    _remove_pods(environment.workload_namespace, "feature-cache")


def stage_image_missing(environment: Environment) -> None:
    """A tag that was never pushed; the old pods go on serving."""
    _change_fastapi(environment, {"image": "lab.internal/fastapi:2"})
    _wait_for_new_revision(environment, {"ErrImagePull", "ImagePullBackOff"})


def stage_broken_revision(environment: Environment) -> None:
    """A change of values that lets new pods crash, while those of the old revision serve and the Service looks healthy."""
    _change_fastapi(environment, {"env": [{"name": "LOG_FOLDER", "value": "/app/missing"}]})
    _wait_for_new_revision(environment, {"CrashLoopBackOff"})


def clear_fastapi(environment: Environment) -> None:
    """Back to the values that worked."""
    spec = document("fastapi", "Deployment", "fastapi", environment)["spec"]["template"]["spec"]
    container = spec["containers"][0]
    _change_fastapi(environment, {"image": container["image"], "env": container["env"]})
    wait_for_rollout(f"{deployments_path(environment.workload_namespace)}/fastapi")


def _change_fastapi(environment: Environment, change: api.Object) -> None:
    template = {"spec": {"containers": [{"name": "fastapi", **change}]}}
    path = f"{deployments_path(environment.workload_namespace)}/fastapi"
    api.patch(path, {"spec": {"template": template}}, "application/strategic-merge-patch+json")


def _wait_for_new_revision(environment: Environment, reasons: set[str]) -> None:
    namespace = environment.workload_namespace
    path = f"{_pods(namespace)}?labelSelector=app.kubernetes.io/name=fastapi"

    def is_so() -> bool:
        return any(_waiting_reasons(pod) & reasons for pod in api.items(path))

    wait_until(f"a new pod of fastapi in {' or '.join(reasons)}", is_so, PATIENCE_SECONDS)


def _create_curl(namespace: str, url: str) -> None:
    api.create(_pods(namespace), _pod(namespace, "tmp-curl", _CURL + url, restart_policy="OnFailure"))


def _wait_for_waiting(namespace: str, name: str, reason: str) -> None:
    def is_so() -> bool:
        pod = api.find(pod_path(namespace, name))
        if pod is None:
            raise LabError(f"pod {namespace}/{name} is gone")
        return reason in _waiting_reasons(pod) and any(one["restartCount"] >= 2 for one in pod["status"]["containerStatuses"])

    wait_until(f"{namespace}/{name} in {reason}", is_so, PATIENCE_SECONDS)


def _waiting_reasons(pod: api.Object) -> set[str]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return {one["state"]["waiting"].get("reason", "") for one in statuses if "waiting" in one["state"]}


def _ends(namespace: str, name: str) -> list[api.Object]:
    pod = api.find(pod_path(namespace, name)) or {}
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return [one[key]["terminated"] for one in statuses for key in ("state", "lastState") if "terminated" in one.get(key, {})]


def _phase(namespace: str, name: str) -> str:
    return str((api.find(pod_path(namespace, name)) or {}).get("status", {}).get("phase", ""))


def _remove_pods(namespace: str, name: str) -> None:
    api.delete(pod_path(namespace, name), grace_seconds=0)
    wait_until(f"{name} to be gone", lambda: api.find(pod_path(namespace, name)) is None, PATIENCE_SECONDS)


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _pod(namespace: str, name: str, script: str, restart_policy: str = "Always") -> api.Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**pod_spec(name, script), "restartPolicy": restart_policy}}


def _gateway(namespace: str, script: str) -> api.Object:
    spec = pod_spec(_GATEWAY, script)
    spec["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 2}
    return deployment(namespace, _GATEWAY, spec)


def _service(namespace: str) -> api.Object:
    spec = {"selector": labels_of(_GATEWAY), "ports": [{"name": "http", "port": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _GATEWAY, "namespace": namespace}, "spec": spec}


def _of_fastapi(name: str, description: str, stage: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear_fastapi, touches=("fastapi in {environment}",))


STAGES = (
    Stage(
        "tmp-curl",
        "a look-alike: tmp-curl crashes with 7 while the gateway that it asks is not ready yet",
        stage_tmp_curl,
        clear_tmp_curl,
        touches=("tmp-curl in {environment}",),
    ),
    Stage(
        "tmp-curl-wrong-port",
        "tmp-curl crashes although what it asks has long been ready: it asks the wrong port",
        stage_wrong_port,
        clear_wrong_port,
        touches=("tmp-curl in {environment}",),
    ),
    Stage(
        "out-of-memory",
        "a pod that needs more memory than its limit",
        stage_out_of_memory,
        clear_out_of_memory,
        touches=("feature-cache in {environment}",),
    ),
    _of_fastapi("image-missing", "a new revision of fastapi whose image does not exist, while the old one serves", stage_image_missing),
    _of_fastapi("broken-revision", "a new revision of fastapi that crashes, while the old one serves", stage_broken_revision),
)
