"""A PersistentVolumeClaim that does not grow, in words: what keeps it, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clusterprobe.fixes import SOURCE, change, look, patch, shell
from clusterprobe.model import Step, Subject
from clusterprobe.patterns import ours
from clusterprobe.systems.formats.quantities import amount
from clusterprobe.systems.kubernetes.objects import PersistentVolumeClaim, Pod, StorageClass, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.storage.claim_advice import replace
from clusterprobe.systems.storage.growth import Growth
from clusterprobe.systems.storage.natures import Storage, claim_subject
from clusterprobe.times import epoch
from clusterprobe.words import listed, said

_IN_USE = ours(
    r"(?i)attached to (?:a )?running|while it is attached|is attached to|in[- ]use|online (?:expansion|resize)|must be (?:detached|offline)"
)
_TOO_SOON = ours(r"(?i)VolumeModificationRateExceeded|maximum modification rate|6 hours|cooldown")
_ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
_MOST = 50  # replicas whose PVCs are looked at


def why(growth: Growth, found: StorageClass | None, users: list[Pod], told: str) -> str:
    """Who does not do what, with the words of whoever said so last."""
    heard = f" What was said of it last is {said(told)}." if told else ""
    if growth.stage == "file system":
        waits = "The disk has grown. Its file system grows when a pod mounts the volume anew: "
        if users:
            names = listed(sorted({str(workload_of(one)) for one in users}), 3)
            began = min((epoch(one.metadata.creation_timestamp) or 0.0 for one in users), default=0.0)
            since = growth.since is None or began < growth.since
            done = "has had it mounted all the time" if since else "was started since, and the kubelet has not made it larger all the same"
            return f"{waits}{names} {done}.{heard}"
        return f"{waits}no pod mounts it now.{heard}"
    driver = f"the driver {found.provisioner}" if found else "its driver"
    if _IN_USE.search(told):
        return f"{driver[:1].upper()}{driver[1:]} does not make a disk larger while it is attached to a node.{heard}"
    if _TOO_SOON.search(told):
        return f"The cloud allows one change of a disk within some hours, and {driver} tries again until then.{heard}"
    if told:
        return f"{driver[:1].upper()}{driver[1:]} could not make the disk larger.{heard}"
    return f"Nothing that is still kept says why: the csi-resizer beside {driver} does not run, or says nothing of it."


def steps(subject: Subject, claim: PersistentVolumeClaim, growth: Growth, users: list[Pod], told: str) -> list[Step]:
    """What lets it grow. It is never made smaller again."""
    seen = look("Read what was said of it.", shell("kubectl -n {} describe pvc {}", subject.namespace, subject.name))
    if growth.stage == "file system":
        return [seen, *_mounted_anew(users)]
    if _IN_USE.search(told):
        names = listed(sorted({str(workload_of(one)) for one in users}), 3) or "what mounts it"
        return [
            seen,
            change(
                f"Take {names} to 0 replicas, {SOURCE}, until the disk is detached and has grown (the condition is FileSystemResizePending "
                "then), and back. An Operator takes its own object. Newer drivers, and other kinds of disks, grow while they are attached."
            ),
        ]
    if _TOO_SOON.search(told):
        return [seen, change("Wait until the cloud allows the next change: it is tried again by itself.")]
    return [
        seen,
        look("See that the pods of its driver's controller run.", shell("kubectl get pods -A -o wide")),
        change(
            f"Repair what the message names, or what the log of the csi-resizer beside the driver's controller says. The size that PVC "
            f"{claim.metadata.name} asks for cannot be taken back below what it has."
        ),
    ]


def _mounted_anew(users: list[Pod]) -> list[Step]:
    """Each workload that mounts it, started again."""
    if not users:
        return [change("Start a pod that mounts it.")]
    found = []
    for owner in dict.fromkeys(map(workload_of, users)):
        if owner.kind in _ROLLED_OUT and owner.api_version.startswith("apps/"):
            command = shell("kubectl -n {} rollout restart {} {}", owner.namespace, owner.kind.lower(), owner.name)
            found.append(change(f"Restart {owner} at a time when its pods may be away: they mount the volume anew.", command))
        else:
            found.append(change(f"Let the pods of {owner} start again: they mount the volume anew."))
    return found


# --- a StatefulSet that asks for more ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Smaller:
    """The PVCs of one template of a StatefulSet that ask for less than the template does."""

    template: str
    asked: str
    claims: tuple[Subject, ...]
    found: str
    each: tuple[PersistentVolumeClaim, ...]


def smaller(subject: Subject, one: Workload, storage: Storage) -> Iterator[Smaller]:
    """By template, those of the pods that the StatefulSet is to have."""
    for template in one.spec.volume_claim_templates or []:
        wanted, name = amount(template.spec.asked), template.metadata.name
        names = [f"{name}-{subject.name}-{number}" for number in range(min(one.wanted, _MOST))]
        claims = [found for each in names if (found := storage.claim(subject.namespace, each)) is not None]
        less = [one for one in claims if wanted and (has := amount(one.spec.asked)) is not None and has < wanted and _is_held(one, storage)]
        if less:
            told = listed([f"{each.metadata.name} asks for {each.spec.asked}" for each in less], 3)
            yield Smaller(name, template.spec.asked, tuple(map(claim_subject, less)), told, tuple(less))


def _is_held(claim: PersistentVolumeClaim, storage: Storage) -> bool:
    """Whether its size is more than a word: a folder of a node has what the node's disk has."""
    volume = storage.volume_of(claim)
    return volume is None or volume.spec.host_path is None


def larger(small: Smaller, storage: Storage) -> list[Step]:
    """By command where the class lets its volumes grow; else they are made again, after a copy of the data."""
    classes = {storage.class_of(one) for one in small.each}
    see = look(
        "See whether their class lets volumes grow (ALLOWVOLUMEEXPANSION).",
        *(shell("kubectl get storageclass {}", one) for one in classes if one),
    )
    found = [storage.class_named(one) for one in classes]
    if all(one is not None and one.allow_volume_expansion for one in found):
        wanted = patch({"spec": {"resources": {"requests": {"storage": small.asked}}}})
        text = "Let each PVC ask for as much. A volume that has grown cannot be made smaller again."
        return [see, change(text, *(shell("kubectl -n {} patch pvc {} -p {}", one.namespace, one.name, wanted) for one in small.claims))]
    if any(one is None for one in found):
        return [
            see,
            change(f"If it does, let each PVC ask for {small.asked} (spec.resources.requests.storage). Else they have to be made again."),
        ]
    names = listed(sorted(classes), 3)
    return [
        see,
        change(
            f"The class {names} does not let its volumes grow (allowVolumeExpansion). If its driver can, set that on the class, and let "
            f"each PVC ask for {small.asked}. Else each PVC has to be made again."
        ),
        *(replace(one, storage.volume_of(one), []) for one in small.each[:1]),
    ]
