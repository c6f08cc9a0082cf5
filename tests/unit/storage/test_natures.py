"""What a volume really is."""

from typing import Any

import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, Volume
from clusterprobe.systems.storage.natures import Storage, default_classes, mounted_at, nature_of_class, nature_of_volume, sounds_local
from tests.factories import labelled, listing, make, refused

AFFINITY: dict[str, Any] = {"required": {"nodeSelectorTerms": []}}


def volume(**spec: Any) -> PersistentVolume:
    return make(PersistentVolume, metadata={"name": "pv"}, spec=spec)


def storage_class(name: str = "fast", provisioner: str = "rancher.io/local-path", **fields: Any) -> StorageClass:
    return make(StorageClass, metadata={"name": name, **fields.pop("metadata", {})}, provisioner=provisioner, **fields)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"nfs": {"server": "nas", "path": "/x"}}, "nfs"),
        ({"csi": {"driver": "nfs.csi.k8s.io"}}, "nfs"),
        ({"csi": {"driver": "efs.csi.aws.com"}}, "nfs"),
        ({"csi": {"driver": "file.csi.azure.com", "volumeAttributes": {"protocol": "nfs"}}}, "nfs"),
        ({"csi": {"driver": "file.csi.azure.com"}}, "shared"),
        ({"csi": {"driver": "ebs.csi.aws.com"}}, "block"),
        ({"csi": {"driver": "topolvm.io"}}, "local"),
        ({"csi": {"driver": "csi.example.com"}}, "unknown"),
        ({"awsElasticBlockStore": {"volumeID": "x"}}, "block"),
        ({"cephfs": {"path": "/x"}}, "shared"),
        ({"glusterfs": {"path": "x"}}, "shared"),
        ({"vsphereVolume": {"volumePath": "x"}}, "block"),
        ({"flexVolume": {"driver": "ceph.com/rbd"}}, "block"),
        ({"flexVolume": {"driver": "example/own"}}, "unknown"),
        ({"local": {"path": "/x"}, "nodeAffinity": AFFINITY}, "local"),
        ({"hostPath": {"path": "/x"}, "nodeAffinity": AFFINITY}, "local"),
        ({"hostPath": {"path": "/x"}}, "unknown"),
        ({}, "unknown"),
    ],
    ids=str,
)
def test_the_volume_itself_tells_what_it_is(spec: dict[str, Any], kind: str) -> None:
    assert nature_of_volume(volume(**spec), None).kind == kind


def test_a_directory_of_a_one_node_cluster_is_local() -> None:
    assert nature_of_volume(volume(hostPath={"path": "/x"}), storage_class(provisioner="k8s.io/minikube-hostpath")).kind == "local"


def test_a_profile_says_what_the_directories_of_nodes_are() -> None:
    directory = volume(hostPath={"path": "/mnt/data"})
    assert "`hostPath: local`" in nature_of_volume(directory, None).what
    assert nature_of_volume(directory, None, {"hostPath": "local"}).kind == "local"
    assert nature_of_volume(directory, storage_class(), {"rancher.io/local-path": "nfs"}).kind == "nfs"
    mounted = make(Volume, name="data", hostPath={"path": "/mnt/data"})
    known = Storage(
        listing("PersistentVolumeClaim", []), listing("PersistentVolume", []), listing("StorageClass", []), {"hostPath": "local"}
    )
    assert known.of_mount("ns", "prometheus-0", mounted).kind == "local"


@pytest.mark.parametrize(
    ("provisioner", "parameters", "kind"),
    [
        ("rancher.io/local-path", {}, "local"),
        ("k8s-sigs.io/nfs-subdir-external-provisioner", {}, "nfs"),
        ("cluster.local/whatever", {"archiveOnDelete": "false"}, "nfs"),
        ("cluster.local/nfs-client", {}, "unknown"),
        ("nfs.csi.k8s.io", {"server": "nas", "share": "/x"}, "nfs"),
        ("kubernetes.io/no-provisioner", {}, "unknown"),
        ("bsu.csi.outscale.com", {}, "block"),
        ("csi.lightbitslabs.com", {}, "block"),
        ("csi.simplyblock.io", {}, "block"),
        ("azurelustre.csi.azure.com", {}, "shared"),
        ("csi.cubefs.com", {}, "shared"),
        ("fuse.csi.fluid.io", {}, "shared"),
        ("s3.csi.scality.com", {}, "object"),
        ("csi.huawei.com", {"volumeType": "lun"}, "block"),
        ("csi.huawei.com", {"volumeType": "dtree"}, "shared"),
        ("csi.huawei.com", {}, "unknown"),
        ("tns.csi.io", {"protocol": "nfs"}, "nfs"),
        ("tns.csi.io", {"protocol": "nvmeof"}, "block"),
    ],
)
def test_a_classes_provisioner_tells_what_it_makes(provisioner: str, parameters: dict[str, str], kind: str) -> None:
    assert nature_of_class(storage_class("local-path", provisioner, parameters=parameters)).kind == kind


def test_the_bound_volume_decides_over_the_class() -> None:
    claim = labelled(PersistentVolumeClaim, "a", "data", spec={"storageClassName": "fast", "volumeName": "pv"})
    volumes = listing("PersistentVolume", [volume(nfs={"server": "nas", "path": "/x"})])
    storage = Storage(listing("PersistentVolumeClaim", [claim]), volumes, listing("StorageClass", [storage_class()]))
    assert str(storage.of_claim(claim)) == "NFS nas:/x (PersistentVolume pv)"


def test_an_unbound_claim_goes_by_its_class_or_the_default_one() -> None:
    default = storage_class(metadata={"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}})
    storage = Storage(Readings(), Readings(), listing("StorageClass", [default]))
    assert storage.of_claim(labelled(PersistentVolumeClaim, "a", "data")).kind == "local"


def test_a_bound_volume_that_cannot_be_read_is_unknown_whatever_the_class() -> None:
    claim = labelled(PersistentVolumeClaim, "a", "data", spec={"storageClassName": "fast", "volumeName": "pv"})
    storage = Storage(Readings(), Readings((), (refused("PersistentVolumeList"),)), listing("StorageClass", [storage_class()]))
    assert (storage.of_claim(claim).kind, "not allowed" in storage.of_claim(claim).what) == ("unknown", True)


def test_of_several_default_classes_the_newest_comes_first() -> None:
    def default(name: str, day: int) -> StorageClass:
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
        return storage_class(name, metadata={"annotations": annotations, "creationTimestamp": f"2026-01-{day:02}T00:00:00Z"})

    assert [one.metadata.name for one in default_classes([default("old", 1), default("z", 3), default("b", 3)])] == ["b", "z", "old"]


def test_a_mount_is_found_by_the_longest_path_above() -> None:
    mounts = [{"name": "root", "mountPath": "/"}, {"name": "data", "mountPath": "/data/"}, {"name": "other", "mountPath": "/data-old"}]
    volumes = [{"name": name} for name in ("root", "data", "other")]
    pod = labelled(Pod, "a", "p", spec={"containers": [{"name": "c", "volumeMounts": mounts}], "volumes": volumes})
    found = mounted_at(pod, "/data/tsdb")
    assert found is not None
    assert found.name == "data"


@pytest.mark.parametrize(("name", "local"), [("local-path", True), ("hostpath", True), ("nfs-client", False), ("standard", False)])
def test_a_name_may_sound_local(name: str, local: bool) -> None:
    assert sounds_local(name) is local
