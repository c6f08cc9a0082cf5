import json
from typing import Any

import pytest

from clusterprobe.systems.grafana.queries import Instant, board_of, board_of_rule, kind_of

LOKI = {"type": "loki", "uid": "loki"}
LOG = '{namespace="$namespace"} |= "error"'


def board(target: dict[str, Any], datasource: Any = LOKI, **changes: Any) -> Any:
    panel = {"title": "Errors", "datasource": datasource, "targets": [{"refId": "A", **target}]}
    return board_of({"title": "Services", "uid": "svc", "panels": [panel], **changes})


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ('{a="b"}', "log"),
        ('  ({a="b"} |= "x")', "log"),
        ('# count_over_time(\n{a="b"} | json', "log"),
        ('{a="$a", b=~"[[b]]"} |= "rate({x})"', "log"),
        ('count_over_time({a="b"}[5m])', "metric"),
        ('(sum by (a) (rate({a="b"} |= "{" [$__range])))', "metric"),
        ('# {a="b"}\nsum(rate({a="b"}[5m]))', "metric"),
        ("vector(1)", "metric"),
        ("1 + 1", "metric"),
        ("$query", "unclear"),
        ("($query)", "unclear"),
        ("[[query]]", "unclear"),
        ("", "metric"),
    ],
)
def test_what_an_expression_asks_for_is_told_by_how_it_begins(expression: str, kind: str) -> None:
    assert kind_of(expression) == kind


@pytest.mark.parametrize(
    ("target", "instant"),
    [
        ({"queryType": "instant"}, True),
        ({"queryType": "range"}, False),
        ({"queryType": "range", "instant": True}, False),
        ({"queryType": "instant", "instant": False}, True),
        ({"instant": True}, True),
        ({"queryType": "", "instant": True}, True),
        ({"queryType": "odd", "instant": True}, True),
        ({"range": True, "instant": False}, False),
        ({}, False),
    ],
)
def test_a_valid_query_type_wins_over_the_older_key(target: dict[str, Any], instant: bool) -> None:
    assert bool(board({"expr": LOG, **target}).instants) is instant


def test_an_instant_log_query_is_kept_with_its_panel() -> None:
    found = board({"expr": LOG, "queryType": "instant"})
    assert (found.title, found.uid, found.queries) == ("Services", "svc", 1)
    assert found.instants == [Instant("Errors", LOG, "log")]


def test_an_instant_metric_query_is_fine() -> None:
    assert board({"expr": 'sum(count_over_time({a="b"}[5m]))', "queryType": "instant"}).instants == []


def test_one_that_is_hidden_is_never_asked() -> None:
    assert board({"expr": LOG, "queryType": "instant", "hide": True}).instants == []


def test_an_expression_that_is_a_variable_is_unclear() -> None:
    assert board({"expr": "$query", "queryType": "instant"}).instants == [Instant("Errors", "$query", "unclear")]


@pytest.mark.parametrize("datasource", [{"type": "prometheus", "uid": "p"}, {"type": "Prometheus"}])
def test_a_prometheus_selector_is_no_log_query(datasource: Any) -> None:
    assert board({"expr": '{__name__="up"}', "instant": True}, datasource).queries == 0


@pytest.mark.parametrize(
    ("datasource", "queries"),
    [
        ({"uid": "${ds}"}, 1),
        ("$ds", 1),
        ("[[ds]]", 1),
        ("Loki prod", 1),
        ({"type": "loki", "uid": "${unknown}"}, 1),
        ("$other", 0),
        ("Prometheus", 0),
        (None, 0),
    ],
)
def test_the_data_source_may_be_a_variable_or_a_name(datasource: Any, queries: int) -> None:
    variables = [{"name": "ds", "type": "datasource", "query": "loki"}, {"name": "other", "type": "datasource", "query": "prometheus"}]
    assert board({"expr": '{a="b"}', "instant": True}, datasource, templating={"list": variables}).queries == queries


def test_where_no_data_source_is_said_a_pipeline_tells_loki() -> None:
    assert board({"expr": LOG, "instant": True}, None).queries == 1


def test_rows_mixed_panels_and_the_newer_schema_are_searched() -> None:
    query = {"expr": LOG, "queryType": "instant"}
    inner = {"title": "Inner", "datasource": {"uid": "-- Mixed --"}, "targets": [{"datasource": LOKI, **query}]}
    assert board_of({"title": "a", "panels": [{"type": "row", "title": "Row", "panels": [inner]}]}).instants[0].place == "Inner"
    assert board_of({"title": "a", "rows": [{"panels": [inner]}]}).instants[0].place == "Inner"
    newer = {"kind": "DataQuery", "group": "loki", "spec": query}
    found = board_of({"spec": {"title": "New", "elements": {"p": {"kind": "Panel", "spec": {"title": "P", "data": {"query": newer}}}}}})
    assert (found.title, found.instants[0].place) == ("New", "P")


def test_odd_dashboards_do_no_harm() -> None:
    deep: Any = {"expr": LOG, "instant": True, "datasource": LOKI}
    for _ in range(200):
        deep = {"panels": [deep]}
    assert board_of(deep).queries == 0
    assert board_of({"panels": None, "templating": [], "title": 5}).title == "5"
    assert board_of(json.loads('{"panels": [null, 1, "x", {"targets": {"expr": 5}}]}')).queries == 0


TYPES = {"l": "loki", "p": "prometheus"}


def rule(uid: str = "l", query_type: str = "instant", **model: Any) -> Any:
    data = [{"refId": "A", "datasourceUid": uid, "queryType": query_type, "model": {"expr": LOG, **model}}, {"model": {"type": "math"}}]
    return board_of_rule({"title": "Errors", "uid": "r", "data": data}, TYPES)


def test_an_alert_rule_that_asks_for_lines_is_kept() -> None:
    assert rule().instants == [Instant("Errors", LOG, "log")]
    assert rule(query_type="", queryType="instant").instants != []


def test_a_rule_of_another_data_source_or_type_is_fine() -> None:
    assert rule("p").queries == 0
    assert rule(query_type="range").instants == []
    assert rule(expr='count_over_time({a="b"}[5m])').instants == []
    assert board_of_rule({"data": None}, TYPES).queries == 0
