"""What is asked for and does not run: rules that none selects, monitors that lead nowhere, a Prometheus that is paused or refused."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, wait_for_healthy_targets, wait_until_old
from lab.platform.manifests import Environment, document
from lab.platform.workloads import condition
from lab.stages import Stage

_RULE, _MONITOR, _REPORTS = "shop-alerts", "fastapi-metrics", "reports"
_CORES = "64"  # no node of the lab has so many
# How long Clusterprobe takes a monitor for one that is only just made, and a Prometheus for one that only just starts.
_SETTLED_SECONDS = 300
_MOUNTED_SECONDS = 300  # the Operator, the kubelet's refresh of a mounted ConfigMap, and the reloader, one after the other


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


def stage_selects_nothing(environment: Environment) -> None:
    """As in life: the application's labels were to be renamed, and only its monitor was."""
    path = f"{_path(environment, 'servicemonitors')}/fastapi"
    wait_until_old(path, _SETTLED_SECONDS)
    api.patch(path, {"spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "churn-api"}}}})
    pool = f"serviceMonitor/{environment.workload_namespace}/fastapi"
    wait_until("its targets to be gone", lambda: pool not in prometheus.scrape_pools(environment), PATIENCE_SECONDS, every=1)


def clear_selects_nothing(environment: Environment) -> None:
    selector = document("monitors", "ServiceMonitor", "fastapi", environment)["spec"]["selector"]
    change = [{"op": "replace", "path": "/spec/selector", "value": selector}]
    api.patch(f"{_path(environment, 'servicemonitors')}/fastapi", change, api.JSON_PATCH)
    wait_for_healthy_targets(environment)


def stage_rules_of_none(environment: Environment) -> None:
    """As in life: the selector was made narrower by a label that none of the rules has."""
    _select_rules(environment, {"matchLabels": {"release": environment.release, "role": "alert-rules"}})
    wait_until("no rule to be loaded", lambda: not _groups(environment), _MOUNTED_SECONDS, every=1)


def clear_rules_of_none(environment: Environment) -> None:
    """The selector as it was, and the rules without the label that a repair may have given them."""
    for rule in prometheus_operator.objects("prometheusrules", environment.namespace):
        if "role" in rule["metadata"]["labels"]:
            path = f"{prometheus_operator.API}/namespaces/{environment.namespace}/prometheusrules/{rule['metadata']['name']}"
            api.patch(path, {"metadata": {"labels": {"role": None}}})
    _select_rules(environment, document("prometheus", "Prometheus", environment.prometheus, environment)["spec"]["ruleSelector"])
    wait_until("the rules to be loaded", lambda: bool(_groups(environment)), _MOUNTED_SECONDS, every=1)


def _select_rules(environment: Environment, selector: api.Object) -> None:
    api.patch(prometheus.path_of(environment), [{"op": "replace", "path": "/spec/ruleSelector", "value": selector}], api.JSON_PATCH)


def _groups(environment: Environment) -> list[api.Object]:
    groups: list[api.Object] = prometheus.answer(environment, "rules")["groups"]
    return groups


def stage_without_class(environment: Environment) -> None:
    """As in life: a second Prometheus, copied from another cluster with the class of its volume."""
    claim = {"storageClassName": "gp3", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    _make_prometheus(environment, {"storage": {"volumeClaimTemplate": {"spec": claim}}})
    _wait_for_condition(environment, "Reconciled")


def stage_without_room(environment: Environment) -> None:
    """As in life: it requests what the nodes of another cluster had."""
    _make_prometheus(environment, {"resources": {"requests": {"cpu": _CORES, "memory": "64Mi"}}})
    _wait_for_condition(environment, "Available")
    wait_until_old(_reports(environment), _SETTLED_SECONDS + 10)


def clear_prometheus(environment: Environment) -> None:
    api.delete(_reports(environment))
    pods = f"/api/v1/namespaces/{environment.namespace}/pods?labelSelector=operator.prometheus.io/name={_REPORTS}"
    wait_until("its pods to be gone", lambda: not api.items(pods), PATIENCE_SECONDS)


def _make_prometheus(environment: Environment, change: api.Object) -> None:
    own = document("prometheus", "Prometheus", environment.prometheus, environment)["spec"]
    spec = {name: own[name] for name in ("image", "version", "serviceAccountName", "securityContext")}
    metadata = {"name": _REPORTS, "namespace": environment.namespace}
    monitors = {"podMonitorSelector": {"matchLabels": {"prometheus": _REPORTS}}}
    api.create(_reports(environment).rpartition("/")[0], _object("Prometheus", metadata, {**spec, **monitors, "replicas": 1, **change}))


def _wait_for_condition(environment: Environment, kind: str) -> None:
    wait_until(f"{_REPORTS} not to be {kind}", lambda: condition(api.find(_reports(environment)), kind) == "False", PATIENCE_SECONDS)


def _reports(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/prometheuses/{_REPORTS}"


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
    Stage(
        "monitor-selects-nothing",
        "the application's monitor asks for labels that no Service has: its targets are gone",
        stage_selects_nothing,
        clear_selects_nothing,
        touches=("the monitor of {environment}",),
    ),
    Stage(
        "rules-of-none",
        "the ruleSelector of a Prometheus asks for a label that none of its rules has",
        stage_rules_of_none,
        clear_rules_of_none,
        touches=("the Prometheus of {environment}", "PrometheusRules in {environment}"),
    ),
    Stage(
        "prometheus-without-class",
        "a Prometheus names a StorageClass that does not exist, and the Operator refuses it",
        stage_without_class,
        clear_prometheus,
        touches=("the Prometheus reports of {environment}",),
    ),
    Stage(
        "prometheus-without-room",
        f"a Prometheus requests {_CORES} cores, and no node has them",
        stage_without_room,
        clear_prometheus,
        touches=("the Prometheus reports of {environment}",),
    ),
)
