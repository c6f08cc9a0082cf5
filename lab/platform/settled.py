"""Is the platform running, and has it settled? Each check answers with what is not so yet; nothing to say means healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab import api
from lab.cluster.lifecycle import ready_nodes
from lab.cluster.processes import ended_daemons
from lab.command import wait_until
from lab.errors import LabError
from lab.layout import NODES
from lab.platform.systems import SYSTEMS
from lab.platform.workloads import is_ready, not_ready


def problems() -> list[str]:
    """Everything that keeps the lab from being healthy and settled, the basic things first."""
    checks: tuple[Callable[[], Iterator[str]], ...] = (_daemons, _nodes, _workloads, _claims, _systems)
    for check in checks:
        try:
            found = list(check())
        except LabError as error:
            found = [str(error)]
        if found:  # what follows would only repeat it
            return found
    return []


def wait_until_settled(seconds: float) -> None:
    remaining: list[str] = []

    def is_settled() -> bool:
        remaining[:] = problems()
        return not remaining

    try:
        wait_until("the platform", is_settled, seconds, every=1)
    except LabError as error:
        raise LabError(f"{error}: " + "; ".join(remaining)) from None


def _daemons() -> Iterator[str]:
    yield from (f"{name} has ended" for name in ended_daemons())


def _nodes() -> Iterator[str]:
    ready = ready_nodes()
    if ready < len(NODES):
        yield f"{len(NODES) - ready} nodes are not Ready"


def _workloads() -> Iterator[str]:
    yield from not_ready(workload for system in SYSTEMS for workload in system.expected())
    for pod in api.items("/api/v1/pods"):
        if not is_ready(pod) and pod["status"].get("phase") != "Succeeded":
            yield f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} is not ready"


def _claims() -> Iterator[str]:
    for claim in api.items("/api/v1/persistentvolumeclaims"):
        if claim["status"].get("phase") != "Bound":
            yield f"claim {claim['metadata']['namespace']}/{claim['metadata']['name']} is not bound"


def _systems() -> Iterator[str]:
    for system in SYSTEMS:
        yield from system.problems()
