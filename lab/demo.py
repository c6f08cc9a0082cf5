"""Records the demo: dev and prod broken differently, so that no incident hides another, canaries timed, all cleared."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from lab.errors import LabError
from lab.paths import KUBECONFIG
from lab.stages import clear, stage, staged

# In this order: a termination has to be over to be evidence, and a node that is slow to unmount would slow the other stages down.
INCIDENTS = (
    ("agent-slow-flush", ""),
    ("claims-delete-data", ""),
    ("positions-shared", ""),
    ("tls-expired", "prod"),
    ("ingress-without-endpoints", "dev"),
    ("sealed-for-other-namespace", "prod"),
    ("argocd-sync-failed", "dev"),
    ("argocd-old-revision", "prod"),
    ("datasource-of-other-environment", "dev"),
    ("dashboard-instant-log-query", "prod"),
    ("slow-rule-group", "dev"),
    ("canary-errors", "dev"),
    ("alertmanager-wrong-key", "dev"),
    ("receiver-without-name", "prod"),
    ("tsdb-on-nfs", "prod"),
    ("shared-release", ""),
    ("volume-permission-denied", "prod"),
    ("tmp-curl", "dev"),
    ("loki-instant-query", "dev"),
    ("loki-wide-query", "prod"),
    ("nfs-unmount-hang", ""),
)
PROFILE = Path(__file__).parent / "profile.yaml"


def record(bundle: Path) -> None:
    """Stage everything, capture with `--active`, and clear it again, whatever happens."""
    if staged():
        raise LabError("something is staged already: clear it first")
    try:
        for name, environment in INCIDENTS:
            print(f"staging {name}", flush=True)
            stage(name, environment)
        _capture(bundle)
    finally:
        for name, environment in reversed(staged()):
            print(f"clearing {name}", flush=True)
            clear(name, environment)


def _capture(bundle: Path) -> None:
    command = [sys.executable, "-c", "from clusterprobe.cli import main; main()", "capture", str(bundle), "--active", "--yes", "--force"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, "--kubeconfig", str(KUBECONFIG), "--profile", str(PROFILE), "--output", folder], check=False)
    if done.returncode not in (0, 2) or not bundle.is_file():
        raise LabError(f"the capture ended with {done.returncode}")
