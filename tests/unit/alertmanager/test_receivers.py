from typing import Any

from clusterprobe.environments import Environments
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.sources import AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.kubernetes.objects import Namespace
from probes.alertmanager.probe_receivers import probe_receivers
from tests.factories import judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.test_routing import CHART, FALLBACK, SINK, SLACK

ONE = server("alertmanager", "monitoring-dev", "main")
NAMESPACES = [labelled(Namespace, "", name) for name in ("monitoring-dev", "fastapi-dev", "fastapi-prod", "kube-system")]


def platform(text: str | None, **changes: Any) -> dict[str, Any]:
    read = Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)) if text else Readings((), (refused("Pod"),))
    return {
        "alertmanager_statuses": read,
        "alertmanager_servers": Readings((ONE,)),
        "namespaces": listing("Namespace", NAMESPACES),
        "environments": Environments(Profile(), NAMESPACES),
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
