"""What readings prove when nothing is left of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings

WHOLE, NARROW = "there is no Pod in the cluster", "no pod is labelled as a Prometheus"

subjects = st.builds(Subject, kind=st.just("Pod"), name=st.text("abc", min_size=1, max_size=3))
blind = st.builds(Unchecked, subject=subjects, reason=st.just("not allowed"))
readings = st.builds(
    Readings,
    st.lists(st.tuples(subjects, st.integers())).map(tuple),
    st.lists(blind, max_size=2).map(tuple),
    st.sampled_from(["", WHOLE]),
)


def some(*names: str) -> Readings[int]:
    return Readings(tuple((Subject(kind="Pod", name=name), number) for number, name in enumerate(names)), (), WHOLE)


def test_none_kept_of_some_is_absent_for_the_reason_of_the_choice():
    assert some("a", "b").keep(lambda *_: False, NARROW).absent == NARROW


def test_none_kept_of_none_is_absent_for_the_reason_of_the_list():
    assert some().keep(lambda *_: True, NARROW).absent == WHOLE


def test_none_kept_of_none_without_a_reason_is_absent_for_the_reason_of_the_choice():
    assert Readings().keep(lambda *_: True, NARROW).absent == NARROW


def test_a_second_choice_keeps_the_reason_of_the_first_that_left_nothing():
    assert some("a").keep(lambda *_: False, NARROW).keep(lambda *_: False, "none is ready").absent == NARROW


@given(readings, st.booleans(), st.sampled_from(["", NARROW]))
def test_a_choice_never_says_that_the_list_is_empty_where_it_is_not(before: Readings[int], wanted: bool, reason: str):
    after = before.keep(lambda *_: wanted, reason)
    assert after.unreadable == before.unreadable
    assert not before.values or after.absent != WHOLE
    assert after.values == (before.values if wanted else ())


@given(readings)
def test_a_change_of_values_proves_the_same(before: Readings[int]):
    after = before.map(lambda _, value: value + 1)
    assert (after.unreadable, after.absent, len(after)) == (before.unreadable, before.absent, len(before))


def test_who_changes_what_stands_by_name_changes_it_for_nobody_else() -> None:
    whole = some("a", "b")
    whole.by_name().clear()
    assert whole.by_name() == {("", "a"): 0, ("", "b"): 1}
    assert whole == some("a", "b")
