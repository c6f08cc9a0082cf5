"""The layout shows the architecture: imports point one way, and files and functions stay small."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "clusterprobe"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROBES = sorted((ROOT / "probes").glob("*/probe_*.py"))

# Each layer may import itself and those before it.
LAYERS = [
    {"model", "errors", "shipped", "redaction", "times", "incidents", "correlation", "alert_path", "catalogue", "decoding"},
    {"profile_errors", "profile", "readings"},
    {"sources", "access"},
    {"systems", "environments", "discovery", "expectations", "verdict"},
    {"outcome", "evidence", "history", "settling", "archive", "archive_server", "permissions", "handbook"},
    {"report"},
    {"run", "progress"},
    {"plugin"},
    {"cli", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def layer(module: str) -> str:
    return module.removeprefix("clusterprobe").lstrip(".").split(".")[0]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{one.name}" for one in node.names} if node.module == "clusterprobe" else {node.module}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    own = layer("clusterprobe." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    if own in ("__init__", ""):
        return
    for name in imports(path):
        other = layer(name) if name.startswith("clusterprobe") else ""
        if other and other != "__version__":
            assert RANK[other] <= RANK[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_does_no_input_and_output(path: Path) -> None:
    forbidden = {"requests", "socket", "subprocess", "logging", "time", "datetime", "pytest", "kubernetes", "os"}
    assert not forbidden & {name.split(".")[0] for name in imports(path)}


def test_only_the_plugin_and_the_command_line_know_pytest() -> None:
    knowing = {path.relative_to(PACKAGE).stem for path in MODULES if any(name.split(".")[0] == "pytest" for name in imports(path))}
    assert knowing == {"plugin", "cli"}


@pytest.mark.parametrize("path", [*MODULES, *PROBES], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 40, f"{node.name} in line {node.lineno}"


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_explains_itself(path: Path) -> None:
    from clusterprobe.catalogue import SECTIONS, catalogue

    (entry,) = [one for one in catalogue(ROOT / "probes") if one.path == path]
    assert entry.question.endswith("?")
    assert set(entry.sections) == set(SECTIONS)
    assert all(len(text) > 20 for text in entry.sections.values())


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_has_a_unit_test(path: Path) -> None:
    tests = (ROOT / "tests" / "unit").glob("test_*.py")
    assert any(path.stem in one.read_text() for one in tests)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_structs_are_only_decoded_where_threads_are_kept_apart(path: Path) -> None:
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not {"msgspec.json.decode", "msgspec.json.Decoder", "msgspec.convert"} & set(calls) or path.stem == "decoding"
