"""What each replica of a model service answers on its health path."""

from __future__ import annotations

import urllib.parse
from typing import Any

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.http import Answer, is_page, refusal
from clusterprobe.decoding import from_json
from clusterprobe.errors import BadResponse
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.redaction import redact
from clusterprobe.sources import proxied, source
from clusterprobe.systems.serving import Replica

SECONDS = 10.0
ANY = tuple(range(200, 600))
SAID = 200  # characters that are kept of an answer
WELL = frozenset(
    {"ok", "okay", "healthy", "up", "pass", "passing", "ready", "alive", "live", "running", "serving", "success", "true", "green"}
)
ILL = frozenset(
    {"error", "unhealthy", "down", "fail", "failed", "failing", "degraded", "not ready", "notready", "unavailable", "false", "red"}
)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `kind` is json, text, html, redirect or empty; `well` is what its JSON says of itself, if it does."""

    status: int
    kind: str
    said: str = ""
    well: bool | None = None


@source(proxied("pods"))
def model_health(cluster: Cluster, model_replicas: Readings[Replica]) -> Readings[Health]:
    """What every running replica with a health path answers there."""

    def read(_: Subject, one: Replica) -> Health:
        metadata = one.pod.metadata
        endpoint = cluster.pod(metadata.namespace, metadata.name, one.pod.status.pod_ip, one.port, scheme=one.scheme)
        path, mark, rest = one.path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(rest, keep_blank_values=True)) if mark else None
        answer = endpoint.get(path, parameters, seconds=SECONDS, accept=ANY)
        return health_of(answer, f"GET {endpoint.url}{path}")

    now = cluster.now()
    return cluster.each(model_replicas.keep(lambda _, one: bool(one.path) and not one.down(now)), read)


def health_of(answer: Answer, what: str) -> Health:
    """The answer as one of a service. Raises an `Unreadable` for what the way to it answered instead."""
    text = answer.body[:2000].decode("utf-8", "replace").strip()
    value = _json(answer.body)
    if isinstance(value, dict) and value.get("kind") == "Status" and "metadata" in value:
        if answer.status < 400:
            raise BadResponse(f"{what}: a Status of the API server, not an answer of the service")
        raise refusal(answer, what)
    if answer.status in (401, 502, 504, 429) or (answer.status == 403 and value is None):
        raise refusal(answer, what)  # said by whatever is on the way at least as often as by a service
    if 300 <= answer.status < 400:
        return Health(status=answer.status, kind="redirect", said=redact(answer.headers.get("Location", ""))[:SAID])
    if is_page(text):
        return Health(status=answer.status, kind="html", said="an HTML page (a login page?)")
    kind = "empty" if not text else "json" if value is not None or text == "null" else "text"
    return Health(status=answer.status, kind=kind, said=redact(text.split("\n")[0])[:SAID], well=_well(value, text))


def _json(body: bytes) -> Any:
    try:
        return from_json(body, Any)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _well(value: Any, text: str) -> bool | None:
    word = str(value.get("status", value.get("healthy", ""))) if isinstance(value, dict) else str(value) if isinstance(value, str) else text
    word = word.strip().lower()
    return True if word in WELL else False if word in ILL else None
