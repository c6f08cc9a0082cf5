"""The folder in which a scheduled job keeps its reports: one folder a run, named after when it started."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clusterprobe.correlation import misfit
from clusterprobe.decoding import from_json
from clusterprobe.errors import UsageError
from clusterprobe.files import MIB, open_regular, read_limited
from clusterprobe.model import RunResult

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z")
DEFAULT = Path("reports")  # where runs write that name no folder
RESULTS = "results.json"  # the output that is written last: where it is, the run is whole
METRICS = "metrics.prom"
PYTEST_LOG = "pytest.html"
PARTIAL = ".clusterprobe-"  # begins the name of a folder of outputs that are being written
MAX_BYTES = 64 * MIB  # of an output that is read again: far more than the largest
_OURS = {RESULTS: b'"schema": "clusterprobe/results/', METRICS: b"# HELP clusterprobe_"}  # how they begin


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that was kept. `result` is none where its results.json is not whole or of another version."""

    folder: Path
    result: RunResult | None


def folders(archive: Path) -> list[Path]:
    """The folders of runs in an archive, the newest first; nothing else that lies there, and no link."""
    with contextlib.suppress(OSError), os.scandir(archive) as entries:
        names = [one.name for one in entries if _NAME.fullmatch(one.name) and one.is_dir(follow_symlinks=False)]
        return [archive / one for one in sorted(names, reverse=True)]
    return []


def finished(archive: Path) -> list[Path]:
    """Those whose outputs were written: a run in progress, or one that was killed, has none."""
    return [one for one in folders(archive) if _is_file(one / RESULTS)]


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


class NoResult(ValueError):
    """A file that holds no result of a run of this version."""


def read_result(file: Path, limit: int = MAX_BYTES) -> RunResult:
    """The result in a results.json. Raises `OSError` where it cannot be read, `NoResult` where it is none, whatever else it is."""
    content = read_limited(file, limit)
    try:
        result = from_json(content, RunResult)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoResult("nested too deeply" if isinstance(error, RecursionError) else str(error)) from None
    if why := misfit(result):
        raise NoResult(why)
    return result


def load(folder: Path) -> Kept:
    """What a run's folder holds."""
    try:
        return Kept(folder, read_result(folder / RESULTS))
    except (OSError, NoResult):
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

    A folder of other things is refused as well: a report among them would replace what has the same name.
    Returns the folders that were made for it, the innermost first.
    """
    try:
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{asked} {folder}: this is a file; name a folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileExistsError:  # of two runs that start at once, one made it
            made = [one for one in made if one != folder]
        with tempfile.TemporaryFile(dir=folder):
            pass
        foreign = not _is_ours(folder)
    except OSError as error:
        raise UsageError(f"{asked} {folder}: {error.strerror}") from None
    if foreign:
        raise UsageError(f"{asked} {folder}: this folder holds other files, and no report; name a new or empty one")
    return made


def _is_ours(folder: Path) -> bool:
    """Whether nothing but a report is there, as far as one can tell: one that is whole, or that a killed run left."""
    with os.scandir(folder) as entries:
        names = {one.name for one in entries} - {"lost+found"}
    return not names or any(one.startswith(PARTIAL) for one in names) or any(_begins(folder / one, _OURS[one]) for one in names & {*_OURS})


def _begins(file: Path, sign: bytes) -> bool:
    with contextlib.suppress(OSError), open(open_regular(file), "rb") as opened:  # noqa: PTH123 - a descriptor, not a path
        return sign in opened.read(200)
    return False


def check_new_file(asked: str, file: Path, *, replace: bool) -> None:
    """Find out before the work whether a file can be written there. Raises `UsageError`; nothing is made."""
    try:
        if file.is_dir():
            raise UsageError(f"{asked} {file}: this is a folder; name a file, such as {file / 'evidence.zip'}")
        if os.path.lexists(file) and not (replace and _is_file(file)):
            hint = "--force replaces it" if _is_file(file) else "and it is not a regular file"
            raise UsageError(f"{asked} {file}: this is there already; {hint}")
        with tempfile.TemporaryFile(dir=next(one for one in file.parents if one.exists())):
            pass
    except OSError as error:
        raise UsageError(f"{asked} {file}: {error.strerror}") from None


def remove(made: list[Path]) -> None:
    """Take away the folders that a run which never began had made; whatever is in them stays."""
    with contextlib.suppress(OSError):
        for one in made:
            one.rmdir()
