"""A run's readings on disk: redacted as they are written, and replayed as if the cluster were asked again.

A bundle is a zip file: `manifest.json`, and `readings/<source>.json` for each source that was read.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from clusterprobe import __version__, model
from clusterprobe.decoding import from_json
from clusterprobe.errors import BundleError
from clusterprobe.model import Struct, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.redaction import redact_tree
from clusterprobe.sources import Source

SCHEMA = "clusterprobe/bundle/v1"
MAX_MEMBER_BYTES = 1024**3


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


class Bundle:
    """An opened bundle. Raises `BundleError` for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                too_large = [one.filename for one in archive.infolist() if one.file_size > MAX_MEMBER_BYTES]
                if too_large:
                    raise BundleError(f"{path}: {too_large[0]} in it is too large")
                self._members = {one: archive.read(one) for one in archive.namelist()}
            self.manifest = from_json(self._members["manifest.json"], Manifest)
        except OSError as error:
            raise BundleError(f"the bundle {path} cannot be read: {error.strerror}") from None
        except msgspec.MsgspecError as error:
            raise BundleError(f"{path} is no bundle of this version ({SCHEMA}): {error}") from None
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError):
            raise BundleError(f"{path} is no bundle, or damaged: make one with `clusterprobe capture`") from None

    def readings(self, source: Source) -> Readings[Any]:
        """What the source returned at capture."""
        content = self._members.get(f"readings/{source.name}.json")
        if content is None:
            why = "the bundle was captured without --active" if source.active else "it was not captured in this bundle"
            return Readings(absent=why) if source.active else _not_there(source, why)
        try:
            stored = from_json(content, _Stored)
            kind = source.value_type()
            values = tuple((one.subject, from_json(one.value, kind)) for one in stored.values)
        except (msgspec.MsgspecError, RecursionError) as error:
            return _not_there(source, f"the bundle's readings do not fit this version: {error}")
        return Readings(values, tuple(stored.unreadable), stored.absent)


def _not_there(source: Source, why: str) -> Readings[Any]:
    return Readings((), (Unchecked(subject=Subject(kind="source", name=source.name), reason=why),))


def write_bundle(path: Path, manifest: Manifest, captured: Mapping[str, Readings[Any]]) -> None:
    """Write readings as a bundle, each string redacted. The same readings give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "manifest.json", redact_tree(msgspec.to_builtins(manifest)))
        for name, readings in sorted(captured.items()):
            stored = {
                "values": [{"subject": s, "value": v} for s, v in readings.values],
                "unreadable": readings.unreadable,
                "absent": readings.absent,
            }
            _add(archive, f"readings/{name}.json", redact_tree(msgspec.to_builtins(stored)))
    partial.replace(path)


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, msgspec.json.encode(value))


def new_manifest(cluster: model.Cluster, clock: float, *, active: bool) -> Manifest:
    return Manifest(schema="clusterprobe/bundle/v1", clock=clock, tool_version=__version__, cluster=cluster, active=active)
