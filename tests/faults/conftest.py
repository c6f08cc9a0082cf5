"""One healthy server for everything, and short patience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusterprobe.access import http
from tests.faults.faults import CAP
from tests.faults.harness import Baseline, baseline
from tests.faults.recording import Recording
from tests.faults.server import FaultServer


@pytest.fixture(scope="session")
def recording() -> Recording:
    return Recording.load()


@pytest.fixture(scope="session")
def server(recording: Recording) -> Iterator[FaultServer]:
    with FaultServer(recording) as running:
        yield running


@pytest.fixture(scope="session")
def healthy(server: FaultServer) -> Baseline:
    """What the probes say without a fault."""
    return baseline(server)


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap that a test can fill, and one retry at once: more finds out nothing more, but takes its time."""
    monkeypatch.setattr(http, "MAX_BODY_BYTES", CAP)
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
