import json
from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus, Rule
from clusterprobe.systems.prometheus.selection import prometheus_operators
from probes.prometheus.probe_selector_overlap import probe_selector_overlap
from tests.factories import (
    ENVIRONMENTS,
    OF_STACK_CHART,
    assert_blindness_is_no_health,
    judged,
    labelled,
    listing,
    make,
    outcome,
    reasons,
    recognised,
    refused,
)

FIELDS = ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")


def release(value: str) -> dict[str, Any]:
    return {"matchLabels": {"release": value}}


def prometheus(environment: str, selector: dict[str, Any] | None, places: dict[str, Any] | None = {}) -> Prometheus:  # noqa: B006
    spec = {f"{field}Selector": selector for field in FIELDS} | {f"{field}NamespaceSelector": places for field in FIELDS}
    asked = {key: value for key, value in spec.items() if value is not None}
    return labelled(Prometheus, f"monitoring-{environment}", "main", OF_STACK_CHART, spec=asked)


def operator(*arguments: str, image: str = "quay.io/prometheus-operator/prometheus-operator:v0.85.0") -> Pod:
    return labelled(Pod, "monitoring-dev", "operator", spec={"containers": [{"name": "operator", "image": image, "args": list(arguments)}]})


def namespace(name: str, **labels: str) -> Namespace:
    return make(Namespace, metadata={"name": name, "labels": labels})


def platform(dev: Prometheus, prod: Prometheus, *monitors: Monitor, operators: list[Pod] | None = None, **changes: Any) -> dict[str, Any]:
    pods = listing("Pod", [operator()] if operators is None else operators)
    return {
        "prometheuses": listing("Prometheus", [dev, prod]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "prometheus_operators": prometheus_operators(recognised(pods)),
        "namespaces": listing(
            "Namespace", [namespace("monitoring-dev"), namespace("monitoring-prod"), namespace("fastapi-prod", team="a")]
        ),
        "service_monitors": listing("ServiceMonitor", monitors),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", []),
        "prometheus_rules": listing("PrometheusRule", []),
        "environments": ENVIRONMENTS,
        **changes,
    }


def monitor(namespace: str, value: str) -> Monitor:
    return labelled(Monitor, namespace, "api", {"release": value})


SHARED = (prometheus("dev", release("monitoring")), prometheus("prod", release("monitoring")))
APART = (prometheus("dev", release("monitoring-dev")), prometheus("prod", release("monitoring-prod")))


def graded(*arguments: Any, **changes: Any) -> list[tuple[str, str]]:
    verdict = judged(probe_selector_overlap, **platform(*arguments, **changes))
    return [(one.subject.namespace, str(one.severity)) for one in verdict.findings]


def test_open_namespace_selectors_with_different_labels_are_the_healthy_default() -> None:
    verdict = judged(probe_selector_overlap, **platform(*APART, monitor("fastapi-prod", "monitoring-prod")))
    assert (outcome(verdict), verdict.findings, verdict.examined) == ("pass", [], 2)


def test_objects_of_the_other_environment_that_are_taken_are_an_error() -> None:
    finding = judged(probe_selector_overlap, **platform(*SHARED, monitor("fastapi-prod", "monitoring"))).findings[0]
    assert (finding.severity, finding.subject.namespace) == (Severity.ERROR, "monitoring-dev")
    assert "ServiceMonitor fastapi-prod/api through the shared label `release: monitoring`" in finding.cause
    assert "prometheus.prometheusSpec.serviceMonitorSelector.matchLabels.release" in finding.fix
    assert "kube-state-metrics.prometheus.monitor.additionalLabels.release" in finding.fix


def places(finding: Finding) -> dict[str, list[str]]:
    """What the first command that changes something limits, by field."""
    ((command,), *_) = [step.commands for step in finding.steps if step.commands and step.kind != "look"]
    spec = json.loads(command.pipeline[0][-1])["spec"]
    return {field: selector["matchExpressions"][-1]["values"] for field, selector in spec.items()}


def patched(finding: Finding) -> list[str]:
    """What its commands change, as resource and namespace, in their order."""
    return [f"{one.pipeline[0][4]}/{one.pipeline[0][2]}" for step in finding.steps if step.kind != "look" for one in step.commands]


def test_what_shares_a_label_is_one_cause_so_that_each_fix_keeps_every_prometheus_apart() -> None:
    dev, prod = judged(probe_selector_overlap, **platform(*SHARED, monitor("fastapi-prod", "monitoring"))).findings
    assert set(map(str, dev.rests_on)) & set(map(str, prod.breaks)), "one explains the other, and is told with it"
    assert patched(dev) == [f"prometheuses.monitoring.coreos.com/{name}" for name in ("monitoring-dev", "monitoring-prod")]
    assert patched(prod) == patched(dev)[::-1]
    assert [one.pipeline[0][2] for one in dev.steps[-1].commands] == ["monitoring-dev", "monitoring-prod"], "and each is looked at after it"


def test_who_takes_everything_is_changed_alone() -> None:
    (dev,) = judged(probe_selector_overlap, **platform(prometheus("dev", {}), APART[1], monitor("fastapi-prod", "x"))).findings
    assert len(patched(dev)) == 1


def test_the_fix_limits_namespaces_and_leaves_every_label_as_it_is() -> None:
    shared = monitor("logging", "monitoring")
    found = judged(probe_selector_overlap, **platform(*SHARED, monitor("fastapi-prod", "monitoring"), shared)).findings[0]
    assert set(map(tuple, places(found).values())) == {("logging", "monitoring-dev")}, "what it uses of shared namespaces stays"
    assert len(places(found)) == 5


def test_an_empty_selector_is_limited_in_the_same_way() -> None:
    (finding,) = judged(probe_selector_overlap, **platform(prometheus("dev", {}), APART[1], monitor("fastapi-prod", "x"))).findings
    assert places(finding)["serviceMonitorNamespaceSelector"] == ["monitoring-dev"]
    assert "release" not in "".join(line(one) for step in finding.steps for one in step.commands)


def test_an_agent_is_changed_as_an_agent() -> None:
    agents = listing("PrometheusAgent", [SHARED[0]])
    changes: dict[str, Any] = {"prometheuses": listing("Prometheus", [SHARED[1]]), "prometheus_agents": agents}
    finding = next(
        one for one in judged(probe_selector_overlap, **platform(*SHARED, **changes)).findings if one.subject.kind != "Prometheus"
    )
    assert patched(finding)[0].startswith("prometheusagents.monitoring.coreos.com/")
    assert patched(finding)[1].startswith("prometheuses.monitoring.coreos.com/"), "that shares its label, and is kept apart with it"


def test_selectors_alike_without_such_objects_are_a_warning() -> None:
    assert graded(*SHARED) == [("monitoring-dev", "warning"), ("monitoring-prod", "warning")]


def test_a_rule_of_the_other_environment_counts_like_a_monitor() -> None:
    rules: Readings[Any] = listing("PrometheusRule", [labelled(Rule, "monitoring-prod", "alerts", {"release": "monitoring"})])
    assert ("monitoring-dev", "error") in graded(*SHARED, prometheus_rules=rules)


def test_an_absent_selector_takes_nothing() -> None:
    assert graded(prometheus("dev", None), prometheus("prod", None), monitor("fastapi-prod", "monitoring")) == []


def test_an_empty_selector_takes_everything() -> None:
    assert graded(prometheus("dev", {}), APART[1], monitor("fastapi-prod", "x")) == [("monitoring-dev", "error")]


def test_an_empty_selector_warns_before_there_is_anything() -> None:
    assert graded(prometheus("dev", {}), APART[1]) == [("monitoring-dev", "warning")]


def test_an_absent_namespace_selector_keeps_it_in_its_own_namespace() -> None:
    closed = [prometheus(environment, release("monitoring"), None) for environment in ("dev", "prod")]
    assert graded(*closed, monitor("monitoring-prod", "monitoring")) == []


def test_a_namespace_selector_goes_by_the_namespaces_labels() -> None:
    dev = prometheus("dev", release("monitoring"), {"matchLabels": {"team": "a"}})
    assert graded(dev, APART[1], monitor("fastapi-prod", "monitoring")) == [("monitoring-dev", "error")]
    assert graded(dev, APART[1], monitor("monitoring-prod", "monitoring")) == []


def test_labels_of_namespaces_that_cannot_be_read_leave_it_unchecked() -> None:
    dev = prometheus("dev", release("monitoring"), {"matchLabels": {"team": "b"}})
    unread: Readings[Any] = Readings((), (refused("NamespaceList"),))
    verdict = judged(probe_selector_overlap, **platform(dev, APART[1], monitor("fastapi-prod", "monitoring"), namespaces=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


@pytest.mark.parametrize(
    "argument", ["--namespaces=monitoring-dev,fastapi-dev", "--deny-namespaces=monitoring-prod,fastapi-prod"], ids=["listed", "denied"]
)
def test_what_the_operator_does_not_watch_is_not_taken(argument: str) -> None:
    arguments = (argument, "--prometheus-instance-namespaces=monitoring-dev,monitoring-prod")
    taken = graded(*SHARED, monitor("fastapi-prod", "monitoring"), operators=[operator(*arguments)])
    assert taken == [("monitoring-prod", "warning")]  # for the namespace of the other is watched


def test_the_value_of_an_argument_may_follow_it() -> None:
    assert graded(*APART[:1], SHARED[1], operators=[operator("--namespaces", "monitoring-dev", "--log-level", "info")]) == []


def test_without_an_operator_what_is_taken_cannot_be_told() -> None:
    verdict = judged(probe_selector_overlap, **platform(*SHARED, monitor("fastapi-prod", "monitoring"), operators=[]))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_an_argument_from_the_environment_cannot_be_told() -> None:
    verdict = judged(probe_selector_overlap, **platform(*SHARED, operators=[operator("--namespaces=$(WATCHED)")]))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_an_operator_with_another_controller_id_does_not_count() -> None:
    verdict = judged(probe_selector_overlap, **platform(*SHARED, operators=[operator("--controller-id=other")]))
    assert outcome(verdict) == "inconclusive"


def test_objects_of_shared_namespaces_belong_to_everybody() -> None:
    assert graded(*APART, monitor("kube-system", "monitoring-dev")) == []


def test_the_review_says_whether_a_label_names_its_environment_and_differs() -> None:
    (exhibit,) = judged(probe_selector_overlap, **platform(*APART)).exhibits
    assert isinstance(exhibit, Table)
    assert exhibit.rows[0] == ["dev", "monitoring-dev/main", "ServiceMonitor", "release=monitoring-dev", "{} (all)", "yes", "yes"]
    assert len(exhibit.rows) == 10


def test_the_review_names_the_one_that_is_alike() -> None:
    (exhibit,) = judged(probe_selector_overlap, **platform(*SHARED)).exhibits
    assert isinstance(exhibit, Table)
    assert exhibit.rows[0][5:] == ["no", "no: as in monitoring-prod"]


def test_without_the_operators_objects_it_does_not_apply() -> None:
    none: Readings[Any] = Readings(absent="the API has no prometheuses.monitoring.coreos.com")
    assert outcome(judged(probe_selector_overlap, **platform(*SHARED, prometheuses=none, prometheus_agents=none))) == "not_applicable"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_selector_overlap, platform(*SHARED, monitor("fastapi-prod", "monitoring")))
    assert_blindness_is_no_health(probe_selector_overlap, platform(*APART, monitor("fastapi-prod", "monitoring-prod")))
