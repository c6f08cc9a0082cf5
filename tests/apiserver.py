"""A small API server on a real socket: objects in a dictionary, watches, and pods that start and go as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
Refusal = Callable[[str, str, Object], tuple[int, str] | None]


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class State:
    """What is there, and how it behaves."""

    objects: dict[str, Object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuse: Refusal = lambda method, path, body: None
    before: Callable[[int], None] = lambda number: None
    status: Callable[[Object], Object] = lambda pod: {
        "phase": "Running",
        "containerStatuses": [{"name": "canary", "state": {"running": {}}}],
    }
    hang_seconds: Callable[[Object], float] = lambda pod: 0.0
    changed: threading.Condition = field(default_factory=threading.Condition)
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    version: int = 0

    def change(self, kind: str, path: str, one: Object) -> None:
        with self.changed:
            self.version += 1
            one["metadata"]["resourceVersion"] = str(self.version)
            if kind == "DELETED":
                self.objects.pop(path, None)
            else:
                self.objects[path] = one
            self.events.append((self.version, kind, path, json.loads(json.dumps(one))))
            self.changed.notify_all()

    @property
    def left(self) -> list[str]:
        """The paths of what is there, apart from what a test put there itself."""
        return sorted(
            path for path, one in self.objects.items() if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by")
        )


class ApiServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = State()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, path: str, **metadata: Any) -> None:
        """An object that is there already."""
        name = path.rpartition("/")[2]
        spec = metadata.pop("spec", {})
        self.state.change(
            "ADDED",
            path,
            {"metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}, "spec": spec},
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one packet: Nagle's algorithm would make every answer 40 ms late
    server: ApiServer

    def log_message(self, *arguments: Any) -> None: ...

    def _handle(self) -> None:
        state, parts = self.server.state, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        state.requests.append((self.command, parts.path))
        state.before(len(state.requests))
        refused = state.refuse(self.command, parts.path, body)
        if refused:
            self._answer(refused[0], {"kind": "Status", "message": refused[1]})
        elif query.get("watch"):
            self._watch(parts.path, query)
        else:
            getattr(self, f"_{self.command.lower()}")(parts.path, query, body)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def _get(self, path: str, query: dict[str, str], body: Object) -> None:
        state = self.server.state
        if path in state.objects:
            self._answer(200, state.objects[path])
        elif path.rpartition("/")[2] in ("pods", "namespaces", "persistentvolumes", "persistentvolumeclaims", "leases", "events"):
            found = [one for key, one in list(state.objects.items()) if key.rpartition("/")[0] == path and _selected(one, query)]
            self._answer(200, {"kind": "List", "metadata": {}, "items": found})
        else:
            self._answer(404, {"kind": "Status", "message": "not found"})

    def _post(self, path: str, query: dict[str, str], body: Object) -> None:
        state, name = self.server.state, body["metadata"]["name"]
        if f"{path}/{name}" in state.objects:
            return self._answer(409, {"kind": "Status", "message": "already exists"})
        body["metadata"] |= {"uid": f"uid-{state.version}", "creationTimestamp": stamp()}
        state.change("ADDED", f"{path}/{name}", body)
        self._answer(201, body)
        if path.endswith("/pods"):
            state.change("MODIFIED", f"{path}/{name}", {**body, "status": state.status(body)})
        return None

    def _put(self, path: str, query: dict[str, str], body: Object) -> None:
        state = self.server.state
        there = state.objects.get(path)
        if there is None:
            return self._answer(404, {"kind": "Status"})
        if there["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return self._answer(409, {"kind": "Status"})
        body["metadata"]["uid"] = there["metadata"]["uid"]
        state.change("MODIFIED", path, body)
        self._answer(200, body)
        return None

    def _delete(self, path: str, query: dict[str, str], body: Object) -> None:
        state = self.server.state
        there = state.objects.get(path)
        if there is None:
            return self._answer(404, {"kind": "Status"})
        uid = body.get("preconditions", {}).get("uid")
        if uid and uid != there["metadata"]["uid"]:
            return self._answer(409, {"kind": "Status"})
        if path.rpartition("/")[0].endswith("/pods") and body.get("gracePeriodSeconds") != 0:
            if not there["metadata"].get("deletionTimestamp"):
                threading.Thread(target=self._terminate, args=(path, there), daemon=True).start()
        else:
            state.change("DELETED", path, there)
            if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
                for other in [one for one in list(state.objects) if f"/namespaces/{path.rpartition('/')[2]}/" in one]:
                    state.change("DELETED", other, state.objects[other])
        self._answer(200, {"kind": "Status"})
        return None

    def _terminate(self, path: str, pod: Object) -> None:
        state = self.server.state
        going = json.loads(json.dumps(pod))
        going["metadata"] |= {"deletionTimestamp": stamp(), "deletionGracePeriodSeconds": 0}
        state.change("MODIFIED", path, going)
        ended = {"phase": "Succeeded", "containerStatuses": [{"name": "canary", "state": {"terminated": {"finishedAt": stamp()}}}]}
        state.change("MODIFIED", path, going | {"status": ended})
        time.sleep(state.hang_seconds(pod))
        if path in state.objects:
            state.change("DELETED", path, going | {"status": ended})

    def _watch(self, path: str, query: dict[str, str]) -> None:
        state, seen = self.server.state, int(query.get("resourceVersion", "0"))
        name = query["fieldSelector"].partition("=")[2]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        until = time.monotonic() + float(query["timeoutSeconds"])
        while time.monotonic() < until:
            with state.changed:
                state.changed.wait_for(lambda since=seen: state.version > since, 0.1)  # type: ignore[misc]
                new = [one for one in state.events if one[0] > seen and one[2] == f"{path}/{name}"]
                seen = state.version
            for _, kind, _, one in new:
                line = json.dumps({"type": kind, "object": one}).encode() + b"\n"
                try:
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                    self.wfile.flush()
                except OSError:
                    return
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: Object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _selected(one: Object, query: dict[str, str]) -> bool:
    labels = one["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        if "!=" in term:
            key, value = term.split("!=")
            if labels.get(key) == value:
                return False
        else:
            key, value = term.split("=")
            if labels.get(key) != value:
                return False
    return True
