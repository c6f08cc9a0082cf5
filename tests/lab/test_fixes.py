"""Every incident repaired as its own finding says: the printed commands are run as they are, and the next run has to be healthy.

Where a fix is made elsewhere, such as in Git, `repairs.py` says so, and the stage's own repair does just that. What no command repairs, and
is not named there, fails.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Step
from lab.paths import KUBECONFIG
from lab.stages import clear, stage
from tests.lab.expectations import STAGES
from tests.lab.repairs import EDITS, ELSEWHERE, OTHERWISE, Edit
from tests.lab.running import Done
from tests.lab.test_stages import found, options_of, wait_until_found, wait_until_healthy

COMMAND_SECONDS = 300  # a wait for pods that end has its own limit, of 15 minutes
NAMES = [name for name, expected in STAGES.items() if expected.wanted]


def steps_of(done: Done, names: set[tuple[str, str]]) -> list[tuple[str, Step]]:
    """The steps of every finding of these kinds, each step once: two findings may print the same."""
    steps: dict[str, tuple[str, Step]] = {}
    for probe in done.results["probes"]:
        for one in probe["findings"]:
            if (probe["id"], one["reason"]) in names:
                for step in msgspec.convert(one["steps"], list[Step]):
                    steps.setdefault(str(step), (one["reason"], step))
    return list(steps.values())


def to_run(steps: list[tuple[str, Step]]) -> Iterator[str]:
    """The commands that change something, and those that write a file which a later one reads, in order."""
    for _, step in steps:
        if not step.text.startswith(OTHERWISE):
            wanted = step.commands if step.kind != "look" else [one for one in step.commands if one.target]
            yield from map(line, wanted)


def follow(commands: list[str], folder: Path, edit: Edit | None) -> None:
    """Paste each into a shell, as somebody does who trusts what is printed; a file that it says to change is changed once it is there."""
    for command in commands:
        if edit and (copy := folder / edit.file).is_file():
            copy.write_text(edit.of(copy.read_text()))
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, "KUBECONFIG": str(KUBECONFIG)},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed_repairs_it(name: str, tmp_path: Path, record_property: Callable[[str, Any], None]) -> None:
    expected = STAGES[name]
    options = options_of(expected)
    cleared = False
    stage(name, expected.environment)
    try:
        done = wait_until_found(tmp_path / "staged", (name,), *options)
        commands = list(to_run(steps_of(done, set(expected.wanted) | found(done))))
        if name in ELSEWHERE:
            clear(name, expected.environment)
            cleared = True
            record_property("repaired", f"elsewhere: {ELSEWHERE[name]}")
        else:
            assert commands, f"no command repairs {name}, and nothing says where else it is repaired"
            follow(commands, tmp_path, EDITS.get(name))
            record_property("repaired", "by its own fix")
        after = wait_until_healthy(tmp_path / "repaired", *options)
        left = after.found("warning", "error", "critical")
        assert not left & set(expected.wanted), after.said
        assert not found(after), after.said
    finally:
        if not cleared:
            clear(name, expected.environment)
            wait_until_healthy(tmp_path / "cleared", *options)
