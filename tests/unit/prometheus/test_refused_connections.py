from typing import Any

import pytest

from clusterprobe.fixes import text_of
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.refused_connections import why_refused
from clusterprobe.systems.prometheus.sources import Target
from tests.factories import labelled, make


def target(job: str = "api") -> Target:
    return make(Target, labels={"job": job}, scrapePool="p", health="down")


def pod(*arguments: str, name: str = "api-0", ports: tuple[int, ...] = (), ready: bool = True, **metadata: Any) -> Pod:
    container = {"name": "main", "command": ["program", *arguments], "ports": [{"containerPort": one} for one in ports]}
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return labelled(Pod, "kube-system", name, metadata=metadata, spec={"containers": [container]}, status=status)


@pytest.mark.parametrize(
    ("argument", "port"),
    [
        ("--bind-address=127.0.0.1", 10259),
        ("--listen-metrics-urls=http://127.0.0.1:2381", 2381),
        ("--metrics-bind-address=localhost:8080", 8080),
        ("--web.listen-address=[::1]:9100", 9100),
        ("--bind-address=::1", 9100),
        ("--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2380", 2379),
    ],
)
def test_an_argument_that_binds_the_port_to_localhost_is_the_cause(argument: str, port: int) -> None:
    assert f"the argument `{argument}` of container main" in why_refused(target(), port, pod(argument)).text


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        (["--bind-address=0.0.0.0"], 10259),
        (["--health-addr=127.0.0.1:8081"], 8081),
        (["--metrics-addr=127.0.0.1:8081"], 8080),
        (["--web.listen-address=:9100"], 9100),
        (["--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379"], 2379),
        (["--bind-address=127.0.0.1", "--metrics-bind-address=0.0.0.0:8080"], 8080),
        ([], 80),
    ],
)
def test_other_arguments_prove_nothing(arguments: list[str], port: int) -> None:
    assert why_refused(target(), port, pod(*arguments)).text.startswith("Nothing listens at this address and port: the port is wrong")


def test_an_argument_of_another_container_than_the_ports_proves_nothing() -> None:
    spec = {"containers": [{"name": "proxy", "args": ["--address=127.0.0.1"]}, {"name": "main", "ports": [{"containerPort": 80}]}]}
    assert "the port is wrong" in why_refused(target(), 80, labelled(Pod, "shop", "api-0", spec=spec)).text


def test_a_static_pod_is_changed_in_its_manifest() -> None:
    owner = {"kind": "Node", "name": "master", "controller": True}
    static = pod("--bind-address=127.0.0.1", name="kube-scheduler-master", ownerReferences=[owner])
    fix = text_of(why_refused(target("kube-scheduler"), 10259, static).fix)
    assert "/etc/kubernetes/manifests/kube-scheduler.yaml" in fix
    assert "--bind-address=0.0.0.0" in fix
    assert "kubeScheduler:\n      enabled: false" in fix


@pytest.mark.parametrize(("job", "port"), [("kube-controller-manager", 10257), ("kube-etcd", 2381), ("kube-proxy", 10249)])
def test_of_a_component_without_a_pod_both_causes_are_named(job: str, port: int) -> None:
    cause = why_refused(target(job), port, None)
    assert "does not run there, or it listens at localhost only (127.0.0.1)" in cause.text
    assert "manifests" not in text_of(cause.fix)


def test_a_component_at_another_port_is_no_component() -> None:
    assert "the port is wrong" in why_refused(target("kube-etcd"), 80, None).text


def test_a_program_of_ones_own_is_changed_in_what_deploys_it() -> None:
    fix = text_of(why_refused(target(), 8080, pod("--metrics-addr=127.0.0.1:8080")).fix)
    assert "`--metrics-addr` with :8080" in fix
    assert "kube-proxy" not in fix


def test_a_pod_that_is_not_ready_is_said_to_be() -> None:
    assert "Its pod kube-system/api-0 is not ready." in why_refused(target(), 80, pod(ready=False)).text


@pytest.mark.parametrize(
    ("pool", "said"),
    [("serviceMonitor/shop/api/0", "in the Service or the monitor"), ("kubernetes-pods", "in the scrape configuration, or the annotation")],
)
def test_a_monitor_is_named_only_where_one_leads_there(pool: str, said: str) -> None:
    (step,) = why_refused(make(Target, labels={"job": "api"}, scrapePool=pool, health="down"), 8000, None).fix
    assert said in step.text
