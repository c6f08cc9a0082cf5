"""Runs the real command on a world, and keeps what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.elsewhere.worlds import World
from tests.faults.server import FaultServer

MAIN = "from clusterprobe.cli import main; main()"


@dataclass
class Said:
    """What a run came to."""

    status: int
    text: str
    results: dict[str, Any]

    @property
    def findings(self) -> list[str]:
        return [one["reason"] for probe in self.results["probes"] for one in probe["findings"] if one["severity"] != "info"]

    @property
    def open(self) -> list[str]:
        """What could not be checked, with its reason."""
        found = [one for probe in self.results["probes"] for one in probe["unchecked"]]
        return [f"{one['subject']['kind']} {one['subject'].get('namespace', '')}: {one['reason']}" for one in found]

    def verdict(self, probe: str) -> str:
        return next(str(one["verdict"]) for one in self.results["probes"] if one["id"] == probe)

    def state(self, system: str) -> list[str]:
        return [one["state"] for one in self.results["inventory"] if one["system"] == system]


def run(world: World, folder: Path, profile: str = "") -> Said:
    """A whole run of the real command on a world."""
    with FaultServer(world.recording()) as server:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "elsewhere",
            "contexts": [{"name": "elsewhere", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        (folder / "mine.yaml").write_text(profile)
        options = ["--kubeconfig", "kubeconfig", "--profile", "mine.yaml", "--output", "report", "--timeout", "20m"]
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "run", *options],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "KUBECONFIG": ""},
            timeout=1500,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    return Said(done.returncode, done.stdout + done.stderr, json.loads((folder / "report" / "results.json").read_text()))
