from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.storage import growth_advice
from clusterprobe.systems.storage.claim_events import ClaimFailure
from clusterprobe.systems.storage.growth import growth_of
from clusterprobe.systems.storage.natures import Storage, claim_name, nature_of_class
from clusterprobe.systems.storage.pending_claim_advice import FIRST_CONSUMER, why_pending
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

CLAIM_PENDING = FindingKind(
    "ClaimPending",
    Severity.ERROR,
    "A PVC has been Pending for too long.",
    prevention="Name a class that exists in every PVC, or keep exactly one default class (`storage/classes`).",
    settles=True,
)
CLAIM_LOST = FindingKind(
    "ClaimLost",
    Severity.ERROR,
    "A PVC has lost its volume.",
    prevention="Use reclaimPolicy Retain for data that matter, and never delete a PersistentVolume that is Bound.",
)
CLAIM_NOT_AS_ITS_CLASS = FindingKind(
    "ClaimNotAsItsClass",
    Severity.WARNING,
    "A PVC is stored on something else than its class provides now.",
    prevention="Give a class a new name when its provisioner changes.",
)
CLAIM_DOES_NOT_GROW = FindingKind(
    "ClaimDoesNotGrow", Severity.WARNING, "A PVC asks for more than it has, and has not grown for too long.", settles=True
)
CLAIM_AS_BEFORE = FindingKind(
    "ClaimAsBefore",
    Severity.WARNING,
    "A StatefulSet asks for more than its PVCs have been given.",
    prevention="Change the PVCs with the object: neither a StatefulSet nor an Operator makes a PVC larger that is there.",
)
GROW_SECONDS = 1800.0  # a disk and its file system grow within minutes


@dataclass(frozen=True, slots=True)
class Consumers:
    """Which pods mount which claims; None where the pods of a namespace are not all known."""

    pods: Readings[Pod]
    by_claim: dict[tuple[str, str], list[Pod]]

    def of(self, claim: PersistentVolumeClaim) -> list[Pod] | None:
        found = self.by_claim.get((claim.metadata.namespace, claim.metadata.name), [])
        return None if not found and self.pods.missing_reason(claim.metadata.namespace) else found


@reports(CLAIM_PENDING, CLAIM_LOST, CLAIM_NOT_AS_ITS_CLASS, CLAIM_DOES_NOT_GROW, CLAIM_AS_BEFORE)
def probe_claims(
    verdict: Verdict,
    claims: Examined[PersistentVolumeClaim],
    volumes: Needed[PersistentVolume],
    storage_classes: Needed[StorageClass],
    pods: Needed[Pod],
    claim_failures: Enriching[ClaimFailure],
    stateful_sets: Enriching[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every PVC have its volume, of the kind that its class provides?

    Problem: A PVC waits for a volume, and its pod with it; or lost its volume, so that its data are out of reach; or is on something
    else than its class says; or asks for more than it has, and does not grow.
    Cause: The class does not exist, there is no default one, or its provisioner does not answer; the volume was deleted; the
    class was recreated with another provisioner; the driver does not make the disk larger, or its file system waits for the pod to restart.
    Fix: Name a class that exists, repair its provisioner, move the data, or restart what mounts a disk that has grown.
    Prevention: Name the class in every PVC, and keep classes and provisioners in Git.
    """
    storage = Storage(claims.readings, volumes, storage_classes, profile.storage_drivers)
    consumers, failures = _consumers(pods), dict(claim_failures)
    for subject, claim in claims:
        if claim.status.phase == "Pending":
            age = clock.now - (epoch(claim.metadata.creation_timestamp) or clock.now)
            limit = profile.thresholds.storage.pending_claim_minutes * 60
            _judge_pending(verdict, subject, claim, storage, consumers.of(claim), failures.get(subject, ClaimFailure()), age, limit)
        elif claim.status.phase == "Lost":
            _report_lost(verdict, subject, claim)
        elif claim.status.phase == "Bound":
            _judge_bound(verdict, subject, claim, storage)
            _judge_growth(verdict, subject, claim, storage, consumers.of(claim) or [], failures.get(subject, ClaimFailure()), clock.now)
        else:
            verdict.unchecked(subject, f"its phase is {claim.status.phase or 'not given'}")
    for stateful_set, one in stateful_sets:
        _judge_templates(verdict, stateful_set, one, storage)


def _consumers(pods: Readings[Pod]) -> Consumers:
    mounted: dict[tuple[str, str], list[Pod]] = {}
    for subject, pod in pods:
        for volume in pod.spec.volumes or []:
            mounted.setdefault((subject.namespace, claim_name(volume)), []).append(pod)
    return Consumers(pods, mounted)


def _judge_pending(
    verdict: Verdict,
    subject: Subject,
    claim: PersistentVolumeClaim,
    storage: Storage,
    consumers: list[Pod] | None,
    failure: ClaimFailure,
    age: float,
    limit: float,
) -> None:
    name = storage.default_class() if claim.spec.storage_class_name is None else claim.spec.storage_class_name
    found = storage.class_named(name)
    unread = storage.classes.missing_reason("") if found is None or claim.spec.storage_class_name is None else ""
    if unread or consumers is None:
        verdict.unchecked(subject, f"why it is Pending is not known: {unread or 'the pods that may use it could not be read'}")
        return
    if found and found.volume_binding_mode == FIRST_CONSUMER and not consumers:
        return  # it is meant to wait until a pod uses it
    if age <= limit:
        verdict.note(f"{subject} has been Pending for {ago(age)}, which may still pass")
        return
    cause, steps = why_pending(claim, name, found, consumers, storage.volumes.items, failure.message)
    who = f"Pod {', '.join(one.metadata.name for one in consumers)} cannot start without it." if consumers else "No pod uses it yet."
    verdict.report(
        CLAIM_PENDING,
        subject,
        severity=Severity.ERROR if consumers else Severity.WARNING,
        problem=f"{subject} has been Pending for {ago(age)}. {who}",
        cause=cause,
        fix=steps,
        breaks=[Ref.of(subject)],
        rests_on=[] if failure.message else [Ref.of(workload_of(one)) for one in _waited_for(found, consumers)],
    )


def _waited_for(found: StorageClass | None, consumers: list[Pod]) -> list[Pod]:
    """The pods without a node, for which a class waits that provisions where they go."""
    waits = found is not None and found.volume_binding_mode == FIRST_CONSUMER
    return [one for one in consumers if waits and not one.spec.node_name]


def _report_lost(verdict: Verdict, subject: Subject, claim: PersistentVolumeClaim) -> None:
    verdict.report(
        CLAIM_LOST,
        subject,
        problem=f"{subject} has lost its volume: what is on that is out of reach.",
        cause=f"PersistentVolume {claim.spec.volume_name or '(not named)'}, which it was bound to, was deleted or belongs to another PVC.",
        fix=[
            look("Read what it says of its volume.", shell("kubectl -n {} describe pvc {}", subject.namespace, subject.name)),
            look(
                "See its uid: with a claimRef that has another one, or none, it stays Lost.",
                shell("kubectl -n {} get pvc {} -o jsonpath='{.metadata.uid}'", subject.namespace, subject.name),
            ),
            change(
                f"If the storage behind the volume still exists, create PersistentVolume {claim.spec.volume_name or 'of that name'} again, "
                "with the same source, the reclaim policy Retain, and a claimRef to this PVC with its uid. The PVC is then Bound again."
            ),
            change("Else restore the data from a backup into a new PVC, and delete this one, which has no data left."),
        ],
    )


def _judge_bound(verdict: Verdict, subject: Subject, claim: PersistentVolumeClaim, storage: Storage) -> None:
    """A bound claim whose class stands for another kind of storage than its volume is."""
    found = storage.class_named(storage.class_of(claim))
    promised = nature_of_class(found, storage.drivers, claim.spec.access_modes or ()) if found else None
    real = storage.of_claim(claim)
    if promised is None or not promised.known or not real.known or promised.kind == real.kind:
        return
    name = storage.class_of(claim)
    verdict.report(
        CLAIM_NOT_AS_ITS_CLASS,
        subject,
        problem=f"{subject} is on other storage than its class `{name}` provides now.",
        cause=f"It is {real}; the class is {promised}. The class was recreated with another provisioner, or the volume was made by hand: "
        "recreated, this PVC would get the other.",
        fix=[
            look("See what the class provides.", shell("kubectl get storageclass {} -o yaml", name)),
            look("See what the PVC is bound to.", shell("kubectl get pv {} -o yaml", claim.spec.volume_name)),
            change("Decide which of the two is meant, before anything creates the PVC again. Its data stay where they are until then."),
        ],
    )


def _judge_growth(
    verdict: Verdict,
    subject: Subject,
    claim: PersistentVolumeClaim,
    storage: Storage,
    users: list[Pod],
    failure: ClaimFailure,
    now: float,
) -> None:
    growth = growth_of(claim)
    if growth is None:
        return
    lasted = now - growth.since if growth.since is not None else None
    if growth.stage == "file system" and not users:
        verdict.note(f"{subject} has a larger disk, and its file system grows when a pod mounts it")
    elif (lasted is None and not failure.message) or (lasted is not None and lasted < GROW_SECONDS):
        verdict.note(f"{subject} asks for {growth.asked} and has {growth.has}, which may still grow")
    else:
        since = f" for {ago(lasted)}" if lasted is not None else ""
        verdict.report(
            CLAIM_DOES_NOT_GROW,
            subject,
            problem=f"{subject} asks for {growth.asked} and has {growth.has}: it has not grown{since}.",
            cause=growth_advice.why(growth, storage.class_named(storage.class_of(claim)), users, failure.message or growth.says),
            fix=growth_advice.steps(subject, claim, growth, users, failure.message),
        )


def _judge_templates(verdict: Verdict, subject: Subject, one: Workload, storage: Storage) -> None:
    """What a StatefulSet asks for is for PVCs that it makes: those that are there stay as they are."""
    for small in growth_advice.smaller(subject, one, storage):
        verdict.report(
            CLAIM_AS_BEFORE,
            small.claims[0],
            problem=f"{subject} asks for {small.asked} for each of its volumes {small.template}, and {small.found}.",
            cause="Its PVCs are made once, and neither the StatefulSet nor an Operator above it changes one that is there.",
            fix=growth_advice.larger(small, storage),
        )
