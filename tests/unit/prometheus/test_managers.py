import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Step, Subject
from clusterprobe.profile import Profile
from clusterprobe.systems.kubernetes.objects import StorageClass
from clusterprobe.systems.prometheus.managers import MANAGED_BY, OPENSHIFT
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.relocation_advice import follow_the_object, move_of_custom
from clusterprobe.systems.storage.natures import Storage
from tests.factories import labelled, listing, make

CLASSES = [make(StorageClass, metadata={"name": "gp3"}, provisioner="ebs.csi.aws.com", parameters={})]
STORAGE = Storage(listing("PVC", []), listing("PV", []), listing("StorageClass", CLASSES), Profile().storage_drivers)
USER_WORKLOADS = "openshift-user-workload-monitoring"


def advised(labels: dict[str, str], namespace: str = "openshift-monitoring", wanted: str = "", kept: bool = False) -> list[Step]:
    spec = {"storage": {"volumeClaimTemplate": {"spec": {"storageClassName": wanted}}}} if wanted else {}
    custom = labelled(Prometheus, namespace, "k8s", labels, spec=spec)
    place = Subject(kind="Prometheus", namespace=namespace, name="k8s")
    moved = move_of_custom(place, custom, ["db-0"] if wanted else [], [], STORAGE, ["block"])
    return follow_the_object(place, custom, "old", STORAGE, moved) if kept else moved


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
    ("labels", "expected"), [({MANAGED_BY: "Helm"}, True), ({"release": "kps"}, True), ({}, False), ({MANAGED_BY: "x"}, False)]
)
@pytest.mark.parametrize("wanted", ["", "gp3"])
def test_values_of_a_chart_are_named_only_where_a_chart_made_the_object(labels: dict[str, str], expected: bool, wanted: str) -> None:
    assert ("prometheusSpec" in text(advised(labels, wanted=wanted))) == expected
