from clusterprobe.access.servers import Server, has_credentials
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.grafana.queries import Board, Instant
from clusterprobe.systems.grafana.sidecar_files import DashboardFile
from clusterprobe.systems.grafana.sources import GIVE_CREDENTIALS, Boards
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.loki.own_log import REFUSAL
from clusterprobe.verdict import Verdict
from clusterprobe.words import number, said

INSTANT_LOG_QUERY_IN_ALERT = FindingKind(
    "InstantLogQueryInAlert", Severity.ERROR, "An alert rule asks Loki for log lines on the instant endpoint, which refuses them."
)
INSTANT_LOG_QUERY = FindingKind(
    "InstantLogQuery", Severity.WARNING, "A panel asks Loki for log lines on the instant endpoint, which refuses them."
)


@reports(INSTANT_LOG_QUERY_IN_ALERT, INSTANT_LOG_QUERY)
def probe_log_queries(
    verdict: Verdict,
    grafana_dashboards: Examined[Boards],
    grafana_alert_rules: Examined[Boards],
    grafana_dashboard_files: Examined[DashboardFile],
    grafana_servers: Needed[Server],
    profile: Profile,
) -> None:
    """Do dashboards or alert rules of Grafana ask Loki for log lines on the instant endpoint?

    Problem: A panel shows `log queries are not supported as an instant query type`, or an alert rule is in the state Error.
    Cause: Its Loki query has the type Instant, but its expression asks for lines, such as `{namespace="x"}`. Since 3.2.0 Loki refuses
    that. Newer Grafanas turn such a panel into a range query in the browser; alert rules and older ones are refused.
    Fix: Set the type of the query to Range; for a number, ask for one: `count_over_time({…}[5m])`.
    Prevention: In reviews of dashboards and alert rules, look for `queryType: instant` (and `instant: true`) beside an expression that
    begins with a selector: logs are asked as Range, numbers such as `count_over_time` may be Instant.
    """
    for subject, file in grafana_dashboard_files:
        for board in file.boards:
            _judge(verdict, subject, board, alert=False)
    _judge_live(verdict, grafana_dashboards, alert=False)
    _judge_live(verdict, grafana_alert_rules, alert=True)
    for subject, server in grafana_servers:
        if has_credentials(server, profile):
            continue
        if grafana_dashboard_files.readings.values:
            verdict.note(f"{subject}: judged by the dashboards in ConfigMaps only, without alert rules; {GIVE_CREDENTIALS}")
        else:
            verdict.unchecked(subject, GIVE_CREDENTIALS)


def _judge_live(verdict: Verdict, boards: Examined[Boards], *, alert: bool) -> None:
    for subject, found in boards:
        for board in found.boards:
            _judge(verdict, subject, board, alert=alert)
        if not (alert or found.boards or found.failed or found.skipped):
            verdict.unchecked(subject, "it shows no dashboard: its account may be allowed to see none")
        for reason in found.failed:
            verdict.unchecked(subject, f"a dashboard could not be read: {reason}")
        if found.skipped:
            verdict.unchecked(subject, f"{found.skipped} of its dashboards were not read: there are too many")


def _judge(verdict: Verdict, subject: Subject, board: Board, *, alert: bool) -> None:
    logs = [one for one in board.instants if one.kind == "log"]
    what = f"{'alert rule' if alert else 'dashboard'} {board.title}"
    unclear = [one for one in board.instants if one.kind == "unclear"]
    if unclear:
        verdict.note(f"{subject}: whether `{unclear[0].query}` of the {what}, an instant query, asks for lines, a variable hides.")
    if logs:
        _report(verdict, subject, board, logs, alert=alert)


def _report(verdict: Verdict, subject: Subject, board: Board, logs: list[Instant], *, alert: bool) -> None:
    kind = "alert rule" if alert else "dashboard"
    places = ", ".join(dict.fromkeys(one.place or "?" for one in logs))
    where = f"the {kind} {board.title}" + ("" if alert else f" (panel {places})")
    file = subject.kind == "ConfigMap"
    origin = f"the ConfigMap {subject.namespace}/{subject.name}" if file else f"Grafana {subject.namespace}/{subject.name}"
    effect = "it is in the state Error and fires nothing" if alert else "older Grafanas show the error in the panel"
    verdict.report(
        INSTANT_LOG_QUERY_IN_ALERT if alert else INSTANT_LOG_QUERY,
        subject,
        problem=f"{where[0].upper()}{where[1:]} asks Loki for log lines on its instant endpoint: {effect}.",
        cause=f"In {origin}, {number(len(logs), 'Loki query', 'Loki queries')} of type Instant ask{'s' * (len(logs) == 1)} for log lines: "
        f"`{logs[0].query}`. "
        f"Since 3.2.0 Loki answers: `{REFUSAL}`.",
        fix=[
            _find(subject, board, alert=alert),
            change(
                "Set the query's type to Range (`queryType: range`, without `instant: true`). Where a number is wanted, ask for one: "
                "`count_over_time`, for example. If it is managed in Git, change it there."
            ),
            *([edited("configmap", subject)] if file else []),
        ],
        exhibits=[
            Table(title=f"Instant log queries of {board.title}", columns=["Panel", "Query"], rows=[[one.place, one.query] for one in logs])
        ],
    )


def _find(subject: Subject, board: Board, *, alert: bool) -> Step:
    if subject.kind == "ConfigMap":
        found = shell("kubectl -n {} get configmap {} -o yaml | grep -n -i instant", subject.namespace, subject.name)
        return look("Find the query in the ConfigMap.", found)
    path = f"/api/v1/provisioning/alert-rules/{board.uid}" if alert else f"/d/{board.uid}"
    return look(f"Open {said(board.title)} in Grafana, at {path} of its address.")
