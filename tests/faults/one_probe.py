"""One probe on the recording, whole and under every quick fault: what the matrix asks of all of them, in seconds.

pytest tests/faults/one_probe.py --probe AREA/NAME
"""

from __future__ import annotations

import pytest

from clusterprobe.model import ProbeVerdict
from tests.faults.faults import EVERYWHERE, Fault
from tests.faults.harness import Outcome, Probe, is_unasked, probes, run, wrongs
from tests.faults.recording import Recording
from tests.faults.server import FaultServer

SECONDS = 20.0  # much more than any of these needs: how late a run may be is the matrix' question


@pytest.fixture(scope="module")
def probe(request: pytest.FixtureRequest) -> Probe:
    wanted = request.config.getoption("--probe")
    found = [one for one in probes() if one.id == wanted]
    assert found, f"there is no probe {wanted!r}: say --probe AREA/NAME"
    if "conclusions" in found[0].parameters:
        pytest.skip("it judges what the others concluded: pytest tests/faults/test_matrix.py")
    return found[0]


@pytest.fixture(scope="module")
def whole(probe: Probe) -> tuple[Outcome, list[str]]:
    """What it says without a fault, and what it asked for that is not recorded."""
    with FaultServer(Recording.load()) as server:
        return run(server.url, SECONDS, chosen=[probe]), sorted(set(server.unknown))


def test_all_that_it_asks_for_is_recorded(whole: tuple[Outcome, list[str]]):
    assert whole[1] == [], "add each KEY to the recording: python -m tests.faults.record --add KEY FILE"


def test_on_the_healthy_recording_it_passes_or_does_not_apply(probe: Probe, whole: tuple[Outcome, list[str]]):
    one = whole[0].results[probe.id]
    assert (one.verdict, one.findings) in [(ProbeVerdict.PASS, []), (ProbeVerdict.NOT_APPLICABLE, [])], one.reason


@pytest.mark.parametrize("fault", [one for one in EVERYWHERE if not one.slow], ids=lambda one: one.name)
def test_a_fault_lets_it_neither_pass_nor_find_anything(fault: Fault, probe: Probe, whole: tuple[Outcome, list[str]], server: FaultServer):
    with server.misbehaving(fault.misbehave, lambda request: True):
        outcome = run(server.url, SECONDS, chosen=[probe])
    one = outcome.results[probe.id]
    passed = one.verdict in (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE) and not is_unasked(one)
    assert not passed, one.reason
    assert wrongs(outcome, whole[0]) == []
