"""What a run and `--help` cost on their own: CPU time and seconds, the least of some rounds, beside a bare interpreter.

    python -m bench.start [ROUNDS]

The run looks at the nodes of the recorded cluster, so that nearly nothing depends on a cluster. As where a wheel or the image is installed,
modules are compiled before; beside it, the same run that compiles those of Clusterprobe anew, as one does where nothing may be written.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.recording import Recording
from tests.faults.server import FaultServer

ROUNDS = 5
CLUSTERPROBE = [sys.executable, "-c", "from clusterprobe.start import main; main()"]
KUBECONFIG = """
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: '{url}'}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""


def measured(command: list[str], folder: str, environment: dict[str, str]) -> tuple[float, float]:
    """CPU time and seconds of a process."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, capture_output=True, cwd=folder, env=environment, check=True)
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, taken


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder, FaultServer(Recording.load()) as server:
        (Path(folder) / "kubeconfig").write_text(KUBECONFIG.format(url=server.url))
        bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        installed, unwritten = bare | {"PYTHONPYCACHEPREFIX": f"{folder}/compiled"}, bare | {"PYTHONDONTWRITEBYTECODE": "1"}
        run = [*CLUSTERPROBE, "run", "--kubeconfig", "kubeconfig", "--select", "nodes", "--output", "report"]
        commands = {
            "bare": ([sys.executable, "-c", "pass"], installed),
            "--help": ([*CLUSTERPROBE, "--help"], installed),
            "run": (run, installed),
            "run that compiles": (run, unwritten),
        }
        for command, environment in commands.values():  # to compile
            measured(command, folder, environment)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, (command, environment) in commands.items():
                found[name].append(measured(command, folder, environment))
    for name, each in found.items():
        cpu, seconds = (min(values) for values in zip(*each, strict=True))
        print(f"{name}: {cpu:.3f} s of CPU, {seconds:.2f} s")


if __name__ == "__main__":
    main()
