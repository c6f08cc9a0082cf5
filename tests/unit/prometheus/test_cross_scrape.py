import json
from typing import Any

import pytest
import yaml

from clusterprobe.environments import Environments
from clusterprobe.fixes import line
from clusterprobe.model import Command, Finding, Matrix
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.verdict import Verdict
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
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
    refused,
    server,
)


def target(namespace: str, pool: str, url: str = "http://10.0.0.9:80/metrics") -> Target:
    return make(
        Target,
        labels={},
        scrapePool=pool,
        scrapeUrl=f"{url}?{namespace}",
        health="up",
        discoveredLabels={"__meta_kubernetes_namespace": namespace},
    )


def prometheus(environment: str, **spec: Any) -> Prometheus:
    asks = spec or {"serviceMonitorSelector": {"matchLabels": RELEASE}}
    return labelled(Prometheus, f"monitoring-{environment}", "main", OF_STACK_CHART, spec=asks)


def platform(targets: list[Target] | None, **changes: Any) -> dict[str, Any]:
    one = server("prometheus", "monitoring-dev", "main")
    read = Readings(((one[0], targets),)) if targets is not None else Readings((), (refused("Pod"),))
    return {
        "prometheus_targets": read,
        "prometheuses": listing("Prometheus", [prometheus("dev"), prometheus("prod")]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "service_monitors": listing("ServiceMonitor", [labelled(Monitor, "monitoring-prod", "api", RELEASE)]),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", []),
        "environments": ENVIRONMENTS,
        **changes,
    }


RELEASE = {"release": "monitoring"}
FOREIGN = target("fastapi-prod", "serviceMonitor/monitoring-prod/api/0")
CROSSING = [FOREIGN, target("fastapi-dev", "serviceMonitor/monitoring-dev/api/0")]


def cause(targets: list[Target], **changes: Any) -> str:
    (finding,) = judged(probe_cross_scrape, **platform(targets, **changes)).findings
    return finding.cause


def test_targets_of_the_own_and_of_shared_namespaces_pass() -> None:
    verdict = judged(probe_cross_scrape, **platform([target("fastapi-dev", "x"), target("kube-system", "y")]))
    assert outcome(verdict) == "pass"
    assert isinstance(verdict.exhibits[0], Matrix)
    assert verdict.exhibits[0].cells == [[1, 1]]


def test_a_foreign_target_names_monitor_label_and_both_prometheuses() -> None:
    (finding,) = judged(probe_cross_scrape, **platform(CROSSING)).findings
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.environment) == ("Prometheus", "monitoring-dev", "dev")
    assert "scrapes 1 target of prod" in finding.problem
    assert "ServiceMonitor monitoring-prod/api" in finding.cause
    assert "`release: monitoring`" in finding.cause
    assert "monitoring-prod/main" in finding.cause


def test_the_fix_names_the_values_of_selector_and_monitor() -> None:
    (finding,) = judged(probe_cross_scrape, **platform(CROSSING)).findings
    assert "prometheus.prometheusSpec.serviceMonitorSelector.matchLabels.release" in finding.fix
    assert "kube-state-metrics.prometheus.monitor.additionalLabels.release" in finding.fix
    assert [one.pipeline[0][:6] for one in changing(finding)] == [
        ["kubectl", "-n", "monitoring-dev", "patch", "prometheuses.monitoring.coreos.com", "main"]
    ]


def changing(finding: Finding) -> list[Command]:
    return [one for step in finding.steps if step.kind != "look" for one in step.commands]


def patched(finding: Finding) -> dict[str, Any]:
    (command,) = changing(finding)
    spec: dict[str, Any] = json.loads(command.pipeline[0][-1])["spec"]
    return spec


def limited_to(*names: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}]}


@pytest.mark.parametrize("selector", [{}, {"matchLabels": RELEASE}, {"matchExpressions": [{"key": "release", "operator": "Exists"}]}])
def test_whatever_the_selector_is_the_fix_keeps_it_and_limits_the_namespaces(selector: dict[str, Any]) -> None:
    known = listing(
        "Prometheus", [prometheus("dev", serviceMonitorSelector=selector, serviceMonitorNamespaceSelector={}), prometheus("prod")]
    )
    shared = target("logging", "serviceMonitor/logging/loki/0")
    (finding,) = judged(probe_cross_scrape, **platform([*CROSSING, shared], prometheuses=known)).findings
    assert patched(finding) == {"serviceMonitorNamespaceSelector": limited_to("logging", "monitoring-dev")}


def test_a_shared_monitor_without_a_target_stays_selected_too() -> None:
    monitors = listing("ServiceMonitor", [labelled(Monitor, "logging", "loki", RELEASE), labelled(Monitor, "batch", "x", {"release": "b"})])
    (finding,) = judged(probe_cross_scrape, **platform(CROSSING, service_monitors=monitors)).findings
    assert patched(finding) == {"serviceMonitorNamespaceSelector": limited_to("logging", "monitoring-dev")}


def test_what_its_namespace_selector_asks_for_already_is_kept() -> None:
    already = {"key": "team", "operator": "Exists"}
    spec = {"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {"matchExpressions": [already]}}
    (finding,) = judged(
        probe_cross_scrape, **platform(CROSSING, prometheuses=listing("Prometheus", [prometheus("dev", **spec), prometheus("prod")]))
    ).findings
    assert patched(finding)["serviceMonitorNamespaceSelector"]["matchExpressions"][0] == already


@pytest.mark.parametrize(
    ("pool", "field"),
    [
        ("podMonitor/fastapi-prod/agent/0", "podMonitorNamespaceSelector"),
        ("probe/monitoring-prod/web", "probeNamespaceSelector"),
        ("scrapeConfig/monitoring-prod/web", "scrapeConfigNamespaceSelector"),
    ],
)
def test_only_the_selector_of_the_kind_that_takes_targets_in_is_changed(pool: str, field: str) -> None:
    (finding,) = judged(probe_cross_scrape, **platform([target("fastapi-prod", pool)])).findings
    assert list(patched(finding)) == [field]


def test_a_monitor_of_its_own_that_reaches_over_keeps_the_namespaces_of_its_other_targets() -> None:
    wide = [target(place, "serviceMonitor/monitoring-dev/wide/0") for place in ("fastapi-prod", "fastapi-dev", "kube-system")]
    (finding,) = judged(probe_cross_scrape, **platform(wide)).findings
    assert patched(finding) == {"namespaceSelector": {"any": None, "matchNames": ["fastapi-dev", "kube-system"]}}
    assert changing(finding)[0].pipeline[0][4:6] == ["servicemonitors.monitoring.coreos.com", "wide"]


@pytest.mark.parametrize("pool", ["serviceMonitor/monitoring-dev/wide/0", "probe/monitoring-dev/web", "serviceMonitor/logging/all/0"])
def test_where_no_command_is_certain_none_changes_anything(pool: str) -> None:
    (finding,) = judged(probe_cross_scrape, **platform([target("fastapi-prod", pool)])).findings
    assert changing(finding) == []
    assert [step.kind for step in finding.steps] == ["look", "change"]


def test_a_job_of_additional_scrape_configs_is_named_with_its_secret_and_key() -> None:
    extra = {"additionalScrapeConfigs": {"name": "extra-jobs", "key": "jobs.yaml"}}
    jobs = [target(place, "kubernetes-pods") for place in ("fastapi-prod", "fastapi-dev")]
    known = listing("Prometheus", [prometheus("dev", **extra), prometheus("prod")])
    (finding,) = judged(probe_cross_scrape, **platform(jobs, prometheuses=known)).findings
    see, edit = finding.steps
    assert "the key jobs.yaml of the Secret monitoring-dev/extra-jobs" in edit.text
    assert (changing(finding), "get secret extra-jobs" in line(see.commands[0]), ".data" in line(see.commands[0])) == ([], True, False)
    (job,) = yaml.safe_load(edit.code)
    assert job["relabel_configs"] == [
        {"source_labels": ["__meta_kubernetes_namespace"], "regex": "fastapi-dev|monitoring-dev", "action": "keep"}
    ]


def test_a_static_target_is_named_and_not_dropped_by_a_rule_that_would_drop_all() -> None:
    static = make(Target, labels={"namespace": "fastapi-prod"}, scrapePool="static", scrapeUrl="http://10.0.0.9/metrics", health="up")
    (finding,) = judged(probe_cross_scrape, **platform([static])).findings
    assert (changing(finding), [step.code for step in finding.steps]) == ([], ["", ""])
    assert "http://10.0.0.9/metrics" in finding.steps[1].text


def test_who_scrapes_the_same_in_its_own_environment_is_who_it_is_meant_for() -> None:
    dev, plain = server("prometheus", "monitoring-dev", "main")[0], server("prometheus", "observability-prod", "plain")[0]
    for theirs, meant in ((FOREIGN, "observability-prod/plain"), (target("fastapi-prod", "x", "http://10.0.0.1/"), "monitoring-prod/main")):
        both = Readings(((dev, CROSSING), (plain, [theirs])))
        (finding,) = judged(probe_cross_scrape, **platform([], prometheus_targets=both)).findings
        assert f"What they are meant for: Prometheus {meant}" in finding.cause


def test_replicas_do_not_count_twice() -> None:
    pair = [server("prometheus", "monitoring-dev", "main", f"prometheus-main-{index}") for index in (0, 1)]
    both = Readings(tuple((subject, CROSSING) for subject, _ in pair))
    verdict = judged(probe_cross_scrape, **platform([], prometheus_targets=both))
    assert [one.problem for one in verdict.findings] == [
        "The dev Prometheus monitoring-dev/main scrapes 1 target of prod (in fastapi-prod)."
    ]


def test_shards_add_up() -> None:
    pair = [server("prometheus", "monitoring-dev", "main", f"prometheus-main-{index}") for index in (0, 1)]
    targets = [[FOREIGN], [target("fastapi-prod", "serviceMonitor/monitoring-prod/api/0", "http://10.0.0.10:80")]]
    both = Readings(tuple((subject, one) for (subject, _), one in zip(pair, targets, strict=True)))
    assert "scrapes 2 targets" in judged(probe_cross_scrape, **platform([], prometheus_targets=both)).findings[0].problem


def test_the_selector_that_counts_is_that_of_the_monitors_kind() -> None:
    spec = {"serviceMonitorSelector": {"matchLabels": {"release": "monitoring-dev"}}, "podMonitorSelector": {"matchLabels": RELEASE}}
    changes: dict[str, Any] = {
        "prometheuses": listing("Prometheus", [prometheus("dev", **spec), prometheus("prod")]),
        "pod_monitors": listing("PodMonitor", [labelled(Monitor, "fastapi-prod", "agent", RELEASE)]),
    }
    assert "`release: monitoring`" in cause([target("fastapi-prod", "podMonitor/fastapi-prod/agent/0")], **changes)


def test_a_selector_of_expressions_names_the_value_that_matched() -> None:
    selector = {"matchExpressions": [{"key": "release", "operator": "In", "values": ["a", "monitoring"]}]}
    changes: dict[str, Any] = {
        "prometheuses": listing("Prometheus", [prometheus("dev", serviceMonitorSelector=selector), prometheus("prod")])
    }
    assert "`release: monitoring`" in cause([FOREIGN], **changes)


def test_an_empty_selector_is_named_as_one_that_matches_everything() -> None:
    changes: dict[str, Any] = {"prometheuses": listing("Prometheus", [prometheus("dev", serviceMonitorSelector={}), prometheus("prod")])}
    assert "matches everything ({})" in cause([FOREIGN], **changes)


def test_a_probe_object_and_a_scrape_config_are_named_too() -> None:
    changes: dict[str, Any] = {"probe_objects": listing("Probe", [labelled(Monitor, "monitoring-prod", "web", RELEASE)])}
    assert "Probe monitoring-prod/web" in cause([target("monitoring-prod", "probe/monitoring-prod/web")], **changes)


def test_the_finding_stands_when_the_monitors_cannot_be_read() -> None:
    unread: Readings[Any] = Readings((), (refused("ServiceMonitorList"),))
    verdict = judged(probe_cross_scrape, **platform(CROSSING, service_monitors=unread))
    assert reasons(verdict) == ["CrossScrape"]
    assert "could not be named" in verdict.findings[0].cause


def test_a_monitor_of_the_own_environment_that_reaches_over_is_named_so() -> None:
    assert "namespaceSelector reaches" in cause([target("fastapi-prod", "serviceMonitor/monitoring-dev/wide/0")])


def test_a_pool_without_a_monitor_is_named_as_such() -> None:
    assert "no monitor stands for" in cause([target("fastapi-prod", "federate")])


def test_a_prometheus_without_targets_is_inconclusive() -> None:
    assert outcome(judged(probe_cross_scrape, **platform([]))) == "inconclusive"


def test_a_prometheus_that_cannot_be_asked_is_inconclusive() -> None:
    assert outcome(judged(probe_cross_scrape, **platform(None))) == "inconclusive"


def test_a_prometheus_by_address_without_a_namespace_is_not_judged() -> None:
    subject = server("prometheus", "", "outside")[0]
    verdict = judged(probe_cross_scrape, **platform([], prometheus_targets=Readings(((subject, CROSSING),))))
    assert outcome(verdict) == "inconclusive"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_cross_scrape, platform(CROSSING))


def in_one_namespace(*names: str) -> Verdict:
    """Prometheuses of one namespace, the first of which scrapes production as well as dev."""
    spaces = [make(Namespace, metadata={"name": one}) for one in ("obs", "shop-dev", "shop-prod")]
    dev, prod = target("shop-dev", "serviceMonitor/shop-dev/api/0"), target("shop-prod", "serviceMonitor/shop-prod/api/0")
    replicas = [server("prometheus", "obs", one, pod=f"prometheus-{one}-0")[0] for one in names]
    targets = Readings(tuple((one, [prod] if place else [dev, prod]) for place, one in enumerate(replicas)))
    objects = [labelled(Prometheus, "obs", one, OF_STACK_CHART, spec={"serviceMonitorSelector": {}}) for one in names]
    monitors = [labelled(Monitor, one, "api", RELEASE) for one in ("shop-dev", "shop-prod")]
    return judged(
        probe_cross_scrape,
        **platform(
            [],
            prometheus_targets=targets,
            prometheuses=listing("Prometheus", objects),
            service_monitors=listing("ServiceMonitor", monitors),
            environments=Environments(Profile(), spaces, {"obs"}),
        ),
    )


def test_two_of_one_namespace_are_told_apart_by_their_own_names() -> None:
    (finding,) = in_one_namespace("kps-dev", "kps-prod").findings
    assert (finding.reason, str(finding.subject)) == ("CrossScrape", "Prometheus obs/kps-dev")
    assert finding.problem == "The dev Prometheus obs/kps-dev scrapes 1 target of prod (in shop-prod)."
    assert "What they are meant for: Prometheus obs/kps-prod." in finding.cause


@pytest.mark.parametrize("names", [("kps-dev",), ("main", "other"), ("kps-dev", "main"), ("kps-dev", "api-dev")])
def test_without_names_that_tell_all_of_them_apart_they_are_one_teams_own_matter(names: tuple[str, ...]) -> None:
    assert reasons(in_one_namespace(*names)) == []
