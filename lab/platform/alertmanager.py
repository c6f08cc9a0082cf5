"""Each environment's Alertmanager."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from lab import api
from lab.build.images import published
from lab.build.modules import COMMON_VERSION, Module
from lab.platform import prometheus_operator
from lab.platform.manifests import CONFIG_SECRET, ENVIRONMENTS, Environment
from lab.platform.storage import NfsVolume, create_volume
from lab.platform.system import System

# The module does not hold what its pages are built to: instead of them a line, which is what the chart's probes ask for.
_NO_PAGES = """package ui

import (
\t"io"
\t"net/http"

\t"github.com/prometheus/common/route"
)

func Register(r *route.Router) {
\tr.Get("/", func(w http.ResponseWriter, _ *http.Request) {
\t\tio.WriteString(w, "Alertmanager, built without its pages\\n")
\t})
}
"""
_MODULE = Module(
    "github.com/prometheus/alertmanager",
    "v0.35.0",
    {"alertmanager": "cmd/alertmanager", "amtool": "cmd/amtool"},
    {COMMON_VERSION: "0.35.0"},
    without={"github.com/prometheus/alertmanager": {"ui/web.go": _NO_PAGES}},
)
AMTOOL = _MODULE.program("amtool")  # on this machine, for the tests; the same is in the image


def path_of(environment: Environment) -> str:
    return f"{prometheus_operator.API}/namespaces/{environment.namespace}/alertmanagers/{environment.alertmanager}"


def answer(environment: Environment, path: str) -> Any:
    pod = f"/api/v1/namespaces/{environment.namespace}/pods/{environment.alertmanager_pod}:9093/proxy"
    return api.get(f"{pod}/api/v2/{path}")


def write_config(environment: Environment, text: str) -> None:
    """Into the Secret that the team means, by hand."""
    data = {"alertmanager.yaml": base64.b64encode(text.encode()).decode()}
    api.patch(f"/api/v1/namespaces/{environment.namespace}/secrets/{CONFIG_SECRET}", {"data": data})


def served_config(environment: Environment) -> str:
    """The configuration that an Alertmanager serves, as it writes it."""
    return str(answer(environment, "status")["config"]["original"])


def _make_volumes() -> None:
    """For its silences."""
    for environment in ENVIRONMENTS:
        create_volume(NfsVolume(environment.namespace, environment.alertmanager_claim, "1Gi"))


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if "slack_configs" not in served_config(environment):
            yield f"{environment.alertmanager} does not serve the Slack configuration"
        if not any(alert["labels"]["alertname"] == "Watchdog" for alert in answer(environment, "alerts")):
            yield f"no Watchdog has reached {environment.alertmanager}"


SYSTEM = System(
    name="alertmanager",
    modules=(_MODULE,),
    images=(published("quay.io/prometheus/alertmanager:v0.35.0", _MODULE, "/bin/alertmanager", "/bin/amtool", with_shell=True),),
    per_environment=("alertmanager",),
    prepare=_make_volumes,
    problems=_problems,
)
