from typing import Any

from clusterprobe.readings import Readings
from clusterprobe.systems.prometheus import Monitor, Prometheus, Target
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
from tests.factories import ENVIRONMENTS, judged, labelled, listing, make, outcome, reasons, refused, server


def target(namespace: str, pool: str) -> Target:
    return make(Target, labels={}, scrapePool=pool, health="up", discoveredLabels={"__meta_kubernetes_namespace": namespace})


def prometheus(environment: str, release: str) -> Prometheus:
    selector = {"matchLabels": {"release": release}}
    return labelled(Prometheus, f"monitoring-{environment}", "main", spec={"serviceMonitorSelector": selector})


def platform(targets: list[Target] | None, **changes: Any) -> dict[str, Any]:
    one = server("prometheus", "monitoring-dev", "main")
    read = Readings(((one[0], targets),)) if targets is not None else Readings((), (refused("Pod"),))
    return {
        "prometheus_targets": read,
        "prometheus_servers": Readings((one,)),
        "prometheuses": listing("Prometheus", [prometheus("dev", "monitoring"), prometheus("prod", "monitoring")]),
        "service_monitors": listing("ServiceMonitor", [labelled(Monitor, "monitoring-prod", "api", {"release": "monitoring"})]),
        "pod_monitors": listing("PodMonitor", []),
        "environments": ENVIRONMENTS,
        **changes,
    }


CROSSING = [target("fastapi-prod", "serviceMonitor/monitoring-prod/api/0"), target("fastapi-dev", "serviceMonitor/monitoring-dev/api/0")]


def test_targets_of_the_own_and_of_shared_namespaces_pass() -> None:
    verdict = judged(probe_cross_scrape, **platform([target("fastapi-dev", "x"), target("kube-system", "y")]))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].cells == [[1, 1]]


def test_a_foreign_target_names_monitor_label_and_both_prometheuses() -> None:
    (finding,) = judged(probe_cross_scrape, **platform(CROSSING)).findings
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.environment) == ("Prometheus", "monitoring-dev", "dev")
    assert "scrapes 1 targets of prod" in finding.problem
    assert "ServiceMonitor monitoring-prod/api" in finding.cause
    assert "`release: monitoring`" in finding.cause
    assert "monitoring-prod/main" in finding.cause


def test_the_finding_stands_when_the_monitors_cannot_be_read() -> None:
    unread = Readings((), (refused("ServiceMonitorList"),))
    verdict = judged(probe_cross_scrape, **platform(CROSSING, service_monitors=unread))
    assert reasons(verdict) == ["CrossScrape"]
    assert "could not be named" in verdict.findings[0].cause


def test_a_monitor_of_the_own_environment_that_reaches_over_is_named_so() -> None:
    verdict = judged(probe_cross_scrape, **platform([target("fastapi-prod", "serviceMonitor/monitoring-dev/wide/0")]))
    assert "namespaceSelector reaches" in verdict.findings[0].cause


def test_a_prometheus_without_targets_is_inconclusive() -> None:
    assert outcome(judged(probe_cross_scrape, **platform([]))) == "inconclusive"


def test_a_prometheus_that_cannot_be_asked_is_inconclusive() -> None:
    assert outcome(judged(probe_cross_scrape, **platform(None))) == "inconclusive"
