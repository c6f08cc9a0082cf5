"""A small API server on a real socket: objects in a dictionary, watches, and pods that start and go as a test wants.

What bears on cleaning up is as in the real one: pods go gracefully, claims and volumes are protected while something uses them,
a namespace takes what is in it along and is gone when that is, and meanwhile refuses whatever is new.
"""

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

KINDS = {
    "pods": "Pod",
    "nodes": "Node",
    "namespaces": "Namespace",
    "persistentvolumes": "PersistentVolume",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "leases": "Lease",
    "events": "Event",
    "services": "Service",
    "reports": "Report",
    "clusterreports": "ClusterReport",
}
PROTECTED = {"persistentvolumes": "kubernetes.io/pv-protection", "persistentvolumeclaims": "kubernetes.io/pvc-protection"}
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

LEASES = {
    "metadata": {"name": "coordination.k8s.io"},
    "versions": [{"version": "v1", "freshness": "Current", "resources": [{"resource": "leases"}]}],
}


def stamp(moment: float | None = None) -> str:
    return datetime.fromtimestamp(time.time() if moment is None else moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plural_of(path: str) -> str:
    """The kind of thing that an object's path names."""
    return path.split("/")[-2]


def namespace_of(path: str) -> str:
    """The namespace that an object is in, or nothing."""
    parts = path.split("/")
    return parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-2] else ""


@dataclass
class State:
    """What is there, and how it behaves. `changed` also guards it."""

    objects: dict[str, Object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuse: Refusal = lambda method, path, body: None
    before: Callable[[int], None] = lambda number: None  # called with the number of a request that was heard, but not obeyed yet
    after: Callable[[int], None] = lambda number: None  # … that was answered
    status: Callable[[Object], Object] = lambda pod: {
        "phase": "Running",
        "containerStatuses": [{"name": "canary", "state": {"running": {}}}],
    }
    hang_seconds: Callable[[Object], float] = lambda pod: 0.0
    ahead_seconds: float = 0.0  # of our own clock
    changed: threading.Condition = field(default_factory=threading.Condition)
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    version: int = 0

    def now(self) -> float:
        return time.time() + self.ahead_seconds

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
        with self.changed:
            return sorted(
                path for path, one in self.objects.items() if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by")
            )

    def versions(self) -> dict[str, str]:
        """What there is, in which version: equal only if nothing was touched."""
        with self.changed:
            return {path: one["metadata"]["resourceVersion"] for path, one in self.objects.items()}

    # --- how things go --------------------------------------------------------------------------------------------

    def remove(self, path: str, grace: int | None = None) -> None:
        """Let an object go: at once, gracefully, or when nothing uses it any more."""
        with self.changed:
            there = self.objects[path]
            if plural_of(path) == "pods" and grace != 0:
                if not there["metadata"].get("deletionTimestamp"):
                    self._going(path, there)
                    threading.Thread(target=self._end, args=(path,), daemon=True).start()
                return
            if plural_of(path) in PROTECTED or plural_of(path) == "namespaces":
                if not there["metadata"].get("deletionTimestamp"):
                    self._going(path, there)
            else:
                self.change("DELETED", path, there)
            for inside in [
                one for one in self.objects if plural_of(path) == "namespaces" and namespace_of(one) == path.rsplit("/", maxsplit=1)[-1]
            ]:
                self.remove(inside)
            self._settle()

    def _going(self, path: str, one: Object) -> None:
        grace = one.get("spec", {}).get("terminationGracePeriodSeconds", 30) if plural_of(path) == "pods" else 0
        gone_at = stamp(self.now() + grace)
        self.change(
            "MODIFIED", path, {**one, "metadata": {**one["metadata"], "deletionTimestamp": gone_at, "deletionGracePeriodSeconds": grace}}
        )

    def _end(self, path: str) -> None:
        """The kubelet: the container ends, the volumes are unmounted (which may hang), and the pod is taken out of the API."""
        with self.changed:
            if path not in self.objects:
                return
            pod = self.objects[path]
            ended = {"name": "canary", "state": {"terminated": {"finishedAt": stamp(self.now())}}}
            pod = {**pod, "status": {"phase": "Succeeded", "containerStatuses": [ended]}}
            self.change("MODIFIED", path, pod)
        time.sleep(self.hang_seconds(pod))
        with self.changed:
            if path in self.objects:
                self.change("DELETED", path, pod)
                self._settle()

    def _settle(self) -> None:
        """The controllers: whatever is going, and unused by now, is gone."""
        while True:
            going = [path for path, one in self.objects.items() if one["metadata"].get("deletionTimestamp")]
            free = [path for path in going if plural_of(path) != "pods" and not self._used(path)]
            if not free:
                return
            for path in free:
                self.change("DELETED", path, self.objects[path])

    def _used(self, path: str) -> bool:
        name, plural = path.rsplit("/", maxsplit=1)[-1], plural_of(path)
        if plural == "namespaces":
            return any(namespace_of(one) == name for one in self.objects)
        if plural == "persistentvolumeclaims":
            pods = [one for other, one in self.objects.items() if plural_of(other) == "pods" and namespace_of(other) == namespace_of(path)]
            mounts = [one for pod in pods for one in pod.get("spec", {}).get("volumes") or []]
            return any(one.get("persistentVolumeClaim", {}).get("claimName") == name for one in mounts)
        claims = [one for other, one in self.objects.items() if plural_of(other) == "persistentvolumeclaims"]
        return any(claim.get("spec", {}).get("volumeName") == name for claim in claims)


class ApiServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = State()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked was killed meanwhile; what else goes wrong shows in the answers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, path: str, **metadata: Any) -> None:
        """An object that is there already."""
        name = path.rpartition("/")[2]
        spec, status = metadata.pop("spec", {}), metadata.pop("status", {})
        place = {"namespace": namespace_of(path)} if namespace_of(path) else {}
        meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z", **place, **metadata}
        self.state.change("ADDED", path, {"metadata": meta, "spec": spec, "status": status})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one packet: Nagle's algorithm would make every answer 40 ms late
    server: ApiServer

    def log_message(self, *arguments: Any) -> None: ...

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.server.state.now() if timestamp is None else timestamp)

    def _handle(self) -> None:
        state, parts = self.server.state, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        with state.changed:
            state.requests.append((self.command, parts.path))
            number = len(state.requests)
        state.before(number)
        refused = state.refuse(self.command, parts.path, body)
        try:
            if refused:
                self._refuse(*refused)
            elif query.get("watch"):
                self._watch(parts.path, query, number)
            else:
                with state.changed:
                    getattr(self, f"_{self.command.lower()}")(parts.path, query, body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # whoever asked is dead
        if not query.get("watch"):
            state.after(number)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _get(self, path: str, query: dict[str, str], body: Object) -> None:
        state, kind = self.server.state, path.rpartition("/")[2]
        if path in state.objects:
            self._answer(200, state.objects[path])
        elif path == "/version":
            self._answer(200, {"gitVersion": "v1.34.4"})
        elif path == "/apis":
            self._answer(200, {"kind": "APIGroupDiscoveryList", "items": [LEASES]}, DISCOVERY)
        elif kind in KINDS:
            base, _, place = path.removesuffix(f"/{kind}").partition("/namespaces/")
            there = [(key, one) for key, one in state.objects.items() if plural_of(key) == kind and key.startswith(base)]
            found = [one for key, one in there if place in ("", namespace_of(key)) and _selected(one, query)]
            self._answer(200, {"kind": f"{KINDS[kind]}List", "metadata": {}, "items": found})
        else:
            self._refuse(404, "the server could not find the requested resource")

    def _post(self, path: str, query: dict[str, str], body: Object) -> None:
        state = self.server.state
        if path.endswith("/selfsubjectreviews"):
            return self._answer(201, {"status": {"userInfo": {"username": "tester"}}})
        name, kind = body["metadata"]["name"], path.rpartition("/")[2]
        key = f"{path}/{name}"
        if refused := self._out_of_place(key):
            return self._refuse(*refused)
        if key in state.objects:
            return self._refuse(409, f'{kind} "{name}" already exists')
        body["metadata"] |= {"uid": f"uid-{state.version}", "creationTimestamp": stamp(state.now())}
        if kind in PROTECTED:
            body["metadata"]["finalizers"] = [PROTECTED[kind]]
        state.change("ADDED", key, body)
        self._answer(201, body)
        if kind == "pods":
            state.change("MODIFIED", key, {**body, "status": state.status(body)})
        return None

    def _out_of_place(self, key: str) -> tuple[int, str] | None:
        """Nothing new comes into a namespace that is not there, or that is going."""
        place, name = namespace_of(key), key.rpartition("/")[2]
        if not place:
            return None
        namespace = self.server.state.objects.get(f"/api/v1/namespaces/{place}")
        if namespace is None:
            return 404, f'namespaces "{place}" not found'
        if namespace["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {place} because it is being terminated"
            return 403, f'{plural_of(key)} "{name}" is forbidden: {why}'
        return None

    def _put(self, path: str, query: dict[str, str], body: Object) -> None:
        state = self.server.state
        there = state.objects.get(path)
        if there is None:
            return self._refuse(404, "not found")
        if there["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return self._refuse(409, "the object has been modified; please apply your changes to the latest version and try again")
        body["metadata"]["uid"] = there["metadata"]["uid"]
        state.change("MODIFIED", path, body)
        return self._answer(200, body)

    def _patch(self, path: str, query: dict[str, str], body: Object) -> None:
        """Server-side apply of one manager, which sets all there is."""
        state, there = self.server.state, self.server.state.objects.get(path)
        if self.headers["Content-Type"] != "application/apply-patch+yaml" or not query.get("fieldManager"):
            return self._refuse(415, "the body of the request was in an unknown format")
        if refused := self._out_of_place(path):
            return self._refuse(*refused)
        body["metadata"] |= {"uid": there["metadata"]["uid"] if there else f"uid-{state.version}"}
        state.change("MODIFIED" if there else "ADDED", path, body)
        return self._answer(200 if there else 201, body)

    def _delete(self, path: str, query: dict[str, str], body: Object) -> None:
        there = self.server.state.objects.get(path)
        if there is None:
            return self._refuse(404, "not found")
        uid = body.get("preconditions", {}).get("uid")
        if uid and uid != there["metadata"]["uid"]:
            return self._refuse(409, f"Precondition failed: UID in precondition: {uid}, UID in object meta: {there['metadata']['uid']}")
        self.server.state.remove(path, body.get("gracePeriodSeconds"))
        return self._answer(200, {"kind": "Status"})

    def _watch(self, path: str, query: dict[str, str], number: int) -> None:
        state, seen = self.server.state, int(query.get("resourceVersion", "0"))
        name = query["fieldSelector"].partition("=")[2]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        until, told = time.monotonic() + float(query["timeoutSeconds"]), False
        while time.monotonic() < until:
            with state.changed:
                state.changed.wait_for(lambda since=seen: state.version > since, 0.1)  # type: ignore[misc]
                new = [one for one in state.events if one[0] > seen and one[2] == f"{path}/{name}"]
                seen = state.version
            for _, kind, _, one in new:
                line = json.dumps({"type": kind, "object": one}).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()
                if not told:
                    state.after(number)  # a watch has no end that anybody waits for: its first word is its answer
                told = True
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status})

    def _answer(self, status: int, body: Object, content_type: str = "application/json") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _selected(one: Object, query: dict[str, str]) -> bool:
    labels = one["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        key, unequal, value = term.partition("!=") if "!=" in term else term.partition("=")
        if (labels.get(key) == value) == (unequal == "!="):
            return False
    return True
