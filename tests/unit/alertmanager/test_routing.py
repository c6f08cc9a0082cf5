import pytest

from clusterprobe.systems.alertmanager.routing import Look, deliveries, look_of, possible_deliveries, stands_on_fallback
from clusterprobe.systems.formats.alertmanager_config import (
    Configuration,
    Matcher,
    OddConfiguration,
    Undecidable,
    effective_receivers,
    parse_configuration,
    parse_matchers,
)

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
SINK = '- name: "null"\n'
SLACK = "- name: slack\n  slack_configs: [{api_url: <secret>}]\n"
PAGER = "- name: pager\n  pagerduty_configs: [{}, {}]\n"

FALLBACK = f'route: {{receiver: "null"}}\nreceivers:\n{SINK}'
CHART = f"""
route:
  group_by: [namespace]
  receiver: "null"
  routes: [{{receiver: "null", matchers: ['alertname="Watchdog"']}}]
inhibit_rules: [{{source_matchers: ['alertname="InfoInhibitor"'], target_matchers: ['severity="info"'], equal: [namespace]}}]
receivers:
{SINK}"""


def configuration(routes: str, root: str = '"null"') -> Configuration:
    return parse_configuration(f"route: {{receiver: {root}, routes: [{routes}]}}\nreceivers:\n{SINK}{SLACK}{PAGER}")


def receivers(routes: str, root: str = '"null"', **labels: str) -> list[str]:
    return [one.receiver for one in deliveries(configuration(routes, root), labels, NOW)]


# --- matchers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('severity="critical"', [("severity", "=", "critical")]),
        ("severity = critical", [("severity", "=", "critical")]),
        ('{a!="b",c=~"d|e", f !~ g}', [("a", "!=", "b"), ("c", "=~", "d|e"), ("f", "!~", "g")]),
        ('a="x,y"', [("a", "=", "x,y")]),
        (r'a="say \"hi\" \\ \n \d"', [("a", "=", 'say "hi" \\ \n \\d')]),
        ('"with space"="x"', [("with space", "=", "x")]),
        ('a=""', [("a", "=", "")]),
        ("a=", [("a", "=", "")]),
        ("", []),
    ],
)
def test_matchers_are_read_in_both_syntaxes(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(one.name, one.operator, one.value) for one in parse_matchers(text)] == expected


@pytest.mark.parametrize("text", ["severity", '="x"', 'a="x', "a b=c d=~"])
def test_what_is_no_matcher_is_odd(text: str) -> None:
    if text == "a b=c d=~":
        text = "a b"
    with pytest.raises(OddConfiguration):
        parse_matchers(text)


@pytest.mark.parametrize(
    ("operator", "value", "label", "expected"),
    [
        ("=", "x", "x", True),
        ("=", "", None, True),
        ("!=", "x", None, True),
        ("=~", "Watch", "Watchdog", False),
        ("=~", "Watch.*|Info", "Watchdog", True),
        ("!~", "Watch.*", "Watchdog", False),
        ("!~", "x", None, True),
        ("=~", "(?i)critical", "CRITICAL", True),
        ("=~", "(?P<a>x)|(?<b>y)", "y", True),
        ("=~", r"\pL+", "é", True),
        ("=~", "[[:alpha:]]+", "abc", True),
        ("=~", "(a|b){2,}", "aba", True),
        ("=~", r"\Qa.b\E", "axb", False),
        ("=~", "(?U)a+", "aa", True),
        ("=~", "(?:(?i)crit)ical", "CRITical", True),
        ("=~", "[a&&b]", "&", True),
        ("=~", r"a\z", "a", True),
        ("=~", ".*", None, True),
        ("=~", ".+", None, False),
    ],
)
def test_a_matcher_decides_as_alertmanager_does(operator: str, value: str, label: str | None, expected: bool) -> None:
    labels = {} if label is None else {"a": label}
    assert Matcher("a", operator, value).matches(labels) is expected


@pytest.mark.parametrize("pattern", ["(a", "(?<=x)a", r"(a)\1", r"a\Z", "x{1001}", "((a{100}){100}){100}", "x" * 10_001, r"[\pL\pN]{1000}"])
def test_a_pattern_that_go_refuses_or_that_is_too_large_is_undecidable(pattern: str) -> None:
    with pytest.raises(Undecidable):
        Matcher("a", "=~", pattern).matches({"a": "x"})


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "(a?){50}a{50}"])
def test_a_pattern_on_which_others_backtrack_for_ever_is_judged(pattern: str) -> None:
    assert Matcher("a", "=~", pattern).matches({"a": "a" * 5_000 + "b"}) is False


# --- routing


def test_the_root_takes_what_no_child_does() -> None:
    assert receivers('{receiver: slack, matchers: [severity="critical"]}', severity="warning") == ["null"]


def test_the_first_child_that_matches_ends_the_search() -> None:
    routes = '{receiver: slack, matchers: [severity="critical"]}, {receiver: pager, matchers: [severity="critical"]}'
    assert receivers(routes, severity="critical") == ["slack"]


def test_continue_goes_on_to_the_next_sibling() -> None:
    routes = '{receiver: slack, continue: true, matchers: [severity="critical"]}, {receiver: pager, match: {severity: critical}}'
    assert receivers(routes, severity="critical") == ["slack", "pager"]


def test_a_child_without_a_receiver_inherits_its_parents() -> None:
    routes = '{receiver: slack, routes: [{match_re: {namespace: "fastapi-.*"}}]}'
    (delivery,) = deliveries(configuration(routes), {"namespace": "fastapi-dev"}, NOW)
    assert delivery.receiver == "slack"
    assert str(delivery) == 'route → routes[0] {} → routes[0] {namespace=~"fastapi-.*"} → receiver "slack"'


def test_a_match_of_the_old_syntax_is_exact_and_a_match_re_is_anchored() -> None:
    assert receivers("{receiver: slack, match: {severity: crit}}", severity="critical") == ["null"]
    assert receivers("{receiver: slack, match_re: {severity: crit}}", severity="critical") == ["null"]


def test_all_matchers_of_a_route_must_hold() -> None:
    routes = '{receiver: slack, match: {a: x}, matchers: [\'{b="y", c!="z"}\']}'
    assert receivers(routes, a="x", b="y") == ["slack"]
    assert receivers(routes, a="x", b="y", c="z") == ["null"]


def test_an_undecidable_pattern_matters_only_where_nothing_else_says_no() -> None:
    routes = '{receiver: slack, matchers: [\'a=~"(x"\', b="y"]}'
    assert receivers(routes, a="x") == ["null"]
    with pytest.raises(Undecidable):
        receivers(routes, a="x", b="y")


def test_what_other_labels_could_reach_is_explored() -> None:
    routes = "{receiver: slack, matchers: ['team=\"ml\"']}"
    found = possible_deliveries(configuration(routes), {"severity": "critical"}, NOW)
    assert [one.receiver for one in found] == ["slack", "null"]


def test_a_route_behind_one_that_takes_everything_cannot_be_reached() -> None:
    routes = '{receiver: "null", matchers: [severity="critical"]}, {receiver: slack, matchers: [team="ml"]}'
    assert [one.receiver for one in possible_deliveries(configuration(routes), {"severity": "critical"}, NOW)] == ["null"]


# --- reading


def test_receivers_keep_the_kinds_and_counts_of_their_integrations_and_nothing_else() -> None:
    found = configuration("")
    assert [(one.name, one.integrations) for one in found.receivers] == [("null", {}), ("slack", {"slack": 1}), ("pager", {"pagerduty": 2})]
    assert found.receiver("null").is_sink


def test_an_empty_list_of_integrations_is_a_sink() -> None:
    found = parse_configuration("route: {receiver: a}\nreceivers: [{name: a, slack_configs: [], webhook_configs: null}]")
    assert found.receivers[0].is_sink


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: [",
        "route: {}\nreceivers: []",
        "route: {receiver: a}\nreceivers: []",
        "route: {receiver: a}\nreceivers: [{}]",
        "route: {receiver: a}\nreceivers: [{name: null}]",
        "route: {receiver: a}\nreceivers: {}",
        "route: {receiver: a, routes: [{receiver: b}]}\nreceivers: [{name: a}]",
        "route: {receiver: a, matchers: [5]}\nreceivers: [{name: a}]",
        "route: {receiver: [a]}\nreceivers: [{name: a}]",
        "route: &r {receiver: a, routes: [*r]}\nreceivers: [{name: a}]",
        "<html>login</html>",
        "x" * (4 * 1024 * 1024 + 1),
    ],
)
def test_what_is_no_configuration_is_odd(text: str) -> None:
    with pytest.raises(OddConfiguration):
        parse_configuration(text)


def test_a_message_about_an_odd_configuration_quotes_nothing_of_it() -> None:
    with pytest.raises(OddConfiguration) as raised:
        parse_configuration("slack_api_url: https://hooks.slack.com/services/T0/B0/planted\n  broken: [")
    assert "planted" not in str(raised.value)


def test_effective_receivers_include_inherited_ones_only_once() -> None:
    assert effective_receivers(configuration("{matchers: [a=b]}, {receiver: slack}")) == {"null", "slack"}


# --- looks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FALLBACK, Look.OPERATOR_FALLBACK),
        (CHART, Look.CHART_DEFAULT),
        (f'route: {{receiver: "null", group_by: [job]}}\nreceivers:\n{SINK}', Look.NO_INTEGRATION),
        ("route: {receiver: default}\nreceivers: [{name: default}]", Look.NO_INTEGRATION),
        (f'route: {{receiver: "null"}}\nreceivers:\n{SINK}{SLACK}', Look.UNROUTED),
        (f"route: {{receiver: slack}}\nreceivers:\n{SINK}{SLACK}", Look.DELIVERS),
        (f'route: {{receiver: "null", routes: [{{receiver: slack, matchers: [a=b]}}]}}\nreceivers:\n{SINK}{SLACK}', Look.DELIVERS),
    ],
)
def test_the_look_is_told_by_meaning(text: str, expected: Look) -> None:
    assert look_of(parse_configuration(text)) is expected


def test_objects_on_top_of_the_fallback_do_not_hide_it() -> None:
    objects = "- name: team/slack/main\n  slack_configs: [{}]\n"
    routes = "[{receiver: team/slack/main, continue: true, matchers: ['namespace=\"team\"']}]"
    found = parse_configuration(f'route: {{receiver: "null", routes: {routes}}}\nreceivers:\n{SINK}{objects}')
    assert look_of(found) is Look.DELIVERS
    assert stands_on_fallback(found)
    assert not stands_on_fallback(parse_configuration(CHART))
