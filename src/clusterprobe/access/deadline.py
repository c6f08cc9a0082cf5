"""Monotonic deadlines that hold whatever the other side does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from clusterprobe.errors import TimedOut

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.remaining <= 0

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and that many seconds from now."""
        return Deadline(min(self.at, time.monotonic() + seconds))


def call_within(deadline: Deadline, what: str, function: Callable[[], Value]) -> Value:
    """Call a function that may block for ever; past the deadline it is abandoned, and `TimedOut` raised.

    A socket's own timeout starts again with every byte, so that a server which drips one byte a second is never late, and
    name resolution has none. A thread that nobody waits for is the one deadline that covers all of it.
    """
    future: Future[Value] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # whatever it is, it belongs to the thread that waits; here nobody would hear of it
            future.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    try:
        return future.result(timeout=deadline.remaining)
    except TimeoutError:
        if future.done():
            return future.result()
        raise TimedOut(f"{what}: no whole answer in time") from None
