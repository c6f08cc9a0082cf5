"""A run's readings on disk: redacted as they are written, and replayed as if the cluster were asked again.

A bundle is a zip file: `manifest.json`, and `readings/<source>.json` for each source that was read.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from clusterprobe import __version__, model
from clusterprobe.decoding import from_json
from clusterprobe.errors import BundleError
from clusterprobe.files import MIB, open_regular, writing
from clusterprobe.model import Struct, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.redaction import redacted
from clusterprobe.sources import Source

SCHEMA = "clusterprobe/bundle/v1"
MANIFEST = "manifest.json"
MAX_MEMBER_BYTES = 512 * MIB
MAX_BYTES = 1024 * MIB  # of all members together, unpacked
MAX_RATIO = 400  # of a member's size to its packed size, from MIB on: ours compress 10 to 50 times, a bomb 1000 times


class Manifest(Struct):
    """What a bundle is of. `clock` is the API server's time at capture, in epoch seconds."""

    schema: Literal["clusterprobe/bundle/v1"]
    clock: float
    tool_version: str
    cluster: model.Cluster
    active: bool = False


class _Entry(Struct):
    subject: Subject
    value: msgspec.Raw


class _Stored(Struct):
    values: list[_Entry] = []
    unreadable: list[Unchecked] = []
    absent: str = ""


class _Sparing(io.FileIO):
    """A file of which `zipfile` cannot read more at once than a list of members takes that is one of ours."""

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(MIB + 1 if size is None or size < 0 else min(size, MIB + 1)) or b""
        if len(content) > MIB:
            raise zipfile.BadZipFile
        return content


class Bundle:
    """An opened bundle. Raises `BundleError` for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with _Sparing(open_regular(path)) as file, zipfile.ZipFile(file) as archive:
                wanted = _wanted(path, archive)
                self._members = {one.filename: _unpacked(archive, one) for one in wanted}
            self.manifest = from_json(self._members[MANIFEST], Manifest)
        except OSError as error:
            raise BundleError(f"the bundle {path} cannot be read: {error.strerror or error}") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BundleError(f"{path} is not a bundle of this version ({SCHEMA}): {error}") from None
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, zlib.error):
            raise BundleError(f"{path} is not a bundle, or is damaged: make one with `clusterprobe capture`") from None

    def lacks(self, source: Source) -> bool:
        """Whether nothing is recorded of what a source reads: it was left out at capture, or is younger than the bundle."""
        return source.reads and not source.active and _member(source) not in self._members

    def readings(self, source: Source) -> Readings[Any]:
        """What the source returned at capture."""
        content = self._members.get(_member(source))
        if content is None:
            why = "the bundle was captured without --active" if source.active else "it was not captured in this bundle"
            return Readings(absent=why) if source.active else _not_there(source, why)
        try:
            stored = from_json(content, _Stored)
            kind = source.value_type()
            values = tuple((one.subject, from_json(one.value, kind)) for one in stored.values)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return _not_there(source, f"the bundle's readings do not fit this version: {error}")
        return Readings(values, tuple(stored.unreadable), stored.absent)


def _member(source: Source) -> str:
    return f"readings/{source.name}.json"


def _wanted(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that a bundle has; any other, whatever its name says of folders, is never unpacked. Raises `BundleError`."""
    members = archive.infolist()
    names = {one.filename for one in members}
    if len(names) < len(members):
        raise BundleError(f"{path} holds a member twice, so which of them counts is not certain")
    wanted = [one for one in members if one.filename == MANIFEST or one.filename.startswith("readings/")]
    for one in wanted:
        if one.flag_bits & 1:
            raise BundleError(f"{path} is encrypted")
        if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(f"{path}: {one.filename} in it is packed in a way that no bundle is")
        if one.file_size > MAX_MEMBER_BYTES or one.file_size > max(MIB, one.compress_size * MAX_RATIO):
            raise BundleError(f"{path}: {one.filename} in it is too large")
    if sum(one.file_size for one in wanted) > MAX_BYTES:
        raise BundleError(f"{path} is too large unpacked: more than {MAX_BYTES // MIB} MiB")
    return wanted


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's content, a piece at a time: all at once, it may unpack to more than it says that it is."""
    with archive.open(member) as file:
        return b"".join(iter(lambda: file.read(MIB), b""))


def _not_there(source: Source, why: str) -> Readings[Any]:
    return Readings((), (Unchecked(subject=Subject(kind="source", name=source.name), reason=why),))


def write_bundle(path: Path, manifest: Manifest, captured: Mapping[str, Readings[Any]], *, replace: bool = True) -> None:
    """Write readings as a bundle, whole or not at all, without secrets known by their form. The same readings give the same bytes.

    Raises `OSError`; `FileExistsError` for a file that is there already, unless it is to be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, replace=replace) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "manifest.json", redacted(manifest))
        for name, readings in sorted(captured.items()):
            stored = {
                "values": [{"subject": s, "value": v} for s, v in readings.values],
                "unreadable": readings.unreadable,
                "absent": readings.absent,
            }
            _add(archive, f"readings/{name}.json", redacted(stored))


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, msgspec.json.encode(value))


def new_manifest(cluster: model.Cluster, clock: float, *, active: bool) -> Manifest:
    return Manifest(schema="clusterprobe/bundle/v1", clock=clock, tool_version=__version__, cluster=cluster, active=active)
