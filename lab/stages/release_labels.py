"""Which monitors a Prometheus takes, decided by the label `release` alone: the chart selects in every namespace."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, wait_for_healthy_targets
from lab.platform.manifests import DEV, ENVIRONMENTS, PROD, Environment
from lab.stages import Stage

SHARED_RELEASE = "monitoring"  # what both Helm releases were called
_SELECTORS = ("serviceMonitorSelector", "podMonitorSelector", "probeSelector", "scrapeConfigSelector", "ruleSelector")


def stage_shared_release(_: Environment) -> None:
    for path, _release in _released_objects():
        _label(path, SHARED_RELEASE)
    for environment in ENVIRONMENTS:
        _select(environment, SHARED_RELEASE)
    everything = {_pool(monitor) for monitor in prometheus_operator.objects("servicemonitors")}
    wait_until(
        "each Prometheus to have scraped both environments",
        lambda: all(_has_scraped(environment, everything) for environment in ENVIRONMENTS),
        PATIENCE_SECONDS,
    )


def clear_shared_release(_: Environment) -> None:
    for environment in ENVIRONMENTS:
        _select(environment, environment.release)
    for path, release in _released_objects():
        _label(path, release)
    wait_until("each Prometheus to scrape its own", _nobody_scrapes_the_other, PATIENCE_SECONDS)
    wait_for_healthy_targets(*ENVIRONMENTS)


def stage_half_fixed(environment: Environment) -> None:
    forgotten = _forgotten_monitors(environment)
    for path in forgotten:
        _label(path, SHARED_RELEASE)
    pools = {_pool(api.get(path)) for path in forgotten}
    wait_until("their targets to be dropped", lambda: not pools & prometheus.scrape_pools(environment), PATIENCE_SECONDS)


def clear_half_fixed(environment: Environment) -> None:
    for path in _forgotten_monitors(environment):
        _label(path, environment.release)
    wait_for_healthy_targets(environment)


def _forgotten_monitors(environment: Environment) -> list[str]:
    """Two monitors that do not come from the stack's chart itself: the ones that such a clean-up forgets."""
    names = [(environment.namespace, f"{environment.release}-kube-state-metrics"), (environment.workload_namespace, "fastapi")]
    return [f"{prometheus_operator.API}/namespaces/{namespace}/servicemonitors/{name}" for namespace, name in names]


def _released_objects() -> Iterator[tuple[str, str]]:
    """Every object that the selectors choose from: its path, and the release that it carries in the healthy platform."""
    for kind in prometheus_operator.MONITOR_KINDS:
        for found in prometheus_operator.objects(kind):
            metadata = found["metadata"]
            if "release" in metadata.get("labels", {}):
                path = f"{prometheus_operator.API}/namespaces/{metadata['namespace']}/{kind}/{metadata['name']}"
                yield path, _healthy_release(metadata["namespace"])


def _healthy_release(namespace: str) -> str:
    """The shared namespaces are watched by production's Prometheus."""
    return DEV.release if namespace in (DEV.namespace, DEV.workload_namespace) else PROD.release


def _label(path: str, release: str) -> None:
    api.patch(path, {"metadata": {"labels": {"release": release}}})


def _select(environment: Environment, release: str) -> None:
    change = {selector: {"matchLabels": {"release": release}} for selector in _SELECTORS}
    api.patch(prometheus.path_of(environment), {"spec": change})


def _pool(monitor: api.Object) -> str:
    return f"serviceMonitor/{monitor['metadata']['namespace']}/{monitor['metadata']['name']}"


def _has_scraped(environment: Environment, pools: set[str]) -> bool:
    targets = prometheus.active_targets(environment)
    found = {target["scrapePool"].rpartition("/")[0] for target in targets}
    return pools <= found and all(target["health"] != "unknown" for target in targets)


def _nobody_scrapes_the_other() -> bool:
    foreign = [
        pool
        for environment in ENVIRONMENTS
        for pool in prometheus.scrape_pools(environment)
        if pool.split("/")[1] in (environment.other.namespace, environment.other.workload_namespace)
    ]
    return not foreign


STAGES = (
    Stage(
        "shared-release",
        "both environments' monitors carry release: monitoring, so each Prometheus scrapes the other's targets",
        stage_shared_release,
        clear_shared_release,
        touches=("the releases of dev", "the releases of prod"),
        per_environment=False,
    ),
    Stage(
        "half-fixed",
        "the selector says release: monitoring-dev, two monitors still say monitoring: no Prometheus takes them",
        stage_half_fixed,
        clear_half_fixed,
        touches=("the releases of {environment}",),
    ),
)
