"""Every test of the lab, for as long as it takes: what was seen to pass on this commit is not run again, so that it can be interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from lab.command import run
from lab.errors import LabError
from lab.paths import CACHE, ROOT


def verify(*, again: bool) -> int:
    """Run what has not passed yet, and print the line for docs/verification.md. Returns pytest's exit status."""
    if run("git", "-C", ROOT, "status", "--porcelain").stdout:
        raise LabError("a result needs a commit that it was seen on: commit or stash what has changed")
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").stdout.strip()
    record = CACHE / "verified" / f"{commit}.jsonl"
    record.parent.mkdir(parents=True, exist_ok=True)
    if again:
        record.unlink(missing_ok=True)
    status = subprocess.run([sys.executable, "-m", "pytest", "tests/lab", f"--verified={record}"], cwd=ROOT, check=False).returncode
    print(summary(record, commit))
    return status


def summary(record: Path, commit: str) -> str:
    """What stands in a record, as a line of docs/verification.md; the last outcome of a test counts."""
    outcomes: dict[str, str] = {}
    seconds = 0.0
    for line in record.read_text().splitlines() if record.exists() else ():
        entry = json.loads(line)
        outcomes[entry["test"]] = entry["outcome"]
        seconds += entry["seconds"]
    failed = sorted(test for test, outcome in outcomes.items() if outcome != "passed")
    said = f"{len(outcomes) - len(failed)} of {len(outcomes)} passed, {seconds / 60:.0f} min"
    if failed:
        said += "; failed: " + ", ".join(test.rpartition("::")[2] for test in failed)
    return f"| The stages of the lab | `python -m lab verify` | {said} | {datetime.now(UTC).date()} | {commit} | |"
