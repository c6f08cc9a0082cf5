"""Who made and manages an installation, by what its maker writes on its pods and workloads."""

import pytest

from clusterprobe.profile import Profile
from clusterprobe.systems.inventory.images import version
from clusterprobe.systems.inventory.installations import installations
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from tests.factories import labelled, listing, recognised

OPERATED = {
    "app.kubernetes.io/name": "prometheus",
    "app.kubernetes.io/managed-by": "prometheus-operator",
    "operator.prometheus.io/name": "x",
}


def made(namespace: str, pod: dict[str, str], workload: dict[str, str] | None = None) -> tuple[str, ...]:
    """The flavours of a Prometheus whose pod and StatefulSet have these labels."""
    owners = [{"kind": "StatefulSet", "name": "prometheus-x", "controller": True}]
    containers = [{"name": "prometheus", "image": "prom/prometheus:v3.5.0"}]
    one = labelled(
        Pod,
        namespace,
        "prometheus-x-0",
        pod,
        metadata={"ownerReferences": owners},
        spec={"containers": containers},
        status={"phase": "Running"},
    )
    spec = {"replicas": 1, "template": {"spec": {"containers": containers}}}
    above = labelled(Workload, namespace, "prometheus-x", workload or {}, spec=spec)
    found = installations(recognised(listing("Pod", [one])), listing("Deployment", []), listing("StatefulSet", [above]), Profile())
    return found.items[0].flavours


@pytest.mark.parametrize(
    ("namespace", "pod", "workload", "flavours"),
    [
        ("monitoring", {}, {}, ()),
        ("monitoring", OPERATED, {}, ("Prometheus Operator",)),
        (
            "monitoring",
            OPERATED,
            {"chart": "kube-prometheus-stack-77.1.0", "release": "x"},
            ("the chart kube-prometheus-stack", "Prometheus Operator"),
        ),
        ("monitoring", {"helm.sh/chart": "prometheus-27.5.1"}, {}, ("the chart prometheus",)),
        (
            "monitoring",
            {**OPERATED, "app.kubernetes.io/part-of": "kube-prometheus"},
            {},
            ("kube-prometheus (jsonnet)", "Prometheus Operator"),
        ),
        (
            "openshift-monitoring",
            {**OPERATED, "app.kubernetes.io/part-of": "openshift-monitoring"},
            {},
            ("OpenShift", "Prometheus Operator"),
        ),
        ("cattle-monitoring-system", OPERATED, {"chart": "rancher-monitoring-106.1.2"}, ("Rancher Monitoring", "Prometheus Operator")),
        ("metrics", {"managed-by": "vm-operator"}, {}, ("VictoriaMetrics operator",)),
        ("monitoring", {"helm.sh/chart": "<script>-1.0"}, {}, ()),
    ],
)
def test_each_maker_is_known_by_its_labels(
    namespace: str, pod: dict[str, str], workload: dict[str, str], flavours: tuple[str, ...]
) -> None:
    assert made(namespace, pod, workload) == flavours


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("quay.io/prometheus/prometheus:v3.5.0", "3.5.0"),
        ("localhost:5000/loki:3.5.0-r2@sha256:0123", "3.5.0-r2"),
        ("localhost:5000/loki", ""),
        ("loki@sha256:0123", ""),
        ("loki:latest", ""),
        ("loki:main-1a2b3c4", ""),
        ("loki:12", ""),
    ],
)
def test_a_version_is_read_of_a_tag_that_is_one(image: str, found: str) -> None:
    assert version(image) == found
