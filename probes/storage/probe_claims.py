from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.storage import Storage, claim_name, nature_of_class
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Consumers:
    """Which pods mount which claims; None where the pods of a namespace are not all known."""

    pods: Readings[Pod]
    by_claim: dict[tuple[str, str], list[str]]

    def of(self, claim: PersistentVolumeClaim) -> list[str] | None:
        found = self.by_claim.get((claim.metadata.namespace, claim.metadata.name), [])
        return None if not found and self.pods.missing_reason(claim.metadata.namespace) else found


def probe_claims(
    verdict: Verdict,
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    storage_classes: Readings[StorageClass],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every claim have its volume, of the kind that its class stands for?

    Problem: A claim waits for a volume, and its pod with it; or lost its volume, and the data with it; or lies on something else
    than its class says.
    Cause: The class does not exist, there is no default one, or its provisioner does not answer; the volume was deleted; the
    class was made anew with another provisioner.
    Fix: Name a class that exists, repair its provisioner, or move the data.
    Prevention: Name the class in every claim, and keep classes and provisioners in Git.
    """
    storage = Storage(claims, verdict.need(volumes), verdict.need(storage_classes))
    mounted: dict[tuple[str, str], list[str]] = {}
    for subject, pod in verdict.need(pods):
        for volume in pod.spec.volumes or []:
            mounted.setdefault((subject.namespace, claim_name(volume)), []).append(subject.name)
    consumers = Consumers(pods, mounted)
    for subject, claim in verdict.examine(claims):
        if claim.status.phase == "Pending":
            age = clock.now - (epoch(claim.metadata.creation_timestamp) or clock.now)
            _judge_pending(verdict, subject, claim, storage, consumers.of(claim), age, profile.thresholds.pending_claim_minutes * 60)
        elif claim.status.phase == "Lost":
            _report_lost(verdict, subject, claim)
        elif claim.status.phase == "Bound":
            _judge_bound(verdict, subject, claim, storage)
        else:
            verdict.unchecked(subject, f"its phase is {claim.status.phase or 'not given'}")


def _judge_pending(
    verdict: Verdict,
    subject: Subject,
    claim: PersistentVolumeClaim,
    storage: Storage,
    consumers: list[str] | None,
    age: float,
    limit: float,
) -> None:
    name = storage.default_class() if claim.spec.storage_class_name is None else claim.spec.storage_class_name
    found = storage.class_named(name)
    unread = storage.classes.missing_reason("") if found is None or claim.spec.storage_class_name is None else ""
    if unread or consumers is None:
        verdict.unchecked(subject, f"why it is Pending: {unread or 'the pods that may use it could not be read'}")
        return
    if found and found.volume_binding_mode == "WaitForFirstConsumer" and not consumers:
        return  # it is meant to wait until a pod uses it
    if age <= limit:
        verdict.note(f"{subject} has been Pending for {ago(age)}, which may still pass")
        return
    if found is None:
        none = "It asks for a volume of no class, and none that exists fits."
        none = none if claim.spec.storage_class_name == "" else "It names no class, and no class is the default one."
        cause = f"Its class `{name}` does not exist." if name else none
    else:
        cause = f"The provisioner {found.provisioner} of its class `{name}` has made no volume, and none that exists fits."
    who = f"Pod {', '.join(consumers)} cannot start without it." if consumers else "No pod uses it yet."
    verdict.finding(
        Severity.ERROR if consumers else Severity.WARNING,
        "ClaimPending",
        subject,
        settles=True,
        problem=f"{subject} has been Pending for {ago(age)}. {who}",
        cause=cause,
        fix="Read what the controllers say, and whether the provisioner runs:\n"
        f"$ kubectl -n {subject.namespace} describe pvc {subject.name}\n"
        "$ kubectl get storageclass\n"
        "A claim's class cannot be changed: to give it another, change the values that make it, delete it and let it be made anew.",
        prevention="Name a class that exists in every claim, or keep exactly one default class (`storage/classes`).",
    )


def _report_lost(verdict: Verdict, subject: Subject, claim: PersistentVolumeClaim) -> None:
    verdict.finding(
        Severity.ERROR,
        "ClaimLost",
        subject,
        problem=f"{subject} has lost its volume, and with it the data.",
        cause=f"PersistentVolume {claim.spec.volume_name or '(not named)'}, which it was bound to, is gone or belongs to another claim.",
        fix="If what is behind the volume still exists, make the PersistentVolume again (same name, claimRef to this claim); else "
        f"restore from a backup into a new claim:\n$ kubectl -n {subject.namespace} describe pvc {subject.name}\n"
        f"$ kubectl get pv {claim.spec.volume_name}",
        prevention="Use reclaimPolicy Retain for data that matter, and never delete a PersistentVolume that is Bound.",
    )


def _judge_bound(verdict: Verdict, subject: Subject, claim: PersistentVolumeClaim, storage: Storage) -> None:
    """A bound claim whose class stands for another kind of storage than its volume is."""
    found = storage.class_named(storage.class_of(claim))
    promised = nature_of_class(found) if found else None
    real = storage.of_claim(claim)
    if promised is None or not promised.known or not real.known or promised.kind == real.kind:
        return
    name = storage.class_of(claim)
    verdict.finding(
        Severity.WARNING,
        "ClaimNotAsItsClass",
        subject,
        problem=f"{subject} lies on something else than its class `{name}` provides now.",
        cause=f"It is {real}; the class is {promised}. The class was made anew with another provisioner, or the volume by hand: "
        "made again, this claim would get the other.",
        fix="Decide which of the two is meant, before anything makes the claim anew:\n"
        f"$ kubectl get storageclass {name} -o yaml\n$ kubectl get pv {claim.spec.volume_name} -o yaml",
        prevention="Give a class a new name when its provisioner changes.",
    )
