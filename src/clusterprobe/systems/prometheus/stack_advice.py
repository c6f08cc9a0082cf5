"""How two stacks are kept from doing the same work: each leaves out what is made for the other, and the rest is divided by its owners."""

from __future__ import annotations

from collections.abc import Collection

from clusterprobe.fixes import look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.prometheus.objects import Customs, key_of, pool_origin
from clusterprobe.systems.prometheus.selection import BY_KIND, SELECTED, Selected
from clusterprobe.systems.prometheus.selection_advice import divide, drop_in_job, leave_out
from clusterprobe.systems.prometheus.stacks import Overlap

MAX_JOBS = 5


def fix_of_overlap(one: Overlap, customs: Customs) -> list[Step]:
    """For targets that two stacks scrape. A command only for what certainly is the other's."""
    steps: list[Step] = []
    for taker, whose, pools in (
        (one.first, one.second, {pool for pool, _ in one.of_second}),
        (one.second, one.first, {pool for pool, _ in one.of_first}),
    ):
        kinds = {origin[0].kind for pool in pools if (origin := pool_origin(pool, taker))}
        steps += keep_apart(taker, whose, customs, [each for each in SELECTED if each.resource.kind in kinds])
        steps += [drop_in_job(taker, pool, whose) for pool in sorted(pools)[:MAX_JOBS] if not pool_origin(pool)]
    sure = one.of_first | one.of_second
    rest = sorted({target.namespace for key, target in one.targets.items() if key not in sure})
    return [_see_both(one, kinds_of(one)), *steps, *([divide(one.first, one.second, rest)] if rest else [])]


def keep_apart(taker: Subject, whose: Subject, customs: Customs, kinds: list[Selected]) -> list[Step]:
    """For what a Prometheus selects in the namespace of another one."""
    custom = customs.get(key_of(taker))
    return [leave_out(taker, custom, kinds, whose)] if custom is not None and kinds else []


def kinds_of(one: Overlap) -> Collection[str]:
    """The kinds of the monitors through which both scrape."""
    return {origin[0].kind for pool, _ in one.targets if (origin := pool_origin(pool, one.first))}


def _see_both(one: Overlap, kinds: Collection[str]) -> Step:
    first = next((BY_KIND[each].resource.name for each in sorted(kinds)), "")
    if not first:
        return look(
            "See what configures both.", *(shell("kubectl -n {} get configmaps", each.namespace) for each in (one.first, one.second))
        )
    return look("See what there is to select, with its labels.", shell("kubectl get {} -A --show-labels", first))
