from typing import Any

import msgspec
import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Namespace, Pod, Service
from clusterprobe.systems.prometheus.monitor_diagnosis import Chain, Ground, scraped_twice
from clusterprobe.systems.prometheus.objects import Monitor, Prometheus
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import prometheus_operators
from clusterprobe.systems.prometheus.sources import Discovered, Target
from probes.prometheus.probe_monitors import probe_monitors
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
from tests.repaired import World

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, JUST_NOW = "2027-01-14T08:00:00Z", "2027-01-15T07:56:00Z"
IMAGE = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
ONE = server("prometheus", "monitoring", "main")[0]
KINDS = ("serviceMonitor", "podMonitor", "probe", "scrapeConfig")
PUSHED = [{"port": "http"}]


def monitor(endpoints: Any = PUSHED, *, created: str = LONG_AGO, selects: str = "push", **spec: Any) -> Monitor:
    status = spec.pop("status", {})
    whole = {"selector": {"matchLabels": {"app": selects}}, "endpoints": endpoints, "podMetricsEndpoints": endpoints, **spec}
    return labelled(Monitor, "shop", "push", {"release": "monitoring"}, metadata={"creationTimestamp": created}, spec=whole, status=status)


def pod(namespace: str = "shop", ready: str = LONG_AGO, ports: Any = ({"name": "http", "containerPort": 9091},)) -> Pod:
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": ready or None}
    status = {"phase": "Running", "podIP": "10.0.0.9", "conditions": [condition]}
    spec = {"containers": [{"name": "push", "ports": list(ports)}]}
    return labelled(Pod, namespace, "push-0", {"app": "push"}, spec=spec, status=status)


def service(*ports: str, namespace: str = "shop") -> Service:
    listed = [{"name": one, "port": 9091} for one in ports or ("http",)]
    return labelled(Service, namespace, "push", {"app": "push"}, spec={"selector": {"app": "push"}, "ports": listed})


def target(
    pool: str = "serviceMonitor/shop/push/0", url: str = "http://10.0.0.9:9091/metrics", by: str = "push", interval: str = "30s"
) -> Target:
    found = Discovered(namespace="shop", service=by)
    return Target(labels={"job": "push"}, scrape_pool=pool, health="up", discovered=found, scrape_url=url, scrape_interval=interval)


SPACES = listing("Namespace", [labelled(Namespace, "", one) for one in ("shop", "monitoring", "other")])
OTHER = target("scrapeConfig/monitoring/own", "http://10.0.0.1:9090/metrics", "main")


def readings(one: Monitor | None = None, *targets: Target, **changed: Any) -> dict[str, Any]:
    operator = labelled(Pod, "monitoring", "operator", spec={"containers": [{"name": "operator", "image": IMAGE}]})
    spec = {f"{kind}Selector": {"matchLabels": {"release": "monitoring"}} for kind in KINDS}
    spec |= {f"{kind}NamespaceSelector": {} for kind in KINDS}
    return {
        "service_monitors": listing("ServiceMonitor", [one or monitor()]),
        "pod_monitors": listing("PodMonitor", []),
        "probe_objects": listing("Probe", []),
        "scrape_configs": listing("ScrapeConfig", [labelled(Monitor, "monitoring", "own", {"release": "monitoring"})]),
        "prometheuses": listing("Prometheus", [labelled(Prometheus, "monitoring", "main", spec=spec)]),
        "prometheus_agents": listing("PrometheusAgent", []),
        "prometheus_operators": prometheus_operators(recognised(listing("Pod", [operator]))),
        "namespaces": listing("Namespace", []),
        "prometheus_targets": Readings(((ONE, [OTHER, *targets]),)),
        "prometheus_runtime": Readings(((ONE, Runtime("", "")),)),
        "services": listing("Service", [service()]),
        "pods": listing("Pod", [pod()]),
        "operator_rejections": Readings(absent="there is no such event"),
        "environments": ENVIRONMENTS,
        "clock": CLOCK,
        **changed,
    }


def found(one: Monitor | None = None, *targets: Target, **changed: Any) -> Finding:
    (finding,) = judged(probe_monitors, **readings(one, *targets, **changed)).findings
    return finding


def chain(one: Monitor, kind: str = "ServiceMonitor", *, services: Any = None, pods: Any = None) -> Chain:
    listed = listing("Service", [service()]) if services is None else services
    return Ground(listed, listing("Pod", [pod()]) if pods is None else pods, SPACES, CLOCK.now).chain(kind, one)


def test_a_monitor_that_looks_elsewhere_says_where_its_service_is_and_patches_nothing() -> None:
    here = listing("Service", [service(namespace="other")])
    one = found(monitor(), services=here, namespaces=SPACES)
    assert one.reason == "MonitorSelectsNothing"
    assert one.cause == (
        "No Service in shop has the labels that its spec.selector asks for: app=push. other/push has them, where it does not look."
    )
    assert "name other in spec.namespaceSelector.matchNames" in one.fix
    assert "kubectl -n other get services --show-labels" in one.fix
    assert " patch " not in one.fix


def test_a_monitor_of_a_namespace_that_does_not_exist_is_not_looked_for_there() -> None:
    one = found(monitor(namespaceSelector={"matchNames": ["shopp"]}), namespaces=SPACES, services=listing("Service", []))
    assert one.cause == "The namespace shopp, in which it is to look, does not exist."
    assert "-n shopp" not in one.fix
    assert "Correct the names in spec.namespaceSelector.matchNames" in one.fix


def test_of_namespaces_that_were_not_listed_none_is_said_to_be_missing() -> None:
    blind: Readings[Any] = Readings((), (refused("NamespaceList", "", "no rights"),))
    assert chain(monitor(namespaceSelector={"matchNames": ["shopp"]})).absent == ("shopp",)
    assert Ground(listing("Service", []), listing("Pod", []), blind, CLOCK.now).chain("ServiceMonitor", monitor()).absent == ()


def test_a_service_without_the_labels_that_it_asks_its_pods_for_is_named() -> None:
    bare = labelled(Service, "shop", "push", spec={"selector": {"app": "push"}, "ports": [{"name": "http", "port": 9091}]})
    one = found(monitor(), services=listing("Service", [bare]), namespaces=SPACES)
    assert "Service shop/push asks its pods for them, and does not have them itself." in one.cause
    assert "Give Service shop/push the labels that spec.selector asks for" in one.fix


def lost(selector: dict[str, str] | None = None, namespace: str = "shop") -> Service:
    spec = {"selector": {"app": "pusher"} if selector is None else selector, "ports": [{"name": "http", "port": 9091}]}
    return labelled(Service, namespace, "push", {"app": "push"}, spec=spec)


def test_a_service_that_leads_to_no_pod_is_found_where_pods_are_there_that_it_may_be_meant_for() -> None:
    one = found(monitor(), services=listing("Service", [lost()]))
    assert (one.reason, one.severity) == ("MonitorServiceWithoutPods", "warning")
    assert "shop/push-0 may be meant" in one.cause
    assert "kubectl -n shop get pods --show-labels" in one.fix


@pytest.mark.parametrize(
    ("services", "pods"),
    [
        ([lost()], []),  # scaled to 0
        ([lost({})], [pod()]),  # its endpoints are made by something else
        ([lost(), service()], [pod()]),  # another one leads to pods
    ],
)
def test_a_service_without_pods_is_no_fault_by_itself(services: list[Service], pods: list[Pod]) -> None:
    assert chain(monitor(), services=listing("Service", services), pods=listing("Pod", pods)).state != "no pod behind"


def test_the_control_plane_of_a_managed_cluster_has_no_pods() -> None:
    one = monitor(namespaceSelector={"matchNames": ["kube-system"]})
    here, there = listing("Service", [lost(namespace="kube-system")]), listing("Pod", [pod("kube-system")])
    assert chain(one, services=here, pods=there).state == "nothing ready"


def test_a_service_without_pods_is_not_judged_where_pods_could_not_be_read() -> None:
    blind = Readings(listing("Pod", [pod()]).values, (refused("PodList", "", "no rights"),))
    assert chain(monitor(), services=listing("Service", [lost()]), pods=blind).state == "nothing ready"


def test_a_monitor_with_targets_passes() -> None:
    assert outcome(judged(probe_monitors, **readings(None, target()))) == "pass"


@pytest.mark.parametrize(
    ("kind", "one", "state"),
    [
        ("ServiceMonitor", monitor(), "without targets"),
        ("ServiceMonitor", monitor(selects="other"), "nothing to select"),
        ("ServiceMonitor", monitor([{"port": "metrics"}]), "port missing"),
        ("ServiceMonitor", monitor([{"port": "metrics", "targetPort": 9091}]), "without targets"),
        ("ServiceMonitor", monitor([{"targetPort": "http"}]), "without targets"),
        ("ServiceMonitor", monitor(namespaceSelector={"matchNames": ["other"]}), "nothing to select"),
        ("ServiceMonitor", monitor(namespaceSelector={"any": True}), "without targets"),
        ("PodMonitor", monitor(), "without targets"),
        ("PodMonitor", monitor(selects="other"), "nothing to select"),
        ("PodMonitor", monitor([{"port": "metrics"}]), "port missing"),
        ("PodMonitor", monitor([{"portNumber": 9091}]), "without targets"),
    ],
)
def test_how_far_a_monitor_leads(kind: str, one: Monitor, state: str) -> None:
    assert chain(one, kind).state == state


def test_what_has_the_labels_with_other_values_may_be_meant() -> None:
    one = found(monitor(selects="pushes"))
    assert "Service shop/push has app=push." in one.cause
    assert "If it is meant for shop/push, let spec.selector ask for app=push." in one.fix
    assert "$ kubectl -n shop edit servicemonitors.monitoring.coreos.com push" in one.fix


def test_of_many_that_have_them_or_of_those_that_are_excluded_none_is_named() -> None:
    def others(count: int) -> Readings[Service]:
        return listing("Service", [labelled(Service, "shop", f"push-{one}", {"app": f"push-{one}"}) for one in range(count)])

    assert [len(chain(monitor(), services=others(count)).alike) for count in (0, 3, 4)] == [0, 3, 0]
    without = {"matchLabels": {"app": "other"}, "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["push"]}]}
    assert chain(monitor(selector=without)).alike == ()


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
@pytest.mark.parametrize("one", [pod(ready=""), pod(ready=JUST_NOW)])
def test_what_is_not_ready_for_long_has_no_target_yet(kind: str, one: Pod) -> None:
    assert chain(monitor(), kind, pods=listing("Pod", [one])).state == "nothing ready"


def test_what_could_not_be_read_may_be_what_it_selects() -> None:
    half = listing("Service", [], unreadable=[refused("ServiceList", "shop")])
    assert chain(monitor(), services=half).state == "unknown"
    some = listing("Service", [service()], unreadable=[refused("ServiceList", "shop")])
    assert chain(monitor([{"port": "metrics"}]), services=some).state == "without targets"


def test_a_port_that_no_service_has_is_found_with_those_that_there_are() -> None:
    one = found(monitor([{"port": "metrics"}]))
    assert (one.reason, one.severity, str(one.subject)) == ("MonitorPortMissing", "error", "ServiceMonitor shop/push")
    assert one.problem == "ServiceMonitor shop/push names the port metrics, which no Service has that it selects."
    assert one.cause == "It selects Service shop/push, and their ports are http."
    assert "Name the port in the monitor as the Service does: http." in one.fix


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_the_one_name_that_there_is_is_set_by_command_and_repairs_it(kind: str) -> None:
    wrong = monitor([{"port": "metrics"}])
    name = "service_monitors" if kind == "ServiceMonitor" else "pod_monitors"
    one = World({"kind": kind, **msgspec.to_builtins(wrong)})
    nothing = {"service_monitors": listing("ServiceMonitor", []), "pod_monitors": listing("PodMonitor", [])}
    (finding,) = judged(probe_monitors, **readings(**{**nothing, name: one.readings(kind, Monitor)})).findings
    assert one.repair(finding) == 1
    (again,) = one.readings(kind, Monitor).items
    assert chain(again, kind).state == "without targets"


@pytest.mark.parametrize("endpoints", [[{"port": "metrics"}, {"port": "http"}], [{"port": "metrics"}, {"port": "more"}]])
def test_which_of_several_endpoints_is_meant_is_not_guessed(endpoints: Any) -> None:
    one = World({"kind": "ServiceMonitor", **msgspec.to_builtins(monitor(endpoints))})
    (finding,) = judged(probe_monitors, **readings(service_monitors=one.readings("ServiceMonitor", Monitor))).findings
    assert one.repair(finding) == 0


def test_a_port_beside_others_that_lead_to_targets_is_a_note() -> None:
    assert found(monitor([*PUSHED, {"port": "extra"}]), target()).severity == "info"


def test_a_monitor_that_selects_no_service_is_a_warning_and_one_for_every_namespace_a_note() -> None:
    one = found(monitor(selects="other"))
    assert (one.reason, one.severity) == ("MonitorSelectsNothing", "warning")
    assert "No Service in shop has the labels" in one.cause
    assert found(monitor(selects="other", namespaceSelector={"any": True})).severity == "info"


def test_a_monitor_without_targets_names_both_causes() -> None:
    one = found()
    assert (one.reason, one.severity) == ("MonitorWithoutTargets", "warning")
    assert "relabelings drop every target, or that Prometheus may not list" in one.cause
    assert "logs statefulset/prometheus-main" in one.fix


def test_of_a_prometheus_that_was_not_asked_no_target_is_missed() -> None:
    blind = Readings((), (refused("Pod", "monitoring"),))
    assert reasons(judged(probe_monitors, **readings(prometheus_targets=blind))) == []


@pytest.mark.parametrize(("created", "codes"), [(JUST_NOW, []), (LONG_AGO, ["MonitorWithoutTargets"])])
def test_a_new_monitor_is_given_time(created: str, codes: list[str]) -> None:
    assert reasons(judged(probe_monitors, **readings(monitor(created=created)))) == codes


REFUSAL = 'ServiceMonitor push was rejected due to invalid configuration: unable to get secret "token"'
SAID = Readings(((Subject(kind="ServiceMonitor", namespace="shop", name="push"), Complaint(REFUSAL)),))


def test_a_monitor_that_the_operator_rejects_is_found_with_its_words() -> None:
    one = found(operator_rejections=SAID)
    assert (one.reason, one.severity) == ("MonitorRejected", "error")
    assert 'unable to get secret "token"' in one.cause
    assert "Create the Secret token" in one.fix
    assert one.rests_on == ["Secret/shop/token"]


def test_what_its_status_says_counts_as_well() -> None:
    refused_by = {"bindings": [{"conditions": [{"type": "Accepted", "status": "False", "message": "invalid relabeling"}]}]}
    assert "“invalid relabeling”" in found(monitor(status=refused_by)).cause


def test_a_rejection_that_is_over_is_none() -> None:
    assert outcome(judged(probe_monitors, **readings(None, target(), operator_rejections=SAID))) == "pass"


def test_what_no_prometheus_selects_is_of_another_probe() -> None:
    one = labelled(Monitor, "shop", "push", spec={"selector": {}, "endpoints": []})
    assert reasons(judged(probe_monitors, **readings(one))) == []


def test_a_target_behind_two_services_is_found_with_both() -> None:
    one = found(None, target(), target(by="push-headless"))
    assert (one.reason, one.severity, str(one.subject)) == ("ScrapedTwice", "warning", "ServiceMonitor shop/push")
    assert "behind shop/push and shop/push-headless" in one.cause
    assert one.breaks == ["Scrape/monitoring/main/push", "Scrape/monitoring/main/push-headless"]


def test_a_target_of_two_monitors_is_found_and_with_another_interval_it_is_a_note() -> None:
    second = "serviceMonitor/shop/second/0"
    one = found(None, target(), target(second))
    assert (one.severity, str(one.subject)) == ("warning", "Prometheus monitoring/main")
    assert "ServiceMonitor shop/push and ServiceMonitor shop/second select the same Service shop/push." in one.cause
    assert found(None, target(), target(second, interval="5m")).severity == "info"


def test_targets_with_other_parameters_are_not_the_same() -> None:
    first, second = (target(url=f"http://10.0.0.9:9115/probe?target={one}") for one in "ab")
    assert scraped_twice([first, second]) == []


def test_two_replicas_scrape_the_same_and_that_is_told_once() -> None:
    both = Readings(tuple((server("prometheus", "monitoring", "main", f"p-{one}")[0], [target(), target(by="x")]) for one in "ab"))
    assert reasons(judged(probe_monitors, **readings(prometheus_targets=both))) == ["ScrapedTwice"]


def test_where_there_is_no_prometheus_object_it_does_not_apply() -> None:
    assert outcome(judged(probe_monitors, **readings(prometheuses=listing("Prometheus", [])))) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    # With which configuration it runs is asked only where it scrapes through other monitors.
    assert_blindness_is_no_health(probe_monitors, readings(), but=["prometheus_runtime"])
    assert_blindness_is_no_health(probe_monitors, readings(monitor([{"port": "metrics"}])), but=["prometheus_runtime"])


def test_one_that_scrapes_through_other_monitors_tells_nothing_of_these() -> None:
    elsewhere = target("serviceMonitor/monitoring/gone/0", "http://10.0.0.1:9090/metrics", "main")
    verdict = judged(probe_monitors, **readings(monitor(selects="nobody"), prometheus_targets=Readings(((ONE, [elsewhere]),))))
    assert (reasons(verdict), outcome(verdict)) == ([], "pass")
    (note,) = verdict.notes
    assert "scrapes through none of the monitors that are there" in note


def test_one_that_runs_an_earlier_configuration_does_not_scrape_through_what_was_asked_for_since() -> None:
    elsewhere = target("serviceMonitor/monitoring/gone/0", "http://10.0.0.1:9090/metrics", "main")
    failed = Readings(((ONE, Runtime("", "", reload_config_success=False)),))
    world = readings(prometheus_targets=Readings(((ONE, [elsewhere]),)), prometheus_runtime=failed)
    (finding,) = judged(probe_monitors, **world).findings
    assert finding.reason == "MonitorWithoutTargets"
    assert [str(ref) for ref in finding.rests_on] == ["Other/monitoring/Prometheus/main"]
    assert_blindness_is_no_health(probe_monitors, world)
