import json
from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.access.servers import Server
from clusterprobe.errors import BadResponse, Unauthenticated
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.alerts import Arrived, ArrivedAlert
from clusterprobe.systems.loki.ruler import Firing, LogRule, Receiver, Ruler, read_ruler
from probes.loki.probe_ruler import probe_ruler
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, refused, server

NOW = 1_800_000_000.0
LONG_AGO, JUST_NOW = "2027-01-15T07:00:00Z", "2027-01-15T07:59:30Z"  # NOW is 08:00
PROD = "http://alertmanager-operated.monitoring-prod.svc.cluster.local:9093"
UNREAD: Readings[Any] = Readings((), (refused("Pod", "logging"),))
HEARTBEAT = {"alertname": "Heartbeat", "namespace": "logging"}


def rule(labels: dict[str, str] | None = None, active_at: str = LONG_AGO, **changes: Any) -> LogRule:
    firing = [] if labels is None else [Firing(labels, active_at)]
    fields = {"name": "Heartbeat", "group": "log-alerts", "file": "rules.yaml", "alerting": True, "health": "ok", **changes}
    return LogRule(firing=firing, **fields)


def ruler(*rules: LogRule, **changes: Any) -> Ruler:
    fields = {"runs": True, "known": 1, "receivers": [Receiver(PROD, sent=9)], **changes}
    return Ruler(namespace="logging", release="loki", rules=list(rules), **fields)


def alertmanager(namespace: str, *labels: dict[str, str]) -> tuple[Subject, Arrived]:
    return server("alertmanager", namespace, "main")[0], Arrived([ArrivedAlert(one, ["slack"], "active") for one in labels])


def platform(one: Ruler | None = None, *arrived: tuple[Subject, Arrived], **changes: Any) -> dict[str, Any]:
    pairs = arrived or (alertmanager("monitoring-prod", {**HEARTBEAT, "cluster": "lab"}), alertmanager("monitoring-dev"))
    return {
        "loki_rulers": single(server("loki", "logging", "loki", pod="loki-0")[0], one or ruler(rule(HEARTBEAT))),
        "alertmanager_alerts": Readings(tuple(pairs)),
        "system_pods": Readings(absent="no system is known"),
        "alertmanager_servers": Readings(tuple(server("alertmanager", subject.namespace, "main") for subject, _ in pairs)),
        "clock": Clock(NOW),
        **changes,
    }


def test_an_alert_that_fires_and_is_held_where_it_was_sent_proves_the_way() -> None:
    verdict = judged(probe_ruler, **platform())
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def test_a_ruler_without_an_alertmanager_is_an_error_that_names_the_setting() -> None:
    (finding,) = judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), known=0, receivers=[]))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("RulerWithoutAlertmanager", "error", "loki")
    assert "alertmanager_url" in finding.cause
    assert "$ kubectl" in finding.fix
    assert not [step for step in finding.steps if step.code], "which of two a shared Loki means, nobody can tell"


def test_the_one_alertmanager_that_it_can_mean_is_named() -> None:
    only = Readings((server("alertmanager", "monitoring-prod", "main"),))
    one = ruler(rule(HEARTBEAT), known=0, receivers=[])
    (finding,) = judged(probe_ruler, **platform(one, alertmanager_servers=only)).findings
    address = "http://alertmanager-operated.monitoring-prod.svc:9090"
    assert [step.code for step in finding.steps if step.code] == [f"loki:\n  rulerConfig:\n    alertmanager_url: {address}"]
    assert finding.rests_on == ["Loki/logging/loki"]


def test_recording_rules_alone_need_no_alertmanager() -> None:
    verdict = judged(probe_ruler, **platform(ruler(rule(alerting=False), known=0, receivers=[])))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def test_an_address_that_never_took_anything_is_an_error_that_names_it() -> None:
    (finding,) = judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), receivers=[Receiver(PROD, sent=5, failed=5)]))).findings
    assert finding.reason == "AlertmanagerUnreachable"
    assert PROD in finding.cause


def test_a_few_failures_among_many_are_none() -> None:
    assert reasons(judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), receivers=[Receiver(PROD, sent=50, failed=5)])))) == []


def test_one_dead_address_beside_one_that_takes_them_is_none() -> None:
    both = [Receiver(PROD, sent=5), Receiver("http://old:9093", sent=5, failed=5)]
    assert reasons(judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), receivers=both)))) == []


@pytest.mark.parametrize("broken", [{"health": "err", "error": "pipeline error"}, {"error": "pipeline error"}])
def test_a_rule_that_fails_is_named_with_its_error(broken: dict[str, str]) -> None:
    verdict = judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), rule(name="Slow", **broken))))
    (finding,) = verdict.findings
    assert finding.reason == "RuleFails"
    assert "Slow of group log-alerts in rules.yaml: pipeline error" in finding.cause


def test_a_rule_that_was_not_evaluated_yet_is_no_failure() -> None:
    assert reasons(judged(probe_ruler, **platform(ruler(rule(HEARTBEAT), rule(name="New", health="unknown"))))) == []


@pytest.mark.parametrize("broken", [{"stored_error": "error parsing /rules/fake/a.yaml: syntax error"}, {"reload_failed": ["fake"]}])
def test_rule_files_that_are_not_loaded_are_an_error(broken: dict[str, Any]) -> None:
    verdict = judged(probe_ruler, **platform(ruler(**broken)))
    assert reasons(verdict) == ["RulesNotLoaded"]
    assert ("syntax error" in verdict.findings[0].cause) or ("tenant fake" in verdict.findings[0].cause)


def test_no_rule_and_no_ruler_are_not_applicable() -> None:
    assert outcome(judged(probe_ruler, **platform(ruler()))) == "not_applicable"
    assert outcome(judged(probe_ruler, **platform(ruler(runs=False)))) == "not_applicable"


def test_an_alert_that_does_not_arrive_is_an_error() -> None:
    (finding,) = judged(probe_ruler, **platform(None, alertmanager("monitoring-prod"))).findings
    assert finding.reason == "LogAlertsLost"
    assert PROD in finding.cause


def test_an_alert_that_began_just_now_is_unchecked() -> None:
    young = ruler(rule(HEARTBEAT, JUST_NOW))
    verdict = judged(probe_ruler, **platform(young, alertmanager("monitoring-prod")))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_an_alertmanager_of_whose_replicas_one_is_unread_proves_no_loss() -> None:
    half = Readings((alertmanager("monitoring-prod"),), (refused("Pod", "monitoring-prod"),))
    verdict = judged(probe_ruler, **platform(alertmanager_alerts=half))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_with_nothing_firing_what_was_accepted_earlier_counts() -> None:
    verdict = judged(probe_ruler, **platform(ruler(rule())))
    assert outcome(verdict) == "pass"
    assert "9 notifications were accepted" in verdict.notes[0]


def test_with_nothing_firing_and_nothing_sent_the_way_is_unproven() -> None:
    verdict = judged(probe_ruler, **platform(ruler(rule(), receivers=[])))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_an_alertmanager_outside_the_cluster_is_believed_by_what_it_accepted() -> None:
    outside = ruler(rule(HEARTBEAT), receivers=[Receiver("https://alerts.example.org", sent=3)])
    assert outcome(judged(probe_ruler, **platform(outside))) == "pass"


@pytest.mark.parametrize(("place", "severity"), [("logging-prod", "warning"), ("logging", "info")])
def test_an_alert_of_dev_at_the_alertmanager_of_prod_is_told(place: str, severity: str) -> None:
    labels = {"alertname": "ErrorLines", "namespace": "fastapi-dev"}
    found = (alertmanager("monitoring-prod", labels), alertmanager("monitoring-dev"))
    one = Ruler(namespace=place, release="loki", runs=True, rules=[rule(labels)], known=1, receivers=[Receiver(PROD, sent=9)])
    (finding,) = judged(probe_ruler, **platform(one, *found)).findings
    assert (finding.reason, finding.severity) == ("AlertsOfAnotherEnvironment", severity)
    assert "fastapi-dev" in finding.cause


def test_an_alert_of_an_environment_without_an_alertmanager_goes_where_it_can() -> None:
    labels = {"alertname": "ErrorLines", "namespace": "fastapi-dev"}
    assert reasons(judged(probe_ruler, **platform(ruler(rule(labels)), alertmanager("monitoring-prod", labels)))) == []


def test_what_cannot_be_read_adds_nothing_and_is_no_health() -> None:
    assert_blindness_is_no_health(probe_ruler, platform(ruler(rule(HEARTBEAT), rule(name="Slow", health="err"))))
    verdict = judged(probe_ruler, **platform(loki_rulers=UNREAD))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


# --- the source -------------------------------------------------------------------------------------------------------

SERVICES = b"server => Running\nruler => Running\n"
METRICS = b"""# TYPE loki_prometheus_notifications_sent_total counter
loki_prometheus_notifications_alertmanagers_discovered{user="fake"} 1
loki_prometheus_notifications_sent_total{alertmanager="http://me:planted@am.prod:9093/api/v2/alerts",user="fake"} 4
loki_prometheus_notifications_errors_total{alertmanager="http://me:planted@am.prod:9093/api/v2/alerts",user="fake"} 1
loki_ruler_config_last_reload_successful{user="fake"} 0
"""


class Answering:
    """A Loki that answers each path with a status and a body."""

    url = "http://loki"

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            "/services": (200, SERVICES),
            "/prometheus/api/v1/rules": (200, json.dumps({"status": "success", "data": {"groups": []}}).encode()),
            "/loki/api/v1/rules": (404, b"no rule groups found"),
            "/metrics": (200, METRICS),
            **{path.replace("_", "/"): answer for path, answer in answers.items()},
        }

    def get(self, path: str, query: Any = None, **options: Any) -> Answer:
        status, body = self.answers[path]
        if isinstance(body, Exception):
            raise body
        if status not in options.get("accept", (200,)):
            raise BadResponse(f"HTTP {status}")
        return Answer(status, {}, body, 0.0)


class Without(Answering):
    """A Loki that lists these modules, and serves no rules."""

    def __init__(self, services: tuple[int, bytes]) -> None:
        super().__init__(_services=services)
        self.answers["/prometheus/api/v1/rules"] = (404, b"404 page not found")


LOKI = Server(system="loki", namespace="logging", name="loki")


def read(**answers: Any) -> Ruler:
    return read_ruler(Answering(**answers), LOKI)  # type: ignore[arg-type]


def test_the_counters_are_read_by_address_without_credentials() -> None:
    found = read()
    assert found.receivers == [Receiver("http://am.prod:9093", sent=4, failed=1)]
    assert found.receivers[0].accepted == 3
    assert (found.known, found.reload_failed, found.stored_error) == (1, ["fake"], "")
    assert "planted" not in repr(found)


def test_a_loki_whose_modules_lack_the_ruler_has_none() -> None:
    without = (200, b"server => Running\nquerier => Running\n")
    assert read_ruler(Without(without), LOKI).runs is False  # type: ignore[arg-type]


def test_half_a_list_of_modules_proves_nothing_while_the_rules_answer() -> None:
    with pytest.raises(BadResponse, match="and yet /prometheus/api/v1/rules answers"):
        read(_services=(200, b"server => Running\nquerier => Run"))


def test_lists_that_are_null_are_not_empty_ones() -> None:
    for groups in (None, [{"name": "g", "file": "f", "rules": None}]):
        with pytest.raises(BadResponse, match="a list is null"):
            nothing = json.dumps({"status": "success", "data": {"groups": groups}}).encode()
            answering = Answering()
            answering.answers["/prometheus/api/v1/rules"] = (200, nothing)
            read_ruler(answering, LOKI)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"<html>login</html>", b"", b"{}"])
def test_an_odd_list_of_modules_proves_nothing(body: bytes) -> None:
    with pytest.raises(BadResponse):
        read(_services=(200, body))


def test_a_404_on_the_rules_alone_proves_nothing() -> None:
    class NoRules(Answering):
        def __init__(self) -> None:
            super().__init__(_services=(404, b"not found"))
            self.answers["/prometheus/api/v1/rules"] = (404, b"not found")

    with pytest.raises(BadResponse):
        read_ruler(NoRules(), LOKI)  # type: ignore[arg-type]


def stored(status: int, body: bytes) -> str:
    loki = Answering()
    loki.answers["/loki/api/v1/rules"] = (status, body)
    return read_ruler(loki, LOKI).stored_error  # type: ignore[arg-type]


def test_a_rule_file_that_does_not_parse_is_told_as_loki_says_it() -> None:
    assert stored(400, b"error parsing /etc/loki/rules/fake/a.yaml: could not parse expression") == (
        "error parsing /etc/loki/rules/fake/a.yaml: could not parse expression"
    )


def test_a_tenant_without_rules_is_no_error() -> None:
    assert stored(400, b"unable to read rule dir /rules/fake: open /rules/fake: no such file or directory") == ""
    assert stored(404, b"no rule groups found") == ""


def test_a_login_page_in_the_place_of_rules_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        stored(400, b"<html>login</html>")


def test_the_rules_of_each_tenant_are_read_as_that_tenant() -> None:
    class Tenants(Answering):
        """One that asks who wants to know, and has rules of its own for each."""

        def __init__(self, tenant: str = "") -> None:
            super().__init__()
            one = {"name": f"of {tenant}", "health": "ok", "type": "alerting", "query": "x"}
            body = {"status": "success", "data": {"groups": [{"name": "g", "file": "f", "rules": [one]}]}}
            rules = json.dumps(body).encode() if tenant else Unauthenticated("HTTP 401: no org id")
            self.answers["/prometheus/api/v1/rules"] = (200, rules)

        def as_tenant(self, tenant: str) -> "Tenants":
            return Tenants(tenant)

    assert [one.name for one in read_ruler(Tenants(), LOKI, ["a", "b"]).rules] == ["of a", "of b"]  # type: ignore[arg-type]
    with pytest.raises(Unauthenticated):
        read_ruler(Tenants(), LOKI)  # type: ignore[arg-type]


def test_only_alerts_that_fire_are_kept_of_a_rule() -> None:
    loki = Answering()
    alerts = [{"labels": {"a": "1"}, "state": "firing", "activeAt": LONG_AGO}, {"labels": {"a": "2"}, "state": "pending"}]
    one = {"name": "A", "health": "ok", "type": "alerting", "alerts": alerts, "query": "x"}
    body = {"status": "success", "data": {"groups": [{"name": "g", "file": "f", "rules": [one]}]}}
    loki.answers["/prometheus/api/v1/rules"] = (200, json.dumps(body).encode())
    (found,) = read_ruler(loki, LOKI).rules  # type: ignore[arg-type]
    assert found.firing == [Firing({"a": "1"}, LONG_AGO)]
