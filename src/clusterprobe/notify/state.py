"""What each channel was told, kept in the run's folder beside its results."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from clusterprobe.files import write_whole
from clusterprobe.memory import newest
from clusterprobe.model import Cluster, RunResult
from clusterprobe.notify.changes import Told

FILE = "told.json"


class Kept(msgspec.Struct):
    """The file: by channel, what it was told, by fingerprint."""

    schema: Literal["clusterprobe/told/v1"]
    cluster: Cluster
    told: dict[str, dict[str, Told]]


def read_last(folder: Path, now: RunResult) -> dict[str, dict[str, Told]]:
    """What was told after the newest run of the same cluster beside this one; nothing if there is none that can be read."""
    kept = newest(folder, FILE, Kept, now.cluster)
    return kept.told if kept else {}


def write(folder: Path, now: RunResult, told: dict[str, dict[str, Told]]) -> None:
    """Keep what was told. Raises `OSError`."""
    write_whole(folder / FILE, msgspec.json.encode(Kept("clusterprobe/told/v1", now.cluster, told)))
