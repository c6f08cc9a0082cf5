"""Each stage of the lab says what it must lead to, in the module of the same name."""

import importlib
import json
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

from lab import stages
from lab.stages import all_stages
from lab.verify import repairs_in, repairs_said
from tests.lab import expectations
from tests.lab.repairs import ALONE, EDITS, GIVEN, OTHERWISE, WAYS, WHERE
from tests.lab.rounds import rounds_of_fixes

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
    assert set(WHERE) <= found
    assert set(EDITS) | set(WAYS) | set(GIVEN) <= found - set(WHERE)
    assert set(WAYS.values()) == {one for one in WAYS.values() if one.startswith(OTHERWISE)}


def test_what_is_repaired_by_its_own_fix_is_counted_beside_what_is_not(tmp_path: Path) -> None:
    record = tmp_path / "1a2b3c4-repaired.jsonl"
    said = [
        ("a", "failed: $ kubectl"),
        ("b", "by its own fix"),
        ("c", "elsewhere: Git"),
        ("a", "by its own fix"),
        ("d", "failed: still there"),
        ("e", "as it says: the client"),
    ]
    record.write_text("".join(json.dumps({"stage": name, "repaired": how}) + "\n" for name, how in said))
    assert (
        repairs_said(repairs_in(record))
        == "2 of 5 repaired by their own commands, 1 as they say where they say, 1 elsewhere, each for its reason; failed: d"
    )
    assert (
        repairs_said(repairs_in(tmp_path / "none"))
        == "0 of 0 repaired by their own commands, 0 as they say where they say, 0 elsewhere, each for its reason"
    )


def test_what_is_to_be_repaired_is_repaired_once_and_what_failed_alone() -> None:
    every = [name for names in rounds_of_fixes({}, ALONE) for name in names]
    assert sorted(every) == sorted(name for name, one in expectations.STAGES.items() if one.wanted)
    assert all((name,) in rounds_of_fixes({}, ALONE) for name in ALONE)
    first = rounds_of_fixes({}, ALONE)[0]
    some = {first[0]: "failed: still there", first[1]: "by its own fix", first[2]: "elsewhere: Git"}
    assert first[3:] in rounds_of_fixes(some, ALONE)
    assert (first[0],) in rounds_of_fixes(some, ALONE)
    assert not {first[1], first[2]} & {name for names in rounds_of_fixes(some, ALONE) for name in names}


def test_no_two_of_a_round_are_found_by_the_same_words() -> None:
    for names in rounds_of_fixes({}, ALONE):
        keys = [key for name in names for key in expectations.STAGES[name].wanted]
        assert len(keys) == len(set(keys)), names
