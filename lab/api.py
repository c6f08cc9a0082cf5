"""The Kubernetes API as the lab's administrator: a few verbs over plain HTTP, and `kubectl apply` for manifests."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from lab.command import run
from lab.errors import LabError
from lab.paths import KUBECONFIG

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
Object = dict[str, Any]


class NotFound(LabError):
    """The API server answered 404."""


def call(
    method: str,
    path: str,
    body: object = None,
    content_type: str = "application/json",
    timeout: float = 10,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One request; anything but a 2xx answer is a LabError. `headers` are further ones, such as the host of a server behind the proxy."""
    server, port, context = endpoint()
    connection = http.client.HTTPSConnection(server, port, timeout=timeout, context=context)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, {"Content-Type": content_type, "Accept": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"{method} {path}: {error}") from error
    finally:
        connection.close()
    if response.status == http.client.NOT_FOUND:
        raise NotFound(f"{method} {path}: 404 {_message(answer)}")
    if response.status >= http.client.MULTIPLE_CHOICES:
        raise LabError(f"{method} {path}: {response.status} {_message(answer)}")
    return answer


def get(path: str, timeout: float = 10, headers: Mapping[str, str] | None = None) -> Any:
    """What a path answers, as JSON."""
    answer = call("GET", path, timeout=timeout, headers=headers)
    try:
        return json.loads(answer)
    except ValueError as error:
        raise LabError(f"GET {path}: not JSON: {answer[:200]!r}") from error


def items(path: str) -> list[Object]:
    found: list[Object] = get(path)["items"]
    return found


def find(path: str) -> Object | None:
    """The object at a path, or None where there is none."""
    try:
        found: Object = get(path)
    except NotFound:
        return None
    return found


def answers(path: str) -> bool:
    try:
        call("GET", path, timeout=2)
    except LabError:
        return False
    return True


def patch(path: str, change: object, content_type: str = MERGE_PATCH) -> None:
    """Change an object: a merge patch (null removes a field), or a JSON patch."""
    call("PATCH", path, change, content_type)


def create(path: str, body: Object) -> Object:
    created: Object = json.loads(call("POST", path, body))
    return created


def delete(path: str, grace_seconds: int | None = None) -> None:
    """Delete an object; it may be gone already."""
    options = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
    try:
        call("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", **options})
    except NotFound:
        return


def apply(manifest: str) -> None:
    """`kubectl apply --server-side`: the operator's definitions are too large for the client-side kind."""
    run("kubectl", "--kubeconfig", KUBECONFIG, "apply", "--server-side", "--force-conflicts", "-f", "-", text=manifest)


def remove(manifest: str, seconds: int = 0) -> None:
    """Delete the objects of a manifest; they may be gone already. Whose finalizers still wait after these seconds loses them."""
    kubectl = ("kubectl", "--kubeconfig", KUBECONFIG)
    done = run(*kubectl, "delete", "--ignore-not-found", f"--timeout={seconds}s", "-f", "-", text=manifest, check=not seconds)
    if done.returncode:
        run(*kubectl, "patch", "--type=merge", "-p", '{"metadata":{"finalizers":null}}', "-f", "-", text=manifest, check=False)


def endpoint() -> tuple[str, int, ssl.SSLContext]:
    """Where the API server is, and how to speak to it as the administrator."""
    if not KUBECONFIG.exists():
        raise LabError("the lab is not up: run `python -m lab up`")
    return _read_endpoint(KUBECONFIG.stat().st_mtime_ns)


@functools.cache
def _read_endpoint(_: int) -> tuple[str, int, ssl.SSLContext]:
    """Read once for each lab: one that comes up after another has certificates of its own."""
    config = json.loads(KUBECONFIG.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as certificate:  # the ssl module reads a client's certificate from a file only
        certificate.write(base64.b64decode(user["client-certificate-data"]))
        certificate.write(base64.b64decode(user["client-key-data"]))
        certificate.flush()
        context.load_cert_chain(certificate.name)
    server = urlsplit(cluster["server"])
    return server.hostname or "", server.port or 443, context


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer[:300].decode(errors="replace")
