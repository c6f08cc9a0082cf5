from collections import defaultdict
from collections.abc import Iterator

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.deletions import Deletion, deletion_of
from clusterprobe.systems.kubernetes.objects import Condition, Namespace, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.storage.claim_advice import keep_data
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

NAMESPACE_HELD = FindingKind("NamespaceHeld", Severity.WARNING, "A namespace has been terminating for too long.", settles=True)
CLAIM_HELD = FindingKind("ClaimHeld", Severity.WARNING, "A PVC has been terminating for too long.", settles=True)
VOLUME_HELD = FindingKind("VolumeHeld", Severity.WARNING, "A PersistentVolume has been terminating for too long.", settles=True)
BOUND = "kubernetes.io/pv-protection"  # the finalizer of a volume that a PVC is bound to
HELD_SECONDS = 1800.0  # a pod's grace period, a driver that deletes a disk, and a namespace with much in it take less
_UNDISCOVERED = frozenset({"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure"})
_API = ours(r"\b([a-z0-9-]+(?:\.[a-z0-9-]+)+)/(v[0-9][a-z0-9]*)\b")  # as the controller of namespaces names one
_SPEAKING = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
)


@reports(NAMESPACE_HELD, CLAIM_HELD, VOLUME_HELD)
def probe_deletion(
    verdict: Verdict,
    namespaces: Examined[Namespace],
    claims: Examined[PersistentVolumeClaim],
    volumes: Examined[PersistentVolume],
    pods: Enriching[Pod],
    clock: Clock,
) -> None:
    """Is what is being deleted really going?

    Problem: A namespace, PVC or PersistentVolume stays Terminating: nothing can be created under its name, and a deployment waits for it.
    Cause: A finalizer holds it, whose controller is gone, waits or fails; a pod still mounts the PVC; or an API of the cluster does not
    answer, so that the namespace's controller cannot see what is left in it.
    Fix: Let the controller, the driver or the API work again, or end the pod that mounts it. To take a finalizer off by hand leaves behind
    what it is there for.
    Prevention: Delete custom resources before their operator, and PVCs after their workloads.
    """
    users: dict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in pods.items:
        for name in pod.claims:
            users[pod.metadata.namespace, name].append(pod)
    for subject, namespace in namespaces:
        if one := _held(namespace, clock.now):
            _report_namespace(verdict, subject, namespace, one)
    for subject, claim in claims:
        if one := _held(claim, clock.now):
            _report_claim(verdict, subject, claim, one, users[subject.namespace, subject.name], pods)
    for subject, volume in volumes:
        if one := _held(volume, clock.now):
            _report_volume(verdict, subject, volume, one)


def _held(one: Namespace | PersistentVolume | PersistentVolumeClaim, now: float) -> Deletion | None:
    found = deletion_of(one, now)
    return found if found and found.seconds >= HELD_SECONDS else None


def _report_namespace(verdict: Verdict, subject: Subject, namespace: Namespace, one: Deletion) -> None:
    conditions = {each.type: each for each in (namespace.status.conditions if namespace.status else None) or [] if each.status == "True"}
    told = [conditions[name] for name in _SPEAKING if name in conditions]
    verdict.report(
        NAMESPACE_HELD,
        subject,
        problem=f"Namespace {subject.name} has been terminating for {ago(one.seconds)}.",
        cause=f"The controller of namespaces says {listed([said(each.message) for each in told], 3, between='; ')}."
        if told
        else "Its conditions do not say what is left in it.",
        fix=_namespace_steps(subject, told),
        rests_on=sorted({ref for each in told if each.type in _UNDISCOVERED for ref in _apis(each.message)}),
    )


def _apis(message: str) -> Iterator[Ref]:
    """The APIServices of the groups and versions that a message names."""
    for found in _API.finditer(message):
        yield Ref.to("APIService", "", f"{found[2]}.{found[1]}")


def _namespace_steps(subject: Subject, told: list[Condition]) -> list[Step]:
    types = {each.type for each in told}
    if types & _UNDISCOVERED:
        return [
            look("See which APIs do not answer.", shell("kubectl get apiservices")),
            change(
                "Bring back what serves the API that the message names. If it was removed for good, its APIService has to go with it. The "
                "namespace goes by itself then."
            ),
        ]
    left = "kubectl api-resources --verbs=list --namespaced -o name | xargs -n 1 kubectl get --show-kind --ignore-not-found -n {}"
    return [
        look("See what is left in it.", shell(left, subject.name)),
        change(
            "Let the controllers run that the finalizers belong to, and they take them off; pods that do not go have their own finding "
            "(`pods/termination`). Only where a controller was removed for good, install it again for as long, or take its finalizer off."
        ),
    ]


def _report_claim(
    verdict: Verdict, subject: Subject, claim: PersistentVolumeClaim, one: Deletion, users: list[Pod], pods: Readings[Pod]
) -> None:
    names = listed([each.metadata.name for each in users], 3)
    mounted = f" Pod {names} {'mounts' if len(users) == 1 else 'mount'} it." if users else ""
    unseen = "" if users or pods.complete else " Which pods mount it is not known."
    verdict.report(
        CLAIM_HELD,
        subject,
        problem=f"{subject} has been terminating for {ago(one.seconds)}.",
        cause=f"{_finalizers(one)}{mounted}{unseen}",
        fix=[
            look("See it, with its events.", shell("kubectl -n {} describe pvc {}", subject.namespace, subject.name)),
            *_keep(claim),
            change("If it is to go, let what mounts it end: scale its workload down, or delete it." if users else "Repair what holds it."),
        ],
        rests_on=[Ref(RefKind.POD, each.metadata.namespace, each.metadata.name) for each in users],
    )


def _keep(claim: PersistentVolumeClaim) -> list[Step]:
    """A deletion cannot be taken back, but the data can be kept."""
    if not claim.spec.volume_name:
        return []
    text = "If it was deleted by mistake, keep its data before anything else: the deletion of the PVC itself cannot be taken back."
    return [keep_data(claim.spec.volume_name, text)]


def _report_volume(verdict: Verdict, subject: Subject, volume: PersistentVolume, one: Deletion) -> None:
    verdict.report(
        VOLUME_HELD,
        subject,
        problem=f"{subject} has been terminating for {ago(one.seconds)}.",
        cause=_finalizers(one),
        fix=[
            look("See it, with its events.", shell("kubectl describe pv {}", subject.name)),
            *(_of_bound(volume) if BOUND in one.finalizers else _of_driver()),
        ],
    )


def _of_bound(volume: PersistentVolume) -> list[Step]:
    """One that a PVC still uses: nothing is stuck, and its data are in danger."""
    ref = volume.spec.claim_ref
    claim = f"PVC {ref.namespace}/{ref.name}" if ref else "the PVC that it is bound to"
    text = "It is in use, and is deleted as soon as its PVC is. Keep the data first: its own deletion cannot be taken back."
    return [
        keep_data(volume.metadata.name, text),
        change(f"If its data are needed, copy them to a new PVC, and let the pods use that. If they are not, delete {claim}."),
    ]


def _of_driver() -> list[Step]:
    return [
        look("See whether it is still attached.", shell("kubectl get volumeattachments")),
        change("Let its driver run and reach its storage: its log says why it cannot delete or detach the disk."),
    ]


def _finalizers(one: Deletion) -> str:
    holds = one.holds()
    return f"Its finalizers hold it: {listed(holds, 3)}." if holds else "It has no finalizer: the API server has not got to it."
