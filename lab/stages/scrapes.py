"""Scrapes that go wrong: a target by the wrong scheme, samples of the same time with other values, a rule that joins too much."""

from __future__ import annotations

from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform import prometheus, prometheus_operator
from lab.platform.effects import PATIENCE_SECONDS, samples
from lab.platform.exporters import make_exporter, remove_exporter
from lab.platform.manifests import Environment
from lab.stages import Stage

_JOB = "predictions"
_FEED, _RULE, _SCRAPES = "price-feed", "feed-alerts", "extra-scrapes"
_ITEMS = 20
_DROPPED = "prometheus_target_scrapes_sample_duplicate_timestamp_total"
_LEAST_DROPPED = 3 * _ITEMS
_PAGE = (
    f'mkdir /tmp/www; for i in $(seq {_ITEMS}); do echo "feed_price{{item=\\"$i\\"}} $i"; done > /tmp/www/metrics; '
    "exec httpd -f -p 8080 -h /tmp/www"
)
# The same, with the time at which it read its source, which it does once; it computes with it every second.
_OLD_TIMES = (
    "mkdir /tmp/www; at=$(date +%s)000; n=0; (while true; do n=$((n + 1)); "
    f'for i in $(seq {_ITEMS}); do echo "feed_price{{item=\\"$i\\"}} $n $at"; done > /tmp/next; '
    "mv /tmp/next /tmp/www/metrics; sleep 1; done) & "
    "exec httpd -f -p 8080 -h /tmp/www"
)


def stage_scheme(environment: Environment) -> None:
    """As in life: the monitor was copied from one for a program that speaks TLS."""
    make_exporter(environment, _FEED, _PAGE, {"scheme": "https"})

    def is_down() -> bool:
        return any(one["health"] == "down" and _FEED in one["scrapePool"] for one in prometheus.active_targets(environment))

    wait_until("the target to be down", is_down, PATIENCE_SECONDS, every=1)


def stage_duplicates(environment: Environment) -> None:
    """As in life: an exporter gives its samples the time of their source, and other values for the same time."""
    make_exporter(environment, _FEED, _OLD_TIMES, {})
    wait_until("samples to be dropped", lambda: _counted(environment, _DROPPED) >= _LEAST_DROPPED, 2 * PATIENCE_SECONDS, every=1)


def clear_feed(environment: Environment) -> None:
    remove_exporter(environment, _FEED)
    wait_until("its target to be gone", lambda: not _is_scraped(environment), PATIENCE_SECONDS, every=1)


def stage_rule(environment: Environment) -> None:
    """As in life: both sides have several series for each job, since what is scraped has become more."""
    rule = {"alert": "FeedStale", "expr": "up == 1 and on () (up * on (job) up) > 2", "labels": {"severity": "warning"}}
    metadata = {"name": _RULE, "namespace": environment.workload_namespace, "labels": {"release": environment.release}}
    spec = {"groups": [{"name": "feed", "interval": "5s", "rules": [rule]}]}
    made = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": spec}
    api.create(_monitoring(environment, "prometheusrules"), made)
    wait_until("the rule to fail", lambda: _health(environment) == "err", 2 * PATIENCE_SECONDS, every=1)


def clear_rule(environment: Environment) -> None:
    api.delete(f"{_monitoring(environment, 'prometheusrules')}/{_RULE}")
    wait_until("the rule to be gone", lambda: _health(environment) == "", 2 * PATIENCE_SECONDS, every=1)


def stage_configuration(environment: Environment) -> None:
    """As in life: a further job in a Secret, which the Operator hands on as it is."""
    text = "- job_name: feed\n  scrape_interval: 30s\n  scrape_timeout: 1m\n  static_configs: [{targets: ['feed.example.org:80']}]\n"
    _hand_on(environment, text)
    wait_until("the configuration to be refused", lambda: not _is_loaded(environment), 2 * PATIENCE_SECONDS, every=1)


def stage_static(environment: Environment) -> None:
    """As in life: a job with addresses, copied with the values of the other environment."""
    service = f"fastapi.{environment.other.workload_namespace}.svc.cluster.local:8000"
    _hand_on(environment, f"- job_name: {_JOB}\n  static_configs: [{{targets: ['{service}']}}]\n")
    wait_until("its target", lambda: _has_job(environment), 2 * PATIENCE_SECONDS, every=1)


def _has_job(environment: Environment) -> bool:
    return any(one["scrapePool"] == _JOB for one in prometheus.active_targets(environment))


def _hand_on(environment: Environment, text: str) -> None:
    metadata = {"name": _SCRAPES, "namespace": environment.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"scrapes.yaml": text}}
    api.create(f"/api/v1/namespaces/{environment.namespace}/secrets", secret)
    _name_scrapes(environment, {"name": _SCRAPES, "key": "scrapes.yaml"})


def clear_static(environment: Environment) -> None:
    clear_configuration(environment)
    wait_until("its target to be gone", lambda: not _has_job(environment), 2 * PATIENCE_SECONDS, every=1)


def clear_configuration(environment: Environment) -> None:
    _name_scrapes(environment, None)
    api.delete(f"/api/v1/namespaces/{environment.namespace}/secrets/{_SCRAPES}")
    wait_until("the configuration to be loaded", lambda: _is_loaded(environment), 2 * PATIENCE_SECONDS, every=1)


def _name_scrapes(environment: Environment, key: api.Object | None) -> None:
    api.patch(prometheus.path_of(environment), {"spec": {"additionalScrapeConfigs": key}})


def _is_loaded(environment: Environment) -> bool:
    return bool(prometheus.answer(environment, "status/runtimeinfo")["reloadConfigSuccess"])


def _is_scraped(environment: Environment) -> bool:
    return any(_FEED in one for one in prometheus.scrape_pools(environment))


def _counted(environment: Environment, name: str) -> float:
    """A counter of Prometheus' own, as it is now."""
    return sum(samples(environment.namespace, environment.prometheus_pod, 9090, f"{name} "))


def _health(environment: Environment) -> str:
    groups = prometheus.answer(environment, "rules")["groups"]
    return next((str(rule["health"]) for group in groups for rule in group["rules"] if rule["name"] == "FeedStale"), "")


def _monitoring(environment: Environment, plural: str) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.workload_namespace}/{plural}"


def _of_feed(name: str, description: str, stage: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear_feed, touches=(f"{_FEED} in {{environment}}",))


STAGES = (
    _of_feed("target-wrong-scheme", "a monitor asks by https what speaks plain http: the target is down", stage_scheme),
    _of_feed("samples-dropped", "an exporter gives other values for the same time", stage_duplicates),
    Stage(
        "rule-fails",
        "a rule joins several series with several, and fails each time",
        stage_rule,
        clear_rule,
        touches=("feed-alerts in {environment}",),
    ),
    Stage(
        "configuration-refused",
        "a further job in a Secret is not valid, and Prometheus refuses its whole configuration",
        stage_configuration,
        clear_configuration,
        touches=("the configuration of the Prometheus of {environment}",),
    ),
    Stage(
        "static-targets-of-other",
        "a job with fixed addresses scrapes the other environment",
        stage_static,
        clear_static,
        touches=("the configuration of the Prometheus of {environment}",),
    ),
)
