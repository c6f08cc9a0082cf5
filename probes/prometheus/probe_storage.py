from collections.abc import Sequence
from dataclasses import dataclass

from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.kubernetes.resources import CLAIMS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.objects import Prometheus, database_path, is_plain_prometheus, pods_of
from clusterprobe.systems.prometheus.relocation_advice import follow_the_object, move_of_custom, move_of_workload, wanted_class
from clusterprobe.systems.storage.natures import Nature, Storage, claim_name, data_of, mounted_at, sounds_local
from clusterprobe.verdict import Verdict

TSDB_ON_NFS = FindingKind("TsdbOnNfs", Severity.ERROR, "The database of a Prometheus is stored on NFS.")
TSDB_ON_SHARED_FILE_SYSTEM = FindingKind(
    "TsdbOnSharedFileSystem", Severity.ERROR, "The database of a Prometheus is stored on a shared file system, such as SMB or CephFS."
)
CLAIM_KEEPS_OLD_CLASS = FindingKind(
    "ClaimKeepsOldClass", Severity.WARNING, "The PVC of a Prometheus has another class than its object asks for."
)
TSDB_NOT_KEPT = FindingKind("TsdbNotKept", Severity.WARNING, "The database of a Prometheus is lost whenever its pod is replaced.")


@dataclass(frozen=True, slots=True)
class Database:
    """Where one replica keeps its database: the claim, if it has one, its class, and what that really is; and whose replica it is."""

    claim: str
    class_name: str
    nature: Nature
    workload: Subject | None = None


@reports(TSDB_ON_NFS, TSDB_ON_SHARED_FILE_SYSTEM, CLAIM_KEEPS_OLD_CLASS, TSDB_NOT_KEPT)
def probe_storage(
    verdict: Verdict,
    prometheuses: Examined[Prometheus],
    system_pods: Examined[SystemPod],
    claims: Needed[PersistentVolumeClaim],
    volumes: Needed[PersistentVolume],
    storage_classes: Needed[StorageClass],
    profile: Profile,
) -> None:
    """Does every Prometheus keep its database on a disk that it supports?

    Problem: The database (TSDB) is on NFS or another shared file system, which Prometheus does not support: it is corrupted sooner or
    later, and compaction and queries stall. Or it is on an emptyDir, and is lost with the pod.
    Cause: The PVC's class, by whatever name, provisions NFS, SMB, CephFS or the like; or a PVC still has the class that it was created
    with, because a PVC's class cannot be changed.
    Fix: Change the class in the Prometheus object, take its replicas to 0 there, delete the claim (the history in it is lost), and take
    them back: to a disk of the node, or in a cloud to block storage.
    Prevention: Name the class in the values (storageSpec), and after a change compare the object, the PVC and the volume: the class's
    name proves nothing.
    """
    kinds = profile.storage.get("prometheus", [])
    storage = Storage(claims, volumes, storage_classes, profile.storage_drivers)
    for subject, custom in prometheuses:
        wanted, own = wanted_class(custom), pods_of(custom, system_pods.readings)
        found = [_of_pod(storage, pod) for pod in own]
        if not own and not system_pods.readings.missing_reason(subject.namespace):
            found = [_of_claim(storage, one) for one in claims.items if _made_for(one, custom)]
        used, names = [one.claim for one in found if one.claim], [pod.metadata.name for pod in own]
        fix = move_of_custom(subject, custom, used, names, storage, kinds)
        old = next((one.class_name for one in found if one.class_name not in ("", wanted)), "")
        _judge(verdict, subject, found, wanted, fix, profile, follow_the_object(custom, old, storage, fix))
    plain = system_pods.keep(lambda _, one: is_plain_prometheus(one), "no pod is a Prometheus without the Operator")
    replicas: dict[Subject, list[Pod]] = {}
    for _, one in plain:
        replicas.setdefault(workload_of(one.pod), []).append(one.pod)
    for workload, own in replicas.items():
        found = [_of_pod(storage, pod) for pod in own]
        _judge(verdict, workload, found, "", move_of_workload(workload, own[0].metadata, storage, kinds), profile)


def _of_pod(storage: Storage, pod: Pod) -> Database:
    volume, workload = mounted_at(pod, database_path(pod)), workload_of(pod)
    if volume is None:
        nature = Nature("ephemeral", f"the container's own file system, for nothing is mounted at {database_path(pod)}")
        return Database("", "", nature, workload)
    nature = storage.of_mount(pod.metadata.namespace, pod.metadata.name, volume)
    claim = storage.claim(pod.metadata.namespace, claim_name(volume))
    return Database(claim_name(volume), storage.class_of(claim) if claim else "", nature, workload)


def _of_claim(storage: Storage, claim: PersistentVolumeClaim) -> Database:
    return Database(claim.metadata.name, storage.class_of(claim), storage.of_claim(claim))


def _made_for(claim: PersistentVolumeClaim, custom: Prometheus) -> bool:
    labels = claim.metadata.labels
    named = labels.get("operator.prometheus.io/name") or labels.get("prometheus")
    return claim.metadata.namespace == custom.metadata.namespace and named == custom.metadata.name


def _judge(
    verdict: Verdict, subject: Subject, found: list[Database], wanted: str, fix: list[Step], profile: Profile, kept: Sequence[Step] = ()
) -> None:
    if not found:
        verdict.unchecked(subject, "it has neither pods nor PVCs that could be read")
    for one in found:
        if not one.nature.known:
            verdict.unchecked(subject, f"what its database is stored on is not known: {one.nature.what}")
    nfs = [one for one in found if one.nature.kind == "nfs"]
    shared = [one for one in found if one.nature.kind in ("shared", "object")]
    ephemeral = [one for one in found if one.nature.kind == "ephemeral"]
    old = [one for one in found if wanted and one.class_name and one.class_name != wanted and one.nature.known]
    who = f"{subject.namespace}/{subject.name}"
    if nfs:
        problem = f"The database of Prometheus {who} is on NFS, which Prometheus does not support."
        _report(verdict, TSDB_ON_NFS, subject, problem, _why_shared(nfs[0], wanted), fix, found)
    elif shared:
        problem = (
            f"The database of Prometheus {who} is on {shared[0].nature.what}, a shared file system, which Prometheus does not support."
        )
        _report(verdict, TSDB_ON_SHARED_FILE_SYSTEM, subject, problem, _why_shared(shared[0], wanted), fix, found)
    elif old:
        problem = f"The database of Prometheus {who} is not on the class that its object asks for."
        cause = f"The PVC {old[0].claim} has the class `{old[0].class_name}`, the object asks for `{wanted}`: a PVC keeps its class."
        _report(verdict, CLAIM_KEEPS_OLD_CLASS, subject, problem, cause, list(kept), found)
    if ephemeral and "ephemeral" not in profile.storage.get("prometheus", []):
        problem = f"The database of Prometheus {who} is lost whenever its pod is replaced."
        _report(verdict, TSDB_NOT_KEPT, subject, problem, f"It is on {ephemeral[0].nature}.", fix, found)


def _why_shared(one: Database, wanted: str) -> str:
    claim = f"The PVC {one.claim} of class `{one.class_name}` is" if one.claim else "It is"
    parts = [f"{claim} {one.nature}."]
    if sounds_local(one.class_name):
        parts.append(f"The class `{one.class_name}` only sounds local.")
    if wanted and one.class_name and one.class_name != wanted:
        parts.append(f"The object now asks for `{wanted}`, but a PVC keeps the class that it was created with.")
    return " ".join(parts)


def _report(
    verdict: Verdict, kind: FindingKind, subject: Subject, problem: str, cause: str, fix: list[Step], found: list[Database]
) -> None:
    rows = [[one.claim or "(none)", one.class_name or "(none)", str(one.nature)] for one in found]
    verdict.report(
        kind,
        subject,
        problem=problem,
        cause=cause,
        fix=fix,
        exhibits=[Table(title="The database", columns=["Claim", "Class", "Actual storage"], rows=rows)],
        breaks=list(dict.fromkeys(ref for one in found for ref in _broken(subject.namespace, one))),
    )


def _broken(namespace: str, one: Database) -> list[Ref]:
    if one.claim and one.nature.kind in ("nfs", "shared", "object"):
        return [Ref.of(CLAIMS.subject(namespace, one.claim))]
    return [data_of(one.workload)] if one.workload is not None and one.nature.kind == "ephemeral" else []
