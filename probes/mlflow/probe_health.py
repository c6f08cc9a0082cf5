from clusterprobe.discovery import INSTANCE, is_mlflow
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.mlflow import Alive, Asked, Behind, Started, started
from clusterprobe.systems.objects import Pod
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Let the check after each deployment search for experiments under the Service's name, as clients do, instead of asking /health; keep "
    "--allowed-hosts and the Service's name in the same values file, and watch the database."
)
LOGIN = "it asks for credentials: name its address under `endpoints:` in the profile (system: mlflow) with basic or bearer_token_env"


def probe_health(verdict: Verdict, mlflow_alive: Readings[Alive], mlflow_behind: Readings[Behind], pods: Readings[Pod]) -> None:
    """Does MLflow find its experiments when it is called by the names that its clients use?

    Problem: `/health` says OK, yet training runs cannot log, and models are not found.
    Cause: `/health` and `/version` touch neither the database nor the host validation. MLflow 3.5 and newer answer only to names
    that `--allowed-hosts` lists, by default localhost and private addresses, not the Service's: clients get 403, Invalid Host
    header. Or the backend store is down, full or gone: the API answers with the database driver's error.
    Fix: Add the Service's names, each with `:*` for the port, to `--allowed-hosts`; or bring the database back.
    Prevention: Search for experiments, by the Service's name, after each deployment; `/health` alone proves nothing.
    """
    rows = []
    for subject, alive in verdict.examine(mlflow_alive):
        rows.append([str(subject), alive.version or "?", "OK"])
        if not alive.version:
            verdict.note(f"{subject} does not tell its version: it has no /version")
    options = _options(verdict.enrich(pods))
    for subject, behind in verdict.examine(mlflow_behind):
        rows += [[str(subject), one.host, one.message or one.outcome] for one in behind.asked]
        _judge(verdict, subject, behind, options.get(subject.namespace, Started()))
    if rows:
        verdict.exhibit(Table(title="What MLflow answers", columns=["What", "Version, or asked as", "Answer"], rows=rows))


def _options(pods: Readings[Pod]) -> dict[str, Started]:
    """What the command line of each namespace's server says."""
    return {pod.metadata.namespace: started(pod) for pod in pods.items if is_mlflow(pod) and pod.label(INSTANCE) is not None}


def _judge(verdict: Verdict, subject: Subject, behind: Behind, options: Started) -> None:
    place = Subject(kind="MLflow", namespace=subject.namespace, name=subject.name)
    down, failed, refused = behind.under("database"), behind.under("failed"), behind.under("host")
    if down:
        _database(verdict, place, down[0], options)
    elif failed:
        _failed(verdict, place, failed[0])
    elif len(refused) == len(behind.asked):
        _refused(verdict, place, refused, options)
    elif behind.under("login"):
        verdict.unchecked(place, LOGIN)
    elif refused:
        names = ", ".join(one.host for one in refused)
        verdict.note(f"{place} answers under some names of its Service, and refuses {names}: clients must not use those")


def _database(verdict: Verdict, place: Subject, asked: Asked, options: Started) -> None:
    where = f" ({options.database})" if options.database else ""
    verdict.finding(
        Severity.ERROR,
        "BackendStoreDown",
        place,
        problem=f"{place} says OK on /health, but finds no experiments: nothing can be logged, and no model be looked up.",
        cause=f"Its backend store{where} fails: {asked.message}",
        fix=f"Repair the database, or what leads to it; what the server says:\n{_log(place)}\n"
        f"$ kubectl -n {place.namespace} get pods,services,persistentvolumeclaims\n"
        "After a restore, bring its tables to the server's version: `mlflow db upgrade URI`.",
        prevention=PREVENTION,
        breaks=[f"MLflow/{place.namespace}/{place.name}"],
    )


def _failed(verdict: Verdict, place: Subject, asked: Asked) -> None:
    verdict.finding(
        Severity.ERROR,
        "ApiFails",
        place,
        problem=f"{place} says OK on /health, but its API fails.",
        cause=f"Asked for experiments it answers {asked.message}. Its log has the rest.",
        fix=f"See what the server says:\n{_log(place)}",
        prevention=PREVENTION,
        breaks=[f"MLflow/{place.namespace}/{place.name}"],
    )


def _refused(verdict: Verdict, place: Subject, refused: list[Asked], options: Started) -> None:
    names = ", ".join(one.host for one in refused)
    set_to = f"--allowed-hosts is {options.allowed_hosts}" if options.allowed_hosts else "--allowed-hosts is not among its arguments"
    wanted = ",".join(dict.fromkeys(f"{one.host.partition(':')[0]}:*" for one in refused if "://" not in one.host)) or "HOST:*"
    kept = f"{options.allowed_hosts}," if options.allowed_hosts else "localhost:*,10.*,"
    verdict.finding(
        Severity.ERROR,
        "HostRefused",
        place,
        problem=f"{place} says OK on /health, but refuses every client that calls it {names}: HTTP 403.",
        cause=f"{refused[0].message}: {set_to}, which does not let these names through. A name without `:*` matches only without "
        "a port; by default only localhost and private addresses may call.",
        fix="Let the names through that clients use, in the values (under Argo CD in Git):\n"
        f"    --allowed-hosts '{kept}{wanted}'   (or MLFLOW_SERVER_ALLOWED_HOSTS)\n"
        "Then ask as a client does:\n"
        f"$ kubectl -n {place.namespace} run ask --rm -i --restart=Never --image=curlimages/curl -- "
        f"-s 'http://{refused[-1].host}/api/2.0/mlflow/experiments/search?max_results=1'",
        prevention=PREVENTION,
        breaks=[f"MLflow/{place.namespace}/{place.name}"],
    )


def _log(place: Subject) -> str:
    return f"$ kubectl -n {place.namespace} logs -l app.kubernetes.io/name=mlflow --tail=50"
