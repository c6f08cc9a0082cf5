"""Volumes, claims, classes and CSI drivers."""

from __future__ import annotations

from typing import Any

import msgspec

from clusterprobe.systems.kubernetes.objects.meta import Condition, Metadata, Object
from clusterprobe.systems.kubernetes.objects.pods import HostPathVolume, NfsVolume, Resources


class ClaimReference(Object):
    namespace: str = ""
    name: str = ""
    uid: str = ""


class CsiVolume(Object):
    driver: str = ""
    volume_handle: str = ""
    fs_type: str = ""
    volume_attributes: dict[str, str] | None = None


class Present(Object):
    """Something of which only matters that it is there."""


class FlexVolume(Object):
    driver: str = ""


class PersistentVolumeSpec(Object):
    nfs: NfsVolume | None = None
    csi: CsiVolume | None = None
    host_path: HostPathVolume | None = None
    local: HostPathVolume | None = None
    aws_elastic_block_store: Present | None = None
    gce_persistent_disk: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cephfs: Present | None = None
    rbd: Present | None = None
    iscsi: Present | None = None
    fc: Present | None = None
    cinder: Present | None = None
    vsphere_volume: Present | None = None
    glusterfs: Present | None = None
    quobyte: Present | None = None
    flex_volume: FlexVolume | None = None
    storage_class_name: str = ""
    claim_ref: ClaimReference | None = None
    persistent_volume_reclaim_policy: str = ""
    access_modes: list[str] | None = None
    node_affinity: dict[str, Any] | None = None
    mount_options: list[str] | None = None


class PhaseStatus(Object):
    phase: str = ""
    reason: str = ""
    message: str = ""


class PersistentVolume(Object):
    metadata: Metadata
    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    status: PhaseStatus = msgspec.field(default_factory=PhaseStatus)


class PersistentVolumeClaimSpec(Object):
    storage_class_name: str | None = None
    volume_name: str = ""
    access_modes: list[str] | None = None
    resources: Resources | None = None

    @property
    def asked(self) -> str:
        """How much it asks for, as it is written; older bundles do not hold it."""
        return str(((self.resources.requests if self.resources else None) or {}).get("storage") or "")


class ClaimStatus(PhaseStatus):
    capacity: dict[str, Any] | None = None
    conditions: list[Condition] | None = None


class PersistentVolumeClaim(Object):
    metadata: Metadata
    spec: PersistentVolumeClaimSpec = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


class StorageClass(Object):
    metadata: Metadata
    provisioner: str = ""
    parameters: dict[str, str] | None = None
    reclaim_policy: str = ""
    volume_binding_mode: str = ""
    allow_volume_expansion: bool = False

    @property
    def is_default(self) -> bool:
        """Whether the annotation is exactly "true", as the admission plugin wants it."""
        return "true" in (self.metadata.annotations.default_class, self.metadata.annotations.beta_default_class)


class CsiDriverSpec(Object):
    fs_group_policy: str = ""


class CsiDriver(Object):
    metadata: Metadata
    spec: CsiDriverSpec = msgspec.field(default_factory=CsiDriverSpec)
