"""One healthy server for everything, and short patience."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from clusterprobe.access import bodies, http
from tests.faults.faults import CAP, FAULTS
from tests.faults.harness import TALLY, Baseline, baseline, probes
from tests.faults.recording import Recording
from tests.faults.server import FaultServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--probe", default="", help="the one that one_probe.py looks at, as AREA/NAME")


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
def tally(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test judged goes with its report, also from a worker."""
    TALLY.clear()
    yield
    request.node.user_properties.append(("tally", dict(TALLY)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many cases were judged, and what was wrong with them."""
    reports = [one for kind in terminalreporter.stats.values() for one in kind if isinstance(one, pytest.TestReport)]
    total: Counter[str] = Counter()
    for one in reports:
        if one.when == "teardown":
            total.update(dict(one.user_properties).get("tally", {}))
    if total["cases"]:
        wrong = ", ".join(f"{total[kind]} {kind}" for kind in ("false passes", "false findings", "crashes"))
        line = f"faults × probes: {total['cases']} cases ({len(FAULTS)} faults, {len(probes())} probes), {wrong}"
        terminalreporter.write_line(line, bold=True)


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap that a test can fill, and one retry at once: more finds out nothing more, but takes its time."""
    monkeypatch.setattr(bodies, "MOST", CAP)
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
