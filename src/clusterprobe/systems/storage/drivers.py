"""What the volumes of a driver are: of those that serve one thing, by a table; of the others, by what the volume or its class says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["local", "block", "nfs", "shared", "object", "ephemeral", "unknown"]
Told = tuple[Kind, str]

RWX = "ReadWriteMany"
NFS_DRIVER = "nfs.csi.k8s.io"
AZURE_FILES = "file.csi.azure.com"
FILESTORE = "filestore.csi.storage.gke.io"

# Provisioners and CSI drivers that serve NFS, whatever their classes are called.
NFS_DRIVERS = {
    "k8s-sigs.io/nfs-subdir-external-provisioner": "NFS",
    "fuseim.pri/ifs": "NFS",
    NFS_DRIVER: "NFS",
    "efs.csi.aws.com": "NFS of EFS",
    "fsx.openzfs.csi.aws.com": "NFS of FSx for OpenZFS",
    FILESTORE: "NFS of Filestore",
    "nfs.manila.csi.openstack.org": "NFS of Manila",
    "nasplugin.csi.alibabacloud.com": "NFS of Alibaba Cloud",
    "com.tencent.cloud.csi.cfs": "NFS of Tencent Cloud",
    "sfsturbo.csi.everest.io": "NFS of Huawei Cloud",
    "nas.csi.everest.io": "NFS of Huawei Cloud",
    "fss.csi.oraclecloud.com": "NFS of Oracle Cloud",
    "vpc.file.csi.ibm.io": "NFS of IBM Cloud",
    "csi-isilon.dellemc.com": "NFS of PowerScale",
    "com.nutanix.csi.files": "NFS of Nutanix Files",
    "openebs.io/nfsrwx": "NFS of OpenEBS",
    "csi.vastdata.com": "NFS of VAST",
}
LOCAL_DRIVERS = {
    "rancher.io/local-path",
    "local.csi.openebs.io",
    "zfs.csi.openebs.io",
    "openebs.io/local",
    "topolvm.io",
    "topolvm.cybozu.com",
    "lvm.csi.metal-stack.io",
    "directpv-min-io",
    "hostpath.csi.k8s.io",
    "kubevirt.io.hostpath-provisioner",
    "kubevirt.io/hostpath-provisioner",
    "rawfile.csi.openebs.io",
    "lvm.hwameistor.io",
    "lvm.driver.harvesterhci.io",
    "local.csi.storage.deckhouse.io",
    "localdisk.csi.acstor.io",
}
# Of clusters of one node: their hostPath volumes need no node affinity to be local.
SINGLE_NODE_DRIVERS = {"k8s.io/minikube-hostpath", "docker.io/hostpath", "microk8s.io/hostpath"}
BLOCK_DRIVERS = {
    "ebs.csi.aws.com": "an EBS disk",
    "ebs.csi.eks.amazonaws.com": "an EBS disk",
    "kubernetes.io/aws-ebs": "an EBS disk",
    "pd.csi.storage.gke.io": "a Google persistent disk",
    "kubernetes.io/gce-pd": "a Google persistent disk",
    "disk.csi.azure.com": "an Azure disk",
    "kubernetes.io/azure-disk": "an Azure disk",
    "cinder.csi.openstack.org": "a Cinder volume",
    "kubernetes.io/cinder": "a Cinder volume",
    "kubernetes.io/vsphere-volume": "a vSphere disk",
    "dobs.csi.digitalocean.com": "a DigitalOcean volume",
    "csi.hetzner.cloud": "a Hetzner volume",
    "linodebs.csi.linode.com": "a Linode volume",
    "block.csi.vultr.com": "a Vultr block device",
    "csi.scaleway.com": "a Scaleway volume",
    "csi.exoscale.com": "an Exoscale volume",
    "csi.civo.com": "a Civo volume",
    "csi.cloudscale.ch": "a cloudscale volume",
    "cloud.ionos.com": "an IONOS volume",
    "storage.csi.upcloud.com": "an UpCloud device",
    "block-storage.csi.stackit.cloud": "a STACKIT volume",
    "blockvolume.csi.oraclecloud.com": "an Oracle Cloud volume",
    "vpc.block.csi.ibm.io": "an IBM Cloud volume",
    "diskplugin.csi.alibabacloud.com": "an Alibaba Cloud disk",
    "com.tencent.cloud.csi.cbs": "a Tencent Cloud disk",
    "disk.csi.everest.io": "a Huawei Cloud disk",
    "linstor.csi.linbit.com": "a LINSTOR volume",
    "io.openebs.csi-mayastor": "a Mayastor volume",
    "cstor.csi.openebs.io": "a cStor volume",
    "jiva.csi.openebs.io": "a Jiva volume",
    "csi.proxmox.sinextra.dev": "a Proxmox disk",
    "csi.kubevirt.io": "a KubeVirt disk",
    "csi-vxflexos.dellemc.com": "a PowerFlex volume",
    "named-disk.csi.cloud-director.vmware.com": "a disk of Cloud Director",
    "csi.cloudstack.apache.org": "a CloudStack volume",
    "csi.ovirt.org": "an oVirt disk",
    "powervs.csi.ibm.com": "a Power Virtual Server volume",
    "block.csi.ibm.com": "a volume of IBM's block storage",
    "hspc.csi.hitachi.com": "a Hitachi volume",
    "disk-csi-driver.mks.ycloud.io": "a Yandex Cloud disk",
    "replicated.csi.storage.deckhouse.io": "a replicated volume of Deckhouse",
    "block.csi.vastdata.com": "a VAST block device",
    "bsu.csi.outscale.com": "an Outscale volume",
    "csi.lightbitslabs.com": "a Lightbits volume",
    "csi.simplyblock.io": "a simplyblock volume",
    "openebs.io/provisioner-iscsi": "an iSCSI disk of OpenEBS",
    "kubernetes.io/rbd": "a Ceph block device",
    "ceph.com/rbd": "a Ceph block device",
}
SHARED_DRIVERS = {
    "smb.csi.k8s.io": "an SMB share",
    "microk8s.io/smb": "an SMB share",
    "kubernetes.io/azure-file": "an SMB share of Azure Files",
    "ceph.com/cephfs": "a CephFS share",
    "cephfs.manila.csi.openstack.org": "a CephFS share of Manila",
    "kubernetes.io/glusterfs": "a Gluster volume",
    "org.gluster.glusterfs": "a Gluster volume",
    "fsx.csi.aws.com": "a Lustre file system of FSx",
    "lustre.csi.storage.gke.io": "a Lustre file system",
    "parallelstore.csi.storage.gke.io": "a Parallelstore file system",
    "exa.csi.ddn.com": "a Lustre file system",
    "azurelustre.csi.azure.com": "a Lustre file system",
    "csi.cubefs.com": "a CubeFS file system",
    "fuse.csi.fluid.io": "a data set of Fluid",
    "csi.juicefs.com": "a JuiceFS file system",
    "seaweedfs-csi-driver": "a SeaweedFS file system",
    "csi.weka.io": "a Weka file system",
    "beegfs.csi.netapp.com": "a BeeGFS file system",
    "spectrumscale.csi.ibm.com": "a Storage Scale file system",
    "csi.quobyte.com": "a Quobyte file system",
    "kubernetes.io/quobyte": "a Quobyte file system",
}
OBJECT_DRIVERS = {
    "s3.csi.aws.com": "a bucket of S3",
    "s3.csi.scality.com": "a bucket of S3",
    "ru.yandex.s3.csi": "a bucket of S3",
    "ch.ctrox.csi.s3-driver": "a bucket of S3",
    "gcsfuse.csi.storage.gke.io": "a bucket of Google Cloud Storage",
    "ossplugin.csi.alibabacloud.com": "a bucket of OSS",
    "obs.csi.everest.io": "a bucket of OBS",
}
# Rook and others put a namespace or a name before these.
SUFFIXES: dict[str, Told] = {
    "rbd.csi.ceph.com": ("block", "a Ceph block device"),
    "cephfs.csi.ceph.com": ("shared", "a CephFS share"),
    "nfs.csi.ceph.com": ("nfs", "NFS of Ceph"),
}
# In-tree volume types of a PersistentVolume, by their field.
IN_TREE: dict[str, Told] = {
    "aws_elastic_block_store": ("block", "an EBS disk"),
    "gce_persistent_disk": ("block", "a Google persistent disk"),
    "azure_disk": ("block", "an Azure disk"),
    "cinder": ("block", "a Cinder volume"),
    "vsphere_volume": ("block", "a vSphere disk"),
    "rbd": ("block", "a Ceph block device"),
    "iscsi": ("block", "an iSCSI disk"),
    "fc": ("block", "a Fibre Channel disk"),
    "azure_file": ("shared", "an SMB share of Azure Files"),
    "cephfs": ("shared", "a CephFS share"),
    "glusterfs": ("shared", "a Gluster volume"),
    "quobyte": ("shared", "a Quobyte file system"),
}
# What a driver that serves several things calls the one that a volume is, whatever the key is called.
_PROTOCOLS: dict[str, Told] = {
    "nfs": ("nfs", "NFS"),
    "nfs3": ("nfs", "NFS"),
    "nfs4": ("nfs", "NFS"),
    "smb": ("shared", "an SMB share"),
    "cifs": ("shared", "an SMB share"),
    "iscsi": ("block", "an iSCSI disk"),
    "fc": ("block", "a Fibre Channel disk"),
    "nvmeof": ("block", "an NVMe disk over the network"),
    "nvme": ("block", "an NVMe disk over the network"),
    "block": ("block", "a block device"),
    "file": ("nfs", "NFS"),
    "nfs_treeq": ("nfs", "NFS"),
    "azure-netapp-files": ("nfs", "NFS of Azure NetApp Files"),
    "google-cloud-netapp-volumes": ("nfs", "NFS of Google Cloud NetApp Volumes"),
    "solidfire-san": ("block", "an Element volume"),
    "ontap-nas": ("nfs", "NFS of ONTAP"),
    "ontap-nas-economy": ("nfs", "NFS of ONTAP"),
    "ontap-nas-flexgroup": ("nfs", "NFS of ONTAP"),
    "ontap-san": ("block", "a disk of ONTAP"),
    "ontap-san-economy": ("block", "a disk of ONTAP"),
    "lun": ("block", "a LUN"),
    "fs": ("shared", "a file system of Huawei's storage"),
    "dtree": ("shared", "a file system of Huawei's storage"),
}
_BY_PROTOCOL = {
    "csi.trident.netapp.io": ("protocol", "backendtype"),
    "csi.san.synology.com": ("protocol",),
    "org.democratic-csi": ("node_attach_driver", "provisioner_driver"),
    "csi-powerstore.dellemc.com": ("protocol",),
    "csi-unity.dellemc.com": ("protocol",),
    "pure-csi": ("backend", "pure_nas"),
    "infinibox-csi-driver": ("storage_protocol",),
    "csi.huawei.com": ("volumetype",),
    "tns.csi.io": ("protocol",),
}


def of_driver(driver: str, parameters: Mapping[str, str], modes: Iterable[str] = (), own: Mapping[str, Kind] | None = None) -> Told:
    """What a driver's volume is, and that in words.

    `parameters` are the volume's attributes or its class's parameters, `modes` its access modes, and `own` is what the profile says of
    drivers (`storage_drivers`), which counts first.
    """
    if own and driver in own:
        return own[driver], f"{_WORDS[own[driver]]} by the profile"
    given = {key.lower(): value for key, value in parameters.items()}
    return _of_several(driver, given, set(modes)) or _of_one(driver, given) or ("unknown", _unknown(driver))


_WORDS: dict[Kind, str] = {
    "local": "a disk of the node",
    "block": "a block device",
    "nfs": "NFS",
    "shared": "a shared file system",
    "object": "an object store",
    "ephemeral": "storage that is lost with the pod",
    "unknown": "unknown",
}


def _unknown(driver: str) -> str:
    several = _keys_of(driver) is not None or driver == "csi-powermax.dellemc.com"
    why = "serves several things, and neither the volume nor its class says which this is" if several else "is not known here"
    return f"the driver {driver} {why}; say under `storage_drivers` in the profile what it is"


def _of_one(driver: str, given: Mapping[str, str]) -> Told | None:
    """Of a driver that serves one thing only."""
    if driver in NFS_DRIVERS:
        return "nfs", f"NFS {given['server']}:{given.get('share', '')}" if "server" in given else NFS_DRIVERS[driver]
    if driver in LOCAL_DRIVERS or driver in SINGLE_NODE_DRIVERS:
        return "local", "a disk of the node"
    tables: tuple[tuple[Kind, Mapping[str, str]], ...] = (("block", BLOCK_DRIVERS), ("shared", SHARED_DRIVERS), ("object", OBJECT_DRIVERS))
    known = next(((kind, table[driver]) for kind, table in tables if driver in table), None)
    return known or next((told for end, told in SUFFIXES.items() if driver == end or driver.endswith(f".{end}")), None)


def _of_several(driver: str, given: Mapping[str, str], modes: set[str]) -> Told | None:
    """Of a driver that serves several things, if the volume or the class says which; None for any other."""
    if driver in (AZURE_FILES, "blob.csi.azure.com"):
        nfs = given.get("protocol", "").lower() in ("nfs", "nfsv3")
        files = driver == AZURE_FILES
        other: Told = ("shared", "an SMB share of Azure Files") if files else ("object", "a container of Azure Blob Storage")
        return ("nfs", f"NFS of Azure {'Files' if files else 'Blob Storage'}") if nfs else other
    if driver in ("driver.longhorn.io", "driver.harvesterhci.io"):
        shared = (RWX in modes and given.get("migratable") != "true") or given.get("share") == "true"
        name = "Longhorn" if driver == "driver.longhorn.io" else "Harvester"
        return ("nfs", f"a {name} volume that is ReadWriteMany, which is NFS") if shared else ("block", f"a {name} volume")
    if driver == "csi.vsphere.vmware.com":
        shared = RWX in modes or "file" in given.get("type", "").lower()
        return ("nfs", "NFS of vSAN File Services") if shared else ("block", "a vSphere disk")
    if driver in ("pxd.portworx.com", "pxd.openstorage.org", "kubernetes.io/portworx-volume"):
        if given.get("backend") == "pure_file" or given.get("proxy_endpoint", "").startswith("nfs://"):
            return "nfs", "NFS that Portworx mounts"  # of a FlashBlade, or of a server that is there already
        shared = RWX in modes or "true" in (given.get("shared", "").lower(), given.get("sharedv4", "").lower())
        return ("nfs", "a shared Portworx volume, which is NFS") if shared else ("block", "a Portworx volume")
    if driver == "linstor.csi.linbit.com" and RWX in modes:
        return "nfs", "a LINSTOR volume that is ReadWriteMany, which is NFS"
    if driver == "csi.nutanix.com":
        shared = given.get("storagetype") == "NutanixFiles"
        return ("nfs", "NFS of Nutanix Files") if shared else ("block", "a Nutanix volume")
    if driver == "csi-powermax.dellemc.com" and (RWX not in modes or "nasserver" in given):
        return ("nfs", "NFS of PowerMax") if "nasserver" in given else ("block", "a PowerMax volume")
    if driver == "csi.hpe.com":
        shared = given.get("nfsresources") == "true" or RWX in modes
        return ("nfs", "NFS of the HPE driver") if shared else ("block", "an HPE volume")
    return _of_protocol(driver, given)


def _of_protocol(driver: str, given: Mapping[str, str]) -> Told | None:
    """Of a driver whose volumes name their protocol, such as democratic-csi's, which has a name of its own in each installation."""
    keys = _keys_of(driver)
    if keys is None and "node_attach_driver" not in given:
        return None
    for key in keys or ("node_attach_driver",):
        value = given.get(key, "").lower()
        if told := _PROTOCOLS.get(value) or _PROTOCOLS.get(value.rpartition("-")[2]):
            return told
    return None


def _keys_of(driver: str) -> tuple[str, ...] | None:
    """Under which keys the volumes of a driver name their protocol; None for one that serves one thing, or is not known."""
    return next((keys for name, keys in _BY_PROTOCOL.items() if driver == name or driver.startswith(f"{name}.")), None)


def allowed(kinds: Iterable[str], kind: str) -> bool:
    """Whether a kind is one of those that a profile allows; `network` is what it called block devices and shared file systems before."""
    given = set(kinds)
    return kind in given or ("network" in given and kind in ("block", "shared"))
