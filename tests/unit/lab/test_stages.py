"""Each stage of the lab says what it must lead to, in the module of the same name."""

import importlib
import pkgutil
from types import ModuleType

import pytest

from lab import stages
from lab.stages import all_stages
from lab.verify import repaired
from tests.lab import expectations
from tests.lab.repairs import EDITS, ELSEWHERE

# What they lead to is in the test that stages them: tests/lab/test_seeing.py.
SEEN_ELSEWHERE = {"loki-behind-login-page", "prometheus-stopped"}
NAMES = sorted({one.name for package in (stages, expectations) for one in pkgutil.iter_modules(package.__path__)})


def tables(module: ModuleType) -> set[str]:
    return {name for table in ("STAGES", "BY_HAND") for name in getattr(module, table, ())}


@pytest.mark.parametrize("name", NAMES)
def test_a_module_of_stages_and_that_of_its_expectations_agree(name: str) -> None:
    staged = {one.name for one in importlib.import_module(f"lab.stages.{name}").STAGES}
    wanted = staged - SEEN_ELSEWHERE
    assert wanted == (tables(importlib.import_module(f"tests.lab.expectations.{name}")) if wanted else set())


def test_no_stage_is_there_twice() -> None:
    names = [one.name for name in NAMES for one in importlib.import_module(f"lab.stages.{name}").STAGES]
    assert sorted(names) == sorted(all_stages())


def test_what_is_seen_elsewhere_is_a_stage() -> None:
    assert set(all_stages()) >= SEEN_ELSEWHERE
    assert not SEEN_ELSEWHERE & tables(expectations)


def test_only_what_is_found_is_said_to_be_repaired_elsewhere() -> None:
    found = {name for name, expected in expectations.STAGES.items() if expected.wanted}
    assert set(ELSEWHERE) <= found
    assert set(EDITS) <= found - set(ELSEWHERE)


def test_what_is_repaired_by_its_own_fix_is_counted_beside_what_is_not() -> None:
    how = ["by its own fix", "elsewhere: Git", "", "by its own fix"]
    assert repaired(how) == "2 of 3 repaired by their own fix, 1 where it says that they are repaired"
