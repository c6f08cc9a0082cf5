"""What stages wait for: changes asked of the API server, as they arrive in the systems themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from lab import api
from lab.command import wait_until
from lab.errors import LabError
from lab.layout import Node
from lab.platform import alertmanager, prometheus
from lab.platform.manifests import Environment
from lab.platform.workloads import is_ready, is_rolled_out

PATIENCE_SECONDS = 90


def wait_for_healthy_targets(*environments: Environment) -> None:
    """Until each Prometheus has the targets of its own release, all up."""
    missing: list[str] = []

    def is_so() -> bool:
        missing[:] = [problem for environment in environments for problem in prometheus.targets_missing(environment)]
        return not missing

    try:
        wait_until("every target up", is_so, PATIENCE_SECONDS)
    except LabError as error:
        raise LabError(f"{error}; {'; '.join(missing)}") from None


def wait_for_config(environment: Environment, what: str, is_wanted: Callable[[str], bool]) -> None:
    """Until this environment's Alertmanager serves such a configuration."""
    wait_until(f"{environment.alertmanager} to serve {what}", lambda: is_wanted(alertmanager.served_config(environment)), PATIENCE_SECONDS)


def wait_for_rollout(path: str) -> None:
    """Until a workload's newest pods are ready."""
    wait_until(f"the roll-out of {path}", lambda: is_rolled_out(api.get(path)), PATIENCE_SECONDS)


def wait_until_old(path: str, seconds: float) -> None:
    """Until an object has been there for so long that nobody takes it for one that was only just made."""
    made = datetime.fromisoformat(api.get(path)["metadata"]["creationTimestamp"])
    time.sleep(max(0.0, seconds - (datetime.now(UTC) - made).total_seconds()))


def wait_for_pod(namespace: str, name: str) -> None:
    path = pod_path(namespace, name)
    wait_until(f"pod {namespace}/{name} to be ready", lambda: _is_ready_now(path), PATIENCE_SECONDS)


def wait_for_pod_gone(namespace: str, name: str, seconds: float = PATIENCE_SECONDS) -> None:
    wait_until(f"pod {namespace}/{name} to be gone", lambda: api.find(pod_path(namespace, name)) is None, seconds)


def pod_on(node: Node, namespace: str, application: str) -> str:
    """The name of an application's pod on a node, one that is not already going, and no canary."""
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/name={application}")
    for pod in pods:
        metadata = pod["metadata"]
        stays = "deletionTimestamp" not in metadata and metadata["labels"].get("track") != "canary"
        if stays and pod["spec"].get("nodeName") == node.name:
            return str(metadata["name"])
    raise LabError(f"no pod of {application} runs on {node.name}")


def pod_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def samples(namespace: str, name: str, port: int, start: str, part: str = "") -> list[float]:
    """The values on a pod's metrics page of the lines that begin so, and have this in them."""
    lines = api.call("GET", f"{pod_path(namespace, name)}:{port}/proxy/metrics").decode().splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(start) and part in line]


def container_states(namespace: str, name: str) -> set[str]:
    """The states of a pod's containers: running, waiting, terminated; none, if the pod is gone."""
    pod = api.find(pod_path(namespace, name))
    statuses = (pod or {}).get("status", {}).get("containerStatuses", [])
    return {state for container in statuses for state in container["state"]}


def _is_ready_now(path: str) -> bool:
    pod = api.find(path)
    return pod is not None and is_ready(pod)
