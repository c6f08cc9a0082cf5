"""What to do with a canary: roll it back, promote it, or wait. Pure arithmetic on what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clusterprobe.profile import Thresholds
from clusterprobe.systems.canary_traffic import PodLines, PodTraffic
from clusterprobe.systems.comparison import Share, chance, quantile, slower_than

PERHAPS = 0.1  # up to this chance a difference is too suspicious to promote, and too uncertain to roll back

UNWELL = 0.1  # so many of its requests failing, a version is not given to everybody, whatever the other one does


@dataclass(slots=True)
class Side:
    """All that one version answered and logged within the window."""

    requests: int = 0
    server_errors: int = 0
    client_errors: int = 0
    lines: int = 0
    error_lines: int = 0
    buckets: dict[str, float] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    pods: int = 0

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


def side(traffic: Iterable[PodTraffic], lines: Iterable[PodLines]) -> Side:
    """The sum over a version's pods."""
    whole = Side()
    for one in traffic:
        whole.pods += 1
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


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison: what was compared, how it came out, and how likely chance alone does that."""

    what: str
    canary: str
    stable: str
    chance: float
    worse: bool = False
    perhaps: bool = False
    words: str = ""


def few(canary: Side, stable: Side, thresholds: Thresholds) -> str:
    """Why there are not enough samples to tell; empty if there are."""
    wanted = thresholds.canary_min_requests
    for name, one in (("the canary", canary), ("stable", stable)):
        if one.requests < wanted:
            return f"{name} answered {one.requests} of the {wanted} requests that it takes (within {thresholds.canary_window_minutes} min)"
    return ""


def unwell(canary: Side, stable: Side, thresholds: Thresholds) -> str:
    """Why it should not be promoted although it is no worse: both fail alike, and that has another cause."""
    better = chance(stable.failed, canary.failed) < thresholds.canary_significance
    if canary.failed.rate < UNWELL or better:
        return ""
    alike = f"both fail alike ({canary.failed} of the canary's requests, {stable.failed} of stable's)"
    return f"{alike}, so it is not the canary: find that cause first"


def tests(canary: Side, stable: Side, thresholds: Thresholds) -> list[Test]:
    """Errors by status, errors in the log, and latency."""
    failed = _shares("requests failed (5xx)", canary.failed, stable.failed, thresholds)
    logged = _shares("error lines in the log to a request", canary.logged, stable.logged, thresholds)
    slow = _latency(canary, stable, thresholds)
    return [failed, logged, *([slow] if slow else [])]


def _shares(what: str, canary: Share, stable: Share, thresholds: Thresholds) -> Test:
    probability = chance(canary, stable)
    matters = (canary.rate - stable.rate) * 100 >= thresholds.canary_error_percent
    words = f"{what}: {canary} of the canary against {stable} of stable (by chance: p = {probability:.2g})"
    return _test(what, str(canary), str(stable), probability, matters, words, thresholds)


def _latency(canary: Side, stable: Side, thresholds: Thresholds) -> Test | None:
    """The 95th percentile has to be much higher, and more requests than chance explains have to be above stable's."""
    own, base = canary.slowest, stable.slowest
    if own is None or base is None:
        return None
    limit = max(base * thresholds.canary_latency_factor, base + thresholds.canary_latency_seconds)
    compared = slower_than(canary.buckets, base)
    same = slower_than(stable.buckets, base)
    probability = chance(compared[1], same[1]) if compared and same and compared[0] == same[0] else 1.0
    words = (
        f"95 % of requests take up to {own * 1000:.0f} ms with the canary against {base * 1000:.0f} ms with stable (p = {probability:.2g})"
    )
    return _test(
        "95th percentile of latency", f"{own * 1000:.0f} ms", f"{base * 1000:.0f} ms", probability, own >= limit, words, thresholds
    )


def _test(what: str, canary: str, stable: str, probability: float, matters: bool, words: str, thresholds: Thresholds) -> Test:
    worse = matters and probability < thresholds.canary_significance
    perhaps = matters and not worse and probability < PERHAPS
    return Test(what, canary, stable, probability, worse, perhaps, words)
