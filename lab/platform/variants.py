"""Systems that are no part of the healthy platform: a stage begins and ends them, a block of a test, or somebody by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.build.go import build
from lab.cluster.images import bring_image
from lab.command import wait_until
from lab.platform.system import System
from lab.platform.workloads import not_ready

_PATIENCE_SECONDS = 120


def begin(system: System) -> None:
    """Build it if it is not built, bring its images, install it, and return once it is well."""
    build(system.modules)
    for recipe in system.images:
        bring_image(recipe)
    system.install()
    wait_until(system.name, lambda: not [*not_ready(system.expected()), *system.problems()], _PATIENCE_SECONDS)


@contextmanager
def running(system: System) -> Iterator[None]:
    """The system, until the end of the block; it is removed although it did not become well."""
    try:
        begin(system)
        yield
    finally:
        system.remove()
