"""Is one version worse than another, or is it chance? Exact where counts are small, and never without enough of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from clusterprobe.numerals import number


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    bad: int
    all: int

    @property
    def rate(self) -> float:
        return self.bad / self.all if self.all else 0.0

    def __str__(self) -> str:
        return f"{self.rate:.1%} ({self.bad} of {self.all})"


def chance(worse: Share, base: Share) -> float:
    """How likely chance alone makes the first at least that much worse: Fisher's exact test, one-sided.

    >>> round(chance(Share(3, 3), Share(0, 3)), 3)
    0.05
    """
    bad, everything = worse.bad + base.bad, worse.all + base.all
    most = min(bad, worse.all)
    if not everything or worse.bad <= 0:
        return 1.0
    whole = _log_choose(everything, worse.all)
    terms = (_log_choose(bad, k) + _log_choose(everything - bad, worse.all - k) - whole for k in range(worse.bad, most + 1))
    return min(1.0, math.fsum(math.exp(one) for one in terms))


def _log_choose(of: int, take: int) -> float:
    if take < 0 or take > of:
        return -math.inf
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)


def at_most(share: Share, confidence: float = 0.95) -> float:
    """The rate that the true one does not exceed, with that confidence (Wilson's bound)."""
    if not share.all:
        return 1.0
    z = {0.95: 1.645}.get(confidence, 1.645)
    middle = share.rate + z * z / (2 * share.all)
    spread = z * math.sqrt(share.rate * (1 - share.rate) / share.all + z * z / (4 * share.all**2))
    return min(1.0, (middle + spread) / (1 + z * z / share.all))


# --- latency: cumulative buckets by their upper bound, as a Prometheus histogram has them ------------------------------

Buckets = Mapping[str, float]


def total(buckets: Buckets) -> int:
    return round(buckets.get("+Inf", 0.0))


def quantile(buckets: Buckets, share: float) -> float | None:
    """The value below which that share lies, straight within a bucket as `histogram_quantile` has it; None without samples."""
    bounds = _bounds(buckets)
    wanted = share * total(buckets)
    below, lower = 0.0, 0.0
    for bound, count in bounds:
        if count >= wanted and count > 0:
            inside = count - below
            return bound if inside <= 0 else lower + (bound - lower) * (wanted - below) / inside
        below, lower = count, bound
    return bounds[-1][0] if bounds and total(buckets) else None


def slower_than(buckets: Buckets, seconds: float) -> tuple[float, Share] | None:
    """The first bound at or above so many seconds, and the share of what took longer."""
    for bound, count in _bounds(buckets):
        if bound >= seconds:
            return bound, Share(max(0, total(buckets) - round(count)), total(buckets))
    return None


def _bounds(buckets: Buckets) -> list[tuple[float, float]]:
    """Without the last one, which has none, and without what is no bound: any program may write that label."""
    return sorted((bound, count) for text, count in buckets.items() if (bound := number(text)) is not None)
