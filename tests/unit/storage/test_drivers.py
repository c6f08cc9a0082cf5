"""What the volumes of a driver are, and where those that are NFS inside lie."""

from typing import Any

import pytest

from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, StorageClass
from clusterprobe.systems.storage.drivers import allowed, of_driver
from clusterprobe.systems.storage.folders import folder_of_volume
from clusterprobe.systems.storage.natures import Storage, nature_of_class, nature_of_volume
from clusterprobe.systems.storage.nfs import export_of
from tests.factories import labelled, listing, make


def volume(driver: str, *modes: str, **attributes: str) -> PersistentVolume:
    csi = {"driver": driver, "volumeAttributes": attributes}
    return make(PersistentVolume, metadata={"name": "pv"}, spec={"csi": csi, "accessModes": list(modes)})


@pytest.mark.parametrize(
    ("driver", "modes", "attributes", "kind"),
    [
        ("driver.longhorn.io", ["ReadWriteOnce"], {}, "block"),
        ("driver.harvesterhci.io", ["ReadWriteOnce"], {}, "block"),
        ("driver.harvesterhci.io", ["ReadWriteMany"], {}, "nfs"),
        ("csi-powermax.dellemc.com", ["ReadWriteOnce"], {}, "block"),
        ("csi-powermax.dellemc.com", ["ReadWriteMany"], {"nasServer": "nas1"}, "nfs"),
        ("csi-powermax.dellemc.com", ["ReadWriteMany"], {}, "unknown"),
        ("infinibox-csi-driver", ["ReadWriteMany"], {"storage_protocol": "nfs_treeq"}, "nfs"),
        ("infinibox-csi-driver", ["ReadWriteOnce"], {"storage_protocol": "iscsi"}, "block"),
        ("lustre.csi.storage.gke.io", ["ReadWriteMany"], {}, "shared"),
        ("csi.vastdata.com", ["ReadWriteMany"], {}, "nfs"),
        ("lvm.hwameistor.io", ["ReadWriteOnce"], {}, "local"),
        ("driver.longhorn.io", ["ReadWriteMany"], {}, "nfs"),
        ("driver.longhorn.io", [], {"share": "true"}, "nfs"),
        ("driver.longhorn.io", ["ReadWriteMany"], {"migratable": "true"}, "block"),
        ("csi.vsphere.vmware.com", ["ReadWriteOnce"], {"type": "vSphere CNS Block Volume"}, "block"),
        ("csi.vsphere.vmware.com", ["ReadWriteMany"], {"type": "vSphere CNS File Volume"}, "nfs"),
        ("file.csi.azure.com", ["ReadWriteMany"], {}, "shared"),
        ("blob.csi.azure.com", [], {}, "object"),
        ("blob.csi.azure.com", [], {"protocol": "nfs"}, "nfs"),
        ("smb.csi.k8s.io", [], {"source": "//x/y"}, "shared"),
        ("rook-ceph.cephfs.csi.ceph.com", [], {}, "shared"),
        ("openshift-storage.rbd.csi.ceph.com", [], {}, "block"),
        ("rook-ceph.nfs.csi.ceph.com", [], {}, "nfs"),
        ("notcephfs.csi.ceph.com", [], {}, "unknown"),
        ("org.democratic-csi.nfs", [], {"node_attach_driver": "nfs"}, "nfs"),
        ("truenas.example", [], {"node_attach_driver": "iscsi"}, "block"),
        ("org.democratic-csi.x", [], {"provisioner_driver": "freenas-nfs"}, "nfs"),
        ("csi.trident.netapp.io", [], {"protocol": "file"}, "nfs"),
        ("csi.trident.netapp.io", [], {"backendType": "ontap-san"}, "block"),
        ("csi.trident.netapp.io", [], {}, "unknown"),
        ("csi.san.synology.com", [], {"protocol": "smb"}, "shared"),
        ("pxd.portworx.com", [], {"sharedv4": "true"}, "nfs"),
        ("pxd.portworx.com", [], {"sharedv4": "True"}, "nfs"),
        ("pxd.portworx.com", ["ReadWriteMany"], {}, "nfs"),
        ("pxd.portworx.com", [], {"backend": "pure_file"}, "nfs"),
        ("pxd.portworx.com", [], {"backend": "pure_block"}, "block"),
        ("pxd.portworx.com", [], {"proxy_endpoint": "nfs://10.0.0.8"}, "nfs"),
        ("linstor.csi.linbit.com", ["ReadWriteMany"], {}, "nfs"),
        ("linstor.csi.linbit.com", ["ReadWriteOnce"], {}, "block"),
        ("fsx.csi.aws.com", [], {}, "shared"),
        ("s3.csi.aws.com", [], {}, "object"),
        ("filestore.csi.storage.gke.io", [], {}, "nfs"),
        ("csi.example.com", [], {"protocol": "nfs"}, "unknown"),
    ],
)
def test_a_driver_and_what_its_volume_says_tell_what_it_is(driver: str, modes: list[str], attributes: dict[str, str], kind: str) -> None:
    nature = nature_of_volume(volume(driver, *modes, **attributes), None)
    assert nature.kind == kind
    assert driver in str(nature)


def test_what_the_profile_says_of_a_driver_counts_first() -> None:
    told = {"csi.example.com": "block", "nfs.csi.k8s.io": "local"}
    assert nature_of_volume(volume("csi.example.com"), None, told).kind == "block"
    assert nature_of_volume(volume("nfs.csi.k8s.io"), None, told).kind == "local"
    assert (
        nature_of_class(make(StorageClass, metadata={"name": "x"}, provisioner="csi.example.com"), told).what
        == "a block device by the profile"
    )


def test_an_unknown_driver_says_how_to_settle_it() -> None:
    assert "`storage_drivers` in the profile" in of_driver("csi.example.com", {})[1]


def test_a_claim_that_is_not_bound_yet_goes_by_its_access_modes_too() -> None:
    longhorn = make(StorageClass, metadata={"name": "longhorn"}, provisioner="driver.longhorn.io")
    storage = Storage(listing("PersistentVolumeClaim", []), listing("PersistentVolume", []), listing("StorageClass", [longhorn]))

    def kind(mode: str) -> str:
        return storage.of_claim(
            labelled(PersistentVolumeClaim, "a", "b", spec={"storageClassName": "longhorn", "accessModes": [mode]})
        ).kind

    assert (kind("ReadWriteOnce"), kind("ReadWriteMany")) == ("block", "nfs")


@pytest.mark.parametrize(
    ("driver", "attributes", "export", "folder"),
    [
        ("nfs.csi.k8s.io", {"server": "nas", "share": "/k8s", "subDir": "a/b"}, "nas:/k8s/a/b", ("/k8s", "a/b")),
        ("filestore.csi.storage.gke.io", {"ip": "10.0.0.9", "volume": "vol1"}, "10.0.0.9:/vol1", ("/vol1", "")),
        (
            "org.democratic-csi.nfs",
            {"node_attach_driver": "nfs", "server": "nas", "share": "/tank/v/x"},
            "nas:/tank/v/x",
            ("/tank/v/x", ""),
        ),
        ("rook-ceph.nfs.csi.ceph.com", {"server": "ganesha", "share": "/0001"}, "ganesha:/0001", ("/0001", "")),
        (
            "file.csi.azure.com",
            {"protocol": "nfs", "storageAccount": "acc", "shareName": "s1"},
            "acc.file.core.windows.net:/acc/s1",
            ("/acc/s1", ""),
        ),
    ],
)
def test_a_driver_that_is_nfs_inside_says_server_and_folder(
    driver: str, attributes: dict[str, str], export: str, folder: tuple[str, str]
) -> None:
    one = volume(driver, **attributes)
    found = folder_of_volume(one, None)
    assert str(export_of(one)) == export
    assert found is not None
    assert (found.share, found.subdir) == folder


@pytest.mark.parametrize(
    ("driver", "attributes"),
    [
        ("file.csi.azure.com", {"storageAccount": "acc", "shareName": "s1"}),  # SMB
        ("csi.example.com", {"server": "nas", "share": "/x"}),  # of what is not known to be NFS
        ("efs.csi.aws.com", {}),  # only its driver knows the server
    ],
)
def test_what_is_no_nfs_or_says_no_server_has_no_export(driver: str, attributes: dict[str, Any]) -> None:
    one = volume(driver, **attributes)
    assert (export_of(one), folder_of_volume(one, None)) == (None, None)


@pytest.mark.parametrize(
    ("kinds", "kind", "fine"),
    [
        (["block"], "block", True),
        (["block"], "shared", False),
        (["network"], "block", True),
        (["network"], "shared", True),
        ([], "nfs", False),
    ],
)
def test_what_the_profile_called_network_before_goes_on_to_allow_both(kinds: list[str], kind: str, fine: bool) -> None:
    assert allowed(kinds, kind) is fine


def test_a_driver_that_serves_several_things_is_not_said_to_be_unknown() -> None:
    assert "serves several things, and neither the volume nor its class says which" in of_driver("csi.trident.netapp.io", {})[1]
    assert "is not known here" in of_driver("csi.example.com", {})[1]
