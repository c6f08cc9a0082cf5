"""One HTTP server: requests with a real deadline, no redirects, a cap on the body, and one retry layer."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import requests
import tenacity
import urllib3
import urllib3.connection

from clusterprobe import errors
from clusterprobe.access import bodies
from clusterprobe.access.deadline import Deadline, call_within
from clusterprobe.access.session import Origin, Session
from clusterprobe.access.urls import Query, UrlPath, as_path
from clusterprobe.decoding import from_json
from clusterprobe.excerpt import excerpt
from clusterprobe.numerals import whole_number
from clusterprobe.times import http_date

Value = TypeVar("Value")

MAX_IN_FLIGHT = 4
CONNECT_SECONDS = 5.0
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
SAID = 300  # characters that are kept of what a server says
TRANSIENT = frozenset({429, 500, 502, 503, 504})

urllib3.connection.HTTPConnection.response_class = bodies.Bounded  # also of https, which inherits from it


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `received` is our clock (epoch seconds) when it began to arrive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: float


class Http:
    """A client of one origin. Safe to use from several threads; at most `MAX_IN_FLIGHT` requests at once."""

    def __init__(self, origin: Origin, slots: threading.Semaphore | None = None, request_seconds: float = 30.0) -> None:
        self.origin = origin
        self._request_seconds = request_seconds
        self._slots = slots or threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self._session = Session(origin, connections=2 * MAX_IN_FLIGHT)

    def get(self, path: str, deadline: Deadline, *, query: Query | None = None, **options: Any) -> Answer:
        """GET with retries of what is transient; the answer's status is 200. See `send` for the options."""
        return self.send("GET", path, deadline, query=query, **options)

    def send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (200,),
        retry: bool = True,
        content_type: str = "application/json",
        limit_bytes: int = bodies.SMALL,
        whole: bool = True,
    ) -> Answer:
        """One request, repeated while what went wrong is transient and time is left. Raises an `Unreadable`.

        `accept` are the statuses that are an answer; one larger than `limit_bytes` is `TooLarge`, or cut if not `whole`.
        `body` is sent as JSON. A `path` that is text stands in the code.
        """
        path = as_path(path)
        what = f"{method} {self.origin.url}{path}"

        def once() -> Answer:
            limit = deadline.within(self._request_seconds)
            allowed = limit.remaining
            if limit.passed:
                raise errors.TimedOut(f"{what}: no time left")
            exchange = functools.partial(self._exchange, method, path, what, limit, query, body, headers, content_type, read)
            with _Slot(self._slots, limit, what):
                answer = _given(limit.remaining >= allowed / 2, lambda: call_within(limit, what, exchange))
            if answer.status not in accept:
                raise refusal(answer, what)
            return answer

        def read(response: requests.Response, limit: Deadline) -> bytes:
            wanted = response.status_code in accept
            return bodies.read(response, limit, what, limit_bytes if wanted else bodies.REFUSAL, whole=whole and wanted)

        return _retrying(deadline)(once) if retry else once()

    def open(self, path: str, limit: Deadline, query: Query) -> requests.Response:
        """An answer whose body is still to be read, such as a watch's; it takes no place among the requests in flight."""
        path = as_path(path)
        what = f"GET {self.origin.url}{path}"

        def begin() -> requests.Response:
            sent = {"Accept": "application/json", "Accept-Encoding": "identity"}
            timeout = (min(CONNECT_SECONDS, limit.remaining or 0.01), limit.remaining + 1)
            try:
                response = self._session.begin("GET", path, query=query, data=None, headers=sent, timeout=timeout)
                if response.status_code != 200:
                    body = bodies.read(response, limit, what, bodies.REFUSAL, whole=False)
                    raise refusal(Answer(response.status_code, response.headers, body, time.time()), what)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise translate(error, what) from None
            return response

        return call_within(limit, what, begin)

    def _exchange(
        self,
        method: str,
        path: UrlPath,
        what: str,
        limit: Deadline,
        query: Query | None,
        body: Any,
        headers: Mapping[str, str] | None,
        content_type: str,
        read: Callable[[requests.Response, Deadline], bytes],
    ) -> Answer:
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            sent["Content-Type"] = content_type
        timeout = (min(CONNECT_SECONDS, limit.remaining or 0.01), limit.remaining or 0.01)
        try:
            with self._session.begin(method, path, query=query, data=data, headers=sent, timeout=timeout) as response:
                received = time.time()
                return Answer(response.status_code, response.headers, read(response, limit), received)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise translate(error, what) from None


class _Slot:
    """A place among the requests in flight, waited for no longer than the deadline."""

    def __init__(self, slots: threading.Semaphore, limit: Deadline, what: str) -> None:
        self._slots, self._limit, self._what = slots, limit, what

    def __enter__(self) -> None:
        if not self._slots.acquire(timeout=self._limit.remaining):
            raise errors.TimedOut(f"{self._what}: other requests took all the time")

    def __exit__(self, *_: object) -> None:
        self._slots.release()


def _given(most_of_it: bool, ask: Callable[[], Answer]) -> Answer:
    """The answer; `Silent` for none in time, if the other side had most of the time that there was."""
    try:
        return ask()
    except errors.TimedOut as late:
        if most_of_it:
            raise errors.Silent(str(late)) from None
        raise


class Transient(errors.Unreachable):
    """Trouble that may pass by itself; `after` is the server's Retry-After in seconds."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


def _retrying(deadline: Deadline) -> tenacity.Retrying:
    backoff = tenacity.wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=3)  # no jitter: one client, four requests

    def pause(state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        return max(backoff(state), failure.after if isinstance(failure, Transient) else 0.0)

    def enough(state: tenacity.RetryCallState) -> bool:
        # A Retry-After beyond the deadline is not waited for: the answer would come too late anyway.
        return state.attempt_number >= ATTEMPTS or pause(state) >= deadline.remaining

    return tenacity.Retrying(
        stop=enough,
        wait=pause,
        retry=tenacity.retry_if_exception_type(Transient),
        reraise=True,
    )


def translate(error: Exception, what: str) -> errors.Unreadable:
    """A foreign exception as one of ours."""
    if isinstance(error, errors.Unreadable):
        return error
    text = excerpt(_innermost(error), SAID)
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return errors.Unreachable(f"{what}: TLS: {text}")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return errors.TimedOut(f"{what}: no whole answer in time")
    decoding = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, (*decoding, urllib3.exceptions.DecodeError, urllib3.exceptions.ProtocolError)):
        return errors.BadResponse(f"{what}: half an answer: {text}")
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError | ConnectionError):
        return Transient(f"{what}: {text}")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return errors.Unreachable(f"{what}: {text}")
    return errors.BadResponse(f"{what}: {text}")


def _innermost(error: BaseException) -> str:
    """The sentence that says what happened, out of three libraries' wrappings."""
    while True:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((one for one in error.args if isinstance(one, BaseException)), None) or error.__cause__
        if inner is None or inner is error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return text.rsplit(">: ", 1)[-1].strip() or type(error).__name__
        error = inner


def refusal(answer: Answer, what: str) -> errors.Unreadable:
    """The error that stands for an HTTP status that is no answer."""
    said = _said(answer)
    message = f"{what}: HTTP {answer.status}" + (f": {said}" if said else "")
    if answer.status in TRANSIENT:
        return Transient(message, _retry_after(answer))
    if 300 <= answer.status < 400:
        return errors.BadResponse(f"{what}: HTTP {answer.status}: a redirect, which is not followed")
    kinds: dict[int, type[errors.Unreadable]] = {
        401: errors.Unauthenticated,
        403: errors.Forbidden,
        404: errors.NotFound,
        410: errors.Expired,
    }
    return kinds.get(answer.status, errors.BadResponse)(message)


class _Status(msgspec.Struct):
    message: str = ""


def _said(answer: Answer) -> str:
    """What the server says of itself: the message of a Kubernetes Status, else the first line of text."""
    said = ""
    if len(answer.body) <= bodies.REFUSAL:
        try:
            said = from_json(answer.body, _Status).message
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            said = ""
    if not said and "html" not in answer.headers.get("Content-Type", ""):
        said = answer.body[: 8 * SAID].decode("utf-8", "replace").strip().split("\n")[0]
    return excerpt(said, SAID)


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "")
    seconds, moment = whole_number(text), http_date(text)
    if seconds is not None:
        return float(seconds)
    return max(0.0, moment - time.time()) if moment is not None else 0.0


def is_page(text: str) -> bool:
    """Whether it is the beginning of an HTML page, such as that of a proxy which wants a login."""
    return text.lstrip().lower().startswith(("<!doctype html", "<html"))


def if_page(text: str) -> str:
    """What to add to a complaint about an answer: that it is a page, if it is."""
    return ": an HTML page (a login page?)" if is_page(text) else ""


def decode(answer: Answer, kind: type[Value], what: str) -> Value:
    """The body as JSON of that shape; `BadResponse` for anything else, with the likeliest explanation."""
    bodies.check_values(answer.body, what)
    try:
        return from_json(answer.body, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        if is_page(answer.body[:200].decode("utf-8", "replace")):
            raise errors.BadResponse(f"{what}: an HTML page with status {answer.status} (a login page?), not JSON") from None
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise errors.BadResponse(f"{what}: not the JSON that was asked for: {text}") from None
