"""Record what the healthy lab answers to every source, for the fault matrix: `tests/faults/healthy.json.gz`.

With the lab up, settled and with nothing staged (`python -m lab status`), in the root of the repository:

    python -m tests.faults.record [KUBECONFIG]

Without a lab, when a source asks for something new, add the answer by hand. The matrix names the KEY, such as
`GET /api/v1/pods?labelSelector=app%3Dx`; FILE holds the body that a healthy cluster answers to it, or `-` is standard input:

    python -m tests.faults.record --add KEY FILE [--status 200] [--type application/json]
"""

from __future__ import annotations

import argparse
import http.server
import json
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection, connect
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Http, Origin
from clusterprobe.access.urls import asked
from clusterprobe.evidence import Evidence
from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources
from tests.faults.recording import HEALTHY, Exchange, Recording

LAB = "/tmp/clusterprobe-lab/kubeconfig"
SECONDS = 120
ANY_STATUS = tuple(range(200, 600))


class Proxy(http.server.ThreadingHTTPServer):
    """Passes every request on to the API server as the lab's admin, and keeps the answers."""

    daemon_threads = True

    def __init__(self, connection: Connection) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = Http(connection.origin)
        self.recording = Recording(time.time())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of a source."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        self._pass_on("GET")

    def do_POST(self) -> None:
        self._pass_on("POST")

    def _pass_on(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {"Accept": self.headers["Accept"]}
        if not self.headers["Host"].startswith("127.0.0.1"):  # a source asks for a server by its name
            headers["Host"] = self.headers["Host"]
        path, query = asked(self.path)
        answer = self.server.upstream.send(
            method,
            path,
            Deadline.after(30),
            query=query,
            body=body,
            headers=headers,
            accept=ANY_STATUS,
            retry=False,
            limit_bytes=bodies.MOST,
        )
        kind = answer.headers.get("Content-Type", "")
        self.server.recording.add(method, self.path, Exchange(answer.status, kind, answer.body))
        self.send_response(answer.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the summary is enough."""


def record(kubeconfig: str = LAB, *, but: Collection[str] = ()) -> Recording:
    """Read every source that changes nothing, through the proxy, but for these.

    `ValueError` names what could not be read: that is no healthy lab.
    """
    connection = connect(kubeconfig)
    proxy = Proxy(connection)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    deadline = Deadline.after(SECONDS)
    through = Connection(Origin(proxy.url), connection.context, connection.user, connection.namespace, connection.route)
    names = [one.name for one in all_sources().values() if not one.active and one.name not in but]
    evidence = Evidence(names, load_profile("default", shipped("profiles")), cluster=Cluster(through, deadline), deadline=deadline)
    evidence.start()
    unread = {str(one.subject): one.reason for name in names for one in getattr(evidence.get(name), "unreadable", ())}
    proxy.shutdown()
    proxy.server_close()
    if unread:
        raise ValueError("\n".join(["nothing was recorded, for this could not be read:", *map(": ".join, unread.items())]))
    return proxy.recording


def main() -> None:
    """Record all, or add one answer, and say what was recorded."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.record")
    parser.add_argument("kubeconfig", nargs="?", default=LAB)
    parser.add_argument("--add", nargs=2, metavar=("KEY", "FILE"), help="add one answer by hand, or replace it")
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--type", default="application/json")
    given = parser.parse_args()
    try:
        if given.add:
            print(amend(*given.add, given.status, given.type))  # noqa: T201
        else:
            record_all(given.kubeconfig)
    except ValueError as error:
        sys.exit(str(error))


def amend(key: str, file: str, status: int = 200, kind: str = "application/json", path: Path = HEALTHY) -> str:
    """Add one answer to the recording, or replace it; returns what was done. `ValueError` for what no recording may hold."""
    method, _, target = key.partition(" ")
    if method not in ("GET", "POST") or not target.startswith("/"):
        raise ValueError(f"{key!r} is no request: expected one such as 'GET /api/v1/pods', as the matrix names it")
    body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    recording = Recording.load(path)
    before = dict(recording.exchanges)
    added = recording.add(method, target, Exchange(status, kind, body))
    recording.save(path)
    done = "replaced" if added in before else "added"
    return f"{done} {added}: HTTP {status}, {len(recording.exchanges[added].body)} bytes; {len(recording.exchanges)} requests in all"


def record_all(kubeconfig: str) -> None:
    """Record every source, and say what was recorded."""
    recording = record(kubeconfig)
    recording.save()
    odd = [f"{key}: HTTP {one.status}" for key, one in recording.exchanges.items() if one.status not in (200, 201)]
    print("\n".join(odd))  # noqa: T201
    print(f"{len(recording.exchanges)} requests, {Path(HEALTHY).stat().st_size // 1024} KiB: {HEALTHY}")  # noqa: T201


if __name__ == "__main__":
    main()
