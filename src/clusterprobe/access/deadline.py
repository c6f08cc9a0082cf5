"""Monotonic deadlines that hold whatever the other side does."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
from collections import deque
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
    background.start("request", _settle, future, function)
    try:
        return future.result(timeout=deadline.remaining)
    except TimeoutError:
        if future.done():
            return future.result()
        raise TimedOut(f"{what}: no whole answer in time") from None
    finally:
        del future  # the error's traceback has this frame: a circle that keeps whole answers in memory


def ahead(function: Callable[[], Value]) -> Callable[[], Value]:
    """Begin to call a function; what is returned waits for its result, once."""
    futures: list[Future[Value]] = [Future()]
    background.start("ahead", _settle, futures[0], function)
    return lambda: _result(futures.pop())


def in_parallel(function: Callable[[Value], Other], values: Iterable[Value], workers: int) -> list[Other]:
    """The function's results in order, a few at a time; its first exception is raised.

    The threads are daemons: Python waits for those of its own pools as it ends, and for all that is left for them to do.
    """
    pairs = tuple((value, Future[Other]()) for value in values)
    waited_for = deque(future for _, future in pairs)
    left, lock = iter(pairs), threading.Lock()
    del pairs  # as below: what holds all futures keeps every answer that an error is about

    def work() -> None:
        while True:
            with lock:
                pair = next(left, None)
            if pair is None:
                return
            _settle(pair[1], functools.partial(function, pair[0]))

    for _ in range(min(workers, len(waited_for))):
        background.start("each", work)
    results = []
    while waited_for:
        results.append(_result(waited_for.popleft()))
    return results


def _settle(future: Future[Value], function: Callable[[], Value]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:  # whatever it is, it belongs to the thread that waits; here nobody would hear of it
        future.set_exception(error)
    finally:
        del future  # the error's traceback has this frame: a circle that keeps whole answers in memory


def _result(future: Future[Value]) -> Value:
    try:
        return future.result()
    finally:
        del future


@contextlib.contextmanager
def ending(deadline: Deadline) -> Iterator[None]:
    """End work of the main thread at the deadline: raises `TimedOut` in the middle of it. Does nothing in any other thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def late(_: int, __: FrameType | None) -> None:
        raise TimedOut("not done in time")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(deadline.remaining, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
