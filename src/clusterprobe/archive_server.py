"""Serves the kept reports and the newest run's metrics: read-only, and nothing but the files of runs, through no link.

Whoever asks gets one answer to a connection, within a time and of a number of threads that nobody can raise.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from clusterprobe.access.urls import asked
from clusterprobe.archive import MAX_BYTES, METRICS, PYTEST_LOG, RESULTS, finished, load
from clusterprobe.errors import BadAddress
from clusterprobe.files import read_limited
from clusterprobe.report.runs import Row, page, row_of

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "pytest.html": "text/html; charset=utf-8",
    "results.json": "application/json",
    "junit.xml": "application/xml",
    "metrics.prom": "text/plain; version=0.0.4; charset=utf-8",
}
LISTED = 1000  # runs, the newest
MAX_CONNECTIONS = 16
SILENT_SECONDS = 10  # between two bytes of a request
WHOLE_SECONDS = 60  # from the first byte of a request to the last of its answer

_STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = f"{_STRICT}; style-src 'unsafe-inline'; img-src data:"
_POLICIES = {
    "index.html": _PAGE,
    # pytest's page is made by its own script. In a sandbox it is of no origin, so that it can read nothing else from here.
    PYTEST_LOG: f"{_PAGE}; script-src 'unsafe-inline'; sandbox allow-scripts",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{_STRICT}; sandbox",
}


class Reports:
    """What is answered for a path, from the files that are there now."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._known: dict[tuple[str, int, int], Row] = {}

    def answer(self, path: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        """Status, headers and body. Only names that a run writes lead to a file, so that no path leads elsewhere."""
        plain, _, query = path.partition("?")
        parts = [one for one in plain.split("/") if one]
        match parts:
            case []:
                return _page(page(self._rows(), _fields(query)))
            case ["healthz"]:
                return HTTPStatus.OK, {"Content-Type": "text/plain"}, b"ok\n"
            case ["metrics"]:
                return HTTPStatus.OK, {"Content-Type": TYPES["metrics.prom"]}, self._metrics()
            case ["latest"] | ["latest", "index.html"]:
                newest = next(iter(finished(self._archive)), None)
                return _missing() if newest is None else (HTTPStatus.FOUND, {"Location": f"/{newest.name}/index.html"}, b"")
            case [run, name] if name in TYPES:
                return self._file(run, name)
        return _missing()

    def _file(self, run: str, name: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        folder = next((one for one in finished(self._archive) if one.name == run), None)
        policy = {"Content-Security-Policy": _POLICIES[name]} if name in _POLICIES else {}
        try:
            return (HTTPStatus.OK, {"Content-Type": TYPES[name], **policy}, _content(folder / name)) if folder else _missing()
        except OSError:  # pruned meanwhile, or that sink had failed
            return _missing()

    def _metrics(self) -> bytes:
        """The metrics of the newest run that has any, and how many runs there are: with none, that says that nothing has run."""
        runs = finished(self._archive)
        own = (
            "# HELP clusterprobe_runs_kept How many runs are kept.\n"
            f"# TYPE clusterprobe_runs_kept gauge\nclusterprobe_runs_kept {len(runs)}\n"
        )
        for run in runs:
            with contextlib.suppress(OSError):  # that output of the run could not be written
                return own.encode() + _content(run / METRICS)
        return own.encode()

    def _rows(self) -> list[Row]:
        """The kept runs, the newest first. Each is read once: a run's results never change after they are whole."""
        seen: dict[tuple[str, int, int], Row] = {}
        for folder in finished(self._archive)[:LISTED]:
            with contextlib.suppress(OSError):  # pruned meanwhile
                status = (folder / RESULTS).lstat()
                key = folder.name, status.st_mtime_ns, status.st_size
                seen[key] = self._known.get(key) or row_of(load(folder))
        self._known = seen
        return list(seen.values())


def _fields(query: str) -> dict[str, list[str]]:
    """The fields of a query; none of one that is no query."""
    try:
        return asked(f"/?{query}")[1]
    except BadAddress:
        return {}


def _content(file: Path) -> bytes:
    return read_limited(file, MAX_BYTES, links=False)


def _page(text: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
    return HTTPStatus.OK, {"Content-Type": TYPES["index.html"], "Content-Security-Policy": _PAGE}, text.encode()


def _missing() -> tuple[HTTPStatus, dict[str, str], bytes]:
    return HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"there is no such report\n"


class _Server(ThreadingHTTPServer):
    """Threads without number would be a gift to whoever opens connections and says nothing: the oldest has to go."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._since: dict[socket.socket, float] = {}
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self._cut(next(iter(self._since), None))
            if not self._free.acquire(timeout=1):
                self.shutdown_request(request)
                return
        self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._since.pop(request, None)
            self._free.release()

    def service_actions(self) -> None:
        """Called twice a second: end what takes too long, byte by byte as it may."""
        for request, begun in [*self._since.items()]:
            if time.monotonic() - begun > WHOLE_SECONDS:
                self._cut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is no news."""

    @staticmethod
    def _cut(request: socket.socket | None) -> None:
        with contextlib.suppress(OSError):
            if request is not None:
                request.shutdown(socket.SHUT_RDWR)


def server(archive: Path, address: str, port: int, log: Callable[[str], None] = lambda line: None) -> ThreadingHTTPServer:
    """A server that is bound but not started yet. Raises `OSError` where the port cannot be had."""
    reports = Reports(archive)

    class Handler(BaseHTTPRequestHandler):
        server_version = "clusterprobe"
        sys_version = ""
        timeout = SILENT_SECONDS

        def do_GET(self) -> None:
            self._answer(*reports.answer(self.path))

        def do_HEAD(self) -> None:
            self._answer(*reports.answer(self.path))

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            """What is no request, or another method than GET and HEAD, in words that repeat nothing of it."""
            status = HTTPStatus(code)
            self.close_connection = True
            self._answer(status, {"Content-Type": "text/plain"}, f"{status.phrase}\n".encode())

        def _answer(self, status: HTTPStatus, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**_HEADERS, **headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            log(format % args)

    return _Server((address, port), Handler)
