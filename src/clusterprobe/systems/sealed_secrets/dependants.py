"""What cannot do without a Secret: the Alertmanagers that are configured from it, and the pods that wait for it."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.missing_objects import missing_secret


def what_needs(namespace: str, name: str, alertmanagers: Iterable[Alertmanager], pods: Iterable[Pod]) -> list[str]:
    """Who cannot do without this Secret, in words."""
    configured = [
        f"Alertmanager {namespace}/{one.metadata.name} is configured from it: without it the Operator's fallback is used, and no alert "
        "reaches Slack"
        for one in alertmanagers
        if one.metadata.namespace == namespace and one.input_secret == name and not one.spec.alertmanager_configuration
    ]
    waiting = [f"Pod {one.metadata.name} {how}" for one in pods if one.metadata.namespace == namespace and (how := _waits_for(one, name))]
    return configured + waiting[:5]


def _waits_for(pod: Pod, name: str) -> str:
    for status in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
        waiting = status.state.waiting
        if waiting and missing_secret(waiting.message) == name:
            return f"cannot start without it ({waiting.reason})"
    mounts = any(one.secret is not None and one.secret.secret_name == name for one in pod.spec.volumes or [])
    started = any(one.state.running or one.state.terminated for one in pod.status.container_statuses or [])
    if mounts and not started and pod.status.phase == "Pending" and pod.spec.node_name:
        return "mounts it and has not started"
    return ""
