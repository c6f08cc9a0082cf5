"""CONTRIBUTING.md: its probe runs with its test, and what it names is there."""

import ast
import configparser
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from clusterprobe.catalogue import SECTIONS, catalogue
from clusterprobe.cli import app
from clusterprobe.sources import all_sources

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- (\S+\.py) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
PROBE, TEST = EXAMPLES
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
CODE = re.findall(r"`([^`]+)`", PROSE)
OURS = 'lint.isort.known-first-party = ["clusterprobe", "probes", "tests"]'  # ruff looks for the files, which are not there


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The examples where they say that they belong, with what they use."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    for module in ("factories", "examples"):
        shutil.copy(ROOT / "tests" / f"{module}.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


# --- the whole one -----------------------------------------------------------------------------------------------------


def test_the_probe_passes_its_test_as_both_are_shown(clone: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", f"--rootdir={clone}", TEST]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert "7 passed" in done.stdout, done.stdout + done.stderr


def test_the_probe_is_one_that_the_suite_finds_and_explains(clone: Path) -> None:
    (entry,) = catalogue(clone / "probes")
    assert entry.question.endswith("?")
    assert set(entry.sections) == set(SECTIONS)
    assert entry.id not in {one.id for one in catalogue(ROOT / "probes")}
    (function,) = [node for node in ast.parse(EXAMPLES[PROBE]).body if isinstance(node, ast.FunctionDef)]
    assert (function.end_lineno or 0) - function.lineno < 40


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("check", [["check", "--config", OURS], ["format", "--check"]], ids=lambda one: one[0])
def test_the_examples_keep_to_the_style(name: str, check: list[str]) -> None:
    command = [sys.executable, "-m", "ruff", *check, "--stdin-filename", str(ROOT / name), "-"]
    done = subprocess.run(command, cwd=ROOT, input=EXAMPLES[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- what the page names -----------------------------------------------------------------------------------------------


def test_the_values_that_a_probe_is_given_are_those_that_probes_ask_for() -> None:
    asked = {name for one in catalogue(ROOT / "probes") for name in one.parameters} - set(all_sources())
    assert set(re.findall(r"^\| `(\w+)` \|", section("What a probe is given"), re.MULTILINE)) == asked


def test_every_environment_of_tox_is_there() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    named = {one for text in CODE for one in re.findall(r"^tox -e (\w+)", text)}
    assert {"probe", "lint", "unit", "faults", "docs"} <= named
    assert [one for one in named if f"testenv:{one}" not in tox] == []


def test_every_command_is_there() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = {one for text in CODE for one in re.findall(r"\bclusterprobe ([a-z-]+)", text)}
    assert {"new-probe", "docs", "demo", "run"} <= named <= commands
    modules = {one for text in CODE for one in re.findall(r"python -m ([\w.]+)", text)}
    assert {"tests.faults.record", "lab"} <= modules
    assert [one for one in modules if importlib.util.find_spec(one) is None] == []


@pytest.mark.parametrize(
    "path", sorted({one for one in CODE if re.fullmatch(r"(tests|src|lab|docs|demo|deploy|systems|access)/[\w./-]*", one)})
)
def test_every_path_is_there(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "src" / "clusterprobe" / path).exists()


def used() -> list[tuple[str, str]]:
    """(module, name) of what there is to use, where a row gives a module with names."""
    found = []
    for row in section("What is there to use").split("\n"):
        for module, names in re.findall(r"`(clusterprobe\.\w+|tests/factories\.py)`: ((?:`\w+`(?:, )?)+)", row):
            dotted = module.removesuffix(".py").replace("/", ".")
            found += [(dotted, name) for name in re.findall(r"`(\w+)`", names)]
    return found


@pytest.mark.parametrize(("module", "name"), used())
def test_what_there_is_to_use_is_there(module: str, name: str) -> None:
    assert callable(getattr(importlib.import_module(module), name))
