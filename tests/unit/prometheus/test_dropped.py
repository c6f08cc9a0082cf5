from typing import Any

import pytest

from clusterprobe.model import Finding
from clusterprobe.readings import Readings, single
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.prometheus.dropped import DROPPED, NOTIFICATIONS, dropped_query, gained_by
from clusterprobe.systems.prometheus.own_log import OwnError
from clusterprobe.systems.prometheus.query import Sample
from probes.prometheus.probe_dropped import probe_dropped
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons
from tests.unit.prometheus.test_pressure import SUBJECT, pressure

ORDER, TWICE, BOUNDS, _ = DROPPED


def readings(**dropped: float | None) -> dict[str, Any]:
    told = [OwnError("samples", "out of order sample", "serviceMonitor/shop/orders/0")]
    return {"prometheus_pressure": single(SUBJECT, pressure(dropped=dropped)), "prometheus_own_errors": single(SUBJECT, told)}


def found(**dropped: float | None) -> Finding:
    (one,) = judged(probe_dropped, **readings(**dropped)).findings
    return one


def test_one_that_drops_nothing_passes() -> None:
    assert outcome(judged(probe_dropped, **readings())) == "pass"


@pytest.mark.parametrize("counter", [ORDER, TWICE, BOUNDS])
@pytest.mark.parametrize(("count", "expected"), [(9.0, []), (10.0, ["SamplesDropped"])])
def test_samples_count_from_ten_on(counter: str, count: float, expected: list[str]) -> None:
    assert reasons(judged(probe_dropped, **readings(**{counter: count}))) == expected


def test_dropped_samples_are_named_with_the_targets_that_the_log_names() -> None:
    one = found(**{ORDER: 1200.0})
    assert (one.reason, one.severity) == ("SamplesDropped", "warning")
    assert one.problem == (
        "Prometheus monitoring-dev/main dropped 1200 out-of-order samples, which are older than the newest of their series, in the last 10 min: they were "
        "scraped, and are in no graph."
    )
    assert "Its log says of serviceMonitor/shop/orders/0: “out of order sample”." in one.cause
    assert "honorTimestamps" in one.fix


def test_alerts_that_are_dropped_before_they_are_sent_are_an_error() -> None:
    one = found(**{NOTIFICATIONS: 3.0})
    assert (one.reason, one.severity) == ("AlertsDropped", "error")
    assert "Either an Alertmanager did not take them, as it was away or refused them, or the queue to it was full" in one.cause


def test_a_counter_whose_past_is_not_known_is_unchecked() -> None:
    assert outcome(judged(probe_dropped, **readings(**{TWICE: None}))) == "inconclusive"


def test_without_a_prometheus_it_does_not_apply() -> None:
    nothing: Readings[Any] = Readings(absent="there is no Prometheus")
    assert outcome(judged(probe_dropped, prometheus_pressure=nothing, prometheus_own_errors=nothing)) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_dropped, readings(**{ORDER: 1200.0}))
    assert_blindness_is_no_health(probe_dropped, readings())


# --- what its counters gained -------------------------------------------------------------------------------------------


def gained(name: str, value: float) -> Sample:
    return Sample({"counter": name}, 0.0, value)


@pytest.mark.parametrize(
    ("grown", "young", "expected"),
    [
        ([gained(ORDER, 5.0)], False, 5.0),
        ([gained(ORDER, 5.0), gained(ORDER, 7.0)], False, 7.0),  # it is scraped twice
        ([gained(ORDER, 0.0)], False, 0.0),  # long ago
        ([], False, None),  # it does not scrape itself
        ([], True, 40.0),
    ],
)
def test_what_a_counter_gained(grown: list[Sample], young: bool, expected: float | None) -> None:
    assert gained_by([Metric(ORDER, {}, 40.0)], grown, young=young) == {ORDER: expected}


def test_alerts_that_could_not_be_sent_are_another_probes() -> None:
    grown = [gained(NOTIFICATIONS, 3.0), gained("prometheus_notifications_errors_total", 3.0)]
    assert gained_by([Metric(NOTIFICATIONS, {}, 3.0)], grown, young=False) == {}


def test_the_question_is_about_this_process_only() -> None:
    text = dropped_query(1.5, 600)
    assert text.endswith("and on (instance, job) (process_start_time_seconds == 1.5)")
    assert all(f"increase({one}[600s])" in text for one in DROPPED)
