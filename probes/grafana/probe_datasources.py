from collections import defaultdict

from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.grafana import GIVE_CREDENTIALS, Datasource, Datasources, has_credentials
from clusterprobe.systems.grafana_places import Destination, destination_of
from clusterprobe.systems.objects import Namespace, Service
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Write the release's own names into its data sources (values: grafana.sidecar.datasources, additionalDataSources), one file an "
    "environment, and run this probe after each deployment of Grafana."
)


def probe_datasources(
    verdict: Verdict,
    grafana_datasources: Readings[Datasources],
    grafana_datasource_files: Readings[Datasources],
    grafana_servers: Readings[Server],
    services: Readings[Service],
    namespaces: Readings[Namespace],
    profile: Profile,
) -> None:
    """Do Grafana's data sources answer, and lead to their own environment?

    Problem: A dashboard of dev shows production's numbers or the other way round, and people act on them; or panels stay empty.
    Cause: A data source's address names a Service in another environment's namespace (copied from there), or one that does not exist;
    or two files both say `isDefault: true`, with which Grafana does not start; or what it leads to does not answer.
    Fix: Correct the address in the file that provisions it (a ConfigMap labelled `grafana_datasource`, from the chart's values).
    Prevention: Name the release's own Service in the values, one file for each environment.
    """
    known, placed = verdict.need(services), verdict.need(namespaces)
    rows: list[list[str]] = []
    homes = {(subject.namespace, subject.name) for subject, _ in grafana_datasource_files}
    for subject, found in verdict.examine(grafana_datasource_files):
        _judge_all(verdict, subject, found, known, placed, rows)
    _judge_defaults(verdict, grafana_datasource_files)
    for subject, found in verdict.examine(grafana_datasources):
        _judge_all(verdict, subject, found, known, placed, rows)
        for one in found.items:
            _judge_health(verdict, subject, one)
        if not found.items:
            verdict.unchecked(subject, "it shows no data source: its account may be allowed to see none")
        if found.skipped:
            verdict.unchecked(subject, f"{found.skipped} of its data sources were not asked whether they answer")
    _without_credentials(verdict, verdict.need(grafana_servers), bool(homes), profile)
    if rows:
        columns = ["Where it is from", "Data source", "Type", "Leads to", "Environment", "Answers"]
        verdict.exhibit(Table(title="Grafana's data sources", columns=columns, rows=rows))


def _without_credentials(verdict: Verdict, servers: Readings[Server], files: bool, profile: Profile) -> None:
    for subject, server in servers:
        if has_credentials(server, profile):
            continue
        if files:
            verdict.note(f"{subject}: judged by the ConfigMaps only, and whether its data sources answer was not asked; {GIVE_CREDENTIALS}")
        else:
            verdict.unchecked(subject, GIVE_CREDENTIALS)


def _judge_all(
    verdict: Verdict,
    subject: Subject,
    found: Datasources,
    services: Readings[Service],
    namespaces: Readings[Namespace],
    rows: list[list[str]],
) -> None:
    for one in found.items:
        if not one.url:
            continue  # Grafana's own (testdata, mixed), or of a cloud that is told otherwise
        place = destination_of(one.url, subject.namespace, services, namespaces)
        environment = verdict.environment_of(place.namespace)
        if place.unclear:
            verdict.unchecked(subject, f"where the data source {one.name} leads: {place.unclear}")
        elif place.gone:
            _report_gone(verdict, subject, one, place)
        elif environment and verdict.environment_of(subject.namespace) not in ("", environment):
            _report_foreign(verdict, subject, one, place, environment)
        leads = f"{place.namespace}/{place.service}" if place.service else one.url
        rows.append([str(subject), one.name, one.type, leads, environment or "shared", one.health or "not asked"])


def _where(subject: Subject) -> tuple[str, str]:
    """How the place that a data source comes from is called, and how one looks at it."""
    if subject.kind == "ConfigMap":
        return f"the ConfigMap {subject.namespace}/{subject.name}", f"$ kubectl -n {subject.namespace} get configmap {subject.name} -o yaml"
    look = f"$ kubectl -n {subject.namespace or 'NAMESPACE'} get configmaps -l grafana_datasource -o yaml"
    return f"Grafana {subject.namespace}/{subject.name}", look


def _report_foreign(verdict: Verdict, subject: Subject, one: Datasource, place: Destination, environment: str) -> None:
    own = verdict.environment_of(subject.namespace)
    # Called "Prometheus prod" and not the default, it says what it is: somebody wanted both.
    said = environment in one.name.lower() and not one.default
    where, look = _where(subject)
    verdict.finding(
        Severity.INFO if said else Severity.ERROR,
        "DatasourceNamedForOther" if said else "DatasourceOfOtherEnvironment",
        subject,
        problem=f"The data source {one.name} of {own} leads to {environment}: dashboards of {own} show the numbers of {environment}.",
        cause=f"In {where}, its address is {one.url}: the Service {place.service} of namespace {place.namespace}, which belongs to "
        f"{environment}{', and it is the default' if one.default else ''}.",
        fix=f"Nothing, if that is meant: its name says so.\n{look}"
        if said
        else f"Name the Service of {own} in the address (in the values of the chart, in Git under Argo CD); the sidecar then loads it:\n"
        f"$ kubectl get services -A | grep -i {one.type}\n{look}",
        prevention=PREVENTION,
    )


def _report_gone(verdict: Verdict, subject: Subject, one: Datasource, place: Destination) -> None:
    where, look = _where(subject)
    verdict.finding(
        Severity.ERROR,
        "DatasourceWithoutService",
        subject,
        settles=True,
        problem=f"The data source {one.name} leads to a Service that does not exist: its panels stay empty.",
        cause=f"In {where}, its address is {one.url}, and the namespace {place.namespace} has no Service {place.service}.",
        fix=f"Correct the address; these Services are there:\n$ kubectl -n {place.namespace} get services\n{look}",
        prevention=PREVENTION,
    )


def _judge_defaults(verdict: Verdict, files: Readings[Datasources]) -> None:
    """Two defaults in what one Grafana loads: its sidecar takes every file of its namespace."""
    defaults: dict[tuple[str, int], list[tuple[Subject, Datasource]]] = defaultdict(list)
    for subject, found in files:
        for one in found.items:
            if one.default:
                defaults[subject.namespace, one.organization].append((subject, one))
    for (namespace, _), several in defaults.items():
        if len({one.name for _, one in several}) > 1:
            names = ", ".join(f"{one.name} (ConfigMap {subject.name})" for subject, one in several)
            verdict.finding(
                Severity.ERROR,
                "SeveralDefaults",
                several[-1][0],
                problem=f"{len(several)} data sources in {namespace} are the default: Grafana does not start with that.",
                cause=f"isDefault: true is said of {names}. One per organization may be.",
                fix="Say it of one only (values: grafana.sidecar.datasources.isDefaultDatasource, or in additionalDataSources):\n"
                f"$ kubectl -n {namespace} get configmaps -l grafana_datasource -o yaml | grep -n -B5 'isDefault: true'",
                prevention=PREVENTION,
            )


def _judge_health(verdict: Verdict, subject: Subject, one: Datasource) -> None:
    if one.health in ("", "OK"):
        return
    verdict.finding(
        Severity.ERROR,
        "DatasourceFails",
        subject,
        settles=True,
        problem=f"The data source {one.name} of Grafana {subject.namespace}/{subject.name} does not answer.",
        cause=f"Grafana asked {one.url or 'it'}, and says: {one.health}",
        fix="See whether what it leads to runs, and whether its credentials still hold:\n"
        f"$ kubectl -n {subject.namespace or 'NAMESPACE'} logs -l app.kubernetes.io/name=grafana --since=15m | grep -i {one.type}",
        prevention=PREVENTION,
    )
