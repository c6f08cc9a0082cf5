"""The platform's manifests, rendered: each file in manifests/ once, or once for each environment."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.layout import GIT_URL

FOLDER = Path(__file__).parent / "manifests"


class _Template(string.Template):
    """`@{name}`, because rules and configurations are full of `$` and `{{ }}`."""

    delimiter = "@"


@dataclass(frozen=True)
class Environment:
    """One of the two, or a variant's own: its namespaces, and the names that the chart derives from its release's name."""

    name: str
    full: str = ""  # the chart's `fullnameOverride`

    @property
    def release(self) -> str:
        return f"monitoring-{self.name}"

    @property
    def namespace(self) -> str:
        return f"monitoring-{self.name}"

    @property
    def workload_namespace(self) -> str:
        return f"fastapi-{self.name}"

    @property
    def fullname(self) -> str:
        """The chart cuts it at 26 characters, so dev and prod are cut at different places."""
        return self.full or f"{self.release}-kube-prometheus-stack"[:26].rstrip("-")

    @property
    def prometheus(self) -> str:
        return f"{self.fullname}-prometheus"

    @property
    def prometheus_pod(self) -> str:
        return f"prometheus-{self.prometheus}-0"

    @property
    def prometheus_claim(self) -> str:
        return f"prometheus-{self.prometheus}-db-{self.prometheus_pod}"

    @property
    def alertmanager(self) -> str:
        return f"{self.fullname}-alertmanager"

    @property
    def alertmanager_pod(self) -> str:
        return f"alertmanager-{self.alertmanager}-0"

    @property
    def alertmanager_claim(self) -> str:
        return f"alertmanager-{self.alertmanager}-db-{self.alertmanager_pod}"

    @property
    def other(self) -> Environment:
        return PROD if self.name == "dev" else DEV


DEV, PROD = ENVIRONMENTS = (Environment("dev"), Environment("prod"))
CONFIG_SECRET = "alertmanager-slack-config"  # the Secret that the team means


def environment_named(name: str) -> Environment:
    for environment in ENVIRONMENTS:
        if environment.name == name:
            return environment
    raise LabError(f"no environment is called {name}: there are {' and '.join(each.name for each in ENVIRONMENTS)}")


def render(name: str, environment: Environment | None = None) -> str:
    values = _shared_values() | (_environment_values(environment) if environment else {})
    return _Template((FOLDER / f"{name}.yaml").read_text()).substitute(values)


def slack_config(environment: Environment) -> str:
    """Alertmanager's configuration as the team wants it."""
    return _Template((FOLDER / "slack-config.yaml").read_text()).substitute(environment=environment.name)


def documents(manifest: str) -> Iterator[dict[str, Any]]:
    """Its objects, those of a List one by one."""
    for found in yaml.safe_load_all(manifest):
        yield from found["items"] if found and found["kind"] == "List" else [found] if found else []


def document(name: str, kind: str, object_name: str, environment: Environment | None = None) -> dict[str, Any]:
    """One object as the healthy platform has it; what a repair puts back."""
    for found in documents(render(name, environment)):
        if found["kind"] == kind and found["metadata"]["name"] == object_name:
            return found
    raise LabError(f"manifests/{name}.yaml has no {kind} {object_name}")


def _shared_values() -> dict[str, str]:
    return {
        **_loki_scalable_labels(),
        "loki_labels": _chart_labels("loki", "loki", "loki-6.30.1", "3.5.0"),
        "traefik_labels": _chart_labels("traefik", "traefik-traefik", "traefik-41.3.0", "3.7.13"),
        "mlflow_labels": _chart_labels("mlflow", "mlflow", "mlflow-1.8.0", "3.17.2"),
        "promtail_labels": _chart_labels("promtail", "promtail", "promtail-6.17.0", "3.5.0"),
        "alloy_labels": _chart_labels("alloy", "alloy", "alloy-0.7.0", "v1.4.2") + ", app.kubernetes.io/part-of: alloy",
        "edge_labels": _stack_labels("edge"),
        "git_url": GIT_URL,
        **_cert_manager_labels(),
        **_external_secrets_labels(),
        **_flux_labels(),
        **_victoria_labels("vmsingle", "single-0.45.0", "server"),
        **_victoria_labels("vmagent", "agent-0.46.0"),
        **_victoria_labels("vmalert", "alert-0.47.0", "server"),
        **_victoria_labels("vmalert", "alert-0.47.0", "alertmanager", "vmalert_manager"),
    }


def _environment_values(environment: Environment) -> dict[str, str]:
    return {
        "environment": environment.name,
        "other_environment": environment.other.name,
        "release": environment.release,
        "namespace": environment.namespace,
        "namespaces": f"{environment.namespace},{environment.workload_namespace}",
        "fullname": environment.fullname,
        "stack_labels": _stack_labels(environment.release),
        "kube_state_metrics_labels": _kube_state_metrics_labels(environment.release),
        "kubelet_arguments": _kubelet_arguments(environment),
        "plain_prometheus_labels": _plain_prometheus_labels(f"prometheus-{environment.name}"),
        "plain_alertmanager_labels": _chart_labels("alertmanager", f"prometheus-{environment.name}", "alertmanager-1.42.0", "v0.35.0"),
    }


def _chart_labels(name: str, instance: str, chart: str, version: str) -> str:
    return (
        f"app.kubernetes.io/name: {name}, app.kubernetes.io/instance: {instance}, app.kubernetes.io/managed-by: Helm, "
        f'app.kubernetes.io/version: "{version}", helm.sh/chart: {chart}'
    )


def _stack_labels(release: str) -> str:
    return (
        f'app.kubernetes.io/managed-by: Helm, app.kubernetes.io/instance: {release}, app.kubernetes.io/version: "88.5.3", '
        f"app.kubernetes.io/part-of: kube-prometheus-stack, chart: kube-prometheus-stack-88.5.3, release: {release}, heritage: Helm"
    )


def _kube_state_metrics_labels(release: str) -> str:
    labels = _chart_labels("kube-state-metrics", release, "kube-state-metrics-8.4.0", "2.20.0")
    return f"{labels}, app.kubernetes.io/component: metrics, app.kubernetes.io/part-of: kube-state-metrics, release: {release}"


def _plain_prometheus_labels(release: str) -> str:
    """Of the chart that runs Prometheus without the Operator: its templates write no managed-by."""
    labels = f"app.kubernetes.io/component: server, app.kubernetes.io/name: prometheus, app.kubernetes.io/instance: {release}"
    return f"{labels}, app.kubernetes.io/version: v3.16.0, helm.sh/chart: prometheus-29.27.0, app.kubernetes.io/part-of: prometheus"


def _loki_scalable_labels() -> dict[str, str]:
    """Of Loki's chart as it runs Loki in parts: its labels, which say no managed-by, and those that it selects by."""
    selector = "app.kubernetes.io/name: loki, app.kubernetes.io/instance: loki"
    whole = f'{selector}, app.kubernetes.io/version: "3.5.0", helm.sh/chart: loki-6.29.0'
    return {"loki_scalable_labels": whole, "loki_scalable_selector": selector}


def _victoria_labels(release: str, chart: str, app: str = "", key: str = "") -> dict[str, str]:
    """Of VictoriaMetrics' charts, which label a pod without the chart's version."""
    name = f"victoria-metrics-{chart.partition('-')[0]}"
    pod = f"app.kubernetes.io/name: {name}, app.kubernetes.io/instance: {release}, app.kubernetes.io/managed-by: Helm"
    pod += f", app: {app}, app.kubernetes.io/component: {app}" if app else ""
    whole = f"{pod}, helm.sh/chart: victoria-metrics-{chart}, app.kubernetes.io/version: v1.150.0"
    return {f"{key or release}_labels": whole, f"{key or release}_pod_labels": pod}


def _cert_manager_labels() -> dict[str, str]:
    """Of cert-manager's chart, whose three parts are each a name and a component of their own, but one release."""
    parts = {"controller": "cert-manager", "webhook": "webhook", "cainjector": "cainjector"}
    found: dict[str, str] = {}
    for part, name in parts.items():
        selector = f"app.kubernetes.io/name: {name}, app.kubernetes.io/instance: cert-manager, app.kubernetes.io/component: {part}"
        version = "app.kubernetes.io/version: v1.21.2, app.kubernetes.io/managed-by: Helm, helm.sh/chart: cert-manager-v1.21.2"
        found |= {f"cert_manager_{part}_selector": selector, f"cert_manager_{part}_labels": f"app: {name}, {selector}, {version}"}
    return found


def _external_secrets_labels() -> dict[str, str]:
    """Of External Secrets' chart, whose three parts are each a name of their own, but one release."""
    found: dict[str, str] = {}
    for part, name in {"": "external-secrets", "_webhook": "external-secrets-webhook", "_cert": "external-secrets-cert-controller"}.items():
        labels = _chart_labels(name, "external-secrets", "external-secrets-0.16.2", "v0.16.2")
        selector = f"app.kubernetes.io/name: {name}, app.kubernetes.io/instance: external-secrets"
        found |= {f"external_secrets{part}_labels": labels, f"external_secrets{part}_selector": selector}
    return found


def _flux_labels() -> dict[str, str]:
    """As `flux install` labels what belongs to all of it, and what to each controller."""
    whole = "app.kubernetes.io/instance: flux-system, app.kubernetes.io/part-of: flux, app.kubernetes.io/version: v2.9.5"
    parts = {f"flux_{part}_labels": f"{whole}, app.kubernetes.io/component: {part}-controller" for part in ("source", "kustomize")}
    return {"flux_labels": whole, **parts}


def _kubelet_arguments(environment: Environment) -> str:
    """Only one operator writes the kubelets' Service: with two, every kubelet would be scraped twice."""
    if environment != PROD:
        return "- --kubelet-endpoints=false"
    service = f"- --kubelet-service=kube-system/{environment.fullname}-kubelet"
    return f"{service}\n            - --kubelet-endpoints=true"
