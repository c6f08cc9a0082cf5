"""Builds the programs from their Go modules into the cache, each once.

A program is written under a temporary name and renamed when it is whole, so a build that was interrupted is never taken
for a finished one, and building again costs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.build.modules import DEBIAN_PACKAGES, Module
from lab.errors import LabError
from lab.paths import CACHE

STAND_INS = ("slack", "login-page")  # programs of the lab's own, in lab/build/standins
_STAND_IN_SOURCES = Path(__file__).parent / "standins"
# How to compile in less time, measured on Alertmanager from nothing: without what only a debugger needs (and linking leaves out) a
# seventh less, without inlining another fifth, and another sixth if the compiler collects its garbage less often.
_COMPILER = "-gcflags=all=-dwarf=false -l"
_GARBAGE = "400"
AT_A_TIME = 2  # linking one of the big programs takes 2 GiB or more


def build(modules: Sequence[Module]) -> None:
    """Bring the cache up to date: Debian's packages, every program, the custom resource definitions."""
    install_debian_packages()
    CACHE.mkdir(parents=True, exist_ok=True)
    _build_stand_ins()
    if all(is_built(module) for module in modules):
        print(f"all programs are in {CACHE}")
        return
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for line in pool.map(_build_module, modules):
            print(line, flush=True)


def is_built(module: Module) -> bool:
    return not _missing(module) and (not module.definitions or module.definitions_folder.is_dir())


def stand_in_path(name: str) -> Path:
    """Where a built stand-in lies: under the digest of the sources, so that an edit is built anew."""
    sources = sorted(path for path in _STAND_IN_SOURCES.glob("**/*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return CACHE / f"standins@{digest}" / name


def install_debian_packages() -> None:
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *DEBIAN_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    missing = [package for package in DEBIAN_PACKAGES if package not in installed]
    if not missing:
        return
    print("installing", *missing, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], Path("/"), environment)
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], Path("/"), environment)


def _build_stand_ins() -> None:
    for name in STAND_INS:
        target = stand_in_path(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".unfinished")
            command = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(unfinished), f"./{name}"]
            _run(command, _STAND_IN_SOURCES, {**os.environ, "CGO_ENABLED": "0"})
            unfinished.rename(target)


def _missing(module: Module) -> list[str]:
    return [program for program in module.programs if not module.program(program).is_file()]


def _build_module(module: Module) -> str:
    begun = time.monotonic()
    folder = CACHE / module.key
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"), tempfile.TemporaryDirectory(prefix="building-", dir=CACHE) as scratch:
        if is_built(module):
            return f"{module.path} {module.version}: already built"
        workspace = Path(scratch)
        source = _write_workspace(module, workspace)
        for program in _missing(module):
            _build_program(module, program, workspace)
        _take_definitions(module, source, workspace)
    return f"{module.path} {module.version}: built in {time.monotonic() - begun:.0f} s"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock until the end of the block: of two builds of the same module, say, the second waits, then finds it built."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_workspace(module: Module, workspace: Path) -> Path:
    """Write a Go module whose only purpose is to build programs of another one, and return that one's source folder.

    Building inside the downloaded module is not possible (it is read-only and lacks a vendor folder), and `go install
    module@version` refuses modules with replacements. So depend on it, and repeat its replacements.
    """
    served = f"{module.served_as or module.path}@{module.version}"
    downloaded = json.loads(_run(["go", "mod", "download", "-json", served], workspace).stdout)
    upstream = json.loads(_run(["go", "mod", "edit", "-json", downloaded["GoMod"]], workspace).stdout)
    lines = [
        "module lab/build",
        f"go {upstream['Go']}",
        f"require {module.path} {module.version}",
        *([f"replace {module.path} => {module.served_as} {module.version}"] if module.served_as else []),
        *_replacements(module, upstream),
        *_trimmed(module, upstream, workspace),
        *_instead(module, workspace),
    ]
    (workspace / "go.mod").write_text("\n".join(lines) + "\n")
    source = Path(downloaded["Dir"])
    if (source / "go.sum").exists():
        (workspace / "go.sum").write_bytes((source / "go.sum").read_bytes())
    for program, main in module.mains.items():
        folder = workspace / module.package(program)
        folder.mkdir(parents=True)
        shutil.copyfile(main, folder / main.name)
    imports = "".join(f'\t_ "{module.package(program)}"\n' for program in module.programs if program not in module.mains)
    (workspace / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n")
    _run(["go", "mod", "tidy"], workspace)
    return source


def _replacements(module: Module, upstream: Mapping[str, Any]) -> Iterator[str]:
    """The upstream module's own replacements, which do not reach a module that depends on it."""
    for replacement in upstream.get("Replace") or []:
        old, new = replacement["Old"], replacement["New"]
        if old["Path"] in module.instead:
            continue
        if new["Path"].startswith("./staging/"):
            # k8s.io/kubernetes v1.37.2 is published together with k8s.io/api v0.37.2
            yield f"replace {old['Path']} => {old['Path']} {module.version.replace('v1.', 'v0.', 1)}"
        elif not new["Path"].startswith("."):
            yield f"replace {old['Path']} {old.get('Version', '')} => {new['Path']} {new.get('Version', '')}"


def _trimmed(module: Module, upstream: Mapping[str, Any], workspace: Path) -> Iterator[str]:
    """Copies of the modules of which it is to be built without a part, with that part replaced."""
    versions = {module.path: module.version, **{each["Path"]: each["Version"] for each in upstream.get("Require") or []}}
    for number, (path, files) in enumerate(module.without.items()):
        downloaded = json.loads(_run(["go", "mod", "download", "-json", f"{path}@{versions[path]}"], workspace).stdout)
        copy = workspace / f"trimmed-{number}"
        shutil.copytree(downloaded["Dir"], copy, ignore=shutil.ignore_patterns("*_test.go"))
        for name, text in files.items():
            file = copy / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)  # it is read-only
            file.write_text(text)
        yield f"replace {path} => ./{copy.name}"


def _instead(module: Module, workspace: Path) -> Iterator[str]:
    """What stands for modules that the proxy does not have."""
    for number, (path, stand_in) in enumerate(module.instead.items()):
        if isinstance(stand_in, str):
            yield f"replace {path} => {stand_in}"
            continue
        folder = workspace / f"instead-{number}"
        folder.mkdir()
        (folder / "go.mod").write_text(f"module {path}\n")
        for name, text in stand_in.items():
            (folder / name).write_text(text)
        yield f"replace {path} => ./{folder.name}"


def _build_program(module: Module, program: str, workspace: Path) -> None:
    unfinished = workspace / program
    flags = " ".join(["-s", "-w", *(f"-X {variable}={value}" for variable, value in module.stamps.items())])
    arguments = ["-mod=mod", "-trimpath", _COMPILER, "-ldflags", flags, "-o", str(unfinished)]
    arguments += ["-tags", ",".join(module.tags)] if module.tags else []
    # Static, so that an image needs nothing but the program; nice, so that the machine stays usable.
    _run(
        ["nice", "-n", "10", "go", "build", *arguments, module.package(program)],
        workspace,
        {**os.environ, "CGO_ENABLED": "0", "GOGC": _GARBAGE},
    )
    unfinished.rename(module.program(program))


def _take_definitions(module: Module, source: Path, workspace: Path) -> None:
    target = module.definitions_folder
    if not module.definitions or target.is_dir():
        return
    unfinished = workspace / "definitions"
    unfinished.mkdir()
    for path in (source / module.definitions).glob("*.yaml"):
        shutil.copyfile(path, unfinished / path.name)
    unfinished.rename(target)


def _run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed") from error
    if done.returncode:
        raise LabError(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done
