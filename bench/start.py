"""What a run and `--help` cost on their own: CPU time and seconds, the least of some rounds, beside a bare interpreter.

    python -m bench.start [ROUNDS]

The run looks at the nodes of the recorded cluster, so that nearly nothing depends on a cluster.
"""

from __future__ import annotations

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


def measured(command: list[str], folder: str) -> tuple[float, float]:
    """CPU time and seconds of a process."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, capture_output=True, cwd=folder, check=True)
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, taken


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder, FaultServer(Recording.load()) as server:
        (Path(folder) / "kubeconfig").write_text(KUBECONFIG.format(url=server.url))
        commands = {
            "bare": [sys.executable, "-c", "pass"],
            "--help": [*CLUSTERPROBE, "--help"],
            "run": [*CLUSTERPROBE, "run", "--kubeconfig", "kubeconfig", "--select", "nodes", "--output", "report"],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(measured(command, folder))
    for name, each in found.items():
        cpu, seconds = (min(values) for values in zip(*each, strict=True))
        print(f"{name}: {cpu:.2f} s of CPU, {seconds:.2f} s")


if __name__ == "__main__":
    main()
