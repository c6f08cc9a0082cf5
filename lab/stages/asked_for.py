"""What is asked for and does not run: a rule that no Prometheus selects, and a monitor that names a port that its Service has not."""

from __future__ import annotations

from lab import api
from lab.platform import prometheus_operator
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
    metadata = {"name": _MONITOR, "namespace": environment.workload_namespace, "labels": {"release": environment.release}}
    spec = {"selector": {"matchLabels": {"app.kubernetes.io/name": "fastapi"}}, "endpoints": [{"port": "metrics-port"}]}
    api.create(_path(environment, "servicemonitors"), _object("ServiceMonitor", metadata, spec))


def clear_port(environment: Environment) -> None:
    api.delete(f"{_path(environment, 'servicemonitors')}/{_MONITOR}")


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
        clear_port,
        touches=("a ServiceMonitor in {environment}",),
    ),
)
