from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, destroys, each, look, patch, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.objects import PersistentVolume, StorageClass
from clusterprobe.systems.storage.reclaiming import Deletion, is_nfs_subdir, on_deletion
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

DATA_DELETED_WITH_CLAIM = FindingKind(
    "DataDeletedWithClaim", Severity.ERROR, "Data on NFS are deleted with their PVC, and the profile expects that they are kept."
)
DATA_KEPT_AFTER_CLAIM = FindingKind(
    "DataKeptAfterClaim",
    Severity.WARNING,
    "Data on NFS are kept after their PVC is deleted, and the profile expects that they are deleted.",
)
DELETION_FAILS = FindingKind("DeletionFails", Severity.WARNING, "Volumes of a class cannot be cleaned up after their PVCs are deleted.")
AT_ONCE = 50  # volumes that one command names
_WORDS = {
    "kept": "the folder stays as it is",
    "archived": "the folder is renamed to archived-…, and stays",
    "deleted": "the folder is deleted with all that is in it",
    "stuck": "nothing: the volume stays Released or Failed",
}


@reports(DATA_DELETED_WITH_CLAIM, DATA_KEPT_AFTER_CLAIM, DELETION_FAILS)
def probe_archive_on_delete(
    verdict: Verdict,
    storage_classes: Examined[StorageClass],
    volumes: Needed[PersistentVolume],
    profile: Profile,
) -> None:
    """Does deleting a PVC keep or delete its data on NFS, as the profile expects?

    Problem: A PVC is deleted, by a chart's uninstall or with its namespace, and its data are lost although an archive was
    expected; or they are kept for ever, although they are not wanted, until the export is full.
    Cause: The nfs-subdir provisioner follows its class: `onDelete` (delete, retain) wins over `archiveOnDelete`, which archives unless it
    is false; and both count only under reclaimPolicy Delete, which each volume has of its own.
    Fix: Recreate the class with the intended parameters (they cannot be changed), and set the reclaim policy of volumes that
    matter to Retain at once. Or say in the profile what is expected: `deleted_claims: keep`, `delete` or `any`.
    Prevention: Say in the chart's values what is meant (storageClass.archiveOnDelete, storageClass.onDelete, storageClass.reclaimPolicy),
    keep the class in Git, and give a class that deletes a name that says so.
    """
    wanted = storage_classes.keep(
        lambda _, one: is_nfs_subdir(one), "no StorageClass is of the nfs-subdir provisioner (of CSI drivers, others decide)"
    )
    rows = []
    for subject, one in wanted:
        name = one.metadata.name
        own = [volume for _, volume in volumes if volume.spec.storage_class_name == name]
        fates = {volume.metadata.name: on_deletion(one, volume.spec.persistent_volume_reclaim_policy) for volume in own}
        new = on_deletion(one, one.reclaim_policy)
        rows.append([name, "new volumes", new.why, _WORDS[new.fate]])
        for why, fate in sorted({(one.why, one.fate) for one in fates.values()}):
            rows.append([name, number(sum(one.why == why for one in fates.values()), "volume"), why, _WORDS[fate]])
        _judge(verdict, subject, one, new, [(volume, fates[volume.metadata.name]) for volume in own], profile)
    if rows:
        columns = ["Class", "For", "Which setting says so", "What deleting a PVC does"]
        verdict.exhibit(Table(title="What happens to the data of a deleted PVC", columns=columns, rows=rows))


def _judge(
    verdict: Verdict,
    subject: Subject,
    storage_class: StorageClass,
    new: Deletion,
    own: list[tuple[PersistentVolume, Deletion]],
    profile: Profile,
) -> None:
    expected = profile.deleted_claims
    stuck = [one for one in [new, *(fate for _, fate in own)] if one.fate == "stuck"]
    if stuck:
        _report_stuck(verdict, subject, stuck[0])
    elif expected == "keep":
        _report_deleting(verdict, subject, storage_class, new, [pair for pair in own if pair[1].fate == "deleted"])
    elif expected == "delete":
        kept = [fate for _, fate in own if fate.fate != "deleted"]
        if kept or new.fate != "deleted":
            _report_keeping(verdict, subject, kept[0] if kept else new, len(kept))


def _report_deleting(
    verdict: Verdict, subject: Subject, one: StorageClass, new: Deletion, lost: list[tuple[PersistentVolume, Deletion]]
) -> None:
    if not lost and new.fate != "deleted":
        return
    name, why = subject.name, lost[0][1].why if lost else new.why
    claims = [f"{ref.namespace}/{ref.name}" for volume, _ in lost if (ref := volume.spec.claim_ref)]
    verdict.report(
        DATA_DELETED_WITH_CLAIM,
        subject,
        severity=Severity.ERROR if lost else Severity.WARNING,
        problem=f"Deleting a claim of the class `{name}` deletes its data on NFS; the profile expects that they are kept."
        + (f" {number(len(lost), 'volume is', 'volumes are')} affected: {listed(claims, 5)}." if lost else " No volume is affected yet."),
        cause=f"The class says {why}, with reclaimPolicy {one.reclaim_policy or 'Delete'}.",
        fix=[
            *_retain([volume.metadata.name for volume, _ in lost]),
            *_again(
                name,
                'In the copy set archiveOnDelete to "true", and take onDelete out. In the chart these are storageClass.archiveOnDelete and '
                "storageClass.onDelete.",
                'parameters:\n  archiveOnDelete: "true"',
            ),
            change("Or, if deletion is meant, expect it in the profile:", code="deleted_claims: delete"),
        ],
    )


def _report_keeping(verdict: Verdict, subject: Subject, kept: Deletion, count: int) -> None:
    verdict.report(
        DATA_KEPT_AFTER_CLAIM,
        subject,
        problem=f"Deleting a PVC of the class `{subject.name}` leaves its folder on the NFS export ({_WORDS[kept.fate]}); "
        f"the profile expects it to be deleted. {number(count, 'volume is', 'volumes are')} affected.",
        cause=f"The class says {kept.why}.",
        fix=[
            *_again(
                subject.name,
                "In the copy set onDelete to delete, and the reclaim policy to Delete. From then on a deleted PVC takes its data with it. "
                "Volumes that exist keep their own reclaim policy.",
                "reclaimPolicy: Delete\nparameters:\n  onDelete: delete",
            ),
            destroys(
                "the data in folders that were archived or kept",
                "On the NFS server delete such folders (archived-…) by hand, one by one, once it is certain that they are not needed.",
            ),
            change("Or, if they are meant to be kept, expect it in the profile:", code="deleted_claims: keep"),
        ],
    )


def _report_stuck(verdict: Verdict, subject: Subject, stuck: Deletion) -> None:
    verdict.report(
        DELETION_FAILS,
        subject,
        problem=f"Volumes of the class `{subject.name}` cannot be cleaned up once their PVCs are deleted: they stay behind.",
        cause=f"The class says {stuck.why}.",
        fix=_again(
            subject.name,
            'In the copy set archiveOnDelete to "true" (archive) or "false" (delete), as a quoted word.',
            'parameters:\n  archiveOnDelete: "true"',
        ),
    )


def _retain(names: list[str]) -> list[Step]:
    """All volumes, or none: whoever believes that all are saved goes on to delete."""
    if not names:
        return []
    policy = patch({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    commands = [
        shell("kubectl patch pv {} -p {}", each("{}", names[start : start + AT_ONCE]), policy) for start in range(0, len(names), AT_ONCE)
    ]
    many = f"all {len(names)} volumes" if len(names) > 1 else "the volume"
    return [change(f"Save the data that are there first: set {many} to Retain, which counts at once.", *commands)]


def _again(name: str, text: str, code: str) -> list[Step]:
    """A class with other parameters: they cannot be changed, so it is deleted and created again, in this order."""
    return [
        look("Keep a copy of the class in a file.", shell("kubectl get storageclass {} -o yaml > {}.yaml", name, name)),
        change(text, code=code),
        change(
            "Then delete the class and create it again from the copy. The parameters of a class cannot be changed. Bound PVCs keep their "
            "volumes; new ones wait in between. Where Argo CD, Flux or Helm manages the class, change it there, and delete it only.",
            shell("kubectl delete storageclass {}", name),
            shell("kubectl create -f {}.yaml", name),
        ),
    ]
