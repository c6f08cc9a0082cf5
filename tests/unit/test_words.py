"""Numbers, articles and lists in our own sentences."""

import pytest

from clusterprobe.words import a, listed, number


@pytest.mark.parametrize(
    ("count", "noun", "plural", "text"),
    [
        (0, "target", "", "0 targets"),
        (1, "target", "", "1 target"),
        (2, "target", "", "2 targets"),
        (1, "query was", "queries were", "1 query was"),
        (3, "query was", "queries were", "3 queries were"),
    ],
)
def test_a_number_agrees_with_its_noun(count: int, noun: str, plural: str, text: str) -> None:
    assert number(count, noun, plural) == text


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        ("Loki", "a Loki"),
        ("Airflow", "an Airflow"),
        ("object", "an object"),
        ("MLflow", "an MLflow"),
        ("NFS server", "an NFS server"),
        ("PVC", "a PVC"),
        ("UID", "a UID"),
    ],
)
def test_an_article_goes_by_how_a_word_is_said(noun: str, text: str) -> None:
    assert a(noun) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more"), (list("abcde"), "a, b and 3 more")],
)
def test_a_list_that_is_cut_says_how_many_more_there_are(names: list[str], text: str) -> None:
    assert listed(names, 2) == text


def test_a_list_may_be_put_together_otherwise() -> None:
    assert listed(["a: x", "b: y", "c: z"], 2, between="; ") == "a: x; b: y and 1 more"
