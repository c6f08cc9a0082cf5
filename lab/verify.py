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


def repaired(how: list[str]) -> str:
    """How many of the stages that were repaired needed nothing but the commands of their own findings."""
    own, elsewhere = how.count("by its own fix"), sum(one.startswith("elsewhere") for one in how)
    return f"{own} of {own + elsewhere} repaired by their own fix, {elsewhere} where it says that they are repaired"


def summary(record: Path, commit: str) -> str:
    """What stands in a record, as a line of docs/verification.md; the last outcome of a test counts."""
    outcomes: dict[str, str] = {}
    how: dict[str, str] = {}
    seconds = 0.0
    for line in record.read_text().splitlines() if record.exists() else ():
        entry = json.loads(line)
        outcomes[entry["test"]] = entry["outcome"]
        how[entry["test"]] = entry.get("repaired", "") if entry["outcome"] == "passed" else ""
        seconds += entry["seconds"]
    failed = sorted(test for test, outcome in outcomes.items() if outcome != "passed")
    said = f"{len(outcomes) - len(failed)} of {len(outcomes)} passed, {seconds / 60:.0f} min"
    if any(how.values()):
        said += f"; {repaired(list(how.values()))}"
    if failed:
        said += "; failed: " + ", ".join(test.rpartition("::")[2] for test in failed)
    return f"| The stages of the lab | `python -m lab verify` | {said} | {datetime.now(UTC).date()} | {commit} | |"
