"""What of the lab's tests CI runs, and what is written down of the rest."""

import json
from pathlib import Path

from lab.verify import summary
from tests.lab.expectations import STAGES
from tests.lab.rounds import BEYOND_CI, FIRST, rounds, rounds_of_ci


def areas_of(chosen: list[tuple[str, ...]]) -> set[str]:
    return {probe.partition("/")[0] for names in chosen for name in names for probe, _ in STAGES[name].wanted}


def test_every_stage_is_in_one_round():
    assert sorted(name for names in rounds() for name in names) == sorted(STAGES)


def test_ci_stages_the_first_incidents_and_one_of_every_area():
    assert {name for names in rounds_of_ci() for name in names} >= set(FIRST)
    assert areas_of(rounds_of_ci()) == areas_of([names for names in rounds() if not set(names) & set(BEYOND_CI)])
    assert set(rounds_of_ci()) < set(rounds())


def test_the_last_outcome_of_a_test_is_what_is_written_down(tmp_path: Path):
    record = tmp_path / "1a2b3c4.jsonl"
    entries = [("a.py::test_one", "failed", 30.0), ("a.py::test_two", "failed", 60.0), ("a.py::test_one", "passed", 90.0)]
    record.write_text("".join(json.dumps({"test": test, "outcome": said, "seconds": took}) + "\n" for test, said, took in entries))
    line = summary(record, "1a2b3c4")
    assert "1 of 2 passed, 3 min; failed: test_two" in line
    assert "| 1a2b3c4 |" in line


def test_a_record_of_nothing_says_that_nothing_ran(tmp_path: Path):
    assert "0 of 0 passed" in summary(tmp_path / "none.jsonl", "1a2b3c4")
