from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.deletion import Deletion, is_nfs_subdir, on_deletion
from clusterprobe.systems.objects import PersistentVolume, StorageClass
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Say in the chart's values what is meant (storageClass.archiveOnDelete, storageClass.onDelete, storageClass.reclaimPolicy), keep the "
    "class in Git, and give a class that deletes a name that says so."
)
_WORDS = {
    "kept": "the folder stays as it is",
    "archived": "the folder is renamed to archived-…, and stays",
    "deleted": "the folder is deleted with all that is in it",
    "stuck": "nothing: the volume stays Released or Failed",
}


def probe_archive_on_delete(
    verdict: Verdict,
    storage_classes: Readings[StorageClass],
    volumes: Readings[PersistentVolume],
    profile: Profile,
) -> None:
    """Does deleting a claim do to its data on NFS what the profile expects?

    Problem: A claim is deleted, by a chart's uninstall or with its namespace, and its data are gone although everybody counted on the
    archive; or they are kept for ever, although nobody wants them, until the export is full.
    Cause: The nfs-subdir provisioner goes by its class: `onDelete` (delete, retain) wins over `archiveOnDelete`, which archives unless it
    is false; and both count only under reclaimPolicy Delete, which each volume has of its own.
    Fix: Make the class anew with the parameters that are meant (they cannot be changed), and set the reclaim policy of volumes that
    matter to Retain at once. Or say in the profile what is expected: `deleted_claims: keep`, `delete` or `any`.
    Prevention: Set all three values in the chart, and look at what they mean together.
    """
    wanted = storage_classes.keep(
        lambda _, one: is_nfs_subdir(one), "no StorageClass is of the nfs-subdir provisioner (of CSI drivers, others decide)"
    )
    bound = verdict.need(volumes)
    rows = []
    for subject, one in verdict.examine(wanted):
        name = one.metadata.name
        own = [volume for _, volume in bound if volume.spec.storage_class_name == name]
        fates = {volume.metadata.name: on_deletion(one, volume.spec.persistent_volume_reclaim_policy) for volume in own}
        new = on_deletion(one, one.reclaim_policy)
        rows.append([name, "new volumes", new.why, _WORDS[new.fate]])
        for why, fate in sorted({(each.why, each.fate) for each in fates.values()}):
            rows.append([name, f"{sum(each.why == why for each in fates.values())} volumes", why, _WORDS[fate]])
        _judge(verdict, subject, one, new, [(volume, fates[volume.metadata.name]) for volume in own], profile)
    if rows:
        columns = ["Class", "For", "Which setting says so", "What deleting a claim does"]
        verdict.exhibit(Table(title="What becomes of the data of a deleted claim", columns=columns, rows=rows))


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
    listed = ", ".join(claims[:5]) + (f" and {len(claims) - 5} more" if len(claims) > 5 else "")
    patch = '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'
    save = "".join(f"$ kubectl patch pv {volume.metadata.name} -p '{patch}'\n" for volume, _ in lost[:10])
    verdict.finding(
        Severity.ERROR if lost else Severity.WARNING,
        "DataDeletedWithClaim",
        subject,
        problem=f"Deleting a claim of the class `{name}` deletes its data on NFS; the profile expects that they are kept."
        + (f" {len(lost)} volumes are concerned now: {listed}." if lost else " No volume is concerned yet."),
        cause=f"The class says {why}, with reclaimPolicy {one.reclaim_policy or 'Delete'}.",
        fix=("Save what is there first, which works at once:\n" + save if lost else "")
        + "Then make the class anew (its parameters cannot be changed; bound claims do not mind), in the chart's values "
        "storageClass.onDelete empty and storageClass.archiveOnDelete: true:\n"
        f"$ kubectl get storageclass {name} -o yaml > {name}.yaml\n$ kubectl delete storageclass {name}\n"
        f'$ kubectl apply -f {name}.yaml   # with parameters: {{archiveOnDelete: "true"}} and no onDelete\n'
        "If it is meant to be so, say so in the profile: `deleted_claims: delete`.",
        prevention=PREVENTION,
    )


def _report_keeping(verdict: Verdict, subject: Subject, kept: Deletion, count: int) -> None:
    verdict.finding(
        Severity.WARNING,
        "DataKeptAfterClaim",
        subject,
        problem=f"Deleting a claim of the class `{subject.name}` leaves its folder on the NFS export ({_WORDS[kept.fate]}); "
        f"the profile expects that it is deleted. {count} volumes are concerned now.",
        cause=f"The class says {kept.why}.",
        fix="Make the class anew with `onDelete: delete` (its parameters cannot be changed), and remove what has been archived:\n"
        f"$ kubectl get storageclass {subject.name} -o yaml\n$ du -sh archived-*",
        prevention=PREVENTION,
    )


def _report_stuck(verdict: Verdict, subject: Subject, stuck: Deletion) -> None:
    verdict.finding(
        Severity.WARNING,
        "DeletionFails",
        subject,
        problem=f"Volumes of the class `{subject.name}` cannot be cleaned up once their claims are deleted: they stay behind.",
        cause=f"The class says {stuck.why}.",
        fix='Make the class anew with `archiveOnDelete: "true"` or `"false"`, as a quoted word:\n'
        f"$ kubectl get storageclass {subject.name} -o yaml",
        prevention=PREVENTION,
    )
