"""The routing tree against a second implementation of it, as short as it can be written, over random trees and alerts."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from clusterprobe.systems.alertmanager.routing import deliveries, possible_deliveries
from clusterprobe.systems.formats.alertmanager_config import parse_configuration

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
NAMES, VALUES = ["severity", "namespace", "team"], ["a", "b", "ab", ""]
RECEIVERS = ["null", "slack", "pager"]
PATTERNS = ["a", "a|b", ".*", "b?", "a.+", "(a|b)+"]

labels = some.dictionaries(some.sampled_from(NAMES), some.sampled_from(VALUES))
matcher = some.one_of(
    some.tuples(some.sampled_from(NAMES), some.sampled_from(["=", "!="]), some.sampled_from(VALUES)),
    some.tuples(some.sampled_from(NAMES), some.sampled_from(["=~", "!~"]), some.sampled_from(PATTERNS)),
)


def node(routes: Any) -> Any:
    return some.fixed_dictionaries(
        {"matchers": some.lists(matcher, max_size=2), "continue": some.booleans(), "routes": routes},
        optional={"receiver": some.sampled_from(RECEIVERS)},
    )


trees = some.recursive(node(some.just([])), lambda children: node(some.lists(children, max_size=3)), max_leaves=12)


def reference(tree: dict[str, Any], alert: dict[str, str], receiver: str = "") -> list[str]:
    """The receivers that get an alert, as the documentation of Alertmanager describes it; none where the node does not match."""
    if not all(holds(one, alert) for one in tree["matchers"]):
        return []
    receiver = tree.get("receiver", receiver)
    found: list[str] = []
    for child in tree["routes"]:
        got = reference(child, alert, receiver)
        found += got
        if got and not child["continue"]:
            break
    return found or [receiver]


def holds(one: tuple[str, str, str], alert: dict[str, str]) -> bool:
    name, operator, value = one
    actual = alert.get(name, "")
    same = actual == value if operator in ("=", "!=") else re.fullmatch(value, actual) is not None
    return same is operator.startswith("=")


def text(tree: dict[str, Any]) -> str:
    """The tree as a file of Alertmanager."""

    def plain(one: dict[str, Any]) -> dict[str, Any]:
        matchers = [f'{name}{operator}"{value}"' for name, operator, value in one["matchers"]]
        return {**one, "matchers": matchers, "routes": [plain(child) for child in one["routes"]]}

    root = {**plain(tree), "receiver": tree.get("receiver", "null"), "matchers": []}
    return yaml.safe_dump({"route": root, "receivers": [{"name": one} for one in RECEIVERS]})


@settings(max_examples=200, deadline=None, derandomize=True)
@given(trees, labels)
def test_an_alert_ends_where_the_reference_says(tree: dict[str, Any], alert: dict[str, str]) -> None:
    root = {**tree, "matchers": [], "receiver": tree.get("receiver", "null")}
    assert [one.receiver for one in deliveries(parse_configuration(text(tree)), alert, NOW)] == reference(root, alert)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(trees, labels, labels)
def test_wherever_it_ends_with_more_labels_is_possible(tree: dict[str, Any], known: dict[str, str], more: dict[str, str]) -> None:
    configuration = parse_configuration(text(tree))
    possible = {one.receiver for one in possible_deliveries(configuration, known, NOW)}
    assert {one.receiver for one in deliveries(configuration, {**more, **known}, NOW)} <= possible
