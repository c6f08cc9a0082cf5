"""How what was recognised is asked: on which port, by which scheme, below which path, or why not at all."""

from typing import Any

import pytest

from clusterprobe.access.servers import Server
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.servers import alertmanager_servers
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.loki.servers import loki_queriers, loki_servers
from clusterprobe.systems.mlflow.servers import mlflow_servers
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.servers import metric_servers, prometheus_servers
from tests.factories import labelled, listing, make, recognised, refused

NAME = "app.kubernetes.io/name"


def pod(name: str, *containers: dict[str, Any], labels: dict[str, str] | None = None, phase: str = "Running") -> Pod:
    return labelled(Pod, "ns", name, labels, spec={"containers": list(containers)}, status={"phase": phase, "podIP": "10.0.0.1"})


def container(image: str, *args: str, name: str = "c", ports: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    listed = [{"name": key, "containerPort": value} for key, value in (ports or {}).items()]
    return {"name": name, "image": image, "args": list(args), "ports": listed, **more}


def asked(*pods: Pod, custom: Readings[Any] | None = None, profile: dict[str, Any] | None = None) -> Readings[Server]:
    wanted = Profile.model_validate(profile or {})
    none: Readings[Any] = Readings(absent="none")
    return prometheus_servers(metric_servers(custom or none, recognised(listing("Pod", pods), wanted), wanted))


def probe(path: str, scheme: str = "HTTP") -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": 9090, "scheme": scheme}}


@pytest.mark.parametrize(
    ("args", "readiness", "prefix"),
    [
        ((), None, ""),
        (("--web.route-prefix=/prom",), None, "/prom"),
        (("--web.route-prefix=/",), probe("/prom/-/ready"), ""),
        (("--web.external-url=https://example.org/metrics/",), None, "/metrics"),
        (("--web.external-url=https://example.org",), None, ""),
        (("--web.external-url=https://example.org/metrics", "--web.route-prefix=/"), None, ""),
        (("--web.route-prefix=/$(NAME)",), None, ""),
        ((), probe("/prom/-/ready"), "/prom"),
        ((), probe("/-/ready"), ""),
        ((), probe("/somewhere"), ""),
    ],
)
def test_the_prefix_is_what_the_flags_say_or_the_kubelet_asks(args: tuple[str, ...], readiness: Any, prefix: str) -> None:
    more = {"readinessProbe": readiness} if readiness else {}
    assert [one.prefix for one in asked(pod("p", container("prom/prometheus:v3", *args, **more))).items] == [prefix]


@pytest.mark.parametrize(
    ("args", "ports", "port"),
    [
        ((), {}, 9090),
        ((), {"web": 8081}, 8081),
        (("--web.listen-address=0.0.0.0:19090",), {"web": 8081}, 19090),
        (("--web.listen-address=:19090",), {}, 19090),
        (("--web.listen-address=$(HOST)",), {}, 9090),
    ],
)
def test_the_port_is_that_of_the_flag_or_of_its_own_container(args: tuple[str, ...], ports: dict[str, int], port: int) -> None:
    beside = container("quay.io/prometheus-operator/prometheus-config-reloader:v1", name="reload", ports={"web": 8080})
    assert [one.port for one in asked(pod("p", beside, container("prom/prometheus:v3", *args, ports=ports))).items] == [port]


def test_what_the_kubelet_asks_by_tls_is_asked_by_tls() -> None:
    one = container("prom/prometheus:v3", readinessProbe=probe("/-/ready", "HTTPS"))
    assert [one.scheme for one in asked(pod("p", one)).items] == ["https"]


def test_one_that_listens_inside_its_pod_only_is_unreadable_and_the_way_is_named() -> None:
    proxy = container("", name="kube-rbac-proxy-web", ports={"web": 9091})
    found = asked(pod("p", container("prom/prometheus:v3", "--web.listen-address=127.0.0.1:9090"), proxy))
    assert (found.items, found.absent) == ([], found.absent)
    assert found.unreadable[0].reason == (
        "it listens on 127.0.0.1 only, behind the container kube-rbac-proxy-web: name an address that answers under `endpoints:` in the "
        "profile (system: prometheus, namespace: ns), with credentials"
    )


def test_a_custom_resource_takes_the_pods_that_its_operator_made_for_it() -> None:
    labels = {NAME: "prometheus", "operator.prometheus.io/name": "k8s"}
    one = labelled(Prometheus, "ns", "k8s", spec={"replicas": 1, "routePrefix": "/p"})
    found = asked(pod("prometheus-k8s-0", container("corp/metrics@sha256:00"), labels=labels), custom=listing("Prometheus", [one]))
    assert [(each.name, each.custom, each.prefix) for each in found.items] == [("k8s", True, "/p")]


MIMIR = pod("mimir-0", container("grafana/mimir:2"))


def test_what_stands_in_for_a_system_keeps_it_from_being_called_absent() -> None:
    found = asked(MIMIR)
    assert [str(one.subject) for one in found.unreadable] == ["Grafana Mimir ns/mimir"]
    assert "no probe judges Grafana Mimir" in found.unreadable[0].reason


def test_beside_the_system_itself_a_stand_in_is_not_its_probes_matter() -> None:
    assert asked(MIMIR, pod("p", container("prom/prometheus:v3"))).unreadable == ()


def test_a_stand_in_that_the_profile_accepts_is_named_in_what_proves_the_absence() -> None:
    found = asked(MIMIR, profile={"not_judged": ["mimir"]})
    assert found.unreadable == ()
    assert found.absent.endswith("Grafana Mimir ns/mimir runs here, and the profile accepts that it is not judged")


def test_a_jobs_image_is_no_alertmanager() -> None:
    pods = recognised(listing("Pod", [pod("am", container("prom/alertmanager:v1"), labels={NAME: "vmalertmanager"})]))
    assert [one.name for one in alertmanager_servers(Readings(), pods, Profile()).items] == ["am"]


def test_mlflow_below_a_prefix_is_asked_there() -> None:
    pods = recognised(listing("Pod", [pod("m", container("corp/x:1", "mlflow", "server", "--static-prefix=/mlflow"))]))
    assert [one.prefix for one in mlflow_servers(pods, Profile()).items] == ["/mlflow"]


# --- Loki's Services --------------------------------------------------------------------------------------------------


def service(name: str, selector: dict[str, str], port: int = 3100, **labels: str) -> Service:
    return labelled(
        Service, "ns", name, labels, spec={"selector": selector, "ports": [{"name": "http-metrics", "port": port}], "clusterIP": "10.0.0.2"}
    )


def chosen(pods: list[Pod], *services: Service) -> list[str]:
    found = recognised(listing("Pod", pods))
    servers = loki_servers(found, Profile())
    return [one.service for one in loki_queriers(servers, found, listing("Service", services), Profile()).items]


def test_an_old_chart_is_queried_through_the_service_that_leads_to_its_pods() -> None:
    labels = {"app": "loki", "release": "logs"}
    assert chosen([pod("loki-0", container("grafana/loki:2.6"), labels=labels)], service("logs", labels, app="loki")) == ["logs"]


def test_a_loki_of_several_tenants_is_queried_as_each_that_the_profile_names() -> None:
    labels = {"app": "loki", "release": "logs"}
    profile = Profile.model_validate({"endpoints": [{"system": "loki", "namespace": "ns", "tenant": one} for one in ("a", "b")]})
    found = recognised(listing("Pod", [pod("loki-0", container("grafana/loki:2.6"), labels=labels)]))
    servers = loki_servers(found, profile)
    queriers = loki_queriers(servers, found, listing("Service", [service("logs", labels, app="loki")]), profile)
    assert [(str(subject), one.service, one.tenant) for subject, one in queriers] == [
        ("Loki ns/logs (a)", "logs", "a"),
        ("Loki ns/logs (b)", "logs", "b"),
    ]
    assert [one.pod for one in servers.items] == ["loki-0"], "its pods are asked as before"


def test_the_part_that_answers_queries_is_asked_past_the_gateway() -> None:
    def part(name: str) -> dict[str, str]:
        return {NAME: "loki", "app.kubernetes.io/instance": "loki", "app.kubernetes.io/component": name}

    names = ("gateway", "distributor", "query-frontend", "ingester")
    pods = [pod(f"loki-{one}", container("nginx:1" if one == "gateway" else "grafana/loki:3"), labels=part(one)) for one in names]
    services = [service(f"loki-{one}", part(one), **part(one)) for one in names]
    assert chosen(pods, *services) == ["loki-query-frontend"]
    assert chosen(pods[:2], *services[:2]) == ["loki-gateway"]


def test_how_many_replicas_run_is_said_only_where_all_pods_were_seen() -> None:
    custom = listing("Prometheus", [make(Prometheus, metadata={"name": "k8s", "namespace": "ns"}, spec={"replicas": 2})])
    assert [one.reason for one in asked(custom=custom).unreadable] == ["0 of its 2 pods are running"]
    blind: Readings[Any] = Readings((), (refused("Pod", "", "not allowed to list pods"),))
    found = prometheus_servers(metric_servers(custom, recognised(blind, Profile()), Profile()))
    assert {one.reason for one in found.unreadable} == {"not allowed to list pods"}


def test_a_pod_that_does_not_run_is_told_once_and_its_object_only_where_one_is_missing() -> None:
    def told(*phases: str) -> list[str]:
        labels = {"prometheus": "k8s", NAME: "prometheus", "app.kubernetes.io/managed-by": "prometheus-operator"}
        labels["operator.prometheus.io/name"] = "k8s"
        pods = [
            pod(f"prometheus-k8s-{number}", container("prom/prometheus:v3"), labels=labels, phase=one) for number, one in enumerate(phases)
        ]
        return [str(one.subject) for one in asked(*pods, custom=custom).unreadable]

    custom = listing("Prometheus", [make(Prometheus, metadata={"name": "k8s", "namespace": "ns"}, spec={"replicas": 2})])
    assert told("Running", "Pending") == ["Pod ns/prometheus-k8s-1"]
    assert told("Running") == ["Prometheus ns/k8s"]
    assert told("Pending") == ["Pod ns/prometheus-k8s-0", "Prometheus ns/k8s"]


def test_an_object_that_is_scaled_to_0_on_purpose_is_settled_by_the_profile() -> None:
    custom = listing("Prometheus", [make(Prometheus, metadata={"name": "k8s", "namespace": "ns"}, spec={"replicas": 0})])
    (open_one,) = asked(custom=custom).unreadable
    assert "`not_judged: [prometheus]`" in open_one.reason
    settled = asked(custom=custom, profile={"not_judged": ["prometheus"]})
    assert (settled.unreadable, settled.absent) == ((), "Prometheus ns/k8s: scaled to 0, which the profile accepts")


def of_deployment(name: str, phase: str, *, revision: str = "5f6") -> Pod:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"track-{revision}", "uid": f"uid-{revision}", "controller": True}
    metadata = {"name": name, "namespace": "ml", "labels": {"pod-template-hash": revision}, "ownerReferences": [owner]}
    spec = {"containers": [container("ghcr.io/mlflow/mlflow:v3", command=["mlflow", "server"], ports={"http": 5000})]}
    return make(Pod, metadata=metadata, spec=spec, status={"phase": phase, "podIP": "10.0.0.1"})


def trackers(*pods: Pod) -> Readings[Server]:
    return mlflow_servers(recognised(listing("Pod", pods), Profile()), Profile())


@pytest.mark.parametrize("revision", ["5f6", "7c8"])
def test_a_pod_that_a_node_evicted_is_past_once_it_has_a_successor(revision: str) -> None:
    found = trackers(of_deployment("track-1", "Failed"), of_deployment("track-2", "Running", revision=revision))
    assert ([one.pod for one in found.items], found.unreadable) == (["track-2"], ())


@pytest.mark.parametrize("others", [[], ["Succeeded"], ["Failed"]])
def test_without_a_successor_it_cannot_be_asked(others: list[str]) -> None:
    found = trackers(of_deployment("track-1", "Failed"), *(of_deployment(f"track-{one}", one) for one in others))
    assert not found.items
    assert found.unreadable[0].reason == "the pod is Failed, so it cannot be asked"
