"""Watching objects: their events as they arrive, until a real deadline."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import requests

from clusterprobe import background, errors
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http, translate
from clusterprobe.access.urls import UrlPath
from clusterprobe.decoding import from_json

MAX_EVENT_BYTES = 8 * 1024 * 1024
STEP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Event:
    """One change: ADDED, MODIFIED, DELETED or BOOKMARK. `received` is our monotonic clock when its last byte came."""

    type: str
    object: msgspec.Raw
    received: float


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


Arrival = tuple[float, bytes] | errors.Unreadable | None


def watch(http: Http, path: UrlPath, query: Mapping[str, Any], deadline: Deadline, stopped: Callable[[], bool]) -> Iterator[Event]:
    """The events of a watch. Ends when the server ends it; raises `TimedOut` at the deadline or once `stopped()`.

    A read of a socket cannot be interrupted from outside and its timeout starts again with every byte: a thread reads, and
    nobody waits for it longer than the deadline allows.
    """
    what = f"GET {http.origin.url}{path}?watch"
    response = http.open(path, deadline, {**query, "watch": "1"})
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    background.start("watch", _pump, response, arrivals, what)
    try:
        while (arrival := _next(arrivals, deadline, stopped, what)) is not None:
            if isinstance(arrival, errors.Unreadable):
                raise arrival
            yield _decode(*arrival, what)
    finally:
        _hang_up(response)


def _hang_up(response: requests.Response) -> None:
    """End the conversation. Closing it would wait for the thread that reads; shutting its socket down ends that thread's read.

    With a urllib3 before 2.3, which cannot, the thread ends at the socket's own timeout.
    """
    shut_down = getattr(response.raw, "shutdown", None)
    if shut_down is not None:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            shut_down()


def _pump(response: requests.Response, arrivals: queue.SimpleQueue[Arrival], what: str) -> None:
    """Cut what arrives into lines, each with the moment of its arrival."""
    rest = b""
    try:
        for part in response.iter_content(None):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                arrivals.put((time.monotonic(), line))
            if len(rest) > MAX_EVENT_BYTES:
                arrivals.put(errors.BadResponse(f"{what}: an event is larger than {MAX_EVENT_BYTES // 1024**2} MiB"))
                return
    except Exception as error:  # once we have hung up, whatever the libraries make of that
        arrivals.put(translate(error, what))
    else:
        arrivals.put(None)
    finally:
        response.close()


def _next(arrivals: queue.SimpleQueue[Arrival], deadline: Deadline, stopped: Callable[[], bool], what: str) -> Arrival:
    while not deadline.passed and not stopped():
        try:
            return arrivals.get(timeout=max(0.01, min(STEP_SECONDS, deadline.remaining)))
        except queue.Empty:
            continue
    raise errors.TimedOut(f"{what}: not over in time")


def _decode(received: float, line: bytes, what: str) -> Event:
    try:
        event = from_json(line, _Event)
        if event.type == "ERROR":
            status = from_json(event.object, _Status)
            kind = errors.Expired if status.code == 410 else errors.BadResponse
            raise kind(f"{what}: {status.code} {status.message}")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise errors.BadResponse(f"{what}: not an event: {error}") from None
    return Event(event.type, event.object, received)
