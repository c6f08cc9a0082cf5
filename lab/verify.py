"""Every test of the lab, for as long as it takes: what was seen to pass on this commit is not run again, so that it can be interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lab.command import run
from lab.errors import LabError
from lab.paths import CACHE, ROOT

BY_ITS_OWN_FIX = "by its own fix"
AS_IT_SAYS = "as it says"
ELSEWHERE = "elsewhere"
FAILED = "failed"


def verify(*, again: bool, fixes: bool) -> int:
    """Run what has not passed yet, of fixes only or of all, and print the line for docs/verification.md. Returns pytest's exit status."""
    if run("git", "-C", ROOT, "status", "--porcelain").stdout:
        raise LabError("a result needs a commit that it was seen on: commit or stash what has changed")
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").stdout.strip()
    record, repairs = (CACHE / "verified" / f"{commit}{what}.jsonl" for what in ("", "-repaired"))
    record.parent.mkdir(parents=True, exist_ok=True)
    for file in ([repairs] if fixes else [record, repairs]) if again else ():
        file.unlink(missing_ok=True)
    which = ["tests/lab/test_fixes.py"] if fixes else ["tests/lab", f"--verified={record}"]
    status = subprocess.run([sys.executable, "-m", "pytest", *which, f"--repaired={repairs}"], cwd=ROOT, check=False).returncode
    print(*([] if fixes else [summary(record, commit)]), summary_of_fixes(repairs, commit), sep="\n")
    return status


def repairs_in(record: Path) -> dict[str, str]:
    """By what each stage was repaired, or why it was not; the last time counts."""
    return {one["stage"]: one["repaired"] for one in map(json.loads, record.read_text().splitlines())} if record.exists() else {}


def repairs_said(repairs: Mapping[str, str]) -> str:
    """How many of the stages needed nothing but the commands of their own findings, and which were not repaired."""
    how = [said.partition(":")[0] for said in repairs.values()]
    said = (
        f"{how.count(BY_ITS_OWN_FIX)} of {len(how)} repaired by their own commands, {how.count(AS_IT_SAYS)} as they say where they say, "
        f"{how.count(ELSEWHERE)} elsewhere, each for its reason"
    )
    failed = ", ".join(sorted(name for name, one in repairs.items() if one.startswith(FAILED)))
    return f"{said}; failed: {failed}" if failed else said


def summary_of_fixes(repairs: Path, commit: str) -> str:
    """The same as a line of docs/verification.md."""
    said = repairs_said(repairs_in(repairs))
    return _row("The fixes that are printed, followed", "python -m lab verify --fixes", said, commit)


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
    return _row("The stages of the lab", "python -m lab verify", said, commit)


def _row(what: str, command: str, said: str, commit: str) -> str:
    return f"| {what} | `{command}` | {said} | {datetime.now(UTC).date()} | {commit} | |"
