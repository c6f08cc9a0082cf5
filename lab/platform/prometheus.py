"""Each environment's Prometheus, read through the API server's proxy, as Clusterprobe does from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from lab import api
from lab.build.images import published
from lab.build.modules import COMMON_VERSION, Module
from lab.platform import prometheus_operator
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.system import System

_MODULE = Module(
    "github.com/prometheus/prometheus",
    "v0.316.0",
    {"prometheus": "cmd/prometheus"},
    {COMMON_VERSION: "3.16.0"},
    # Without the clients of all clouds that targets could be discovered in: the Operator uses that of Kubernetes only.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
)


def path_of(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/prometheuses/{environment.prometheus}"


def answer(environment: Environment, path: str, timeout: float = 10) -> Any:
    """The `data` of an answer of Prometheus' HTTP API."""
    pod = f"/api/v1/namespaces/{environment.namespace}/pods/{environment.prometheus_pod}:9090/proxy"
    return api.get(f"{pod}/api/v1/{path}", timeout)["data"]


def has_series(environment: Environment, query: str) -> bool:
    return bool(answer(environment, f"query?{urlencode({'query': query})}")["result"])


def active_targets(environment: Environment) -> list[api.Object]:
    targets: list[api.Object] = answer(environment, "targets?state=active")["activeTargets"]
    return targets


def scrape_pools(environment: Environment) -> set[str]:
    """The pools with at least one target, by their names without the endpoint's number: KIND/NAMESPACE/NAME."""
    return {target["scrapePool"].rpartition("/")[0] for target in active_targets(environment)}


def targets_missing(environment: Environment) -> Iterator[str]:
    """Monitors of this environment's release without a target, and targets that are not up."""
    targets = active_targets(environment)
    unhealthy = [target for target in targets if target["health"] != "up"]
    yield from (f"target {target['scrapeUrl']} is {target['health']}: {target['lastError']}" for target in unhealthy)
    pools = {target["scrapePool"].rpartition("/")[0] for target in targets}
    for monitor in prometheus_operator.objects("servicemonitors"):
        metadata = monitor["metadata"]
        pool = f"serviceMonitor/{metadata['namespace']}/{metadata['name']}"
        if metadata["labels"].get("release") == environment.release and pool not in pools:
            yield f"{environment.prometheus} has no target of {pool}"


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        yield from targets_missing(environment)
        if len(answer(environment, "alertmanagers")["activeAlertmanagers"]) != 1:
            yield f"{environment.prometheus} has not found its Alertmanager"


SYSTEM = System(
    name="prometheus",
    modules=(_MODULE,),
    images=(published("quay.io/prometheus/prometheus:v3.16.0", _MODULE, "/bin/prometheus", with_shell=True),),
    per_environment=("prometheus", "monitors", "rules"),
    problems=_problems,
)
