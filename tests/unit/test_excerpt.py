"""A bounded piece of text: nothing beyond it is searched, and no cut leaves half a secret."""

import pytest

from clusterprobe.excerpt import AROUND, excerpt

TOKEN = "ghp_" + "a1B2c3D4e5" * 4


@pytest.mark.parametrize("before", [*range(0, 120, 3), *range(340, 440, 3)])
def test_a_secret_at_a_cut_does_not_survive_by_half(before: int):
    text = ("word " * 100)[:before] + " " + TOKEN + " end" * 200
    assert TOKEN[:10] not in excerpt(text, 100)


def test_what_is_short_stays_whole():
    assert excerpt("permission denied: /data", 400) == "permission denied: /data"


def test_it_is_not_longer_than_what_is_kept():
    assert len(excerpt("word " * 10_000, 100)) <= 100


def test_of_one_endless_word_only_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    monkeypatch.setattr("clusterprobe.excerpt.redact", lambda text: seen.append(len(text)) or text)
    assert excerpt("a" * 1_000_000, 100) == "a" * 100
    assert max(seen) <= AROUND * 100
