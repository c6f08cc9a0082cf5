"""The command line in processes of its own, many times: forked off a process that has read all the code already.

They are killed like any other; only the second and a half that importing takes is saved.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

_PARENT = """
import json, os, signal, sys
# One that is ignored stays so in what is started: of what started the tests (nohup, a shell's &), a signal's test must not depend.
signal.signal(signal.SIGINT, signal.default_int_handler)
for one in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(one, signal.SIG_DFL)
import pytest, pytest_html.plugin, pytest_metadata.plugin
import clusterprobe.plugin, clusterprobe.progress, clusterprobe.report, clusterprobe.report.html
from clusterprobe.access import bundle, cluster, connection
from clusterprobe.cli import main
from kubernetes.config import kube_config
for line in sys.stdin:
    child = os.fork()
    if not child:
        break
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
wanted = json.loads(line)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(os.open(wanted["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
os.dup2(1, 2)
sys.argv = ["clusterprobe", *wanted["arguments"]]
main()
"""


class Processes:
    """One process after the other, for a `with`. `start` gives a process id, `wait` its exit status (negative: the signal)."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-W", "ignore", "-c", _PARENT]
        self._parent: subprocess.Popen[str] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate(timeout=90)

    def start(self, said: Path, *arguments: Any) -> int:
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps({"said": str(said), "arguments": [str(one) for one in arguments]}) + "\n")
        self._parent.stdin.flush()
        return self._number()

    def wait(self) -> int:
        return self._number()

    def _number(self) -> int:
        assert self._parent.stdout is not None
        return int(self._parent.stdout.readline())
