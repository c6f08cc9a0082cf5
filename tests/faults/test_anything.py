"""Whatever a server answers, a run ends in time, with its report, and with an honest exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.chaos import Seen, observe

DEADLINE_SECONDS = 5
MOST_MB = 300
PATIENCE_SECONDS = 120  # a busy machine; `python -m bench.anything` says how long it takes

# One of each kind; `python -m bench.anything` tries all of them in every place.
KINDS = ["silence", "endless-headers", "bomb", "bomb-of-arrays", "deep-arrays", "endless-lists", "garbage", "long-letters"]
HOLDING = {"silence", "body-drips", "endless-interim-answers"}  # the others reach a limit, on a quick machine before the signal
ENDLESS = ["silence", "body-drips", "endless-body", "endless-interim-answers", "endless-chunks", "endless-lists", "long-letters"]


def check(seen: Seen, behaviour: str) -> None:
    """It is never healthy; answers that are whole but for a text of any length may well be judged."""
    assert "Traceback" not in seen.said, seen.said
    assert "Exception ignored" not in seen.said, seen.said
    assert seen.peak_mb < MOST_MB
    assert seen.status in ((1, 2) if behaviour.startswith("long-") else (2,)), seen.said
    assert seen.results["run"]["exit_status"] == seen.status
    assert (seen.folder / "index.html").read_text().rstrip().endswith("</html>")


@pytest.mark.parametrize("behaviour", KINDS)
def test_a_run_against_it_ends_with_its_report(behaviour: str, tmp_path: Path) -> None:
    place = "once-it-is-known-who-asks"
    check(observe(behaviour, place, tmp_path, deadline_seconds=DEADLINE_SECONDS, patience_seconds=PATIENCE_SECONDS), behaviour)


@pytest.mark.parametrize("behaviour", KINDS)
def test_a_run_against_systems_that_do_it_ends_with_its_report(behaviour: str, tmp_path: Path) -> None:
    place = "in-what-runs-there"
    seen = observe(behaviour, place, tmp_path, deadline_seconds=DEADLINE_SECONDS, patience_seconds=PATIENCE_SECONDS)
    if behaviour == "endless-lists":  # they have none
        assert "Traceback" not in seen.said
    else:
        check(seen, behaviour)


@pytest.mark.parametrize("behaviour", ["silence", "garbage"])
def test_a_run_that_does_not_even_know_who_asks_ends_with_its_report(behaviour: str, tmp_path: Path) -> None:
    check(observe(behaviour, "everywhere", tmp_path, deadline_seconds=DEADLINE_SECONDS, patience_seconds=PATIENCE_SECONDS), behaviour)


@pytest.mark.parametrize("behaviour", ENDLESS)
def test_a_run_that_is_told_to_end_does_so_with_its_report(behaviour: str, tmp_path: Path) -> None:
    place = "once-it-is-known-who-asks"
    seen = observe(behaviour, place, tmp_path, deadline_seconds=600, patience_seconds=PATIENCE_SECONDS, signal_after=1.0)
    check(seen, behaviour)
    assert seen.results["run"]["interrupted"] or behaviour not in HOLDING
