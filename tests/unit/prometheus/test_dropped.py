from typing import Any

import pytest

from clusterprobe.model import Finding
from clusterprobe.readings import Readings, single
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.prometheus.dropped import DROPPED, NOTIFICATIONS, dropped_by, dropped_query, recent_of
from clusterprobe.systems.prometheus.own_log import OwnError
from clusterprobe.systems.prometheus.query import Sample
from probes.prometheus.probe_dropped import probe_dropped
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons
from tests.unit.prometheus.test_pressure import SUBJECT, pressure

ORDER, TWICE, BOUNDS, _ = DROPPED


def readings(**dropped: float | None) -> dict[str, Any]:
    told = [OwnError("samples", "out of order sample", "serviceMonitor/shop/orders/0")]
    return {
        "prometheus_pressure": single(SUBJECT, pressure(dropped=dropped)),
        "prometheus_own_errors": single(SUBJECT, told),
    }


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


@pytest.mark.parametrize(("count", "severity"), [(1.0, "warning"), (9.0, "warning"), (10.0, "error")])
def test_many_alerts_that_are_dropped_before_they_are_sent_are_an_error(count: float, severity: str) -> None:
    one = found(**{NOTIFICATIONS: count})
    assert (one.reason, one.severity) == ("AlertsDropped", severity)
    assert "Either an Alertmanager did not take them, as it was away or refused them, or the queue to it was full" in one.cause


def test_a_counter_whose_past_is_not_known_is_unchecked() -> None:
    assert outcome(judged(probe_dropped, **readings(**{TWICE: None}))) == "inconclusive"


def test_without_a_prometheus_it_does_not_apply() -> None:
    nothing: Readings[Any] = Readings(absent="there is no Prometheus")
    absent = {**readings(), "prometheus_pressure": nothing, "prometheus_own_errors": nothing}
    assert outcome(judged(probe_dropped, **absent)) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_dropped, readings(**{ORDER: 1200.0}))
    assert_blindness_is_no_health(probe_dropped, readings())


def test_the_one_monitor_that_the_log_names_is_edited() -> None:
    assert found(**{TWICE: 1200.0}).fix.endswith("$ kubectl -n shop edit servicemonitors.monitoring.coreos.com orders")
    several = [OwnError("samples", "out of order sample", f"serviceMonitor/shop/{name}/0") for name in ("orders", "prices")]
    (finding,) = judged(probe_dropped, **{**readings(**{TWICE: 1200.0}), "prometheus_own_errors": single(SUBJECT, several)}).findings
    assert " edit " not in finding.fix


def quiet(lately: float | None, **dropped: float | None) -> dict[str, Any]:
    one = pressure(dropped=dropped, dropped_lately=dict.fromkeys(dropped, lately), recent=60.0)
    return {**readings(), "prometheus_pressure": single(SUBJECT, one)}


@pytest.mark.parametrize(("counter", "count"), [(TWICE, 1200.0), (NOTIFICATIONS, 40.0)])
def test_what_is_dropped_no_longer_is_a_note_that_says_for_how_long(counter: str, count: float) -> None:
    verdict = judged(probe_dropped, **quiet(0.0, **{counter: count}))
    assert (outcome(verdict), verdict.findings) == ("pass", [])
    assert verdict.notes == [
        f"Prometheus monitoring-dev/main dropped {count:.0f} {DROPPED[counter]}, in the last 10 min, and none in the last 60 s."
    ]


@pytest.mark.parametrize("lately", [1.0, None])
def test_what_is_still_dropped_or_may_be_is_a_finding(lately: float | None) -> None:
    assert reasons(judged(probe_dropped, **quiet(lately, **{TWICE: 1200.0}))) == ["SamplesDropped"]


# --- what its counters gained -------------------------------------------------------------------------------------------


def gained(name: str, value: float, within: str = "window") -> Sample:
    return Sample({"counter": name, "within": within}, 0.0, value)


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
    assert dropped_by([Metric(ORDER, {}, 40.0)], grown, 60.0, young=young).gained == {ORDER: expected}


@pytest.mark.parametrize(
    ("grown", "lately"),
    [([gained(ORDER, 0.0, "recent")], 0.0), ([gained(ORDER, 3.0, "recent"), gained(ORDER, 0.0, "recent")], 3.0), ([], None)],
)
def test_what_a_counter_gained_lately_is_told_apart(grown: list[Sample], lately: float | None) -> None:
    told = dropped_by([Metric(ORDER, {}, 40.0)], [gained(ORDER, 40.0), *grown], 60.0, young=False)
    assert (told.gained, told.lately, told.recent) == ({ORDER: 40.0}, {ORDER: lately}, 60.0)


@pytest.mark.parametrize(("intervals", "seconds"), [([], 60.0), ([10.0, 30.0], 60.0), ([10.0, 31.0], 62.0)])
def test_nothing_is_quiet_before_every_target_was_scraped_twice(intervals: list[float], seconds: float) -> None:
    assert recent_of(intervals) == seconds


def test_alerts_that_could_not_be_sent_are_another_probes() -> None:
    grown = [gained(NOTIFICATIONS, 3.0), gained("prometheus_notifications_errors_total", 3.0)]
    assert dropped_by([Metric(NOTIFICATIONS, {}, 3.0)], grown, 60.0, young=False).gained == {}


def test_the_question_is_about_this_process_only() -> None:
    text = dropped_query(1.5, 600, 60)
    assert text.endswith("and on (instance, job) (process_start_time_seconds == 1.5)")
    assert all(f"increase({one}[{seconds}s])" in text for one in DROPPED for seconds in (600, 60))
