import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.readings import Readings
from clusterprobe.systems.denials import ContainerLog, Denial, Mount, crashing, mounts_of
from clusterprobe.systems.identity_of_pods import Effect, Identity, effect_of, identity_of
from clusterprobe.systems.objects import Container, CsiDriver, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.storage import Storage
from clusterprobe.systems.workloads import workload_of
from clusterprobe.verdict import Verdict

GROUP = 1000
Key = tuple[str, str, str]
PREVENTION = (
    f"Keep `runAsUser`, `runAsGroup` and `fsGroup: {GROUP}` at pod level in the chart's values, and make each export's folder with that "
    "owner and mode 0770 before the first pod mounts it. Do not count on fsGroup where it has no effect (in-tree NFS, hostPath)."
)


@dataclass(frozen=True, slots=True)
class Use:
    """One volume of one container: as whom, on what, and what fsGroup does there."""

    pod: Pod
    container: Container
    mount: Mount
    identity: Identity
    effect: Effect
    denial: Denial | None = None


def probe_volume_permissions(
    verdict: Verdict,
    pods: Readings[Pod],
    volume_logs: Readings[ContainerLog],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    storage_classes: Readings[StorageClass],
    csi_drivers: Readings[CsiDriver],
    clock: Clock,
) -> None:
    """May every process write to its network volume?

    Problem: A program gets `PermissionError: [Errno 13] Permission denied` on its volume: it does not start, or loses what it writes.
    Cause: Its user and groups do not fit the owner and mode of the folder. On in-tree NFS and hostPath the kubelet never changes the
    owner, with CSI as the fsGroupPolicy says: `fsGroup` may have no effect. The proof is in the program's log; a missing one is none.
    Fix: `runAsUser` and `fsGroup: 1000` at pod level, the export's folder owned by 1000:1000 with mode 0770; 0777 as a last resort.
    Prevention: Fix the user in the chart's values, and make folders with that owner before they are mounted.
    """
    storage = Storage(verdict.need(claims), verdict.need(volumes), verdict.need(storage_classes))
    by_name = verdict.need(pods).by_name()
    denied, quiet = defaultdict[Key, list[Use]](list), defaultdict[Key, list[Use]](list)
    for subject, log in verdict.examine(_that_spoke(verdict, volume_logs)):
        pod = by_name.get((subject.namespace, subject.name))
        if pod is None or not (uses := _uses(pod, log, storage, verdict.enrich(csi_drivers))):
            verdict.unchecked(subject, f"its log was read, but its container {log.container} or what it mounts is not known")
            continue
        for use in uses:
            group = use.identity.file_system_group
            if use.denial:
                denied[str(workload_of(pod)), log.container, use.mount.volume.name].append(use)
            elif log.silent or (crashing(pod, clock.now) and group is not None and not use.effect.applied):
                _open(verdict, subject, use)
            elif not crashing(pod, clock.now):
                quiet[str(workload_of(pod)), "", str(group is not None)].append(use)
        _elsewhere(verdict, subject, log)
    for uses in denied.values():
        _report(verdict, uses)
    for key, uses in quiet.items():
        if all(key[0] != other[0] for other in denied) and _whole(uses, pods, volume_logs):
            _mention(verdict, uses)


def _whole(uses: list[Use], *readings: Readings[Any]) -> bool:
    """Whether everything beside these was read, too: it may have been refused where they were not."""
    return not any(one.missing_reason(uses[0].pod.metadata.namespace) for one in readings)


def _that_spoke(verdict: Verdict, logs: Readings[ContainerLog]) -> Readings[ContainerLog]:
    """The logs that have a line; where none has, all of them, so that it is no pass."""
    for subject, log in logs:
        if log.silent:
            verdict.note(f"{subject}: container {log.container} has logged nothing, which tells nothing of its volumes")
    spoke = logs.keep(lambda _, log: not log.silent)
    return spoke if spoke.values else logs


def _uses(pod: Pod, log: ContainerLog, storage: Storage, drivers: Readings[CsiDriver]) -> list[Use]:
    """Each of a container's volumes, with the refusal that names a path on it; the deepest mount above the path counts."""
    container = pod.container(log.container)
    if container is None:
        return []
    mounts = mounts_of(pod, container, storage)
    every = sorted((one.mount_path.rstrip("/") for one in container.volume_mounts or []), key=len, reverse=True)
    refused: dict[str, Denial] = {}
    for denial in log.denials:
        above = next((one for one in every if denial.path and f"{denial.path}/".startswith(f"{one}/")), None)
        if above is not None:
            refused[above or "/"] = denial
    who = identity_of(pod, container)
    return [Use(pod, container, one, who, effect_of(pod, one.volume, storage, drivers), refused.get(one.path)) for one in mounts]


def _elsewhere(verdict: Verdict, subject: Subject, log: ContainerLog) -> None:
    for denial in log.denials:
        if not denial.path:
            verdict.note(f"{subject}: container {log.container} was refused something that is on none of its volumes: {denial.line[:160]}")


def _open(verdict: Verdict, subject: Subject, use: Use) -> None:
    """A pod that has said nothing, or one that crashes on a volume where fsGroup has no effect, and does not say why."""
    proves = f", and that fsGroup is set proves nothing ({use.effect.why})" if use.identity.file_system_group is not None else ""
    verdict.unchecked(subject, f"whether it may write to {use.mount.path}: its log does not tell{proves}")


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
    verdict.finding(
        Severity.INFO,
        "FsGroupWithoutEffect" if is_set else "FsGroupMissing",
        workload,
        problem=f"{workload} {f'sets fsGroup {group}, which changes nothing' if is_set else 'sets no fsGroup'} on {first.mount.path}; "
        "its log shows no refusal.",
        cause=f"{first.mount.path} is {first.mount.nature}, and {first.effect.why}. It runs as {first.identity.words}: what counts is the "
        "owner and mode of the folder.",
        fix="Nothing while it works. To see who owns the folder:\n$ kubectl "
        f"-n {first.pod.metadata.namespace} exec {first.pod.metadata.name} -c {first.container.name} -- ls -ldn {first.mount.path}",
        prevention=PREVENTION,
    )


def _report(verdict: Verdict, uses: list[Use]) -> None:
    use = uses[0]
    workload, denial = workload_of(use.pod), use.denial or Denial("")
    group, who = use.identity.file_system_group, use.identity
    what = f"fsGroup {group} is set, but" if group is not None else "No fsGroup is set, and it would not help:"
    what = "fsGroup is not set;" if group is None and use.effect.applied else what
    squash = " The server may take root for nobody (root_squash)." if who.user == 0 and use.mount.nature.kind == "nfs" else ""
    names = ", ".join(sorted({one.pod.metadata.name for one in uses})[:5])
    verdict.finding(
        Severity.ERROR,
        "VolumePermissionDenied",
        workload,
        problem=f"Container {use.container.name} of {workload} may not write to its volume at {use.mount.path} (Pod {names}).",
        cause=f"It runs as {who.words} ({who.proof}); {use.mount.path} is {use.mount.nature}. {what} {use.effect.why}. "
        f"The owner and mode of the folder do not let that user in.{squash} Its log says: {denial.line.strip()}",
        fix=_fix(workload, use),
        prevention=PREVENTION,
        exhibits=[_table(uses), Text(title="What its log says", text="\n".join(one.denial.line for one in uses if one.denial))],
    )


def _fix(workload: Subject, use: Use) -> str:
    context = f'{{"runAsUser":{GROUP},"runAsGroup":{GROUP},"fsGroup":{GROUP}}}'
    own = use.container.security_context
    override = (
        f" Its container {use.container.name} has a runAsUser of its own, which wins: take it out." if own and own.run_as_user else ""
    )
    nfs = use.mount.nature.kind == "nfs"
    server = use.mount.nature.what.removeprefix("NFS ")
    path = re.search(r"(/\S+)$", server)
    folder = path[1] if path else "FOLDER"
    where = f"On the NFS server {server.partition(':')[0]}" if nfs and path else f"Where the volume is ({server})"
    patch = f'-p \'{{"spec":{{"template":{{"spec":{{"securityContext":{context}}}}}}}}}\''
    target = f"{workload.kind.lower()} {workload.name}"
    live = f"$ kubectl -n {workload.namespace} patch {target} --type merge {patch}\n" if workload.api_version.startswith("apps/") else ""
    return (
        f"Let it run as the user that owns the folder, in the pod's securityContext (values, in Git under Argo CD):{override}\n"
        f"    securityContext: {{runAsUser: {GROUP}, runAsGroup: {GROUP}, fsGroup: {GROUP}}}\n{live}"
        f"{where}, give the folder to that user:\n$ chown -R {GROUP}:{GROUP} {folder}\n$ chmod 0770 {folder}\n"
        "Only as a last resort, for it lets everybody in:\n"
        f"$ chmod 0777 {folder}"
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
