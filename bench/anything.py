"""A run against a server that answers anything at all. Prints what was worst; asserts nothing.

    python -m bench.anything [--deadline 10] [--only silence bomb …]

For each behaviour of `tests/faults/chaos.py`, in each place: by how many seconds a run outlasts its deadline, how long it takes
after SIGTERM, and its peak memory. Python's start and the imports count. On a busy machine all of it takes longer: on one of its own
it would be late by what of the processor it takes after the deadline, at most by all of it, which is printed as well.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from tests.faults.chaos import BEHAVIOURS, PLACES, Seen, observe

PATIENCE_SECONDS = 300.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--deadline", type=float, default=10.0)
    options.add_argument("--only", nargs="*", default=list(BEHAVIOURS))
    options.add_argument("--places", nargs="*", default=list(PLACES))
    wanted = options.parse_args()
    overrun, late, peak, worked = (0.0, ""), (0.0, ""), (0.0, ""), (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for behaviour in wanted.only:
            for place in wanted.places:
                what, where = f"{behaviour} {place}", Path(folder) / behaviour / place
                whole = _observe(behaviour, place, where / "whole", wanted.deadline, 0.0)
                ended = _observe(behaviour, place, where / "ended", 600.0, 1.0)
                beyond = whole.seconds - wanted.deadline
                most, cpu = max(whole.peak_mb, ended.peak_mb), whole.cpu_seconds
                print(
                    f"{what}: deadline {beyond:+.1f} s, {ended.after_signal:.1f} s after SIGTERM, {most:.0f} MB, "
                    f"{cpu:.1f} s of the processor, exit {whole.status}, load {os.getloadavg()[0]:.0f}",
                    flush=True,
                )
                overrun, late, peak = max(overrun, (beyond, what)), max(late, (ended.after_signal, what)), max(peak, (most, what))
                worked = max(worked, (cpu, what))
    print(f"worst overrun of the deadline: {overrun[0]:.1f} s ({overrun[1]})")
    print(f"worst time after SIGTERM: {late[0]:.1f} s ({late[1]})")
    print(f"worst peak memory: {peak[0]:.0f} MB ({peak[1]})")
    print(f"most of the processor: {worked[0]:.1f} s ({worked[1]})")


def _observe(behaviour: str, place: str, folder: Path, deadline: float, signal_after: float) -> Seen:
    return observe(behaviour, place, folder, deadline_seconds=deadline, patience_seconds=PATIENCE_SECONDS, signal_after=signal_after)


if __name__ == "__main__":
    main()
