"""What is asked for and does not run: rules that no Prometheus selects, monitors that lead nowhere or are refused, a paused Prometheus."""

from __future__ import annotations

from lab import api
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import wait_for_healthy_targets
from lab.platform.manifests import Environment
from lab.stages import Stage

_RULE, _MONITOR = "shop-alerts", "fastapi-metrics"


def stage_rule(environment: Environment) -> None:
    """As in life: a team's rule without the label of the release."""
    rule = {"alert": "ShopErrors", "expr": "vector(1) > 2", "labels": {"severity": "critical"}}
    metadata = {"name": _RULE, "namespace": environment.workload_namespace, "labels": {"role": "alert-rules"}}
    spec = {"groups": [{"name": "shop", "rules": [rule]}]}
    api.create(_path(environment, "prometheusrules"), _object("PrometheusRule", metadata, spec))


def clear_rule(environment: Environment) -> None:
    api.delete(f"{_path(environment, 'prometheusrules')}/{_RULE}")


def stage_port(environment: Environment) -> None:
    """As in life: the chart's Service calls its port otherwise than the monitor that was copied from elsewhere."""
    _monitor(environment, {"matchLabels": {"app.kubernetes.io/name": "fastapi"}}, {"port": "metrics-port"})


def stage_rejected(environment: Environment) -> None:
    """As in life: a relabelling that was never tried."""
    endpoint = {"port": "http", "relabelings": [{"sourceLabels": ["pod"], "regex": "fastapi-(.*", "targetLabel": "pod"}]}
    _monitor(environment, {"matchLabels": {"app.kubernetes.io/name": "fastapi"}}, endpoint)


def clear_monitor(environment: Environment) -> None:
    api.delete(f"{_path(environment, 'servicemonitors')}/{_MONITOR}")


def stage_paused(environment: Environment) -> None:
    """As in life: put on hold for a repair, and then forgotten, while changes go on."""
    api.patch(prometheus.path_of(environment), {"spec": {"paused": True}})
    api.patch(prometheus.path_of(environment), {"spec": {"logLevel": "warn"}})


def clear_paused(environment: Environment) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"paused": None, "logLevel": None}})
    wait_for_healthy_targets(environment)


def _monitor(environment: Environment, selector: api.Object, endpoint: api.Object) -> None:
    metadata = {"name": _MONITOR, "namespace": environment.workload_namespace, "labels": {"release": environment.release}}
    api.create(
        _path(environment, "servicemonitors"),
        _object("ServiceMonitor", metadata, {"selector": selector, "endpoints": [endpoint]}),
    )


def _path(environment: Environment, plural: str) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.workload_namespace}/{plural}"


def _object(kind: str, metadata: api.Object, spec: api.Object) -> api.Object:
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


STAGES = (
    Stage(
        "rule-unselected",
        "a PrometheusRule without the label that ruleSelector asks for",
        stage_rule,
        clear_rule,
        touches=("PrometheusRules in {environment}",),
    ),
    Stage(
        "monitor-port",
        "a ServiceMonitor that names a port that its Service has not",
        stage_port,
        clear_monitor,
        touches=("a ServiceMonitor in {environment}",),
    ),
    Stage(
        "monitor-rejected",
        "a ServiceMonitor with a relabelling that the Operator refuses",
        stage_rejected,
        clear_monitor,
        touches=("a ServiceMonitor in {environment}",),
    ),
    Stage(
        "prometheus-paused",
        "a Prometheus that is on hold, so that a change of it waits",
        stage_paused,
        clear_paused,
        touches=("the Prometheus of {environment}",),
    ),
)
