"""CI's part of the lab's tests, or, with a record of what has passed, all that is left of them."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from lab import api
from lab.paths import STATE
from lab.stages import staged
from lab.stages.nodes import forget_pauses
from lab.verify import repairs_in, repairs_said
from tests.lab.rounds import rounds, rounds_of_ci

FIXES = "test_fixes.py"  # it has a record of its own, of stages
# What CI has no time for; `python -m lab verify` runs it.
BEYOND_CI = ("test_hub.py", "test_notify.py", "test_openreports.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--verified", type=Path, help="run all but what this file says has passed, and add to it")
    parser.addoption("--repaired", type=Path, help="follow every fix but those that this file says have repaired, and add to it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: item.path.name == "test_closing_picture.py")  # last: it is what all the others lead to
    record: Path | None = config.getoption("--verified")
    if record is None and any("::" in argument for argument in config.invocation_params.args):
        return  # what is named is run
    fixes = config.getoption("--repaired") is not None
    left_out = [
        item
        for item in items
        if (not fixes if item.path.name == FIXES else _is_beyond_ci(item) if record is None else item.nodeid in _passed(record))
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_beyond_ci(item: pytest.Item) -> bool:
    if item.path.name in BEYOND_CI:
        return True
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return parameters.get("names", rounds_of_ci()[0]) not in rounds_of_ci()


def _passed(record: Path) -> set[str]:
    entries = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    return {entry["test"] for entry in entries if entry["outcome"] == "passed"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    record: Path | None = item.config.getoption("--verified")
    if record is not None and item.path.name != FIXES and (report.when == "call" or report.failed):
        with record.open("a") as file:
            print(json.dumps({"test": item.nodeid, "outcome": report.outcome, "seconds": round(call.duration, 1)}), file=file)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    repaired: Path | None = config.getoption("--repaired")
    if repaired is not None:
        terminalreporter.write_line(repairs_said(repairs_in(repaired)), bold=True)
    if config.getoption("--verified") is None:
        line = f"{len(rounds_of_ci())} of {len(rounds())} rounds of stages are CI's; all of them: python -m lab verify"
        terminalreporter.write_line(line, bold=True)


@pytest.fixture(scope="session", autouse=True)
def healthy_lab():
    """The lab has to be up, with nothing staged: a test that cannot see the real thing fails, and is not skipped."""
    assert STATE.exists(), "the lab is not up: python -m lab up"
    assert api.answers("/readyz"), "the lab is not up: python -m lab up"
    assert staged() == [], "something is staged already: clear it first"


@pytest.fixture(autouse=True)
def no_pauses_of_before(healthy_lab: None) -> None:
    """What another test's node, or the machine, did within the hour is no finding of this one."""
    forget_pauses()
