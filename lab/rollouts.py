"""Argo Rollouts, as a process of the host, for as long as something needs it: it is no part of the healthy platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.cluster.processes import start, stop
from lab.definitions import definitions_of, install_definitions, remove_definitions
from lab.paths import KUBECONFIG
from lab.programs import ARGO_ROLLOUTS

_NAME = "argo-rollouts"


@contextmanager
def argo_rollouts() -> Iterator[None]:
    """The definitions and the controller, until the end of the block; Rollouts that are still there go with them."""
    definitions = definitions_of(ARGO_ROLLOUTS)
    install_definitions(*definitions)
    try:
        start(
            _NAME,
            "rollouts-controller",
            f"--kubeconfig={KUBECONFIG}",
            "--leader-elect=false",
            "--healthzPort=18091",
            "--metricsport=18090",
            "--loglevel=warn",
        )
        yield
    finally:
        stop(_NAME)
        remove_definitions(*definitions)
