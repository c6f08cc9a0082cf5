"""Alertmanager's configuration as meaning: who an alert with certain labels would reach, and what it looks like as a whole.

Follows Alertmanager's own dispatcher (dispatch/route.go): depth first, the first child that matches ends the search unless
it says `continue`, a child without a receiver inherits its parent's, and a node takes what none of its children does. A
label that an alert lacks counts as an empty string.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from clusterprobe.systems.formats.alertmanager_config import Configuration, Inhibition, Matcher, Route, Undecidable, effective_receivers
from clusterprobe.systems.formats.time_intervals import is_shut


class Delivery(msgspec.Struct, frozen=True):
    """Where an alert ends: the receiver, and the way there from the root on, with the matchers that were met.

    `muted_by` are the intervals by which the route that it ends at is muted for the whole coming year.
    """

    receiver: str
    path: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()
    muted_by: str = ""

    def __str__(self) -> str:
        return " → ".join((*self.path, f'receiver "{self.receiver}"'))


@dataclass(frozen=True, slots=True)
class _Tree:
    """What a way leads through: the configuration, and the moment (epoch seconds) from which on its intervals are judged."""

    whole: Configuration
    now: float

    def ended(self, here: Delivery, route: Route) -> Delivery:
        return replace(here, muted_by=self._muted_by(route))

    def _muted_by(self, route: Route) -> str:
        """The intervals by which it never sends: what mutes it always, or activity that is never. A child does not inherit them."""
        alone = ([one] for one in route.mutes)
        for mutes, actives in (*((one, []) for one in alone), ([], route.actives), (route.mutes, route.actives)):
            if (mutes or actives) and self._is_shut(mutes, actives):
                return ", ".join((*mutes, *actives))
        return ""

    def _is_shut(self, mutes: list[str], actives: list[str]) -> bool:
        known = self.whole.intervals
        if known is None:
            raise Undecidable("what its time intervals are was not recorded")
        if odd := next((one for one in (*mutes, *actives) if one not in known), ""):
            raise Undecidable(f"the time interval {odd[:200]} is not understood here")
        muted = [one for name in mutes for one in known[name]]
        active = [one for name in actives for one in known[name]] if actives else None
        try:
            return is_shut(muted, active, self.now)
        except ValueError as error:
            raise Undecidable(str(error)) from None


def deliveries(configuration: Configuration, labels: Mapping[str, str], now: float) -> list[Delivery]:
    """Where an alert with exactly these labels ends, and whether it does so for a year from `now` on. Raises `Undecidable`."""
    return _follow(_Tree(configuration, now), configuration.route, labels, Delivery("", ("route",)))


def _follow(tree: _Tree, route: Route, labels: Mapping[str, str], here: Delivery) -> list[Delivery]:
    here = _at(here, route)
    found: list[Delivery] = []
    for index, one in enumerate(route.routes):
        if _all_match(one, labels):
            found += _follow(tree, one, labels, _below(here, one, index))
            if not one.goes_on:
                break
    return found or [tree.ended(here, route)]


def _at(here: Delivery, route: Route) -> Delivery:
    return replace(here, receiver=route.receiver or here.receiver)


def _below(here: Delivery, route: Route, index: int) -> Delivery:
    step = f"routes[{index}] {{{', '.join(map(str, route.matchers))}}}"
    return Delivery(here.receiver, (*here.path, step), (*here.matchers, *route.matchers))


def _all_match(route: Route, labels: Mapping[str, str]) -> bool:
    # Patterns last: one that cannot be judged does not matter where another matcher already says no.
    return all(one.matches(labels) for one in sorted(route.matchers, key=lambda one: one.is_pattern))


def possible_deliveries(configuration: Configuration, labels: Mapping[str, str], now: float) -> list[Delivery]:
    """Where an alert can end that has these labels and any others besides. Raises `Undecidable`."""
    return _explore(_Tree(configuration, now), configuration.route, labels, Delivery("", ("route",)))


def _explore(tree: _Tree, route: Route, labels: Mapping[str, str], here: Delivery) -> list[Delivery]:
    here = _at(here, route)
    found: list[Delivery] = []
    for index, one in enumerate(route.routes):
        answer = _could_match(one, labels)
        if answer is not False:
            found += _explore(tree, one, labels, _below(here, one, index))
        if answer is True and not one.goes_on:
            return found
    return [*found, tree.ended(here, route)]


def _could_match(route: Route, labels: Mapping[str, str]) -> bool | None:
    """None where it depends on labels that are not given, or on a pattern that cannot be judged."""
    depends = False
    for one in route.matchers:
        try:
            if one.name not in labels:
                depends = True
            elif not one.matches(labels):
                return False
        except Undecidable:
            depends = True
    return None if depends else True


def inhibited_by(configuration: Configuration, labels: Mapping[str, str], firing: Mapping[str, str]) -> Inhibition | None:
    """The rule by which an alert is not sent while another one fires. Raises `Undecidable`."""
    for one in configuration.inhibitions:
        if not (_meets(firing, one.source) and _meets(labels, one.target)):
            continue
        if _meets(labels, one.source) and _meets(firing, one.target):
            continue  # what is both source and target does not inhibit its like
        if all(labels.get(each, "") == firing.get(each, "") for each in one.equal):
            return one
    return None


def _meets(labels: Mapping[str, str], matchers: Sequence[Matcher]) -> bool:
    return all(one.matches(labels) for one in matchers)


# --- looks ------------------------------------------------------------------------------------------------------------


class Look(enum.StrEnum):
    """What kind of configuration it is, by its meaning: texts differ between versions of Alertmanager."""

    DELIVERS = "delivers"  # some route ends at an integration
    UNROUTED = "unrouted"  # there are integrations, and no route leads to one
    CHART_DEFAULT = "chart-default"  # kube-prometheus-stack's: everything to null, with its heartbeat and inhibit rules
    OPERATOR_FALLBACK = "operator-fallback"  # one route to null and nothing else
    NO_INTEGRATION = "no-integration"  # somebody's own, without any integration


def look_of(configuration: Configuration) -> Look:
    """What kind of configuration it is."""
    if any(not configuration.receiver(name).is_sink for name in effective_receivers(configuration)):
        return Look.DELIVERS
    if any(not one.is_sink for one in configuration.receivers):
        return Look.UNROUTED
    if stands_on_fallback(configuration) and not configuration.inhibit_rules:
        return Look.OPERATOR_FALLBACK
    return Look.CHART_DEFAULT if configuration.names_heartbeat else Look.NO_INTEGRATION


def stands_on_fallback(configuration: Configuration) -> bool:
    """Whether, apart from what AlertmanagerConfig objects add, there is only the Operator's fallback."""
    receivers = {one.name: one for one in configuration.receivers}
    own = [one.name for one in configuration.receivers if not one.is_of_object]
    added = all(one.receiver in receivers and receivers[one.receiver].is_of_object for one in configuration.route.routes)
    return own == ["null"] and configuration.receiver("null").is_sink and added and not configuration.group_by
