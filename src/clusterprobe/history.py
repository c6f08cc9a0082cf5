"""What is new, persisting and gone since the last run of the same cluster, from the results beside this run's."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from typing import Literal

from clusterprobe.access.urls import place_of
from clusterprobe.archive import MAX_BYTES, RESULTS, NoResult, read_result
from clusterprobe.errors import UsageError
from clusterprobe.model import Cluster, Finding, Past, ProbeResult, ProbeVerdict, RunResult, Since

LOOK_BACK = 50  # folders; a scheduled job keeps its reports on one volume
LOOK_BACK_BYTES = 4 * MAX_BYTES  # of all of them together

Key = tuple[str, str, str]


def last_run(folder: Path, now: RunResult) -> RunResult | None:
    """The newest whole run of the same cluster among the folders beside this run's; whatever else is there is passed over."""
    left = LOOK_BACK_BYTES
    for file, size in _results_beside(folder)[:LOOK_BACK]:
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


def _results_beside(folder: Path) -> list[tuple[Path, int]]:
    """The regular files that are called like results in the folders beside, with their sizes; the newest first."""
    found = []
    try:
        own = folder.resolve()
        with os.scandir(own.parent) as entries:
            names = [one.name for one in entries if one.name != own.name]
    except (OSError, RuntimeError):  # removed, closed to us, or a link that leads to itself
        return []
    for name in names:
        file = own.parent / name / RESULTS
        try:
            status = file.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime, file, status.st_size))
    return [(file, size) for _, file, size in sorted(found, reverse=True)]


def _comparable(then: RunResult, now: RunResult) -> bool:
    """The same cluster, live and to its end."""
    if then.run.bundle or now.run.bundle or then.run.interrupted or then.run.finished > now.run.finished:
        return False
    return not _apart(then.cluster, now.cluster)


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
    try:
        then = read_result(file)
    except OSError as error:
        raise UsageError(f"--against {file}: {error.strerror}") from None
    except NoResult as error:
        raise UsageError(f"--against {file}: not a results.json file ({error})") from None
    if then.run.interrupted:
        raise UsageError(f"--against {file}: that run was interrupted, so what it did not see would count as new")
    return then


def refuse_other_cluster(file: Path, then: RunResult, cluster: Cluster) -> None:
    """Raise `UsageError` where the run that is compared with was of another cluster than this one, or may have been."""
    if why := _apart(then.cluster, cluster):
        raise UsageError(f"--against {file}: {why}")


def compare(then: RunResult, now: RunResult) -> Since:
    """Findings are the same if probe, reason and subject are. A finding is resolved only if today everything could be seen."""
    before: dict[Key, Finding] = {}
    for probe, finding in then.findings():  # the worst first, which is the one that counts
        before.setdefault(_key(probe.id, finding), finding)
    today = {(probe.id, place): finding for probe in now.probes for place, finding in enumerate(probe.findings)}
    keys = {place: _key(place[0], finding) for place, finding in today.items()}
    accepted = {_key(probe.id, finding) for probe in now.probes for finding in probe.known}
    gone = [
        Past(
            probe=key[0],
            reason=finding.reason,
            severity=finding.severity,
            subject=finding.subject,
            problem=finding.problem,
            state=_state(key[0], now),
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


def _key(probe: str, finding: Finding) -> Key:
    """A pod's name changes with every rollout, its workload's does not."""
    subject = finding.subject
    return probe, finding.reason, f"{subject.kind} {subject.namespace}/{subject.owner or subject.name}"


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


def _state(probe_id: str, now: RunResult) -> Literal["resolved", "not seen"]:
    probe = next((one for one in now.probes if one.id == probe_id), None)
    blind = probe is None or probe.unchecked or probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    return "not seen" if blind else "resolved"
