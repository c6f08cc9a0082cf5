"""What is printed repairs what was found: each command is run on the objects, the scraping is worked out again, and judged again."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clusterprobe.access.servers import Server
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.pressure_advice import Place, raise_limits
from clusterprobe.systems.prometheus.selection import BY_KIND, labels_by_namespace, prometheus_operators, takings
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.verdict import Verdict
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
from probes.prometheus.probe_foreign_series import probe_foreign_series
from probes.prometheus.probe_selector_overlap import probe_selector_overlap
from probes.prometheus.probe_unselected_monitors import probe_unselected_monitors
from tests.factories import ENVIRONMENTS, judged, labelled, listing, make, outcome, reasons, recognised, server
from tests.repaired import Json, World
from tests.unit.prometheus import test_foreign_series as foreign

RELEASE = {"release": "monitoring"}
STEMS = {"ServiceMonitor": "serviceMonitor", "PodMonitor": "podMonitor", "Probe": "probe", "ScrapeConfig": "scrapeConfig"}
KINDS = list(STEMS)
IMAGE = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
OPERATOR = labelled(Pod, "operators", "operator", spec={"containers": [{"name": "operator", "image": IMAGE}]})


def an(kind: str, place: str, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Json:
    where = {"namespace": place} if place else {}
    return {"kind": kind, "metadata": {**where, "name": name, "labels": labels or {}}, "spec": spec}


def prometheus(environment: str, selector: Json | None, places: Json | None, *, kinds: list[str] = KINDS) -> Json:
    spec = {f"{STEMS[kind]}Selector": selector for kind in kinds if selector is not None}
    spec |= {f"{STEMS[kind]}NamespaceSelector": places for kind in kinds if places is not None}
    return an("Prometheus", f"monitoring-{environment}", "main", **spec)


def platform(*objects: Json) -> World:
    namespaces = ["monitoring-dev", "monitoring-prod", "shop-dev", "shop-prod", "logging"]
    return World(*(an("Namespace", "", one, {"kubernetes.io/metadata.name": one}) for one in namespaces), *objects)


class Platform:
    """A world in which each Prometheus scrapes what its objects, and the jobs of its own configuration, lead to."""

    def __init__(self, world: World, jobs: dict[str, list[Json]] | None = None) -> None:
        self.world, self.jobs = world, jobs or {}

    def readings(self) -> dict[str, Any]:
        world = self.world
        monitors = [world.readings(kind, Monitor) for kind in KINDS]
        names = ("service_monitors", "pod_monitors", "probe_objects", "scrape_configs")
        return {
            "prometheuses": world.readings("Prometheus", Prometheus),
            "prometheus_agents": listing("PrometheusAgent", []),
            **dict(zip(names, monitors, strict=True)),
            "environments": ENVIRONMENTS,
        }

    def cross_scrape(self) -> Verdict:
        return judged(probe_cross_scrape, **self.readings(), prometheus_targets=self.targets())

    def selecting(self, probe: Any, **more: Any) -> Verdict:
        pods = recognised(listing("Pod", [OPERATOR]))
        operators, namespaces = prometheus_operators(pods), self.world.readings("Namespace", Namespace)
        return judged(probe, **self.readings(), prometheus_operators=operators, system_pods=pods, namespaces=namespaces, **more)

    def targets(self) -> Readings[list[Target]]:
        found: list[tuple[Subject, list[Target]]] = []
        labels = labels_by_namespace(self.world.readings("Namespace", Namespace))
        customs = self.world.readings("Prometheus", Prometheus)
        for taking in takings(customs, prometheus_operators(recognised(listing("Pod", [OPERATOR])))):
            place = taking.subject.namespace
            asked: tuple[Subject, Server] = server("prometheus", place, taking.subject.name)
            own = [
                target
                for kind in KINDS
                for subject, one in self.world.readings(kind, Monitor)
                if taking.takes(BY_KIND[kind], one.metadata, labels.get(subject.namespace))
                for target in self._through(kind, subject, one)
            ]
            itself = _target(place, f"serviceMonitor/{place}/itself/0", "prometheus-0")  # one that scrapes nothing is unchecked
            found.append((asked[0], [itself, *own, *(target for job in self.jobs.get(place, []) for target in self._of_job(job))]))
        return Readings(tuple(found))

    def _through(self, kind: str, subject: Subject, monitor: Monitor) -> Iterator[Target]:
        pool = f"{STEMS[kind]}/{subject.namespace}/{subject.name}/0"
        if kind in ("Probe", "ScrapeConfig"):
            yield _target(subject.namespace, pool, subject.name)
            return
        chosen = monitor.spec.namespace_selector
        for one in self.world.of("Service" if kind == "ServiceMonitor" else "Pod"):
            place = one["metadata"]["namespace"]
            there = chosen is not None and (chosen.any or place in (chosen.match_names or []))
            if there or (place == subject.namespace and not (chosen and (chosen.any or chosen.match_names))):
                yield _target(place, pool, one["metadata"]["name"])

    def _of_job(self, job: Json) -> Iterator[Target]:
        for group in job.get("static_configs", []):
            for address in group["targets"]:
                yield make(
                    Target, labels={}, scrapePool=job["job_name"], scrapeUrl=f"http://{address}/metrics", health="up", discoveredLabels={}
                )
        for one in self.world.of("Pod") if "kubernetes_sd_configs" in job else []:
            place = one["metadata"]["namespace"]
            if all(_lets_through(rule, place) for rule in job.get("relabel_configs", [])):
                yield _target(place, job["job_name"], one["metadata"]["name"])


def _target(place: str, pool: str, name: str) -> Target:
    discovered = {"__meta_kubernetes_namespace": place}
    return make(Target, labels={}, scrapePool=pool, scrapeUrl=f"http://{place}/{name}", health="up", discoveredLabels=discovered)


def _lets_through(rule: Json, place: str) -> bool:
    assert rule["source_labels"] == ["__meta_kubernetes_namespace"]
    return (place in rule["regex"].split("|")) == (rule["action"] == "keep")


def homes(one: Platform, place: str) -> list[str]:
    """The namespaces that the Prometheus of a namespace scrapes in, beside its own."""
    (targets,) = [targets for subject, targets in one.targets() if subject.namespace == place]
    return sorted({target.namespace for target in targets} - {place})


SERVICES = [an("Service", place, "api") for place in ("shop-dev", "shop-prod", "logging")]
PODS = [an("Pod", place, "api-1") for place in ("shop-dev", "shop-prod", "logging")]
EVERYWHERE: Json = {}


def stacks(selector: Json, kind: str, labels: dict[str, str], places: Json = EVERYWHERE) -> World:
    """dev's Prometheus, which takes every monitor of `kind` in the namespaces that it looks into, and prod's, which keeps to its own."""
    prod = prometheus("prod", {"matchLabels": {"release": "prod"}}, {"matchLabels": {"kubernetes.io/metadata.name": "shop-prod"}})
    monitors = [an(kind, place, "api", labels) for place in ("shop-dev", "shop-prod", "logging")]
    return platform(*SERVICES, *PODS, prometheus("dev", selector, places), prod, *monitors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("selector", "labels", "places"),
    [
        ({"matchLabels": RELEASE}, RELEASE, EVERYWHERE),
        ({}, {}, EVERYWHERE),
        ({}, RELEASE, EVERYWHERE),
        ({"matchExpressions": [{"key": "release", "operator": "Exists"}]}, RELEASE, EVERYWHERE),
        ({"matchExpressions": [{"key": "off", "operator": "DoesNotExist"}]}, {}, EVERYWHERE),
        ({}, {}, {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]}),
        ({}, {}, {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]}),
    ],
)
def test_a_selector_that_takes_the_others_monitors_leaves_them_and_keeps_its_own(
    kind: str, selector: Json, labels: dict[str, str], places: Json
) -> None:
    one = Platform(stacks(selector, kind, labels, places))
    assert "shop-prod" in homes(one, "monitoring-dev")
    (finding,) = one.cross_scrape().findings
    assert one.world.repair(finding) == 1
    assert outcome(one.cross_scrape()) == "pass"
    assert homes(one, "monitoring-dev") == ["logging", "shop-dev"]


def test_what_a_selector_would_take_is_left_out_by_the_same_change() -> None:
    one = Platform(stacks({}, "PodMonitor", RELEASE))
    rules = {"prometheus_rules": listing("PrometheusRule", [])}
    while findings := one.selecting(probe_selector_overlap, **rules).findings:
        assert one.world.repair(findings[0]) == 1
    assert outcome(one.selecting(probe_selector_overlap, **rules)) == "pass"
    assert homes(one, "monitoring-dev") == ["logging", "shop-dev"]


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
@pytest.mark.parametrize(
    ("reach", "left"),
    [({"any": True}, ["logging", "shop-dev"]), ({"matchNames": ["shop-dev", "shop-prod"]}, ["shop-dev"])],
)
def test_a_monitor_of_its_own_that_reaches_over_is_limited(kind: str, reach: Json, left: list[str]) -> None:
    own = an(kind, "shop-dev", "api", RELEASE, namespaceSelector=reach)
    other = prometheus("prod", {"matchLabels": {"release": "prod"}}, None)
    one = Platform(platform(*SERVICES, *PODS, prometheus("dev", {"matchLabels": RELEASE}, {}), other, own))
    (finding,) = one.cross_scrape().findings
    assert one.world.repair(finding) == 1
    assert outcome(one.cross_scrape()) == "pass"
    assert homes(one, "monitoring-dev") == left


def in_jobs(jobs: list[Json], finding: Finding) -> None:
    """Put the rules that the fix prints in front of those of each job that they name."""
    for code in (step.code for step in finding.steps if step.code):
        for told in yaml.safe_load(code):
            (job,) = [each for each in jobs if each["job_name"] == told["job_name"]]
            job["relabel_configs"] = [*told["relabel_configs"], *job.get("relabel_configs", [])]


@pytest.mark.parametrize("extra", [None, {"name": "more", "key": "jobs.yaml"}])
def test_a_job_that_discovers_everywhere_gets_a_rule(extra: Json | None) -> None:
    dev = prometheus("dev", {"matchLabels": RELEASE}, {})
    dev["spec"] |= {"additionalScrapeConfigs": extra} if extra else {}
    jobs = [{"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}]
    one = Platform(platform(*PODS, dev, prometheus("prod", {"matchLabels": {"release": "prod"}}, None)), {"monitoring-dev": jobs})
    (finding,) = one.cross_scrape().findings
    assert ("the Secret monitoring-dev/more" in finding.fix) == bool(extra)
    assert one.world.repair(finding) == 0
    in_jobs(jobs, finding)
    assert outcome(one.cross_scrape()) == "pass"
    assert homes(one, "monitoring-dev") == ["logging", "shop-dev"]


def test_of_static_targets_just_those_of_the_other_are_named() -> None:
    addresses = ["api.shop-dev.svc:80", "api.shop-prod.svc:80"]
    jobs = [{"job_name": "fixed", "static_configs": [{"targets": list(addresses)}]}]
    dev, prod = prometheus("dev", {"matchLabels": RELEASE}, {}), prometheus("prod", {"matchLabels": {"release": "prod"}}, None)
    one = Platform(platform(dev, prod), {"monitoring-dev": jobs})
    (finding,) = one.cross_scrape().findings
    assert [address in finding.fix for address in addresses] == [False, True]
    jobs[0]["static_configs"][0]["targets"] = [each for each in addresses if each not in finding.fix]
    assert outcome(one.cross_scrape()) == "pass"


# --- what nothing selects -----------------------------------------------------------------------------------------------

NAME = "kubernetes.io/metadata.name"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("selector", "labels", "places", "commands"),
    [
        ({"matchLabels": RELEASE}, {}, {}, 1),
        ({"matchLabels": RELEASE}, {"release": "former"}, {}, 1),
        ({"matchLabels": {**RELEASE, "team": "a"}}, {}, {}, 2),
        ({"matchExpressions": [{"key": "release", "operator": "In", "values": ["monitoring"]}]}, {}, {}, 1),
        ({}, {}, None, 1),
        ({}, RELEASE, {"matchLabels": {NAME: "monitoring-dev"}}, 1),
        ({}, {}, {"matchExpressions": [{"key": NAME, "operator": "In", "values": ["monitoring-dev"]}]}, 1),
        ({}, {}, {"matchLabels": {"monitored": "yes"}}, 1),
        ({"matchLabels": RELEASE}, {}, {"matchLabels": {"monitored": "yes"}}, 2),
        ({"matchLabels": RELEASE}, {}, None, 2),
    ],
)
def test_what_nothing_selects_is_selected_after_the_fix(
    kind: str, selector: Json, labels: dict[str, str], places: Json | None, commands: int
) -> None:
    one = Platform(platform(*SERVICES, *PODS, prometheus("dev", selector, places), an(kind, "shop-dev", "api", labels)))
    assert homes(one, "monitoring-dev") == []
    (finding,) = one.selecting(probe_unselected_monitors).findings
    assert one.world.repair(finding) == commands
    assert outcome(one.selecting(probe_unselected_monitors)) == "pass"
    assert homes(one, "monitoring-dev") == ["shop-dev"]


@pytest.mark.parametrize(
    ("selector", "places", "namespace", "said"),
    [
        (None, {}, {}, "has no serviceMonitorSelector, so it selects nothing"),
        ({}, {"matchLabels": {"monitored": "yes"}}, {"monitored": "by others"}, "or widen its serviceMonitorNamespaceSelector"),
        ({}, {"matchExpressions": [{"key": "monitored", "operator": "Exists"}]}, {}, "or widen its serviceMonitorNamespaceSelector"),
        ({"matchExpressions": [{"key": "release", "operator": "In", "values": ["a", "b"]}]}, {}, {}, "the labels that the selector"),
    ],
)
def test_where_the_change_is_not_certain_no_command_is_printed(
    selector: Json | None, places: Json, namespace: dict[str, str], said: str
) -> None:
    world = platform(prometheus("dev", selector, places), an("ServiceMonitor", "shop-dev", "api"))
    for one in world.of("Namespace"):
        one["metadata"]["labels"] |= namespace
    (finding,) = Platform(world).selecting(probe_unselected_monitors).findings
    assert said in finding.fix
    assert world.repair(finding) == 0


def test_of_two_that_might_be_meant_neither_is_changed() -> None:
    first, second = prometheus("dev", {"matchLabels": RELEASE}, None), prometheus("dev", {"matchLabels": {"team": "a"}}, None)
    second["metadata"]["name"] = "second"
    one = Platform(platform(first, second, an("ServiceMonitor", "shop-dev", "api")))
    verdict = one.selecting(probe_unselected_monitors)
    assert reasons(verdict) == ["MonitorUnselected"]
    assert one.world.repair(verdict.findings[0]) == 0


# --- workloads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [None, ["--port=8080"], ["--namespaces=shop-dev,shop-prod", "--port=8080"]])
def test_a_kube_state_metrics_watches_its_own_environment_after_the_fix(arguments: list[str] | None) -> None:
    container = {"name": "kube-state-metrics"} | ({"args": arguments} if arguments is not None else {})
    deployment = an("Deployment", "monitoring-dev", "kube-state-metrics", template={"spec": {"containers": [container, {"name": "proxy"}]}})
    world = World(deployment)

    def verdict() -> Verdict:
        (running,) = [one["spec"]["template"]["spec"] for one in world.of("Deployment")]
        owner = {"kind": "ReplicaSet", "name": "kube-state-metrics-5fb", "controller": True}
        labels, metadata = {"pod-template-hash": "5fb"}, {"ownerReferences": [owner]}
        pod = labelled(Pod, "monitoring-dev", "kube-state-metrics-5fb-x", labels, metadata=metadata, spec=running)
        told = next((each.partition("=")[2] for each in running["containers"][0].get("args", []) if each.startswith("--namespaces=")), "")
        seen = told.split(",") if told else ["shop-dev", "shop-prod", "monitoring-dev", "kube-system"]
        return judged(probe_foreign_series, **foreign.platform([foreign.series(one) for one in seen], pod))

    (finding,) = verdict().findings
    assert world.repair(finding) == 1
    assert outcome(verdict()) == "pass"


def test_of_the_containers_of_a_workload_only_its_own_limit_changes() -> None:
    names = ("reloader", "prometheus-server")
    template = {"spec": {"containers": [{"name": one, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}} for one in names]}}
    world = World(an("StatefulSet", "mon", "prometheus-server", template=template))
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "prometheus-server", "uid": "1", "controller": True}
    pod = labelled(Pod, "mon", "prometheus-server-0", metadata={"ownerReferences": [owner]}, spec=template["spec"])
    for step in raise_limits(Place(Subject(kind="Pod", namespace="mon", name="prometheus-server-0"), pod, cpu=1), None, cpu=True):
        assert [world.run(one) for one in step.commands if step.kind != "look"] in ([], [True])
    containers = world.of("StatefulSet")[0]["spec"]["template"]["spec"]["containers"]
    assert [one["resources"]["limits"] for one in containers] == [{"cpu": "1", "memory": "1Gi"}, {"memory": "1Gi"}]
