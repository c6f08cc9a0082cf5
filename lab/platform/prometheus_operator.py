"""The Prometheus Operator and its objects."""

from __future__ import annotations

from lab import api
from lab.build.images import published
from lab.build.modules import COMMON_VERSION, Module
from lab.platform.system import System

API = "/apis/monitoring.coreos.com/v1"
MONITOR_KINDS = ("servicemonitors", "podmonitors", "probes", "prometheusrules")

_MODULE = Module(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.93.1",
    {"operator": "cmd/operator", "prometheus-config-reloader": "cmd/prometheus-config-reloader"},
    {COMMON_VERSION: "0.93.1"},
    definitions="example/prometheus-operator-crd",
)


def objects(kind: str, namespace: str = "") -> list[api.Object]:
    """The Prometheus Operator's objects of one kind, such as `servicemonitors`."""
    return api.items(f"{API}/namespaces/{namespace}/{kind}" if namespace else f"{API}/{kind}")


SYSTEM = System(
    name="prometheus-operator",
    modules=(_MODULE,),
    images=(
        published("quay.io/prometheus-operator/prometheus-operator:v0.93.1", _MODULE, "/bin/operator"),
        published("quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1", _MODULE, "/bin/prometheus-config-reloader"),
    ),
    per_environment=("operator",),
)
