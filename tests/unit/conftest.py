"""What the unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusterprobe.access import active, bodies
from tests.active_factories import Asked, listening
from tests.apiserver import ApiServer
from tests.examples import SAID, check


@pytest.fixture(autouse=True)
def _examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test whose finding is shown as an example still makes it."""
    SAID.clear()
    yield
    check(request.node.nodeid)


@pytest.fixture(autouse=True)
def _memory() -> None:
    """What the tests before took is not this one's."""
    bodies.begin_run()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server to make things on, watched in a hurry."""
    monkeypatch.setattr(active, "POLL_SECONDS", 0.01)
    monkeypatch.setattr("clusterprobe.access.watch.STEP_SECONDS", 0.02)
    one = ApiServer()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def asked(server: ApiServer) -> Asked:
    """Every request: its verb, path and body."""
    return listening(server)
