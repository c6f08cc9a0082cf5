"""A Grafana that keeps to the documented contract, on a real socket; Grafana itself cannot be run where these tests run.

What is answered follows Grafana's own pages, below grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api:

- `other` (Health API): `GET /api/health` → 200 `{"commit", "database": "ok", "version"}`; 503 with its database down.
- `authentication`: `Authorization: Bearer TOKEN`, or Basic; 401 `{"message": …}` without or with a wrong one.
- `data_source`: `GET /api/datasources` → a list with `id, uid, orgId, name, type, access, url, isDefault, jsonData, readOnly`; a Viewer
  is answered 403. `GET /api/datasources/uid/:uid/health` → 200 `{"status": "OK", "message"}`, 400 `{"status": "ERROR", …}`.
- `folder_dashboard_search`: `GET /api/search?type=dash-db&limit=&page=` → a list with `id, uid, title, type, …`; pages begin at 1.
- `dashboard`: `GET /api/dashboards/uid/:uid` → `{"dashboard": {…}, "meta": {…}}`; 404 `{"message": "Dashboard not found"}`.
- `alerting_provisioning`: `GET /api/v1/provisioning/alert-rules` → a list with `uid, title, condition, data: [{refId, queryType,
  datasourceUid, model}]`.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.apiserver import DISCOVERY, LEASES

Answer = tuple[int, Any]
ADMIN, VIEWER = "glsa_admin", "glsa_viewer"
PASSWORD = "swordfish"


@dataclass
class State:
    """What this Grafana has, and how it is."""

    database: str = "ok"
    login_page: bool = False
    datasources: list[dict[str, Any]] = field(default_factory=list)
    health: dict[str, Answer] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (path, Authorization)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *arguments: Any) -> None: ...

    def send(self, status: int, body: Any, kind: str = "application/json") -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Grafana(_Server):
    """The server; change its `state`, then ask it."""

    def __init__(self) -> None:
        self.state = State()
        super().__init__(_GrafanaHandler)


class _GrafanaHandler(_Handler):
    server: Grafana

    def do_GET(self) -> None:
        state, parts = self.server.state, urlsplit(self.path)
        sent = self.headers.get("Authorization", "")
        state.asked.append((parts.path, sent))
        if state.login_page:
            self.send(200, "<!DOCTYPE html><html><title>Log in</title></html>", "text/html")
        elif parts.path == "/api/health":
            self.send(200 if state.database == "ok" else 503, {"commit": "abc", "database": state.database, "version": "11.6.1"})
        else:
            self.send(*self._authorized(sent, parts.path, {key: value[0] for key, value in parse_qs(parts.query).items()}))

    def _authorized(self, sent: str, path: str, query: dict[str, str]) -> Answer:
        basic = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        if sent not in (f"Bearer {ADMIN}", f"Bearer {VIEWER}", basic):
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401, "traceID": ""}
        if sent == f"Bearer {VIEWER}" and path.startswith(("/api/datasources", "/api/v1/provisioning")):
            needed = "datasources:read" if path.startswith("/api/datasources") else "alert.provisioning:read"
            return 403, {"message": f"You'll need additional permissions to perform this action. Permissions needed: {needed}"}
        return self._answer(path, query)

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        state = self.server.state
        if path == "/api/datasources":
            return 200, state.datasources
        if path.startswith("/api/datasources/uid/") and path.endswith("/health"):
            uid = unquote(path.split("/")[4])
            return state.health.get(uid, (200, {"status": "OK", "message": "Successfully queried the API."}))
        if path == "/api/search":
            assert query["type"] == "dash-db"
            size, page = int(query.get("limit", 1000)), int(query.get("page", 1))
            hits = [
                {"id": n, "uid": uid, "title": one.get("title"), "type": "dash-db"} for n, (uid, one) in enumerate(state.dashboards.items())
            ]
            return 200, hits[size * (page - 1) : size * page]
        if path.startswith("/api/dashboards/uid/"):
            one = state.dashboards.get(unquote(path.split("/")[4]))
            found = {"dashboard": one, "meta": {"isFolder": False, "canSave": False}}
            return (200, found) if one else (404, {"message": "Dashboard not found"})
        if path == "/api/v1/provisioning/alert-rules":
            return 200, state.rules
        return 404, {"message": "Not found"}


class Kubernetes(_Server):
    """An API server that has lists only: what is around Grafana."""

    def __init__(self) -> None:
        self.lists: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self.asked: list[str] = []
        super().__init__(_KubernetesHandler)

    def put(self, path: str, kind: str, *objects: dict[str, Any]) -> None:
        self.lists[path] = (kind, list(objects))


class _KubernetesHandler(_Handler):
    server: Kubernetes

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        selector = parse_qs(parts.query).get("labelSelector", [""])[0]
        self.server.asked.append(f"{parts.path}?{selector}" if selector else parts.path)
        if parts.path == "/version":
            return self.send(200, {"gitVersion": "v1.34.4"})
        if parts.path == "/apis":
            return self.send(200, {"kind": "APIGroupDiscoveryList", "items": [LEASES]}, DISCOVERY)
        if parts.path not in self.server.lists:
            return self.send(404, {"kind": "Status", "message": "not found"})
        kind, objects = self.server.lists[parts.path]
        chosen = [one for one in objects if not selector or selector in one["metadata"].get("labels", {})]
        return self.send(200, {"kind": kind, "metadata": {}, "items": chosen})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send(201, {"status": {"userInfo": {"username": "somebody"}}})
