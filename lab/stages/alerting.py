"""Whom a Prometheus tells of its alerts, and whose rules it alerts on."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_ALERTING = "the alerting of {environment}"


def stage_other_environment(environment: Environment) -> None:
    """Values copied from the other environment, with its Alertmanager in them."""
    other = environment.other
    _send_to(
        environment, [{"name": other.alertmanager, "namespace": other.namespace, "port": "http-web", "pathPrefix": "/", "apiVersion": "v2"}]
    )
    address = _address(other)
    wait_until("alerts to go to the other environment", lambda: _destinations(environment) == {address}, PATIENCE_SECONDS)


def stage_nobody(environment: Environment) -> None:
    """`alertmanager.enabled: false` in the values, because another one was to take over."""
    _send_to(environment, [])
    wait_until("alerts to go nowhere", lambda: not _destinations(environment), PATIENCE_SECONDS)


def stage_shared(environment: Environment) -> None:
    """A look-alike: an Alertmanager in a namespace of no environment, for both."""
    shared = {"name": "alertmanager-shared", "namespace": "logging", "port": 9093, "apiVersion": "v2"}
    for found in _shared_alertmanager(environment):
        api.create(f"/api/v1/namespaces/logging/{found[0]}", found[1])
    _send_to(environment, [*_healthy(environment)["alertmanagers"], shared])
    wait_until("alerts to go to the shared one, too", lambda: len(_destinations(environment)) == 2, PATIENCE_SECONDS)


def clear_shared(environment: Environment) -> None:
    clear_alerting(environment)
    api.delete("/api/v1/namespaces/logging/services/alertmanager-shared")
    api.delete("/api/v1/namespaces/logging/pods/alertmanager-shared", grace_seconds=0)
    path = "/api/v1/namespaces/logging/pods/alertmanager-shared"
    wait_until("the shared one to be gone", lambda: api.find(path) is None, PATIENCE_SECONDS)


def clear_alerting(environment: Environment) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"alerting": _healthy(environment)}})
    address = _address(environment)
    wait_until("alerts to go to its own Alertmanager", lambda: _destinations(environment) == {address}, PATIENCE_SECONDS)


def stage_rules_across(environment: Environment) -> None:
    """An empty selector, meant as "all of mine", takes the rules of every namespace."""
    _select_rules(environment, {"matchLabels": None})
    wait_until("the other environment's rules to be loaded", lambda: _loads(environment, environment.other), PATIENCE_SECONDS)


def clear_rules_across(environment: Environment) -> None:
    _select_rules(environment, {"matchLabels": {"release": environment.release}})
    wait_until("the other environment's rules to be gone", lambda: not _loads(environment, environment.other), PATIENCE_SECONDS)


def _healthy(environment: Environment) -> api.Object:
    found: api.Object = document("prometheus", "Prometheus", environment.prometheus, environment)["spec"]["alerting"]
    return found


def _send_to(environment: Environment, alertmanagers: list[api.Object]) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"alerting": {"alertmanagers": alertmanagers}}})


def _select_rules(environment: Environment, selector: api.Object) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"ruleSelector": selector}})


def _address(environment: Environment) -> str:
    pod = api.get(f"/api/v1/namespaces/{environment.namespace}/pods/{environment.alertmanager_pod}")
    return f"http://{pod['status']['podIP']}:9093/api/v2/alerts"


def _destinations(environment: Environment) -> set[str]:
    return {one["url"] for one in prometheus.answer(environment, "alertmanagers")["activeAlertmanagers"]}


def _loads(environment: Environment, other: Environment) -> bool:
    groups = prometheus.answer(environment, "rules?exclude_alerts=true")["groups"]
    return any(f"/{other.namespace}-" in group["file"] for group in groups)


def _shared_alertmanager(environment: Environment) -> list[tuple[str, api.Object]]:
    """A plain pod that takes alerts, and the Service before it; its configuration sends to the stand-in for Slack."""
    labels = {"app": "alertmanager-shared"}
    own = api.get(f"/api/v1/namespaces/{environment.namespace}/pods/{environment.alertmanager_pod}")
    image = next(one["image"] for one in own["spec"]["containers"] if one["name"] == "alertmanager")
    config = '{"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}'
    container = {
        "name": "alertmanager",
        "image": image,
        "command": [
            "/bin/sh",
            "-c",
            f"echo '{config}' > /tmp/a.yml && exec /bin/alertmanager --config.file=/tmp/a.yml --storage.path=/tmp",
        ],
        "ports": [{"name": "http-web", "containerPort": 9093}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9093}, "periodSeconds": 1},
    }
    metadata = {"name": "alertmanager-shared", "labels": labels}
    return [
        ("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}),
        (
            "services",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": labels, "ports": [{"name": "http-web", "port": 9093}]},
            },
        ),
    ]


STAGES = (
    Stage(
        "alerts-to-other-environment",
        "spec.alerting names the other environment's Alertmanager",
        stage_other_environment,
        clear_alerting,
        touches=(_ALERTING,),
    ),
    Stage(
        "alerts-to-nobody",
        "spec.alerting names no Alertmanager: every rule is evaluated, and nobody is told",
        stage_nobody,
        clear_alerting,
        touches=(_ALERTING,),
    ),
    Stage(
        "shared-alertmanager",
        "beside its own, an Alertmanager in a shared namespace is told: as it should be",
        stage_shared,
        clear_shared,
        touches=(_ALERTING,),
    ),
    Stage(
        "rules-across-environments",
        "ruleSelector is empty: the other environment's rules are loaded, too",
        stage_rules_across,
        clear_rules_across,
        touches=("the releases of {environment}",),
    ),
)
