"""Of a whole reading every text is looked at, wherever it stands, and nothing else is touched."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Literal

import msgspec
import pytest

from clusterprobe.redaction import MASK, cleaned, redacted

SECRET, CLEAN = "password=tulip99garden", f"password={MASK}"


class Inner(msgspec.Struct):
    text: str = ""
    count: int = 0


class Bare(msgspec.Struct):
    count: int = 0
    state: Literal["Password"] = "Password"


class Thing(msgspec.Struct):
    """Each of its fields may hold text, in another way."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"only_a_name"})

    text: str = ""
    other: str = ""
    maybe: str | None = None
    mixed: str | int = 0
    inner: Inner | None = None
    several: list[Inner] | None = None
    words: list[str] = []
    pair: tuple[str, ...] = ()
    named: dict[str, Inner] = {}
    free: dict[str, Any] = {}
    anything: Any = None
    bare: Bare | None = None
    bares: list[Bare] = []
    own: list[Thing] = []
    labels: dict[str, str] = {}
    targets: list[dict[str, str]] = []
    parameters: Inner | None = None
    annotations: Any = None
    image: str = ""
    only_a_name: str = ""
    digests: list[str] = []
    owners: dict[str, Any] = {}


def looked_at(field: str, value: Any) -> Any:
    """What becomes of a value, which itself stays as it is for the next test."""
    return getattr(cleaned(Thing(**{field: copy.deepcopy(value)})), field)


@pytest.mark.parametrize(
    ("field", "value", "clean"),
    [
        ("text", SECRET, CLEAN),
        ("other", SECRET, CLEAN),
        ("maybe", SECRET, CLEAN),
        ("mixed", SECRET, CLEAN),
        ("inner", Inner(SECRET, 3), Inner(CLEAN, 3)),
        ("several", [Inner("a"), Inner(SECRET)], [Inner("a"), Inner(CLEAN)]),
        ("words", ["a", SECRET], ["a", CLEAN]),
        ("pair", ("a", SECRET), ("a", CLEAN)),
        ("named", {"a": Inner(SECRET)}, {"a": Inner(CLEAN)}),
        ("free", {"a": [SECRET, {SECRET: 1}]}, {"a": [CLEAN, {CLEAN: 1}]}),
        ("anything", [Inner(SECRET), 3, (SECRET,), None], [Inner(CLEAN), 3, (CLEAN,), None]),
        ("own", [Thing(own=[Thing(text=SECRET)])], [Thing(own=[Thing(text=CLEAN)])]),
        ("labels", {"app": SECRET, "b": "c"}, {"app": CLEAN, "b": "c"}),
        ("labels", {"db-password": "tulip99garden"}, {"db-password": MASK}),
        ("labels", {"x/secret": "alertmanager-main", "x/token": "tulip99garden"}, {"x/secret": "alertmanager-main", "x/token": MASK}),
        ("targets", [{"a": "b"}, {"api_token": "tulip99garden"}], [{"a": "b"}, {"api_token": MASK}]),
        ("annotations", {"token": 7, "api-token": "tulip99garden", "a": [SECRET]}, {"token": 7, "api-token": MASK, "a": [CLEAN]}),
        ("annotations", SECRET, CLEAN),
        ("parameters", Inner(SECRET), Inner(CLEAN)),
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(field: str, value: Any, clean: Any) -> None:
    assert looked_at(field, value) == clean


@pytest.mark.parametrize(("field", "value"), [("digests", [SECRET, "a"]), ("owners", {SECRET: [Inner(SECRET)], "a": 1})])
def test_of_what_names_something_nothing_is_taken_out_and_what_is_alike_is_one_object(field: str, value: Any) -> None:
    one = looked_at(field, value)
    assert one == value
    assert looked_at(field, value) is one


def test_what_stands_beside_a_secret_is_kept() -> None:
    one = Thing(text=SECRET, other="a", inner=Inner("b", 2), words=["c"], bare=Bare(5))
    clean = cleaned(one)
    assert clean == Thing(text=CLEAN, other="a", inner=Inner("b", 2), words=["c"], bare=Bare(5))
    assert clean.inner is one.inner
    assert clean.words is one.words


@pytest.mark.parametrize("key", ["secret", "exported_secret", "label_secret", "x.example/secret"])
def test_a_label_that_names_a_secret_is_none(key: str) -> None:
    assert looked_at("labels", {key: "alertmanager-main"}) == {key: "alertmanager-main"}
    assert looked_at("labels", {key: "Tulip Garden"}) == {key: MASK}


def test_only_labels_are_told_by_their_key_alone() -> None:
    assert looked_at("free", {"db-password": "tulip99garden"}) == {"db-password": "tulip99garden"}


@pytest.mark.parametrize("field", ["image", "only_a_name"])
def test_what_only_names_something_is_no_secret_whatever_it_looks_like(field: str) -> None:
    assert looked_at(field, SECRET) == SECRET


@pytest.mark.parametrize(
    "one",
    [
        Thing(),
        Thing(text="a", words=["b"], several=[Inner("c")], named={"a": Inner("d")}, free={"a": [1]}, labels={"app": "api"}),
        Thing(text="What a long sentence: of no interest", pair=("A B",), anything={"a": "B c"}, targets=[{"a": "B c"}]),
        ["a", Inner("A b")],
        ("a", {"b": "C d"}),
        "A sentence",
        7,
    ],
)
def test_what_has_no_secret_is_the_very_same_object(one: Any) -> None:
    assert cleaned(one) is one


def test_a_struct_without_texts_is_the_very_same_object_too() -> None:
    one = Bare(3)
    assert cleaned(one) is one
    assert cleaned([one, SECRET]) == [one, CLEAN]


def test_what_is_written_is_searched_by_form_in_keys_and_values_alike() -> None:
    token = f"ghp_{'a1B2c3D4' * 4}"
    assert redacted({token: [Inner(token, 3)], "password": "tulip99garden", "a": (1, None, f"x {token}")}) == {
        MASK: [{"text": MASK, "count": 3}],
        "password": "tulip99garden",  # a sentence of ours is no key with its value
        "a": [1, None, f"x {MASK}"],
    }
