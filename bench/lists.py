"""How a run reads a large cluster, against the same pages read bare. Prints ratios; asserts nothing.

    python -m bench.lists [--pods 50000] [--claims 10000] [--targets 20000] [--rules 5000] [--rounds 3] [--kubeconfig FILE]

A process of its own serves the cluster (`bench.large`). Of it are read, in turn, each in a process of its own: the large lists in pages,
with nothing decoded; all sources, with nothing judged; the whole run, as a user starts it. With a kubeconfig, pods, claims and
volumes are those of that API server, which `python -m bench.apiserver` starts and fills.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIZES = {"pods": 50_000, "claims": 10_000, "targets": 20_000, "rules": 5_000}

BARE = """
import sys
import requests
session, size = requests.Session(), 0
for path in sys.argv[2:]:
    token, more = "", "&" if "?" in path else "?"
    while True:
        answer = session.get(f"{sys.argv[1]}{path}" + (f"{more}limit=500" + (f"&continue={token}" if token else "")))
        answer.raise_for_status()
        size += len(answer.content)
        # The token stands near the page's beginning: no decoding of the rest.
        head = answer.content[:2000].decode()
        token = head.split('"continue":"', 1)[1].split('"', 1)[0] if '"continue":"' in head else ""
        if not token:
            break
print(f"{size / 1e6:.0f} MB")
"""

SOURCES = """
import sys
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import connect
from clusterprobe.access.deadline import Deadline
from clusterprobe.evidence import Evidence
from clusterprobe.profile import Profile
from clusterprobe.sources import all_sources
cluster = Cluster(connect(sys.argv[1]), Deadline.after(900))
evidence = Evidence([name for name, one in all_sources().items() if not one.active], Profile(), cluster=cluster, deadline=cluster.deadline)
evidence.start()
for one in evidence.wanted:
    evidence.get(one.name)
print(f"{len(evidence.get('pods'))} pods, {len(evidence.get('claims'))} claims")
import clusterprobe.background
clusterprobe.background.end_process(0)
"""

KUBECONFIG = """
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: '{url}'}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    cpu: float
    megabytes: float
    said: str


def measured(command: list[str], folder: Path, accept: tuple[int, ...] = (0,)) -> Cost:
    """The cost of a process, as the kernel counted it."""
    begun = time.perf_counter()
    with (folder / "said").open("w+") as said, (folder / "errors").open("w+") as errors:
        started = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=errors)
        _, status, used = os.wait4(started.pid, 0)
        seconds = time.perf_counter() - begun
        started.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        errors.seek(0)
        if started.returncode not in accept:
            raise SystemExit(f"{command[:4]} ended with {started.returncode}: {errors.read()[-2000:]}")
        lines = said.read().strip().splitlines()
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, lines[-1] if lines else "")


@contextlib.contextmanager
def serving(sizes: dict[str, int], kubeconfig: str) -> Iterator[list[str]]:
    """The address of the large cluster, and the paths of its large answers."""
    options = [f"--{name}={size}" for name, size in sizes.items()] + ([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])
    command = [sys.executable, "-m", "bench.large", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield server.stdout.readline().split()
        finally:
            server.stdin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kubeconfig", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving({one: getattr(options, one) for one in SIZES}, options.kubeconfig) as (url, *paths):
        folder = Path(name)
        (folder / "kubeconfig").write_text(KUBECONFIG.format(url=url))
        run = ["-c", "from clusterprobe.start import main; main()", "run", "--kubeconfig", "kubeconfig", "--timeout", "15m"]
        ways = {
            "bare pages": ["-c", BARE, url, *paths],
            "every source": ["-c", SOURCES, "kubeconfig"],
            "the whole run": [*run, "--output", "report"],
        }
        found: dict[str, list[Cost]] = {one: [] for one in ways}
        for _ in range(options.rounds):  # in turn, so that a busy machine slows all of them
            for one, arguments in ways.items():
                found[one].append(measured([sys.executable, *arguments], folder, (0, 1, 2)))
    show(found)


def show(found: dict[str, list[Cost]]) -> None:
    """A line a way: the medians, and each beside that of the bare pages."""
    middle = {
        name: [statistics.median(getattr(one, what) for one in costs) for what in ("seconds", "cpu")] for name, costs in found.items()
    }
    bare = middle["bare pages"]
    print(f"load {os.getloadavg()[0]:.0f}")
    for name, (seconds, cpu) in middle.items():
        most = max(one.megabytes for one in found[name])
        ratios = f"{seconds:6.2f} s ({seconds / bare[0]:5.2f} × bare)  {cpu:6.2f} s of CPU ({cpu / bare[1]:5.2f} ×)"
        print(f"{name:15} {ratios}  {most:5.0f} MB at peak  {found[name][0].said}")


if __name__ == "__main__":
    main()
