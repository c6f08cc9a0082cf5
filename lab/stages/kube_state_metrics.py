"""The kube-state-metrics of one environment that watches another's namespace, too, or may not list what it is to count."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus
from lab.platform.effects import PATIENCE_SECONDS, wait_for_healthy_targets, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def stage_watches_other(environment: Environment) -> None:
    """As in life: the list of namespaces was copied from a platform that had one environment."""
    healthy = _arguments(environment)
    _start_with(environment, [f"{one},{_foreign(environment)}" if one.startswith("--namespaces=") else one for one in healthy])
    wait_until("series of the other environment", lambda: _has_foreign(environment), PATIENCE_SECONDS, every=1)


def clear_watches_other(environment: Environment) -> None:
    _start_with(environment, _arguments(environment))
    wait_for_healthy_targets(environment)
    wait_until("no such series any more", lambda: not _has_foreign(environment), PATIENCE_SECONDS, every=1)


def stage_may_not_list(environment: Environment) -> None:
    """As in life: what it is to count grew with its chart, and its role, which somebody else deploys, did not."""
    role = _healthy_role(environment)
    _allow(environment, [one for one in role["rules"] if one["apiGroups"] != ["batch"]])
    wait_until("a refusal", lambda: "jobs.batch is forbidden" in _log(environment), PATIENCE_SECONDS, every=1)


def clear_may_not_list(environment: Environment) -> None:
    for namespace in (environment.namespace, environment.workload_namespace):
        for plural in ("rolebindings", "roles"):
            api.delete(f"{_RBAC}/namespaces/{namespace}/{plural}/{_name(environment)}-lists")
    _allow(environment, _healthy_role(environment)["rules"])
    wait_for_healthy_targets(environment)


def _allow(environment: Environment, rules: list[api.Object]) -> None:
    """It begins anew with its role: what it watches already, it is not asked about again for minutes."""
    api.patch(f"{_RBAC}/clusterroles/{_name(environment)}", {"rules": rules})
    api.delete(f"/api/v1/namespaces/{environment.namespace}/pods/{_pod(environment)}")
    wait_for_rollout(_deployment(environment))


def _log(environment: Environment) -> str:
    return api.call("GET", f"/api/v1/namespaces/{environment.namespace}/pods/{_pod(environment)}/log?sinceSeconds=60").decode()


def _pod(environment: Environment) -> str:
    selector = f"app.kubernetes.io/name=kube-state-metrics,app.kubernetes.io/instance={environment.release}"
    found = api.items(f"/api/v1/namespaces/{environment.namespace}/pods?labelSelector={selector}")
    return str(next(one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"]))


def _healthy_role(environment: Environment) -> api.Object:
    return document("kube-state-metrics", "ClusterRole", _name(environment), environment)


def _name(environment: Environment) -> str:
    return f"{environment.release}-kube-state-metrics"


def _deployment(environment: Environment) -> str:
    return f"/apis/apps/v1/namespaces/{environment.namespace}/deployments/{_name(environment)}"


def _foreign(environment: Environment) -> str:
    return environment.other.workload_namespace


def _has_foreign(environment: Environment) -> bool:
    return prometheus.has_series(environment, f'kube_pod_info{{namespace="{_foreign(environment)}"}}')


def _arguments(environment: Environment) -> list[str]:
    found = document("kube-state-metrics", "Deployment", _name(environment), environment)
    arguments: list[str] = found["spec"]["template"]["spec"]["containers"][0]["args"]
    return arguments


def _start_with(environment: Environment, arguments: list[str]) -> None:
    path = _deployment(environment)
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
    Stage(
        "state-metrics-without-role",
        "the role of kube-state-metrics lacks Jobs, which it is to count",
        stage_may_not_list,
        clear_may_not_list,
        touches=("kube-state-metrics of {environment}",),
    ),
)
