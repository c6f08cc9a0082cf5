"""Alertmanager's configuration: its routes, receivers and matchers, as Alertmanager reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from clusterprobe.patterns import Pattern, PatternError, ours, theirs
from clusterprobe.systems.formats.quoted import unescaped
from clusterprobe.systems.formats.time_intervals import Period, intervals_of
from clusterprobe.systems.formats.yaml_text import NotYaml, yaml_of

MAX_TEXT = 4 * 1024 * 1024
MAX_ROUTES = 20_000
MAX_VALUES = 200_000
MAX_DEPTH = 100

# Alerts that are meant to go nowhere: the heartbeat, and what only silences others.
HEARTBEATS = frozenset({"Watchdog", "InfoInhibitor"})


class OddConfiguration(ValueError):
    """A text that is no Alertmanager configuration, or one that cannot be followed. The message quotes no values of it."""


class Undecidable(ValueError):
    """A matcher that cannot be judged here: its regular expression is invalid, or too large."""


# --- matchers ---------------------------------------------------------------------------------------------------------


class Matcher(msgspec.Struct, frozen=True):
    """One condition on one label; `operator` is one of `=`, `!=`, `=~` and `!~`."""

    name: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels meets it. Raises `Undecidable`."""
        actual = labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) is (self.operator == "=")
        return bool(_compiled(self.value).fullmatch(actual)) is (self.operator == "=~")

    @property
    def is_pattern(self) -> bool:
        return self.operator in ("=~", "!~")

    def __str__(self) -> str:
        return f'{self.name}{self.operator}"{self.value}"'


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Pattern:
    try:
        return theirs(pattern)
    except PatternError as error:
        raise Undecidable(f"the regular expression {pattern[:200]} cannot be judged here: {error}") from None


_ONE = ours(r"""(?s)\s*("(?:[^"\\]|\\.)*"|[^\s{}!=~,\\"'`]+)\s*(=~|!~|!=|=)\s*(.*?)\s*""")


def parse_matchers(text: str) -> list[Matcher]:
    r"""The matchers of a string, in the classic or the UTF-8 syntax.

    >>> [str(one) for one in parse_matchers('{severity="critical", team!~"a|b"}')]
    ['severity="critical"', 'team!~"a|b"']
    """
    return [_parse_matcher(one) for one in _split(text.strip().removeprefix("{").removesuffix("}")) if one.strip()]


def _split(text: str) -> Iterator[str]:
    """The parts between commas that are not inside double quotes."""
    start, quoted, escaped = 0, False, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _parse_matcher(text: str) -> Matcher:
    match = _ONE.fullmatch(text)
    if not match:
        raise OddConfiguration("a matcher is not NAME OPERATOR VALUE")
    return Matcher(_unquoted(match[1]), match[2], _unquoted(match[3]))


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"'):
            raise OddConfiguration("a matcher's quotes do not end")
        text = text[1:-1]
    return unescaped(text)


# --- the configuration ------------------------------------------------------------------------------------------------


class Route(msgspec.Struct, frozen=True):
    """A node of the tree. An empty `receiver` means the parent's; the names of intervals are its own alone."""

    receiver: str = ""
    matchers: list[Matcher] = []
    goes_on: bool = False
    routes: list[Route] = []
    mutes: list[str] = []
    actives: list[str] = []


class Inhibition(msgspec.Struct, frozen=True):
    """While an alert that meets `source` fires, those that meet `target` are not sent, where the two have the same labels `equal`."""

    source: list[Matcher]
    target: list[Matcher]
    equal: list[str] = []


class Receiver(msgspec.Struct, frozen=True):
    """A receiver with how many integrations of each kind it has: no address, no key, no channel."""

    name: str
    integrations: dict[str, int] = {}

    @property
    def is_sink(self) -> bool:
        """Whether what reaches it goes no further."""
        return not self.integrations

    @property
    def is_of_object(self) -> bool:
        """Whether the Operator made it from an AlertmanagerConfig: `<namespace>/<name>/<receiver>`."""
        return self.name.count("/") == 2


class Configuration(msgspec.Struct, frozen=True):
    """What an Alertmanager does with alerts. `names_heartbeat` tells whether routes or inhibit rules name one of `HEARTBEATS`.

    `intervals` are the time intervals by name, but for those that are not understood; None in older bundles.
    """

    route: Route
    receivers: list[Receiver]
    group_by: list[str] = []
    inhibit_rules: int = 0
    names_heartbeat: bool = False
    inhibitions: list[Inhibition] = []
    intervals: dict[str, list[Period]] | None = None

    def __post_init__(self) -> None:
        if effective_receivers(self) - {one.name for one in self.receivers}:
            raise OddConfiguration("a route names a receiver that is not defined")

    def receiver(self, name: str) -> Receiver:
        return next(one for one in self.receivers if one.name == name)

    @property
    def kinds(self) -> set[str]:
        """The kinds of integrations that some route ends at: slack, webhook, …"""
        return {kind for name in effective_receivers(self) for kind in self.receiver(name).integrations}


def parse_configuration(text: str) -> Configuration:
    """The text of a configuration as its meaning. Raises `OddConfiguration`."""
    if len(text) > MAX_TEXT:
        raise OddConfiguration("the configuration is too long to be one")
    try:
        return _configuration(_mapping(yaml_of(text, values=MAX_VALUES), "the configuration"))
    except NotYaml as error:
        raise OddConfiguration(f"the configuration is {error}") from None
    except (RecursionError, ValueError) as error:
        raise OddConfiguration(str(error) if isinstance(error, OddConfiguration) else "the configuration is not one") from None


def _configuration(tree: dict[str, Any]) -> Configuration:
    receivers = [_receiver(one) for one in _list(tree.get("receivers"), "receivers")]
    reader = _Reader({one.name for one in receivers})
    root = _mapping(tree.get("route"), "route")
    if not root.get("receiver"):
        raise OddConfiguration("the root route has no receiver")
    rules = [_inhibition(_mapping(one, "an inhibit rule")) for one in _list(tree.get("inhibit_rules"), "inhibit_rules")]
    route = reader.route(root, 1)
    matchers = [*(one for node in walk(route) for one in node.matchers), *(one for rule in rules for one in (*rule.source, *rule.target))]
    return Configuration(
        route=route,
        receivers=receivers,
        group_by=[str(one) for one in _list(root.get("group_by"), "group_by")],
        inhibit_rules=len(rules),
        inhibitions=rules,
        intervals=intervals_of(tree),
        names_heartbeat=any(one.name == "alertname" and HEARTBEATS & set(one.value.split("|")) for one in matchers),
    )


def _receiver(one: Any) -> Receiver:
    tree = _mapping(one, "a receiver")
    name = tree.get("name")
    if not isinstance(name, str) or not name:
        raise OddConfiguration("a receiver has no name")
    counts = {key.removesuffix("_configs"): len(_list(value, key)) for key, value in tree.items() if str(key).endswith("_configs")}
    return Receiver(name, {kind: count for kind, count in sorted(counts.items()) if count})


def _inhibition(rule: dict[str, Any]) -> Inhibition:
    source, target = (_matchers(rule, f"{side}_match", f"{side}_match_re", f"{side}_matchers") for side in ("source", "target"))
    return Inhibition(source, target, [str(one) for one in _list(rule.get("equal"), "equal")])


def _matchers(tree: dict[str, Any], equal: str, pattern: str, listed: str) -> list[Matcher]:
    found = [Matcher(_text(name), "=", _text(value)) for name, value in _mapping(tree.get(equal) or {}, equal).items()]
    found += [Matcher(_text(name), "=~", _text(value)) for name, value in _mapping(tree.get(pattern) or {}, pattern).items()]
    for one in _list(tree.get(listed), listed):
        found += parse_matchers(_text(one))
    return found


class _Reader:
    """Reads the tree of routes, and refuses one that is too large or names receivers that are not there."""

    def __init__(self, receivers: set[str]) -> None:
        self._receivers, self._left = receivers, MAX_ROUTES

    def route(self, tree: dict[str, Any], depth: int) -> Route:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise OddConfiguration("the tree of routes is too large")
        receiver = _text(tree.get("receiver") or "")
        if receiver and receiver not in self._receivers:
            raise OddConfiguration("a route names a receiver that is not defined")
        children = [_mapping(one, "a route") for one in _list(tree.get("routes"), "routes")]
        return Route(
            receiver=receiver,
            matchers=_matchers(tree, "match", "match_re", "matchers"),
            goes_on=tree.get("continue") is True,
            routes=[self.route(one, depth + 1) for one in children],
            mutes=[str(one) for one in _list(tree.get("mute_time_intervals"), "mute_time_intervals")],
            actives=[str(one) for one in _list(tree.get("active_time_intervals"), "active_time_intervals")],
        )


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OddConfiguration(f"{what} is not keys and values")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise OddConfiguration(f"{what} is not a list")
    return value or []


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise OddConfiguration(f"a {type(value).__name__} where a text belongs")
    return value


def walk(route: Route) -> Iterator[Route]:
    """The node and all below it."""
    yield route
    for one in route.routes:
        yield from walk(one)


def effective_receivers(configuration: Configuration) -> set[str]:
    """The receivers that routes can end at, inherited ones included."""

    def visit(route: Route, inherited: str) -> Iterator[str]:
        name = route.receiver or inherited
        yield name
        for one in route.routes:
            yield from visit(one, name)

    return set(visit(configuration.route, ""))
