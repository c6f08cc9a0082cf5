from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.prometheus.objects import Prometheus
from probes.prometheus.probe_storage import probe_storage
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, recognised, refused

NFS = {"nfs": {"server": "nas", "path": "/exports/tsdb"}}
LOCAL = {"hostPath": {"path": "/opt/local-path-provisioner/x"}, "nodeAffinity": {"required": {}}}
CLAIM = "prometheus-main-db-prometheus-main-0"


def storage_class(name: str, provisioner: str, **parameters: str) -> StorageClass:
    return make(StorageClass, metadata={"name": name}, provisioner=provisioner, parameters=parameters)


CLASSES = [
    storage_class("local-path", "rancher.io/local-path"),
    storage_class("nfs-client", "cluster.local/nfs-subdir-external-provisioner", archiveOnDelete="true"),
]


def prometheus(storage_class: str | None = "local-path", replicas: int = 1) -> Prometheus:
    template = {"volumeClaimTemplate": {"spec": {"storageClassName": storage_class}}} if storage_class else None
    return labelled(Prometheus, "monitoring-dev", "main", spec={"storage": template, "replicas": replicas})


def pod(volume: dict[str, Any] | None = None, **labels: str) -> Pod:
    data = {"name": "db", **(volume or {"persistentVolumeClaim": {"claimName": CLAIM}})}
    container = {
        "name": "prometheus",
        "args": ["--storage.tsdb.path=/prometheus"],
        "volumeMounts": [{"name": "db", "mountPath": "/prometheus"}, {"name": "tls", "mountPath": "/"}],
    }
    known = {"app.kubernetes.io/name": "prometheus", **(labels or {"operator.prometheus.io/name": "main"})}
    return labelled(Pod, "monitoring-dev", "prometheus-main-0", known, spec={"containers": [container], "volumes": [data]})


def claim(class_name: str = "local-path") -> PersistentVolumeClaim:
    labels = {"operator.prometheus.io/name": "main"}
    spec = {"storageClassName": class_name, "volumeName": "pvc-1"}
    return labelled(PersistentVolumeClaim, "monitoring-dev", CLAIM, labels, spec=spec, status={"phase": "Bound"})


def platform(volume: dict[str, Any] | None = None, class_name: str = "local-path", **changes: Any) -> dict[str, Any]:
    spec = {"storageClassName": class_name, **(volume or LOCAL)}
    return {
        "prometheuses": listing("Prometheus", [prometheus(class_name)]),
        "system_pods": recognised(listing("Pod", [pod()])),
        "claims": listing("PersistentVolumeClaim", [claim(class_name)]),
        "volumes": listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pvc-1"}, spec=spec)]),
        "storage_classes": listing("StorageClass", CLASSES),
        "profile": Profile(),
        **changes,
    }


def test_a_database_on_a_disk_of_the_node_passes() -> None:
    verdict = judged(probe_storage, **platform())
    assert (outcome(verdict), verdict.examined) == ("pass", 1)


def test_a_database_on_a_disk_of_the_network_passes() -> None:
    assert outcome(judged(probe_storage, **platform({"csi": {"driver": "ebs.csi.aws.com"}}))) == "pass"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"csi": {"driver": "smb.csi.k8s.io"}}, "an SMB share"),
        ({"csi": {"driver": "file.csi.azure.com"}}, "an SMB share of Azure Files"),
        ({"cephfs": {"path": "/x"}}, "a CephFS share"),
    ],
)
def test_another_shared_file_system_is_an_error_as_well(spec: dict[str, Any], said: str) -> None:
    (finding,) = judged(probe_storage, **platform(spec)).findings
    assert (finding.severity, finding.reason) == (Severity.ERROR, "TsdbOnSharedFileSystem")
    assert f"is on {said}, a shared file system, which Prometheus does not support" in finding.problem


def test_nfs_is_an_error_that_names_claim_class_and_volume() -> None:
    (finding,) = judged(probe_storage, **platform(NFS, "nfs-client")).findings
    assert (finding.severity, finding.reason, str(finding.subject)) == (Severity.ERROR, "TsdbOnNfs", "Prometheus monitoring-dev/main")
    assert f"The PVC {CLAIM} of class `nfs-client` is NFS nas:/exports/tsdb (PersistentVolume pvc-1)" in finding.cause
    assert finding.breaks == [f"PersistentVolumeClaim/monitoring-dev/{CLAIM}"], "which explains what is slow there"


def test_the_fix_goes_through_the_object_and_says_what_is_lost() -> None:
    (finding,) = judged(probe_storage, **platform(NFS, "nfs-client")).findings
    kinds = [step.kind for step in finding.steps]
    assert kinds == ["look", "change", "look", "change", "destroys", "change", "look"]
    assert line(finding.steps[3].commands[0]).startswith("kubectl patch pv ")
    assert "Retain" in line(finding.steps[3].commands[0])  # before the PVC is deleted
    _, stop, wait, _, delete, start, _ = finding.steps
    commands = [[line(one) for one in step.commands] for step in (stop, wait, delete, start)]
    assert '"replicas":0,"storage":{"volumeClaimTemplate":{"spec":{"storageClassName":"local-path"}}}' in commands[0][0]
    assert commands[1] == ["kubectl -n monitoring-dev wait --for=delete pod/prometheus-main-0 --timeout=15m"]
    assert commands[2] == [f"kubectl -n monitoring-dev delete pvc {CLAIM}"]
    assert delete.text.startswith("This destroys the history")
    assert '"replicas":1' in commands[3][0]
    assert "scale" not in finding.fix
    assert "until it is started again below" in stop.text


def classes(*names_and_provisioners: tuple[str, str], default: str = "") -> Any:
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    return listing(
        "StorageClass",
        [
            make(StorageClass, metadata={"name": name, "annotations": marked if name == default else None}, provisioner=provisioner)
            for name, provisioner in names_and_provisioners
        ],
    )


EBS, GP2, LOCAL_PATH = ("gp3", "ebs.csi.aws.com"), ("gp2", "kubernetes.io/aws-ebs"), ("local-path", "rancher.io/local-path")


def named_class(*arguments: tuple[str, str], default: str = "", **changes: Any) -> str:
    """The class that the commands of a database on NFS move it to; empty where there is no command that changes anything."""
    changes["storage_classes"] = classes(*arguments, ("nfs", "nfs.csi.k8s.io"), default=default)
    (finding,) = judged(probe_storage, **platform(NFS, "nfs", **changes)).findings
    said = "".join(line(one) for step in finding.steps if step.kind == "change" for one in step.commands)
    assert all(name in finding.fix for name, _ in arguments), "each class that would do is named"
    return said.partition('"storageClassName":"')[2].partition('"')[0]


def test_a_cloud_moves_to_its_block_storage() -> None:
    assert named_class(EBS) == "gp3"
    assert named_class(EBS, GP2, default="gp3") == "gp3"


def test_where_two_classes_would_do_none_is_chosen() -> None:
    assert named_class(EBS, GP2) == ""


def test_a_class_of_the_kind_that_the_profile_expects_goes_first() -> None:
    local_only = Profile.model_validate({"storage": {"prometheus": ["local"]}})
    assert named_class(EBS, LOCAL_PATH, default="gp3", profile=local_only) == "local-path"
    assert named_class(EBS, LOCAL_PATH, default="gp3") == "gp3"


def test_a_file_share_is_no_place_to_move_to() -> None:
    changes: dict[str, Any] = {"storage_classes": classes(("files", "file.csi.azure.com"), ("odd", "example.com/x"))}
    (finding,) = judged(probe_storage, **platform(NFS, "nfs", **changes)).findings
    assert [step.kind for step in finding.steps] == ["look", "change"]
    assert finding.steps[1].commands == []


def test_a_volume_that_the_object_names_is_let_go() -> None:
    custom = labelled(
        Prometheus,
        "monitoring-dev",
        "main",
        spec={"storage": {"volumeClaimTemplate": {"spec": {"storageClassName": "nfs-client", "volumeName": "old"}}}},
    )
    (finding,) = judged(probe_storage, **platform(NFS, "nfs-client", prometheuses=listing("Prometheus", [custom]))).findings
    assert '"volumeName":null' in finding.fix


def test_what_several_nodes_may_mount_moves_to_what_one_may() -> None:
    template = {"spec": {"storageClassName": "longhorn", "accessModes": ["ReadWriteMany"]}}
    custom = labelled(Prometheus, "monitoring-dev", "main", spec={"storage": {"volumeClaimTemplate": template}})
    changes: dict[str, Any] = {
        "prometheuses": listing("Prometheus", [custom]),
        "storage_classes": classes(("longhorn", "driver.longhorn.io")),
    }
    volume = {"csi": {"driver": "driver.longhorn.io"}, "accessModes": ["ReadWriteMany"]}
    (finding,) = judged(probe_storage, **platform(volume, "longhorn", **changes)).findings
    assert '{"storageClassName":"longhorn","accessModes":["ReadWriteOnce"]}' in finding.fix
    assert "set the class longhorn, and the access mode ReadWriteOnce." in finding.fix


def test_a_class_that_only_sounds_local_is_said_to() -> None:
    impostor = [storage_class("local-path", "cluster.local/nfs-subdir-external-provisioner", archiveOnDelete="true")]
    (finding,) = judged(probe_storage, **platform(NFS, storage_classes=listing("StorageClass", impostor))).findings
    assert "`local-path` only sounds local" in finding.cause
    assert "No StorageClass here is known to give a disk of the node or a block device" in finding.fix
    assert not [step for step in finding.steps if step.kind != "look" and step.commands], (
        "it destroys nothing for a class that is not there"
    )


def test_a_class_made_anew_as_nfs_does_not_change_a_volume_that_is_local() -> None:
    impostor = [storage_class("local-path", "cluster.local/nfs-subdir-external-provisioner", archiveOnDelete="true")]
    assert outcome(judged(probe_storage, **platform(storage_classes=listing("StorageClass", impostor)))) == "pass"


def test_a_claim_that_kept_the_old_class_is_said_to() -> None:
    wanted: Readings[Any] = listing("Prometheus", [prometheus("local-path")])
    (finding,) = judged(probe_storage, **platform(NFS, "nfs-client", prometheuses=wanted)).findings
    assert "The object now asks for `local-path`" in finding.cause


def test_a_claim_of_another_class_that_is_fine_is_a_warning() -> None:
    wanted: Readings[Any] = listing("Prometheus", [prometheus("fast")])
    (finding,) = judged(probe_storage, **platform(prometheuses=wanted)).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "ClaimKeepsOldClass")
    assert "has the class `local-path`, the object asks for `fast`" in finding.cause
    assert "destroys" not in [step.kind for step in finding.steps], "for `fast` is no class that would be better"
    assert '"storageClassName":"local-path"' in line(finding.steps[1].commands[0])


def test_an_empty_dir_is_a_warning() -> None:
    bare: dict[str, Any] = {
        "system_pods": recognised(listing("Pod", [pod({"emptyDir": {}})])),
        "prometheuses": listing("Prometheus", [prometheus(None)]),
    }
    (finding,) = judged(probe_storage, **platform(**bare)).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "TsdbNotKept")
    assert "emptyDir" in finding.cause
    assert not [step for step in finding.steps if step.kind != "look" and step.commands], (
        "a volume needs a size, which only its owner knows"
    )


EPHEMERAL = {"volumeClaimTemplate": {"spec": {"storageClassName": "local-path"}}}


def ephemeral(volume: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Prometheus whose volume is made with its pod."""
    owned = labelled(PersistentVolumeClaim, "monitoring-dev", "prometheus-main-0-db", {}, spec={"volumeName": "pvc-1"})
    object_ = labelled(Prometheus, "monitoring-dev", "main", spec={"storage": {"ephemeral": EPHEMERAL}, "replicas": 1})
    return platform(
        volume,
        system_pods=recognised(listing("Pod", [pod({"ephemeral": EPHEMERAL})])),
        claims=listing("PersistentVolumeClaim", [owned]),
        prometheuses=listing("Prometheus", [object_]),
    )


def test_a_volume_that_is_deleted_with_its_pod_keeps_nothing() -> None:
    (finding,) = judged(probe_storage, **ephemeral()).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "TsdbNotKept")
    assert "whose PVC prometheus-main-0-db is deleted with the pod" in finding.cause
    assert "take ephemeral out of spec.storage" in finding.fix


def test_such_a_volume_on_nfs_is_on_nfs() -> None:
    assert reasons(judged(probe_storage, **ephemeral(NFS))) == ["TsdbOnNfs"]


def test_an_empty_dir_that_the_profile_allows_passes() -> None:
    profile = Profile.model_validate({"storage": {"prometheus": ["local", "ephemeral"]}})
    bare: dict[str, Any] = {
        "system_pods": recognised(listing("Pod", [pod({"emptyDir": {}})])),
        "prometheuses": listing("Prometheus", [prometheus(None)]),
    }
    assert outcome(judged(probe_storage, **platform(profile=profile, **bare))) == "pass"


def test_a_directory_of_no_particular_node_is_not_taken_for_local() -> None:
    assert outcome(judged(probe_storage, **platform({"hostPath": {"path": "/mnt/shared"}}))) == "inconclusive"


def test_one_scaled_to_zero_is_judged_by_its_claims() -> None:
    assert reasons(judged(probe_storage, **platform(NFS, "nfs-client", system_pods=recognised(listing("Pod", []))))) == ["TsdbOnNfs"]


def test_one_without_pods_and_claims_is_inconclusive() -> None:
    none: dict[str, Any] = {"system_pods": recognised(listing("Pod", [])), "claims": listing("PersistentVolumeClaim", [])}
    assert outcome(judged(probe_storage, **platform(**none))) == "inconclusive"


def test_a_prometheus_without_the_operator_is_judged_by_its_pod() -> None:
    plain = pod({"nfs": {"server": "nas", "path": "/tsdb"}}, **{"app.kubernetes.io/instance": "prom"})
    (finding,) = judged(
        probe_storage, **platform(system_pods=recognised(listing("Pod", [plain])), prometheuses=listing("Prometheus", []))
    ).findings
    assert (finding.reason, finding.subject.name) == ("TsdbOnNfs", "prometheus-main-0")
    assert "mounted by Pod prometheus-main-0 itself" in finding.cause


def test_the_replicas_of_a_workload_are_judged_together() -> None:
    owners = {"ownerReferences": [{"kind": "StatefulSet", "name": "prom", "controller": True}]}
    one = pod({"nfs": {"server": "nas", "path": "/tsdb"}}, **{"app.kubernetes.io/instance": "prom"})
    replicas = [
        labelled(Pod, "monitoring-dev", name, one.metadata.labels, metadata=owners, spec=msgspec.to_builtins(one.spec))
        for name in ("prom-0", "prom-1")
    ]
    verdict = judged(probe_storage, **platform(system_pods=recognised(listing("Pod", replicas)), prometheuses=listing("Prometheus", [])))
    assert [str(each.subject) for each in verdict.findings] == ["StatefulSet monitoring-dev/prom"]


def test_no_prometheus_at_all_does_not_apply() -> None:
    none: dict[str, Any] = {"prometheuses": listing("Prometheus", []), "system_pods": recognised(listing("Pod", []))}
    assert outcome(judged(probe_storage, **platform(**none))) == "not_applicable"


def test_a_volume_that_cannot_be_read_is_inconclusive_whatever_the_class() -> None:
    unread: Readings[Any] = Readings((), (refused("PersistentVolumeList"),))
    verdict = judged(probe_storage, **platform(NFS, "nfs-client", volumes=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_storage, platform(NFS, "nfs-client"))
    assert_blindness_is_no_health(probe_storage, platform())
