from clusterprobe.model import Severity, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.grafana import Health
from clusterprobe.verdict import Verdict


def probe_health(verdict: Verdict, grafana_health: Readings[Health]) -> None:
    """Does every Grafana answer, and reach its own database?

    Problem: Nobody can log in, dashboards do not load, and the alert rules that Grafana evaluates are silent.
    Cause: Grafana's own database (SQLite on a volume, or a PostgreSQL or MySQL) does not answer: the volume is full, locked or on
    NFS, or the server is gone or its password has changed. `/api/health` says `database: failing`, with status 503.
    Fix: Look at its log (`logger=sqlstore`), then at its volume or database server.
    Prevention: Use the readiness probe of the chart (`/api/health`), and a database server for more than one replica.
    """
    rows = []
    for subject, health in verdict.examine(grafana_health):
        rows.append([str(subject), health.version or "?", health.database])
        if health.database == "ok":
            continue
        who = f"{subject.namespace}/{subject.name}"
        place = f"$ kubectl -n {subject.namespace}"
        logs = f"{place} logs {subject.name} --since=15m | grep -E 'sqlstore|database'"
        look = logs if subject.kind == "Pod" else "$ curl -s GRAFANA-ADDRESS/api/health"
        verdict.finding(
            Severity.ERROR,
            "DatabaseFailing",
            subject,
            settles=True,
            problem=f"Grafana {who} does not reach its own database: nobody can log in, and its alert rules are silent.",
            cause=f"/api/health says `database: {health.database[:100]}`: its SQLite file is locked, or its volume is full or slow; or the "
            "database server that [database] in grafana.ini names does not answer.",
            fix=f"Its log says why:\n{look}",
            prevention="Keep SQLite off NFS, use a database server for more than one replica, and alert on the readiness of its pods.",
        )
    if rows:
        verdict.exhibit(Table(title="Grafana", columns=["Replica", "Version", "Database"], rows=rows))
