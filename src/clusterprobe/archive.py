"""The folder in which a scheduled job keeps its reports: one folder a run, named after when it started."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clusterprobe.decoding import from_json
from clusterprobe.errors import UsageError
from clusterprobe.model import RunResult

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z")
RESULTS = "results.json"
PYTEST_LOG = "pytest.html"


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that was kept. `result` is none where its results.json is not whole or of another version."""

    folder: Path
    result: RunResult | None


def folders(archive: Path) -> list[Path]:
    """The folders of runs in an archive, the newest first; nothing else that lies there."""
    found = [one for one in archive.glob("*Z") if _NAME.fullmatch(one.name) and one.is_dir() and not one.is_symlink()]
    return sorted(found, key=lambda one: one.name, reverse=True)


def finished(archive: Path) -> list[Path]:
    """Those whose outputs were written: a run in progress has none yet."""
    return [one for one in folders(archive) if (one / RESULTS).is_file()]


def load(folder: Path) -> Kept:
    """What a run's folder holds."""
    try:
        return Kept(folder, from_json((folder / RESULTS).read_bytes(), RunResult))
    except (OSError, msgspec.MsgspecError):
        return Kept(folder, None)


def prune(archive: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` finished runs. Only folders that are named like runs and hold results are touched."""
    removed = []
    for folder in finished(archive)[keep:]:
        shutil.rmtree(folder)
        removed.append(folder)
    return removed


def check_folder(asked: str, folder: Path) -> list[Path]:
    """Find out before the work, not after it, that nothing can be written: `UsageError` names what asked for it.

    Returns the folders that were made for it, the innermost first.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"{asked} {folder}: {error.strerror}") from None
    return made


def remove(folder: Path, made: list[Path]) -> None:
    """Take away the folders that a run which never began had made, with pytest's log; whatever else is in them stays."""
    if folder in made:
        (folder / PYTEST_LOG).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for one in made:
            one.rmdir()
