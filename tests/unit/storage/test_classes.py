from typing import Any

import pytest

from clusterprobe.model import Severity, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from probes.storage.probe_classes import probe_classes
from tests.factories import judged, labelled, listing, make, outcome, reasons, refused

LOCAL = "rancher.io/local-path"
NFS = "k8s-sigs.io/nfs-subdir-external-provisioner"


def storage_class(name: str, provisioner: str = LOCAL, *, default: str = "", day: int = 1) -> StorageClass:
    annotations = {"storageclass.kubernetes.io/is-default-class": default} if default else {}
    metadata = {"name": name, "annotations": annotations, "creationTimestamp": f"2026-01-{day:02}T00:00:00Z"}
    return make(StorageClass, metadata=metadata, provisioner=provisioner)


def claim(**spec: Any) -> PersistentVolumeClaim:
    return labelled(PersistentVolumeClaim, "app", "data", spec=spec, status={"phase": "Pending"})


def platform(
    *classes: StorageClass,
    unreadable: Any = (),
    claims: list[PersistentVolumeClaim] | None = None,
    volumes: list[PersistentVolume] | None = None,
    pods: list[Pod] | None = None,
) -> dict[str, Any]:
    return {
        "storage_classes": listing("StorageClass", classes, unreadable=unreadable),
        "claims": listing("PersistentVolumeClaim", claims or []),
        "volumes": listing("PersistentVolume", volumes or []),
        "pods": listing("Pod", pods or []),
        "profile": Profile(),
    }


def test_exactly_one_default_class_passes() -> None:
    verdict = judged(probe_classes, **platform(storage_class("local-path", default="true"), storage_class("nfs-client", NFS)))
    assert (outcome(verdict), verdict.examined) == ("pass", 2)
    (exhibit,) = verdict.exhibits
    assert isinstance(exhibit, Table)
    assert exhibit.rows[1] == ["nfs-client", NFS, "NFS", ""]


def test_no_default_class_is_a_warning() -> None:
    (finding,) = judged(probe_classes, **platform(storage_class("a"), storage_class("b"))).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "NoDefaultClass")
    assert "kubectl annotate" not in finding.fix  # which of the two it is to be, nothing tells
    assert 'storageclass.kubernetes.io/is-default-class: "true"' in finding.fix


def test_the_only_class_is_marked_by_a_command() -> None:
    (finding,) = judged(probe_classes, **platform(storage_class("a"))).findings
    assert "$ kubectl annotate storageclass a storageclass.kubernetes.io/is-default-class=true --overwrite" in finding.fix


def test_the_claims_that_wait_for_a_default_class_are_named() -> None:
    (finding,) = judged(probe_classes, **platform(storage_class("a"), claims=[claim()])).findings
    assert "PersistentVolumeClaim app/data" in finding.cause


def test_a_claim_that_names_its_class_does_not_wait_for_a_default_one() -> None:
    (finding,) = judged(probe_classes, **platform(storage_class("a"), claims=[claim(storageClassName="a")])).findings
    assert "app/data" not in finding.cause


def test_the_mark_must_say_true() -> None:
    assert reasons(judged(probe_classes, **platform(storage_class("a", default="yes")))) == ["NoDefaultClass"]


def test_several_defaults_name_the_newest_as_the_one_that_wins() -> None:
    (finding,) = judged(
        probe_classes, **platform(storage_class("old", default="true", day=1), storage_class("new", default="true", day=2))
    ).findings
    assert (finding.severity, finding.reason, finding.subject.name) == (Severity.WARNING, "SeveralDefaultClasses", "new")
    assert "$ kubectl annotate storageclass old storageclass.kubernetes.io/is-default-class=false --overwrite" in finding.fix


def test_a_class_that_only_sounds_local_is_a_warning() -> None:
    (finding,) = judged(probe_classes, **platform(storage_class("local-path", NFS, default="true"))).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "ClassNameMisleads")
    assert NFS in finding.cause
    assert "kubectl delete" not in finding.fix


def test_no_classes_at_all_do_not_apply() -> None:
    assert outcome(judged(probe_classes, **platform())) == "not_applicable"


def test_a_class_that_cannot_be_read_may_be_the_default_one() -> None:
    verdict = judged(probe_classes, **platform(storage_class("a"), unreadable=[refused("StorageClass")]))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_classes_that_cannot_be_read_are_inconclusive() -> None:
    assert outcome(judged(probe_classes, **platform(unreadable=[refused("StorageClassList")]))) == "inconclusive"


def test_claims_that_cannot_be_read_only_make_the_cause_less_exact() -> None:
    blind: dict[str, Any] = platform(storage_class("a")) | {"claims": Readings((), (refused("PersistentVolumeClaimList"),))}
    assert reasons(judged(probe_classes, **blind)) == ["NoDefaultClass"]


def test_a_mark_of_the_older_kind_is_taken_away_by_its_own_name() -> None:
    beta = "storageclass.beta.kubernetes.io/is-default-class"
    old = make(StorageClass, metadata={"name": "gp2", "annotations": {beta: "true"}, "creationTimestamp": "2025-01-01T00:00:00Z"})
    (finding,) = judged(probe_classes, **platform(old, storage_class("new", default="true", day=2))).findings
    assert f"kubectl annotate storageclass gp2 {beta}=false --overwrite" in finding.fix
    assert "gp2 storageclass.kubernetes.io/" not in finding.fix


# --- two provisioners of one name --------------------------------------------------------------------------------------

IMAGE = "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2"


def provisioner(name: str, server: str, image: str = IMAGE, phase: str = "Running") -> Pod:
    owners = [{"kind": "ReplicaSet", "name": f"{name}-1", "uid": name, "controller": True}]
    spec = {"containers": [{"name": "p", "image": image}], "volumes": [{"name": "root", "nfs": {"server": server, "path": "/nfs/"}}]}
    status = {"phase": phase, "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    return labelled(Pod, "nfs", name, {"pod-template-hash": "1"}, metadata={"ownerReferences": owners}, spec=spec, status=status)


def volume(name: str, server: str, path: str = "/nfs/a", class_name: str = "nfs-client") -> PersistentVolume:
    return make(PersistentVolume, metadata={"name": name}, spec={"storageClassName": class_name, "nfs": {"server": server, "path": path}})


BOTH = [provisioner("fast", "nas-1"), provisioner("archive", "nas-2")]
ONE_CLASS = (storage_class("local-path", default="true"), storage_class("nfs-client", NFS), storage_class("nfs-archive", NFS))


def test_volumes_of_one_class_on_the_exports_of_two_provisioners_are_found() -> None:
    volumes = [volume("a", "nas-1"), volume("b", "nas-2"), volume("c", "nas-2", class_name="nfs-archive")]
    (finding,) = judged(probe_classes, **platform(*ONE_CLASS, volumes=volumes, pods=BOTH)).findings
    assert (finding.reason, finding.severity) == ("ProvisionersAlike", Severity.WARNING)
    assert "Deployment nfs/fast for nas-1:/nfs" in finding.cause
    assert "1 volume on nas-1:/nfs and 2 volumes on nas-2:/nfs" in finding.cause
    assert "storageClass.provisionerName" in finding.fix


@pytest.mark.parametrize(
    ("volumes", "pods"),
    [
        ([volume("a", "nas-1"), volume("c", "nas-1", "/nfs/b")], BOTH),
        ([volume("a", "nas-1"), volume("b", "nas-2", class_name="by-hand")], BOTH),  # which is of no class that exists
        ([volume("a", "nas-1"), volume("b", "nas-2")], BOTH[:1]),  # the other export is nobody's any more
        ([volume("a", "nas-1"), volume("b", "nas-2", "/nfsroot/a")], BOTH),
        ([volume("a", "nas-1"), volume("b", "nas-2")], [BOTH[0], provisioner("web", "nas-2", "nginx:1")]),
        ([volume("a", "nas-1"), volume("b", "nas-2")], [BOTH[0], provisioner("archive", "nas-2", phase="Pending")]),
    ],
)
def test_a_provisioner_for_each_export_passes(volumes: list[PersistentVolume], pods: list[Pod]) -> None:
    assert reasons(judged(probe_classes, **platform(*ONE_CLASS, volumes=volumes, pods=pods))) == []
