from typing import Any

from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.grafana.queries import Board, Instant
from clusterprobe.systems.grafana.sidecar_files import DashboardFile
from clusterprobe.systems.grafana.sources import Boards
from probes.grafana.probe_log_queries import probe_log_queries
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, refused, server

FILE = Subject(kind="ConfigMap", namespace="monitoring-dev", name="services-dashboard")
GRAFANA = Subject(kind="Grafana", namespace="monitoring-dev", name="grafana")
LOG = Instant("Errors", '{namespace="$namespace"}', "log")
PROFILE = Profile.model_validate(
    {"endpoints": [{"system": "grafana", "namespace": "monitoring-dev", "url": "http://g", "bearer_token_env": "TOKEN"}]}
)
WITH_TOKEN = single(
    GRAFANA, server("grafana", "monitoring-dev", "grafana")[1].__class__(system="grafana", namespace="", name="", url="http://g")
)
WITHOUT = Readings((server("grafana", "monitoring-dev", "grafana"),))
NONE: Readings[Any] = Readings(absent="there is none")


def board(*instants: Instant) -> Board:
    return Board("Services", "svc", 3, list(instants))


def platform(**changes: Any) -> dict[str, Any]:
    fine: dict[str, Any] = {
        "grafana_dashboards": NONE,
        "grafana_alert_rules": NONE,
        "grafana_dashboard_files": single(FILE, DashboardFile([board()])),
        "grafana_servers": NONE,
        "profile": PROFILE,
    }
    return {**fine, **changes}


def live(*instants: Instant, **more: Any) -> Readings[Boards]:
    return single(GRAFANA, Boards([board(*instants)], **more))


def test_dashboards_without_instant_log_queries_pass() -> None:
    assert outcome(judged(probe_log_queries, **platform())) == "pass"


def test_one_in_a_file_is_a_warning_that_names_config_map_panel_and_query() -> None:
    (finding,) = judged(probe_log_queries, **platform(grafana_dashboard_files=single(FILE, DashboardFile([board(LOG)])))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("InstantLogQuery", Severity.WARNING, "services-dashboard")
    assert "Services (panel Errors)" in finding.problem
    assert "ConfigMap monitoring-dev/services-dashboard" in finding.cause
    assert LOG.query in finding.cause
    assert "queryType: range" in finding.fix


def test_one_of_an_alert_rule_is_an_error() -> None:
    (finding,) = judged(probe_log_queries, **platform(grafana_alert_rules=live(LOG), grafana_servers=WITH_TOKEN)).findings
    assert (finding.reason, finding.severity) == ("InstantLogQueryInAlert", Severity.ERROR)
    assert "/api/v1/provisioning/alert-rules/svc" in finding.fix


def test_one_of_a_dashboard_in_grafana_says_how_to_open_it() -> None:
    (finding,) = judged(probe_log_queries, **platform(grafana_dashboards=live(LOG))).findings
    assert "/d/svc" in finding.fix


def test_a_grafana_that_shows_no_dashboard_is_unchecked_and_one_without_alert_rules_is_not() -> None:
    nothing = single(GRAFANA, Boards([]))
    assert outcome(judged(probe_log_queries, **platform(grafana_dashboards=nothing))) == "inconclusive"
    assert outcome(judged(probe_log_queries, **platform(grafana_alert_rules=nothing))) == "pass"


def test_one_that_a_variable_hides_is_a_note() -> None:
    verdict = judged(probe_log_queries, **platform(grafana_dashboards=live(Instant("Errors", "$query", "unclear"))))
    assert reasons(verdict) == []
    assert "$query" in verdict.notes[0]


def test_dashboards_that_were_not_read_are_unchecked() -> None:
    for more in ({"skipped": 3}, {"failed": ["Services: HTTP 500"]}):
        assert outcome(judged(probe_log_queries, **platform(grafana_dashboards=live(**more)))) == "inconclusive"


def test_without_credentials_and_files_it_says_what_to_give() -> None:
    verdict = judged(probe_log_queries, **platform(grafana_servers=WITHOUT, grafana_dashboard_files=NONE))
    assert outcome(verdict) == "inconclusive"
    assert "bearer_token_env or basic" in verdict.unread[0].reason


def test_without_credentials_the_files_are_judged_and_the_rest_is_noted() -> None:
    verdict = judged(probe_log_queries, **platform(grafana_servers=WITHOUT))
    assert outcome(verdict) == "pass"
    assert "without alert rules" in verdict.notes[0]


def test_neither_grafana_nor_files_does_not_apply() -> None:
    assert outcome(judged(probe_log_queries, **platform(grafana_dashboard_files=NONE))) == "not_applicable"


def test_a_file_that_cannot_be_read_is_unchecked() -> None:
    files: Readings[Any] = Readings((), (refused("ConfigMap", "monitoring-dev"),))
    assert outcome(judged(probe_log_queries, **platform(grafana_dashboard_files=files))) == "inconclusive"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_log_queries, platform(grafana_dashboards=live(LOG), grafana_alert_rules=live(LOG)))
    assert_blindness_is_no_health(probe_log_queries, platform())
