"""What is new, persisting and gone since the last run of the same cluster, from the results beside this run's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from clusterprobe.decoding import from_json
from clusterprobe.errors import UsageError
from clusterprobe.model import Cluster, Finding, Past, ProbeResult, ProbeVerdict, RunResult, Since

LOOK_BACK = 50  # folders; a scheduled job keeps its reports on one volume

Key = tuple[str, str, str]


def last_run(folder: Path, now: RunResult) -> RunResult | None:
    """The newest whole run of the same cluster among the folders beside this run's; odd files are passed over."""
    beside = [one for one in folder.resolve().parent.glob("*/results.json") if one.parent != folder.resolve()]
    newest = sorted(beside, key=lambda one: one.stat().st_mtime, reverse=True)[:LOOK_BACK]
    for file in newest:
        try:
            then = from_json(file.read_bytes(), RunResult)
        except (OSError, msgspec.MsgspecError):
            continue
        if _comparable(then, now):
            return then
    return None


def _comparable(then: RunResult, now: RunResult) -> bool:
    """The same cluster, live and to its end. Without a UID a server's address is the best name there is."""
    if then.run.bundle or now.run.bundle or then.run.interrupted or then.run.finished > now.run.finished:
        return False
    if then.cluster.uid and now.cluster.uid:
        return then.cluster.uid == now.cluster.uid
    return bool(now.cluster.server) and then.cluster.server == now.cluster.server


def earlier(file: Path, cluster: Cluster) -> RunResult:
    """The run that a results.json holds, to compare with. Raises `UsageError` where a run of this cluster cannot be."""
    try:
        then = from_json(file.read_bytes(), RunResult)
    except OSError as error:
        raise UsageError(f"--against {file}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"--against {file}: this is no results.json of a run ({error})") from None
    if then.cluster.uid and cluster.uid and then.cluster.uid != cluster.uid:
        raise UsageError(f"--against {file}: that run was of another cluster ({then.cluster.context or then.cluster.server})")
    if then.run.interrupted:
        raise UsageError(f"--against {file}: that run was interrupted, so what it did not see would count as new")
    return then


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
    unseen = {probe.id: _unseen(probe) for probe in then.probes}
    return [probe.id for probe in now.probes if _unseen(probe) - unseen.get(probe.id, set())]


def _unseen(probe: ProbeResult) -> set[str]:
    """What a probe could not check; the probe itself where it names no single thing."""
    named = {f"{one.subject.kind} {one.subject.namespace}/{one.subject.owner or one.subject.name}" for one in probe.unchecked}
    unclear = probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    return named or ({probe.id} if unclear else set())


def _state(probe_id: str, now: RunResult) -> Literal["resolved", "not seen"]:
    probe = next((one for one in now.probes if one.id == probe_id), None)
    blind = probe is None or probe.unchecked or probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    return "not seen" if blind else "resolved"
