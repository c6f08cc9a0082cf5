"""A PrometheusAgent of the Operator, which writes what it scrapes to dev's Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.platform import prometheus, serving
from lab.platform.manifests import DEV
from lab.platform.system import System
from lab.platform.workloads import Workload

_NAME = "prom-agent-edge-prometheus"  # of its StatefulSet


def _receive(*, enabled: bool) -> None:
    api.patch(prometheus.path_of(DEV), {"spec": {"enableRemoteWriteReceiver": enabled}})


def _problems() -> Iterator[str]:
    if not prometheus.has_series(DEV, 'up{namespace="edge-dev"} == 1'):
        yield f"{DEV.prometheus} has received no series of the shop"


def _end() -> None:
    """Its claim, which nobody else deletes, goes with its pod."""
    _receive(enabled=False)
    api.delete(f"/api/v1/namespaces/{DEV.namespace}/persistentvolumeclaims/{_NAME}-db-{_NAME}-0")


SYSTEM = System(
    name="prometheus-agent",
    images=(*prometheus.SYSTEM.images, *serving.SYSTEM.images),
    manifests=("prometheus-agent",),
    besides=(Workload("statefulsets", DEV.namespace, _NAME),),
    prepare=lambda: _receive(enabled=True),
    end=_end,
    problems=_problems,
)
