"""How a PersistentVolumeClaim is replaced: by whom it is made again, which differs by its owner."""

from __future__ import annotations

from clusterprobe.fixes import change, destroys, look, patch, shell
from clusterprobe.model import Step
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.storage.natures import claim_name
from clusterprobe.words import listed

BY_ITS_RELEASE = "The next sync or upgrade of its release creates it again; a PVC that was made by hand has to be made by hand again."


def made_by(claim: PersistentVolumeClaim, pods: list[Pod]) -> str:
    """One or two sentences: what creates the claim again once it is deleted. `pods` are those that mount it."""
    name = claim.metadata.name
    for pod in pods:
        owner = workload_of(pod)
        templates = {f"{one.name}-{pod.metadata.name}" for one in pod.spec.volumes or [] if claim_name(one) == name}
        if owner.kind == "StatefulSet" and name in templates:
            return (
                f"StatefulSet {owner.name} creates it from its volumeClaimTemplates, which cannot be changed. Delete the StatefulSet with "
                "--cascade=orphan and let its release create it again; an Operator does that by itself."
            )
    return BY_ITS_RELEASE


def keep_data(volume: str, text: str) -> Step:
    """To keep what is on a volume when its PVC is deleted, which cannot be taken back; `text` says when."""
    policy = patch({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    return change(text, shell("kubectl patch pv {} -p {}", volume, policy))


def replace(claim: PersistentVolumeClaim, volume: PersistentVolume | None, pods: list[Pod]) -> Step:
    """To replace a claim and what it holds: said, and not printed as commands, since a copy of the data has to come first."""
    place = f"{claim.metadata.namespace}/{claim.metadata.name}"
    by = made_by(claim, pods)
    users = sorted({f"{owner.kind} {owner.name}" for owner in map(workload_of, pods)})
    stop = f"Then stop {listed(users, 3)} and delete the PVC." if users else "Then delete the PVC."
    if volume and volume.spec.persistent_volume_reclaim_policy == "Retain":
        kept = f"PersistentVolume {volume.metadata.name} keeps them (Retain), but no new PVC binds it until its claimRef is removed."
        return destroys(f"the way to the data of PVC {place}", f"{kept} Copy the data first. {stop} {by}")
    return destroys(f"the data of PVC {place}", f"Copy them first. {stop} {by}")


def another_class(claim: PersistentVolumeClaim, pods: list[Pod]) -> list[Step]:
    """To give another class to a claim that has no volume yet."""
    by, place = made_by(claim, pods), (claim.metadata.namespace, claim.metadata.name)
    text = change(
        "The class of a PVC cannot be changed: name another in the values of its release, and delete the PVC, which holds no data while "
        f"it is Pending. {by}"
    )
    if by != BY_ITS_RELEASE:
        return [text]
    file = f"{claim.metadata.name}.yaml"
    fetched = shell("kubectl -n {} get pvc {} -o yaml > {}", *place, file)
    return [
        text,
        look("If it was made by hand, fetch it, to name another class in a file.", fetched),
        destroys(
            f"the PVC {claim.metadata.name}, which is made again at once",
            "While it is still Pending, and so holds no data, make it again of the changed file.",
            shell("kubectl replace --force -f {}", file),
        ),
    ]
