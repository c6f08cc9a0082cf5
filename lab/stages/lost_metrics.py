"""A metric that is gone: what had it is scraped no more, and the alert on it can never fire."""

from __future__ import annotations

from lab import api
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.exporters import make_exporter, remove_exporter
from lab.platform.manifests import Environment
from lab.platform.small_workloads import pods_of
from lab.stages import Stage

_NAME, _METRIC, _ALERT = "stock-exporter", "stock_level", "StockLow"
_FORGOTTEN_SECONDS = 420  # a series that ends without a marker is there for five minutes more
# Nobody waits a day for a stage: its samples carry the times of yesterday, an hour of them, and Prometheus takes what is so late.
_LATE = "36h"
_YESTERDAY = (
    "mkdir /tmp/www; begin=$(( $(date +%s) - 86400 - 300 )); "
    f'for i in $(seq 0 120); do echo "{_METRIC}{{shelf=\\"a\\"}} 7 $(( begin + 30 * i ))000"; done > /tmp/www/metrics; '
    "exec httpd -f -p 8080 -h /tmp/www"
)


def stage_lost(environment: Environment) -> None:
    """As in life: an exporter's chart was removed, and the rules that ask for its metric are in another one."""
    _take_late_samples(environment, _LATE)
    make_exporter(environment, _NAME, _YESTERDAY, {})
    wait_until(
        "its samples of yesterday", lambda: prometheus.has_series(environment, f"{_METRIC} offset 1d"), 2 * PATIENCE_SECONDS, every=1
    )
    _remove(environment)
    rule = {"alert": _ALERT, "expr": f"{_METRIC} < 3", "labels": {"severity": "warning"}}
    spec = {"groups": [{"name": "stock", "rules": [rule]}]}
    api.create(_monitoring(environment, "prometheusrules"), _object("PrometheusRule", environment, spec))
    wait_until("its rule to be loaded", lambda: _is_loaded(environment), 2 * PATIENCE_SECONDS, every=1)


def clear_lost(environment: Environment) -> None:
    api.delete(f"{_monitoring(environment, 'prometheusrules')}/{_NAME}")
    wait_until("its rule to be gone", lambda: not _is_loaded(environment), 2 * PATIENCE_SECONDS, every=1)
    if pods_of(environment.workload_namespace, _NAME):
        _remove(environment)
    _take_late_samples(environment, None)


def _take_late_samples(environment: Environment, window: str | None) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"tsdb": window and {"outOfOrderTimeWindow": window}}})

    def is_so() -> bool:
        return ("out_of_order_time_window" in prometheus.answer(environment, "status/config")["yaml"]) == bool(window)

    wait_until("Prometheus to take late samples, or no more", is_so, 2 * PATIENCE_SECONDS, every=1)


def _remove(environment: Environment) -> None:
    remove_exporter(environment, _NAME)
    wait_until("its target to be gone", lambda: not _is_scraped(environment), _FORGOTTEN_SECONDS, every=1)


def _is_scraped(environment: Environment) -> bool:
    """Or was within the last five minutes but for a marker that it is stale: `up` tells."""
    return prometheus.has_series(environment, f'up{{pod=~"{_NAME}-.*"}}')


def _is_loaded(environment: Environment) -> bool:
    groups = prometheus.answer(environment, "rules")["groups"]
    return any(rule["name"] == _ALERT for group in groups for rule in group["rules"])


def _monitoring(environment: Environment, plural: str) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.workload_namespace}/{plural}"


def _object(kind: str, environment: Environment, spec: api.Object) -> api.Object:
    metadata = {"name": _NAME, "namespace": environment.workload_namespace, "labels": {"release": environment.release}}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


STAGES = (
    Stage(
        "alert-without-series",
        "an exporter was removed, and an alert still asks for its metric",
        stage_lost,
        clear_lost,
        touches=("the Prometheus of {environment}", f"{_NAME} in {{environment}}"),
    ),
)
