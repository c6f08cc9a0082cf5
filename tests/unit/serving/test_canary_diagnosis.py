"""What to do with a canary, as data: one row for each."""

from typing import Any

import msgspec
import pytest

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.serving.canary.comparisons import Side, compare, fail_alike, few
from clusterprobe.systems.serving.canary.diagnosis import Diagnosis, World, diagnose
from clusterprobe.systems.serving.canary.traffic import ErrorLines, PodLines, PodTraffic, Traffic
from clusterprobe.thresholds import Canary, Thresholds
from tests.canary_factories import CANARY, LOKI, NAMESPACE, PODS, PROMETHEUS, QUICK, SLOW, STABLE, canaries, pod
from tests.factories import refused

LIMITS = Profile().thresholds
UNREAD = (refused("Pod", NAMESPACE, "no rights"),)


def measured(requests: int = 200, failed: int = 0, buckets: dict[str, float] | None = None) -> PodTraffic:
    return PodTraffic(namespace=NAMESPACE, pod=f"{CANARY}-ccccc", requests=requests, server_errors=failed, buckets=buckets or {})


def stable(requests: int = 400, failed: int = 0, buckets: dict[str, float] | None = None) -> PodTraffic:
    return PodTraffic(namespace=NAMESPACE, pod=f"{STABLE}-aaaaa", requests=requests, server_errors=failed, buckets=buckets or {})


def ended(one: PodTraffic) -> PodTraffic:
    return msgspec.structs.replace(one, current=False)


def logged(own: int | None = 200, errors: int = 0) -> Readings[ErrorLines]:
    lines = [PodLines(namespace=NAMESPACE, pod=f"{STABLE}-aaaaa", lines=400)]
    lines += [] if own is None else [PodLines(namespace=NAMESPACE, pod=f"{CANARY}-ccccc", lines=own, errors=errors)]
    return single(LOKI, ErrorLines(lines))


def diagnosed(*traffic: PodTraffic, **changes: Any) -> Diagnosis:
    read = {"canaries": canaries(), "traffic": single(PROMETHEUS, Traffic(list(traffic))), "lines": logged(), **changes}
    world = World(**read, thresholds=LIMITS, environment_of=lambda namespace: namespace.rpartition("-")[2])
    (canary,) = world.canaries.items
    return diagnose(canary, world)


def partly(readings: Readings[Any], *unread: Any) -> Readings[Any]:
    return Readings(readings.values, tuple(unread))


@pytest.mark.parametrize(
    ("traffic", "changes", "state"),
    [
        ((measured(), stable()), {}, "promote"),
        ((measured(failed=40), stable()), {}, "roll back"),
        ((measured(buckets=SLOW), stable(buckets=QUICK)), {}, "roll back"),
        ((measured(), stable()), {"lines": logged(errors=40)}, "roll back"),
        ((measured(), stable()), {"canaries": canaries(PODS[2])}, "alone"),
        ((measured(failed=40), stable()), {"canaries": partly(canaries(), *UNREAD)}, "pods unread"),
        ((measured(), stable()), {"canaries": partly(canaries(), refused("Pod", "another"))}, "promote"),
        ((measured(), stable()), {"canaries": canaries(*PODS[:2], pod(CANARY, "ccccc", "canary", ready=False))}, "not ready"),
        ((), {"traffic": Readings(absent="no Prometheus has its metrics")}, "not measured"),
        ((measured(), stable()), {"lines": partly(logged(), *UNREAD)}, "partly measured"),
        ((ended(measured()), stable()), {}, "measured no more"),
        ((measured(), ended(stable())), {}, "measured no more"),
        ((ended(measured(failed=40)), stable()), {}, "roll back"),
        ((measured(), stable()), {"lines": logged(None)}, "not logged"),
        ((measured(1), stable()), {"lines": logged(None)}, "few of canary"),
        ((measured(LIMITS.canary.min_requests - 1), stable()), {}, "few of canary"),
        ((measured(LIMITS.canary.min_requests), stable()), {}, "promote"),
        ((measured(), stable(LIMITS.canary.min_requests - 1)), {}, "few of stable"),
        ((measured(3, failed=3), stable()), {}, "few of canary"),
        ((measured(failed=4), stable(failed=1)), {}, "perhaps worse"),
        ((measured(failed=40), stable(failed=80)), {}, "fail alike"),
        ((measured(failed=40), stable(failed=160)), {}, "promote"),
    ],
)
def test_each_state_is_told(traffic: tuple[PodTraffic, ...], changes: dict[str, Any], state: str) -> None:
    assert diagnosed(*traffic, **changes).state == state


def test_it_is_measured_as_long_as_one_of_those_that_did_goes_on() -> None:
    both = Readings(
        (
            (PROMETHEUS, Traffic([ended(measured(300)), stable()])),
            (LOKI, Traffic([measured(200), stable()])),
        )
    )
    assert diagnosed(traffic=both).state == "promote"


@pytest.mark.parametrize(
    ("namespace", "state"), [("monitoring-dev", "measures unread"), ("", "measures unread"), ("monitoring-prod", "roll back")]
)
def test_a_measurer_that_was_not_read_counts_where_it_may_have_measured_it(namespace: str, state: str) -> None:
    whole = single(PROMETHEUS, Traffic([measured(failed=40), stable()]))
    found = diagnosed(traffic=partly(whole, refused("Pod", namespace)))
    assert (found.state, found.unread is None) == (state, state == "roll back")


def test_of_two_that_measured_the_same_pod_the_one_that_saw_most_counts() -> None:
    found = diagnosed(measured(100), measured(300), measured(200), stable())
    assert (found.own.requests, found.stable.requests, found.own.pods) == (300, 400, 1)


def test_lines_count_only_where_all_of_them_were_read() -> None:
    found = diagnosed(measured(), stable(), lines=partly(logged(errors=40), *UNREAD))
    assert (found.own.lines, found.own.error_lines) == (0, 0)


def side(requests: int, failed: int = 0, buckets: dict[str, float] | None = None) -> Side:
    return Side(requests=requests, server_errors=failed, buckets=buckets or {})


@pytest.mark.parametrize(
    ("own", "base", "worse", "perhaps"),
    [
        (side(200, 40), side(400), True, False),
        (side(200, 4), side(400, 1), False, True),
        (side(200, 3), side(400, 1), False, False),
        (side(100_000, 1200), side(100_000, 1000), False, False),  # by more than chance, and by less than matters
        (side(200, 0), side(400, 40), False, False),
    ],
)
def test_a_difference_has_to_matter_and_to_be_no_chance(own: Side, base: Side, worse: bool, perhaps: bool) -> None:
    failed = compare(own, base, LIMITS)[0]
    assert (failed.measure, failed.worse, failed.perhaps) == ("failed", worse, perhaps)


def test_latency_is_compared_only_where_both_have_it() -> None:
    assert [one.measure for one in compare(side(200), side(400, buckets=QUICK), LIMITS)] == ["failed", "logged"]
    (latency,) = [one for one in compare(side(200, buckets=SLOW), side(400, buckets=QUICK), LIMITS) if one.measure == "latency"]
    assert (latency.canary, latency.stable, latency.worse) == (pytest.approx(0.5), pytest.approx(0.1), True)


@pytest.mark.parametrize(("own", "base", "scarce"), [(19, 19, "canary"), (20, 19, "stable"), (20, 20, None)])
def test_the_canary_is_asked_first_whether_it_has_enough(own: int, base: int, scarce: str | None) -> None:
    assert few(side(own), side(base), Thresholds(canary=Canary(min_requests=20))) == scarce


@pytest.mark.parametrize(
    ("own", "base", "alike"),
    [(side(100, 10), side(100, 10), True), (side(100, 9), side(100, 9), False), (side(100, 10), side(100, 60), False)],
)
def test_where_one_in_ten_fails_and_stable_is_no_worse_it_is_not_promoted(own: Side, base: Side, alike: bool) -> None:
    assert fail_alike(own, base, LIMITS) is alike
