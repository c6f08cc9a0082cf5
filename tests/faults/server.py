"""A server on real sockets that answers as the recorded API server did, and misbehaves where it is told to."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from http.client import responses
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.faults.recording import Recording, key_of

PAGES = 3  # every list comes in as many pages, so that there is a first, a middle and a last one


@dataclass(frozen=True)
class Request:
    """What was asked. `page` counts from 0; what is no list has no pages. `resource` is the same in every namespace."""

    method: str
    target: str
    headers: dict[str, str]
    page: int = 0
    pages: int = 0

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.target.partition("?")[2], keep_blank_values=True).items()}

    @property
    def key(self) -> str:
        return key_of(self.method, self.target)

    @property
    def resource(self) -> str:
        return everywhere(self.key)

    @property
    def position(self) -> str:
        if self.page == 0:
            return "first"
        return "last" if self.page == self.pages - 1 else "middle"


@dataclass(frozen=True)
class Reply:
    """A whole answer, before anything happens to it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Misbehave = Callable[["Talk", Request, Reply], None]


@dataclass
class Injection:
    """A fault, and for which requests: `where` is told of each; `times` is how often it strikes."""

    misbehave: Misbehave
    where: Callable[[Request], bool] = lambda request: True
    times: float = math.inf
    struck: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, request: Request) -> bool:
        with self.lock:
            if self.struck >= self.times or not self.where(request):
                return False
            self.struck += 1
            return True


class FaultServer:
    """Serves a recording over HTTP, or over TLS with a context. A context manager; `seen` are its requests in order."""

    def __init__(self, recording: Recording, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.recording, self.tls, self.host = recording, tls, host
        self.injection: Injection | None = None
        self.seen: list[Request] = []
        self.unknown: list[str] = []
        self.harmless = False  # a fault that had nothing to change in the answer
        self.closing = threading.Event()
        self._skew = recording.clock - time.time()
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def now(self) -> float:
        """The server's clock goes on from the moment of the recording."""
        return time.time() + self._skew

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="fault-server", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.stop_listening()
        self.hang_up()

    def stop_listening(self) -> None:
        """From now on a new connection is refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def hang_up(self) -> None:
        """End what still talks, such as one that drips."""
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def rewind(self) -> None:
        """Back to the moment of the recording: a heartbeat that was young there is not old because the tests take long."""
        self._skew = self.recording.clock - time.time()

    @contextlib.contextmanager
    def misbehaving(self, misbehave: Misbehave, where: Callable[[Request], bool], times: float = math.inf) -> Iterator[Injection]:
        """Inject a fault for the time of a `with`; starts to count requests anew."""
        self.seen.clear()
        self.rewind()
        self.harmless = False
        self.injection = Injection(misbehave, where, times)
        try:
            yield self.injection
        finally:
            self.injection = None
            self.hang_up()

    # --- answering --------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(accepted,), name="fault-server", daemon=True).start()

    def _converse(self, accepted: socket.socket) -> None:
        try:
            talking = self.tls.wrap_socket(accepted, server_side=True) if self.tls else accepted
        except OSError:
            accepted.close()
            return
        talking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(talking)
        talk = Talk(talking, self)
        try:
            while not talk.over and (request := _read(talking)):
                self._answer(talk, request)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(talking)
            talking.close()

    def _answer(self, talk: Talk, request: Request) -> None:
        request, reply = self.reply(request)
        self.seen.append(request)
        injection = self.injection
        if injection is not None and injection.strikes(request):
            injection.misbehave(talk, request, reply)
        else:
            talk.send(reply)

    def reply(self, request: Request) -> tuple[Request, Reply]:
        """The recorded answer; a list comes in pages, and a namespace's list out of the whole one."""
        exchange = self.recording.exchanges.get(request.key)
        namespace = ""
        if exchange is None:
            namespace, exchange = _namespace_of(request.path), self.recording.exchanges.get(request.resource)
        if exchange is None:
            self.unknown.append(request.key)
            return request, Reply(404, status(404, "NotFound", "the server could not find the requested resource"))
        if not exchange.is_list:
            return request, Reply(exchange.status, exchange.body, exchange.content_type)
        return _page(request, exchange.body, namespace)


def everywhere(key: str) -> str:
    """The key of a list in every namespace, from that of one namespace.

    >>> everywhere("GET /api/v1/namespaces/x/pods")
    'GET /api/v1/pods'
    """
    method, path = key.split(" ", 1)
    parts = path.split("/")
    if "namespaces" in parts[:-2] and len(parts) == parts.index("namespaces") + 3:
        at = parts.index("namespaces")
        return f"{method} {'/'.join(parts[:at] + parts[at + 2 :])}"
    return key


def _namespace_of(path: str) -> str:
    parts = path.split("/")
    return parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""


@cache
def _items(body: bytes) -> tuple[dict[str, Any], tuple[tuple[str, bytes], ...]]:
    """A list without its items, and each item's namespace and JSON."""
    whole = json.loads(body)
    items = tuple((one["metadata"].get("namespace", ""), json.dumps(one).encode()) for one in whole.pop("items"))
    return whole, items


def _page(request: Request, body: bytes, namespace: str) -> tuple[Request, Reply]:
    whole, pairs = _items(body)
    items = [text for place, text in pairs if namespace in ("", place)]
    size = max(1, math.ceil(len(items) / PAGES))
    pages = max(1, math.ceil(len(items) / size))
    number = int(request.query.get("continue", "page-0").removeprefix("page-"))
    more = {"continue": f"page-{number + 1}", "remainingItemCount": len(items) - (number + 1) * size} if number + 1 < pages else {}
    head = json.dumps({**whole, "metadata": {**whole.get("metadata", {}), **more}}).encode()
    text = head[:-1] + b', "items": [' + b", ".join(items[number * size : (number + 1) * size]) + b"]}"
    return replace(request, page=number, pages=pages), Reply(200, text)


def status(code: int, reason: str, message: str) -> bytes:
    """A Kubernetes Status that says no."""
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code}
    return json.dumps(said).encode()


def _read(talking: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = talking.recv(65536)
        if not more:
            return None
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    missing = int(headers.get("content-length", 0)) - len(rest)
    while missing > 0:
        missing -= len(talking.recv(missing)) or missing
    return Request(method, target, headers)


class Talk:
    """One connection. `over` means that nothing more is read from it."""

    def __init__(self, talking: socket.socket, server: FaultServer) -> None:
        self.socket, self.server = talking, server
        self.over = False

    def head(self, reply: Reply, length: int | None) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Odd')}"]
        lines += [f"Date: {email.utils.formatdate(self.server.now, usegmt=True)}", f"Content-Type: {reply.content_type}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines += ["Connection: close"] if length is None else [f"Content-Length: {length}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, reply: Reply) -> None:
        self.socket.sendall(self.head(reply, len(reply.body)) + reply.body)

    def raw(self, data: bytes) -> None:
        """Send these bytes, and close."""
        self.socket.sendall(data)
        self.over = True

    def reset(self) -> None:
        """Close with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over = True

    def drip(self, data: bytes, pause: float = 1.0) -> None:
        """Send a byte, wait, and so on."""
        for byte in data:
            self.socket.sendall(bytes([byte]))
            if self.server.closing.wait(pause):
                break
        self.over = True

    def silence(self) -> None:
        """Say nothing until the other side, or the test, gives up."""
        self.socket.settimeout(60)
        with contextlib.suppress(OSError):
            self.socket.recv(1)
        self.over = True
