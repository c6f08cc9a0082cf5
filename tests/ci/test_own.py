"""The project's own checks: tox's environments, the workflow that runs them, and what runs before a commit."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ci.steps import ACTION, CI, ROOT, read
from tests.mutation import NEEDED, ROOMS, Room

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOWS = sorted(WORKFLOW.parent.glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
APART = {"tests/browser", "tests/clocks", "tests/lab", "tests/release", "tests/s3"}  # they need root, or a program that takes long to build
PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v[\d.]+)$")


def tox() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "tox.ini")
    return found


def words(section: str, key: str) -> list[str]:
    return tox()[section][key].split()


def jobs() -> dict:
    return read(WORKFLOW)["jobs"]


def used(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text().split("\n") if re.search(r"^\s*(- )?uses: (?!example/)", line)]


# --- tox ---------------------------------------------------------------------------------------------------------------


def test_every_suite_that_needs_no_root_is_in_exactly_one_environment() -> None:
    suites = [*words("suites", "unit"), *words("suites", "faults")]
    folders = {f"tests/{one.relative_to(ROOT / 'tests').parts[0]}" for one in (ROOT / "tests").rglob("test_*.py")}
    assert len(set(suites)) == len(suites)
    assert set(suites) == folders - APART


def test_what_runs_all_is_made_of_the_others() -> None:
    commands = tox()["testenv:tests"]["commands"]
    assert "{[testenv:lint]commands}" in commands
    assert "{[suites]unit} {[suites]faults}" in commands
    assert tox()["tox"]["env_list"] == "tests"


def test_the_documents_are_checked_by_tests_that_are_there() -> None:
    assert [one for one in words("suites", "docs") if not (ROOT / one).is_file()] == []


@pytest.mark.parametrize("room", ROOMS.values(), ids=list(ROOMS))
def test_what_is_mutated_is_there_and_so_is_what_has_to_notice(room: Room) -> None:
    assert [one for one in room.code if not [*ROOT.glob(one)]] == []
    assert [one for one in (*NEEDED, *room.tests, *room.slow) if not (ROOT / one.partition("::")[0]).exists()] == []


# --- the workflow ------------------------------------------------------------------------------------------------------


def test_the_workflows_fit_their_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_the_environments_of_tox_and_leaves_none_of_the_tests_out() -> None:
    matrix = jobs()["tests"]["strategy"]["matrix"]
    assert all(f"testenv:{one}" in tox() for one in matrix["environment"])
    assert {"lint", "unit", "faults"} <= set(matrix["environment"])
    assert matrix["python"] == ["3.11"]
    (step,) = [one for one in jobs()["tests"]["steps"] if one.get("run") == "tox"]
    assert step["env"] == {"TOXENV": "${{ matrix.environment }}"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda one: one.stem)
def test_a_workflow_may_read_only_and_puts_no_expression_into_a_shell(workflow: Path) -> None:
    found = read(workflow)
    assert found["permissions"] == {"contents": "read"}
    assert [step for job in found["jobs"].values() for step in job["steps"] if "${{" in step.get("run", "")] == []
    assert all(job["timeout-minutes"] <= 60 and "permissions" not in job for job in found["jobs"].values())


def test_actions_are_pinned_by_commit_and_each_by_the_same_everywhere() -> None:
    lines = [line for file in (*WORKFLOWS, ACTION, CI / "github" / "example.yml") for line in used(file)]
    found = [PINNED.search(line) for line in lines]
    assert lines
    assert [line for line, pin in zip(lines, found, strict=True) if not pin] == []
    pins = {(pin["action"], pin["commit"], pin["version"]) for pin in found if pin}
    assert len({action for action, _, _ in pins}) == len(pins)


# --- before a commit ---------------------------------------------------------------------------------------------------


def hooks() -> list[dict]:
    return [hook for repo in yaml.safe_load(HOOKS.read_text())["repos"] for hook in repo["hooks"]]


def test_what_runs_before_a_commit_is_pinned() -> None:
    assert [hook["id"] for hook in hooks()] == ["ruff", "ruff-format", "codespell"]
    assert all(re.fullmatch(r"\w+==[\d.]+", one) for hook in hooks() for one in hook["additional_dependencies"])


@pytest.mark.parametrize("hook", hooks(), ids=lambda one: one["id"])
def test_what_runs_before_a_commit_runs_in_tox_too(hook: dict) -> None:
    entry = " ".join(word for word in hook["entry"].split() if not word.startswith("-"))
    assert any(line.startswith(entry) for line in tox()["testenv:lint"]["commands"].split("\n"))
