from typing import NamedTuple

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, line, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.airflow.parts import Part, airflow_of, describe, part_of, recently_failed
from clusterprobe.systems.airflow.sources import Component, Health, Work
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Workload
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number, said

METADATABASE_UNHEALTHY = FindingKind(
    "MetadatabaseUnhealthy",
    Severity.ERROR,
    "Airflow does not reach its database.",
    prevention="Alert on metadatabase.status of the health endpoint, and watch the database's volume and connections.",
)
DAG_IMPORT_ERRORS = FindingKind(
    "DagImportErrors",
    Severity.WARNING,
    "Files of DAGs do not load.",
    prevention="Load all DAGs in CI (`airflow dags list-import-errors`) with the image that runs them.",
)
DAG_RUN_FAILED = FindingKind(
    "DagRunFailed",
    Severity.WARNING,
    "The newest run of a DAG failed, and none has succeeded since.",
    prevention="Give the DAG an on_failure_callback, or an alert on failed runs, and retries for what is transient.",
)


class Means(NamedTuple):
    """What it means that a part of Airflow is silent, by what Airflow itself says of it."""

    unhealthy: FindingKind
    silent: FindingKind
    starting: FindingKind
    effect: str


MEANS = {
    "scheduler": Means(
        FindingKind("SchedulerUnhealthy", Severity.ERROR, "Airflow calls its scheduler unhealthy."),
        FindingKind("SchedulerSilent", Severity.WARNING, "The last heartbeat of the scheduler is older than the profile allows."),
        FindingKind("SchedulerStarting", Severity.INFO, "The scheduler has just been started, and has sent no heartbeat yet."),
        "No task is started and no DAG runs, while the web pages answer as ever",
    ),
    "dag_processor": Means(
        FindingKind("DagProcessorUnhealthy", Severity.ERROR, "Airflow calls its DAG processor unhealthy, or has none."),
        FindingKind("DagProcessorSilent", Severity.WARNING, "The last heartbeat of the DAG processor is older than the profile allows."),
        FindingKind("DagProcessorStarting", Severity.INFO, "The DAG processor has just been started, and has sent no heartbeat yet."),
        "New and changed DAGs are not read, and those that are known grow stale",
    ),
    "triggerer": Means(
        FindingKind("TriggererUnhealthy", Severity.WARNING, "Airflow calls its triggerer unhealthy."),
        FindingKind("TriggererSilent", Severity.WARNING, "The last heartbeat of the triggerer is older than the profile allows."),
        FindingKind("TriggererStarting", Severity.INFO, "The triggerer has just been started, and has sent no heartbeat yet."),
        "Deferred tasks wait forever",
    ),
}
PARTS = [kind for means in MEANS.values() for kind in (means.unhealthy, means.silent, means.starting)]
ACCESS = (
    "give it a token: name its address under `endpoints:` in the profile (system: airflow) with bearer_token_env "
    "(Airflow 3: POST /auth/token) or basic (Airflow 2)"
)


@reports(METADATABASE_UNHEALTHY, DAG_IMPORT_ERRORS, DAG_RUN_FAILED, *PARTS)
def probe_health(
    verdict: Verdict,
    airflow_health: Examined[Health],
    airflow_work: Needed[Work],
    system_pods: Needed[SystemPod],
    deployments: Enriching[Workload],
    stateful_sets: Enriching[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is every part of Airflow alive, beyond a web server that answers?

    Problem: The web pages and the health endpoint answer with 200, yet no task is started, no DAG is read, or deferred tasks hang.
    Cause: The health endpoint says 200 whatever it finds; its text names the metadatabase and each part's last heartbeat. A part
    that was stopped, crashes, hangs or cannot reach the database sends none. A part that never was there (null) is not deployed. Soon
    after a start (`thresholds.airflow.start_minutes`, 5) silence is normal; a heartbeat may be as old as
    `thresholds.airflow.heartbeat_seconds` (120), even if Airflow itself allows more.
    Fix: Bring that part back: its pods and their log say why it is silent; with the database down, repair that first.
    Prevention: Alert on scheduler.status of the health endpoint, not on its HTTP status, which stays 200; give the scheduler a liveness
    probe (`airflow jobs check --job-type SchedulerJob --local`), and run this probe after each deployment.
    """
    workloads = [*deployments, *stateful_sets]
    rows, reported = [], set[tuple[str, str, str]]()
    for subject, health in airflow_health:
        airflow = airflow_of(subject)
        rows.append([str(subject), health.api, health.metadatabase, *(describe(one, clock.now) for one in health.components.values())])
        if health.metadatabase != "healthy":
            _database(verdict, airflow, reported)
            continue
        for name, component in health.components.items():
            if component.deployed or (name == "dag_processor" and health.api == "v2"):
                part = part_of(system_pods, workloads, subject, name)
                _judge(verdict, airflow, part, component, profile, clock.now, reported)
    if rows:
        columns = ["Server", "API", "Database", "Scheduler", "DAG processor", "Triggerer"]
        verdict.exhibit(Table(title="What Airflow says of itself", columns=columns, rows=rows))
    for subject, work in airflow_work:
        _work(verdict, airflow_of(subject), work, profile.thresholds.airflow.failed_run_hours, clock.now)


def _judge(
    verdict: Verdict,
    airflow: Subject,
    part: Part,
    component: Component,
    profile: Profile,
    now: float,
    reported: set[tuple[str, str, str]],
) -> None:
    age = None if component.heartbeat is None else now - component.heartbeat
    limit = profile.thresholds.airflow.heartbeat_seconds
    if (component.healthy and (age is None or age <= limit)) or (airflow.namespace, airflow.name, part.name) in reported:
        return
    if part.blind:
        verdict.unchecked(airflow, f"its {part.words} is silent, but its pods could not be read, so it may just be starting: {part.blind}")
        return
    reported.add((airflow.namespace, airflow.name, part.name))
    means = MEANS[part.name]
    young = part.youngest is not None and now - part.youngest < profile.thresholds.airflow.start_minutes * 60
    heard = "has never sent a heartbeat" if age is None else f"sent its last heartbeat {ago(age)} ago"
    called = f"Airflow itself calls it {component.status}" if component.deployed else "Airflow 3 needs one"
    verdict.report(
        means.starting if young else means.silent if component.healthy else means.unhealthy,
        airflow,
        problem=f"The {part.words} of {airflow} {heard}. {means.effect}.",
        cause=f"{part.state} {called}. {'That is normal for a while after a start.' if young else ''}".strip(),
        fix=_fix(airflow, part),
        rests_on=part.rests_on,
    )


def _fix(airflow: Subject, part: Part) -> list[Step]:
    labels = f"component={part.label}"
    steps = [
        look(
            "See whether its pods run, and what they say last.",
            shell("kubectl -n {} get deployments,statefulsets,pods -l {}", airflow.namespace, labels),
            shell("kubectl -n {} logs -l {} --all-containers --tail=50", airflow.namespace, labels),
        )
    ]
    if not part.workload:
        return [*steps, change(f"Bring it back, {IN_GIT}: it hangs, was scaled to 0, or was removed.")]
    target = (airflow.namespace, part.workload)
    if part.pods:
        local = " Tasks that run within it end (LocalExecutor, or all of Airflow in one pod)." if part.name == "scheduler" else ""
        return [*steps, change(f"If it runs but hangs, restart it.{local}", shell("kubectl -n {} rollout restart {}", *target))]
    scale = shell("kubectl -n {} scale {} --replicas=1", *target)
    return [*steps, change(f"Bring it back, {IN_GIT}: it was scaled to 0, or was removed.", scale)]


def _states(dag: str, run: str) -> str:
    command = shell("airflow tasks states-for-dag-run {} {}", dag, run)
    return line(command) if command else ""


def _database(verdict: Verdict, airflow: Subject, reported: set[tuple[str, str, str]]) -> None:
    if (airflow.namespace, airflow.name, "metadatabase") in reported:
        return
    reported.add((airflow.namespace, airflow.name, "metadatabase"))
    verdict.report(
        METADATABASE_UNHEALTHY,
        airflow,
        problem=f"The web server of {airflow} answers, but it does not reach its database: nothing is scheduled, started or kept.",
        cause="Its health endpoint says metadatabase: unhealthy (with HTTP 200). The database is down or full, its address or password "
        "has changed, or a network policy is in the way. What it says of the other parts means nothing until then.",
        fix=[
            look(
                "See what the server says of the database, and whether that runs.",
                shell("kubectl -n {} logs -l 'component in (api-server, webserver)' --all-containers --tail=50", airflow.namespace),
                shell("kubectl -n {} get pods,services,persistentvolumeclaims", airflow.namespace),
            ),
            change("Bring the database back, or correct its address, its password or the network policy."),
        ],
    )


def _work(verdict: Verdict, airflow: Subject, work: Work, hours: float, now: float) -> None:
    if work.refused:
        verdict.note(f"{airflow}: failed runs and import errors were not looked at ({work.refused}); {ACCESS}")
        return
    if work.more:
        verdict.unchecked(airflow, f"{work.more} or more of its DAGs have failed runs, too, and were not looked at")
    if work.broken:
        first = work.broken[0]
        verdict.report(
            DAG_IMPORT_ERRORS,
            airflow,
            problem=number(
                len(work.broken),
                f"file of DAGs of {airflow} does not load, so what it defines does not run as written.",
                f"files of DAGs of {airflow} do not load, so what they define does not run as written.",
            ),
            cause=f"{first.file}: {said(first.error)}",
            fix=[
                change("Repair the file in Git."),
                look("See that it loads, in the container of the scheduler:", code="airflow dags list-import-errors"),
            ],
            exhibits=[_files(work)],
        )
    for one in recently_failed(work, hours, now):
        verdict.report(
            DAG_RUN_FAILED,
            airflow,
            problem=f"The newest run of the DAG {one.dag} on {airflow} failed {ago(now - one.ended)} ago, and none has succeeded since.",
            cause=f"The run {one.run} ended as failed ({number(one.failures, 'failed run is', 'failed runs are')} kept). The log of its "
            "failed task says why.",
            fix=[
                look("See which task failed, on the run's page or in the container of the scheduler:", code=_states(one.dag, one.run)),
                change("Once its cause is repaired, clear the failed task on the page of the run: Airflow then runs it again."),
            ],
        )


def _files(work: Work) -> Table:
    rows = [[file.file, file.error] for file in work.broken[:20]]
    return Table(title="Files that do not load", columns=["File", "Error"], rows=rows)
