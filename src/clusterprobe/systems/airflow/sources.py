"""Airflow: what its health endpoint says of each component, and, where one may look, what fails in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.http import Answer, decode
from clusterprobe.access.servers import Server, has_credentials, read_each
from clusterprobe.access.urls import UrlPath, as_path, written
from clusterprobe.decoding import from_json
from clusterprobe.errors import BadResponse, NotFound, Unauthenticated
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.times import epoch

HEALTH_3 = "/api/v2/monitor/health"
HEALTH_2 = "/health"
SECONDS = 15.0
COMPONENTS = ("scheduler", "dag_processor", "triggerer")


class Component(msgspec.Struct, frozen=True):
    """What Airflow says of one component. `status` is None where it never had one; `heartbeat` is epoch seconds."""

    status: str | None = None
    heartbeat: float | None = None

    @property
    def deployed(self) -> bool:
        return self.status is not None

    @property
    def healthy(self) -> bool:
        return self.status == "healthy"


class Health(msgspec.Struct, frozen=True):
    """A server's own answer. `api` is `v2` of Airflow 3, or `v1` of Airflow 2."""

    api: str
    metadatabase: str
    components: dict[str, Component]


@source(proxied("pods"))
def airflow_health(cluster: Cluster, airflow_servers: Readings[Server], pods: Readings[Pod], profile: Profile) -> Readings[Health]:
    """What each API server (or webserver) says of the database, the scheduler, the DAG processor and the triggerer."""
    prefixes = {(subject.namespace, subject.name): prefix_of(pod) for subject, pod in pods}
    return read_each(
        cluster, profile, airflow_servers, lambda endpoint, server: _health(endpoint, prefixes.get((server.namespace, server.pod), ""))
    )


def prefix_of(pod: Pod) -> str:
    """The path under which a server is (its `base_url`), as its own probes ask it."""
    for container in pod.spec.containers:
        for probe in (container.readiness_probe, container.startup_probe, container.liveness_probe):
            path = probe.http_get.path if probe and probe.http_get else ""
            for known in (HEALTH_3, "/api/v2/version", HEALTH_2):
                if path.endswith(known):
                    return path.removesuffix(known)
    return ""


def _health(endpoint: Endpoint, prefix: str = "") -> Health:
    """Airflow 3's path first: Airflow 2 answers it with 404, as Airflow 3 does with Airflow 2's."""
    try:
        path, api = written(prefix) / written(HEALTH_3), "v2"
        answer = endpoint.get(path, seconds=SECONDS)
    except NotFound as error:
        if _is_kubernetes(str(error)):
            raise
        path, api = written(prefix) / written(HEALTH_2), "v1"
        answer = endpoint.get(path, seconds=SECONDS)
    return parse(answer, api, f"GET {endpoint.url}{path}")


def _is_kubernetes(message: str) -> bool:
    """Whether a 404 is the API server's own, which knows no such pod."""
    return "pods " in message or "services " in message


class _Part(msgspec.Struct):
    status: str | None = None


class _Health(msgspec.Struct):
    metadatabase: _Part
    scheduler: dict[str, Any]
    dag_processor: dict[str, Any] | None = None
    triggerer: dict[str, Any] | None = None


def parse(answer: Answer, api: str, what: str) -> Health:
    """The answer as we keep it. Raises `BadResponse` for what is not Airflow's."""
    told = decode(answer, _Health, what)
    if told.metadatabase.status not in ("healthy", "unhealthy"):
        raise BadResponse(f"{what}: it does not say how the metadatabase is")
    components = {name: _component(name, getattr(told, name) or {}, what) for name in COMPONENTS}
    if not components["scheduler"].deployed:  # the others may be left out
        raise BadResponse(f"{what}: it does not say how the scheduler is")
    return Health(api=api, metadatabase=told.metadatabase.status, components=components)


def _component(name: str, told: Mapping[str, Any], what: str) -> Component:
    status, heartbeat = told.get("status"), told.get(f"latest_{name}_heartbeat")
    if status not in (None, "healthy", "unhealthy"):
        raise BadResponse(f"{what}: the status of {name} is {status!r}")
    moment = epoch(heartbeat) if isinstance(heartbeat, str) else None
    if moment is None and (heartbeat is not None or status == "healthy"):
        raise BadResponse(f"{what}: {name} is {status}, and its last heartbeat {heartbeat!r}")
    return Component(status=status, heartbeat=moment)


# --- what fails in it -------------------------------------------------------------------------------------------------

LIMIT = 100
MAX_DAGS = 10


class Failed(msgspec.Struct, frozen=True):
    """A DAG whose newest run that ended failed. `failures` are its failed runs among those listed; times are epoch seconds."""

    dag: str
    run: str
    ended: float
    failures: int


class BrokenFile(msgspec.Struct, frozen=True):
    """A file of DAGs that does not load, and the last line of why."""

    file: str
    error: str


class Work(msgspec.Struct, frozen=True):
    """DAGs that fail, and files that do not load. `refused` says why none of it may be seen without credentials.

    `more` is how many DAGs with failed runs were not looked at, or have had none recently that came to its end, at least.
    """

    failed: list[Failed] = []
    broken: list[BrokenFile] = []
    refused: str = ""
    more: int = 0


@source(proxied("pods"))
def airflow_work(cluster: Cluster, airflow_servers: Readings[Server], airflow_health: Readings[Health], profile: Profile) -> Readings[Work]:
    """Failed DAG runs and import errors, read of one server of each Airflow; most ask for a token first."""
    versions = {(subject.namespace, subject.name): health for subject, health in airflow_health}
    answering: dict[tuple[str, str], Any] = {}
    for subject, server in airflow_servers:
        if (subject.namespace, subject.name) in versions:
            answering.setdefault(server.key, (subject, server))
    chosen: Readings[Server] = Readings(
        tuple(answering.values()), airflow_health.unreadable, airflow_servers.why_none("no Airflow server said how it is")
    )

    since = cluster.now() - profile.thresholds.airflow.failed_run_hours * 3600

    def read(endpoint: Endpoint, server: Server) -> Work:
        subject = answering[server.key][0]
        health = versions[subject.namespace, subject.name]
        if health.metadatabase != "healthy":
            return Work(refused="its database is down")
        return _work(endpoint, UrlPath.of("api", health.api), has_credentials(server, profile), since)

    return read_each(cluster, profile, chosen, read)


class _Run(msgspec.Struct):
    dag_id: str
    dag_run_id: str
    state: str
    end_date: str | None = None


class _Runs(msgspec.Struct):
    dag_runs: list[_Run]


class _Import(msgspec.Struct):
    filename: str = ""
    stack_trace: str = ""


class _Imports(msgspec.Struct):
    import_errors: list[_Import]


def _work(endpoint: Endpoint, base: str, credentials: bool, since: float) -> Work:
    """Failed runs that ended since then, with what became of their DAGs; `since` is epoch seconds."""
    runs = as_path(base) / "dags" / "~" / "dagRuns"
    answer = endpoint.get(
        runs,
        {"state": "failed", "order_by": "-start_date", "limit": LIMIT},
        seconds=SECONDS,
        accept=(200, 401, 403),
        limit_bytes=bodies.OBJECT,
    )
    if answer.status != 200:
        refused = _refusal(answer, f"GET {endpoint.url}{runs}")
        if credentials:  # it was to be seen, and could not be
            raise Unauthenticated(refused)
        return Work(refused=refused)
    listed = decode(answer, _Runs, f"GET {endpoint.url}{runs}").dag_runs
    imports = endpoint.json(
        as_path(base) / "importErrors", _Imports, {"limit": LIMIT}, seconds=SECONDS, limit_bytes=bodies.PAGE
    ).import_errors
    recent = [one for one in listed if (epoch(one.end_date) or since) >= since]
    by_dag: dict[str, int] = {}
    for one in recent:
        by_dag[one.dag_id] = by_dag.get(one.dag_id, 0) + 1
    newest = [(dag, _newest(endpoint, base, dag)) for dag in list(by_dag)[:MAX_DAGS]]
    failed = [_failed(run, by_dag[dag], f"GET {endpoint.url}{runs}") for dag, run in newest if run is not None and run.state == "failed"]
    unknown = sum(run is None for _, run in newest)
    broken = [BrokenFile(one.filename, (one.stack_trace.strip().splitlines() or [""])[-1][:300]) for one in imports]
    return Work(failed=failed, broken=broken, more=max(0, len(by_dag) - MAX_DAGS) + (len(recent) == LIMIT) + unknown)


def _failed(run: _Run, count: int, what: str) -> Failed:
    ended = epoch(run.end_date)
    if ended is None:
        raise BadResponse(f"{what}: the run {run.dag_run_id} failed, and has no end")
    return Failed(run.dag_id, run.dag_run_id, ended, count)


class _Kind(msgspec.Struct):
    kind: str = ""


def _refusal(answer: Answer, what: str) -> str:
    try:
        told = from_json(answer.body, _Kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        told = _Kind()
    if told.kind == "Status":
        raise Unauthenticated(f"{what}: HTTP {answer.status}: the API server's proxy refuses it")
    return f"HTTP {answer.status} without credentials"


def _newest(endpoint: Endpoint, base: str, dag: str) -> _Run | None:
    """A DAG's newest run that has come to its end."""
    runs = endpoint.json(as_path(base) / "dags" / dag / "dagRuns", _Runs, {"order_by": "-start_date", "limit": 5}, seconds=SECONDS).dag_runs
    return next((one for one in runs if one.state in ("success", "failed")), None)
