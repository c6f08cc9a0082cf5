from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.airflow import Component, Health, Work
from clusterprobe.systems.airflow_parts import Part, airflow_of, describe, part_of, recently_failed
from clusterprobe.systems.objects import Pod
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Alert on scheduler.status of the health endpoint, not on its HTTP status, which stays 200; give the scheduler a liveness probe "
    "(`airflow jobs check --job-type SchedulerJob --local`), and run this probe after each deployment."
)
MEANS = {
    "scheduler": (Severity.ERROR, "SchedulerUnhealthy", "No task is started and no DAG runs, while the web pages answer as ever"),
    "dag_processor": (Severity.ERROR, "DagProcessorUnhealthy", "New and changed DAGs are not read, and those that are known grow stale"),
    "triggerer": (Severity.WARNING, "TriggererUnhealthy", "Deferred tasks wait forever"),
}
ACCESS = (
    "give it a token: name its address under `endpoints:` in the profile (system: airflow) with bearer_token_env "
    "(Airflow 3: POST /auth/token) or basic (Airflow 2)"
)


def probe_health(
    verdict: Verdict,
    airflow_health: Readings[Health],
    airflow_work: Readings[Work],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is every part of Airflow alive, beyond a web server that answers?

    Problem: The web pages and the health endpoint answer with 200, yet no task is started, no DAG is read, or deferred tasks hang.
    Cause: The health endpoint says 200 whatever it finds; its text tells of the metadatabase and of each part's last heartbeat. A
    part that was stopped, crashes, hangs or cannot reach the database sends none. A part that never was there (null) is not deployed.
    Fix: Bring that part back: its pods and their log say why it is silent; with the database down, repair that first.
    Prevention: Alert on what the endpoint says, and give each part a liveness probe. Soon after a start (`airflow_start_minutes`, 5)
    silence is normal; a heartbeat may be as old as `airflow_heartbeat_seconds` (120), even if Airflow itself allows more.
    """
    known = verdict.need(pods)
    rows, reported = [], set[tuple[str, str, str]]()
    for subject, health in verdict.examine(airflow_health):
        airflow = airflow_of(subject)
        rows.append([str(subject), health.api, health.metadatabase, *(describe(one, clock.now) for one in health.components.values())])
        if health.metadatabase != "healthy":
            _database(verdict, airflow, reported)
            continue
        for name, component in health.components.items():
            if component.deployed or (name == "dag_processor" and health.api == "v2"):
                part = part_of(known, subject, name)
                _judge(verdict, airflow, part, component, profile, clock.now, reported)
    if rows:
        columns = ["Server", "API", "Database", "Scheduler", "DAG processor", "Triggerer"]
        verdict.exhibit(Table(title="What Airflow says of itself", columns=columns, rows=rows))
    for subject, work in verdict.need(airflow_work):
        _work(verdict, airflow_of(subject), work, profile.thresholds.airflow_failed_run_hours, clock.now)


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
    limit = profile.thresholds.airflow_heartbeat_seconds
    if (component.healthy and (age is None or age <= limit)) or (airflow.namespace, airflow.name, part.name) in reported:
        return
    if part.blind:
        verdict.unchecked(airflow, f"its {part.words} is silent, but its pods could not be read, so it may just be starting: {part.blind}")
        return
    reported.add((airflow.namespace, airflow.name, part.name))
    severity, reason, effect = MEANS[part.name]
    young = part.youngest is not None and now - part.youngest < profile.thresholds.airflow_start_minutes * 60
    heard = "has never sent a heartbeat" if age is None else f"sent its last heartbeat {ago(age)} ago"
    called = f"Airflow itself calls it {component.status}" if component.deployed else "Airflow 3 needs one"
    verdict.finding(
        Severity.INFO if young else Severity.WARNING if component.healthy else severity,
        reason.replace("Unhealthy", "Starting") if young else reason.replace("Unhealthy", "Silent") if component.healthy else reason,
        airflow,
        problem=f"The {part.words} of {airflow} {heard}. {effect}.",
        cause=f"{part.state} {called}. {'That is normal for a while after a start.' if young else ''}".strip(),
        fix=_fix(airflow, part),
        prevention=PREVENTION,
        breaks=[] if young else [f"Airflow/{airflow.namespace}/{airflow.name}"] if part.name == "scheduler" else [],
        rests_on=part.rests_on,
    )


def _fix(airflow: Subject, part: Part) -> str:
    place = f"$ kubectl -n {airflow.namespace}"
    select = f"component={part.label}"
    back = f"{place} scale {part.workload} --replicas 1\n" if part.workload and not part.pods else ""
    restart = f"If it runs but hangs, start it anew:\n{place} rollout restart {part.workload}\n" if part.workload and part.pods else ""
    return (
        f"See whether its pods run, and what they say last:\n{place} get deployments,statefulsets,pods -l {select}\n"
        f"{place} logs -l {select} --all-containers --tail=50\n{back}{restart}"
        "If it was scaled or taken out in Git, bring it back there."
    )


def _database(verdict: Verdict, airflow: Subject, reported: set[tuple[str, str, str]]) -> None:
    if (airflow.namespace, airflow.name, "metadatabase") in reported:
        return
    reported.add((airflow.namespace, airflow.name, "metadatabase"))
    place = f"$ kubectl -n {airflow.namespace}"
    verdict.finding(
        Severity.ERROR,
        "MetadatabaseUnhealthy",
        airflow,
        problem=f"The web server of {airflow} answers, but it does not reach its database: nothing is scheduled, started or kept.",
        cause="Its health endpoint says metadatabase: unhealthy (with HTTP 200). The database is down or full, its address or password "
        "has changed, or a network policy is in the way. What it says of the other parts means nothing until then.",
        fix="See what the server says of the database, and whether that runs:\n"
        f"{place} logs -l 'component in (api-server, webserver)' --all-containers --tail=50\n"
        f"{place} get pods,services,persistentvolumeclaims",
        prevention="Alert on metadatabase.status of the health endpoint, and watch the database's volume and connections.",
        breaks=[f"Airflow/{airflow.namespace}/{airflow.name}"],
    )


def _work(verdict: Verdict, airflow: Subject, work: Work, hours: float, now: float) -> None:
    if work.refused:
        verdict.note(f"{airflow}: failed runs and import errors were not looked at ({work.refused}); {ACCESS}")
        return
    if work.more:
        verdict.unchecked(airflow, f"{work.more} or more of its DAGs have failed runs, too, and were not looked at")
    place = f"$ kubectl -n {airflow.namespace} exec deploy/{airflow.name}-scheduler --"
    if work.broken:
        first = work.broken[0]
        verdict.finding(
            Severity.WARNING,
            "DagImportErrors",
            airflow,
            problem=f"{len(work.broken)} files of DAGs of {airflow} do not load, so what they define does not run as written.",
            cause=f"{first.file}: {first.error}",
            fix=f"Repair the file in Git, and see that it loads:\n{place} airflow dags list-import-errors",
            prevention="Load all DAGs in CI (`airflow dags list-import-errors`) with the image that runs them.",
            exhibits=[_files(work)],
        )
    for one in recently_failed(work, hours, now):
        verdict.finding(
            Severity.WARNING,
            "DagRunFailed",
            airflow,
            problem=f"The newest run of the DAG {one.dag} on {airflow} failed {ago(now - one.ended)} ago, and none has succeeded since.",
            cause=f"The run {one.run} ended as failed ({one.failures} failed runs are kept). The log of its failed task says why.",
            fix=f"See which task failed, and run it again once its cause is gone:\n{place} airflow tasks states-for-dag-run {one.dag} "
            f"'{one.run}'\n{place} airflow tasks clear --only-failed --yes {one.dag}",
            prevention="Give the DAG an on_failure_callback, or an alert on failed runs, and retries for what is transient.",
        )


def _files(work: Work) -> Table:
    rows = [[file.file, file.error] for file in work.broken[:20]]
    return Table(title="Files that do not load", columns=["File", "Error"], rows=rows)
