"""The arithmetic by which a canary is compared with stable."""

import itertools

import pytest

from clusterprobe.systems.serving.canary.statistics import Share, at_most, chance, quantile, slower_than
from tests.canary_factories import QUICK, SLOW


def test_fishers_test_agrees_with_counting_every_case() -> None:
    for good, bad, own in itertools.product(range(6), range(6), range(1, 6)):
        whole = [1] * bad + [0] * good
        if own > len(whole):
            continue
        picks = [sum(one) for one in itertools.combinations(whole, own)]
        for seen in range(max(0, own - good), min(own, bad) + 1):
            expected = sum(one >= seen for one in picks) / len(picks)
            assert chance(Share(seen, own), Share(bad - seen, len(whole) - own)) == pytest.approx(expected)


def test_large_counts_are_no_trouble() -> None:
    assert chance(Share(5000, 100_000), Share(4000, 100_000)) < 1e-20
    assert chance(Share(0, 100_000), Share(0, 100_000)) == 1.0


def test_a_bound_that_is_none_breaks_nothing() -> None:
    """Any program that is scraped may write the label."""
    odd = {**QUICK, "x": 1.0, "NaN": 2.0, "1e400": 3.0, "-1": 4.0}
    assert quantile(odd, 0.95) == quantile(QUICK, 0.95)
    assert slower_than(odd, 0.1) == slower_than(QUICK, 0.1)


def test_quantiles_are_those_of_prometheus() -> None:
    assert quantile(QUICK, 0.95) == pytest.approx(0.1)
    assert quantile(SLOW, 0.5) == pytest.approx(0.25 + 0.25 * 40 / 85)
    assert quantile({"0.1": 0.0, "+Inf": 10.0}, 0.95) == 0.1
    assert quantile({}, 0.95) is None


def test_what_is_slower_is_counted_at_the_next_bound() -> None:
    assert slower_than(SLOW, 0.2) == (0.25, Share(90, 100))
    assert slower_than(SLOW, 9) is None


def test_a_rate_of_nothing_seen_is_bounded() -> None:
    assert at_most(Share(0, 100)) == pytest.approx(0.0263, abs=0.001)
    assert at_most(Share(0, 0)) == 1.0
