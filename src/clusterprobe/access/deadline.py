"""Monotonic deadlines that hold whatever the other side does."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

from clusterprobe import background
from clusterprobe.errors import TimedOut

Value = TypeVar("Value")
Other = TypeVar("Other")


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

    background.start("request", run)
    try:
        return future.result(timeout=deadline.remaining)
    except TimeoutError:
        if future.done():
            return future.result()
        raise TimedOut(f"{what}: no whole answer in time") from None


def in_parallel(function: Callable[[Value], Other], values: Iterable[Value], workers: int) -> list[Other]:
    """The function's results in order, a few at a time; its first exception is raised.

    The threads are daemons: Python waits for those of its own pools as it ends, and for all that is left for them to do.
    """
    pairs = [(value, Future[Other]()) for value in values]
    left, lock = iter(pairs), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                pair = next(left, None)
            if pair is None:
                return
            value, future = pair
            try:
                future.set_result(function(value))
            except BaseException as error:  # it belongs to whoever waits for the result
                future.set_exception(error)

    for _ in range(min(workers, len(pairs))):
        background.start("each", work)
    return [future.result() for _, future in pairs]


@contextlib.contextmanager
def ending(deadline: Deadline, what: str) -> Iterator[None]:
    """End work of the main thread at the deadline: raises `TimedOut` in the middle of it. Does nothing in any other thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def late(_: int, __: FrameType | None) -> None:
        raise TimedOut(f"{what}: not done in time")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(deadline.remaining, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
