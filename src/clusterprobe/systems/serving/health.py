"""What each replica of a model service answers on its health path."""

from __future__ import annotations

import contextlib

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.http import Answer, is_page, refusal
from clusterprobe.access.urls import asked
from clusterprobe.decoding import from_json
from clusterprobe.errors import BadResponse
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.serving.sources import Replica

SECONDS = 10.0
ANY = tuple(range(200, 600))
SAID = 200  # characters that are kept of an answer
WELL = frozenset(
    {"ok", "okay", "healthy", "up", "pass", "passing", "ready", "alive", "live", "running", "serving", "success", "true", "green"}
)
ILL = frozenset(
    {"error", "unhealthy", "down", "fail", "failed", "failing", "degraded", "not ready", "notready", "unavailable", "false", "red"}
)


UNASKED = "no pod of a model runs that has a path to ask for its health"
Scalar = str | bool | int | float | None | msgspec.UnsetType


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
        path, query = asked(one.path)
        answer = endpoint.get(path, query, seconds=SECONDS, accept=ANY)
        return health_of(answer, f"GET {endpoint.url}{path}")

    now = cluster.now()
    return cluster.each(model_replicas.keep(lambda _, one: bool(one.path) and not one.down(now), UNASKED), read)


class _Told(msgspec.Struct):
    """The fields of a JSON object by which a service says how it is, or the API server that it is none."""

    status: Scalar = msgspec.UNSET
    healthy: Scalar = msgspec.UNSET
    kind: Scalar = msgspec.UNSET
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def health_of(answer: Answer, what: str) -> Health:
    """The answer as one of a service. Raises an `Unreadable` for what the way to it answered instead."""
    text = answer.body[:2000].decode("utf-8", "replace").strip()
    told = _told(answer.body)
    if isinstance(told, _Told) and told.kind == "Status" and told.metadata is not msgspec.UNSET:
        if answer.status < 400:
            raise BadResponse(f"{what}: a Status of the API server, not an answer of the service")
        raise refusal(answer, what)
    if answer.status in (401, 502, 504, 429) or (answer.status == 403 and told is None):
        raise refusal(answer, what)  # said by whatever is on the way at least as often as by a service
    if 300 <= answer.status < 400:
        return Health(status=answer.status, kind="redirect", said=excerpt(answer.headers.get("Location", ""), SAID))
    if is_page(text):
        return Health(status=answer.status, kind="html", said="an HTML page (a login page?)")
    kind = "empty" if not text else "text" if told is None else "json"
    return Health(status=answer.status, kind=kind, said=excerpt(text.split("\n")[0], SAID), well=_well(told, text))


def _told(body: bytes) -> _Told | msgspec.Raw | str | None:
    """The fields of an object, a text, other JSON as it is, or None for what is no JSON; nothing else of it is built."""
    kinds: tuple[type[_Told | str | msgspec.Raw], ...] = (_Told, str, msgspec.Raw)
    for kind in kinds:
        with contextlib.suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return from_json(body, kind)
    return None


def _well(told: _Told | msgspec.Raw | str | None, text: str) -> bool | None:
    word = told if isinstance(told, str) else text
    if isinstance(told, _Told):
        word = next((str(one) for one in (told.status, told.healthy) if one is not msgspec.UNSET), "")
    word = word.strip().lower()
    return True if word in WELL else False if word in ILL else None
