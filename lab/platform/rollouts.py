"""Argo Rollouts, as a process of the host."""

from __future__ import annotations

from functools import partial

from lab.build.modules import Module
from lab.cluster.processes import is_started, start, stop
from lab.paths import KUBECONFIG
from lab.platform.system import System

_NAME = "argo-rollouts"
_MODULE = Module(
    "github.com/argoproj/argo-rollouts",
    "v1.10.1",
    {"rollouts-controller": "cmd/rollouts-controller"},
    {"github.com/argoproj/argo-rollouts/utils/version.version": "1.10.1"},
    definitions="manifests/crds",
)


def _start() -> None:
    if is_started(_NAME):
        return
    start(
        _NAME,
        _MODULE.program("rollouts-controller"),
        f"--kubeconfig={KUBECONFIG}",
        "--leader-elect=false",
        "--healthzPort=18091",
        "--metricsport=18090",
        "--loglevel=warn",
    )


SYSTEM = System(name="argo-rollouts", modules=(_MODULE,), finish=_start, end=partial(stop, _NAME))
