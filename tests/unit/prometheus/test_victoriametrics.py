"""What does a part of a Prometheus' work: VictoriaMetrics' programs and their operator's objects, and Prometheus in its agent mode."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from clusterprobe.access.servers import Server
from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.prometheus.alerting import Destinations, FailingRule, LoadedRules, RuleFile, Sending
from clusterprobe.systems.prometheus.dialects import DIALECTS, Ability, able
from clusterprobe.systems.prometheus.objects import BoundStatus, Monitor, Prometheus, Rule, pool_origin
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import BY_KIND, prometheus_operators
from clusterprobe.systems.prometheus.servers import alerting_servers, metric_servers, prometheus_servers, scraping_servers
from clusterprobe.systems.prometheus.sources import Down, Target, _told_apart
from clusterprobe.systems.prometheus.vm_objects import VmObject, alerting, scraping
from clusterprobe.times import epoch
from clusterprobe.verdict import grade
from probes.prometheus.probe_alerting import probe_alerting
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
from probes.prometheus.probe_monitors import probe_monitors
from probes.prometheus.probe_reconciled import probe_reconciled
from probes.prometheus.probe_rules import probe_rules
from probes.prometheus.probe_selector_overlap import probe_selector_overlap
from probes.prometheus.probe_targets import probe_targets
from probes.prometheus.probe_unselected_monitors import probe_unselected_monitors
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

NOW = epoch("2026-01-01T12:00:00Z") or 0.0
LONG_AGO = "2026-01-01T08:00:00Z"
NONE: Readings[Any] = Readings(absent="there is none")


# --- who can be asked for what ------------------------------------------------------------------------------------------


def pod(name: str, image: str, *args: str, namespace: str = "metrics", phase: str = "Running", **labels: str) -> Pod:
    there = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    spec = {"containers": [{"name": "c", "image": image, "args": list(args)}]}
    status = {"phase": phase, "podIP": "10.0.0.1", "startTime": LONG_AGO}
    return labelled(Pod, namespace, name, there, spec=spec, status=status)


VMAGENT = pod("vmagent-0", "victoriametrics/vmagent:v1", "-promscrape.config=/etc/vmagent.yaml")
VMALERT = pod("vmalert-0", "victoriametrics/vmalert:v1", "-httpListenAddr=:8080")
VMSINGLE = pod("vmsingle-0", "victoriametrics/victoria-metrics:v1", "-storageDataPath=/data")
VMSELECT = pod("vmselect-0", "victoriametrics/vmselect:v1-cluster")
VMINSERT = pod("vminsert-0", "victoriametrics/vminsert:v1-cluster")
AGENT = pod("agent-0", "prom/prometheus:v3", "--storage.agent.path=/data")
PROMETHEUS = pod("prometheus-0", "prom/prometheus:v3")


def servers(*pods: Pod, profile: dict[str, Any] | None = None) -> Readings[Server]:
    wanted = Profile.model_validate(profile or {})
    return metric_servers(NONE, recognised(listing("Pod", pods), wanted), wanted)


@pytest.mark.parametrize(
    ("one", "dialect", "port"),
    [
        (PROMETHEUS, "", 9090),
        (AGENT, "agent", 9090),
        (VMAGENT, "vmagent", 8429),
        (VMALERT, "vmalert", 8080),
        (VMSINGLE, "vmsingle", 8428),
        (pod("s", "victoriametrics/victoria-metrics:v1", "-promscrape.config=/x"), "vmsingle that scrapes", 8428),
        (pod("s", "victoriametrics/vmagent:v1", "-http.pathPrefix=/agent"), "vmagent", 8429),
        (VMSELECT, "vmselect", 8481),
        (pod("x", "corp/x:1", "-storageDataPath=/data"), "?", 8428),
    ],
)
def test_a_server_is_asked_as_what_it_is(one: Pod, dialect: str, port: int) -> None:
    assert [(each.dialect, each.port) for each in servers(one).items] == [(dialect, port)]


@pytest.mark.parametrize(
    ("one", "targets", "queries", "rules"),
    [
        (PROMETHEUS, "asked", "asked", "asked"),
        (AGENT, "asked", "not its work", "not its work"),
        (VMAGENT, "asked", "not its work", "not its work"),
        (VMALERT, "not its work", "not its work", "asked"),
        (VMSINGLE, "not its work", "asked", "not its work"),
        (VMSELECT, "not its work", "not judged", "not its work"),
        (VMINSERT, "not its work", "not its work", "not its work"),
        (pod("x", "corp/x:1", "-storageDataPath=/data"), "not judged", "not judged", "not judged"),
    ],
)
def test_what_is_asked_of_each(one: Pod, targets: str, queries: str, rules: str) -> None:
    def answer(ability: Ability) -> str:
        found = able(servers(one), ability)
        return "asked" if found.values else "not judged" if found.unreadable else "not its work"

    assert [answer(each) for each in (Ability.TARGETS, Ability.QUERIES, Ability.RULES)] == [targets, queries, rules]


def test_what_is_not_its_work_is_said_with_the_reason() -> None:
    assert able(servers(AGENT), Ability.RULES).absent == "PrometheusAgent metrics/agent-0 evaluates no rules"
    assert able(servers(VMALERT, VMINSERT), Ability.TARGETS).absent == (
        "VMAlert metrics/victoriametrics scrapes nothing, vminsert metrics/victoriametrics scrapes nothing"
    )


def test_what_would_do_it_and_is_not_asked_is_unchecked() -> None:
    (one,) = prometheus_servers(servers(VMSELECT)).unreadable
    assert one.reason == (
        "vmselect runs here; this probe does not judge it, for it is not asked for queries; name the address of its tenant under "
        "`endpoints:` in the profile (system: prometheus, namespace: metrics)"
    )
    endpoint = {"system": "prometheus", "namespace": "metrics", "url": "http://vmselect.metrics.svc:8481/select/0/prometheus"}
    found = prometheus_servers(servers(VMSELECT, profile={"endpoints": [endpoint]}))
    assert ([one.url for one in found.items], found.unreadable) == ([endpoint["url"]], ())


def test_one_that_is_pending_keeps_only_those_from_passing_whose_work_it_does() -> None:
    found = servers(pod("vmagent-0", "victoriametrics/vmagent:v1", phase="Pending"), PROMETHEUS)
    assert able(found, Ability.QUERIES).complete
    assert [one.reason for one in able(found, Ability.TARGETS).unreadable] == ["the pod is Pending, so it cannot be asked"]


def test_an_object_that_scrapes_and_has_no_pods_is_not_absent() -> None:
    agents = listing("VMAgent", [vm_object("VMAgent", "metrics", selectAllByDefault=True)])
    found = scraping_servers(servers(PROMETHEUS), agents, Profile())
    assert [(str(one.subject), one.reason) for one in found.unreadable] == [("VMAgent metrics/main", "it has no pod that could be asked")]
    labels = {"managed-by": "vm-operator", "app_kubernetes_io__instance": "main"}
    there = servers(pod("vmagent-0", "victoriametrics/vmagent:v1", **labels))
    assert scraping_servers(there, agents, Profile()).complete
    assert scraping_servers(servers(), listing("VMSingle", [vm_object("VMSingle", "metrics")]), Profile()).complete


def test_what_the_profile_accepts_unjudged_is_not_asked() -> None:
    found = servers(VMAGENT, profile={"not_judged": ["victoriametrics"]})
    assert (found.items, found.unreadable) == ([], ())
    assert found.absent.endswith("VictoriaMetrics metrics/victoriametrics runs here, and the profile accepts that it is not judged")


def test_rules_are_asked_of_what_evaluates_them() -> None:
    assert [one.dialect for one in alerting_servers(servers(VMAGENT, VMALERT, PROMETHEUS, AGENT)).items] == ["", "vmalert"]
    assert {one.kind for one in DIALECTS.values() if Ability.RULES in one.can} == {"Prometheus", "VMAlert"}


# --- targets ------------------------------------------------------------------------------------------------------------


def replica(kind: str, namespace: str, name: str = "main") -> Subject:
    return Subject(api_version="v1", kind="Pod", namespace=namespace, name=f"{kind.lower()}-{name}-0", owner=f"{kind}/{name}")


def target(namespace: str, pool: str, health: str = "up", **fields: Any) -> Target:
    """As vmagent shows it: without interval, timeout and the time of its first scrape."""
    defaults: dict[str, Any] = {
        "labels": {"job": "api", "instance": f"{namespace}:80"},
        "scrapePool": pool,
        "scrapeUrl": f"http://{namespace}:80/metrics",
        "health": health,
        "lastScrape": "2026-01-01T11:59:50Z",
        "discoveredLabels": {"__meta_kubernetes_namespace": namespace, "__meta_kubernetes_pod_name": "api-0"},
    }
    return make(Target, **(defaults | fields))


KEEPS_NOTHING: Readings[Down] = Readings(absent="it keeps no series")


def targets(*listed: Target, kind: str = "VMAgent", **changes: Any) -> dict[str, Any]:
    on = replica(kind, "monitoring-dev")
    status = {"phase": "Running", "podIP": "10.0.0.7", "startTime": LONG_AGO, "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "prometheus_targets": Readings(((on, list(listed)),)),
        "prometheus_down": KEEPS_NOTHING,
        "prometheus_runtime": Readings(((on, Runtime(start_time=LONG_AGO, last_config_time=LONG_AGO)),)),
        "pods": listing("Pod", [labelled(Pod, "fastapi-dev", "api-0", spec={"containers": []}, status=status)]),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }


DOWN = target("fastapi-dev", "serviceScrape/fastapi-dev/api/0", "down", lastError="dial tcp4 10.0.0.7:80: connect: connection refused")


@pytest.mark.parametrize("kind", ["VMAgent", "PrometheusAgent"])
def test_the_targets_of_an_agent_are_judged_by_their_last_scrape(kind: str) -> None:
    (finding,) = judged(probe_targets, **targets(DOWN, kind=kind)).findings
    assert finding.reason == "TargetsDown"
    assert f"that {kind} monitoring-dev/main scrapes through VMServiceScrape fastapi-dev/api" in finding.problem
    assert "Only the last scrape of each is known" in finding.cause
    see, *_ = finding.steps
    assert [line(one) for one in see.commands] == [
        "kubectl -n fastapi-dev get vmservicescrapes.operator.victoriametrics.com api -o yaml",
    ]


def test_a_target_that_vmagent_has_not_scraped_yet_is_not_down() -> None:
    fresh = target("fastapi-dev", "x", "down", lastScrape="1970-01-01T00:00:00Z", lastError="")
    assert (_told_apart(fresh).health, _told_apart(DOWN).health, _told_apart(target("a", "b")).health) == ("unknown", "down", "up")


def test_without_its_past_the_targets_of_one_that_keeps_series_are_unchecked() -> None:
    assert_blindness_is_no_health(probe_targets, targets(DOWN))


@pytest.mark.parametrize(
    ("pool", "stack", "origin"),
    [
        ("serviceScrape/shop/api/0", "VMAgent", ("VMServiceScrape", "shop", "api")),
        ("podScrape/shop/api/1", "VMAgent", ("VMPodScrape", "shop", "api")),
        ("serviceMonitor/shop/api/0", "VMAgent", ("VMServiceScrape", "shop", "api")),
        ("serviceMonitor/shop/api/0", "PrometheusAgent", ("ServiceMonitor", "shop", "api")),
        ("probe/shop/api/0", "VMAgent", ("VMProbe", "shop", "api")),
        ("probe/shop/api", "Prometheus", ("Probe", "shop", "api")),
        ("scrapeConfig/shop/api", "VMSingle", ("VMScrapeConfig", "shop", "api")),
        ("nodeScrape/shop/kubelet/0", "VMAgent", ("VMNodeScrape", "shop", "kubelet")),
    ],
)
def test_a_pool_tells_its_object_by_who_scrapes_it(pool: str, stack: str, origin: tuple[str, str, str]) -> None:
    found = pool_origin(pool, Subject(kind=stack))
    assert found is not None
    assert (found[0].kind, *found[1:]) == origin


# --- what is selected ---------------------------------------------------------------------------------------------------

RELEASE = {"matchLabels": {"release": "main"}}


def vm_object(kind: str, namespace: str, **spec: Any) -> Prometheus:
    one = labelled(VmObject, namespace, "main", spec=spec)
    return (alerting if kind == "VMAlert" else scraping)(Subject(kind=kind), one)


@pytest.mark.parametrize(
    ("spec", "selected"),
    [
        ({}, None),
        ({"selectAllByDefault": True}, ("{} (everything)", "{} (everything)")),
        ({"serviceScrapeSelector": RELEASE}, ("release=main", None)),
        ({"serviceScrapeNamespaceSelector": RELEASE}, ("{} (everything)", "release=main")),
        ({"selectAllByDefault": True, "serviceScrapeSelector": RELEASE}, ("release=main", None)),
        ({"podScrapeSelector": RELEASE}, None),
    ],
)
def test_what_a_vmagent_selects_by_its_selectors(spec: dict[str, Any], selected: tuple[str, str | None] | None) -> None:
    kind, one = BY_KIND["VMServiceScrape"], vm_object("VMAgent", "metrics", **spec)
    labels, places = kind.labels_of(one), kind.places_of(one)
    found = None if labels is None else (str(labels), None if places is None else str(places))
    assert found == selected
    assert BY_KIND["ServiceMonitor"].labels_of(one) is None
    assert kind.labels_of(labelled(Prometheus, "metrics", "main", spec={"serviceMonitorSelector": {}})) is None


def operators(*images: str) -> Readings[Any]:
    listed = images or ("victoriametrics/operator:v0.74",)
    return prometheus_operators(recognised(listing("Pod", [pod(f"operator-{n}", image) for n, image in enumerate(listed)])))


def selecting(**changes: Any) -> dict[str, Any]:
    return {
        "service_monitors": listing("VMServiceScrape", [labelled(Monitor, "shop", "api", {"release": "main"})]),
        "pod_monitors": NONE,
        "probe_objects": NONE,
        "scrape_configs": NONE,
        "prometheuses": NONE,
        "prometheus_agents": listing("VMAgent", [vm_object("VMAgent", "metrics", serviceScrapeSelector=RELEASE, **EVERYWHERE)]),
        "prometheus_operators": operators(),
        "system_pods": NONE,
        "prometheus_runtime": NONE,
        "namespaces": NONE,
        "environments": ENVIRONMENTS,
        **changes,
    }


EVERYWHERE: dict[str, Any] = {"serviceScrapeNamespaceSelector": {}}


def test_a_scrape_that_a_vmagent_selects_passes() -> None:
    assert outcome(judged(probe_unselected_monitors, **selecting())) == "pass"


def test_a_scrape_without_the_label_is_found_with_the_one_that_it_needs() -> None:
    other = listing("VMServiceScrape", [labelled(Monitor, "shop", "api", {"release": "old"})])
    (finding,) = judged(probe_unselected_monitors, **selecting(service_monitors=other)).findings
    assert (finding.reason, str(finding.subject)) == ("MonitorLabelLeftBehind", "VMServiceScrape shop/api")
    assert finding.problem.startswith("No VMAgent of its environment takes VMServiceScrape shop/api")
    assert "the serviceScrapeSelector of metrics/main asks for `release: main`" in finding.cause
    assert "label vmservicescrapes.operator.victoriametrics.com api release=main --overwrite" in finding.fix


def test_a_monitor_that_victoriametrics_operator_made_a_copy_of_is_judged_by_the_copy() -> None:
    one = labelled(Monitor, "shop", "api", {"release": "main"})
    both = listing("VMServiceScrape", [one]).values + listing("ServiceMonitor", [labelled(Monitor, "shop", "api")]).values
    assert outcome(judged(probe_unselected_monitors, **selecting(service_monitors=Readings(both)))) == "pass"
    alone = listing("ServiceMonitor", [labelled(Monitor, "shop", "api")])
    (finding,) = judged(probe_unselected_monitors, **selecting(service_monitors=alone)).findings
    assert "VictoriaMetrics' operator made no VMServiceScrape of it" in finding.cause


def test_without_its_operator_what_a_vmagent_selects_is_not_known() -> None:
    verdict = judged(
        probe_unselected_monitors, **selecting(prometheus_operators=operators("quay.io/prometheus-operator/prometheus-operator:v1"))
    )
    assert outcome(verdict) == "inconclusive"
    assert "no VictoriaMetrics operator that was found manages it" in verdict.unread[0].reason


def test_what_cannot_be_read_of_what_is_selected_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_unselected_monitors, selecting(), but=["pod_monitors", "prometheus_runtime"])


def leading(scrape: Monitor, *scraped: Target, **changes: Any) -> dict[str, Any]:
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}]
    spec = {"containers": [{"name": "api", "ports": [{"name": "http", "containerPort": 80}]}]}
    running = labelled(
        Pod, "shop", "api-0", {"app": "api"}, spec=spec, status={"phase": "Running", "podIP": "10.0.0.9", "conditions": ready}
    )
    service = labelled(Service, "shop", "api", {"app": "api"}, spec={"selector": {"app": "api"}, "ports": [{"name": "http", "port": 80}]})
    on = replica("VMAgent", "metrics")
    return selecting(
        service_monitors=listing("VMServiceScrape", [scrape, labelled(Monitor, "metrics", "own", {"release": "main"})]),
        prometheus_targets=Readings(((on, [target("metrics", "serviceScrape/metrics/own/0"), *scraped]),)),
        services=listing("Service", [service]),
        pods=listing("Pod", [running]),
        operator_rejections=NONE,
        clock=SimpleNamespace(now=NOW),
        **changes,
    )


def scrape(port: str = "http", **spec: Any) -> Monitor:
    made = {"creationTimestamp": LONG_AGO}
    return labelled(
        Monitor,
        "shop",
        "api",
        {"release": "main"},
        metadata=made,
        spec={"selector": {"matchLabels": {"app": "api"}}, "endpoints": [{"port": port}], **spec},
    )


@pytest.mark.parametrize(
    ("one", "scraped", "found"),
    [
        (scrape(), [target("shop", "serviceScrape/shop/api/0")], []),
        (scrape(), [], ["MonitorWithoutTargets"]),
        (scrape("metrics"), [], ["MonitorPortMissing"]),
        (scrape(selector={"matchLabels": {"app": "x"}}), [], ["MonitorSelectsNothing"]),
    ],
)
def test_a_scrape_that_is_selected_leads_to_targets_or_the_link_is_named(one: Monitor, scraped: list[Target], found: list[str]) -> None:
    verdict = judged(probe_monitors, **leading(one, *scraped))
    assert [each for each in verdict.findings if each.subject.name == "api"] == [
        each for each in verdict.findings if each.reason in found and each.subject.kind == "VMServiceScrape" and each.subject.name == "api"
    ]
    assert {each.reason for each in verdict.findings if each.subject.name == "api"} == set(found)


def test_what_its_operator_refuses_is_left_to_the_probe_of_conditions() -> None:
    refused = msgspec.structs.replace(scrape("metrics"), status=BoundStatus(update_status="failed"))
    assert [one for one in judged(probe_monitors, **leading(refused)).findings if one.subject.name == "api"] == []


# --- one environment's takes another's ----------------------------------------------------------------------------------


def crossing(**changes: Any) -> dict[str, Any]:
    agents = [vm_object("VMAgent", f"monitoring-{one}", selectAllByDefault=True) for one in ("dev", "prod")]
    listed = [target("fastapi-prod", "serviceScrape/monitoring-prod/api/0"), target("fastapi-dev", "serviceScrape/monitoring-dev/api/0")]
    return {
        "prometheus_targets": Readings(((replica("VMAgent", "monitoring-dev"), listed),)),
        "prometheuses": NONE,
        "prometheus_agents": listing("VMAgent", agents),
        "service_monitors": listing("VMServiceScrape", [labelled(Monitor, f"monitoring-{one}", "api") for one in ("dev", "prod")]),
        "pod_monitors": NONE,
        "probe_objects": NONE,
        "scrape_configs": NONE,
        "environments": ENVIRONMENTS,
        **changes,
    }


def commands(finding: Finding) -> list[str]:
    return [line(command) for step in finding.steps for command in step.commands]


def test_a_vmagent_that_scrapes_another_environment_is_limited_to_its_own_namespaces() -> None:
    (finding,) = judged(probe_cross_scrape, **crossing()).findings
    assert (finding.reason, str(finding.subject)) == ("CrossScrape", "VMAgent monitoring-dev/main")
    assert finding.problem == "The dev VMAgent monitoring-dev/main scrapes 1 target of prod (in fastapi-prod)."
    assert "VMServiceScrape monitoring-prod/api: a selector that matches everything ({})" in finding.cause
    assert "What they are meant for: VMAgent monitoring-prod/main" in finding.cause
    (patch,) = [one for one in commands(finding) if " patch " in one]
    assert patch.startswith("kubectl -n monitoring-dev patch vmagents.operator.victoriametrics.com main --type merge -p ")
    assert '{"spec":{"serviceScrapeNamespaceSelector":{"matchExpressions":[' in patch
    assert "fastapi-prod" not in patch
    assert "vmagent.spec" not in finding.fix  # no chart was seen that made it


def test_that_selectors_reach_over_is_found_before_anything_is_scraped() -> None:
    given = {name: one for name, one in crossing().items() if name != "prometheus_targets"}
    verdict = judged(probe_selector_overlap, **given, prometheus_operators=operators(), namespaces=NONE, prometheus_rules=NONE)
    assert reasons(verdict) == ["SelectorOverlap", "SelectorOverlap"]
    assert verdict.findings[0].problem == "The dev VMAgent monitoring-dev/main selects 1 object of prod."


def test_what_cannot_be_read_of_two_environments_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_cross_scrape, crossing())


def test_the_objects_of_victoriametrics_are_not_the_prometheus_operators_to_reconcile() -> None:
    given = {
        "prometheuses": NONE,
        "alertmanagers": NONE,
        "prometheus_operators": operators(),
        "pods": NONE,
        "clock": SimpleNamespace(now=NOW),
    }
    assert outcome(judged(probe_reconciled, **given, prometheus_agents=crossing()["prometheus_agents"])) == "not_applicable"


# --- rules and alerts ---------------------------------------------------------------------------------------------------

VM_ALERT = replica("VMAlert", "monitoring-dev")


def rule(namespace: str = "monitoring-dev", name: str = "shop", **labels: str) -> Rule:
    return labelled(Rule, namespace, name, labels, metadata={"creationTimestamp": LONG_AGO}, spec={"groups": [{"name": "g"}]})


def loaded(*files: RuleFile) -> Readings[LoadedRules]:
    return Readings(((VM_ALERT, LoadedRules(list(files) or [RuleFile("monitoring-dev-shop.yaml", ["g"], 1, [])])),))


def ruling(*rules: Rule, **changes: Any) -> dict[str, Any]:
    return {
        "prometheus_rules": listing("VMRule", rules or [rule()]),
        "prometheus_loaded_rules": loaded(),
        "prometheuses": NONE,
        "thanos_rulers": listing("VMAlert", [vm_object("VMAlert", "monitoring-dev", selectAllByDefault=True)]),
        "prometheus_operators": operators(),
        "system_pods": NONE,
        "prometheus_runtime": NONE,
        "namespaces": NONE,
        "operator_rejections": NONE,
        "environments": ENVIRONMENTS,
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }


def test_rules_that_a_vmalert_selects_and_has_loaded_pass() -> None:
    assert outcome(judged(probe_rules, **ruling())) == "pass"


def test_a_rule_that_a_vmalert_selects_and_has_not_loaded_is_found() -> None:
    (finding,) = judged(probe_rules, **ruling(rule(), rule(name="other"))).findings
    assert (finding.reason, str(finding.subject)) == ("PrometheusRuleNotLoaded", "VMRule monitoring-dev/other")
    assert finding.problem.startswith("VMAlert monitoring-dev/main selects VMRule monitoring-dev/other, and has not loaded it")
    assert any("get vmalerts.operator.victoriametrics.com main" in one for one in commands(finding))


def test_where_no_file_is_known_by_its_name_nothing_is_missing() -> None:
    verdict = judged(probe_rules, **ruling(prometheus_loaded_rules=loaded(RuleFile("alerts.yaml", ["g"], 1, []))))
    assert outcome(verdict) == "pass"
    assert "of no file that the Operator writes" in verdict.notes[0]


def test_a_rule_that_fails_is_that_of_its_object() -> None:
    failing = RuleFile("monitoring-dev-shop.yaml", ["g"], 1, [FailingRule("g", "Late", "cannot execute query", alerts=True)])
    (finding,) = judged(probe_rules, **ruling(prometheus_loaded_rules=loaded(failing))).findings
    assert (finding.reason, str(finding.subject)) == ("EvaluationFails", "VMRule monitoring-dev/shop")
    assert "VMAlert says “cannot execute query”" in finding.cause


def test_a_rule_that_no_vmalert_selects_is_found() -> None:
    strict = listing("VMAlert", [vm_object("VMAlert", "monitoring-dev", ruleSelector=RELEASE, ruleNamespaceSelector={})])
    (finding,) = judged(probe_rules, **ruling(thanos_rulers=strict)).findings
    assert (finding.reason, str(finding.subject)) == ("RulesUnselected", "VMRule monitoring-dev/shop")
    assert finding.problem.startswith("No VMAlert of its environment loads VMRule monitoring-dev/shop")


def test_where_only_agents_run_rules_do_not_apply_and_the_reason_is_said() -> None:
    agent: Readings[LoadedRules] = Readings(absent="PrometheusAgent monitoring/main evaluates no rules")
    verdict = judged(probe_rules, **ruling(thanos_rulers=NONE, prometheus_loaded_rules=agent))
    assert outcome(verdict) == "not_applicable"
    assert grade(verdict, level=Severity.ERROR)[1].endswith("PrometheusAgent monitoring/main evaluates no rules")


OF_PROD = server("prometheus", "monitoring-prod", "main")


def sending(active: list[str], failed: float = 0.0, **changes: Any) -> dict[str, Any]:
    own = Server(system="victoriametrics", namespace="monitoring-dev", name="main", pod=VM_ALERT.name, dialect="vmalert", port=8080)
    counts = Sending(dict.fromkeys(active, 10.0), dict.fromkeys(active, failed), since_start=True)
    return {
        "prometheus_alertmanagers": Readings(((VM_ALERT, Destinations(active, blackhole=not active)),)),
        "prometheus_loaded_rules": loaded(),
        "prometheus_sending": Readings(((VM_ALERT, counts),)),
        "prometheus_runtime": Readings(((VM_ALERT, Runtime(start_time=LONG_AGO)),)),
        "alerting_servers": Readings(((VM_ALERT, own), OF_PROD)),
        "prometheuses": NONE,
        "thanos_rulers": listing("VMAlert", [vm_object("VMAlert", "monitoring-dev", selectAllByDefault=True)]),
        "prometheus_rules": listing("VMRule", [rule()]),
        "alertmanagers": NONE,
        "services": NONE,
        "pods": NONE,
        "environments": ENVIRONMENTS,
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }


OWN = "vmalertmanager-main-0.vmalertmanager-main.monitoring-dev.svc.cluster.local.:9093"


def test_a_vmalert_that_sends_to_its_own_alertmanager_passes() -> None:
    assert outcome(judged(probe_alerting, **sending([OWN]))) == "pass"


@pytest.mark.parametrize(
    ("active", "failed", "found", "says"),
    [
        ([], 0.0, "AlertsToNobody", "-notifier.blackhole"),
        ([OWN.replace("-dev", "-prod")], 0.0, "AlertsToOtherEnvironment", "one of its notifiers leads there"),
        ([OWN], 10.0, "AlertsNotTaken", "no Alertmanager takes them"),
    ],
)
def test_where_a_vmalert_sends_its_alerts_is_judged(active: list[str], failed: float, found: str, says: str) -> None:
    (finding,) = judged(probe_alerting, **sending(active, failed)).findings
    assert (finding.reason, str(finding.subject)) == (found, "VMAlert monitoring-dev/main")
    assert says in finding.cause
    assert "prometheusSpec" not in finding.fix


def test_alerts_of_which_some_were_taken_since_the_start_are_no_finding() -> None:
    assert reasons(judged(probe_alerting, **sending([OWN], 9.0))) == []


def test_what_cannot_be_read_of_a_vmalert_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_alerting, sending([OWN]), but=["alerting_servers"])


def test_the_rules_of_another_environment_are_named_by_their_kind() -> None:
    given = sending(
        [OWN],
        prometheus_rules=listing("VMRule", [rule("monitoring-prod")]),
        prometheus_loaded_rules=loaded(RuleFile("monitoring-prod-shop.yaml", ["g"], 1, [])),
    )
    (finding,) = judged(probe_alerting, **given).findings
    assert finding.reason == "RulesOfOtherEnvironment"
    assert "has loaded 1 VMRule of prod" in finding.problem
    assert any("patch vmalerts.operator.victoriametrics.com main" in one for one in commands(finding))


def test_what_stands_for_an_object_of_victoriametrics_survives_a_bundle() -> None:
    one = vm_object("VMAgent", "metrics", serviceScrapeSelector=RELEASE)
    again = msgspec.json.decode(msgspec.json.encode(one), type=Prometheus)
    assert again.of_victoriametrics
    assert str(BY_KIND["VMServiceScrape"].labels_of(again)) == "release=main"
