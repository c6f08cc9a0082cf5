"""A run that has said its answer ends with it, whatever signal comes as the process ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

# `atexit` runs while Python ends, just before it gives signals back to the system; the destructor after it.
PROGRAM = """
import atexit, os, signal, sys
from clusterprobe.interruption import Interruption
interruption = Interruption()
interruption.listen()
interruption.ending()
class Late:
    def __del__(self, kill=os.kill, me=os.getpid()):
        kill(me, {signal})
late = Late()
atexit.register(os.kill, os.getpid(), {signal})
{over}
sys.exit(2)
"""


def ended(signal: str, over: str) -> int:
    return subprocess.run([sys.executable, "-c", PROGRAM.format(signal=signal, over=over)], timeout=60, check=False).returncode


@pytest.mark.parametrize("signal", ["signal.SIGTERM", "signal.SIGINT", "signal.SIGHUP"])
def test_a_signal_as_the_process_ends_changes_nothing(signal: str) -> None:
    assert ended(signal, "interruption.over()") == 2


def test_without_it_the_signal_kills() -> None:
    assert ended("signal.SIGTERM", "") == -15
