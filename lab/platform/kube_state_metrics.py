"""kube-state-metrics, one for each environment."""

from __future__ import annotations

from lab.build.images import published
from lab.build.modules import COMMON_VERSION, Module
from lab.platform.system import System

_MODULE = Module(
    "k8s.io/kube-state-metrics/v2",
    "v2.20.0",
    {"kube-state-metrics": ""},
    {COMMON_VERSION: "v2.20.0"},
)
SYSTEM = System(
    name="kube-state-metrics",
    modules=(_MODULE,),
    images=(published("registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0", _MODULE, "/kube-state-metrics"),),
    per_environment=("kube-state-metrics",),
)
