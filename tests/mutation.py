"""Changes of a room's code that none of its tests notices: `tox -e mutation -- ROOM [MUTANT…]`.

It works in `build/mutation/ROOM`, where a second run tries only what has changed since, or the mutants that are named (`*` stands for
anything). Where a wrong answer would pass for health there is a room: what a verdict is, what is taken out, whether a list is whole, and
what is cleaned up.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = ("src", "tests", "probes", "profiles", "demo", "docs", "conftest.py")
ENOUGH = 0.85


@dataclass(frozen=True)
class Room:
    """What is changed, and the tests that have to notice.

    Those that are `slow`, or that wait for the real time, are left out: they would be asked again for each change, and on a machine that
    does other work one that is late would pass for one that noticed.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]
    slow: tuple[str, ...] = ()


ROOMS = {
    "verdicts": Room(
        code=tuple(f"src/clusterprobe/{name}.py" for name in ("verdict", "roles", "judging", "outcome")),
        tests=tuple(f"tests/unit/test_{name}.py" for name in ("verdict", "roles", "judging", "outcome")),
        slow=(
            "tests/unit/test_verdict.py::test_nothing_examined_is_never_a_pass",
            "tests/unit/test_verdict.py::test_an_unreadable_reading_never_moves_a_verdict_towards_pass",
            "tests/unit/test_verdict.py::test_what_only_enriches_changes_no_verdict",
        ),
    ),
    "redaction": Room(
        code=("src/clusterprobe/redaction/*.py",),
        tests=(
            "tests/unit/test_redaction.py",
            "tests/secrets/test_alike.py",
            "tests/secrets/test_bounds.py",
            "tests/secrets/test_exactly.py",
            "tests/secrets/test_what_is_left.py",
            "tests/secrets/test_bounds_of_wordings.py",
            "tests/secrets/test_keys.py",
            "tests/secrets/test_looks.py",
            "tests/secrets/test_readings.py",
            "tests/secrets/test_shapes.py::test_no_shape_comes_through",
            "tests/secrets/test_shapes.py::test_what_is_no_secret_stays",
        ),
    ),
    "paging": Room(
        code=("src/clusterprobe/access/cluster.py", "src/clusterprobe/access/pages.py"),
        tests=("tests/unit/access/test_cluster.py", "tests/unit/access/test_cluster_answers.py"),
        slow=(
            "tests/unit/access/test_cluster.py::test_a_pod_that_does_not_answer_is_asked_twice_and_others_still_are",
            "tests/unit/access/test_cluster.py::test_the_logs_of_a_node_whose_kubelet_does_not_answer_are_asked_for_twice",
        ),
    ),
    "clean-up": Room(
        code=("src/clusterprobe/access/active.py", "src/clusterprobe/access/lease.py"),
        tests=(
            "tests/unit/access/test_workspace.py",
            "tests/unit/access/test_workspace_objects.py",
            "tests/unit/access/test_janitor.py",
            "tests/unit/access/test_lease.py",
            "tests/unit/test_active_runs.py",
        ),
        slow=tuple(
            f"tests/unit/test_active_runs.py::test_{name}"
            for name in (
                "another_run_at_work_is_left_alone",
                "the_janitor_removes_what_a_killed_run_left_and_nothing_else",
                "a_volume_of_a_run_at_work_elsewhere_is_left_alone",
                "interrupted_at_any_request_nothing_is_left",
            )
        ),
    ),
}


def configuration(room: Room) -> str:
    """The project's configuration, with what mutmut has to know of a room."""
    options = {
        "source_paths": ["src"],
        "only_mutate": room.code,
        "pytest_add_cli_args_test_selection": room.tests,
        "pytest_add_cli_args": [f"--deselect={one}" for one in room.slow],
        "timeout_constant": 4.0,  # times 15: beside other work one second is soon over, and who is late passes for noticed
        "also_copy": [one for one in NEEDED if one != "src"],
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    return f"{(ROOT / 'pyproject.toml').read_text(encoding='utf-8')}\n[tool.mutmut]\n{lines}"


def prepare(room: Room, folder: Path) -> None:
    """A copy of what the tests need, with its times, by which mutmut sees what has changed."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / "pyproject.toml").write_text(configuration(room), encoding="utf-8")


def told(results: str) -> bool:
    """Print what went unnoticed, or did not end, and how many were noticed, by module; whether those are enough."""
    noticed, tried = Counter[str](), Counter[str]()
    for line in sorted(filter(None, results.splitlines())):
        mutant, _, status = line.strip().rpartition(": ")
        if status == "not checked":
            continue
        module = mutant.rpartition(".")[0]
        tried[module] += 1
        noticed[module] += status in ("killed", "timeout")
        if status != "killed":
            print(f"{mutant}: {status}")
    for module, count in tried.items():
        print(f"{module}: {noticed[module]} of {count} noticed")
    print(f"{noticed.total()} of {tried.total()} noticed, {ENOUGH:.0%} are enough")
    return noticed.total() >= ENOUGH * tried.total() > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("mutants", nargs="*", help="only these; * stands for anything")
    parser.add_argument("--children", type=int, default=2, help="so many mutants are tried at once")
    given = parser.parse_intermixed_args()
    folder = ROOT / "build" / "mutation" / given.room
    prepare(ROOMS[given.room], folder)
    mutmut = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()"]
    subprocess.run([*mutmut, "run", "--max-children", str(given.children), *given.mutants], cwd=folder, check=True)
    results = subprocess.run([*mutmut, "results", "--all", "true"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return 0 if told(results) else 1


if __name__ == "__main__":
    sys.exit(main())
