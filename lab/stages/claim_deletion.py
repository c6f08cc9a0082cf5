"""What the NFS class says of deleted claims: that their data go, against what everybody believes; and, a look-alike, that they stay."""

from __future__ import annotations

from functools import partial

from lab import api
from lab.platform.manifests import Environment, document
from lab.platform.storage import NFS_CLASS
from lab.stages import Stage

_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def _replace(parameters: dict[str, str], _: Environment) -> None:
    """A class's parameters cannot be changed: it is made anew, which claims that are bound do not mind."""
    api.delete(f"{_CLASSES}/{NFS_CLASS}")
    api.create(_CLASSES, document("storage", "StorageClass", NFS_CLASS) | {"parameters": parameters})


def clear(_: Environment) -> None:
    api.delete(f"{_CLASSES}/{NFS_CLASS}")
    api.create(_CLASSES, document("storage", "StorageClass", NFS_CLASS))


def _of_class(name: str, description: str, **parameters: str) -> Stage:
    return Stage(name, description, partial(_replace, parameters), clear, touches=(f"the class {NFS_CLASS}",), per_environment=False)


STAGES = (
    _of_class(
        "claims-delete-data",
        "the NFS class got onDelete: delete, to end the archived folders; archiveOnDelete: true beside it has no effect any more",
        archiveOnDelete="true",
        onDelete="delete",
    ),
    _of_class(
        "claims-retain-data",
        "a look-alike: archiveOnDelete is false, but onDelete: retain wins, and the data stay",
        archiveOnDelete="false",
        onDelete="retain",
    ),
)
