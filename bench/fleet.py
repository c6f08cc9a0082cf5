"""One answer over many clusters: `fleet report` over stored runs, beside reading the same records bare.

    python -m bench.fleet [CLUSTERS [FINDINGS]]

Prints the seconds and the peak memory of both, each in a process of its own, and their ratio.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from clusterprobe.fleet.records import Record, Row, State
from clusterprobe.model import Cluster, RunVerdict, Severity

CLUSTERS, FINDINGS, PROBES = 1000, 50, 64
BARE = """
import resource, sys, time
from pathlib import Path
begun = time.perf_counter()
size = sum(len(one.read_bytes()) for one in Path(sys.argv[1]).rglob("run.json"))
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
REPORT = """
import resource, sys, time
begun = time.perf_counter()
sys.argv = ["clusterprobe", "fleet", "report", "file://" + sys.argv[1]]
from clusterprobe.cli import app
try:
    app(standalone_mode=False)
finally:
    print("BENCH", time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def fill(folder: Path, clusters: int, findings: int) -> None:
    """A store with one run of each cluster."""
    now = datetime.datetime.now(datetime.UTC)
    for number in range(clusters):
        rows = [_row(one, f"{now:%FT%TZ}") for one in range(number % 7, findings + number % 7)]
        record = Record(
            schema="clusterprobe/fleet/v1",
            cluster=Cluster(uid=f"uid-{number}", name=f"cluster-{number}", labels={"environment": "prod"}),
            run="run",
            finished=f"{now:%FT%TZ}",
            tool_version="1",
            verdict=RunVerdict.FINDINGS,
            exit_status=1,
            selected=[],
            probes={f"area{one % 12}/probe": State.FOUND for one in range(PROBES)},
            findings=rows,
        )
        run = folder / f"cluster=uid-{number}" / f"day={now:%F}" / "run"
        run.mkdir(parents=True)
        (run / "run.json").write_bytes(msgspec.json.encode(record))
        (run / "results.json").write_bytes(b"{}")


def _row(number: int, first: str) -> Row:
    probe, code = f"area{number % 12}/probe", f"Code{number}"
    return Row(f"{number:010x}", probe, code, Severity.ERROR, "Pod", "shop", f"pod-{number}", "prod", "p" * 120, "c" * 200, first)


def measured(code: str, folder: Path) -> tuple[float, float]:
    """Seconds and MB of a Python process."""
    out = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True).stdout
    seconds, kilobytes = out.strip().splitlines()[-1].removeprefix("BENCH ").split()
    return float(seconds), float(kilobytes) / 1024


def main() -> None:
    clusters, findings = (int(one) for one in (*sys.argv[1:3], *(str(CLUSTERS), str(FINDINGS))[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as made:
        begun = time.perf_counter()
        fill(Path(made), clusters, findings)
        print(f"{clusters} runs of {findings} findings, made in {time.perf_counter() - begun:.1f} s")
        bare, report = measured(BARE, Path(made)), measured(REPORT, Path(made))
    print(f"read bare: {bare[0]:.2f} s, {bare[1]:.0f} MB; fleet report: {report[0]:.2f} s, {report[1]:.0f} MB; {report[0] / bare[0]:.1f} ×")


if __name__ == "__main__":
    main()
