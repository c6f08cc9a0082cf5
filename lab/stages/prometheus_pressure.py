"""A Prometheus that cannot keep up: for want of CPU, for a group of rules that is too heavy; and one that only looks so."""

from __future__ import annotations

import math
from urllib.parse import quote

from lab import api
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, pod_path, samples, wait_for_healthy_targets, wait_for_pod
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_RULES = "capacity-report"
# Reads no series, so that it is as heavy on a database of a minute as on one of hours: 3,600,000 steps, 2 s of one idle core.
_HEAVY = "max_over_time((vector(1) or vector(0))[1h:1ms])"
_INTERVAL = "prometheus_rule_group_interval_seconds"  # unlike others, it goes with its group
_TINY = "20m"  # less than a scrape every second needs, and enough to start


def stage_throttled(environment: Environment) -> None:
    """Ten times as many scrapes as before, on a limit that was never measured."""
    _set(environment, {"scrapeInterval": "1s", "resources": {"requests": {"cpu": _TINY}, "limits": {"cpu": _TINY}}}, _TINY)
    wait_until("scrapes to come late", lambda: _median_interval(environment, "1s") >= 1.2, PATIENCE_SECONDS, every=1)


def clear_throttled(environment: Environment) -> None:
    healthy = document("prometheus", "Prometheus", environment.prometheus, environment)["spec"]
    resources = {"requests": healthy["resources"]["requests"], "limits": {"cpu": None}}
    _set(environment, {"scrapeInterval": healthy["scrapeInterval"], "resources": resources}, None)
    wait_for_healthy_targets(environment)


def stage_slow_group(environment: Environment) -> None:
    metadata = {"name": _RULES, "namespace": environment.namespace, "labels": {"release": environment.release}}
    rules = [{"record": "up:max1h", "expr": _HEAVY}, {"record": "up:min1h", "expr": _HEAVY.replace("max", "min")}]
    spec = {"groups": [{"name": _RULES, "interval": "1s", "rules": rules}]}
    api.create(
        _rules(environment), {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": spec}
    )
    wait_until("evaluations to be left out", lambda: _missed(environment) >= 5, PATIENCE_SECONDS, every=1)


def clear_slow_group(environment: Environment) -> None:
    api.delete(f"{_rules(environment)}/{_RULES}")
    wait_until("the group to be gone", lambda: not _lines(environment, f';{_RULES}"', _INTERVAL), PATIENCE_SECONDS, every=1)


def stage_slow_query(environment: Environment) -> None:
    """Somebody's dashboard asks something heavy, a few times."""
    for _ in range(3):
        prometheus.answer(environment, f"query?query={quote(_HEAVY)}", timeout=PATIENCE_SECONDS)  # on a busy machine it takes long


def clear_slow_query(_: Environment) -> None:
    """Nothing is left of it."""


def _set(environment: Environment, change: api.Object, cpu: str | None) -> None:
    """Change the resource, and wait for the pod that the Operator makes of it."""
    api.patch(prometheus.path_of(environment), {"spec": change})
    path = pod_path(environment.namespace, environment.prometheus_pod)

    def is_new() -> bool:
        pod = api.find(path)
        containers = pod["spec"]["containers"] if pod and "deletionTimestamp" not in pod["metadata"] else []
        limits = [one["resources"].get("limits", {}).get("cpu") for one in containers if one["name"] == "prometheus"]
        return limits == [cpu]

    wait_until("the pod with the new limit", is_new, PATIENCE_SECONDS)
    wait_for_pod(environment.namespace, environment.prometheus_pod)


def _median_interval(environment: Environment, interval: str) -> float:
    name = f'prometheus_target_interval_length_seconds{{interval="{interval}",quantile="0.5"}}'
    return max((value for value in _lines(environment, name) if not math.isnan(value)), default=0.0)  # NaN: none yet


def _missed(environment: Environment) -> float:
    return sum(_lines(environment, f';{_RULES}"', "prometheus_rule_group_iterations_missed_total"))


def _lines(environment: Environment, part: str, name: str = "") -> list[float]:
    """The values of the series on its metrics page whose line has this in it."""
    return samples(environment.namespace, environment.prometheus_pod, 9090, name, part)


def _rules(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/prometheusrules"


STAGES = (
    Stage(
        "prometheus-cpu-throttled",
        f"a Prometheus is to scrape every second, and has a CPU limit of {_TINY}: its scrapes come late",
        stage_throttled,
        clear_throttled,
        touches=("the Prometheus of {environment}",),
    ),
    Stage(
        "slow-rule-group",
        "a group of rules takes seconds, and is to run every second: evaluations are left out",
        stage_slow_group,
        clear_slow_group,
        touches=(f"{_RULES} in {{environment}}",),
    ),
    Stage(
        "prometheus-slow-query",
        "a look-alike: somebody asks Prometheus something heavy, which delays nothing",
        stage_slow_query,
        clear_slow_query,
        touches=("the Prometheus of {environment}",),
    ),
)
