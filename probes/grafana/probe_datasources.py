from collections import defaultdict
from functools import partial

from clusterprobe.access.servers import Server, has_credentials
from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Command, Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.grafana.destinations import Destination, destination_of
from clusterprobe.systems.grafana.sources import GIVE_CREDENTIALS, Datasource, Datasources
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.looking import logs_of
from clusterprobe.systems.kubernetes.objects import Namespace, Service
from clusterprobe.systems.prometheus.stacks import known_stacks
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

DATASOURCE_OF_OTHER_ENVIRONMENT = FindingKind(
    "DatasourceOfOtherEnvironment", Severity.ERROR, "A data source leads to another environment, and does not say so."
)
DATASOURCE_NAMED_FOR_OTHER = FindingKind(
    "DatasourceNamedForOther", Severity.INFO, "A data source leads to another environment, and its name says so."
)
DATASOURCE_WITHOUT_SERVICE = FindingKind(
    "DatasourceWithoutService", Severity.ERROR, "A data source leads to a Service that does not exist.", settles=True
)
DATASOURCE_WITHOUT_PORT = FindingKind(
    "DatasourceWithoutPort", Severity.ERROR, "A data source names a port that its Service does not have.", settles=True
)
DATASOURCE_FAILS = FindingKind("DatasourceFails", Severity.ERROR, "Grafana gets no answer from a data source.", settles=True)
SEVERAL_DEFAULTS = FindingKind(
    "SeveralDefaults", Severity.ERROR, "More than one data source is the default one, with which Grafana does not start."
)


SEE_FILE = "See the file that provisions it; it may hold credentials."


@reports(
    DATASOURCE_OF_OTHER_ENVIRONMENT,
    DATASOURCE_NAMED_FOR_OTHER,
    DATASOURCE_WITHOUT_SERVICE,
    DATASOURCE_WITHOUT_PORT,
    DATASOURCE_FAILS,
    SEVERAL_DEFAULTS,
)
def probe_datasources(
    verdict: Verdict,
    grafana_datasources: Examined[Datasources],
    grafana_datasource_files: Examined[Datasources],
    grafana_servers: Needed[Server],
    services: Needed[Service],
    namespaces: Needed[Namespace],
    prometheus_servers: Needed[Server],
    environments: Environments,
    profile: Profile,
) -> None:
    """Do Grafana's data sources answer, and lead to their own environment?

    Problem: A dashboard of dev shows production's numbers or the other way round, and people act on them; or panels stay empty.
    Cause: A data source's address names a Service in another environment's namespace (copied from there), one that does not exist, or a
    port that it does not have; or two files both say `isDefault: true`, with which Grafana does not start; or what it leads to does not
    answer.
    Fix: Correct the address in the file that provisions it (a ConfigMap labelled `grafana_datasource`, from the chart's values).
    Prevention: Write the release's own names into its data sources (values: grafana.sidecar.datasources, additionalDataSources), one file
    an environment, and run this probe after each deployment of Grafana.
    """
    rows: list[list[str]] = []
    servers = dict(grafana_servers)
    judge = partial(_judge_all, verdict, services, namespaces, environments.divided_by(known_stacks(prometheus_servers)), rows)
    homes = {(subject.namespace, subject.name) for subject, _ in grafana_datasource_files.readings}
    for subject, found in grafana_datasource_files:
        judge(subject, found)
    _judge_defaults(verdict, grafana_datasource_files.readings)
    for subject, found in grafana_datasources:
        judge(subject, found)
        for one in found.items:
            _judge_health(verdict, subject, servers.get(subject), one)
        if not found.items:
            verdict.unchecked(subject, "it shows no data source: its account may be allowed to see none")
        if found.skipped:
            verdict.unchecked(subject, f"{found.skipped} of its data sources were not asked whether they answer")
    _without_credentials(verdict, grafana_servers, bool(homes), profile)
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
    services: Readings[Service],
    namespaces: Readings[Namespace],
    apart: Environments,
    rows: list[list[str]],
    subject: Subject,
    found: Datasources,
) -> None:
    for one in found.items:
        if not one.url:
            continue  # Grafana's own (testdata, mixed), or of a cloud that is told otherwise
        place = destination_of(one.url, subject.namespace, services, namespaces)
        environment = verdict.environment_of(place.namespace)
        if place.unclear:
            verdict.unchecked(subject, f"where the data source {one.name} leads is not known: {place.unclear}")
        elif place.gone:
            _report_gone(verdict, subject, one, place)
        elif place.ports:
            _report_no_port(verdict, subject, one, place)
        elif apart.differ(subject.namespace, place.namespace):
            _report_foreign(verdict, subject, one, place, environment)
        leads = f"{place.namespace}/{place.service}" if place.service else one.url
        rows.append([str(subject), one.name, one.type, leads, environment or "shared", one.health or "not asked"])


def _where(subject: Subject) -> tuple[str, list[Command | None]]:
    """How the place that a data source comes from is called, and how one looks at it."""
    if subject.kind == "ConfigMap":
        shown = shell("kubectl -n {} get configmap {} -o yaml", subject.namespace, subject.name)
        return f"the ConfigMap {subject.namespace}/{subject.name}", [shown]
    return f"Grafana {subject.namespace}/{subject.name}", _files(subject.namespace)


def _files(namespace: str) -> list[Command | None]:
    return [shell("kubectl -n {} get configmaps -l grafana_datasource", namespace)] if namespace else []


def _source_of(subject: Subject) -> str:
    """Where the address is changed, as it continues a sentence; what Grafana itself says may be provisioned by no file."""
    if subject.kind == "ConfigMap":
        return "in the values of the chart or in Git; the sidecar then loads it."
    return "in the file that provisions it, in the values of the chart or in Git. One that no file provisions is changed in Grafana itself."


def _report_foreign(verdict: Verdict, subject: Subject, one: Datasource, place: Destination, environment: str) -> None:
    own = verdict.environment_of(subject.namespace)
    # Called "Prometheus prod" and not the default, it says what it is: somebody wanted both.
    said = environment in one.name.lower() and not one.default
    where, shown = _where(subject)
    see = look(SEE_FILE, *shown)
    verdict.report(
        DATASOURCE_NAMED_FOR_OTHER if said else DATASOURCE_OF_OTHER_ENVIRONMENT,
        subject,
        problem=f"The data source {one.name} of {own} leads to {environment}: dashboards of {own} show the numbers of {environment}.",
        cause=f"In {where}, its address is {one.url}: the Service {place.service} of namespace {place.namespace}, which belongs to "
        f"{environment}{', and it is the default' if one.default else ''}.",
        fix=[see, look("Nothing has to be done if that is meant: its name says so.")]
        if said
        else [
            see,
            look(f"See which Services of {own} there are.", shell("kubectl get services -A | grep -i {}", one.type)),
            change(f"Name the Service of {own} in the address, {_source_of(subject)}"),
            *([edited("configmap", subject)] if subject.kind == "ConfigMap" else []),
        ],
    )


def _report_gone(verdict: Verdict, subject: Subject, one: Datasource, place: Destination) -> None:
    where, shown = _where(subject)
    verdict.report(
        DATASOURCE_WITHOUT_SERVICE,
        subject,
        problem=f"The data source {one.name} leads to a Service that does not exist: its panels stay empty.",
        cause=f"In {where}, its address is {one.url}, and the namespace {place.namespace} has no Service {place.service}.",
        fix=[
            look("See which Services there are.", shell("kubectl -n {} get services", place.namespace)),
            look(SEE_FILE, *shown),
            change(f"Correct the address there, {_source_of(subject)}"),
        ],
    )


def _report_no_port(verdict: Verdict, subject: Subject, one: Datasource, place: Destination) -> None:
    where, shown = _where(subject)
    has = f"the port {place.ports[0]} only" if len(place.ports) == 1 else f"the ports {listed([str(port) for port in place.ports], 5)}"
    wanted = f"the port {place.ports[0]}" if len(place.ports) == 1 else "the one of them that the data source speaks to"
    verdict.report(
        DATASOURCE_WITHOUT_PORT,
        subject,
        problem=f"The data source {one.name} leads to a port that its Service does not have: its panels stay empty.",
        cause=f"In {where}, its address is {one.url}, and the Service {place.namespace}/{place.service} has {has}.",
        fix=[
            look("See the Service's ports.", shell("kubectl -n {} get service {}", place.namespace, place.service)),
            look(SEE_FILE, *shown),
            change(f"Name {wanted} in the address there, in the values of the chart or in Git; the sidecar then loads it."),
            *([edited("configmap", subject)] if subject.kind == "ConfigMap" else []),
        ],
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
            homes = [subject for subject, _ in several]
            names = ", ".join(f"{one.name} (ConfigMap {subject.name})" for subject, one in several)
            verdict.report(
                SEVERAL_DEFAULTS,
                several[-1][0],
                problem=f"{len(several)} data sources in {namespace} are the default: Grafana does not start with that.",
                cause=f"isDefault: true is said of {names}. One per organization may be.",
                fix=[
                    look(
                        "See the files, which may hold credentials.",
                        *(
                            shell("kubectl -n {} get configmap {} -o yaml", subject.namespace, subject.name)
                            for subject in dict.fromkeys(homes)
                        ),
                    ),
                    change(
                        "Say isDefault of one only, at its source in Git (values: grafana.sidecar.datasources.isDefaultDatasource, or in "
                        "additionalDataSources)."
                    ),
                ],
            )


def _judge_health(verdict: Verdict, subject: Subject, server: Server | None, one: Datasource) -> None:
    if one.health in ("", "OK"):
        return
    pods = [server.pod] if server and server.pod else []
    verdict.report(
        DATASOURCE_FAILS,
        subject,
        problem=f"The data source {one.name} of Grafana {subject.namespace}/{subject.name} does not answer.",
        cause=f"Grafana asked {one.url or 'it'}, and says: {one.health}",
        fix=[
            look("See what Grafana logs of it.", *logs_of(subject.namespace, pods, one.type, "15m")),
            change("Repair what it leads to, or its credentials in the file that provisions it, at its source in Git."),
        ],
    )
