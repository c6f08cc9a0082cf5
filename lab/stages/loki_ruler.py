"""Alerts that are made from logs: nobody to send them to, a rule that fails, and rules of which none fires."""

from __future__ import annotations

import time
from typing import Any

import yaml

from lab import api
from lab.command import wait_until
from lab.platform import loki
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_CONFIG = "/api/v1/namespaces/logging/configmaps/loki"
_RULES = "/api/v1/namespaces/logging/configmaps/loki-rules"
_STATEFUL_SET = "/apis/apps/v1/namespaces/logging/statefulsets/loki"
_POD = "/api/v1/namespaces/logging/pods/loki-0"
HEARTBEAT = "LogAlertHeartbeat"
# Each line's model is a name, which is no number: found out only when the rule is evaluated.
_BROKEN = {
    "alert": "SlowPredictions",
    "expr": 'max_over_time({namespace="fastapi-dev"} | json | unwrap model [1m]) > 1',
    "labels": {"severity": "warning"},
    "annotations": {"summary": "Predictions are slow."},
}


def stage_without_alertmanager(_: Environment) -> None:
    config = yaml.safe_load(healthy_config())
    del config["ruler"]["alertmanager_url"]
    restart_with(yaml.safe_dump(config))
    wait_until("the ruler to fire for nobody", lambda: HEARTBEAT in _firing() and _known_alertmanagers() == 0, PATIENCE_SECONDS, every=1)


def clear_without_alertmanager(_: Environment) -> None:
    restart_with(healthy_config())
    wait_until("the log alert to arrive", _has_arrived, PATIENCE_SECONDS, every=1)


def stage_broken_rule(_: Environment) -> None:
    _load([*_healthy_rules(), _BROKEN])
    wait_until("the rule to fail", lambda: _health().get("SlowPredictions") == "err", PATIENCE_SECONDS, every=1)


def stage_nothing_fires(_: Environment) -> None:
    _load([rule for rule in _healthy_rules() if rule["alert"] != HEARTBEAT])
    wait_until("the ruler to have dropped it", lambda: HEARTBEAT not in _health(), PATIENCE_SECONDS, every=1)


def clear_rules(_: Environment) -> None:
    _load(_healthy_rules())
    wanted = {rule["alert"] for rule in _healthy_rules()}
    wait_until("the healthy rules", lambda: set(_health()) == wanted and set(_health().values()) == {"ok"}, PATIENCE_SECONDS, every=1)
    wait_until("the log alert to arrive", _has_arrived, PATIENCE_SECONDS, every=1)


def restart_with(config: str) -> None:
    """Give Loki a configuration; it reads it at its start only."""
    api.patch(_CONFIG, {"data": {"config.yaml": config}})
    stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": str(time.time())}}}
    api.patch(_STATEFUL_SET, {"spec": {"template": stamp}})
    wait_for_rollout(_STATEFUL_SET)


def healthy_config() -> str:
    return str(document("loki", "ConfigMap", "loki")["data"]["config.yaml"])


def _healthy_rules() -> list[dict[str, Any]]:
    text = document("loki", "ConfigMap", "loki-rules")["data"]["rules.yaml"]
    rules: list[dict[str, Any]] = yaml.safe_load(text)["groups"][0]["rules"]
    return rules


def _load(rules: list[dict[str, Any]]) -> None:
    text = yaml.safe_dump({"groups": [{"name": "log-alerts", "rules": rules}]}, sort_keys=False)
    api.patch(_RULES, {"data": {"rules.yaml": text}})
    # A kubelet looks at a pod's ConfigMaps once a minute, or as soon as the pod changes.
    api.patch(_POD, {"metadata": {"annotations": {"lab/rules-changed": str(time.time())}}})


def _loaded() -> list[api.Object]:
    groups = api.get(f"{loki.PROXY}/prometheus/api/v1/rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _health() -> dict[str, str]:
    return {rule["name"]: rule["health"] for rule in _loaded()}


def _firing() -> set[str]:
    return {rule["name"] for rule in _loaded() if rule["state"] == "firing"}


def _known_alertmanagers() -> float:
    lines = api.call("GET", f"{loki.PROXY}/metrics").decode().splitlines()
    known = [line for line in lines if line.startswith("loki_prometheus_notifications_alertmanagers_discovered{")]
    return max((float(line.rpartition(" ")[2]) for line in known), default=0)


def _has_arrived() -> bool:
    return not list(loki.alerts_missing())


STAGES = (
    Stage(
        "ruler-without-alertmanager",
        "Loki's ruler has lost its alertmanager_url: log alerts fire, and go nowhere",
        stage_without_alertmanager,
        clear_without_alertmanager,
        touches=("Loki's configuration",),
        per_environment=False,
    ),
    Stage(
        "ruler-rule-broken",
        "a log alert's query parses, and fails in each evaluation",
        stage_broken_rule,
        clear_rules,
        touches=("Loki's rules",),
        per_environment=False,
    ),
    Stage(
        "ruler-nothing-fires",
        "a look-alike: log alerts of which none fires",
        stage_nothing_fires,
        clear_rules,
        touches=("Loki's rules",),
        per_environment=False,
    ),
)
