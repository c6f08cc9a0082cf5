"""Which of a dashboard's or alert rule's queries Grafana sends to Loki's instant endpoint, and whether they ask for lines.

A Loki query says in `queryType` whether it is instant; where that is missing or odd, the older `instant: true` says so. Its
expression may hold variables (`$namespace`): they stand inside strings, selectors and ranges, so that the beginning still
tells a log query; only where the expression begins with one does it not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from clusterprobe.excerpt import excerpt
from clusterprobe.patterns import ours
from clusterprobe.systems.loki.own_log import is_log_query

TYPES = ("instant", "range", "stream")
MAX_DEPTH = 40  # of a dashboard; rows in rows and tabs nest, but not like that
# What only LogQL has after a selector, for targets whose data source is not said.
_PIPELINE = ours(r'\}\s*(?:\|=|\|~|!=\s*["`]|!~\s*["`]|\|\s*[a-z_]+)')
_VARIABLE = ours(r"\$\{?(\w+)(?::\w+)?\}?|\[\[(\w+)\]\]")
_COMMENT = ours(r"#[^\n]*(?:\n|\z)")


class Instant(msgspec.Struct, frozen=True):
    """A query for the instant endpoint: the panel or rule that it is of. `kind` is `log`, or `unclear` where a variable hides it."""

    place: str
    query: str
    kind: Literal["log", "unclear"]


class Board(msgspec.Struct, frozen=True):
    """A dashboard or an alert rule: how many queries of it go to Loki, and which of them ask the instant endpoint for lines."""

    title: str
    uid: str
    queries: int
    instants: list[Instant]


def board_of(dashboard: dict[str, Any]) -> Board:
    """A dashboard, as its JSON has it (of either schema)."""
    variables = _variables(dashboard)
    targets = [one for one in _targets(dashboard, None, "", 0) if _is_loki(one, variables)]
    spec = dashboard.get("spec") if isinstance(dashboard.get("spec"), dict) else {}
    title = dashboard.get("title") or (spec or {}).get("title")
    return Board(str(title or "?")[:200], str(dashboard.get("uid") or "")[:100], len(targets), _instants(targets))


def board_of_rule(rule: dict[str, Any], types: dict[str, str]) -> Board:
    """An alert rule, as the provisioning API has it; `types` are the data sources' types by their UID."""
    title, targets = str(rule.get("title") or "?")[:200], []
    for query in _dicts(rule.get("data")):
        model = query.get("model") if isinstance(query.get("model"), dict) else {}
        kind = types.get(str(query.get("datasourceUid", "")), "")
        target = {"queryType": query.get("queryType"), **{key: value for key, value in (model or {}).items() if value not in ("", None)}}
        if isinstance(target.get("expr"), str) and (kind == "loki" or (not kind and _of_loki(target.get("datasource"), {}))):
            targets.append((title, {"type": "loki"}, target))
    return Board(title, str(rule.get("uid") or "")[:100], len(targets), _instants(targets))


_Target = tuple[str, Any, dict[str, Any]]


def _targets(node: Any, datasource: Any, place: str, depth: int) -> Iterator[_Target]:
    """Everything with an expression, below the nearest title and data source; rows, tabs and library panels nest."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        for one in node:
            yield from _targets(one, datasource, place, depth + 1)
    elif isinstance(node, dict):
        kind = {"type": node.get("group")} if node.get("kind") == "DataQuery" else None
        datasource = node.get("datasource") or kind or datasource
        title = node.get("title") if depth else ""
        place = title if isinstance(title, str) and title else place
        if isinstance(node.get("expr"), str):
            yield place, datasource, node
        for key, one in node.items():
            if key not in ("datasource", "templating"):
                yield from _targets(one, datasource, place, depth + 1)


def _variables(dashboard: dict[str, Any]) -> dict[str, str]:
    """The types of the data sources that variables stand for."""
    templating = dashboard.get("templating")
    listed = _dicts(templating.get("list")) if isinstance(templating, dict) else []
    return {str(one.get("name")): str(one.get("query", "")).lower() for one in listed if one.get("type") == "datasource"}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _is_loki(target: _Target, variables: dict[str, str]) -> bool:
    _, datasource, query = target
    known = _of_loki(datasource, variables)
    return bool(_PIPELINE.search(query["expr"])) if known is None else known


def _of_loki(datasource: Any, variables: dict[str, str]) -> bool | None:
    """Whether a data source is a Loki; None where it does not say."""
    if isinstance(datasource, dict):
        if isinstance(datasource.get("type"), str) and datasource["type"]:
            return bool(datasource["type"].lower() == "loki")
        datasource = datasource.get("uid")
    if not isinstance(datasource, str) or not datasource:
        return None
    variable = _VARIABLE.fullmatch(datasource)
    if variable:
        known = variables.get(variable[1] or variable[2], "")
        return known == "loki" if known else None
    return True if "loki" in datasource.lower() else None


def is_instant(query: dict[str, Any]) -> bool:
    """As Grafana decides it: a valid `queryType` wins over the older `instant`."""
    kind = query.get("queryType")
    return kind == "instant" if kind in TYPES else query.get("instant") is True


def _instants(targets: list[_Target]) -> list[Instant]:
    found = []
    for place, _, query in targets:
        kind = kind_of(query["expr"])
        if is_instant(query) and query.get("hide") is not True and kind != "metric":
            found.append(Instant(excerpt(place, 200), excerpt(query["expr"], 500), kind))
    return found


def kind_of(expression: str) -> Literal["log", "metric", "unclear"]:
    """What a LogQL expression asks for.

    >>> kind_of('{app="$app"} |= "rate("'), kind_of('sum(rate({app="$app"}[$__range]))'), kind_of("$query")
    ('log', 'metric', 'unclear')
    """
    if is_log_query(expression):
        return "log"
    begins = _COMMENT.sub(" ", expression).lstrip(" \t\r\n(")
    return "unclear" if begins.startswith(("$", "[[")) else "metric"
