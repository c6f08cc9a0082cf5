"""What is asked first of a text, whether it may hold anything, gives no secret away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterprobe.redaction import forms, wordings
from clusterprobe.redaction.canonical import AnyOf, Text, pattern, readings
from tests.secrets.corpus import SHAPES
from tests.secrets.planting import WRITTEN
from tests.secrets.sentences import SENTENCES

# Looked for once another one was found.
LATER = {"_VALUE", "_ROW", "_COLUMN", "_OTHER_ITEM", "_NEXT_ITEM", "_BOTH", "_A_NAME", "_DATA", "_OF_A_DIGEST", "_OF_A_CHECKSUM"}


def texts(way: str) -> Iterator[Text]:
    for text in [*(WRITTEN[way](one.text) for one in SHAPES), *SENTENCES]:
        yield from readings(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("way", WRITTEN)
def test_the_same_is_found_as_if_nothing_were_asked_first(way: str) -> None:
    for one in texts(way):
        assert list(wordings.spans(one)) == list(wordings._each(one)), one.plain
        found = [*forms._of_words(one.plain), *forms._of_addresses(one.plain), *forms._of_users(one.plain)]
        found += forms._ends_of_keys(one.plain)
        assert list(forms.spans(one.plain)) == found, one.plain


def test_no_kind_of_wording_was_forgotten() -> None:
    source = Path(wordings.__file__).read_text()
    made = set(re.findall(r"^(_[A-Z_]+) = pattern\(", source, re.MULTILINE)) - LATER
    asked = set(re.findall(r"_[A-Z_]+", source.partition("_ANY = AnyOf(")[2].partition("\n)\n")[0]))
    assert made - asked == set()


def test_one_that_matches_is_enough_and_a_long_text_is_searched_in_any_case() -> None:
    either = AnyOf(pattern(r"(?i)one\b"), pattern(r"^two"))
    assert [either.may_be_in(text) for text in (b"ONE of it", b"two", b"not two", b"ones", b"x" * 1025)] == [True, True, False, False, True]
