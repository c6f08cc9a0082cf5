"""The daemons that the lab starts, each with a log and a process id on disk, so that `down` finds them all."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lab.command import ENVIRONMENT, spawn
from lab.layout import LOGS, PROCESS_IDS, Node
from lab.paths import STATE


def start(
    name: str,
    program: Path | str,
    *arguments: str,
    node: Node | None = None,
    first_on_path: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start a daemon, on the host or on a node; its output goes to logs/NAME.log. A program of Debian's is given by its name."""
    command = [str(program), *arguments]
    if node:  # not `ip netns exec`, which would hide the cgroup mounts
        command = ["nsenter", f"--net=/run/netns/{node.network_namespace}", f"--mount={node.mount_namespace}", *command]
    LOGS.mkdir(parents=True, exist_ok=True)
    PROCESS_IDS.mkdir(parents=True, exist_ok=True)
    path = f"{first_on_path}:{ENVIRONMENT['PATH']}" if first_on_path else ENVIRONMENT["PATH"]
    process_id = spawn(command, LOGS / f"{name}.log", {**ENVIRONMENT, **(environment or {}), "PATH": path})
    (PROCESS_IDS / name).write_text(str(process_id))


def ended_daemons() -> list[str]:
    """The daemons that were started and run no longer."""
    return [file.name for file in sorted(PROCESS_IDS.glob("*")) if not _runs(int(file.read_text()))]


def is_started(name: str) -> bool:
    """Whether a daemon was started, and runs."""
    file = PROCESS_IDS / name
    return file.exists() and _runs(int(file.read_text()))


def stop(name: str) -> None:
    """End one daemon, if it was started."""
    file = PROCESS_IDS / name
    if file.exists():
        _end_groups([int(file.read_text())])
        file.unlink()


def stop_all() -> None:
    """End every daemon, then what the containers left behind."""
    _end_groups([int(file.read_text()) for file in PROCESS_IDS.glob("*")])
    for process in [*_container_processes(), *_container_shims()]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    time.sleep(0.5)


def _end_groups(groups: list[int]) -> None:
    _signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(_runs(group) for group in groups):
        time.sleep(0.1)
    _signal_groups(groups, signal.SIGKILL)


def _signal_groups(groups: list[int], wanted: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, wanted)


def _runs(process: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)  # our own child of a moment ago would stay a zombie
    return Path(f"/proc/{process}").exists()


def _container_processes() -> Iterator[int]:
    for file in Path("/sys/fs/cgroup").glob("**/lab-*/**/cgroup.procs"):
        with suppress(OSError):
            yield from (int(line) for line in file.read_text().split())


def _container_shims() -> Iterator[int]:
    """The shims of containerd leave its session; they are known by the state folder in their arguments."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            arguments = file.read_bytes().decode(errors="replace")
            if "containerd-shim" in arguments.split("\0")[0] and str(STATE) in arguments:
                yield int(file.parent.name)
