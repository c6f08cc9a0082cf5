"""Since when a finding has been there, how often it came back, and how the last runs were: carried from run to run in one small file.

The file holds all that is known, so that a run reads one, however many runs there were.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec

from clusterprobe.decoding import from_json
from clusterprobe.files import MIB, read_limited, write_whole
from clusterprobe.fingerprints import fingerprints, key_of, name_of
from clusterprobe.history import LOOK_BACK, files_beside, is_same_cluster, was_seen
from clusterprobe.model import Cluster, Remembered, RunResult, Severity, Trend
from clusterprobe.times import epoch

FILE = "memory.json"
LIMIT = 16 * MIB
FORGET_DAYS = 90  # after which what is resolved is forgotten
TREND_RUNS = 30


class Memory(msgspec.Struct):
    """The file. `findings` are by fingerprint, resolved ones too; `trend` is the last whole runs, the oldest first."""

    schema: Literal["clusterprobe/memory/v1"] = "clusterprobe/memory/v1"
    cluster: Cluster = Cluster()
    findings: dict[str, Remembered] = {}
    trend: list[Trend] = []


class OfCluster(Protocol):
    """A file that says of which cluster it is."""

    @property
    def cluster(self) -> Cluster: ...


Kept = TypeVar("Kept", bound=OfCluster)


def newest(folder: Path, called: str, kind: type[Kept], now: Cluster, limit: int = LIMIT) -> Kept | None:
    """The newest file of this name, of the same cluster, in the folders beside a run's own; none if there is none that can be read."""
    for file, size in files_beside(folder, called)[:LOOK_BACK]:
        if size <= limit:
            try:
                kept = from_json(read_limited(file, limit), kind)
            except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
                continue
            if is_same_cluster(kept.cluster, now):
                return kept
    return None


def updated(before: Memory, now: RunResult) -> Memory:
    """What is known after a run. A finding that is not there is resolved only if its probe ran and could look at everything."""
    stamp, names = now.run.finished, fingerprints(now)
    today = {names[probe.id, place]: (probe.id, place) for probe in now.probes for place, _ in enumerate(probe.findings)}
    known = {key: one for key, one in before.findings.items() if not _forgotten(one, stamp)}
    accepted = {name_of(key_of(probe.id, finding)) for probe in now.probes for finding in probe.known}  # which are there as well
    for key, one in known.items():
        if key not in today and key not in accepted and not one.gone and was_seen(one.probe, now):
            known[key] = msgspec.structs.replace(one, gone=stamp)
    for key, (probe, _) in today.items():
        known[key] = _seen(known.get(key) or Remembered(probe=probe, first=stamp), stamp)
    return Memory(cluster=now.cluster, findings=known, trend=[*before.trend, trend_of(now)][-TREND_RUNS:])


def _seen(one: Remembered, stamp: str) -> Remembered:
    return msgspec.structs.replace(one, last=stamp, runs=one.runs + 1, returned=one.returned + bool(one.gone), gone="")


def _forgotten(one: Remembered, stamp: str) -> bool:
    gone, now = epoch(one.gone), epoch(stamp)
    return gone is not None and now is not None and now - gone > FORGET_DAYS * 86400


def trend_of(now: RunResult) -> Trend:
    """A run as one point of a picture."""
    counts = {str(one): 0 for one in Severity}
    for _, finding in now.findings():
        counts[str(finding.severity)] += 1
    return Trend(
        run=now.run.id,
        finished=now.run.finished,
        verdict=now.verdict,
        counts=counts,
        unchecked=now.unchecked_count(),
        selected=now.run.selected,
    )


def recall(folder: Path, now: RunResult) -> Memory:
    """What is known after a live run, with what the newest run beside its folder knew."""
    return updated(newest(folder, FILE, Memory, now.cluster) or Memory(), now)


def with_memory(now: RunResult, memory: Memory) -> RunResult:
    """The run with what is known of its findings, and of the runs before it."""
    names = set(fingerprints(now).values())
    known = {name: one for name, one in memory.findings.items() if name in names}
    return msgspec.structs.replace(now, remembered=known, trend=memory.trend)


def write(folder: Path, memory: Memory) -> None:
    """Keep it in the run's folder. Raises `OSError`."""
    write_whole(folder / FILE, msgspec.json.encode(memory))
