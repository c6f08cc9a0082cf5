"""Small exporters that stages make: a page that busybox serves, and the PodMonitor by which it is scraped."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment
from lab.platform.small_workloads import deployment, deployments_path, labels_of, pod_spec, pods_of


def make_exporter(environment: Environment, name: str, page: str, endpoint: api.Object) -> None:
    """Run a script that serves /metrics on port 8080, and have it scraped every five seconds, with the endpoint's further settings."""
    namespace = environment.workload_namespace
    spec = pod_spec(name, page)
    spec["containers"][0] |= {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 2},
    }
    api.create(deployments_path(namespace), deployment(namespace, name, spec))
    wait_for_rollout(f"{deployments_path(namespace)}/{name}")
    metadata = {"name": name, "namespace": namespace, "labels": {"release": environment.release}}
    wanted = {
        "selector": {"matchLabels": labels_of(name)},
        "fallbackScrapeProtocol": "PrometheusText0.0.4",  # what busybox serves has no type, so that the format has to be named
        "podMetricsEndpoints": [{"port": "http", "interval": "5s", **endpoint}],
    }
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": metadata, "spec": wanted}
    api.create(f"{prometheus_operator.API}/namespaces/{namespace}/podmonitors", monitor)


def remove_exporter(environment: Environment, name: str) -> None:
    """Monitor and pods; how long Prometheus has it as a target is for who calls to wait."""
    namespace = environment.workload_namespace
    api.delete(f"{prometheus_operator.API}/namespaces/{namespace}/podmonitors/{name}")
    api.delete(f"{deployments_path(namespace)}/{name}")
    wait_until(f"{name} to be gone", lambda: not pods_of(namespace, name), PATIENCE_SECONDS)
