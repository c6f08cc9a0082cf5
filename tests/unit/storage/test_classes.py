from typing import Any

from clusterprobe.model import Severity, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolumeClaim, StorageClass
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


def platform(*classes: StorageClass, unreadable: Any = (), claims: list[PersistentVolumeClaim] | None = None) -> dict[str, Any]:
    return {
        "storage_classes": listing("StorageClass", classes, unreadable=unreadable),
        "claims": listing("PersistentVolumeClaim", claims or []),
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
