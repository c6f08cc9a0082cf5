"""Makes what is derived in deploy/: the chart's permissions from the probes, and the Kustomize base from the chart.

python deploy/make.py [--helm HELM]    # without --helm only the permissions
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from clusterprobe.catalogue import catalogue
from clusterprobe.permissions import by_probe

ROOT = Path(__file__).parents[1]
PERMISSIONS = Path("chart/files/permissions.json")
BASE = Path("kustomize/base/clusterprobe.yaml")
NAMESPACE = "clusterprobe"


def permissions() -> str:
    """The text of the chart's permissions.json."""
    return json.dumps(by_probe(catalogue(ROOT / "probes")), indent=1) + "\n"


def base(helm: str) -> str:
    """The objects of the chart with its default values, but for those that only Helm uses."""
    command = [
        helm,
        "template",
        "clusterprobe",
        str(ROOT / "deploy/chart"),
        "--namespace",
        NAMESPACE,
        "--skip-tests",
        "--kube-version",
        "1.34",
    ]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head = "# Made by `python deploy/make.py --helm helm` from the chart's default values: change the chart, not this file.\n"
    return head + rendered.replace("app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: kustomize")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm", default="", help="the helm program")
    helm = parser.parse_args().helm
    (ROOT / "deploy" / PERMISSIONS).write_text(permissions())
    if helm:
        (ROOT / "deploy" / BASE).write_text(base(helm))


if __name__ == "__main__":
    main()
