"""By what a pod's system is recognised, and what is not taken for one."""

from typing import Any

import pytest

from clusterprobe.known_systems import BY_KEY, KNOWN, RECOGNISED
from clusterprobe.profile import Profile
from clusterprobe.systems.inventory.images import matches
from clusterprobe.systems.inventory.recognition import recognise
from clusterprobe.systems.kubernetes.objects import Pod
from tests.factories import labelled

NAME = "app.kubernetes.io/name"


def container(image: str = "", *args: str, name: str = "c", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": image, "args": list(args), **more}


def pod(*containers: dict[str, Any], owner: tuple[str, str] = ("ReplicaSet", "x-1"), **labels: str) -> Pod:
    there = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}]
    return labelled(Pod, "ns", "x-0", there, metadata={"ownerReferences": owners}, spec={"containers": list(containers)})


def key(one: Pod, profile: Profile | None = None) -> str:
    found = recognise(one, profile)
    return found.key if found else ""


@pytest.mark.parametrize(
    ("image", "system"),
    [
        ("quay.io/prometheus/prometheus:v3.4.2", "prometheus"),
        ("registry.corp:5000/mirror/prom/prometheus@sha256:00", "prometheus"),
        ("docker.io/rancher/mirrored-prometheus-prometheus:v2", "prometheus"),
        ("registry.redhat.io/openshift4/ose-prometheus-rhel9:v4.16", "prometheus"),
        ("cgr.dev/chainguard/loki-fips:latest", "loki"),
        ("grafana/agent:v0.40", "grafana-agent"),
        ("docker.io/grafana/alloy:v1.8.3", "alloy"),
        ("victoriametrics/vmagent:v1", "victoriametrics"),
        ("victoriametrics/operator:v0.74", "victoriametrics-operator"),
        ("gke.gcr.io/fluent-bit:v1.8.12-gke.20", "fluent-bit"),
        ("otel/opentelemetry-collector-k8s:0.158.0", "opentelemetry-collector"),
        ("ghcr.io/fluxcd/source-controller:v1", "flux"),
        ("gcr.io/datadoghq/agent:7", "datadog"),
        ("docker.io/rancher/mirrored-fluent-fluent-bit:3", "fluent-bit"),
        ("registry.redhat.io/openshift-logging/logging-loki-rhel9@sha256:00", "loki"),
        ("docker.io/bitnami/argo-cd:2", "argocd"),
        ("gke.gcr.io/prometheus-engine/prometheus:v2.45.3-gmp.10", "prometheus-agent"),
        ("gke.gcr.io/prometheus-engine/operator:v0.15.3", "google-managed-prometheus"),
        ("docker.io/signoz/signoz-otel-collector:v0.111", "opentelemetry-collector"),
        ("quay.io/astronomer/ap-prometheus:3.4", "prometheus"),
        ("quay.io/astronomer/ap-vector:0.46", "vector"),
        ("quay.io/astronomer/ap-statsd-exporter:0.28", ""),
        ("registry.datadoghq.com/agent:7", "datadog"),
        ("docker.io/bitnami/victoriametrics-vmagent:1", "victoriametrics"),
        ("mcr.microsoft.com/azuremonitor/containerinsights/ciprod/prometheus-collector/images:6.22-linux", "azure-monitor"),
        ("ghcr.io/nginx/nginx-gateway-fabric:2.0.1", "nginx-gateway-fabric"),
        ("cr.kgateway.dev/kgateway-dev/kgateway:v2.0.2", "kgateway"),
        ("quay.io/openbao/openbao:2.3", "openbao"),
        ("docker.elastic.co/elastic-agent/elastic-agent:9.1.0", "elastic-agent"),
        ("ghcr.io/open-telemetry/opentelemetry-operator/opentelemetry-operator:0.129", ""),
    ],
)
def test_an_image_tells_whatever_registry_it_comes_from(image: str, system: str) -> None:
    assert key(pod(container(image))) == system


@pytest.mark.parametrize(
    "image",
    [
        "example.com/team/agent:1",
        "quay.io/prometheus/node-exporter:v1",
        "docker.io/grafana/loki-canary:3",
        "example.com/my-prometheus-exporter:1",
        "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2",
        "example.com/operator:1",
        "",
    ],
)
def test_what_only_sounds_alike_is_none(image: str) -> None:
    assert key(pod(container(image))) == ""


def test_a_command_tells_where_the_image_is_somebodys_own() -> None:
    script = "until test -s x; do sleep 1; done; exec airflow scheduler"
    found = recognise(pod(container("corp/etl:7", "-c", script)))
    assert found is not None
    assert (found.key, found.part, found.seen) == ("airflow", "scheduler", "its command airflow scheduler")
    assert key(pod(container("corp/tracking:1", "mlflow", "server", "--host=0.0.0.0"))) == "mlflow"
    assert key(pod(container("corp/llm:1", "-m", "vllm.entrypoints.openai.api_server"))) == "model-server"
    assert key(pod(container("corp/tracking:1", "-b", "0.0.0.0:5000", "mlflow.server:app", command=["gunicorn"]))) == "mlflow"
    assert key(pod(container("corp/metrics:1", "--config.file=/etc/c.yml", command=["/bin/prometheus"]))) == "prometheus"
    assert key(pod(container("corp/alerts:1", command=["sh", "-c", "alertmanager --config.file=/etc/c.yml"]))) == "alertmanager"


def test_without_a_command_the_image_starts_what_it_is_called_after() -> None:
    found = recognise(pod(container("apache/airflow:3.0.1", "scheduler")))
    assert found is not None
    assert (found.key, found.part) == ("airflow", "scheduler")
    assert key(pod(container("apache/airflow:3.0.1", "bash", "-c", "airflow db migrate"))) == ""
    assert key(pod(container("apache/airflow:3.0.1", "scheduler", command=["/wait"]))) == ""


@pytest.mark.parametrize("flags", [("--agent",), ("--enable-feature=exemplar-storage,agent",), ("--storage.agent.path=/data",)])
def test_a_prometheus_that_only_sends_on_is_an_agent(flags: tuple[str, ...]) -> None:
    assert key(pod(container("prom/prometheus:v3", "--config.file=/etc/c.yml", *flags))) == "prometheus-agent"
    assert key(pod(container("prom/prometheus:v3", "--config.file=/etc/agent", "agent"))) == "prometheus"
    assert key(pod(container("corp/consul:1", "--agent"))) == ""


def test_a_path_that_ends_like_a_program_is_no_command() -> None:
    assert key(pod(container("corp/x:1", "--dir", "/opt/tritonserver"))) == ""
    assert key(pod(container("corp/x:1", "exec", "deploy/logs", "-c", "loki", "--", "df", command=["kubectl"]))) == ""
    assert key(pod(container("corp/x:1", "--", "prometheus", "--version", command=["tini"]))) == "prometheus"


@pytest.mark.parametrize(
    ("flag", "system"), [("--storage.tsdb.path=/data", "prometheus"), ("--storage.agent.path=/data", "prometheus-agent")]
)
def test_a_flag_that_no_other_program_has_tells(flag: str, system: str) -> None:
    assert key(pod(container("corp/metrics:1", flag), operator_prometheus_io__name="central")) == system


@pytest.mark.parametrize(
    ("labels", "system"),
    [
        ({"app": "prometheus", "component": "server"}, "prometheus"),
        ({"app": "prometheus", "component": "alertmanager"}, "alertmanager"),
        ({"app": "prometheus", "component": "pushgateway"}, ""),
        ({"app": "prometheus"}, "prometheus"),
        ({"app": "loki", "release": "logs"}, "loki"),
        ({"app": "airflow", "component": "web"}, "airflow"),
        ({"app": "Triton"}, "model-server"),
        ({"app.kubernetes.io/name": "lokistack"}, "loki"),
        ({"serving.kserve.io/inferenceservice": "churn"}, "model-server"),
        ({"yatai.ai/bento-deployment": "churn"}, "model-server"),
        ({"app.kubernetes.io/name": "thanos-query", "app.kubernetes.io/instance": "thanos-querier"}, "thanos"),
        ({"app.kubernetes.io/name": "thanos-ruler", "thanos-ruler": "user-workload"}, "thanos"),
        ({"ray.io/is-ray-node": "yes", "ray.io/node-type": "head"}, "ray"),
        ({"app.kubernetes.io/name": "ray"}, ""),
    ],
)
def test_labels_tell_where_nothing_else_does(labels: dict[str, str], system: str) -> None:
    assert key(labelled(Pod, "ns", "x", labels, spec={"containers": [container("corp/x@sha256:00")]})) == system


def test_a_word_that_others_use_as_well_is_a_sign_only_as_label_and_image() -> None:
    assert key(pod(container("corp/shop:1"), app_kubernetes_io__name="vector")) == ""
    assert key(pod(container("corp/vector:1"))) == ""
    assert key(pod(container("registry.corp/mirror/vector:0.40"), app_kubernetes_io__name="vector")) == "vector"


def test_an_image_says_more_than_a_label() -> None:
    assert key(pod(container("prom/alertmanager:v1"), app_kubernetes_io__name="vmalertmanager")) == "alertmanager"
    assert key(pod(container("memcached:1"), app_kubernetes_io__name="loki")) == ""


def test_sidecars_are_not_what_a_pod_runs() -> None:
    reloader = container("quay.io/prometheus-operator/prometheus-config-reloader:v1", name="reload")
    found = recognise(pod(reloader, container("corp/prometheus:v3", name="server"), container("thanosio/thanos:v1")))
    assert found is not None
    assert (found.key, found.container) == ("prometheus", "server")
    assert key(pod(container("corp/shop:1"), container("fluent/fluent-bit:3"))) == ""
    assert key(pod(container("corp/shop:1"), container("prom/prometheus:v3"))) == "prometheus"


@pytest.mark.parametrize(
    ("image", "labels", "part"),
    [
        ("victoriametrics/vmagent:v1", {}, "vmagent"),
        ("victoriametrics/victoria-metrics:v1", {}, "vmsingle"),
        ("victoriametrics/vmselect:v1-cluster", {}, "vmselect"),
        ("corp/metrics@sha256:00", {"app_kubernetes_io__name": "vmalert"}, "vmalert"),
        ("corp/metrics@sha256:00", {"app_kubernetes_io__name": "victoria-metrics-single"}, "vmsingle"),
    ],
)
def test_a_part_is_told_by_its_image_or_label(image: str, labels: dict[str, str], part: str) -> None:
    reloader = container("victoriametrics/operator:config-reloader-v0.61.0", name="config-reloader")
    found = recognise(pod(reloader, container(image), **labels))
    assert found is not None
    assert (found.key, found.part, found.container) == ("victoriametrics", part, "c")


def test_what_victoriametrics_operator_made_is_called_as_its_custom_resource() -> None:
    labels = {"managed-by": "vm-operator", "app_kubernetes_io__instance": "main"}
    found = recognise(pod(container("victoriametrics/vmagent:v1"), **labels))
    assert found is not None
    assert (found.name, found.custom) == ("main", True)


def test_an_agent_of_prometheus_is_told_from_a_server_by_its_mode() -> None:
    labels = {"operator_prometheus_io__name": "central", "operator_prometheus_io__mode": "agent"}
    found = recognise(pod(container("quay.io/prometheus/prometheus:v3", name="prometheus"), **labels))
    assert found is not None
    assert (found.key, found.name, found.custom) == ("prometheus-agent", "central", True)


def test_a_job_that_runs_an_image_is_a_client_of_it() -> None:
    assert key(pod(container("ghcr.io/mlflow/mlflow:3"), owner=("Job", "train"))) == ""
    assert key(pod(container("ghcr.io/mlflow/mlflow:3"))) == ""
    assert key(pod(container("ghcr.io/mlflow/mlflow:3", ports=[{"containerPort": 5000}]))) == "mlflow"


def test_what_an_operator_made_is_called_as_its_custom_resource() -> None:
    found = recognise(
        pod(container(name="prometheus"), owner=("StatefulSet", "prometheus-k8s"), app_kubernetes_io__name="prometheus", prometheus="k8s")
    )
    assert found is not None
    assert (found.key, found.name, found.custom) == ("prometheus", "k8s", True)
    assert key(pod(container("corp/shop:1"), prometheus="enabled")) == ""


def test_a_profile_adds_signs_of_what_is_called_otherwise() -> None:
    profile = Profile.model_validate({"systems": {"prometheus": {"images": ["corp-metrics*"]}, "loki": {"labels": {"team-app": "logs"}}}})
    assert key(pod(container("registry.corp/corp-metrics-v2:1")), profile) == "prometheus"
    assert key(labelled(Pod, "ns", "x", {"team-app": "logs"}, spec={"containers": [container("corp/x")]}), profile) == "loki"
    assert key(pod(container("registry.corp/other:1")), profile) == ""


@pytest.mark.parametrize("system", RECOGNISED, ids=lambda one: one.key)
def test_each_recognised_system_is_recognised_by_each_of_its_images_and_no_other_is(system: Any) -> None:
    assert BY_KEY[system.key] is system
    assert system.does
    assert system.stands_for in {"", *(one.key for one in KNOWN if one.judged)}
    for wanted in system.signs.images:
        image = f"registry.example.com/{'' if '/' in wanted else 'somebody/'}{wanted}:1"
        assert [one.key for one in KNOWN if any(matches(image, each) for each in one.signs.images)] == [system.key]
