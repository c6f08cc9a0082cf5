"""How often a run waits for one that does not answer: a few times in all, and not once for each question.

What runs on a node that is cut off is asked by many sources, and each of their requests would wait until it is late.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from clusterprobe.errors import Silent, TimedOut, Unreachable
from clusterprobe.patterns import ours

MOST_LATE = 2  # requests in a row without an answer, after which no more are sent
# What the API server answers for a pod, or for a kubelet, that it does not reach itself.
_UNANSWERED = ours(r"(?i)i/o timeout|no route to host|connection timed out|context deadline exceeded|deadline exceeded while awaiting")


class Patience:
    """Which of those that are asked have not answered of late. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late: dict[str, int] = {}

    @contextlib.contextmanager
    def of(self, whom: str) -> Iterator[None]:
        """Around one request: `TimedOut` at once where the last ones to `whom` had no answer. Any answer starts anew."""
        with self._lock:
            spent = self._late.get(whom, 0) >= MOST_LATE
        if spent:
            raise TimedOut(f"{whom} is not asked again: the last {MOST_LATE} requests to it had no answer")
        try:
            yield
        except (Silent, Unreachable) as error:
            if isinstance(error, Silent) or _UNANSWERED.search(str(error)):
                with self._lock:
                    self._late[whom] = self._late.get(whom, 0) + 1
            raise
        with self._lock:
            self._late.pop(whom, None)
