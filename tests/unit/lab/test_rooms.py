"""The lab's rooms: each imports itself and those before it, and nothing is large."""

import ast
from pathlib import Path

import pytest

LAB = Path(__file__).parents[3] / "lab"
ROOMS = ["build", "cluster", "platform", "stages"]
SHARED = {"api", "command", "errors", "layout", "paths"}  # what all rooms use; they use each other only
MODULES = sorted(path for path in LAB.rglob("*.py") if "services" not in path.parts)


def place(dotted: str) -> int:
    """Which floor a module of the lab stands on: what is shared, the rooms in their order, then the commands."""
    first = dotted.split(".")[1] if "." in dotted else ""
    return 0 if first in SHARED else ROOMS.index(first) + 1 if first in ROOMS else len(ROOMS) + 1


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lab":
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LAB)))
def test_a_room_imports_only_those_before_it(path: Path) -> None:
    own = ".".join(("lab", *path.relative_to(LAB).with_suffix("").parts))
    assert sorted(name for name in imported(path) if place(name) > place(own)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LAB)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions if (one.end_lineno or 0) - one.lineno >= 40] == []


def test_only_what_all_use_and_the_commands_stand_outside_of_the_rooms() -> None:
    outside = {path.stem for path in LAB.glob("*.py")} - SHARED
    assert outside == {"__init__", "__main__", "access", "cli", "demo", "status", "up", "verify"}
