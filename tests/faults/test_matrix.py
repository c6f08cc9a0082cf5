"""Every probe × every fault, on everything and on each single path: no false pass, no false finding, no crash, no overrun.

The last lines of `pytest tests/faults/test_matrix.py` (also with `-n`) say how many cases these were, and what was wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clusterprobe.model import ProbeResult, ProbeVerdict
from tests.faults.faults import EVERYWHERE, FAULTS, Fault
from tests.faults.harness import SLACK_SECONDS, Baseline, Outcome, count_wrong, is_unasked, rerun, run, unnoticed, wrongs
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Request

ENTRANCE = ("/version", "/selfsubjectreviews", "/namespaces/kube-system")
ENOUGH_SECONDS = 4.0
SLOW_SECONDS = 1.0
SLOW_FOR_ALL = ("one byte a second",)  # the others are tried on everything at once
LEAST_PASSES = 15

LISTS = sorted(key for key, one in Recording.load().exchanges.items() if one.is_list)
OTHERS = sorted(key for key in Recording.load().exchanges if key not in LISTS and not key.partition("?")[0].endswith(ENTRANCE))


def _patience(fault: Fault) -> float:
    return SLOW_SECONDS if fault.slow else ENOUGH_SECONDS


def _in_time(outcome: Outcome, seconds: float) -> bool:
    return outcome.seconds < seconds + SLACK_SECONDS


def _fine(one: ProbeResult, position: str, healthy: Baseline) -> bool:
    """A list without a middle was read: what rests on it may pass, if it tells what was not read beside it."""
    told = position != "first" and one.notes != healthy.outcome.results[one.id].notes
    # Handshakes are no requests to the API server, and what these read there has but a first page: Ingresses and their classes, which
    # kinds are served.
    untouched = position != "first" and one.id in ("ingress/classes", "ingress/gateways", "ingress/tls", "objects/conditions")
    return one.verdict in (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE) and not (told or is_unasked(one) or untouched)


def test_without_a_fault_every_probe_passes_or_has_nothing_to_judge(healthy: Baseline, server: FaultServer):
    server.unknown.clear()  # under a fault before this, something else is asked
    whole = run(server.url, 60)
    assert sorted(set(server.unknown)) == [], "not recorded: make the recording again, or add each KEY to it by hand, see record.py"
    for outcome in (healthy.outcome, whole):
        fine = (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE)
        assert [(one.id, one.reason, one.findings) for one in outcome.results.values() if one.verdict not in fine] == []
        assert sum(one.verdict is ProbeVerdict.PASS for one in outcome.results.values()) >= LEAST_PASSES
    assert whole.verdicts() == healthy.outcome.verdicts()


@pytest.mark.parametrize("fault", EVERYWHERE, ids=lambda one: one.name)
@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_a_fault_on_everything_lets_nothing_pass(fault: Fault, position: str, healthy: Baseline, server: FaultServer):
    def where(request: Request) -> bool:
        return request.position == position and (position == "first" or request.pages > 1)

    with server.misbehaving(fault.misbehave, where):
        outcome = run(server.url, _patience(fault))
    passed = [f"{one.id}: {one.verdict}" for one in outcome.results.values() if _fine(one, position, healthy)]
    troubles = count_wrong("false passes", passed) + wrongs(outcome, healthy.outcome)
    assert not troubles, "\n".join(troubles)
    assert _in_time(outcome, _patience(fault))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
def test_a_fault_that_strikes_once_makes_no_finding(fault: Fault, healthy: Baseline, server: FaultServer):
    with server.misbehaving(fault.misbehave, fault.fits, times=1):
        outcome = run(server.url, _patience(fault))
    troubles = wrongs(outcome, healthy.outcome)
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_a_list_that_fails_half_way_is_no_list(resource: str, position: str, healthy: Baseline, server: FaultServer):
    def where(request: Request) -> bool:
        # What is forbidden as a whole is read namespace by namespace: that must not work either.
        alone = request.path not in resource
        return request.resource == resource and (alone or request.position == position)

    faults = [one for one in FAULTS if not one.slow or (position == "middle" and one.name in SLOW_FOR_ALL)]
    troubles = _singles(faults, where, resource, healthy, server)
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("resource", OTHERS)
def test_a_fault_on_one_path_concerns_only_what_rests_on_it(resource: str, healthy: Baseline, server: FaultServer):
    faults = [one for one in FAULTS if not one.slow or one.name in SLOW_FOR_ALL]
    troubles = _singles(faults, lambda request: request.resource == resource, resource, healthy, server)
    assert not troubles, "\n".join(troubles)


def _singles(faults: list[Fault], where: Callable[[Request], bool], resource: str, healthy: Baseline, server: FaultServer) -> list[str]:
    met = [request for request in healthy.requests[resource] if where(request)]
    possible = [fault for fault in faults if any(fault.fits(request) for request in met)]  # each of the others costs half a second
    return [f"{fault.name}: {one}" for fault in possible for one in _single(fault, where, resource, healthy, server)]


def _single(fault: Fault, where: Callable[[Request], bool], resource: str, healthy: Baseline, server: FaultServer) -> list[str]:
    seconds = _patience(fault) / 2
    with server.misbehaving(fault.misbehave, lambda request: where(request) and fault.fits(request)) as injection:
        outcome = rerun(healthy, server, resource, seconds)
        if not injection.struck or server.harmless:
            return []
    late = [] if _in_time(outcome, seconds) else [f"it took {outcome.seconds:.1f} s"]
    return wrongs(outcome, healthy.outcome) + unnoticed(outcome, healthy.outcome) + late
