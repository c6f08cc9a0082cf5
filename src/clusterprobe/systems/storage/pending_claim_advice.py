"""Why a PersistentVolumeClaim stays Pending, and what to do about it."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, look, patch, shell
from clusterprobe.model import Step
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.storage.claim_advice import another_class
from clusterprobe.systems.storage.refusals import REFUSALS, Refusal
from clusterprobe.words import listed, said

FIRST_CONSUMER = "WaitForFirstConsumer"

# What Kubernetes once made itself, and hands to a driver that has to be installed: all of them since 1.27, the first since 1.23.
_HANDED = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}


def _maker(found: StorageClass) -> str:
    """Who makes the volumes of a class."""
    driver = _HANDED.get(found.provisioner)
    return f"{found.provisioner} (newer Kubernetes leaves it to the CSI driver {driver})" if driver else found.provisioner


def _looks(found: StorageClass) -> list[Step]:
    driver = _HANDED.get(found.provisioner)
    return [look("See whether that driver is installed.", shell("kubectl get csidriver {}", driver))] if driver else []


def _refused(found: StorageClass, said_so: str) -> tuple[str, list[Step]]:
    """A provisioner that says why it makes no volume."""
    row = next((one for one in REFUSALS if one.says.search(said_so)), None)
    why = f": {row.why}" if row else ""
    return (
        f"The provisioner {found.provisioner} could not make a volume{why}. It says {said(said_so)}.",
        [change(_helps(row) if row else f"Repair what the provisioner {found.provisioner} names.")],
    )


def _helps(row: Refusal) -> str:
    return f"{row.helps} Change it {SOURCE}." if row.deployed else row.helps


def why_pending(
    claim: PersistentVolumeClaim,
    name: str,
    found: StorageClass | None,
    consumers: list[Pod],
    volumes: list[PersistentVolume],
    said_so: str = "",
) -> tuple[str, list[Step]]:
    """The cause in words, and the steps.

    `name` is the class that the claim asks for or gets, `found` that class if it exists, `said_so` what its provisioner says last.
    """
    namespace = claim.metadata.namespace
    first = look("Read what the controllers say of it.", shell("kubectl -n {} describe pvc {}", namespace, claim.metadata.name))
    static = [one for one in volumes if name and one.spec.storage_class_name == name] if found is None else []
    if static:
        cause, steps = _of_static(claim, name, static)
    elif found is None:
        cause, steps = _without_class(claim, name, consumers)
    elif said_so:
        cause, steps = _refused(found, said_so)
    elif found.volume_binding_mode == FIRST_CONSUMER and any(one.spec.node_name for one in consumers):
        cause, steps = _past_the_scheduler(name, [one for one in consumers if one.spec.node_name])
    elif found.volume_binding_mode == FIRST_CONSUMER and consumers:
        cause, steps = _unscheduled(name, found, consumers)
    else:
        cause = f"The provisioner {_maker(found)} of its class `{name}` has made no volume, and none that exists fits."
        steps = [
            look("See its class.", shell("kubectl get storageclass {} -o yaml", name)),
            *_looks(found),
            change(f"Let the provisioner {_maker(found)} run, and repair what it reports. Or use a class whose provisioner runs."),
            *another_class(claim, consumers),
        ]
    return cause, [first, *steps]


def _of_static(claim: PersistentVolumeClaim, name: str, volumes: list[PersistentVolume]) -> tuple[str, list[Step]]:
    """A class that is only a name: its volumes are made by hand, and none is free."""
    phases = listed([f"{one.metadata.name} is {one.status.phase or 'in no phase'}" for one in volumes], 3)
    cause = f"The volumes of its class `{name}` are made by hand, and none of them fits and is Available: {phases}."
    place = (claim.metadata.namespace, claim.metadata.name)
    own = [one for one in volumes if one.status.phase == "Released" and one.spec.claim_ref and _place(one) == place]
    steps = [look("See the volumes and which PVC each was bound to.", shell("kubectl get pv"))]
    if own:
        released = patch([{"op": "remove", "path": "/spec/claimRef/uid"}])  # without it, it waits for the PVC of that name alone
        return cause, [
            *steps,
            change(
                f"Release PersistentVolume {own[0].metadata.name} from the earlier PVC of this name. The PVC then binds it, with the data "
                "that are in it.",
                shell("kubectl patch pv {} --type json -p {}", own[0].metadata.name, released),
            ),
        ]
    return cause, [
        *steps,
        change(
            "Create a PersistentVolume of that class that fits (size, access mode). Or take the claimRef out of one that is Released, if "
            "the data of its earlier PVC are not needed: this PVC then gets it with what is on it."
        ),
    ]


def _place(volume: PersistentVolume) -> tuple[str, str]:
    claim = volume.spec.claim_ref
    return (claim.namespace, claim.name) if claim else ("", "")


def _without_class(claim: PersistentVolumeClaim, name: str, consumers: list[Pod]) -> tuple[str, list[Step]]:
    steps = [look("See which classes there are.", shell("kubectl get storageclass"))]
    if name:
        made = change(f"Create the class {name}, if it is to exist: the PVC is then provisioned.")
        return f"Its class `{name}` does not exist.", [*steps, made, *another_class(claim, consumers)]
    if claim.spec.storage_class_name == "":
        made = change("Create a PersistentVolume that fits it (size, access mode, no class), or name a class.")
        return "It asks for a volume of no class, and none that exists fits.", [*steps, made, *another_class(claim, consumers)]
    marked = change("Mark one class as the default: a PVC that names none gets it then (`storage/classes`).")
    return "It names no class, and no class is the default one.", [*steps, marked]


def _past_the_scheduler(name: str, placed: list[Pod]) -> tuple[str, list[Step]]:
    pod = placed[0]
    cause = (
        f"Its class `{name}` waits until the scheduler places a pod ({FIRST_CONSUMER}). Pod {pod.metadata.name} is on {pod.spec.node_name} "
        "already, by its spec.nodeName, so that the scheduler never sees it."
    )
    return cause, [change(f"Take spec.nodeName out of the pod's template, {SOURCE}, and choose the node by nodeSelector or affinity.")]


def _unscheduled(name: str, found: StorageClass, consumers: list[Pod]) -> tuple[str, list[Step]]:
    pod = consumers[0].metadata
    cause = (
        f"Pod {pod.name} has no node yet, for which its class waits ({FIRST_CONSUMER}): no node fits, or the provisioner "
        f"{_maker(found)} of its class `{name}` has made no volume."
    )
    return cause, [
        look("See why the scheduler does not place the pod.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name)),
        *_looks(found),
        change(f"Repair what its events name: a node that fits, or the provisioner {_maker(found)}."),
    ]
