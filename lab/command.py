"""Running other programs, and waiting for what they bring about."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.errors import LabError

# Debian keeps system programs where an ordinary PATH does not look.
ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"}


def run(
    *command: object, check: bool = True, text: str | None = None, environment: Mapping[str, str] = ENVIRONMENT
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is captured, its failure a LabError unless `check` is off."""
    arguments = [str(argument) for argument in command]
    try:
        done = subprocess.run(arguments, input=text, text=True, capture_output=True, env=environment, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{arguments[0]} is not installed: run `python -m lab build`") from error
    if check and done.returncode:
        raise LabError(f"{' '.join(arguments)}: exit status {done.returncode}\n{(done.stderr or done.stdout).strip()[-3000:]}")
    return done


_DAEMONS: list[subprocess.Popen[bytes]] = []  # they outlive who starts them: to drop one that still runs would warn of it


def spawn(command: list[str], log: Path, environment: Mapping[str, str] = ENVIRONMENT) -> int:
    """Start a daemon in a session of its own, and return its process id, which is its process group's too."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    _DAEMONS.append(process)
    return process.pid


def wait_until(what: str, is_so: Callable[[], bool], seconds: float, every: float = 0.3) -> None:
    """Poll until it is so. The last error while looking is kept: it usually says why it never became so.

    A field that is missing is such an error: those of a status come and go while controllers work.
    """
    deadline = time.monotonic() + seconds
    reason = ""
    while True:
        try:
            if is_so():
                return
            reason = ""
        except (LabError, LookupError) as error:
            reason = f"; last error: {error!r}" if isinstance(error, LookupError) else f"; last error: {error}"
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:.0f} s in vain for: {what}{reason}")
        time.sleep(every)
