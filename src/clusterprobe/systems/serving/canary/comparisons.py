"""How a canary compares with stable. Pure arithmetic on what was measured."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from clusterprobe.systems.serving.canary.statistics import Share, chance, quantile, slower_than
from clusterprobe.systems.serving.canary.traffic import PodLines, PodTraffic
from clusterprobe.thresholds import Thresholds

PERHAPS = 0.1  # up to this chance a difference is too suspicious to promote, and too uncertain to roll back

UNWELL = 0.1  # so many of its requests failing, a version is not given to everybody, whatever the other one does


@dataclass(slots=True)
class Side:
    """All that one version answered and logged within the window, by `pods`, of which `current` are still measured."""

    requests: int = 0
    server_errors: int = 0
    client_errors: int = 0
    lines: int = 0
    error_lines: int = 0
    buckets: dict[str, float] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    pods: int = 0
    current: int = 0

    @property
    def failed(self) -> Share:
        return Share(min(self.server_errors, self.requests), self.requests)

    @property
    def logged(self) -> Share:
        """Error lines to a request, of which there is at most one that counts."""
        return Share(min(self.error_lines, self.requests), self.requests)

    @property
    def slowest(self) -> float | None:
        """The 95th percentile in seconds."""
        return quantile(self.buckets, 0.95)


def side(traffic: Iterable[PodTraffic], lines: Iterable[PodLines], still: Container[str]) -> Side:
    """The sum over a version's pods; `still` are those that are measured now."""
    whole = Side()
    for one in traffic:
        whole.pods += 1
        whole.current += one.pod in still
        whole.requests += one.requests
        whole.server_errors += one.server_errors
        whole.client_errors += one.client_errors
        for bound, count in one.buckets.items():
            whole.buckets[bound] = whole.buckets.get(bound, 0.0) + count
    for log in lines:
        whole.lines += log.lines
        whole.error_lines += log.errors
        whole.examples += log.examples
    return whole


Measure = Literal["failed", "logged", "latency"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of both: shares of requests, or seconds of latency, and how likely chance alone makes the canary so much worse.

    `perhaps`: too suspicious to promote, and too uncertain to roll back.
    """

    measure: Measure
    canary: Share | float
    stable: Share | float
    chance: float
    worse: bool = False
    perhaps: bool = False


def few(canary: Side, stable: Side, thresholds: Thresholds) -> Literal["canary", "stable"] | None:
    """Which of them has too few requests to tell; None if neither."""
    wanted = thresholds.canary.min_requests
    return "canary" if canary.requests < wanted else "stable" if stable.requests < wanted else None


def fail_alike(canary: Side, stable: Side, thresholds: Thresholds) -> bool:
    """Whether it should not be promoted although it is no worse: both fail, and that has another cause."""
    better = chance(stable.failed, canary.failed) < thresholds.canary.significance
    return canary.failed.rate >= UNWELL and not better


def compare(canary: Side, stable: Side, thresholds: Thresholds) -> list[Comparison]:
    """Errors by status, errors in the log, and latency."""
    failed = _shares("failed", canary.failed, stable.failed, thresholds)
    logged = _shares("logged", canary.logged, stable.logged, thresholds)
    slow = _latency(canary, stable, thresholds)
    return [failed, logged, *([slow] if slow else [])]


def _shares(measure: Measure, canary: Share, stable: Share, thresholds: Thresholds) -> Comparison:
    matters = (canary.rate - stable.rate) * 100 >= thresholds.canary.error_percent
    return _judged(Comparison(measure, canary, stable, chance(canary, stable)), thresholds, matters=matters)


def _latency(canary: Side, stable: Side, thresholds: Thresholds) -> Comparison | None:
    """The 95th percentile has to be much higher, and more requests than chance explains have to be above stable's."""
    own, base = canary.slowest, stable.slowest
    if own is None or base is None:
        return None
    limit = max(base * thresholds.canary.latency_factor, base + thresholds.canary.latency_seconds)
    compared = slower_than(canary.buckets, base)
    same = slower_than(stable.buckets, base)
    probability = chance(compared[1], same[1]) if compared and same and compared[0] == same[0] else 1.0
    return _judged(Comparison("latency", own, base, probability), thresholds, matters=own >= limit)


def _judged(one: Comparison, thresholds: Thresholds, *, matters: bool) -> Comparison:
    worse = matters and one.chance < thresholds.canary.significance
    return replace(one, worse=worse, perhaps=matters and not worse and one.chance < PERHAPS)
