from dataclasses import dataclass

from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.prometheus import Prometheus, database_path, is_plain_prometheus, pods_of
from clusterprobe.systems.relocation import move_of_custom, move_of_workload
from clusterprobe.systems.storage import Nature, Storage, claim_name, mounted_at, sounds_local
from clusterprobe.systems.workloads import workload_of
from clusterprobe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Database:
    """Where one replica keeps its database: the claim, if it has one, its class, and what that really is."""

    claim: str
    class_name: str
    nature: Nature


def probe_storage(
    verdict: Verdict,
    prometheuses: Readings[Prometheus],
    pods: Readings[Pod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    storage_classes: Readings[StorageClass],
    profile: Profile,
) -> None:
    """Does every Prometheus keep its database on a disk that it supports?

    Problem: The database (TSDB) lies on NFS, which Prometheus does not support: it is corrupted sooner or later, and compaction
    and queries stall. Or it lies on an emptyDir, and is gone with the pod.
    Cause: The claim's class, by whatever name, provisions NFS; or a claim still has the class that it was made with, for a
    claim's class cannot be changed.
    Fix: Change the class in the Prometheus object, take its replicas to 0 there, delete the claim, and take them back.
    Prevention: Name a class that is really local in the values, and check what its provisioner is, not what it is called.
    """
    storage = Storage(verdict.need(claims), verdict.need(volumes), verdict.need(storage_classes))
    for subject, custom in verdict.examine(prometheuses):
        template = custom.spec.storage.volume_claim_template if custom.spec.storage else None
        wanted = (template.spec.storage_class_name if template else None) or ""
        own = pods_of(custom, pods)
        found = [_of_pod(storage, pod) for pod in own]
        if not own and not pods.missing_reason(subject.namespace):
            found = [_of_claim(storage, one) for one in claims.items if _made_for(one, custom)]
        _judge(
            verdict,
            subject,
            found,
            wanted,
            move_of_custom(subject, custom, [one.claim for one in found if one.claim], wanted, storage),
            profile,
        )
    plain = verdict.need(pods).keep(lambda _, pod: is_plain_prometheus(pod), "no pod is a Prometheus without the Operator")
    for _, pod in verdict.examine(plain):
        workload = workload_of(pod)
        _judge(verdict, workload, [_of_pod(storage, pod)], "", move_of_workload(workload, storage), profile)


def _of_pod(storage: Storage, pod: Pod) -> Database:
    volume = mounted_at(pod, database_path(pod))
    if volume is None:
        return Database("", "", Nature("ephemeral", f"the container's own file system, for nothing is mounted at {database_path(pod)}"))
    nature = storage.of_mount(pod.metadata.namespace, pod.metadata.name, volume)
    claim = storage.claim(pod.metadata.namespace, claim_name(volume))
    return Database(claim_name(volume), storage.class_of(claim) if claim else "", nature)


def _of_claim(storage: Storage, claim: PersistentVolumeClaim) -> Database:
    return Database(claim.metadata.name, storage.class_of(claim), storage.of_claim(claim))


def _made_for(claim: PersistentVolumeClaim, custom: Prometheus) -> bool:
    labels = claim.metadata.labels
    named = labels.get("operator.prometheus.io/name") or labels.get("prometheus")
    return claim.metadata.namespace == custom.metadata.namespace and named == custom.metadata.name


def _judge(verdict: Verdict, subject: Subject, found: list[Database], wanted: str, fix: str, profile: Profile) -> None:
    if not found:
        verdict.unchecked(subject, "it has neither pods nor claims that could be looked at")
    for one in found:
        if not one.nature.known:
            verdict.unchecked(subject, f"what its database lies on: {one.nature.what}")
    nfs = [one for one in found if one.nature.kind == "nfs"]
    ephemeral = [one for one in found if one.nature.kind == "ephemeral"]
    old = [one for one in found if wanted and one.class_name and one.class_name != wanted and one.nature.known]
    who = f"{subject.namespace}/{subject.name}"
    if nfs:
        problem = f"The database of Prometheus {who} lies on NFS, which Prometheus does not support."
        _report(verdict, Severity.ERROR, "TsdbOnNfs", subject, problem, _why_nfs(nfs[0], wanted), fix, found)
    elif old:
        problem = f"The database of Prometheus {who} is not on the class that its object asks for."
        cause = f"The claim {old[0].claim} has the class `{old[0].class_name}`, the object asks for `{wanted}`: a claim keeps its class."
        _report(verdict, Severity.WARNING, "ClaimKeepsOldClass", subject, problem, cause, fix, found)
    if ephemeral and "ephemeral" not in profile.storage.get("prometheus", []):
        problem = f"The database of Prometheus {who} is gone whenever its pod is replaced."
        _report(verdict, Severity.WARNING, "TsdbNotKept", subject, problem, f"It lies on {ephemeral[0].nature}.", fix, found)


def _why_nfs(one: Database, wanted: str) -> str:
    claim = f"The claim {one.claim} of class `{one.class_name}` is" if one.claim else "It is"
    parts = [f"{claim} {one.nature}."]
    if sounds_local(one.class_name):
        parts.append(f"The class `{one.class_name}` only sounds local.")
    if wanted and one.class_name and one.class_name != wanted:
        parts.append(f"The object asks for `{wanted}` by now, but a claim keeps the class that it was made with.")
    return " ".join(parts)


def _report(
    verdict: Verdict, severity: Severity, reason: str, subject: Subject, problem: str, cause: str, fix: str, found: list[Database]
) -> None:
    rows = [[one.claim or "(none)", one.class_name or "(none)", str(one.nature)] for one in found]
    verdict.finding(
        severity,
        reason,
        subject,
        problem=problem,
        cause=cause,
        fix=fix,
        prevention="Name the local class in the values (storageSpec), and after a change compare the object, the claim and the volume: "
        "the class's name proves nothing.",
        exhibits=[Table(title="The database", columns=["Claim", "Class", "What it really is"], rows=rows)],
        breaks=[f"PersistentVolumeClaim/{subject.namespace}/{one.claim}" for one in found if one.claim and one.nature.kind == "nfs"],
    )
