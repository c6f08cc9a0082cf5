"""Something else answers where Loki is expected."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import loki
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import ENVIRONMENTS, Environment, document
from lab.stages import Stage

_NAME = "login-page"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/logging/deployments"
_SERVICE = "/api/v1/namespaces/logging/services/loki"


def stage_login_page(_: Environment) -> None:
    """A proxy that asks people to log in answers 200 to everything, agents included."""
    api.create(_DEPLOYMENTS, _login_page())
    wait_for_rollout(f"{_DEPLOYMENTS}/{_NAME}")
    _point_service_at({"app.kubernetes.io/name": _NAME})
    wait_until("the Service to answer with the page", _answers_with_page, PATIENCE_SECONDS)


def clear_login_page(_: Environment) -> None:
    _point_service_at(document("loki", "Service", "loki")["spec"]["selector"])
    api.delete(f"{_DEPLOYMENTS}/{_NAME}")
    wait_until("Loki to answer with new lines", _answers_with_lines, PATIENCE_SECONDS)


def _point_service_at(selector: dict[str, str]) -> None:
    api.patch(_SERVICE, [{"op": "replace", "path": "/spec/selector", "value": selector}], api.JSON_PATCH)


def _answers_with_page() -> bool:
    return b"<html" in api.call("GET", f"{loki.PROXY}/ready")


def _answers_with_lines() -> bool:
    return all(loki.lines(f'{{namespace="{each.workload_namespace}"}}', seconds=10) for each in ENVIRONMENTS)


def _login_page() -> api.Object:
    labels = {"app": _NAME, "app.kubernetes.io/name": _NAME}
    container = {
        "name": _NAME,
        "image": "lab/stand-ins:1",
        "command": ["/bin/login-page"],
        "ports": [{"name": "http-metrics", "containerPort": 3100}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http-metrics"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65534}
    pod = {"automountServiceAccountToken": False, "securityContext": security, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _NAME, "namespace": "logging", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/name": _NAME}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


STAGES = (
    Stage(
        "loki-behind-login-page",
        "Loki's Service leads to a page that answers 200 to everything and asks to log in",
        stage_login_page,
        clear_login_page,
        touches=("Loki's Service",),
        per_environment=False,
    ),
)
