"""Exit statuses are what scripts read: each has one number, in one place."""

import ast
from pathlib import Path

from clusterprobe.exits import Exit, summary

ROOT = Path(__file__).parents[2]


def test_the_numbers_stay_what_scripts_know() -> None:
    assert {one.name: int(one) for one in Exit} == {
        "HEALTHY": 0,
        "FINDINGS": 1,
        "INCOMPLETE": 2,
        "BROKEN": 3,
        "USAGE": 4,
        "NOTHING_SELECTED": 5,
    }


def test_help_says_all_of_them() -> None:
    assert summary().startswith("Exit status: 0 healthy, 1 findings, 2 incomplete, 3 it broke")


def test_no_command_returns_another_number() -> None:
    tree = ast.parse((ROOT / "src/clusterprobe/cli.py").read_text()), ast.parse((ROOT / "src/clusterprobe/launch.py").read_text())
    returned = [ast.unparse(node.value) for one in tree for node in ast.walk(one) if isinstance(node, ast.Return) and node.value]
    assert {text for text in returned if text.lstrip("-").isdigit()} <= {"0"}
