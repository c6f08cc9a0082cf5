"""Stands in front of the lab's API server, and keeps what was asked; a test may step in before and after each request."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from lab import api


@dataclass(frozen=True)
class Asked:
    """One request; `body` is its JSON."""

    method: str
    target: str
    body: Any = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def is_watch(self) -> bool:
        return "watch=1" in self.target


Hook = Callable[[Asked], None]


class Recorder(ThreadingHTTPServer):
    """For a `with`. It asks the API server as the lab's administrator, whoever asks it."""

    daemon_threads = True

    def __init__(self, *, before: Hook = lambda asked: None, after: Hook = lambda asked: None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Asked] = []
        self.before, self.after = before, after
        self.change: Callable[[Asked], Any] = lambda asked: asked.body

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked was killed meanwhile."""

    def kubeconfig(self, file: Path) -> Path:
        """One that leads here, without any credential."""
        cluster = {"name": "lab", "cluster": {"server": f"http://127.0.0.1:{self.server_address[1]}"}}
        context = {"name": "lab", "context": {"cluster": "lab", "user": "lab-admin"}}
        users = [{"name": "lab-admin", "user": {}}]
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [cluster],
            "contexts": [context],
            "users": users,
        }
        file.write_text(json.dumps(config))
        return file

    @property
    def changing(self) -> list[Asked]:
        """What may have changed something: all but reading, and asking who we are."""
        return [one for one in self.seen if one.method != "GET" and not one.path.endswith("/selfsubjectreviews")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    server: Recorder

    def log_message(self, *arguments: Any) -> None: ...

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path, json.loads(body) if body else None)
        self.server.seen.append(asked)
        self.server.before(asked)
        host, port, context = api.endpoint()
        upstream = http.client.HTTPSConnection(host, port, timeout=120, context=context)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "content-length")}
            upstream.request(self.command, self.path, json.dumps(self.server.change(asked)) if body else None, headers)
            self._answer(asked, upstream.getresponse())
        except OSError:
            self.close_connection = True
        finally:
            upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _relay

    def _answer(self, asked: Asked, answer: http.client.HTTPResponse) -> None:
        """Piece by piece as it comes: a watch does not end."""
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        told = False
        while piece := answer.read1(65536):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
            if asked.is_watch and not told:
                self.server.after(asked)
                told = True
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        if not told:
            self.server.after(asked)
