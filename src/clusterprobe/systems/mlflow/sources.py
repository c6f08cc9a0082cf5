"""MLflow: whether its servers answer, and whether what lies behind them does, under the names that clients use."""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import Answer, if_page, refusal
from clusterprobe.access.servers import Server, read_each
from clusterprobe.decoding import from_json
from clusterprobe.errors import BadResponse, NotFound, Unauthenticated
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.kubernetes.objects import Pod

SECONDS = 20.0
SEARCH = "/api/2.0/mlflow/experiments/search"
# Answers of its own: the rest is done by the retries of the one who asks.
STATUSES = (200, 400, 401, 403, 500, 503)


class Alive(msgspec.Struct, frozen=True):
    """A server that answers `/health`, and its version, empty where it has no `/version`. Neither asks the database."""

    version: str = ""


@source(proxied("pods"))
def mlflow_alive(cluster: Cluster, mlflow_servers: Readings[Server], profile: Profile) -> Readings[Alive]:
    """Whether each MLflow server says OK, and its version."""
    return read_each(cluster, profile, mlflow_servers, lambda endpoint, _: _alive(endpoint))


def _alive(endpoint: Endpoint) -> Alive:
    text = _text(endpoint.get("/health", seconds=SECONDS))
    if text != "OK":
        raise BadResponse(f"GET {endpoint.url}/health: status 200, but the answer is not MLflow's" + if_page(text))
    try:
        version = _text(endpoint.get("/version", seconds=SECONDS))
    except (NotFound, Unauthenticated):  # plugins for a login leave only /health open
        version = ""
    if version and not _VERSION.fullmatch(version):
        raise BadResponse(f"GET {endpoint.url}/version: the answer is not a version")
    return Alive(version)


def _text(answer: Answer) -> str:
    return answer.body[:1000].decode("utf-8", "replace").strip()


# --- what lies behind it ----------------------------------------------------------------------------------------------

HOST_REFUSED = "Invalid Host header"
# What SQLAlchemy makes of a driver's error: `(psycopg2.OperationalError) connection refused`.
_VERSION = ours(r"\d[\w.+-]{0,40}")
_URI = ours(r"([a-z0-9]+)(?:\+\w+)?://(?:[^@/]*@)?([^/:?]*)(/[^?]*)?")
_DRIVER = ours(r"\(((?:\w+\.)+\w*(?:Error|Exception))\)")


class Asked(msgspec.Struct, frozen=True):
    """How the search for experiments was answered under one name: `ok`, `host` (that name is refused), `database`, or `login`.

    `message` is the answer's own words, where it was no experiments.
    """

    host: str
    outcome: str
    message: str = ""


class Behind(msgspec.Struct, frozen=True):
    """The same question under each name that clients may use."""

    asked: list[Asked]

    def under(self, outcome: str) -> list[Asked]:
        return [one for one in self.asked if one.outcome == outcome]


@source(proxied("services"))
def mlflow_behind(cluster: Cluster, mlflow_addresses: Readings[Server], profile: Profile) -> Readings[Behind]:
    """Whether each MLflow finds its experiments, asked under the names that its Service has in the cluster."""

    def read(endpoint: Endpoint, server: Server) -> Behind:
        names = names_of(server)
        if not names:
            return Behind([_ask(endpoint, server.url)])
        return Behind([_ask(endpoint.called(name), name) for name in names])

    return read_each(cluster, profile, mlflow_addresses, read)


def names_of(server: Server) -> list[str]:
    """What clients in the cluster write into `Host`; none for a profile's URL, which says it itself."""
    if server.url:
        return []
    place = f"{server.service}.{server.namespace}"
    port = "" if server.port == 80 else f":{server.port}"
    return [f"{place}{port}", f"{place}.svc{port}", f"{place}.svc.cluster.local{port}"]


class _Experiment(msgspec.Struct):
    """That it is an object is all that matters of it."""


class _Experiments(msgspec.Struct):
    experiments: list[_Experiment] | None = None


class _Error(msgspec.Struct):
    error_code: str
    message: str = ""


def _ask(endpoint: Endpoint, host: str) -> Asked:
    what = f"GET {endpoint.url}{SEARCH}"
    answer = endpoint.get(SEARCH, {"max_results": 1}, seconds=SECONDS, accept=STATUSES, limit_bytes=bodies.OBJECT)
    return judge(answer, host, what)


def judge(answer: Answer, host: str, what: str) -> Asked:
    """What an answer means. Raises an `Unreadable` for one that is not MLflow's, or says nothing about it."""
    text = _text(answer)
    if answer.status == 200:
        try:
            from_json(answer.body, _Experiments)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise BadResponse(f"{what}: status 200, but no experiments" + if_page(text)) from None
        if text in ("{}", "null"):  # a server without any experiment answers so; with Default there is always one
            raise BadResponse(f"{what}: status 200, but there is nothing in the answer")
        return Asked(host, "ok")
    if answer.status == 403 and text.startswith(HOST_REFUSED):
        return Asked(host, "host", text[:200])
    return _error(answer, host, what)


def _error(answer: Answer, host: str, what: str) -> Asked:
    try:
        told = from_json(answer.body, _Error)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        told = None
    first = told.message.strip().split("\n")[0][:300] if told else ""
    if told and _DRIVER.search(told.message):
        return Asked(host, "database", first)
    if answer.status == 401 and not _is_kubernetes(answer):
        return Asked(host, "login", "it asks for credentials")
    if told and answer.status in (500, 503):
        return Asked(host, "failed", f"{told.error_code}: {first}")
    raise refusal(answer, what)


def _is_kubernetes(answer: Answer) -> bool:
    return b'"kind":"Status"' in answer.body.replace(b" ", b"")


# --- how it was started -----------------------------------------------------------------------------------------------


class Started(msgspec.Struct, frozen=True):
    """What a server's command line says: the names that it lets through, and what kind of database it uses and where."""

    allowed_hosts: str = ""
    database: str = ""
    pod: str = ""


def started(pod: Pod) -> Started:
    """The command line of a pod's containers, without anything that could be a password."""
    words = " ".join(word for one in pod.spec.containers for word in [*(one.command or []), *(one.args or [])])
    return Started(_option(words, "--allowed-hosts"), _place(_option(words, "--backend-store-uri")), pod.metadata.name)


def _option(words: str, name: str) -> str:
    found = ours(rf"{name}[= ]\s*[\"']?([^\s\"']+)").search(words)
    return found[1] if found else ""


def _place(uri: str) -> str:
    """`postgresql at postgres.db`, `sqlite at /data/mlflow.db`; no user, no password, no parameters."""
    found = _URI.match(uri)
    if not found:
        return ""
    kind, host, path = found[1], found[2], found[3] or ""
    return f"{kind} at {host}" if host else f"{kind} at {path.replace('//', '/')}"
