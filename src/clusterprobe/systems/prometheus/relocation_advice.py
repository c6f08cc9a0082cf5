"""How a Prometheus' database is moved to a disk that it supports: of its node, or a block device of the network."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.fixes import GIT, SOURCE, change, destroys, each, look, patch, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.managers import manager_of_pods
from clusterprobe.systems.kubernetes.objects import Metadata, StorageClass
from clusterprobe.systems.prometheus.object_advice import IN_PROMETHEUS, set_spec, where
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, Prometheus
from clusterprobe.systems.prometheus.openshift import of_openshift, openshift_setting
from clusterprobe.systems.storage.drivers import RWX, allowed
from clusterprobe.systems.storage.natures import Storage, nature_of_class

CLASSES = "kubectl get storageclasses -o custom-columns=NAME:.metadata.name,PROVISIONER:.provisioner"
BACKUP = "Save what you need of it before: with the reclaim policy Retain its PersistentVolume outlives the PVC, with what is on it"


def wanted_class(custom: Prometheus) -> str:
    """The class that a Prometheus object asks for; empty where it asks for none."""
    template = custom.spec.storage.volume_claim_template if custom.spec.storage else None
    return (template.spec.storage_class_name if template else None) or ""


def move_of_custom(
    subject: Subject, custom: Prometheus, claims: list[str], pods: list[str], storage: Storage, kinds: Iterable[str]
) -> list[Step]:
    """For one of the Operator, through its object: what is done to its StatefulSet, the Operator undoes.

    `claims` and `pods` are those it has now, `kinds` what the profile expects.
    """
    target, choice = _class_for(storage, wanted_class(custom), kinds)
    if of_openshift(custom.metadata):
        return _in_openshift(custom, target, choice, used=bool(claims))
    template = custom.spec.storage.volume_claim_template if custom.spec.storage else None
    if not target or template is None:
        return _to_be_named(custom, choice, used=bool(claims))
    place, name = subject.namespace, subject.name
    # Some drivers give a disk to a claim of one node, and NFS to one of several.
    shared = RWX in (template.spec.access_modes or [])
    spec: dict[str, object] = {
        "storageClassName": target,
        **({"volumeName": None} if template.spec.volume_name else {}),
        **({"accessModes": ["ReadWriteOnce"]} if shared else {}),
    }
    claim = {"volumeClaimTemplate": {"spec": spec}}
    replicas = 1 if custom.spec.replicas is None else custom.spec.replicas
    return [
        look(choice, shell(CLASSES)),
        set_spec(
            f"Stop {place}/{name} and set the class {target}{', and the access mode ReadWriteOnce' if shared else ''}. It scrapes and "
            "alerts nothing until it is started again below.",
            *(PROMETHEUSES, custom.metadata, {"replicas": 0, "storage": claim}),
            key=IN_PROMETHEUS,
            values={"replicas": 0, "storageSpec": claim},
        ),
        *_emptied(place, claims, pods, storage),
        set_spec(
            f"Start it again, with as many replicas as before ({replicas}).",
            *(PROMETHEUSES, custom.metadata, {"replicas": replicas}),
            key=IN_PROMETHEUS,
        ),
        look("See that the new PVCs have the class.", shell("kubectl -n {} get pvc", place)),
    ]


def _to_be_named(custom: Prometheus, choice: str, *, used: bool) -> list[Step]:
    """Where the class is not certain, so that no command is."""
    return [
        look(choice, shell(CLASSES)),
        change(
            f"Name such a class, and a size, under spec.storage.volumeClaimTemplate of the Prometheus object{_instead_of(custom)}. "
            + where(custom.metadata, f"{IN_PROMETHEUS}.storageSpec")
            + (" Then the PVCs have to be made again: a PVC keeps its class, and the history in it is lost." if used else "")
        ),
    ]


def _instead_of(custom: Prometheus) -> str:
    """What has to go, since the Operator prefers it to a template."""
    storage = custom.spec.storage
    fields = (("emptyDir", storage.empty_dir), ("ephemeral", storage.ephemeral)) if storage else ()
    before = [name for name, one in fields if one is not None]
    return f", and take {' and '.join(before)} out of spec.storage, which the Operator prefers to it" if before else ""


def _in_openshift(custom: Prometheus, target: str, choice: str, *, used: bool) -> list[Step]:
    """Through the ConfigMap that its Operator reads: what is done to the object, that Operator undoes."""
    place, name, section = openshift_setting(custom.metadata)
    named = f"the class {target}" if target else "such a class"
    return [
        look(choice, shell(CLASSES)),
        look("See what is configured; the ConfigMap need not exist.", shell("kubectl -n {} get configmap {} -o yaml", place, name)),
        change(
            f"Name {named}, and a size, under {section}.volumeClaimTemplate in the key config.yaml of the ConfigMap {place}/{name}. The "
            f"Cluster Monitoring Operator makes the Prometheus object of it, and undoes what is changed there. {GIT}."
            + (" A PVC keeps its class: those that exist have to be made again, and the history in them is lost." if used else "")
        ),
    ]


def _emptied(place: str, claims: list[str], pods: list[str], storage: Storage) -> list[Step]:
    """Scaling the StatefulSet would not help, and a PVC is only deleted once no pod uses it."""
    gone = shell("kubectl -n {} wait --for=delete {} --timeout=15m", place, each("pod/{}", pods)) if pods else None
    steps = [look("Wait until its pods are deleted.", gone)] if pods else []
    if claims:
        steps += _kept([found.spec.volume_name for name in claims if (found := storage.claim(place, name)) and found.spec.volume_name])
        what = "the history of this Prometheus, unless its volumes are kept"
        command = shell("kubectl -n {} delete pvc {}", place, each("{}", claims))
        steps.append(destroys(what, "Delete the PVCs, for a PVC keeps its class.", command))
    return steps


def _kept(volumes: list[str]) -> list[Step]:
    """So that what is on them outlives their PVCs, whatever their reclaim policy is."""
    if not volumes:
        return []
    policy = patch({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    text = "Keep the history on the old volumes, if it may be needed: without their PVCs they are then Released, with what is on them."
    return [change(text, shell("kubectl patch pv {} -p {}", each("{}", volumes), policy))]


def follow_the_object(custom: Prometheus, present: str, storage: Storage, moved: list[Step]) -> list[Step]:
    """For a PVC on a disk that is fine, of another class than its object asks for by now: the object may name the present one again."""
    wanted = wanted_class(custom)
    if of_openshift(custom.metadata):
        return moved
    if wanted in _supported(storage):
        return [look(f"Nothing has to be moved. To keep the history, name the class {present} in the object again, and stop here."), *moved]
    again = {"volumeClaimTemplate": {"spec": {"storageClassName": present}}}
    return [
        look(f"See which classes there are: {wanted} is not known to be a disk that Prometheus supports.", shell(CLASSES)),
        set_spec(
            f"Name the class {present} in the object again.",
            *(PROMETHEUSES, custom.metadata, {"storage": again}),
            key=IN_PROMETHEUS,
            values={"storageSpec": again},
        ),
    ]


def move_of_workload(workload: Subject, pod: Metadata, storage: Storage, kinds: Iterable[str]) -> list[Step]:
    """For one without the Operator: what deploys it has to name the class, so that no command is certain."""
    manager = manager_of_pods(pod)
    value = f" (`server.persistentVolume.storageClass` in {manager.values})" if manager.chart == "prometheus" else ""
    target, choice = _class_for(storage, "", kinds)
    named = f"the class {target}" if target else "such a class"
    return [
        look(choice, shell(CLASSES)),
        look(
            "See what deploys it, and its PVCs.",
            shell("kubectl -n {} get {} -o yaml", workload.namespace, f"{workload.kind.lower()}/{workload.name}"),
            shell("kubectl -n {} get pvc", workload.namespace),
        ),
        change(
            f"Set {named} {SOURCE}{value}. A PVC keeps its class, so it has to be deleted and made again, and the history in it is lost. "
            f"{BACKUP}."
        ),
    ]


def _class_for(storage: Storage, wanted: str, kinds: Iterable[str]) -> tuple[str, str]:
    """The class to move to, empty where it is not certain, and in words which there are."""
    known = _supported(storage)
    if not known:
        return "", (
            "No StorageClass here is known to give a disk of the node or a block device, as Prometheus needs. See which there are, and "
            "have such a class made first; the name of a class proves nothing, its provisioner does."
        )
    expected = set(kinds)
    preferred = [name for name, one in known.items() if allowed(expected, nature_of_class(one, storage.drivers).kind)] or list(known)
    default = storage.default_class()
    sole = preferred[0] if len(preferred) == 1 else ""
    target = wanted if wanted in known else default if default in preferred else sole
    return target, f"Classes here that Prometheus supports: {', '.join(f'{name} ({one.provisioner})' for name, one in known.items())}."


def _supported(storage: Storage) -> dict[str, StorageClass]:
    """The classes of a disk of the node, or of a block device, by name."""
    found = {}
    for one in sorted(storage.classes.items, key=lambda one: one.metadata.name):
        if nature_of_class(one, storage.drivers).kind in ("local", "block"):
            found[one.metadata.name] = one
    return found
