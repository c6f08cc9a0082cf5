"""How many tests run at once, and tests under Debian's faketime: `faketime '+400 days' pytest …`, or tox.

libfaketime 0.9.10 stands in the way of Python 3.11, whose waits end at once or never under it (clocks/clock.c says how). So the tests
start once more under a clock of their own, which is as far off, and leaves whatever waits alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clusterprobe import redaction, roles
from clusterprobe.redaction import keys, structs

SOURCE = Path(__file__).parent / "clocks" / "clock.c"


def pytest_configure(config: pytest.Config) -> None:
    if "libfaketime" not in os.environ.get("LD_PRELOAD", ""):
        return
    environment = {**os.environ, "LD_PRELOAD": ""}
    library = Path(tempfile.gettempdir()) / f"clusterprobe-clock-{os.getuid()}.so"
    partial = library.with_suffix(f".{os.getpid()}")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(partial), str(SOURCE)], check=True, env=environment)
    partial.replace(library)
    config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *config.invocation_params.args], {**environment, "LD_PRELOAD": str(library)})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: more than half of the time these tests wait for servers that are slow on purpose."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Every test has it judged anew: what is kept of the tests before would hide a fault from it, above all in a fork of theirs."""
    redaction.cleaned.forget()
    kept = (redaction._redact_short, redaction._kind_of_label, keys.kind_of, structs._fields, roles.roles_of)
    for one in kept:
        one.cache_clear()
