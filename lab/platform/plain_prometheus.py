"""Prometheus without the Operator, in two environments: the chart prometheus, whose targets say by annotations that they are some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab import api
from lab.platform import alertmanager, prometheus, prometheus_operator, serving
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.system import System

_PREFIX = "/prometheus"


def answer(environment: Environment, path: str) -> Any:
    """The `data` of an answer of its HTTP API, behind its prefix."""
    service = f"/api/v1/namespaces/observability-{environment.name}/services/prometheus-{environment.name}-server:80/proxy"
    return api.get(f"{service}{_PREFIX}/api/v1/{path}")["data"]


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        targets = answer(environment, "targets?state=active")["activeTargets"]
        yield from (f"target {each['scrapeUrl']} is {each['health']}" for each in targets if each["health"] != "up")
        if not any(each["labels"].get("namespace") == f"shop-{environment.name}" for each in targets):
            yield f"the shop of {environment.name} is no target"
        if len(answer(environment, "alertmanagers")["activeAlertmanagers"]) != 1:
            yield f"the plain Prometheus of {environment.name} has not found its Alertmanager"


SYSTEM = System(
    name="plain-prometheus",
    images=(
        *prometheus.SYSTEM.images,
        *(each for each in prometheus_operator.SYSTEM.images if "config-reloader" in each.image.name),
        *alertmanager.SYSTEM.images,
        *serving.SYSTEM.images,
    ),
    per_environment=("plain-prometheus",),
    problems=_problems,
)
