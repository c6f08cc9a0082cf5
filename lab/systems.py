"""Reading the systems on the lab, through the API server's proxy, as Clusterprobe does from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from lab import api
from lab.errors import LabError
from lab.manifests import PROD, Environment

LOKI = "/api/v1/namespaces/logging/services/loki:3100/proxy"
AIRFLOW = "/api/v1/namespaces/airflow/services/airflow-api-server:8080/proxy/api/v2"
MLFLOW = "/api/v1/namespaces/mlflow/services/mlflow:5000/proxy/api/2.0/mlflow"
MLFLOW_HOST = "mlflow.mlflow.svc:5000"  # as its clients call it
SLACK = "/api/v1/namespaces/slack/services/slack:80/proxy"
MONITORING = "/apis/monitoring.coreos.com/v1"
MONITOR_KINDS = ("servicemonitors", "podmonitors", "probes", "prometheusrules")


def prometheus_path(environment: Environment) -> str:
    return f"{MONITORING}/namespaces/{environment.namespace}/prometheuses/{environment.prometheus}"


def alertmanager_path(environment: Environment) -> str:
    return f"{MONITORING}/namespaces/{environment.namespace}/alertmanagers/{environment.alertmanager}"


def prometheus(environment: Environment, path: str) -> Any:
    """The `data` of an answer of Prometheus' HTTP API."""
    pod = f"/api/v1/namespaces/{environment.namespace}/pods/{environment.prometheus_pod}:9090/proxy"
    return api.get(f"{pod}/api/v1/{path}")["data"]


def has_series(environment: Environment, query: str) -> bool:
    return bool(prometheus(environment, f"query?{urlencode({'query': query})}")["result"])


def active_targets(environment: Environment) -> list[api.Object]:
    targets: list[api.Object] = prometheus(environment, "targets?state=active")["activeTargets"]
    return targets


def scrape_pools(environment: Environment) -> set[str]:
    """The pools with at least one target, by their names without the endpoint's number: KIND/NAMESPACE/NAME."""
    return {target["scrapePool"].rpartition("/")[0] for target in active_targets(environment)}


def alertmanager(environment: Environment, path: str) -> Any:
    pod = f"/api/v1/namespaces/{environment.namespace}/pods/{environment.alertmanager_pod}:9093/proxy"
    return api.get(f"{pod}/api/v2/{path}")


def served_config(environment: Environment) -> str:
    """The configuration that an Alertmanager serves, as it writes it."""
    return str(alertmanager(environment, "status")["config"]["original"])


def slack_messages(environment: Environment) -> list[api.Object]:
    """What the stand-in for Slack was sent for an environment, the oldest first."""
    messages: list[api.Object] = api.get(f"{SLACK}/messages")["messages"]
    return [one for one in messages if str(one["body"].get("channel", "")).startswith(f"#alerts-{environment.name}")]


def log_lines(selector: str, seconds: int = 300, limit: int = 20) -> list[str]:
    """The newest lines of the last seconds that Loki has for a selector."""
    query = urlencode({"query": selector, "since": f"{seconds}s", "limit": limit})
    streams = api.get(f"{LOKI}/loki/api/v1/query_range?{query}")["data"]["result"]
    return [line for stream in streams for _, line in stream["values"]]


def objects(kind: str, namespace: str = "") -> list[api.Object]:
    """The Prometheus Operator's objects of one kind, such as `servicemonitors`."""
    return api.items(f"{MONITORING}/namespaces/{namespace}/{kind}" if namespace else f"{MONITORING}/{kind}")


def log_alerts_missing() -> Iterator[str]:
    """What keeps the log alert that always fires from production's Alertmanager, to which the shared Loki sends."""
    groups = api.get(f"{LOKI}/prometheus/api/v1/rules")["data"]["groups"]
    firing = {rule["name"] for group in groups for rule in group["rules"] if rule.get("state") == "firing"}
    arrived = {alert["labels"]["alertname"] for alert in alertmanager(PROD, "alerts")}
    if not firing:
        yield "no log alert fires in Loki's ruler"
    yield from (f"the log alert {name} has not reached {PROD.alertmanager}" for name in sorted(firing - arrived))


def airflow_health(component: str) -> str:
    """What Airflow says of one of its parts."""
    return str(api.get(f"{AIRFLOW}/monitor/health")[component]["status"])


def mlflow(path: str) -> str:
    """What MLflow answers when it is called as its clients call it; a refusal's words, too."""
    try:
        return api.call("GET", f"{MLFLOW}/{path}", host=MLFLOW_HOST).decode()
    except LabError as error:
        return str(error)
