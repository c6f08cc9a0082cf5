"""Expressions over the cluster's text: linear in time, bounded in size, and never an odd exception."""

import pytest

from clusterprobe.patterns import PatternError, literal, ours, theirs
from clusterprobe.systems.formats import logfmt
from clusterprobe.systems.formats.exposition import parse_line
from clusterprobe.systems.formats.logfmt import fields_of
from clusterprobe.systems.formats.quoted import end_of, unescaped
from clusterprobe.systems.kubernetes.logs import Line
from clusterprobe.systems.kubernetes.objects import Container
from clusterprobe.systems.loki import own_log as loki_logs
from clusterprobe.systems.loki import query_costs as loki_costs
from clusterprobe.systems.pods import startup_waits as waiting
from clusterprobe.systems.pods import write_refusals as denials

# On each of these a backtracking engine takes quadratic time at least; here ten megabytes are read before anybody notices.
LONG = {
    "letters": "a" * 1_000_000,
    "slashes": "/a" * 500_000,
    "quotes": '"' * 1_000_000,
    "backslashes": 'a="' + "\\" * 1_000_000,
    "pairs": "a=b " * 250_000,
    "blanks": " " * 1_000_000,
    "dots": "a." * 500_000,
    "braces": "{" * 1_000_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_line_is_searched_to_its_end(text: str) -> None:
    assert denials.denials_in([Line(text, 0.0)], ["/data"]) == []
    assert isinstance(logfmt.fields_of(text), dict)
    assert loki_costs.selects_everything(text) is False
    assert isinstance(loki_logs.is_log_query(text), bool)
    assert isinstance(waiting.targets_of(Container(name="a", command=[text])), list)


def test_an_expression_of_theirs_that_is_invalid_says_why() -> None:
    with pytest.raises(PatternError, match="missing"):
        theirs("(a")


@pytest.mark.parametrize("text", ["a{1000}" * 300, "x" * 10_001, "(?:a{30}){30}{30}"])
def test_an_expression_of_theirs_that_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        theirs(text)


def test_half_a_character_is_no_match_and_no_crash() -> None:
    assert ours("a").search("\ud800a")
    assert not ours("^b").search("\ud800")


def test_a_literal_matches_only_itself() -> None:
    assert ours(literal("a.b|c")).fullmatch("a.b|c")
    assert not ours(literal("a.b|c")).fullmatch("axb|c")


def test_hosts_and_ports_are_found_one_after_another() -> None:
    targets = waiting.targets_of(
        Container(name="a", command=["wait-for", "db:5432", "cache:6379", "x:123456", "http://api.shop.svc:8080/"])
    )
    assert [(one.host, one.port) for one in targets] == [("api.shop.svc", 8080), ("db", 5432), ("cache", 6379)]


def test_a_value_in_quotes_ends_at_its_own_quotes() -> None:
    assert fields_of(r'a="b \"c=d\" \\" e=f') == {"a": r'b "c=d" \ '.rstrip(" "), "e": "f"}


def test_quotes_that_do_not_end_hide_what_follows() -> None:
    assert fields_of('a=b c="d e=f') == {"a": "b"}


def test_the_labels_of_a_series_may_hold_anything_in_quotes() -> None:
    one = parse_line(r'a{x="}\",",y="\\n\n",} 2')
    assert one.labels == {"x": '}",', "y": "\\n\n"}
    assert one.value == 2


def test_a_quoted_text_without_an_end_has_none() -> None:
    assert end_of('"abc\\"', 0) == -1
    assert unescaped("\\") == "\\"
