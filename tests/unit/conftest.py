"""What the unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusterprobe.access import active, bodies, deadline, lease
from tests.active_factories import Asked, Clock, listening
from tests.apiserver import ApiServer
from tests.examples import SAID, check

POLL_SECONDS = active.POLL_SECONDS


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


@pytest.fixture
def clock(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of deadlines, of the lease and of the place of our own, which are polled as often as in life."""
    one = Clock()
    for module in (active, deadline, lease):
        monkeypatch.setattr(module, "time", one)
    monkeypatch.setattr(active, "POLL_SECONDS", POLL_SECONDS)
    return one
