"""What the canaries' times say: which node is slow, in which phase, and against whom."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from clusterprobe.model import Bar, Bars, Struct
from clusterprobe.systems.pods.termination.model import CanaryTiming, is_outlier
from clusterprobe.thresholds import Thresholds

Timings = dict[str, list[CanaryTiming]]


class Slow(Struct, frozen=True):
    """A node from which a pod goes slowly. With `server`, it is the unmount of that server's exports."""

    node: str
    timing: CanaryTiming
    plain: CanaryTiming | None
    peers: dict[str, float]
    over_limit: bool
    server: str = ""


def slow_nodes(timings: Timings, thresholds: Thresholds) -> Iterator[Slow]:
    """The nodes that are slow by themselves, and those that are slow with an NFS server's exports only."""
    for node, all_of_it in timings.items():
        plain = next((one for one in all_of_it if not one.server), None)
        if plain:
            peers = {other: seconds for other, seconds in _plain(timings).items() if other != node}
            if _is_slow(plain.seconds, peers, thresholds):
                yield Slow(node=node, timing=plain, plain=plain, peers=peers, over_limit=plain.seconds >= thresholds.termination.seconds)
        for server in dict.fromkeys(one.server for one in all_of_it if one.server):
            worst = max((one for one in all_of_it if one.server == server), key=lambda one: one.seconds)
            yield from _with_export(node, worst, plain, timings, thresholds)


def _with_export(node: str, worst: CanaryTiming, plain: CanaryTiming | None, timings: Timings, thresholds: Thresholds) -> Iterator[Slow]:
    peers = {other: seconds for other, seconds in _with_server(timings, worst.server).items() if other != node}
    excess = worst.cleanup_seconds - (plain.cleanup_seconds if plain else 0.0)
    against = peers or ({f"{node} without a volume": plain.seconds} if plain else {})
    if _is_slow(worst.seconds, against, thresholds) and excess >= thresholds.termination.outlier_seconds:
        over = worst.seconds >= thresholds.termination.seconds
        yield Slow(node=node, timing=worst, plain=plain, peers=peers, over_limit=over, server=worst.server)


def _is_slow(seconds: float, peers: dict[str, float], thresholds: Thresholds) -> bool:
    if seconds >= thresholds.termination.seconds:
        return True
    return is_outlier(seconds, peers.values(), factor=thresholds.termination.outlier_factor, least=thresholds.termination.outlier_seconds)


def _plain(timings: Timings) -> dict[str, float]:
    return {node: one.seconds for node, all_of_it in timings.items() for one in all_of_it if not one.server}


def _with_server(timings: Timings, server: str) -> dict[str, float]:
    """Each node's median over the server's exports: one of several may be the one that hangs."""
    found = {node: [one.seconds for one in all_of_it if one.server == server] for node, all_of_it in timings.items()}
    return {node: statistics.median(seconds) for node, seconds in found.items() if seconds}


def bars(timings: Timings, slow: list[Slow], limit: float) -> Bars:
    """Every canary as a bar: the application's part, and the clean-up."""
    outliers = {(one.node, one.server): one.timing.seconds / 2 for one in slow}
    rows = [
        Bar(
            label=f"{node}, {one.export or 'no volume'}",
            parts=[("application", one.application_seconds), ("unmount" if one.server else "clean-up", one.cleanup_seconds)],
            outlier=one.seconds >= outliers.get((node, one.server), math.inf),
            note="" if one.gone else "it still existed when the wait ended",
        )
        for node, all_of_it in sorted(timings.items())
        for one in all_of_it
    ]
    return Bars(title="Termination per node", unit="s", bars=rows, limit=limit)
