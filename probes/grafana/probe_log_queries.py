from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.grafana import GIVE_CREDENTIALS, Boards, has_credentials
from clusterprobe.systems.grafana_files import DashboardFile
from clusterprobe.systems.grafana_queries import Board, Instant
from clusterprobe.systems.loki_logs import REFUSAL
from clusterprobe.verdict import Verdict

PREVENTION = (
    "In reviews of dashboards and alert rules, look for `queryType: instant` (and `instant: true`) beside an expression that begins "
    "with a selector: logs are asked as Range, numbers such as `count_over_time` may be Instant."
)


def probe_log_queries(
    verdict: Verdict,
    grafana_dashboards: Readings[Boards],
    grafana_alert_rules: Readings[Boards],
    grafana_dashboard_files: Readings[DashboardFile],
    grafana_servers: Readings[Server],
    profile: Profile,
) -> None:
    """Do dashboards or alert rules of Grafana ask Loki for log lines on the instant endpoint?

    Problem: A panel shows `log queries are not supported as an instant query type`, or an alert rule is in the state Error.
    Cause: Its Loki query has the type Instant, but its expression asks for lines, such as `{namespace="x"}`. Since 3.2.0 Loki refuses
    that. Newer Grafanas turn such a panel into a range query in the browser; alert rules and older ones are refused.
    Fix: Set the type of the query to Range; for a number, ask for one: `count_over_time({…}[5m])`.
    Prevention: Look for `queryType: instant` beside a log query in reviews of dashboards and rules.
    """
    servers = verdict.need(grafana_servers)
    for subject, file in verdict.examine(grafana_dashboard_files):
        for board in file.boards:
            _judge(verdict, subject, board, alert=False)
    _judge_live(verdict, grafana_dashboards, alert=False)
    _judge_live(verdict, grafana_alert_rules, alert=True)
    for subject, server in servers:
        if has_credentials(server, profile):
            continue
        if grafana_dashboard_files.values:
            verdict.note(f"{subject}: judged by the dashboards in ConfigMaps only, without alert rules; {GIVE_CREDENTIALS}")
        else:
            verdict.unchecked(subject, GIVE_CREDENTIALS)


def _judge_live(verdict: Verdict, boards: Readings[Boards], *, alert: bool) -> None:
    for subject, found in verdict.examine(boards):
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
    look = (
        f"$ kubectl -n {subject.namespace} get configmap {subject.name} -o yaml | grep -n -i instant" if file else _open(board, alert=alert)
    )
    effect = "it is in the state Error and fires nothing" if alert else "older Grafanas show the error in the panel"
    verdict.finding(
        Severity.ERROR if alert else Severity.WARNING,
        "InstantLogQueryInAlert" if alert else "InstantLogQuery",
        subject,
        problem=f"{where[0].upper()}{where[1:]} asks Loki for log lines on its instant endpoint: {effect}.",
        cause=f"In {origin}, {len(logs)} Loki queries have the type Instant, and ask for lines: `{logs[0].query}`. "
        f"Since 3.2.0 Loki answers: `{REFUSAL}`.",
        fix="Set the query's type to Range (`queryType: range`, without `instant: true`); where a number is wanted, ask for one: "
        f"count_over_time(… [5m]). Where it comes from Git, change it there.\n{look}",
        prevention=PREVENTION,
        exhibits=[
            Table(title=f"Instant log queries of {board.title}", columns=["Panel", "Query"], rows=[[one.place, one.query] for one in logs])
        ],
    )


def _open(board: Board, *, alert: bool) -> str:
    path = f"/api/v1/provisioning/alert-rules/{board.uid}" if alert else f"/api/dashboards/uid/{board.uid}"
    return f'$ curl -s -H "Authorization: Bearer $TOKEN" GRAFANA-ADDRESS{path}'
