"""Probes and sources of a user's own: folders beside the shipped one.

A folder holds `AREA/probe_NAME.py`, or is an area itself. All of its modules are loaded once, as parts of one package, so that they may
import each other (`from .sources import Team`); what they declare with `@source` can be asked for by name, like any other source.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from clusterprobe.catalogue import Entry, catalogue, entry_of, kinds, matches, probe_id, refuse_unknown, refuse_unknown_code
from clusterprobe.errors import UsageError
from clusterprobe.excerpt import excerpt
from clusterprobe.profile import Profile, load_profile
from clusterprobe.redaction import redact
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.sources import include

SAID = 300  # characters that are kept of what an exception says


@dataclass(frozen=True)
class Own:
    """The modules of all folders, by file, and why a file cannot be loaded."""

    modules: Mapping[Path, ModuleType] = field(default_factory=dict)
    troubles: Mapping[Path, str] = field(default_factory=dict)

    @property
    def probes(self) -> list[Path]:
        """The files of the probes that could be loaded."""
        return [path for path in self.modules if _is_probe(path)]

    @property
    def broken(self) -> dict[str, str]:
        """The probes that could not be loaded, by id, and why."""
        return {probe_id(path): why for path, why in self.troubles.items() if _is_probe(path)}

    def beside(self, path: Path) -> str:
        """What is wrong with the modules beside a probe, which may be why it lacks a source; empty if nothing is."""
        return "; ".join(why for other, why in self.troubles.items() if other.parent in (path.parent, path.parent.parent))


def own_probes(request: Request, profile: Profile) -> Own:
    """Load what `--probes` and the profile's `probes.paths` name.

    Raises `UsageError` for a folder that cannot be read or holds no probe, and for sources that cannot be together.
    """
    named = [(f"--probes {one}", Path(one)) for one in request.probes] + list(profile.own_folders())
    folders = {folder.resolve(): where for where, folder in reversed(named)}
    modules: dict[Path, ModuleType] = {}
    troubles: dict[Path, str] = {}
    for folder in reversed(folders):
        for path in _files(folder, folders[folder]):
            try:
                modules[path] = _load(folder, path)
            except (Exception, SystemExit) as error:  # whatever a user's own file does, only its own probe is broken
                troubles[path] = _sentence(folder, path, error)
    try:
        include(modules.values())
    except TypeError as error:
        raise UsageError(str(error)) from None
    return Own(modules, troubles)


def entries(request: Request) -> list[Entry]:
    """The shipped probes and the user's own, by id.

    Raises `UsageError` for an own file that cannot be loaded, and for an id that is there twice.
    """
    profile = load_profile(request.profile, shipped("profiles"))
    own = own_probes(request, profile)
    if own.troubles:
        raise UsageError(next(iter(own.troubles.values())))
    found = {one.id: one for one in catalogue(shipped("probes"))}
    for path in own.probes:
        one = entry_of(path)
        if one.id in found:
            raise UsageError(f"two probes have the id {one.id}: {found[one.id].path}, and {path}")
        found[one.id] = one
    return sorted(found.values(), key=lambda one: one.id)


def check_names(profile: Profile, known: list[Entry]) -> None:
    """Raise `UsageError` for a probe or a code that a profile names, and that none of these probes is or reports."""
    for where, pattern in profile.named_probes():
        refuse_unknown([pattern], [one.id for one in known], where)
    for where, pattern, code in profile.named_codes():
        codes = [kind.code for one in known if matches(one.id, pattern) for kind in kinds(one.path)]
        refuse_unknown_code(code, codes, pattern, where)


def _is_probe(path: Path) -> bool:
    return path.name.startswith("probe_")


def _files(folder: Path, where: str) -> list[Path]:
    """Every module of a folder and of the areas in it. Raises `UsageError` for a folder that is of no use."""
    try:
        areas = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith((".", "_"))]
        files = [one for area in (folder, *areas) for one in sorted(area.iterdir()) if one.suffix == ".py"]
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}: {error.filename}") from None
    found = [one for one in files if not one.name.startswith(("test_", "conftest.", "__init__."))]
    if not any(_is_probe(one) for one in found):
        raise UsageError(f"{where}: there is no AREA/probe_NAME.py in this folder")
    return found


def _load(folder: Path, path: Path) -> ModuleType:
    """A module of a folder, under a name that is its own. Raises whatever its code raises, and `UsageError` for a probe that is invalid."""
    package = f"clusterprobe.own_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    if package not in sys.modules:
        sys.modules[package] = made = ModuleType(package)
        made.__path__ = [str(folder)]
    parts = path.relative_to(folder).with_suffix("").parts
    if odd := next((one for one in parts if "." in one), ""):
        raise UsageError(f"{path}: the name {odd} has a dot in it, and cannot be imported")
    module = importlib.import_module(".".join((package, *parts)))
    if _is_probe(path) and not callable(getattr(module, path.stem, None)):
        raise UsageError(f"{path}: there is no function {path.stem} in it")
    return module


def _sentence(folder: Path, path: Path, error: BaseException) -> str:
    """Why a file cannot be loaded, with the file and the line in which that shows."""
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, SyntaxError):
        return redact(f"{error.filename or path}:{error.lineno or 1}: not Python: {error.msg}")
    frames = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(folder)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"{path}:1"
    return redact(f"{place}: it cannot be loaded: {type(error).__name__}: {excerpt(' '.join(str(error).split()), SAID)}")
