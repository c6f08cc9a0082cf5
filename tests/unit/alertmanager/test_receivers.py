from typing import Any

import msgspec
import pytest

from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.alerts import Arrived, ArrivedAlert
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.alerting import AlertingRule, LoadedRules, RuleFile
from clusterprobe.systems.prometheus.objects import Prometheus
from probes.alertmanager.probe_receivers import probe_receivers
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.test_routing import CHART, FALLBACK, SINK, SLACK

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
ONE, PROD = (server("alertmanager", f"monitoring-{one}", "main") for one in ("dev", "prod"))
NAMESPACES = [labelled(Namespace, "", name) for name in ("monitoring-dev", "fastapi-dev", "fastapi-prod", "kube-system")]


def platform(text: str | None, **changes: Any) -> dict[str, Any]:
    read = Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)) if text else Readings((), (refused("Pod"),))
    return {
        "alertmanager_statuses": read,
        "alertmanager_servers": Readings((ONE, PROD)),
        "namespaces": listing("Namespace", NAMESPACES),
        "alertmanagers": listing("Alertmanager", []),
        "alertmanager_secrets": Readings(absent="there is no Alertmanager"),
        "alertmanager_alerts": Readings(((ONE[0], Arrived([])),)),
        "prometheuses": listing("Prometheus", []),
        "prometheus_loaded_rules": Readings((), (), "there is no Prometheus"),
        "environments": Environments(Profile(), NAMESPACES),
        "clock": CLOCK,
        **changes,
    }


def tree(routes: str, root: str = '"null"', receivers: str = SINK + SLACK) -> str:
    return f"route: {{receiver: {root}, routes: [{routes}]}}\nreceivers:\n{receivers}"


WATCHDOG = "{receiver: 'null', matchers: ['alertname=~\"Watchdog|InfoInhibitor\"']}"


def test_critical_alerts_that_arrive_pass_and_show_their_way() -> None:
    verdict = judged(probe_receivers, **platform(tree(WATCHDOG, "slack")))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].rows == [["fastapi-dev, monitoring-dev, (none)", 'route → receiver "slack"']]


def test_critical_alerts_that_end_at_the_root_sink_are_an_error_with_the_way() -> None:
    (finding,) = judged(probe_receivers, **platform(tree("{receiver: slack, match: {severity: warning}}"))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("CriticalReachesNobody", "error", "main")
    assert "fastapi-dev, monitoring-dev" in finding.problem
    assert 'route → receiver "null"' in finding.cause
    assert "root route to the receiver “slack”" in finding.fix


def test_a_sink_in_front_of_the_right_route_is_named_with_its_matchers() -> None:
    routes = '{receiver: "null", matchers: [severity="critical"]}, {receiver: slack}'
    (finding,) = judged(probe_receivers, **platform(tree(routes, "slack"))).findings
    assert 'routes[0] {severity="critical"} → receiver "null"' in finding.cause


def test_a_sink_that_continues_does_no_harm() -> None:
    routes = '{receiver: "null", continue: true, matchers: [severity="critical"]}, {receiver: slack}'
    assert outcome(judged(probe_receivers, **platform(tree(routes)))) == "pass"


def test_one_namespace_that_is_lost_is_enough() -> None:
    routes = "{receiver: 'null', matchers: [namespace=fastapi-dev]}"
    (finding,) = judged(probe_receivers, **platform(tree(routes, "slack"))).findings
    assert finding.severity == "error"
    assert "alert of fastapi-dev reaches" in finding.problem


def test_namespaces_of_another_environment_are_not_asked_for() -> None:
    assert not reasons(judged(probe_receivers, **platform(tree("{receiver: 'null', matchers: [namespace=fastapi-prod]}", "slack"))))


def test_where_one_environment_has_a_stack_the_alerts_of_all_come_to_it() -> None:
    world = platform(tree("{receiver: 'null', matchers: [namespace=fastapi-prod]}", "slack"), alertmanager_servers=Readings((ONE,)))
    (finding,) = judged(probe_receivers, **world).findings
    assert "alert of fastapi-prod reaches" in finding.problem
    unknown = Readings((ONE,), (refused("Pod"),))
    assert "fastapi-prod" not in str(judged(probe_receivers, **{**world, "alertmanager_servers": unknown}).findings)


def test_only_alerts_without_a_namespace_being_lost_is_a_warning() -> None:
    routes = "{receiver: slack, matchers: ['namespace=~\".+\"']}"
    (finding,) = judged(probe_receivers, **platform(tree(routes))).findings
    assert finding.severity == "warning"
    assert "no namespace" in finding.problem


def test_routes_of_objects_deliver_for_their_own_namespace_only() -> None:
    team = "- name: fastapi-dev/team/slack\n  slack_configs: [{}]\n"
    routes = "{receiver: fastapi-dev/team/slack, continue: true, matchers: ['namespace=\"fastapi-dev\"']}"
    (finding,) = judged(probe_receivers, **platform(tree(routes, receivers=SINK + team))).findings
    assert "alert of monitoring-dev reaches" in finding.problem
    assert "a receiver with an integration" in finding.fix


def test_delivery_that_depends_on_another_label_is_a_warning_that_names_it() -> None:
    (finding,) = judged(probe_receivers, **platform(tree("{receiver: slack, matchers: [team=ml]}"))).findings
    assert finding.severity == "warning"
    assert "Only with other labels (team)" in finding.cause


def test_integrations_without_any_route_to_them_are_critical() -> None:
    (finding,) = judged(probe_receivers, **platform(tree(""))).findings
    assert (finding.reason, finding.severity) == ("NoRouteToIntegration", "critical")
    assert "slack have integrations" in finding.cause


def test_defaults_are_left_to_the_probe_that_explains_them() -> None:
    for text in (CHART, FALLBACK):
        (finding,) = judged(probe_receivers, **platform(text)).findings
        assert (finding.reason, finding.severity) == ("EverythingToNull", "info")
        assert "alertmanager/default-config" in finding.cause


def test_a_pattern_that_cannot_be_judged_is_unchecked() -> None:
    routes = "{receiver: 'null', matchers: ['namespace=~\"(x\"']}"
    verdict = judged(probe_receivers, **platform(tree(routes, "slack")))
    assert outcome(verdict) == "inconclusive"
    assert not verdict.findings


def test_two_replicas_with_the_same_trouble_are_one_finding() -> None:
    other = server("alertmanager", "monitoring-dev", "main", pod="alertmanager-main-1")
    status = AlertmanagerStatus(parse_configuration(tree("{receiver: slack, matchers: [severity=info]}")))
    both = {"alertmanager_statuses": Readings(((ONE[0], status), (other[0], status))), "alertmanager_servers": Readings((ONE, other))}
    assert len(judged(probe_receivers, **platform(None, **both)).findings) == 1


def test_what_cannot_be_read_is_inconclusive() -> None:
    assert outcome(judged(probe_receivers, **platform(None))) == "inconclusive"
    unread = Readings((), (refused("NamespaceList"),))
    assert outcome(judged(probe_receivers, **platform(tree(WATCHDOG, "slack"), namespaces=unread))) == "inconclusive"


def test_without_environments_alerts_of_all_namespaces_are_tried() -> None:
    plain = [labelled(Namespace, "", name) for name in ("monitoring", "shop")]
    one = server("alertmanager", "monitoring", "main")
    status = AlertmanagerStatus(parse_configuration(tree("{receiver: slack, matchers: [namespace=monitoring]}")))
    world = platform(
        None,
        alertmanager_statuses=Readings(((one[0], status),)),
        alertmanager_servers=Readings((one,)),
        namespaces=listing("Namespace", plain),
        environments=Environments(Profile(), plain),
    )
    (finding,) = judged(probe_receivers, **world).findings
    assert (finding.severity, finding.problem.startswith("A critical alert of shop reaches")) == ("error", True)


# --- the labels that alerts have -----------------------------------------------------------------------------------------


def prometheus(name: str = "main", namespace: str = "monitoring-dev", to: str = "monitoring-dev", **spec: Any) -> Prometheus:
    return labelled(Prometheus, namespace, name, spec={"alerting": {"alertmanagers": [{"name": "am", "namespace": to}]}, **spec})


def loaded(*rules: AlertingRule, namespace: str = "monitoring-dev") -> Readings[LoadedRules]:
    return Readings(
        ((server("prometheus", namespace, "main")[0], LoadedRules([RuleFile("a.yaml", ["a"], len(rules), alerting=list(rules))])),)
    )


def critical(name: str = "DiskFull", **labels: str) -> AlertingRule:
    return AlertingRule(name, {"severity": "critical", **labels})


def found(routes: str, root: str = '"null"', receivers: str = SINK + SLACK, more: str = "", **changes: Any) -> list[str]:
    return reasons(judged(probe_receivers, **platform(tree(routes, root, receivers) + more, **changes)))


CLUSTER = "{receiver: slack, matchers: [cluster=k8s-1]}"


@pytest.mark.parametrize(
    ("external", "expected"),
    [({"cluster": "k8s-1"}, []), ({"cluster": "k8s-2"}, ["CriticalReachesNobody"]), ({}, ["CriticalReachesNobody"])],
)
def test_an_external_label_is_a_label_of_every_alert(external: dict[str, str], expected: list[str]) -> None:
    sending = listing("Prometheus", [prometheus(externalLabels=external), prometheus("other", "monitoring-prod", "monitoring-prod")])
    assert found(CLUSTER, prometheuses=sending) == expected


@pytest.mark.parametrize(("name", "expected"), [(None, []), ("", ["CriticalReachesNobody"]), ("origin", ["CriticalReachesNobody"])])
def test_the_operators_own_label_is_one_of_them(name: str | None, expected: list[str]) -> None:
    one = prometheus(prometheusExternalLabelName=name)
    assert (
        found("{receiver: slack, matchers: ['prometheus=\"monitoring-dev/main\"']}", prometheuses=listing("Prometheus", [one])) == expected
    )


def test_without_an_object_the_heartbeat_shows_what_is_added() -> None:
    heartbeat = ArrivedAlert({"alertname": "Watchdog", "severity": "none", "cluster": "k8s-1"}, ["null"], "active")
    assert found(CLUSTER, alertmanager_alerts=Readings(((ONE[0], Arrived([heartbeat])),))) == []


TEAM = "{receiver: slack, matchers: [team=ml]}"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([critical(team="ml")], []),
        ([critical(team="ml"), critical("Late", team="etl")], ["CriticalReachesNobody"]),
        ([critical(team="ml"), AlertingRule("Slow", {"severity": "warning"})], []),
        ([AlertingRule("Slow", {"severity": "warning"})], ["CriticalReachesNobody"]),
        ([AlertingRule("Down", {"severity": "page", "team": "ml"})], []),
        ([critical(team="ml"), AlertingRule("Down", {"severity": "page"})], ["CriticalReachesNobody"]),
    ],
)
def test_the_labels_of_the_rules_that_are_loaded_count(rules: list[AlertingRule], expected: list[str]) -> None:
    one = listing("Prometheus", [prometheus()])
    assert found(TEAM, prometheus_loaded_rules=loaded(*rules), prometheuses=one) == expected


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [(["fastapi-dev"], []), (["", "fastapi-dev"], ["CriticalReachesNobody"]), (None, ["CriticalReachesNobody"])],
)
def test_a_rule_that_asks_for_one_namespace_alerts_of_no_other(namespaces: list[str] | None, expected: list[str]) -> None:
    rule = AlertingRule("Down", {"severity": "critical"}, namespaces=namespaces)
    own = "{receiver: slack, matchers: [namespace=fastapi-dev]}"
    assert found(own, prometheus_loaded_rules=loaded(rule), prometheuses=listing("Prometheus", [prometheus()])) == expected


def test_rules_of_a_prometheus_that_sends_elsewhere_do_not() -> None:
    both = listing("Prometheus", [prometheus(), prometheus("main", "monitoring-prod", "monitoring-prod")])
    elsewhere = loaded(critical(team="etl"), namespace="monitoring-prod")
    here = loaded(critical(team="ml"))
    assert found(TEAM, prometheus_loaded_rules=Readings((*here.values, *elsewhere.values)), prometheuses=both) == []


def test_a_rule_whose_alert_is_lost_is_named_and_can_be_tried() -> None:
    routes = "{receiver: 'null', matchers: [team=etl]}"
    world = platform(tree(routes, "slack"), prometheus_loaded_rules=loaded(critical("Late", team="etl")))
    (finding,) = judged(probe_receivers, **world).findings
    assert "the alert Late" in finding.cause
    assert "severity=critical alertname=Late namespace=fastapi-dev team=etl" in finding.fix


# --- what holds an alert back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("[{}]", ["CriticalMuted"]),
        ("[{weekdays: ['monday:friday', saturday, sunday], times: [{start_time: '00:00', end_time: '24:00'}]}]", ["CriticalMuted"]),
        ("[{weekdays: ['saturday', 'sunday']}]", []),
        ("[{years: ['2020:2040']}]", ["CriticalMuted"]),
        ("[{years: ['2020:2027']}]", []),  # it opens within a year
        ("[{years: ['2020:2040'], months: ['1:11']}]", []),
        ("[{weekdays: ['monday:friday']}, {weekdays: ['sunday'], months: ['may']}]", []),
        ("[{weekdays: ['monday:friday']}, {weekdays: ['saturday', 'sunday']}]", ["CriticalMuted"]),
        ("[{times: [{start_time: '00:00', end_time: '09:30'}]}, {times: [{start_time: '09:30', end_time: '24:00'}]}]", ["CriticalMuted"]),
        ("[{times: [{start_time: 00:00, end_time: 24:00}]}]", ["CriticalMuted"]),
        ("[{days_of_month: ['1:31']}]", ["CriticalMuted"]),
        ("[{days_of_month: ['1:-2']}]", []),
        ("[{days_of_month: ['1:15', '-16:-1']}]", ["CriticalMuted"]),
        ("[{weekdays: ['monday:friday'], location: UTC}, {weekdays: ['saturday', 'sunday'], location: Asia/Tokyo}]", []),
        ("[]", []),
    ],
)
def test_a_route_that_is_muted_for_a_year(interval: str, expected: list[str]) -> None:
    routes = "{receiver: slack, mute_time_intervals: [quiet]}"
    assert found(routes, more=f"time_intervals: [{{name: quiet, time_intervals: {interval}}}]\n") == expected


def test_a_mute_is_named_and_holds_for_its_own_route_only() -> None:
    more = "mute_time_intervals: [{name: quiet, time_intervals: [{}]}]\n"
    routes = "{receiver: slack, mute_time_intervals: [quiet]}"
    (finding,) = judged(probe_receivers, **platform(tree(routes) + more)).findings
    assert "muted for at least a year to come by “quiet”" in finding.cause
    assert found("{receiver: slack, mute_time_intervals: [quiet], routes: [{matchers: [severity=critical]}]}", more=more) == []


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("[]", ["CriticalMuted"]),
        ("[{years: ['2020:2026']}]", ["CriticalMuted"]),
        ("[{months: [february], days_of_month: ['30:31']}]", ["CriticalMuted"]),
        ("[{months: [february], days_of_month: ['-1']}]", []),
        ("[{weekdays: [sunday], times: [{start_time: '23:59', end_time: '24:00'}]}]", []),
    ],
)
def test_a_route_that_is_never_active(interval: str, expected: list[str]) -> None:
    more = f"time_intervals: [{{name: none, time_intervals: {interval}}}]\n"
    assert found("{receiver: slack, active_time_intervals: [none]}", more=more) == expected


def test_mutes_that_leave_no_time_together_and_what_is_muted_whenever_it_is_active() -> None:
    week, end = "{name: week, time_intervals: [{weekdays: ['monday:friday']}]}", "{name: end, time_intervals: [{weekdays: ['6', sunday]}]}"
    more = f"time_intervals: [{week}, {end}]\n"
    assert found("{receiver: slack, mute_time_intervals: [week, end]}", more=more) == ["CriticalMuted"]
    assert found("{receiver: slack, mute_time_intervals: [week], active_time_intervals: [week]}", more=more) == ["CriticalMuted"]
    assert found("{receiver: slack, mute_time_intervals: [week], active_time_intervals: [end]}", more=more) == []


@pytest.mark.parametrize("interval", ["[{weekdays: ['someday']}]", "[{times: [{start_time: noon, end_time: '24:00'}]}]", "[7]"])
def test_an_interval_that_is_not_understood_leaves_it_unchecked(interval: str) -> None:
    more = f"time_intervals: [{{name: odd, time_intervals: {interval}}}]\n"
    verdict = judged(probe_receivers, **platform(tree("{receiver: slack, mute_time_intervals: [odd]}") + more))
    assert outcome(verdict) == "inconclusive"
    assert "the time interval odd is not understood" in verdict.unread[0].reason


def test_intervals_that_an_older_bundle_does_not_hold_or_that_are_endless_leave_it_unchecked() -> None:
    quiet = tree("{receiver: slack, mute_time_intervals: [quiet]}")
    ranges = ", ".join(f"'{year}'" for year in range(1000, 1201))
    endless = parse_configuration(quiet + f"time_intervals: [{{name: quiet, time_intervals: [{{years: [{ranges}]}}]}}]\n")
    for one in (msgspec.structs.replace(parse_configuration(quiet), intervals=None), endless):
        read = Readings(((ONE[0], AlertmanagerStatus(one)),))
        assert outcome(judged(probe_receivers, **platform("", alertmanager_statuses=read))) == "inconclusive"


WATCHDOG_FIRES = Readings(((ONE[0], Arrived([ArrivedAlert({"alertname": "Watchdog", "severity": "none"}, ["null"], "active")])),))


@pytest.mark.parametrize(
    ("source", "target", "equal", "expected"),
    [
        ("alertname=Watchdog", "severity=critical", "[]", ["CriticalInhibited"]),
        ("'severity=~\".+\"'", "'severity=~\"critical|warning\"'", "[]", ["CriticalInhibited"]),
        ("'severity=~\".+\"'", "'severity=~\".+\"'", "[]", []),  # what is both source and target does not inhibit its like
        ("alertname=Watchdog", "severity=critical", "[cluster]", ["CriticalInhibited"]),
        ("alertname=Watchdog", "severity=info", "[]", []),
        ("alertname=NodeDown", "severity=critical", "[]", []),
    ],
)
def test_an_inhibition_by_what_always_fires(source: str, target: str, equal: str, expected: list[str]) -> None:
    rules = f"inhibit_rules: [{{source_matchers: [{source}], target_matchers: [{target}], equal: {equal}}}]\n"
    assert found("", "slack", more=rules, alertmanager_alerts=WATCHDOG_FIRES) == expected


@pytest.mark.parametrize(("since", "expected"), [("2027-01-08T08:00:00Z", ["CriticalInhibited"]), ("2027-01-08T08:00:01Z", []), ("", [])])
def test_an_inhibition_by_what_has_been_firing_for_a_week(since: str, expected: list[str]) -> None:
    rules = "inhibit_rules: [{source_matchers: [alertname=ClusterDown], target_matchers: [severity=critical]}]\n"
    fires = Arrived([ArrivedAlert({"alertname": "ClusterDown", "severity": "warning"}, ["null"], "active", since)])
    verdict = judged(probe_receivers, **platform(tree("", "slack") + rules, alertmanager_alerts=Readings(((ONE[0], fires),))))
    assert reasons(verdict) == expected
    assert all("ClusterDown has been firing for 7 days, and an inhibit rule holds back" in one.cause for one in verdict.findings)


def test_an_inhibition_needs_the_labels_that_it_compares_to_be_equal() -> None:
    rules = "inhibit_rules: [{source_matchers: [alertname=Watchdog], target_matchers: [severity=critical], equal: [namespace]}]\n"
    (finding,) = judged(probe_receivers, **platform(tree("", "slack") + rules, alertmanager_alerts=WATCHDOG_FIRES)).findings
    assert "no namespace" in finding.problem
    assert '(source alertname="Watchdog", equal namespace)' in finding.cause


# --- routes of AlertmanagerConfigs ---------------------------------------------------------------------------------------


def test_a_route_that_the_operator_bound_to_one_namespace_is_explained_by_the_strategy() -> None:
    team = "- name: fastapi-dev/team/slack\n  slack_configs: [{}]\n"
    routes = "{receiver: fastapi-dev/team/slack, continue: true, matchers: ['namespace=\"fastapi-dev\"']}"
    custom = labelled(Alertmanager, "monitoring-dev", "main", spec={"alertmanagerConfigMatcherStrategy": {"type": "OnNamespace"}})
    world = platform(tree(routes, receivers=SINK + team), alertmanagers=listing("Alertmanager", [custom]))
    (finding,) = judged(probe_receivers, **world).findings
    assert "own namespace only (fastapi-dev), as `spec.alertmanagerConfigMatcherStrategy` is OnNamespace" in finding.cause
    assert "type: None" in finding.fix


def test_what_cannot_be_read_is_never_a_pass() -> None:
    external = listing("Prometheus", [prometheus(externalLabels={"cluster": "k8s-1"})])
    for world in (
        platform(tree(CLUSTER), prometheuses=external),
        platform(tree(TEAM), prometheus_loaded_rules=loaded(critical("Late", team="etl"))),
    ):
        assert_blindness_is_no_health(probe_receivers, world, but=("alertmanager_servers",))  # which only name what they serve
