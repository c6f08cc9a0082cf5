"""Runs the suite against the lab as a user does, and reads what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.api import get
from lab.paths import KUBECONFIG

PROFILE = Path(__file__).parents[2] / "lab" / "profile.yaml"


@dataclass(frozen=True)
class Done:
    """A finished run: its exit status, results.json, and what it said."""

    status: int
    results: dict[str, Any]
    said: str

    def found(self, *severities: str) -> set[tuple[str, str]]:
        """(probe, reason) of the findings of these severities."""
        return {
            (probe["id"], finding["reason"])
            for probe in self.results["probes"]
            for finding in probe["findings"]
            if finding["severity"] in severities
        }

    def finding(self, probe: str, reason: str) -> dict[str, Any]:
        findings = [one for one in self.probe(probe)["findings"] if one["reason"] == reason]
        assert findings, f"{probe} did not find {reason}: {self.probe(probe)}"
        return dict(findings[0])

    def probe(self, probe_id: str) -> dict[str, Any]:
        return next(dict(one) for one in self.results["probes"] if one["id"] == probe_id)

    def verdicts(self, verdict: str) -> dict[str, str]:
        """The reasons of the probes with this verdict."""
        return {one["id"]: one["reason"] for one in self.results["probes"] if one["verdict"] == verdict}


def clusterprobe(folder: Path, *options: str, kubeconfig: Path = KUBECONFIG, seconds: float = 240) -> Done:
    """`clusterprobe run` in a process of its own."""
    command = "from clusterprobe.cli import main; main()"
    arguments = [*options, "--kubeconfig", str(kubeconfig), "--output", str(folder)]
    if "--profile" not in options:
        arguments += ["--profile", str(PROFILE)]
    done = subprocess.run(
        [sys.executable, "-c", command, "run", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    file = folder / "results.json"
    assert file.is_file(), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, json.loads(file.read_text()), done.stdout + done.stderr)


def printed(folder: Path, form: str) -> str:
    """What `clusterprobe show` prints of a kept run, in this form; as it prints it by default for an empty one."""
    command = ["from clusterprobe.cli import main; main()", "show", "--run", str(folder), *(("-o", form) if form else ())]
    return subprocess.run([sys.executable, "-c", *command], capture_output=True, text=True, timeout=60, check=True).stdout


OURS = "app.kubernetes.io/managed-by=clusterprobe"


def ours() -> list[str]:
    """Objects of ours that are in the cluster, but for the lease that tells the next run about this one."""
    found = []
    for path in ("/api/v1/pods", "/api/v1/persistentvolumes", "/api/v1/persistentvolumeclaims", "/api/v1/namespaces"):
        found += [f"{path} {one['metadata']['name']}" for one in get(f"{path}?labelSelector={OURS}")["items"]]
    return found
