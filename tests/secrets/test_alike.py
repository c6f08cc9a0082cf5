"""What is written alike is looked at once and kept once, as long as that is worth its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from clusterprobe.redaction import MASK, cleaned, structs
from clusterprobe.redaction.structs import Cleaner, Remembered

SECRET, CLEAN = "password=tulip99garden", f"password={MASK}"


class Looked(list[Any]):
    """Looks at a value, and notes each look."""

    def __call__(self, value: Any) -> Any:
        self.append(value)
        return [*value, "looked at"]


def looking() -> tuple[Looked, Callable[[Any], Any]]:
    look = Looked()
    return look, structs._once(look)


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "kept"), [(1, True), (512, True), (513, False)])
def test_of_equal_texts_that_are_not_long_there_is_one(length: int, kept: bool) -> None:
    became: list[str] = []
    texts = Remembered(lambda text: became.append(text) or text.upper())  # type: ignore[func-returns-value]
    assert (texts["a" * length], texts["a" * length]) == ("A" * length,) * 2
    assert len(became) == (1 if kept else 2)


def test_so_many_texts_are_remembered_and_then_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structs, "MOST", 2)
    texts = Remembered(str.upper)
    sizes = [len(texts) for one in ("a", "b", "a", "c", "b") if texts[one] == one.upper()]
    assert sizes == [1, 2, 2, 1, 2]


# --- parts -----------------------------------------------------------------------------------------------------------


def test_what_is_alike_is_looked_at_once_and_is_one_object() -> None:
    look, visit = looking()
    first = visit(["a"])
    assert (first, visit(["a"]) is first, look) == (["a", "looked at"], True, [["a"]])
    assert visit(["b"]) == ["b", "looked at"]


@pytest.mark.parametrize("odd", [[object()], [2**70]], ids=["no-data", "too-large"])
def test_what_cannot_be_compared_is_looked_at_each_time(odd: list[Any]) -> None:
    look, visit = looking()
    assert [visit(odd), visit(odd)] == [[*odd, "looked at"]] * 2
    assert look == [odd, odd]


@pytest.mark.parametrize(("length", "looks"), [(507, 1), (508, 2)])  # and five bytes for the list and the length of its text
def test_a_long_part_is_not_remembered(length: int, looks: int) -> None:
    look, visit = looking()
    assert visit(["a" * length]) == visit(["a" * length])
    assert len(look) == looks


def test_where_nearly_all_are_unlike_each_other_nothing_is_remembered_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structs, "TRIED", 8)
    look, visit = looking()
    for number in range(8):
        visit([number])
    visit([0])
    assert len(look) == 8  # not given up yet
    visit([8])
    visit([0])
    assert len(look) == 10  # now it is: of nine that were unlike one was found again, and more than four times that were not


def test_where_many_are_alike_they_are_remembered_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structs, "TRIED", 8)
    look, visit = looking()
    for number in range(40):
        visit([number // 2])
    assert look == [[number] for number in range(20)]


def test_so_many_parts_are_remembered_and_then_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structs, "MOST", 2)
    look, visit = looking()
    for number in (0, 1, 2, 0, 3, 0, 3):
        visit([number])
    assert look == [[0], [1], [2], [3], [0]]  # the fourth found three of them there, and three are more than two


# --- a cleaner of one's own ------------------------------------------------------------------------------------------


class Named(msgspec.Struct):
    text: str = ""
    image: str = ""
    labels: dict[str, str] = {}


def test_texts_are_looked_through_and_labels_are_asked_for_by_key_and_value() -> None:
    asked: list[tuple[str, str]] = []

    def told(key: str, value: str) -> bool:
        asked.append((key, value))
        return key == "a"

    clean = Cleaner(str.upper, told, "***")
    one = Named("Some text", "Some image", {"a": "B", "c": "D e", "f": "g"})
    assert clean([one, "x y", "plain-1.2/z"]) == [
        Named("SOME TEXT", "Some image", {"a": "***", "c": "D E", "f": "g"}),
        "X Y",
        "plain-1.2/z",
    ]
    assert asked == [("a", "B"), ("c", "D e"), ("f", "g")]


def test_what_is_forgotten_is_looked_at_anew() -> None:
    looked: list[str] = []
    clean = Cleaner(lambda text: looked.append(text) or "", lambda *_: False, "***")  # type: ignore[func-returns-value]
    for times in (1, 2):
        assert (clean("A b"), clean("A b"), looked) == ("", "", ["A b"] * times)
        clean.forget()


# --- maps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "clean"),
    [
        ({SECRET: 1, "password=hockey77monkey": 2}, {CLEAN: 2}),
        ({CLEAN: 1, SECRET: 1}, {CLEAN: 1}),
        ({SECRET: 1, CLEAN: 1}, {CLEAN: 1}),
        ({"a": SECRET, "b": 1}, {"a": CLEAN, "b": 1}),
    ],
)
def test_of_a_map_no_key_with_a_secret_is_left_even_where_two_become_one(one: dict[str, Any], clean: dict[str, Any]) -> None:
    assert cleaned(one) == clean
