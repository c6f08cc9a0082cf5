"""What keeps an object from being deleted: its finalizers, and who takes each of them off."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.kubernetes.objects import Namespace, PersistentVolume, PersistentVolumeClaim
from clusterprobe.times import epoch

_FINALIZERS: tuple[tuple[Pattern, str], ...] = (
    (ours(r"^kubernetes\.io/pvc-protection$"), "pods that mount it hold it"),
    (ours(r"^kubernetes\.io/pv-protection$"), "the PVC that it is bound to holds it"),
    (ours(r"^snapshot\.storage\.kubernetes\.io/"), "a snapshot of it is not done"),
    (ours(r"^external-provisioner\.volume\.kubernetes\.io/"), "its driver has to delete the disk first"),
    (ours(r"^external-(?:attacher|resizer)"), "its driver has to detach it first"),
    (ours(r"^foregroundDeletion$"), "what it owns has to be deleted first"),
    (ours(r""), "a controller has to take it off"),
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """An object that is being deleted for `seconds`, and what holds it, as sentences would continue."""

    seconds: float
    finalizers: tuple[str, ...]

    def holds(self) -> list[str]:
        """Each finalizer, with what it waits for."""
        return [f"`{one}` ({next(text for pattern, text in _FINALIZERS if pattern.search(one))})" for one in self.finalizers]


def deletion_of(one: Namespace | PersistentVolume | PersistentVolumeClaim, now: float) -> Deletion | None:
    """None of an object that is not being deleted."""
    begun = epoch(one.metadata.deletion_timestamp)
    return None if begun is None else Deletion(now - begun, tuple(one.metadata.finalizers))
