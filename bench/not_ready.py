"""How much longer a run takes beside a node that is silent: both measured on the lab in one go. Prints the ratio; asserts nothing.

    python -m bench.not_ready [--rounds 5] [--cut]

The node's kubelet is stopped; with `--cut` its network is cut as well, as when a machine is gone. Wall time is compared as a ratio, so that
a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from lab.cluster.network import cut_off
from lab.stages import clear, stage
from lab.stages.termination import SLOW_NODE
from tests.lab.running import clusterprobe

STAGE = "node-not-ready"
AIM = 1.5


def measured(rounds: int, folder: Path) -> list[float]:
    """The seconds of each run; the first, which fills caches, does not count."""
    taken = []
    for number in range(rounds + 1):
        begun = time.perf_counter()
        done = clusterprobe(folder / str(number), seconds=600)
        taken.append(time.perf_counter() - begun)
        blind = sum(len(one["unchecked"]) for one in done.results["probes"])
        print(f"  {taken[-1]:.1f} s, exit {done.status}, {blind} things could not be checked", flush=True)
    return taken[1:]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--cut", action="store_true")
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("every node is ready:")
        healthy = measured(wanted.rounds, Path(folder) / "healthy")
        stage(STAGE)
        try:
            with cut_off(SLOW_NODE) if wanted.cut else nullcontext():
                print(f"{SLOW_NODE.name} is silent{' and cut off' if wanted.cut else ''}:")
                beside = measured(wanted.rounds, Path(folder) / "beside")
        finally:
            clear(STAGE)
    ratio = statistics.median(beside) / statistics.median(healthy)
    print(f"a run beside a silent node takes {ratio:.2f} times a healthy one (aim: at most {AIM})")


if __name__ == "__main__":
    main()
