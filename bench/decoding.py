"""What the worst answer of each kind costs to read, against plain decoding of the same. Prints ratios; asserts nothing.

    python -m bench.decoding [--rounds 5]

Each answer fills its limit, or MOST of it, in the way that costs most: empty arrays, empty objects, short texts. It is given to
what reads the kind, and beside it, in the same process, to msgspec and to `json.loads` without a type.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.http import Answer, decode, refusal
from clusterprobe.errors import BadResponse
from clusterprobe.systems.serving.health import health_of

MOST = bodies.MIB  # plain decoding of more takes minutes here
ARRAYS, OBJECTS, TEXTS = b"[],", b"{},", b'"a",'


def filled(limit: int, unit: bytes, key: bytes = b"a") -> bytes:
    head, tail = b'{"' + key + b'":[', unit[:-1] + b"]}"
    return head + unit * ((limit - len(head) - len(tail)) // len(unit)) + tail


def page(body: bytes) -> None:
    from clusterprobe.access.cluster import Resource, _page
    from clusterprobe.readings import Collector
    from clusterprobe.systems.kubernetes.objects import Pod

    _page(Answer(200, {}, body, 0.0), Pod, Resource("v1", "pods", "Pod"), Collector())


def generic(body: bytes) -> None:
    decode(Answer(200, {}, body, 0.0), dict[str, Any], "bench")


KINDS: dict[str, tuple[int, bytes, Callable[[bytes], object]]] = {
    "a health answer": (bodies.SMALL, b"a", lambda body: health_of(Answer(200, {}, body, 0.0), "bench")),
    "a refusal": (bodies.REFUSAL, b"a", lambda body: refusal(Answer(403, {}, body, 0.0), "bench")),
    "a page of pods": (bodies.PAGE, b"items", page),
    "a dashboard": (bodies.OBJECT, b"a", generic),
}


def cost(read: Callable[[bytes], object], body: bytes, rounds: int) -> tuple[float, float]:
    """Median seconds, and MB at the peak."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        _read(read, body)
        taken.append(time.perf_counter() - begun)
    tracemalloc.start()
    _read(read, body)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return statistics.median(taken), peak


def _read(read: Callable[[bytes], object], body: bytes) -> None:
    try:
        read(body)
    except BadResponse:  # refused: that is what it costs
        return


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    print(f"{'answer':<18}{'filled with':<16}{'MB':>6}{'time, of msgspec':>18}{'of json':>10}{'memory, of msgspec':>20}{'of json':>10}")
    for name, (limit, key, read) in KINDS.items():
        for what, unit in (("arrays", ARRAYS), ("objects", OBJECTS), ("texts", TEXTS)):
            body = filled(min(limit, MOST), unit, key)
            ours, plain, loads = (cost(one, body, rounds) for one in (read, msgspec.json.decode, json.loads))
            times, peaks = (ours[0] / plain[0], ours[0] / loads[0]), (ours[1] / plain[1], ours[1] / loads[1])
            print(f"{name:<18}{what:<16}{len(body) / 1e6:>6.1f}{times[0]:>18.2f}{times[1]:>10.2f}{peaks[0]:>20.3f}{peaks[1]:>10.3f}")


if __name__ == "__main__":
    main()
