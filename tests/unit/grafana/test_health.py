from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse
from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.grafana.sidecar_files import datasources_in
from clusterprobe.systems.grafana.sources import Health, Notifications, _health, _notifications
from clusterprobe.verdict import Verdict
from probes.grafana.probe_health import probe_health
from probes.grafana.probe_missing import probe_missing
from tests.factories import assert_blindness_is_no_health, judged, listing, outcome, reasons, refused, server

POD, SERVER = server("grafana", "monitoring-dev", "grafana", pod="grafana-0")


CLOCK = Clock(1_800_000_000.0)


def judge(health: Readings[Any], notifications: Readings[Any] | None = None) -> Verdict:
    told: Readings[Any] = Readings(absent="there is no Grafana") if notifications is None else notifications
    return judged(probe_health, grafana_health=health, grafana_notifications=told, clock=CLOCK)


def test_one_that_reaches_its_database_passes() -> None:
    verdict = judge(single(POD, Health("ok", "11.6.1")))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].rows == [["Pod monitoring-dev/grafana-0", "11.6.1", "ok"]]


def test_one_that_does_not_is_an_error() -> None:
    (finding,) = judge(single(POD, Health("failing"))).findings
    assert (finding.reason, finding.severity) == ("DatabaseFailing", Severity.ERROR)
    assert "kubectl -n monitoring-dev logs grafana-0" in finding.fix


def test_one_that_is_reached_by_its_address_has_no_command_with_a_place_to_fill_in() -> None:
    where = Subject(kind="Grafana", namespace="monitoring-dev", name="grafana")
    (finding,) = judge(single(where, Health("failing"))).findings
    assert [step.commands for step in finding.steps] == [[], []]


def test_none_does_not_apply_and_one_that_cannot_be_asked_is_unchecked() -> None:
    assert outcome(judge(Readings(absent="there is no Grafana"))) == "not_applicable"
    assert outcome(judge(Readings((), (refused("Pod"),)))) == "inconclusive"


def told(sent: float, failed: float) -> Notifications:
    return Notifications(CLOCK.now - 7200, {"slack": sent, "email": 0.0}, {"slack": failed, "email": 0.0})


def test_alerts_of_its_own_that_never_arrive_are_an_error_that_names_the_kind_of_contact_point() -> None:
    (finding,) = judge(single(POD, Health("ok")), single(POD, told(3, 3))).findings
    assert (finding.reason, finding.severity) == ("AlertsNotDelivered", Severity.ERROR)
    assert "has delivered none of 3 notifications of its own alerts through “slack” since it started 2 h ago" in finding.problem
    assert "kubectl -n monitoring-dev logs grafana-0" in finding.fix


@pytest.mark.parametrize(("sent", "failed"), [(0, 0), (3, 0), (3, 2)])
def test_where_some_arrive_or_none_was_sent_there_is_no_finding(sent: float, failed: float) -> None:
    assert outcome(judge(single(POD, Health("ok")), single(POD, told(sent, failed)))) == "pass"


def test_metrics_that_are_not_shown_are_a_note() -> None:
    verdict = judge(single(POD, Health("ok")), Readings((), (refused("Pod", "monitoring-dev", "HTTP 401"),)))
    assert outcome(verdict) == "pass"
    assert any("HTTP 401" in note for note in verdict.notes)


PAGE = b"""# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7999928e+09
# TYPE grafana_alerting_notifications_total counter
grafana_alerting_notifications_total{integration="slack",org="1"} 2
grafana_alerting_notifications_total{integration="slack",org="2"} 1
# TYPE grafana_alerting_notifications_failed_total counter
grafana_alerting_notifications_failed_total{integration="slack",org="1"} 2
"""


def test_notifications_are_counted_over_all_organisations() -> None:
    assert _notifications(Answering(200, PAGE)) == Notifications(CLOCK.now - 7200, {"slack": 3.0}, {"slack": 2.0})  # type: ignore[arg-type]
    with pytest.raises(BadResponse):
        _notifications(Answering(200, b"# TYPE a counter\na 1\n"))  # type: ignore[arg-type]


def test_blindness_is_never_taken_for_health() -> None:
    readings = {"grafana_health": single(POD, Health("failing")), "grafana_notifications": single(POD, told(3, 3)), "clock": CLOCK}
    assert_blindness_is_no_health(probe_health, readings)


def test_one_that_is_expected_and_gone_is_missing() -> None:
    profile = Profile.model_validate({"expect": {"grafana": ["monitoring-dev"]}})
    readings: dict[str, Any] = {"namespaces": listing("Namespace", []), "installations": Readings(absent="none"), "profile": profile}
    assert reasons(judged(probe_missing, grafana_servers=Readings(absent="there is none"), **readings)) == ["ExpectedMissing"]
    assert outcome(judged(probe_missing, grafana_servers=Readings(((POD, SERVER),)), **readings)) != "findings"
    assert outcome(judged(probe_missing, grafana_servers=Readings((), (refused("PodList"),)), **readings)) == "inconclusive"


class Answering:
    url = "http://grafana"

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = Answer(status, {}, body, 0.0)

    def get(self, path: str, **options: Any) -> Answer:
        return self.answer


def test_grafanas_own_answers_are_read() -> None:
    assert _health(Answering(200, b'{"commit":"x","database":"ok","version":"11.6.1"}')) == Health("ok", "11.6.1")  # type: ignore[arg-type]
    assert _health(Answering(503, b'{"database":"failing","version":"11.6.1"}')).database == "failing"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>login</html>"), (200, b"{}"), (200, b'{"database":"failing"}'), (503, b'{"database":"ok"}'), (503, b"no endpoints")],
)
def test_what_others_answer_on_the_way_is_unreadable(status: int, body: bytes) -> None:
    with pytest.raises(BadResponse):
        _health(Answering(status, body))  # type: ignore[arg-type]


def test_of_a_file_of_data_sources_nothing_secret_is_kept() -> None:
    text = """
apiVersion: 1
datasources:
- {name: A, type: loki, uid: a, url: "http://user:planted@loki:3100/x?token=planted", isDefault: true, access: proxy, orgId: 3,
   basicAuthPassword: planted, secureJsonData: {httpHeaderValue1: planted}}
- {name: B, type: prometheus}
"""
    first, second = datasources_in(text)
    assert (first.url, first.uid, first.default, first.organization) == ("http://loki:3100/x", "a", True, 3)
    assert (second.url, second.default, second.organization) == ("", False, 1)
    assert "planted" not in repr((first, second))


@pytest.mark.parametrize("text", ["a: [", "just text", "datasources: 5", "datasources: [5]", "datasources: [{name: A}]", "- a"])
def test_a_file_that_is_none_is_unreadable(text: str) -> None:
    with pytest.raises(BadResponse):
        list(datasources_in(text))


@pytest.mark.parametrize("text", ["", "apiVersion: 1", "datasources: []", "deleteDatasources: [{name: A, orgId: 1}]"])
def test_a_file_without_data_sources_is_fine(text: str) -> None:
    assert list(datasources_in(text)) == []
