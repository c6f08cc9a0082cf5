"""What is new, persisting and gone since the last run of the same cluster, from the results beside this run's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from clusterprobe.model import Finding, Past, ProbeVerdict, RunResult, Since

LOOK_BACK = 50  # folders; a scheduled job keeps its reports on one volume

Key = tuple[str, str, str]


def last_run(folder: Path, now: RunResult) -> RunResult | None:
    """The newest whole run of the same cluster among the folders beside this run's; odd files are passed over."""
    beside = [one for one in folder.resolve().parent.glob("*/results.json") if one.parent != folder.resolve()]
    newest = sorted(beside, key=lambda one: one.stat().st_mtime, reverse=True)[:LOOK_BACK]
    for file in newest:
        try:
            then = msgspec.json.decode(file.read_bytes(), type=RunResult)
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


def compare(then: RunResult, now: RunResult) -> Since:
    """Findings are the same if probe, reason and subject are. A finding is resolved only if today everything could be seen."""
    before = {_key(probe.id, finding): finding for probe, finding in then.findings()}
    today = {(probe.id, place): _key(probe.id, finding) for probe in now.probes for place, finding in enumerate(probe.findings)}
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
        if key not in today.values() and key not in accepted
    ]
    return Since(
        run=then.run.id,
        finished=then.run.finished,
        new=[place for place, key in today.items() if key not in before],
        persisting=[place for place, key in today.items() if key in before],
        gone=gone,
    )


def _key(probe: str, finding: Finding) -> Key:
    return probe, finding.reason, str(finding.subject)


def _state(probe_id: str, now: RunResult) -> Literal["resolved", "not seen"]:
    probe = next((one for one in now.probes if one.id == probe_id), None)
    blind = probe is None or probe.unchecked or probe.verdict in (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    return "not seen" if blind else "resolved"
