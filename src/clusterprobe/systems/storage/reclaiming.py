"""What the nfs-subdir provisioner would do with a folder once its claim is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.systems.kubernetes.objects import StorageClass

Fate = Literal["kept", "archived", "deleted", "stuck"]

_NAMES = {"k8s-sigs.io/nfs-subdir-external-provisioner", "fuseim.pri/ifs"}
_PARAMETERS = {"archiveOnDelete", "pathPattern", "onDelete"}
_CHART = "nfs-subdir-external-provisioner"
# As Go's strconv.ParseBool reads them, and nothing else.
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


@dataclass(frozen=True, slots=True)
class Deletion:
    """What becomes of a folder, and which setting says so."""

    fate: Fate
    why: str


def is_nfs_subdir(storage_class: StorageClass) -> bool:
    """Whether a class is of the nfs-subdir provisioner: by its provisioner, which a chart's release may name in its own way."""
    provisioner = storage_class.provisioner
    if provisioner in _NAMES:
        return True
    by_chart = provisioner.startswith("cluster.local/")
    return by_chart and (_CHART in provisioner or bool((storage_class.parameters or {}).keys() & _PARAMETERS))


def on_deletion(storage_class: StorageClass, reclaim_policy: str) -> Deletion:
    """What deleting a PVC does. `onDelete` wins over `archiveOnDelete`, and both count only under reclaimPolicy Delete."""
    parameters = storage_class.parameters or {}
    on_delete, archive = parameters.get("onDelete", ""), parameters.get("archiveOnDelete")
    if (reclaim_policy or "Delete") != "Delete":
        return Deletion("kept", f"reclaimPolicy {reclaim_policy}: the provisioner is not asked")
    beside = f" (archiveOnDelete: {archive} is ignored when onDelete is set)" if archive is not None else ""
    if on_delete == "delete":
        return Deletion("deleted", f"onDelete: delete{beside}")
    if on_delete == "retain":
        return Deletion("kept", f"onDelete: retain{beside}")
    if archive is None:
        return Deletion("archived", "archiveOnDelete is not set, which means true")
    if archive in _TRUE:
        return Deletion("archived", f"archiveOnDelete: {archive}")
    if archive in _FALSE:
        return Deletion("deleted", f"archiveOnDelete: {archive}")
    return Deletion("stuck", f"archiveOnDelete: {archive} is neither true nor false: the provisioner gives up, and the volume stays behind")
