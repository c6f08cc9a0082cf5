from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, StorageClass
from clusterprobe.systems.storage.reclaiming import is_nfs_subdir, on_deletion
from probes.storage.probe_archive_on_delete import probe_archive_on_delete
from tests.factories import assert_blindness_is_no_health, judged, listing, make, outcome, reasons, refused

CHART = "cluster.local/nfs-subdir-external-provisioner"


def storage_class(provisioner: str = CHART, policy: str = "Delete", **parameters: str) -> StorageClass:
    return make(StorageClass, metadata={"name": "nfs-client"}, provisioner=provisioner, reclaimPolicy=policy, parameters=parameters)


def volume(policy: str = "Delete", name: str = "pv-1") -> PersistentVolume:
    spec = {"storageClassName": "nfs-client", "persistentVolumeReclaimPolicy": policy, "claimRef": {"namespace": "app", "name": "data"}}
    return make(PersistentVolume, metadata={"name": name}, spec=spec)


def platform(one: StorageClass, *volumes: PersistentVolume, expected: Any = "keep", **changes: Any) -> dict[str, Any]:
    return {
        "storage_classes": listing("StorageClass", [one]),
        "volumes": listing("PersistentVolume", volumes),
        "profile": Profile(deleted_claims=expected),
        **changes,
    }


@pytest.mark.parametrize(
    ("parameters", "policy", "fate"),
    [
        ({}, "Delete", "archived"),
        ({"archiveOnDelete": "true"}, "Delete", "archived"),
        ({"archiveOnDelete": "false"}, "Delete", "deleted"),
        ({"archiveOnDelete": "0"}, "Delete", "deleted"),
        ({"archiveOnDelete": "yes"}, "Delete", "stuck"),
        ({"archiveOnDelete": "true", "onDelete": "delete"}, "Delete", "deleted"),
        ({"archiveOnDelete": "false", "onDelete": "retain"}, "Delete", "kept"),
        ({"archiveOnDelete": "true", "onDelete": ""}, "Delete", "archived"),
        ({"archiveOnDelete": "false", "onDelete": "keep"}, "Delete", "deleted"),
        ({"archiveOnDelete": "false"}, "Retain", "kept"),
        ({"onDelete": "delete"}, "Retain", "kept"),
        ({"archiveOnDelete": "false"}, "", "deleted"),
    ],
    ids=str,
)
def test_what_the_provisioner_does(parameters: dict[str, str], policy: str, fate: str) -> None:
    assert on_deletion(storage_class(**parameters), policy).fate == fate


@pytest.mark.parametrize(
    ("provisioner", "parameters", "expected"),
    [
        ("k8s-sigs.io/nfs-subdir-external-provisioner", {}, True),
        ("fuseim.pri/ifs", {}, True),
        (CHART, {}, True),
        ("cluster.local/team-nfs", {"archiveOnDelete": "true"}, True),
        ("cluster.local/team-nfs", {"pathPattern": "x"}, True),
        ("cluster.local/team-disks", {}, False),
        ("nfs.csi.k8s.io", {"onDelete": "delete"}, False),
        ("rancher.io/local-path", {"pathPattern": "x"}, False),
    ],
)
def test_the_provisioner_is_recognised(provisioner: str, parameters: dict[str, str], expected: bool) -> None:
    assert is_nfs_subdir(storage_class(provisioner, **parameters)) is expected


def test_an_archiving_class_passes_as_shipped_and_shows_what_it_does() -> None:
    verdict = judged(probe_archive_on_delete, **platform(storage_class(archiveOnDelete="true"), volume()))
    assert outcome(verdict) == "pass"
    (table,) = verdict.exhibits
    assert ["nfs-client", "1 volume", "archiveOnDelete: true", "the folder is renamed to archived-…, and stays"] in table.rows  # type: ignore[union-attr]


def test_a_class_that_deletes_volumes_is_an_error_and_names_setting_and_claims() -> None:
    one = storage_class(archiveOnDelete="true", onDelete="delete")
    (finding,) = judged(probe_archive_on_delete, **platform(one, volume())).findings
    assert (finding.severity, finding.reason) == (Severity.ERROR, "DataDeletedWithClaim")
    assert "onDelete: delete (archiveOnDelete: true is ignored when onDelete is set)" in finding.cause
    assert "app/data" in finding.problem
    assert "$ kubectl patch pv pv-1" in finding.fix


@pytest.mark.parametrize("count", [1, 12, 120])
def test_all_volumes_are_in_the_step_that_saves_them(count: int) -> None:
    names = [f"pv-{n}" for n in range(count)]
    (finding,) = judged(
        probe_archive_on_delete, **platform(storage_class(onDelete="delete"), *[volume(name=one) for one in names])
    ).findings
    first = finding.steps[0]
    assert [name for one in first.commands for name in one.pipeline[0][3:-2]] == names
    assert {one.pipeline[0][-1] for one in first.commands} == {'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'}
    assert first.kind == "change"


def test_one_volume_that_cannot_be_named_leaves_no_half_of_the_step() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(onDelete="delete"), volume(), volume(name="--all"))).findings
    assert finding.steps[0].commands == []
    assert "all 2 volumes" in finding.steps[0].text


def test_a_class_is_copied_deleted_and_created_in_this_order() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(archiveOnDelete="false"))).findings
    assert [line(command) for step in finding.steps for command in step.commands] == [
        "kubectl get storageclass nfs-client -o yaml > nfs-client.yaml",
        "kubectl delete storageclass nfs-client",
        "kubectl create -f nfs-client.yaml",
    ]
    assert [step.kind for step in finding.steps] == ["look", "change", "change", "change"]


def test_deleting_what_was_archived_is_said_to_destroy_it() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(), volume(), expected="delete")).findings
    (step,) = [one for one in finding.steps if one.kind == "destroys"]
    assert (step.commands, "This destroys the data" in step.text) == ([], True)


def test_a_class_that_deletes_and_has_no_volumes_yet_is_a_warning() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(archiveOnDelete="false"))).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "DataDeletedWithClaim")


def test_a_volume_has_a_reclaim_policy_of_its_own() -> None:
    one = storage_class(policy="Retain", archiveOnDelete="false")
    assert reasons(judged(probe_archive_on_delete, **platform(one, volume("Retain")))) == []
    assert reasons(judged(probe_archive_on_delete, **platform(one, volume("Delete")))) == ["DataDeletedWithClaim"]


@pytest.mark.parametrize("parameters", [{"archiveOnDelete": "false", "onDelete": "retain"}, {}])
def test_data_that_are_kept_or_archived_are_fine(parameters: dict[str, str]) -> None:
    assert outcome(judged(probe_archive_on_delete, **platform(storage_class(**parameters), volume()))) == "pass"


def test_where_the_profile_expects_deletion_an_archive_is_a_warning() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(), volume(), expected="delete")).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "DataKeptAfterClaim")
    assert outcome(judged(probe_archive_on_delete, **platform(storage_class(onDelete="delete"), volume(), expected="delete"))) == "pass"


def test_where_the_profile_expects_nothing_everything_passes() -> None:
    for one in (storage_class(), storage_class(onDelete="delete")):
        assert outcome(judged(probe_archive_on_delete, **platform(one, volume(), expected="any"))) == "pass"


def test_a_word_that_is_neither_true_nor_false_stops_the_provisioner() -> None:
    (finding,) = judged(probe_archive_on_delete, **platform(storage_class(archiveOnDelete="yes"), volume())).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "DeletionFails")


def test_without_such_a_class_it_does_not_apply() -> None:
    assert outcome(judged(probe_archive_on_delete, **platform(storage_class("rancher.io/local-path")))) == "not_applicable"


def test_volumes_that_cannot_be_read_are_unchecked() -> None:
    unread: Readings[Any] = Readings((), (refused("PersistentVolumeList"),))
    assert outcome(judged(probe_archive_on_delete, **platform(storage_class(), volumes=unread))) == "inconclusive"


@pytest.mark.parametrize("parameters", [{}, {"onDelete": "delete"}])
def test_blindness_is_never_taken_for_health(parameters: dict[str, str]) -> None:
    assert_blindness_is_no_health(probe_archive_on_delete, platform(storage_class(**parameters), volume()))
