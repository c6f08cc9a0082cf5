"""Two Prometheuses that are no replicas of one another, in namespaces of no environment: what they scrape, select and send to."""

from typing import Any

import pytest
import yaml

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.selection import prometheus_operators
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.systems.prometheus.stacks import stack_namespaces
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
from probes.prometheus.probe_selector_overlap import probe_selector_overlap
from tests.factories import (
    ENVIRONMENTS,
    assert_blindness_is_no_health,
    judged,
    labelled,
    listing,
    make,
    outcome,
    reasons,
    recognised,
    server,
)

RELEASE = {"release": "kps"}
SAME = {"matchLabels": RELEASE}
OWN_A, OWN_B = "serviceMonitor/atlas/own/0", "serviceMonitor/borealis/own/0"
APP = "serviceMonitor/orders/api/0"
FIELDS = ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")


def target(namespace: str, pool: str, service: str = "") -> Target:
    discovered = {"__meta_kubernetes_namespace": namespace, "__meta_kubernetes_service_name": service}
    return make(Target, labels={}, scrapePool=pool, scrapeUrl=f"http://{namespace}/{pool}", health="up", discoveredLabels=discovered)


def custom(namespace: str, selector: Any) -> Prometheus:
    return labelled(Prometheus, namespace, "main", spec={"serviceMonitorSelector": selector, "serviceMonitorNamespaceSelector": {}})


def scraping(
    first: list[Target], second: list[Target], *, selectors: tuple[Any, Any] = (SAME, SAME), names: tuple[str, str] = ("atlas", "borealis")
) -> dict[str, Any]:
    replicas = [server("prometheus", name, "main")[0] for name in names]
    monitors = [labelled(Monitor, place, name, RELEASE) for place, name in (("atlas", "own"), ("borealis", "own"), ("orders", "api"))]
    return {
        "prometheus_targets": Readings(tuple(zip(replicas, (first, second), strict=True))),
        "prometheuses": listing("Prometheus", [custom(name, one) for name, one in zip(names, selectors, strict=True)]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "service_monitors": listing("ServiceMonitor", monitors),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", []),
        "environments": ENVIRONMENTS,
    }


def changing(finding: Finding) -> list[str]:
    return [line(one) for step in finding.steps if step.kind != "look" for one in step.commands]


def test_a_monitor_that_both_take_by_the_same_label_is_found_with_both_and_the_label() -> None:
    (finding,) = judged(probe_cross_scrape, **scraping([target("orders", APP)], [target("orders", APP)])).findings
    assert (finding.reason, str(finding.severity)) == ("ScrapedByTwoStacks", "warning")
    assert finding.problem == "atlas/main and borealis/main both scrape 1 target."
    assert "`release: kps`" in finding.cause
    assert "ServiceMonitor orders/api" in finding.cause
    assert changing(finding) == [], "whose application it is only its owners know"
    assert "orders" in finding.steps[-1].text


def test_what_is_in_the_others_namespace_is_left_out_by_a_command() -> None:
    both = [target("atlas", OWN_A), target("borealis", OWN_B)]
    (finding,) = judged(probe_cross_scrape, **scraping(both, both)).findings
    first, second = changing(finding)
    assert "kubectl -n atlas patch prometheuses.monitoring.coreos.com main" in first
    assert '"operator":"NotIn","values":["borealis"]' in first
    assert "kubectl -n borealis patch" in second
    assert finding.rests_on == ["Selectors/atlas/main", "Selectors/borealis/main"]


def test_two_that_take_everything_from_each_other_are_found_without_any_label() -> None:
    both = [target("atlas", OWN_A), target("borealis", OWN_B)]
    (finding,) = judged(probe_cross_scrape, **scraping(both, both, selectors=({}, {}))).findings
    assert finding.cause.startswith("Each of them takes what is made for the other")


def test_a_central_one_that_scrapes_all_of_a_teams_is_noted_only() -> None:
    team = [target("orders", APP)]
    verdict = judged(probe_cross_scrape, **scraping([*team, target("cart", "other")], team, selectors=({}, SAME)))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "atlas/main scrapes all that borealis/main scrapes" in verdict.notes[0]


def test_one_in_a_namespace_for_all_is_noted_only() -> None:
    central, team = [target("orders", APP), target("x", "x")], [target("orders", APP), target("y", "y")]
    verdict = judged(probe_cross_scrape, **scraping(central, team, selectors=({}, SAME), names=("monitoring", "team")))
    assert (outcome(verdict), "monitoring/main is for all" in verdict.notes[0]) == ("pass", True)


def test_where_nothing_says_whether_it_is_meant_it_is_unchecked_with_the_way_to_settle_it() -> None:
    first, second = [target("orders", APP), target("x", "x")], [target("orders", APP), target("y", "y")]
    verdict = judged(probe_cross_scrape, **scraping(first, second, selectors=({}, SAME)))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])
    assert "`environments` in the profile" in verdict.unread[0].reason


@pytest.mark.parametrize("names", [("atlas", "atlas"), ("shop-dev", "shop-prod")])
def test_one_teams_pair_and_two_environments_are_no_pair_here(names: tuple[str, str]) -> None:
    assert "ScrapedByTwoStacks" not in reasons(judged(probe_cross_scrape, **scraping([target("z", APP)], [target("z", APP)], names=names)))


@pytest.mark.parametrize(
    ("namespace", "service", "passes"),
    [
        ("kube-system", "coredns", True),
        ("", "", True),
        ("tools", "prometheus-node-exporter", True),
        ("tools", "kube-state-metrics", True),
        ("orders", "api", False),
    ],
)
def test_what_there_is_one_of_in_a_cluster_may_be_scraped_by_all_jobs(namespace: str, service: str, passes: bool) -> None:
    own = [target("x", "x")]
    one = target(namespace, "kubernetes-service-endpoints", service)
    verdict = judged(probe_cross_scrape, **scraping([one, *own], [one, target("y", "y")]))
    assert (outcome(verdict) == "pass") is passes


def test_jobs_that_take_what_is_the_others_get_a_rule_that_drops_it() -> None:
    both = [target(one, "kubernetes-pods", "web") for one in ("atlas", "borealis", "orders")]
    (finding,) = judged(probe_cross_scrape, **{**scraping(both, both), "prometheuses": listing("Prometheus", [])}).findings
    rules = [yaml.safe_load(step.code)[0]["relabel_configs"][0] for step in finding.steps if step.code]
    assert [(one["action"], one["regex"]) for one in rules] == [("drop", "borealis"), ("drop", "atlas")]
    assert "orders" in finding.steps[-1].text


def test_blindness_is_never_taken_for_health() -> None:
    both = [target("atlas", OWN_A), target("orders", APP), target("x", "x")]
    assert_blindness_is_no_health(probe_cross_scrape, scraping(both, [*both, target("y", "y")]))


# --- what they select -----------------------------------------------------------------------------------------------------


def selecting(first: Any, second: Any, *monitors: Monitor, names: tuple[str, str] = ("atlas", "borealis")) -> dict[str, Any]:
    def of(name: str, selector: Any) -> Prometheus:
        return labelled(Prometheus, name, "main", spec={f"{field}{part}": one for field in FIELDS for part, one in parts(selector)})

    def parts(selector: Any) -> list[tuple[str, Any]]:
        return [("Selector", selector), ("NamespaceSelector", {})]

    image = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
    operator = labelled(Pod, "operators", "operator", spec={"containers": [{"name": "operator", "image": image}]})
    places = {*names, *(one.metadata.namespace for one in monitors)}
    return {
        "prometheuses": listing("Prometheus", [of(name, one) for name, one in zip(names, (first, second), strict=True)]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "prometheus_operators": prometheus_operators(recognised(listing("Pod", [operator]))),
        "namespaces": listing("Namespace", [make(Namespace, metadata={"name": one}) for one in sorted(places)]),
        "service_monitors": listing("ServiceMonitor", monitors),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", []),
        "prometheus_rules": listing("PrometheusRule", []),
        "environments": ENVIRONMENTS,
    }


def monitor(namespace: str) -> Monitor:
    return labelled(Monitor, namespace, "own", RELEASE)


def test_selectors_that_ask_for_the_same_and_take_the_same_are_found() -> None:
    (finding,) = judged(probe_selector_overlap, **selecting(SAME, SAME, monitor("atlas"), monitor("orders"))).findings
    assert (finding.reason, finding.problem) == ("SelectedByTwoStacks", "atlas/main and borealis/main both select 2 objects.")
    assert "`release: kps`" in finding.cause
    assert [one[:28] for one in changing(finding)] == ["kubectl -n borealis patch pr"]
    assert finding.breaks == ["Selectors/atlas/main", "Selectors/borealis/main", "SharedLabel/release: kps"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, SAME),  # a central one, and a team's
        (SAME, {"matchExpressions": [{"key": "release", "operator": "In", "values": ["kps", "mine"]}]}),  # meant for both
        (SAME, {"matchLabels": {"release": "other"}}),
    ],
)
def test_selectors_that_differ_may_well_take_the_same_on_purpose(first: Any, second: Any) -> None:
    verdict = judged(probe_selector_overlap, **selecting(first, second, monitor("orders")))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def test_two_that_select_everything_of_each_other_are_found() -> None:
    assert reasons(judged(probe_selector_overlap, **selecting({}, {}, monitor("atlas"), monitor("borealis")))) == ["SelectedByTwoStacks"]


def test_two_in_one_namespace_are_one_teams_own_matter() -> None:
    assert reasons(judged(probe_selector_overlap, **selecting(SAME, SAME, monitor("orders"), names=("atlas", "atlas")))) == []


def test_what_cannot_be_read_of_the_selection_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_selector_overlap, selecting(SAME, SAME, monitor("orders")))


# --- which namespaces hold one ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "labels", "holds"),
    [
        ("quay.io/prometheus/prometheus:v3.5.0", {}, True),
        ("mirror.example/x/prometheus@sha256:ab", {}, True),
        ("victoriametrics/vmagent:v1", {}, True),
        ("own/build:1", {"app.kubernetes.io/name": "prometheus"}, True),
        ("quay.io/prometheus/node-exporter:v1", {}, False),
        ("quay.io/prometheus-operator/prometheus-operator:v0.85.0", {}, False),
    ],
)
def test_a_namespace_holds_a_stack_by_what_its_pods_run(image: str, labels: dict[str, str], holds: bool) -> None:
    pod = labelled(Pod, "here", "x", labels, spec={"containers": [{"name": "x", "image": image}]})
    assert stack_namespaces(recognised(listing("Pod", [pod])).items) == ({"here"} if holds else set())


def test_the_subject_is_the_one_that_takes_what_is_made_for_the_other() -> None:
    both = [target("atlas", OWN_A)]
    (finding,) = judged(probe_cross_scrape, **scraping(both, both)).findings
    assert str(finding.subject) == str(Subject(kind="Prometheus", namespace="borealis", name="main"))
    assert "1 of them made for atlas/main" in finding.problem
