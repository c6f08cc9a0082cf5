"""What is unreadable is accounted for by the role in a probe's signature, before the probe is called."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.roles import Conditional, Enriching, Examined, Needed, roles_of
from clusterprobe.sources import all_sources
from clusterprobe.verdict import Verdict
from tests.factories import judged, outcome
from tests.faults.harness import probes

WHOLE = Readings(tuple((Subject(kind="Thing", name=name), name) for name in "abc"))
PART = Readings(WHOLE.values[:1], (Unchecked(subject=Subject(kind="Thing", name="b"), reason="refused"),))


def examines(verdict: Verdict, things: Examined[str]) -> None:
    list(things)


def needs(verdict: Verdict, things: Needed[str]) -> None: ...


def enriches(verdict: Verdict, things: Enriching[str]) -> None: ...


def forgets(verdict: Verdict, things: Examined[str]) -> None: ...


def stops(verdict: Verdict, things: Examined[str]) -> None:
    next(iter(things))


def looks_up(verdict: Verdict, things: Examined[str]) -> None:
    assert [value for _, value in things.readings] == ["a", "b", "c"]


def chooses(verdict: Verdict, things: Examined[str]) -> None:
    list(things.keep(lambda _, value: value == "b", "nothing is b"))


def rests(verdict: Verdict, things: Conditional[str]) -> None:
    assert things.need() is things.readings


def has_it_help(verdict: Verdict, things: Conditional[str]) -> None:
    assert things.enrich() is things.readings


def judges_after_all(verdict: Verdict, things: Conditional[str]) -> None:
    list(things.examine())


def says_no_more_than_the_role(verdict: Verdict, things: Examined) -> None:  # type: ignore[type-arg]
    list(things)


def does_not_come_to_it(verdict: Verdict, things: Conditional[str]) -> None: ...


def counted(probe: Callable[..., None], things: Readings[Any]) -> tuple[int, int, int]:
    """How many were examined, how many are unchecked, and how many notes there are."""
    verdict = judged(probe, things=things)
    return verdict.examined, len(verdict.unread), len(verdict.notes)


@pytest.mark.parametrize(
    ("probe", "whole", "part"),
    [
        (examines, (3, 0, 0), (1, 1, 0)),
        (says_no_more_than_the_role, (3, 0, 0), (1, 1, 0)),
        (forgets, (0, 0, 0), (0, 1, 0)),
        (stops, (1, 0, 0), (1, 1, 0)),
        (chooses, (1, 0, 0), (0, 1, 0)),
        (needs, (0, 0, 0), (0, 1, 0)),
        (enriches, (0, 0, 0), (0, 0, 1)),
        (rests, (0, 0, 0), (0, 1, 0)),
        (has_it_help, (0, 0, 0), (0, 0, 1)),
        (judges_after_all, (3, 0, 0), (1, 1, 0)),
        (does_not_come_to_it, (0, 0, 0), (0, 0, 0)),
    ],
)
def test_a_role_accounts_for_what_is_unreadable(probe: Callable[..., None], whole: tuple[int, ...], part: tuple[int, ...]) -> None:
    assert (counted(probe, WHOLE), counted(probe, PART)) == (whole, part)


def test_what_is_only_looked_up_is_not_examined() -> None:
    assert counted(looks_up, WHOLE) == (0, 0, 0)


def test_what_is_chosen_of_what_is_judged_says_why_nothing_was() -> None:
    verdict = judged(chooses, things=Readings(WHOLE.values[:1]))
    assert (outcome(verdict), verdict.absences) == ("not_applicable", ["nothing is b"])


def chooses_without_a_word(verdict: Verdict, things: Examined[str]) -> None:
    list(things.keep(lambda _, value: value == "b"))


def test_what_is_chosen_without_a_word_was_not_found() -> None:
    assert judged(chooses_without_a_word, things=Readings(WHOLE.values[:1])).absences == ["discovery found none"]


def without_a_role(verdict: Verdict, things: Readings[str]) -> None: ...


def without_an_annotation(verdict, things) -> None: ...


def with_another_annotation(verdict: Verdict, things: Annotated[Readings[str], "of a kind"]) -> None: ...


@pytest.mark.parametrize("probe", [without_a_role, without_an_annotation, with_another_annotation])
def test_a_reading_without_a_role_is_refused(probe: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match="things is a reading without a role"):
        judged(probe, things=WHOLE)


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: str(probe.id))
def test_every_reading_of_a_probe_has_a_role(probe: Any) -> None:
    assert set(roles_of(probe.function)) == set(probe.parameters) & set(all_sources())
