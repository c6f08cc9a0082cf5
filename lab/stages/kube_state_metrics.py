"""The kube-state-metrics of one environment that watches another's namespace, too."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus
from lab.platform.effects import PATIENCE_SECONDS, wait_for_healthy_targets, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.stages import Stage


def stage_watches_other(environment: Environment) -> None:
    """As in life: the list of namespaces was copied from a platform that had one environment."""
    healthy = _arguments(environment)
    _start_with(environment, [f"{one},{_foreign(environment)}" if one.startswith("--namespaces=") else one for one in healthy])
    wait_until("series of the other environment", lambda: _has_foreign(environment), PATIENCE_SECONDS, every=1)


def clear_watches_other(environment: Environment) -> None:
    _start_with(environment, _arguments(environment))
    wait_for_healthy_targets(environment)
    wait_until("no such series any more", lambda: not _has_foreign(environment), PATIENCE_SECONDS, every=1)


def _foreign(environment: Environment) -> str:
    return environment.other.workload_namespace


def _has_foreign(environment: Environment) -> bool:
    return prometheus.has_series(environment, f'kube_pod_info{{namespace="{_foreign(environment)}"}}')


def _arguments(environment: Environment) -> list[str]:
    found = document("kube-state-metrics", "Deployment", f"{environment.release}-kube-state-metrics", environment)
    arguments: list[str] = found["spec"]["template"]["spec"]["containers"][0]["args"]
    return arguments


def _start_with(environment: Environment, arguments: list[str]) -> None:
    path = f"/apis/apps/v1/namespaces/{environment.namespace}/deployments/{environment.release}-kube-state-metrics"
    api.patch(path, [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": arguments}], api.JSON_PATCH)
    wait_for_rollout(path)


STAGES = (
    Stage(
        "series-of-other-environment",
        "kube-state-metrics is told to watch the other environment's namespace as well",
        stage_watches_other,
        clear_watches_other,
        touches=("kube-state-metrics of {environment}",),
    ),
)
