from typing import Any

import pytest
import yaml

from clusterprobe.access.servers import Server
from clusterprobe.fixes import line
from clusterprobe.model import Step, Subject
from clusterprobe.profile import Profile
from clusterprobe.systems.alertmanager.config_advice import name_the_secret
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.alertmanager.wiring_advice import name_the_alertmanager
from clusterprobe.systems.kubernetes.managers import MANAGED_BY, OPENSHIFT
from clusterprobe.systems.kubernetes.objects import Pod, StorageClass
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.pressure_advice import Place, raise_limits
from clusterprobe.systems.prometheus.relocation_advice import follow_the_object, move_of_custom
from clusterprobe.systems.prometheus.selection import SELECTED
from clusterprobe.systems.prometheus.selection_advice import Apart, keep_to_namespaces, leave_out
from clusterprobe.systems.storage.natures import Storage
from tests.factories import ENVIRONMENTS, labelled, listing, make

CLASSES = [make(StorageClass, metadata={"name": "gp3"}, provisioner="ebs.csi.aws.com", parameters={})]
STORAGE = Storage(listing("PVC", []), listing("PV", []), listing("StorageClass", CLASSES), Profile().storage_drivers)
USER_WORKLOADS = "openshift-user-workload-monitoring"


def advised(labels: dict[str, str], namespace: str = "openshift-monitoring", wanted: str = "", kept: bool = False) -> list[Step]:
    spec = {"storage": {"volumeClaimTemplate": {"spec": {"storageClassName": wanted}}}} if wanted else {}
    custom = labelled(Prometheus, namespace, "k8s", labels, spec=spec)
    place = Subject(kind="Prometheus", namespace=namespace, name="k8s")
    moved = move_of_custom(place, custom, ["db-0"] if wanted else [], [], STORAGE, ["block"])
    return follow_the_object(custom, "old", STORAGE, moved) if kept else moved


def text(steps: list[Step]) -> str:
    return "\n".join(f"{one.text} {one.code} {' '.join(line(each) for each in one.commands)}" for one in steps)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("wanted", ["", "gp3"])
@pytest.mark.parametrize(
    ("namespace", "setting"),
    [
        (
            "openshift-monitoring",
            "prometheusK8s.volumeClaimTemplate in the key config.yaml of the ConfigMap openshift-monitoring/cluster-mon",
        ),
        (
            USER_WORKLOADS,
            f"under prometheus.volumeClaimTemplate in the key config.yaml of the ConfigMap {USER_WORKLOADS}/user-workload-mon",
        ),
    ],
)
def test_on_openshift_the_config_map_is_changed_and_never_the_object(namespace: str, setting: str, wanted: str, kept: bool) -> None:
    said = text(advised({MANAGED_BY: OPENSHIFT}, namespace, wanted, kept))
    assert setting in said
    assert "patch" not in said
    assert "prometheusSpec" not in said


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"chart": "kube-prometheus-stack-77.6.2"}, True),
        ({"helm.sh/chart": "rancher-monitoring-104.1.2_up57.0.3"}, True),
        ({"chart": "our-prometheus-1.0.0", MANAGED_BY: "Helm"}, False),
        ({MANAGED_BY: "Helm"}, False),
        ({"release": "kps"}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("wanted", ["", "gp3"])
def test_values_of_a_chart_are_named_only_where_that_chart_made_the_object(labels: dict[str, str], expected: bool, wanted: str) -> None:
    assert ("prometheusSpec" in text(advised(labels, "monitoring", wanted=wanted))) == expected


def on_openshift(kind: type[Any], **spec: Any) -> Any:
    return labelled(kind, "openshift-monitoring", "k8s", {MANAGED_BY: OPENSHIFT}, spec=spec)


PROMETHEUS = on_openshift(Prometheus, serviceMonitorSelector={}, serviceMonitorNamespaceSelector={"matchLabels": {"cluster": "yes"}})
PLACE = Subject(kind="Prometheus", namespace="openshift-monitoring", name="k8s")
SERVER = Server(system="prometheus", namespace="openshift-monitoring", name="k8s", custom=True, pod="k8s-0", port=9090)
OWN = listing("Alertmanager", [labelled(Alertmanager, "openshift-monitoring", "main", spec={})])
THROUGH = "in the key config.yaml of the ConfigMap openshift-monitoring/cluster-monitoring-config"


@pytest.mark.parametrize(
    ("steps", "instead"),
    [
        (
            keep_to_namespaces(Apart(PLACE, "dev", "prod", frozenset({"x"})), PROMETHEUS, SELECTED[:1]),
            "change the labels of the namespaces",
        ),
        ([leave_out(PLACE, PROMETHEUS, SELECTED[:1], PLACE)], "serviceMonitorNamespaceSelector cluster=yes"),
        (raise_limits(Place(PLACE, custom=PROMETHEUS), None, cpu=True), f"Set prometheusK8s.resources {THROUGH}"),
        (
            name_the_alertmanager(PLACE, "", PROMETHEUS, SERVER, OWN, listing("Service", []), ENVIRONMENTS),
            f"Name it under prometheusK8s.additionalAlertmanagerConfigs {THROUGH}",
        ),
        (name_the_secret(on_openshift(Alertmanager), ["team"]), "into the Secret openshift-monitoring/alertmanager-k8s"),
    ],
)
def test_no_object_that_openshift_makes_is_patched(steps: list[Step], instead: str) -> None:
    said = text(steps)
    assert instead in said
    assert "OpenShift's Cluster Monitoring Operator makes the object, and undoes what is changed on it." in said
    assert " patch " not in said
    assert "Spec." not in said


def test_a_plain_prometheus_gets_its_limits_by_a_patch_of_its_workload() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "prometheus-server", "uid": "1", "controller": True}
    containers = [{"name": "reloader"}, {"name": "prometheus-server", "image": "prom/prometheus"}]
    pod = labelled(Pod, "mon", "prometheus-server-0", metadata={"ownerReferences": [owner]}, spec={"containers": containers})
    steps = raise_limits(Place(Subject(kind="Pod", namespace="mon", name="prometheus-server-0"), pod, memory=2**30), None, cpu=False)
    (command,) = [line(one) for step in steps if step.kind != "look" for one in step.commands]
    limits = '{"spec":{"template":{"spec":{"containers":[{"name":"prometheus-server","resources":{"limits":{"memory":"2048Mi"}}}]}}}}'
    assert command == f"kubectl -n mon patch statefulset/prometheus-server -p '{limits}'"
    assert "prometheusSpec" not in text(steps)


def test_what_the_chart_calls_otherwise_stands_under_its_own_name() -> None:
    steps = advised({"chart": "kube-prometheus-stack-77.6.2"}, "monitoring", wanted="gp3")
    (stop,) = [one for one in steps if one.text.startswith("Stop")]
    assert yaml.safe_load(stop.code) == {
        "prometheus": {
            "prometheusSpec": {"replicas": 0, "storageSpec": {"volumeClaimTemplate": {"spec": {"storageClassName": "gp3"}}}},
        }
    }
    assert '{"spec":{"replicas":0,"storage":' in line(stop.commands[0])


def test_without_a_chart_the_fragment_is_that_of_the_object() -> None:
    (stop,) = [one for one in advised({}, "monitoring", wanted="gp3") if one.text.startswith("Stop")]
    assert yaml.safe_load(stop.code) == {"spec": {"replicas": 0, "storage": {"volumeClaimTemplate": {"spec": {"storageClassName": "gp3"}}}}}
