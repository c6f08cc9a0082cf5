"""One HTTP server: requests with a real deadline, no redirects, a cap on the body, and one retry layer."""

from __future__ import annotations

import email.utils
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from clusterprobe import __version__, errors
from clusterprobe.access.deadline import Deadline, call_within
from clusterprobe.decoding import from_json
from clusterprobe.redaction import redact

Value = TypeVar("Value")

MAX_BODY_BYTES = 128 * 1024 * 1024
MAX_IN_FLIGHT = 4
CONNECT_SECONDS = 5.0
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
TRANSIENT = frozenset({429, 500, 502, 503, 504})

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # only ever off because a kubeconfig or profile says so


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `received` is our clock (epoch seconds) when it began to arrive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: float


@dataclass(frozen=True)
class Origin:
    """A server and how to identify to it. `headers` are asked for each request, since tokens rotate."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(default=dict)
    verify: bool | str = True
    certificate: tuple[str, str] | None = None
    server_name: str = ""
    proxy: str = ""


class _Adapter(HTTPAdapter):
    """Connects under another TLS name where a kubeconfig says so (`tls-server-name`)."""

    def __init__(self, server_name: str) -> None:
        self._names = {"server_hostname": server_name, "assert_hostname": server_name} if server_name else {}
        super().__init__(pool_maxsize=2 * MAX_IN_FLIGHT, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        options.update(self._names)
        super().init_poolmanager(*arguments, **options)


class Http:
    """A client of one origin. Safe to use from several threads; at most `MAX_IN_FLIGHT` requests at once."""

    def __init__(self, origin: Origin, slots: threading.Semaphore | None = None, request_seconds: float = 30.0) -> None:
        self.origin = origin
        self._request_seconds = request_seconds
        self._slots = slots or threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self._session = requests.Session()
        # Neither ~/.netrc nor proxy variables: no credential may reach a server that it was not meant for.
        self._session.trust_env = False
        self._session.verify = origin.verify
        self._session.cert = origin.certificate
        self._session.headers["User-Agent"] = f"clusterprobe/{__version__}"
        if origin.proxy:
            self._session.proxies = {"http": origin.proxy, "https": origin.proxy}
        adapter = _Adapter(origin.server_name)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def get(self, path: str, deadline: Deadline, *, query: Mapping[str, Any] | None = None, **options: Any) -> Answer:
        """GET with retries of what is transient; the answer's status is 200. See `send` for the options."""
        return self.send("GET", path, deadline, query=query, **options)

    def send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (200,),
        retry: bool = True,
        content_type: str = "application/json",
    ) -> Answer:
        """One request, repeated while what went wrong is transient and time is left. Raises an `Unreadable`.

        `accept` are the statuses that are an answer. `body` is sent as JSON.
        """
        what = f"{method} {self.origin.url}{path}"

        def once() -> Answer:
            limit = deadline.within(self._request_seconds)
            if limit.passed:
                raise errors.TimedOut(f"{what}: no time left")
            with _Slot(self._slots, limit, what):
                answer = call_within(limit, what, lambda: self._exchange(method, path, limit, query, body, headers, content_type))
            if answer.status not in accept:
                raise refusal(answer, what)
            return answer

        if not retry:
            return once()
        return _retrying(deadline)(once)

    def open(self, path: str, limit: Deadline, query: Mapping[str, Any]) -> requests.Response:
        """An answer whose body is still to be read, such as a watch's; it takes no place among the requests in flight."""
        what = f"GET {self.origin.url}{path}"

        def begin() -> requests.Response:
            sent = {"Accept": "application/json", "Accept-Encoding": "identity", **self.origin.headers()}
            timeout = (min(CONNECT_SECONDS, limit.remaining or 0.01), limit.remaining + 1)
            try:
                response = self._session.get(
                    self.origin.url + path, params=query, headers=sent, timeout=timeout, allow_redirects=False, stream=True
                )
                if response.status_code != 200:
                    body = _read(response, limit, what)
                    raise refusal(Answer(response.status_code, response.headers, body, time.time()), what)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise translate(error, what) from None
            return response

        return call_within(limit, what, begin)

    def _exchange(
        self,
        method: str,
        path: str,
        limit: Deadline,
        query: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None,
        content_type: str,
    ) -> Answer:
        what = f"{method} {self.origin.url}{path}"
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip", **self.origin.headers(), **(headers or {})}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            sent["Content-Type"] = content_type
        timeout = (min(CONNECT_SECONDS, limit.remaining or 0.01), limit.remaining or 0.01)
        try:
            with self._session.request(
                method,
                self.origin.url + path,
                params=query,
                data=data,
                headers=sent,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                received = time.time()
                return Answer(response.status_code, response.headers, _read(response, limit, what), received)
        except zlib.error as error:
            raise errors.BadResponse(f"{what}: half an answer: {error}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise translate(error, what) from None


def _read(response: requests.Response, limit: Deadline, what: str) -> bytes:
    unpack = _unpacker(response, what)
    parts, size = [], 0
    for part in response.raw.stream(256 * 1024, decode_content=False):
        # One byte more than is allowed is enough to see that there is more: a bomb never gets to unfold.
        data = unpack.decompress(part, MAX_BODY_BYTES - size + 1) if unpack else part
        size += len(data)
        if size > MAX_BODY_BYTES:
            raise errors.BadResponse(f"{what}: the answer is larger than {MAX_BODY_BYTES // 1024**2} MiB")
        if limit.passed:
            raise errors.TimedOut(f"{what}: no whole answer in time")
        parts.append(data)
    if unpack and not unpack.eof:  # the usual decoders hand out what there is, which in text nobody notices
        raise errors.BadResponse(f"{what}: half an answer: its compressed data end too early")
    return b"".join(parts)


def _unpacker(response: requests.Response, what: str) -> Any:
    encoding = response.headers.get("Content-Encoding", "").lower()
    if encoding in ("", "identity"):
        return None
    if encoding != "gzip":
        raise errors.BadResponse(f"{what}: the answer is encoded as {encoding}, which was not asked for")
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


class _Slot:
    """A place among the requests in flight, waited for no longer than the deadline."""

    def __init__(self, slots: threading.Semaphore, limit: Deadline, what: str) -> None:
        self._slots, self._limit, self._what = slots, limit, what

    def __enter__(self) -> None:
        if not self._slots.acquire(timeout=self._limit.remaining):
            raise errors.TimedOut(f"{self._what}: other requests took all the time")

    def __exit__(self, *_: object) -> None:
        self._slots.release()


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
    text = redact(_innermost(error))
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


def _said(answer: Answer) -> str:
    """What the server says of itself: the message of a Kubernetes Status, else the first line of text."""
    try:
        said = from_json(answer.body, dict[str, Any]).get("message", "")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        said = ""
    if not said and "html" not in answer.headers.get("Content-Type", ""):
        said = answer.body[:300].decode("utf-8", "replace").strip().split("\n")[0]
    return redact(str(said))[:300]


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    if not text:
        return 0.0
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def is_page(text: str) -> bool:
    """Whether it is the beginning of an HTML page, such as that of a proxy which wants a login."""
    return text.lstrip().lower().startswith(("<!doctype html", "<html"))


def if_page(text: str) -> str:
    """What to add to a complaint about an answer: that it is a page, if it is."""
    return ": an HTML page (a login page?)" if is_page(text) else ""


def decode(answer: Answer, kind: type[Value], what: str) -> Value:
    """The body as JSON of that shape; `BadResponse` for anything else, with the likeliest explanation."""
    try:
        return from_json(answer.body, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        if is_page(answer.body[:200].decode("utf-8", "replace")):
            raise errors.BadResponse(f"{what}: an HTML page with status {answer.status} (a login page?), not JSON") from None
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise errors.BadResponse(f"{what}: not the JSON that was asked for: {text}") from None
