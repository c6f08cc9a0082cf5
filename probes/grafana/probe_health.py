from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Table
from clusterprobe.roles import Examined
from clusterprobe.systems.grafana.sources import Health
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.verdict import Verdict

DATABASE_FAILING = FindingKind("DatabaseFailing", Severity.ERROR, "Grafana does not reach its own database.", settles=True)


@reports(DATABASE_FAILING)
def probe_health(verdict: Verdict, grafana_health: Examined[Health]) -> None:
    """Does every Grafana answer, and reach its own database?

    Problem: Users cannot log in, dashboards do not load, and the alert rules that Grafana evaluates do not fire.
    Cause: Grafana's own database (SQLite on a volume, or a PostgreSQL or MySQL) does not answer: the volume is full, locked or on
    NFS, or the server is down or its password has changed. `/api/health` says `database: failing`, with status 503.
    Fix: Look at its log (`logger=sqlstore`), then at its volume or database server.
    Prevention: Keep SQLite off NFS, use a database server for more than one replica, and alert on the readiness of its pods.
    """
    rows = []
    for subject, health in grafana_health:
        rows.append([str(subject), health.version or "?", health.database])
        if health.database == "ok":
            continue
        who = f"{subject.namespace}/{subject.name}"
        pods = [subject] if subject.kind == "Pod" else []
        verdict.report(
            DATABASE_FAILING,
            subject,
            problem=f"Grafana {who} does not reach its own database: users cannot log in, and its alert rules do not fire.",
            cause=f"/api/health says `database: {health.database[:100]}`: its SQLite file is locked, or its volume is full or slow; or the "
            "database server that [database] in grafana.ini names does not answer.",
            fix=[
                look(
                    "See what its log says of its database, and on which volume that is.",
                    *(log_of(one.namespace, one.name, "sqlstore|database", "15m") for one in pods),
                    *(shell("kubectl -n {} describe pod {}", one.namespace, one.name) for one in pods),
                ),
                change("Free or replace the volume, or repair the database server, as the log says."),
            ],
        )
    if rows:
        verdict.exhibit(Table(title="Grafana", columns=["Replica", "Version", "Database"], rows=rows))
