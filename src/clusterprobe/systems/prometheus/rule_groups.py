"""The groups of rules of a Prometheus: how long they take, and which evaluations they leave out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.prometheus.dropped import recent_of
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.runtime import START
from clusterprobe.times import ago
from clusterprobe.words import number

INTERVAL, LASTED = "prometheus_rule_group_interval_seconds", "prometheus_rule_group_last_duration_seconds"
Ask = Callable[[str], list[Sample]]
MISSED = "prometheus_rule_group_iterations_missed_total"


class RuleGroup(msgspec.Struct, frozen=True):
    """A group of rules: how long it took last, how often it may run, and how often it did not within the window (None: not known).

    `missed_lately` is how often within the last `quiet` seconds of that.
    """

    file: str
    name: str
    interval: float
    seconds: float
    missed: float | None
    missed_lately: float | None = None
    quiet: float = 0.0

    def was_left_out(self, window: float) -> str:
        """That it missed evaluations within the window, and not lately."""
        times = number(round(self.missed or 0), "evaluation")
        return f"left out {times} of the group {self.name} in the last {ago(window)}, and none in the last {ago(self.quiet)}."


def groups_of(now: list[Metric], grown: Callable[[Metric], float | None]) -> list[RuleGroup]:
    """Each with what its counter has grown."""
    by_name: dict[str, dict[str, Metric]] = {}
    for one in now:
        if "rule_group" in one.labels:
            by_name.setdefault(one.labels["rule_group"], {})[one.name] = one
    found = []
    for key, metrics in sorted(by_name.items()):
        interval = metrics.get(INTERVAL)
        lasted = metrics.get(LASTED)
        file, _, name = key.rpartition(";")
        if interval and interval.value and lasted and not math.isnan(lasted.value):
            missed = metrics.get(MISSED)
            found.append(RuleGroup(file, name, interval.value, lasted.value, grown(missed) if missed else 0.0))
    return found


def with_lately(ask: Ask, groups: list[RuleGroup], scraped: Iterable[float], started: float, window: float) -> list[RuleGroup]:
    """The groups, and whether they still miss evaluations: a counter goes on telling of what has been repaired.

    `ask` asks the Prometheus a query, `scraped` are the intervals of its scrapes, and `window` what its counters cover, in seconds.
    """
    missing = [one for one in groups if one.missed]
    # In less than two of its intervals a group may have had no turn, and its counter no two samples.
    recent = math.ceil(max(recent_of(scraped), *(2 * one.interval for one in missing))) if missing else 0
    if not missing or recent >= window:
        return groups
    grown: dict[str, float] = {}
    for one in ask(f"increase({MISSED}[{recent}s]) and on (instance, job) ({START} == {started!r})"):
        key = one.labels.get("rule_group", "")
        grown[key] = max(one.value, grown.get(key, 0.0))
    return [
        msgspec.structs.replace(one, missed_lately=grown.get(f"{one.file};{one.name}"), quiet=float(recent)) if one.missed else one
        for one in groups
    ]
