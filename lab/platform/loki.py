"""Loki, with its ruler, and Promtail, which sends it the lines."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.layout import NODES
from lab.platform import alertmanager
from lab.platform.manifests import ENVIRONMENTS, PROD
from lab.platform.system import System

PROXY = "/api/v1/namespaces/logging/services/loki:3100/proxy"

_MODULE = Module(
    "github.com/grafana/loki/v3",
    "v3.5.0",
    {"loki": "cmd/loki", "promtail": "clients/cmd/promtail"},
    {"github.com/grafana/loki/v3/pkg/util/build.Version": "3.5.0"},
)


def lines(selector: str, seconds: int = 300, limit: int = 20) -> list[str]:
    """The newest lines of the last seconds that Loki has for a selector."""
    query = urlencode({"query": selector, "since": f"{seconds}s", "limit": limit})
    streams = api.get(f"{PROXY}/loki/api/v1/query_range?{query}")["data"]["result"]
    return [line for stream in streams for _, line in stream["values"]]


def alerts_missing() -> Iterator[str]:
    """What keeps the log alert that always fires from production's Alertmanager, to which the shared Loki sends."""
    groups = api.get(f"{PROXY}/prometheus/api/v1/rules")["data"]["groups"]
    firing = {rule["name"] for group in groups for rule in group["rules"] if rule.get("state") == "firing"}
    arrived = {alert["labels"]["alertname"] for alert in alertmanager.answer(PROD, "alerts")}
    if not firing:
        yield "no log alert fires in Loki's ruler"
    yield from (f"the log alert {name} has not reached {PROD.alertmanager}" for name in sorted(firing - arrived))


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if not lines(f'{{namespace="{environment.workload_namespace}"}}', seconds=60):
            yield f"Loki has no recent line of {environment.workload_namespace}"
    yield from alerts_missing()


SYSTEM = System(
    name="loki",
    modules=(_MODULE,),
    images=(
        published("docker.io/grafana/loki:3.5.0", _MODULE, "/usr/bin/loki"),
        published("docker.io/grafana/promtail:3.5.0", _MODULE, "/usr/bin/promtail", with_shell=True, nodes=NODES),
    ),
    manifests=("loki", "promtail"),
    problems=_problems,
)
