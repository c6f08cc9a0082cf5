"""A Prometheus in two shards of two replicas each, with an operator of its own, and AlertmanagerConfigs by each matcher strategy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab import api
from lab.platform import alertmanager, prometheus, prometheus_operator, serving
from lab.platform.manifests import Environment, render
from lab.platform.system import System
from lab.platform.workloads import Workload

# Under the name that the chart makes of its release no pod of the second shard comes to be: a StatefulSet's name and a hash are a label of
# its pods, which may have 63 characters.
SHARDED = Environment("sharded", "sharded")
_PODS = [f"prometheus-{SHARDED.prometheus}{shard}-{replica}" for shard in ("", "-shard-1") for replica in (0, 1)]
_ALERTMANAGERS = ("of-all", "of-its-own", SHARDED.alertmanager)
_SHOPS = 3


def answer(pod: str, path: str) -> Any:
    """The `data` of an answer of one of the four."""
    return api.get(f"/api/v1/namespaces/{SHARDED.namespace}/pods/{pod}:9090/proxy/api/v1/{path}")["data"]


def _bring_operator() -> None:
    """It comes first: what is applied after it is made at once."""
    api.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHARDED.namespace}}))
    api.apply(render("operator", SHARDED))


def _remove_operator() -> None:
    api.remove(render("operator", SHARDED))


def _problems() -> Iterator[str]:
    shops: set[str] = set()
    for pod in _PODS:
        targets = answer(pod, "targets?state=active")["activeTargets"]
        yield from (f"{pod}: target {each['scrapeUrl']} is {each['health']}" for each in targets if each["health"] != "up")
        shops |= {each["labels"]["pod"] for each in targets if each["labels"].get("namespace") == f"shop-{SHARDED.name}"}
        found = len(answer(pod, "alertmanagers")["activeAlertmanagers"])
        if found != len(_ALERTMANAGERS):
            yield f"{pod} has found {found} of {len(_ALERTMANAGERS)} Alertmanagers"
    if len(shops) != _SHOPS:
        yield f"the shards scrape {len(shops)} of {_SHOPS} pods of the shop"


SYSTEM = System(
    name="sharded-prometheus",
    images=(
        *prometheus_operator.SYSTEM.images,
        *prometheus.SYSTEM.images,
        *alertmanager.SYSTEM.images,
        *serving.SYSTEM.images,
    ),
    per_environment=("sharded-prometheus",),
    environments=(SHARDED,),
    besides=(
        Workload("deployments", SHARDED.namespace, f"{SHARDED.fullname}-operator"),
        Workload("statefulsets", SHARDED.namespace, f"prometheus-{SHARDED.prometheus}-shard-1"),
    ),
    prepare=_bring_operator,
    end=_remove_operator,
    problems=_problems,
)
