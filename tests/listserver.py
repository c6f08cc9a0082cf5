"""A server on a real socket that answers paths with objects or with a status, and remembers what it was asked."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.model import Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.api import Served, ServedKind


class ListServer(http.server.ThreadingHTTPServer):
    """`answers`: an object or a status by path; whatever else is asked is not found."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []

    def cluster(self) -> Cluster:
        return Cluster(Connection(Origin(f"http://127.0.0.1:{self.server_port}"), "t", "u", "default", "proxy"), Deadline.after(5))


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ListServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        answer = self.server.answers.get(path, 404)
        body = json.dumps({"kind": "Status"} if isinstance(answer, int) else answer).encode()
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[ListServer]:
    with ListServer() as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def discovered(names: dict[str, str], *, unreadable: tuple[Unchecked, ...] = (), version: str = "v1") -> Readings[Served]:
    """What is served: kinds by `plural.group`."""
    kinds = {name: ServedKind(kind, True, True) for name, kind in names.items()}
    value = Served({name: [version] for name in names}, kinds)
    return Readings(((Subject(kind="APIGroupList"), value),), unreadable)
