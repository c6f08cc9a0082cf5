"""What the tests of active runs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusterprobe.access import active
from tests.apiserver import ApiServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server to make things on, watched in a hurry."""
    monkeypatch.setattr(active, "POLL_SECONDS", 0.01)
    monkeypatch.setattr("clusterprobe.access.watch.STEP_SECONDS", 0.02)
    one = ApiServer()
    yield one
    one.shutdown()
    one.server_close()
