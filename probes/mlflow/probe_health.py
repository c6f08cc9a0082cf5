from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell, snippet
from clusterprobe.known_systems import MLFLOW
from clusterprobe.model import Command, Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.mlflow.sources import Alive, Asked, Behind, Started, started
from clusterprobe.verdict import Verdict
from clusterprobe.words import said

BACKEND_STORE_DOWN = FindingKind("BackendStoreDown", Severity.ERROR, "The backend store of an MLflow fails.")
API_FAILS = FindingKind("ApiFails", Severity.ERROR, "The API of an MLflow fails.")
HOST_REFUSED = FindingKind("HostRefused", Severity.ERROR, "An MLflow refuses clients that call it by the name of its Service.")
LOGIN = "it asks for credentials: name its address under `endpoints:` in the profile (system: mlflow) with basic or bearer_token_env"


@reports(BACKEND_STORE_DOWN, API_FAILS, HOST_REFUSED)
def probe_health(
    verdict: Verdict, mlflow_alive: Examined[Alive], mlflow_behind: Examined[Behind], system_pods: Enriching[SystemPod]
) -> None:
    """Does MLflow find its experiments when it is called by the names that its clients use?

    Problem: `/health` says OK, yet training runs cannot log, and models are not found.
    Cause: `/health` and `/version` touch neither the database nor the host validation. MLflow 3.5 and newer answer only to names
    that `--allowed-hosts` lists, by default localhost and private addresses, not the Service's: clients get 403, Invalid Host
    header. Or the backend store is down, full or deleted: the API answers with the database driver's error.
    Fix: Add the Service's names, each with `:*` for the port, to `--allowed-hosts`; or bring the database back.
    Prevention: Let the check after each deployment search for experiments under the Service's name, as clients do, instead of asking
    /health; keep --allowed-hosts and the Service's name in the same values file, and watch the database.
    """
    rows = []
    for subject, alive in mlflow_alive:
        rows.append([str(subject), alive.version or "?", "OK"])
        if not alive.version:
            verdict.note(f"{subject} does not report its version: it has no /version, or asks for a login there")
    options = _options(system_pods)
    for subject, behind in mlflow_behind:
        rows += [[str(subject), one.host, one.message or one.outcome] for one in behind.asked]
        _judge(verdict, subject, behind, options.get(subject.namespace, Started()))
    if rows:
        verdict.exhibit(Table(title="What MLflow answers", columns=["What", "Version, or asked as", "Answer"], rows=rows))


def _options(pods: Readings[SystemPod]) -> dict[str, Started]:
    """What the command line of each namespace's server says."""
    return {one.pod.metadata.namespace: started(one.pod) for one in of_system(pods, MLFLOW).items}


def _judge(verdict: Verdict, subject: Subject, behind: Behind, options: Started) -> None:
    place = Subject(kind="MLflow", namespace=subject.namespace, name=subject.name)
    down, failed, refused = behind.under("database"), behind.under("failed"), behind.under("host")
    if down:
        _database(verdict, place, down[0], options)
    elif failed:
        _failed(verdict, place, failed[0], options)
    elif len(refused) == len(behind.asked):
        _refused(verdict, place, refused, options)
    elif behind.under("login"):
        verdict.unchecked(place, LOGIN)
    elif refused:
        names = ", ".join(one.host for one in refused)
        verdict.note(f"{place} answers under some names of its Service, and refuses {names}: clients must not use those")


def _database(verdict: Verdict, place: Subject, asked: Asked, options: Started) -> None:
    where = f" ({options.database})" if options.database else ""
    verdict.report(
        BACKEND_STORE_DOWN,
        place,
        problem=f"{place} says OK on /health, but finds no experiments: nothing can be logged, and no model be looked up.",
        cause=f"Its backend store{where} fails: {said(asked.message)}",
        fix=[
            look(
                "See what the server says, and whether the database runs.",
                *_log(place, options),
                shell("kubectl -n {} get pods,services,persistentvolumeclaims", place.namespace),
            ),
            change(
                "Repair the database, or what leads to it. If what was restored is of an older MLflow, upgrade its tables: keep a backup, "
                "then `mlflow db upgrade` with the address of the database, in a container of this MLflow. That cannot be taken back."
            ),
        ],
    )


def _failed(verdict: Verdict, place: Subject, asked: Asked, options: Started) -> None:
    verdict.report(
        API_FAILS,
        place,
        problem=f"{place} says OK on /health, but its API fails.",
        cause=f"Asked for experiments it answers {said(asked.message)}. Its log has the rest.",
        fix=[look("See what the server says.", *_log(place, options))],
    )


def _refused(verdict: Verdict, place: Subject, refused: list[Asked], options: Started) -> None:
    names = ", ".join(one.host for one in refused)
    set_to = f"--allowed-hosts is {options.allowed_hosts}" if options.allowed_hosts else "--allowed-hosts is not among its arguments"
    wanted = ",".join(dict.fromkeys(f"{one.host.partition(':')[0]}:*" for one in refused if "://" not in one.host))
    kept = f"{options.allowed_hosts}," if options.allowed_hosts else "localhost:*,10.*,"
    verdict.report(
        HOST_REFUSED,
        place,
        problem=f"{place} says OK on /health, but refuses every client that calls it {names}: HTTP 403.",
        cause=f"{said(refused[0].message)}: {set_to}, which does not let these names through. A name without `:*` matches only without "
        "a port; by default only localhost and private addresses may call.",
        fix=[
            change(
                f"Let the names through that clients use, in the values ({IN_GIT}); MLFLOW_SERVER_ALLOWED_HOSTS does the same.",
                code=snippet("--allowed-hosts={}", f"{kept}{wanted}") if wanted else "",
            ),
            change("Then ask as a client does. This makes a pod, and deletes it when it has ended.", _asked_by_a_pod(place, refused[-1])),
        ],
    )


def _log(place: Subject, options: Started) -> list[Command | None]:
    return [shell("kubectl -n {} logs {} --tail=50", place.namespace, one) for one in [options.pod] if one]


def _asked_by_a_pod(place: Subject, asked: Asked) -> Command | None:
    url = f"http://{asked.host}/api/2.0/mlflow/experiments/search?max_results=1"
    return shell("kubectl -n {} run ask --rm -i --restart=Never --image=curlimages/curl -- -s {}", place.namespace, url)
