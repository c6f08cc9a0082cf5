from collections import defaultdict
from typing import Any

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import look, shell
from clusterprobe.model import Severity, Step, Subject, Table, Text
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import CsiDriver, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.volume_advice import give_access
from clusterprobe.systems.pods.volume_uses import Use, neighbours, other_volumes, uses_of
from clusterprobe.systems.pods.write_refusals import ContainerLog, Denial, crashing, writes_of
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

VOLUME_PERMISSION_DENIED = FindingKind("VolumePermissionDenied", Severity.ERROR, "A process may not write to its volume.")
FS_GROUP_WITHOUT_EFFECT = FindingKind("FsGroupWithoutEffect", Severity.INFO, "A pod sets fsGroup on a volume where it has no effect.")
FS_GROUP_MISSING = FindingKind(
    "FsGroupMissing", Severity.INFO, "A pod sets no fsGroup, and its volume would need the owner that its user has."
)
QUIET_SECONDS = 120.0  # without a refusal, after which it may have been repaired: what crashes for it comes back sooner
Key = tuple[str, str, str]


@reports(VOLUME_PERMISSION_DENIED, FS_GROUP_WITHOUT_EFFECT, FS_GROUP_MISSING)
def probe_volume_permissions(
    verdict: Verdict,
    pods: Needed[Pod],
    volume_logs: Examined[ContainerLog],
    claims: Needed[PersistentVolumeClaim],
    volumes: Needed[PersistentVolume],
    storage_classes: Needed[StorageClass],
    csi_drivers: Enriching[CsiDriver],
    clock: Clock,
) -> None:
    """May every process write to its network volume?

    Problem: A program gets `PermissionError: [Errno 13] Permission denied` on its volume: it does not start, or loses what it writes.
    Cause: Its user and groups do not fit the owner and mode of the folder. On in-tree NFS and hostPath the kubelet never changes the
    owner, with CSI as the fsGroupPolicy says: `fsGroup` may have no effect. The proof is in the program's log; a missing one is none.
    Fix: Run as the folder's owner, or own the volume's folder; fsGroup on disks, the access point on EFS, mount options on SMB.
    Prevention: Keep `runAsUser`, `runAsGroup` and `fsGroup` at pod level in the chart's values, and make each volume's folder with that
    owner before the first pod mounts it. Do not count on fsGroup where it has no effect (in-tree NFS, hostPath).
    """
    storage = Storage(claims, volumes, storage_classes)
    by_name = pods.by_name()
    denied, quiet = defaultdict[Key, list[Use]](list), defaultdict[Key, list[Use]](list)
    for subject, log in _that_spoke(verdict, volume_logs):
        pod = by_name.get((subject.namespace, subject.name))
        if pod is None or not (uses := uses_of(pod, log, storage, csi_drivers)):
            verdict.unchecked(subject, f"its log was read, but its container {log.container} or what it mounts is not known")
            continue
        for use in uses:
            if use.denial:
                denied[str(workload_of(pod)), log.container, use.mount.volume.name].append(use)
            elif log.silent or (crashing(pod, clock.now) and use.identity.file_system_group is not None and not use.effect.applied):
                _open(verdict, subject, use)
            elif not crashing(pod, clock.now):
                quiet[str(workload_of(pod)), "", str(use.identity.file_system_group is not None)].append(use)
        _elsewhere(verdict, subject, log)
    for uses in denied.values():
        _report(verdict, uses, storage, pods, clock.now)
    for key, uses in quiet.items():
        if all(key[0] != other[0] for other in denied) and _whole(uses, pods, volume_logs.readings):
            _mention(verdict, uses)


def _whole(uses: list[Use], *readings: Readings[Any]) -> bool:
    """Whether everything beside these was read, too: it may have been refused where they were not."""
    return not any(one.missing_reason(uses[0].pod.metadata.namespace) for one in readings)


def _that_spoke(verdict: Verdict, logs: Examined[ContainerLog]) -> Examined[ContainerLog]:
    """The logs that have a line; where none has, all of them, so that it is no pass."""
    for subject, log in logs.readings:
        if log.silent:
            verdict.note(f"{subject}: container {log.container} has logged nothing, which says nothing about its volumes")
    spoke = logs.keep(lambda _, log: not log.silent)
    return spoke if spoke.readings.values else logs


def _elsewhere(verdict: Verdict, subject: Subject, log: ContainerLog) -> None:
    for denial in log.denials:
        if not denial.path:
            verdict.note(
                f"{subject}: container {log.container} was refused something that is on none of its volumes: {said(denial.line, 160)}"
            )


def _open(verdict: Verdict, subject: Subject, use: Use) -> None:
    """A pod that has said nothing, or one that crashes on a volume where fsGroup has no effect, and does not say why."""
    proves = f", and that fsGroup is set proves nothing ({use.effect.why})" if use.identity.file_system_group is not None else ""
    verdict.unchecked(subject, f"whether it may write to {use.mount.path} is not known: its log does not say{proves}")


def _mention(verdict: Verdict, uses: list[Use]) -> None:
    """What is harmless as it is, and worth knowing: an fsGroup without effect, or none where the user happens to fit."""
    on_nfs = [one for one in uses if one.mount.nature.kind == "nfs" and one.effect.applied is False and one.identity.user != 0]
    if not on_nfs:
        return
    first = on_nfs[0]
    group, workload = first.identity.file_system_group, workload_of(first.pod)
    if group is None and first.identity.user is None:
        return  # as the image says, and nothing is known to be amiss
    is_set = group is not None
    verdict.report(
        FS_GROUP_WITHOUT_EFFECT if is_set else FS_GROUP_MISSING,
        workload,
        problem=f"{workload} {f'sets fsGroup {group}, which changes nothing' if is_set else 'sets no fsGroup'} on {first.mount.path}; "
        "its log shows no refusal.",
        cause=f"{first.mount.path} is {first.mount.nature}, and {first.effect.why}. It runs as {first.identity.words}: what counts is the "
        "owner and mode of the folder.",
        fix=[
            look(
                "Nothing has to be done while it works. To see who owns the folder:",
                shell("kubectl -n {} exec {} -c {} -- ls -ldn {}", *first.place, first.mount.path),
            )
        ],
    )


def _report(verdict: Verdict, uses: list[Use], storage: Storage, pods: Readings[Pod], now: float) -> None:
    use = uses[0]
    workload, denial = workload_of(use.pod), use.denial or Denial("")
    group, who = use.identity.file_system_group, use.identity
    what = f"fsGroup {group} is set, but" if group is not None else "No fsGroup is set, and it would not help:"
    what = "fsGroup is not set;" if group is None and use.effect.applied else what
    times = [one.denial.at for one in uses if one.denial and one.denial.at is not None]
    age = now - max(times) if times and not any(crashing(one.pod, now) for one in uses) else None
    quiet = age is not None and age >= QUIET_SECONDS
    last = "" if age is None else f" It was last refused {ago(age)} ago{', and has not said so since' if quiet else ''}."
    squash = " The server may map root to the user nobody (root_squash)." if who.user == 0 and use.mount.nature.kind == "nfs" else ""
    names = listed(sorted({one.pod.metadata.name for one in uses}), 5)
    verdict.report(
        VOLUME_PERMISSION_DENIED,
        workload,
        severity=Severity.WARNING if quiet else Severity.ERROR,
        problem=f"Container {use.container.name} of {workload} may not write to its volume at {use.mount.path} (Pod {names}).",
        cause=f"It runs as {who.words} ({who.proof}); {use.mount.path} is {use.mount.nature}. {what} {use.effect.why}. "
        f"The owner and mode of the folder do not let that user in.{squash} Its log says: {said(denial.line)}.{last}",
        fix=by_hand(workload, _fix(uses, storage, pods, now), unready=[one.pod.metadata.name for one in uses if not one.pod.ready]),
        exhibits=[_table(uses), Text(title="What its log says", text="\n".join(one.denial.line for one in uses if one.denial))],
        breaks=[writes_of(use.pod, use.container.name)],
    )


def _fix(uses: list[Use], storage: Storage, pods: Readings[Pod], now: float) -> list[Step]:
    use = uses[0]
    running = any(one.name == use.container.name and one.state.running is not None for one in use.pod.status.container_statuses or [])
    return give_access(
        uses,
        neighbours(uses, pods, storage),
        other_volumes(use, storage),
        reachable=running and not crashing(use.pod, now),
        all_known=not pods.missing_reason(use.pod.metadata.namespace) and storage.claims.complete and storage.volumes.complete,
    )


def _table(uses: list[Use]) -> Table:
    rows = [
        [
            one.pod.metadata.name,
            one.container.name,
            one.identity.words,
            "" if one.identity.file_system_group is None else str(one.identity.file_system_group),
            one.mount.path,
            str(one.mount.nature),
            one.effect.why,
        ]
        for one in uses[:10]
    ]
    columns = ["Pod", "Container", "Runs as", "fsGroup", "Path", "What it is", "What fsGroup does"]
    return Table(title="Who writes where", columns=columns, rows=rows)
