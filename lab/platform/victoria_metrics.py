"""VictoriaMetrics instead of Prometheus: a single server, vmagent, and vmalert with an Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.platform import alertmanager, serving
from lab.platform.system import System

_VERSION = "v1.150.0"
_PROGRAMS = ("victoria-metrics", "vmagent", "vmalert")
_MODULE = Module(
    "github.com/VictoriaMetrics/VictoriaMetrics",
    _VERSION,
    {name: f"app/{name}" for name in _PROGRAMS},
    {"github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version": f"victoria-metrics-{_VERSION}"},
)
_SERVER = "/api/v1/namespaces/victoria/services/vmsingle-victoria-metrics-single-server:8428/proxy"


def _problems() -> Iterator[str]:
    if not api.get(f"{_SERVER}/api/v1/query?query=up%7Bnamespace%3D%22victoria%22%7D")["data"]["result"]:
        yield "VictoriaMetrics has no series of the shop"


SYSTEM = System(
    name="victoria-metrics",
    modules=(_MODULE,),
    images=(
        *(published(f"docker.io/victoriametrics/{name}:{_VERSION}", _MODULE, f"/{name}") for name in _PROGRAMS),
        *alertmanager.SYSTEM.images,
        *serving.SYSTEM.images,
    ),
    manifests=("victoria-metrics",),
    problems=_problems,
)
