from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.alerting import FailingRule, LoadedRules, RuleFile
from clusterprobe.systems.prometheus.objects import Prometheus, Rule
from clusterprobe.systems.prometheus.rule_errors import fault_of
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import prometheus_operators
from probes.prometheus.probe_rules import probe_rules
from tests.factories import (
    ENVIRONMENTS,
    assert_blindness_is_no_health,
    judged,
    labelled,
    listing,
    outcome,
    reasons,
    recognised,
    refused,
    server,
)

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, JUST_UNDER, FIVE_MINUTES_AGO = "2027-01-14T08:00:00Z", "2027-01-15T07:55:01Z", "2027-01-15T07:55:00Z"
IMAGE = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
UID = "4e4e0678-7631-4bea-aa51-30208d1b60ae"
ONE, TWO = (server("prometheus", "monitoring", "main", f"prometheus-main-{number}")[0] for number in (0, 1))
DUPLICATES = (
    'found duplicate series for the match group {pod="web-1"} on the right hand-side of the operation: [{service="old-ksm"}, '
    '{service="new-ksm"}];many-to-many matching not allowed: matching labels must be unique on one side'
)


def prometheus(namespace: str = "monitoring", value: str = "monitoring", **spec: Any) -> Prometheus:
    selects = {"ruleSelector": {"matchLabels": {"release": value}}, "ruleNamespaceSelector": {}}
    return labelled(Prometheus, namespace, "main", spec={**selects, **spec})


def rule(created: str | None = LONG_AGO, *, groups: tuple[str, ...] | None = ("shop",), **labels: str) -> Rule:
    spec = None if groups is None else {"groups": [{"name": one} for one in groups]}
    metadata = {"uid": UID, "creationTimestamp": created}
    return labelled(Rule, "shop", "alerts", labels or {"release": "monitoring"}, metadata=metadata, spec=spec)


def loaded(*failing: FailingRule, own: bool = True, replicas: tuple[Subject, ...] = (ONE,)) -> Readings[LoadedRules]:
    """What each replica evaluates: a file of somebody's, and that of the PrometheusRule."""
    files = [RuleFile("monitoring-general-2b0b6a5c-6a4f-4b43-8a4b-0c1f7d3a9e55.yaml", ["general"], 1, [])]
    files += [RuleFile(f"shop-alerts-{UID}.yaml", ["shop"], 1, list(failing))] if own else []
    return Readings(tuple((one, LoadedRules(files)) for one in replicas))


def runtime(*, loads: bool = True) -> Readings[Runtime]:
    return Readings(((ONE, Runtime(LONG_AGO, LONG_AGO, loads)),))


def readings(*rules: Rule, **changed: Any) -> dict[str, Any]:
    operator = labelled(Pod, "monitoring", "operator", spec={"containers": [{"name": "operator", "image": IMAGE}]})
    return {
        "prometheus_rules": listing("PrometheusRule", rules or [rule()]),
        "prometheus_loaded_rules": loaded(),
        "prometheus_runtime": runtime(),
        "prometheuses": listing("Prometheus", [prometheus()]),
        "thanos_rulers": listing("ThanosRuler", []),
        "prometheus_operators": prometheus_operators(recognised(listing("Pod", [operator]))),
        "system_pods": recognised(listing("Pod", [operator])),
        "namespaces": listing("Namespace", []),
        "operator_rejections": Readings(absent="there is no such event"),
        "environments": ENVIRONMENTS,
        "clock": CLOCK,
        **changed,
    }


def found(*rules: Rule, **changed: Any) -> Finding:
    (one,) = judged(probe_rules, **readings(*rules, **changed)).findings
    return one


def test_rules_that_are_selected_and_loaded_pass() -> None:
    assert outcome(judged(probe_rules, **readings())) == "pass"


def test_a_rule_without_the_label_is_found_with_the_label_that_it_needs() -> None:
    one = found(rule(app="shop"))
    assert (one.reason, one.severity, str(one.subject)) == ("RulesUnselected", "warning", "PrometheusRule shop/alerts")
    assert "it matches no ruleSelector: monitoring/main: release=monitoring" in one.cause
    assert "$ kubectl -n shop label prometheusrules.monitoring.coreos.com alerts release=monitoring --overwrite" in one.fix
    assert "kube-state-metrics" not in one.fix


def test_a_rule_that_a_thanos_ruler_takes_is_selected() -> None:
    ruler = labelled(Prometheus, "monitoring", "ruler", spec={"ruleSelector": {}, "ruleNamespaceSelector": {}})
    rulers = Readings(((Subject(kind="ThanosRuler", namespace="monitoring", name="ruler"), ruler),))
    assert outcome(judged(probe_rules, **readings(rule(app="shop"), thanos_rulers=rulers))) == "pass"


@pytest.mark.parametrize(("created", "codes"), [(JUST_UNDER, []), (FIVE_MINUTES_AGO, ["PrometheusRuleNotLoaded"])])
def test_a_rule_that_is_selected_and_not_loaded_is_found_after_five_minutes(created: str, codes: list[str]) -> None:
    assert reasons(judged(probe_rules, **readings(rule(created), prometheus_loaded_rules=loaded(own=False)))) == codes


def test_why_it_is_not_loaded_is_what_the_operator_says() -> None:
    said = Readings(((Subject(kind="PrometheusRule", namespace="shop", name="alerts"), Complaint("invalid expression: 1:3: parse error")),))
    one = found(prometheus_loaded_rules=loaded(own=False), operator_rejections=said)
    assert one.cause == "The Operator rejects it: “invalid expression: 1:3: parse error”."
    assert "does not say that it rejects it" in found(prometheus_loaded_rules=loaded(own=False)).cause


def test_a_rule_that_one_of_two_replicas_has_loaded_is_loaded() -> None:
    both = Readings((*loaded(own=False), *loaded(replicas=(TWO,))))
    assert outcome(judged(probe_rules, **readings(prometheus_loaded_rules=both))) == "pass"


def test_a_rule_without_groups_loads_nowhere_and_is_a_note() -> None:
    verdict = judged(probe_rules, **readings(rule(groups=()), prometheus_loaded_rules=loaded(own=False)))
    assert (outcome(verdict), len(verdict.notes)) == ("pass", 1)


def test_a_bundle_that_does_not_hold_the_groups_leaves_it_unchecked() -> None:
    world = readings(rule(groups=None), prometheus_loaded_rules=loaded(own=False))
    assert outcome(judged(probe_rules, **world)) == "inconclusive"


def test_a_bundle_that_does_not_hold_whether_rules_fail_leaves_it_unchecked() -> None:
    old = Readings(((ONE, LoadedRules([RuleFile(f"shop-alerts-{UID}.yaml", ["shop"], 1)])),))
    assert outcome(judged(probe_rules, **readings(prometheus_loaded_rules=old))) == "inconclusive"


def test_a_rule_that_fails_is_found_with_the_services_that_are_scraped_twice() -> None:
    failing = FailingRule("shop", "ShopErrors", DUPLICATES, True)
    one = found(prometheus_loaded_rules=loaded(failing, replicas=(ONE, TWO)))
    assert (one.reason, one.severity, str(one.subject)) == ("EvaluationFails", "error", "PrometheusRule shop/alerts")
    assert one.fix.endswith("$ kubectl -n shop edit prometheusrules.monitoring.coreos.com alerts")
    assert "1 rule of the group shop of PrometheusRule shop/alerts fails in Prometheus monitoring/main: ShopErrors." in one.problem
    assert "scraped through old-ksm and new-ksm" in one.cause
    assert one.rests_on == ["Scrape/monitoring/main/old-ksm", "Scrape/monitoring/main/new-ksm"]
    assert one.breaks == ["RuleGroup/shop/alerts/shop"]


def test_a_recording_rule_that_fails_is_a_warning() -> None:
    assert found(prometheus_loaded_rules=loaded(FailingRule("shop", "shop:errors", "query timed out", False))).severity == "warning"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (DUPLICATES, "duplicates"),
        ("multiple matches for labels: many-to-one matching must be explicit", "duplicates"),
        ("vector contains metrics with the same labelset after applying rule labels", "label set"),
        ("execution: vector cannot contain metrics with the same labelset", "label set"),
        ("error executing template __alert_X", "template"),
        ("exceeded limit of 10 with 12 series", "limit"),
        ("query processing would load too many samples into memory", "limit"),
        ("query timed out in expression evaluation", "timeout"),
        ("something that is new", "other"),
    ],
)
def test_what_an_error_of_an_evaluation_means(error: str, fault: str) -> None:
    assert fault_of(error) == fault


def test_a_prometheus_without_rules_is_a_note_and_in_an_environment_a_warning() -> None:
    nothing = Readings(((ONE, LoadedRules([])),))
    one = found(rule(groups=()), prometheus_loaded_rules=nothing)
    assert (one.reason, one.severity) == ("NoRules", "info")
    dev = server("prometheus", "monitoring-dev", "main")[0]
    world = {
        "prometheus_loaded_rules": Readings(((dev, LoadedRules([])),)),
        "prometheuses": listing("Prometheus", [prometheus("monitoring-dev")]),
    }
    alone = found(rule(groups=()), **world)
    assert alone.severity == "warning"
    assert alone.problem.endswith("it sends no alert, and no other one of dev has any.")


def test_beside_one_that_has_rules_another_may_be_meant_to_have_none() -> None:
    dev, archive = (server("prometheus", "monitoring-dev", name)[0] for name in ("main", "archive"))
    some = LoadedRules([RuleFile("/etc/prometheus/rules/prometheus-main-rulefiles-0/a.yaml", ["a"], 1, [])])
    world = {"prometheuses": listing("Prometheus", [prometheus("monitoring-dev")])}
    for unread in ((), (refused("Pod", "monitoring-dev", "HTTP 404"),)):
        both = Readings(((dev, some), (archive, LoadedRules([]))), unread)
        one = next(one for one in judged(probe_rules, **readings(rule(groups=()), prometheus_loaded_rules=both, **world)).findings)
        assert (one.reason, one.severity) == ("NoRules", "info")
        assert one.problem.endswith("it sends no alert; Prometheus monitoring-dev/main of dev has some.")
    unknown = Readings(((archive, LoadedRules([])),), (refused("Pod", "monitoring-dev", "HTTP 404"),))
    one = next(one for one in judged(probe_rules, **readings(rule(groups=()), prometheus_loaded_rules=unknown, **world)).findings)
    assert (one.severity, one.problem.endswith("it sends no alert.")) == ("warning", True)


def starved(namespace: str = "shop-dev", *others: Any) -> dict[str, Finding]:
    dev = server("prometheus", "monitoring-dev", "main")[0]
    alone = labelled(Rule, namespace, "alerts", {"app": "shop"}, metadata={"uid": UID, "creationTimestamp": LONG_AGO}, spec={"groups": []})
    world = {
        "prometheus_rules": listing("PrometheusRule", [alone]),
        "prometheus_loaded_rules": Readings(((dev, LoadedRules([])), *others)),
        "prometheuses": listing("Prometheus", [prometheus("monitoring-dev")]),
    }
    return {one.reason: one for one in judged(probe_rules, **readings(**world)).findings}


def test_one_that_loads_none_of_the_rules_that_there_are_sends_no_alert_because_of_its_selector() -> None:
    both = starved()
    unselected, nothing = both["RulesUnselected"], both["NoRules"]
    assert (unselected.severity, nothing.severity) == ("error", "critical")
    assert nothing.cause == "It selects none of those that are there, such as PrometheusRule shop-dev/alerts."
    assert unselected.breaks == nothing.rests_on == ["Rules/monitoring-dev/main"]
    assert nothing.breaks == ["Alerts/monitoring-dev/main"]


def test_rules_of_another_environment_are_none_that_it_lacks() -> None:
    both = starved("shop-prod")
    assert (both["NoRules"].severity, both["NoRules"].rests_on, both["NoRules"].breaks) == ("warning", [], [])


def test_beside_one_that_has_rules_those_that_nothing_selects_are_a_warning() -> None:
    archive = server("prometheus", "monitoring-dev", "archive")[0]
    both = starved("shop-dev", (archive, LoadedRules([RuleFile("others.yaml", ["shop"], 1, [])])))
    assert (both["RulesUnselected"].severity, both["NoRules"].severity, both["NoRules"].breaks) == ("warning", "info", [])


def test_where_there_is_no_prometheus_it_does_not_apply() -> None:
    nothing = {"prometheuses": listing("Prometheus", []), "prometheus_loaded_rules": Readings(absent="there is no Prometheus")}
    assert outcome(judged(probe_rules, **readings(**nothing))) == "not_applicable"


def test_a_prometheus_without_an_operator_whose_rules_cannot_be_read_is_there_all_the_same() -> None:
    blind = Readings((), (refused("Pod", "team-a", "HTTP 404"),))
    nothing = {
        "prometheuses": listing("Prometheus", []),
        "prometheus_rules": listing("PrometheusRule", []),
        "prometheus_loaded_rules": blind,
    }
    verdict = judged(probe_rules, **readings(**nothing))
    assert (outcome(verdict), [one.reason for one in verdict.unread]) == ("inconclusive", ["HTTP 404"])


def test_what_cannot_be_read_is_never_a_pass() -> None:
    # With which configuration it runs is asked only where its files are strange.
    assert_blindness_is_no_health(probe_rules, readings(rule(app="shop")), but=["prometheus_runtime"])
    assert_blindness_is_no_health(probe_rules, readings(), but=["prometheus_runtime"])
    assert_blindness_is_no_health(probe_rules, readings(prometheus_loaded_rules=STRANGE, prometheus_runtime=runtime(loads=False)))


STRANGE = Readings(((ONE, LoadedRules([RuleFile("general.yaml", ["general"], 1, [])])),))
REFUSED = {"conditions": [{"type": "Reconciled", "status": "False", "message": "no such Secret"}]}


@pytest.mark.parametrize(
    ("loads", "status", "codes"),
    [
        (True, {}, []),
        (True, {"conditions": [{"type": "Reconciled", "status": "True"}]}, []),
        (False, {}, ["PrometheusRuleNotLoaded"]),
        (True, REFUSED, ["PrometheusRuleNotLoaded"]),
    ],
)
def test_one_with_strange_files_that_runs_an_earlier_configuration_has_not_loaded_the_objects(
    loads: bool, status: dict[str, Any], codes: list[str]
) -> None:
    custom = labelled(Prometheus, "monitoring", "main", spec={"ruleSelector": {}, "ruleNamespaceSelector": {}}, status=status)
    world = readings(prometheus_loaded_rules=STRANGE, prometheus_runtime=runtime(loads=loads), prometheuses=listing("Prometheus", [custom]))
    verdict = judged(probe_rules, **world)
    assert reasons(verdict) == codes
    assert [[str(ref) for ref in one.rests_on] for one in verdict.findings] == [["Other/monitoring/Prometheus/main"] for _ in codes]


def test_the_files_of_an_operator_that_did_not_write_uids_are_known_by_their_names() -> None:
    files = Readings(((ONE, LoadedRules([RuleFile("shop-alerts.yaml", ["shop"], 1, [])])),))
    verdict = judged(probe_rules, **readings(prometheus_loaded_rules=files))
    assert (outcome(verdict), verdict.notes) == ("pass", [])


def test_one_whose_files_are_not_the_operators_tells_nothing_of_its_objects() -> None:
    verdict = judged(probe_rules, **readings(prometheus_loaded_rules=STRANGE))
    assert (reasons(verdict), outcome(verdict)) == ([], "pass")
    (note,) = verdict.notes
    assert "of no file that the Operator writes" in note


def of_system(image: str, kind: str = "StatefulSet") -> Readings[SystemPod]:
    owners = [{"kind": kind, "name": "collector", "uid": "u", "controller": True}]
    one = labelled(Pod, "agents", "collector-0", metadata={"ownerReferences": owners}, spec={"containers": [{"name": "c", "image": image}]})
    return recognised(listing("Pod", [one]))


def test_a_rule_that_alloy_may_give_to_mimir_is_not_labelled_for_a_prometheus() -> None:
    one = found(rule(ruler="mimir"), system_pods=of_system("docker.io/grafana/alloy:v1.8.3"))
    assert one.problem.endswith("its alerts fire only if another program does.")
    assert "StatefulSet agents/collector can take such an object itself" in one.cause
    assert "kubectl -n shop label" not in one.fix
    assert "$ kubectl -n agents get configmaps -o yaml | grep -nE" in one.fix


@pytest.mark.parametrize(
    ("one", "pods"),
    [
        (rule(ruler="mimir"), of_system("docker.io/grafana/alloy:v1.8.3", "DaemonSet")),  # which collects logs
        (rule(ruler="mimir"), of_system("otel/opentelemetry-collector-contrib:0.125.0")),  # which takes monitors alone
        (rule(release="other"), of_system("docker.io/grafana/alloy:v1.8.3")),  # its label says for whom it was meant
    ],
)
def test_a_rule_that_nothing_else_may_take_is_labelled(one: Rule, pods: Readings[SystemPod]) -> None:
    assert "kubectl -n shop label" in found(one, system_pods=pods).fix
