from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.selection import prometheus_operators
from probes.prometheus.probe_unselected_monitors import probe_unselected_monitors
from tests.factories import ENVIRONMENTS, assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused

IMAGE = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"


def prometheus(environment: str, value: str, places: dict[str, Any] | None = None) -> Prometheus:
    selector = {"matchLabels": {"release": value}}
    spec = {f"{kind}Selector": selector for kind in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig")}
    spec |= {f"{kind}NamespaceSelector": places or {} for kind in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig")}
    return labelled(Prometheus, f"monitoring-{environment}", "main", spec=spec)


def monitor(namespace: str, name: str = "api", **labels: str) -> Monitor:
    return labelled(Monitor, namespace, name, labels)


def platform(*monitors: Monitor, **changes: Any) -> dict[str, Any]:
    operator = labelled(Pod, "monitoring-dev", "operator", spec={"containers": [{"name": "operator", "image": IMAGE}]})
    return {
        "service_monitors": listing("ServiceMonitor", monitors),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", []),
        "prometheuses": listing("Prometheus", [prometheus("dev", "monitoring-dev"), prometheus("prod", "monitoring-prod")]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "prometheus_operators": prometheus_operators(recognised(listing("Pod", [operator]))),
        "system_pods": recognised(listing("Pod", [operator])),
        "namespaces": listing("Namespace", []),
        "environments": ENVIRONMENTS,
        **changes,
    }


LEFT_BEHIND = monitor("fastapi-dev", release="monitoring")


def test_monitors_that_their_prometheus_takes_pass() -> None:
    verdict = judged(
        probe_unselected_monitors,
        **platform(monitor("fastapi-dev", release="monitoring-dev"), monitor("fastapi-prod", release="monitoring-prod")),
    )
    assert (outcome(verdict), verdict.examined) == ("pass", 2)


def test_a_label_left_behind_is_an_error_that_names_both_values() -> None:
    (finding,) = judged(probe_unselected_monitors, **platform(LEFT_BEHIND)).findings
    assert (finding.severity, finding.reason, str(finding.subject)) == (
        Severity.ERROR,
        "MonitorLabelLeftBehind",
        "ServiceMonitor fastapi-dev/api",
    )
    assert "carries `release: monitoring`" in finding.cause
    assert "monitoring-dev/main asks for `release: monitoring-dev`" in finding.cause
    assert "$ kubectl -n fastapi-dev label servicemonitors.monitoring.coreos.com api release=monitoring-dev --overwrite" in finding.fix
    assert [step.kind for step in finding.steps] == ["look", "change"]


def test_of_several_values_the_nearest_is_named() -> None:
    several = [prometheus("dev", "entirely-different"), labelled(Prometheus, "monitoring-dev", "second", spec={})]
    near = labelled(
        Prometheus,
        "monitoring-dev",
        "near",
        spec={"serviceMonitorSelector": {"matchLabels": {"release": "monitoring-dev"}}, "serviceMonitorNamespaceSelector": {}},
    )
    (finding,) = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=listing("Prometheus", [*several, near]))).findings
    assert "asks for `release: monitoring-dev`" in finding.cause


def test_a_monitor_without_the_label_is_a_warning() -> None:
    (finding,) = judged(probe_unselected_monitors, **platform(monitor("fastapi-dev"))).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "MonitorUnselected")
    assert "monitoring-dev/main: release=monitoring-dev" in finding.cause
    assert "$ kubectl -n fastapi-dev label servicemonitors.monitoring.coreos.com api release=monitoring-dev --overwrite" in finding.fix


@pytest.mark.parametrize(
    "selector",
    [
        {"matchExpressions": [{"key": "release", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "release", "operator": "In", "values": ["one", "two"]}]},
        {"matchLabels": {"release": "a"}, "matchExpressions": [{"key": "team", "operator": "Exists"}]},
        None,
    ],
)
def test_a_value_that_would_be_a_guess_is_in_no_command(selector: Any) -> None:
    spec = {"serviceMonitorSelector": selector, "serviceMonitorNamespaceSelector": {}}
    one = labelled(Prometheus, "monitoring-dev", "main", spec=spec)
    (finding,) = judged(probe_unselected_monitors, **platform(monitor("fastapi-dev"), prometheuses=listing("Prometheus", [one]))).findings
    assert [step.commands for step in finding.steps if step.kind != "look"] == [[]]


def test_all_labels_that_are_missing_are_set_together() -> None:
    spec = {"serviceMonitorSelector": {"matchLabels": {"release": "new", "team": "a"}}, "serviceMonitorNamespaceSelector": {}}
    one = labelled(Prometheus, "monitoring-dev", "main", spec=spec)
    (finding,) = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=listing("Prometheus", [one]))).findings
    assert [line(one).partition(" api ")[2] for one in finding.steps[1].commands] == ["release=new --overwrite", "team=a --overwrite"]


def test_only_another_environments_prometheus_taking_it_is_said() -> None:
    (finding,) = judged(probe_unselected_monitors, **platform(monitor("fastapi-dev", release="monitoring-prod"))).findings
    assert finding.severity is Severity.ERROR
    assert "Only a Prometheus of another environment takes it: monitoring-prod/main" in finding.problem


def test_one_cause_in_one_namespace_is_one_finding() -> None:
    verdict = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, monitor("fastapi-dev", "web", release="monitoring")))
    assert len(verdict.findings) == 1
    assert "and 1 more" in verdict.findings[0].problem


def test_monitors_of_shared_namespaces_may_be_taken_by_any() -> None:
    verdict = judged(probe_unselected_monitors, **platform(monitor("logging", release="monitoring-prod")))
    assert outcome(verdict) == "pass"


def test_an_agent_takes_monitors_too() -> None:
    agents: Readings[Any] = listing("PrometheusAgent", [prometheus("dev", "monitoring")])
    assert outcome(judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheus_agents=agents))) == "pass"


def test_an_environment_without_a_prometheus_is_served_by_whoever_takes_its_monitors() -> None:
    only: Readings[Any] = listing("Prometheus", [prometheus("prod", "monitoring")])
    assert outcome(judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=only))) == "pass"


def test_a_namespace_that_the_selector_leaves_out_is_named() -> None:
    closed: Readings[Any] = listing(
        "Prometheus", [prometheus("dev", "monitoring", {"matchLabels": {"kubernetes.io/metadata.name": "monitoring-dev"}})]
    )
    seen: Readings[Any] = listing("Namespace", [labelled_namespace("fastapi-dev")])
    (finding,) = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=closed, namespaces=seen)).findings
    assert finding.reason == "MonitorUnselected"
    assert "looks only into namespaces with kubernetes.io/metadata.name=monitoring-dev (serviceMonitorNamespaceSelector)" in finding.cause


def labelled_namespace(name: str) -> Any:
    from clusterprobe.systems.kubernetes.objects import Namespace

    return labelled(Namespace, "", name)


def test_without_any_prometheus_object_it_does_not_apply() -> None:
    verdict = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=listing("Prometheus", [])))
    assert outcome(verdict) == "not_applicable"


def test_a_prometheus_that_cannot_be_read_may_be_the_one_that_takes_it() -> None:
    half: Readings[Any] = listing(
        "Prometheus", [prometheus("prod", "monitoring-prod")], unreadable=[refused("PrometheusList", "monitoring-dev")]
    )
    verdict = judged(probe_unselected_monitors, **platform(LEFT_BEHIND, prometheuses=half))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_monitors_that_cannot_be_read_are_inconclusive() -> None:
    unread: Readings[Any] = Readings((), (refused("ServiceMonitorList"),))
    assert outcome(judged(probe_unselected_monitors, **platform(service_monitors=unread))) == "inconclusive"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_unselected_monitors, platform(LEFT_BEHIND, monitor("fastapi-prod")))


def test_openshifts_own_prometheus_is_not_made_to_look_into_what_is_a_users() -> None:
    labels = {"app.kubernetes.io/managed-by": "cluster-monitoring-operator"}
    places = {"matchLabels": {"openshift.io/cluster-monitoring": "true"}}
    spec = {"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": places}
    own = labelled(Prometheus, "openshift-monitoring", "k8s", labels, spec=spec)
    shop = labelled(Namespace, "", "shop", {})
    changes = {"prometheuses": listing("Prometheus", [own]), "namespaces": listing("Namespace", [shop])}
    (finding,) = judged(probe_unselected_monitors, **platform(monitor("shop"), **changes)).findings
    assert "kubectl label" not in finding.fix
    assert "ConfigMap openshift-monitoring/cluster-monitoring-config" in finding.fix
    assert "enableUserWorkload: true" in finding.fix


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (None, "looks into monitoring-dev only, since it has no serviceMonitorNamespaceSelector"),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["ml", "sre"]}]}, "namespaces with team In (ml, sre)"),
    ],
)
def test_labels_that_fit_are_not_said_to_match_nothing(spec: Any, why: str) -> None:
    selects = {"serviceMonitorSelector": {"matchLabels": {"release": "monitoring"}}}
    selects |= {"serviceMonitorNamespaceSelector": spec} if spec else {}
    closed: Readings[Any] = listing("Prometheus", [labelled(Prometheus, "monitoring-dev", "main", spec=selects)])
    seen: Readings[Any] = listing("Namespace", [labelled_namespace("fastapi-dev")])
    fitting = monitor("fastapi-dev", release="monitoring")
    (finding,) = judged(probe_unselected_monitors, **platform(fitting, prometheuses=closed, namespaces=seen)).findings
    assert "its labels fit, and its namespace does not: " in finding.cause
    assert why in finding.cause
    assert "Give it the labels" not in finding.fix


def test_a_monitor_that_a_collector_may_take_is_not_labelled_for_a_prometheus() -> None:
    owners = [{"kind": "StatefulSet", "name": "collector", "uid": "u", "controller": True}]
    container = {"name": "otc-container", "image": "otel/opentelemetry-collector-contrib:0.125.0"}
    one = labelled(Pod, "otel", "collector-0", metadata={"ownerReferences": owners}, spec={"containers": [container]})
    (finding,) = judged(
        probe_unselected_monitors, **platform(monitor("shop", env="otel"), system_pods=recognised(listing("Pod", [one])))
    ).findings
    assert "something is scraped through it only if another program takes it" in finding.problem
    assert "kubectl -n shop label" not in finding.fix
