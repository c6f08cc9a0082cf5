"""What is new, persisting and gone since the last run of the same cluster, from the results beside this run's."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

from clusterprobe.access.urls import place_of
from clusterprobe.archive import MAX_BYTES, RESULTS, NoResult, read_result
from clusterprobe.errors import UsageError
from clusterprobe.fingerprints import Key, key_of
from clusterprobe.model import Cluster, Finding, Past, ProbeResult, ProbeVerdict, RunResult, Since

LOOK_BACK = 50  # folders; a scheduled job keeps its reports on one volume
LOOK_BACK_BYTES = 4 * MAX_BYTES  # of all of them together


def last_run(folder: Path, now: RunResult) -> RunResult | None:
    """The newest whole run of the same cluster among the folders beside this run's; whatever else is there is passed over."""
    left = LOOK_BACK_BYTES
    for file, size in files_beside(folder)[:LOOK_BACK]:
        if size > min(left, MAX_BYTES):
            continue
        left -= size
        try:
            then = read_result(file)
        except (OSError, NoResult):
            continue
        if _comparable(then, now):
            return then
    return None


def files_beside(folder: Path, called: str = RESULTS) -> list[tuple[Path, int]]:
    """The regular files of this name in the folders beside this one, with their sizes in bytes; the newest first."""
    found = []
    try:
        own = folder.resolve()
        with os.scandir(own.parent) as entries:
            names = [one.name for one in entries if one.name != own.name]
    except (OSError, RuntimeError):  # removed, closed to us, or a link that leads to itself
        return []
    for name in names:
        file = own.parent / name / called
        try:
            status = file.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime, file, status.st_size))
    return [(file, size) for _, file, size in sorted(found, reverse=True)]


def _comparable(then: RunResult, now: RunResult) -> bool:
    """The same cluster, live and to its end, and not a look at other probes only, to which all the rest would be new."""
    if then.run.bundle or now.run.bundle or then.run.interrupted or then.run.finished > now.run.finished:
        return False
    if then.run.selected and set(then.run.selected) != set(now.run.selected):
        return False
    return not _apart(then.cluster, now.cluster)


def is_same_cluster(then: Cluster, now: Cluster) -> bool:
    """Whether two runs were of one cluster, as far as can be told."""
    return not _apart(then, now)


def _apart(then: Cluster, now: Cluster) -> str:
    """Why two runs do not count as of the same cluster; empty if they do. Without UIDs, the server and the context tell."""
    if then.uid and now.uid and then.uid == now.uid:
        return ""
    if (then.uid and now.uid) or (then.server, then.context) != (now.server, now.context):
        return f"that run was of another cluster ({then.context or then.server or 'it does not say which'})"
    if now.server and now.route != "in-cluster" and not _is_own_machine(now.server):
        return ""
    unknown = "this" if then.uid else "that"
    return f"{unknown} run could not read the UID of its cluster, so it may be another one (allow `get namespaces`)"


def _is_own_machine(server: str) -> bool:
    """Whether any cluster may have this address: a tunnel, or a cluster on this machine."""
    host, _ = place_of(server)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def earlier(file: Path) -> RunResult:
    """The run that a results.json holds, to compare with. Raises `UsageError` where there is none, or only a part of one."""
    asked = f"--against {file}"
    try:
        then = read_result(file)
    except OSError as error:
        raise UsageError(f"{asked}: {error.strerror}") from None
    except NoResult as error:
        raise UsageError(f"{asked}: not a results.json file ({error})") from None
    refuse_interrupted(asked, then)
    return then


def refuse_interrupted(asked: str, then: RunResult) -> None:
    """Raise `UsageError` where the run that is compared with saw a part of its cluster only."""
    if then.run.interrupted:
        raise UsageError(f"{asked}: that run was interrupted, so what it did not see would count as new")


def refuse_other_cluster(asked: str, then: RunResult, cluster: Cluster) -> None:
    """Raise `UsageError` where the run that is compared with was of another cluster than this one, or may have been."""
    if why := _apart(then.cluster, cluster):
        raise UsageError(f"{asked}: {why}")


def refuse_other_uid(name: str, uid: str, cluster: Cluster) -> None:
    """Raise `UsageError` where the server that answered has not the UID that the profile's `cluster.uid` says, or may not have it."""
    if not uid or cluster.uid == uid:
        return
    asked, answered = f"cluster.uid: the profile says that {name or 'the cluster'} has the UID {uid}", f"{cluster.server} answered"
    if not cluster.uid:
        raise UsageError(f"{asked}, and that of what {answered} could not be read; allow `get namespaces`")
    raise UsageError(
        f"{asked}, and {answered} with {cluster.uid}: it is another cluster, or one that was made anew; correct the kubeconfig, or the UID"
    )


def compare(then: RunResult, now: RunResult) -> Since:
    """Findings are the same if probe, reason and subject are. A finding is resolved only if today everything could be seen."""
    before: dict[Key, Finding] = {}
    for probe, finding in then.findings():  # the worst first, which is the one that counts
        before.setdefault(key_of(probe.id, finding), finding)
    today = {(probe.id, place): finding for probe in now.probes for place, finding in enumerate(probe.findings)}
    keys = {place: key_of(place[0], finding) for place, finding in today.items()}
    accepted = {key_of(probe.id, finding) for probe in now.probes for finding in probe.known}
    gone = [
        Past(
            probe=key[0],
            reason=finding.reason,
            severity=finding.severity,
            subject=finding.subject,
            problem=finding.problem,
            state="resolved" if was_seen(key[0], now) else "not seen",
        )
        for key, finding in before.items()
        if key not in keys.values() and key not in accepted
    ]
    worse = [place for place, key in keys.items() if key in before and today[place].severity.rank > before[key].severity.rank]
    return Since(
        run=then.run.id,
        finished=then.run.finished,
        new=[place for place, key in keys.items() if key not in before],
        persisting=[place for place, key in keys.items() if key in before and place not in worse],
        worse=worse,
        blind=_blind(then, now),
        gone=gone,
    )


def _blind(then: RunResult, now: RunResult) -> list[str]:
    before = {probe.id: probe for probe in then.probes}
    return [probe.id for probe in now.probes if _is_blind(before.get(probe.id), probe)]


def _is_blind(then: ProbeResult | None, now: ProbeResult) -> bool:
    """Whether a probe leaves something open. What was open before, for the same reason, is excused only if it saw something both times."""
    if now.verdict is ProbeVerdict.INCONCLUSIVE and not now.examined:
        return True
    return bool(now.unchecked) and (then is None or not then.examined or bool(_unseen(now) - _unseen(then)))


def _unseen(probe: ProbeResult) -> set[tuple[str, str]]:
    """What a probe could not check, and why; by its workload, as a pod's name changes with every rollout."""
    found = set()
    for one in probe.unchecked:
        name = one.subject.owner or one.subject.name
        reason = one.reason.replace(one.subject.name, name) if one.subject.name else one.reason
        found.add((f"{one.subject.kind} {one.subject.namespace}/{name}", reason))
    return found


def was_seen(probe_id: str, now: RunResult) -> bool:
    """Whether a probe ran and could look at everything, so that what it does not find is gone."""
    probe = next((one for one in now.probes if one.id == probe_id), None)
    return probe is not None and not probe.unchecked and probe.verdict not in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
