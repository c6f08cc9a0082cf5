"""What an expression of PromQL asks for, by its words alone, without evaluating it: its metrics, and the namespaces of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from clusterprobe.patterns import ours

MAX_QUERY = 100_000  # characters of an expression that are looked at
# A string, a comment, a duration or number with what follows it, a name, or any one character.
_TOKEN = ours(r"""(?s)"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*|[0-9][0-9a-zA-Z_.]*|[a-zA-Z_:][a-zA-Z0-9_:.]*|.""")
_NAME = ours(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_WITH_LABELS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {*_WITH_LABELS, "and", "or", "unless", "atan2", "bool", "offset", "start", "end", "inf", "nan"}
_ABSENT = {"absent", "absent_over_time"}
# What leaves labels of its operands out, and what writes others.
_DROPS = {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile", *_WITH_LABELS}
_REWRITES = {"label_replace", "label_join", "info"}
_QUOTES = "\"'`"
_PAIRS = {"(": ")", "{": "}", "[": "]"}


def metrics_in(query: str) -> set[str]:
    """The names of metrics in an expression. What stands in `absent()` alone is wanted to be away, and is none of them.

    >>> sorted(metrics_in('sum by (pod) (rate(a_total{le="b"}[5m])) > on (x) group_left c offset 1h'))
    ['a_total', 'c']
    >>> sorted(metrics_in('absent(up{job="x"} == 1) or {__name__="d"} > 1e3'))
    []
    """
    return set(_names(_tokens(query)))


def namespaces_in(query: str) -> list[str] | None:
    """The namespaces that its answer can be of, "" for none; None where that can be any.

    >>> namespaces_in('up{namespace="shop", job="x"} == 0')
    ['shop']
    >>> namespaces_in('sum by (pod) (rate(a_total{namespace="shop"}[5m])) > 1')
    ['', 'shop']
    >>> namespaces_in('absent(up{job="x"})')
    ['']
    >>> namespaces_in('up{namespace="a"} or up')
    """
    tokens = _tokens(query)
    words = {one.lower() for one in tokens}
    if len(query) > MAX_QUERY or words & _REWRITES:
        return None
    found = {""} if words & _DROPS else set()
    opened = [index for index, one in enumerate(tokens[:-1]) if one.lower() in _ABSENT and tokens[index + 1] == "("]
    absent = {each for index in opened for each in range(index, _behind(tokens, index + 1))}
    selectors = list(_selectors(tokens))
    for index, matchers in selectors:
        value = _equal(matchers, "namespace")
        if value is None and index not in absent:
            return None
        found |= {"", value or ""} if index in absent else {value or ""}
    return sorted(found if selectors else {""})


def _selectors(tokens: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Where each selector begins, with what stands in its braces."""
    index = 0
    while index < len(tokens):
        one, after = tokens[index], tokens[index + 1] if index + 1 < len(tokens) else ""
        end = _behind(tokens, index) if one in ("{", "[") else index + 1
        if one == "{":
            yield index, tokens[index + 1 : end - 1]
        elif one.lower() in _WITH_LABELS and after == "(":
            end = _behind(tokens, index + 1)
        elif _is_metric(tokens, index) and after != "{":
            yield index, []
        index = end


def _equal(matchers: list[str], label: str) -> str | None:
    """The value that a label must have; None where it may have several, or is written with escapes."""
    for index, one in enumerate(matchers[:-2]):
        value = matchers[index + 2]
        if one.strip(_QUOTES) == label and matchers[index + 1] == "=" and value[0] in _QUOTES and "\\" not in value:
            return value[1:-1]
    return None


@lru_cache(maxsize=64)  # for what is asked of one expression after the other
def _tokens(query: str) -> list[str]:
    return [one for one in _TOKEN.findall(query[:MAX_QUERY]) if not one.isspace() and not one.startswith("#")]


@lru_cache(maxsize=4096)  # rules have the same few words
def _is_name(token: str) -> bool:
    return bool(_NAME.fullmatch(token))


def _is_metric(tokens: list[str], index: int) -> bool:
    one = tokens[index]
    return _is_name(one) and one.lower() not in _WORDS and not _is_function(tokens, index)


def _names(tokens: list[str]) -> Iterator[str]:
    index = 0
    while index < len(tokens):
        one, after = tokens[index], tokens[index + 1] if index + 1 < len(tokens) else ""
        if one in ("{", "[") or (one.lower() in _WITH_LABELS and after == "("):
            index = _behind(tokens, index if one in _PAIRS else index + 1)
        elif one.lower() in _ABSENT and after == "(":
            index = _behind(tokens, index + 1)
        else:
            if _is_metric(tokens, index):
                yield one
            index += 1


def _is_function(tokens: list[str], index: int) -> bool:
    """Whether a name is a function or an aggregation: before its arguments, or before the labels that it groups by."""
    after = tokens[index + 1 : index + 2]
    return after == ["("] or (bool(after) and after[0].lower() in ("by", "without"))


def _behind(tokens: list[str], opened: int) -> int:
    """The index behind the bracket that closes the one at `opened`; the end where none does."""
    begin, end, depth = tokens[opened], _PAIRS[tokens[opened]], 0
    for index in range(opened, len(tokens)):
        depth += (tokens[index] == begin) - (tokens[index] == end)
        if not depth:
            return index + 1
    return len(tokens)
