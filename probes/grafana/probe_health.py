from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.grafana.sources import Health, Notifications
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number, said

NOT_DELIVERED = FindingKind(
    "AlertsNotDelivered",
    Severity.ERROR,
    "Every notification of Grafana's own alerts through a kind of contact point has failed.",
    prevention="Alert on `grafana_alerting_notifications_failed_total`, by something else than Grafana.",
)
DATABASE_FAILING = FindingKind("DatabaseFailing", Severity.ERROR, "Grafana does not reach its own database.", settles=True)


@reports(DATABASE_FAILING, NOT_DELIVERED)
def probe_health(verdict: Verdict, grafana_health: Examined[Health], grafana_notifications: Enriching[Notifications], clock: Clock) -> None:
    """Does every Grafana answer, reach its own database, and deliver its own alerts?

    Problem: Users cannot log in, dashboards do not load, and the alert rules that Grafana evaluates do not fire.
    Cause: Grafana's own database (SQLite on a volume, or a PostgreSQL or MySQL) does not answer: the volume is full, locked or on
    NFS, or the server is down or its password has changed. `/api/health` says `database: failing`, with status 503. Or a contact point of
    its own alerts refuses what it is sent: its metrics count that, and its log says why.
    Fix: Look at its log (`logger=sqlstore`), then at its volume or database server.
    Prevention: Keep SQLite off NFS, use a database server for more than one replica, and alert on the readiness of its pods.
    """
    rows = []
    for subject, health in grafana_health:
        rows.append([str(subject), health.version or "?", health.database])
        if health.database == "ok":
            continue
        _report_database(verdict, subject, health)
    if rows:
        verdict.exhibit(Table(title="Grafana", columns=["Replica", "Version", "Database"], rows=rows))
    for subject, one in grafana_notifications:
        for kind in one.lost:
            _report_lost(verdict, subject, one, kind, clock.now)


def _report_database(verdict: Verdict, subject: Subject, health: Health) -> None:
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


def _report_lost(verdict: Verdict, subject: Subject, one: Notifications, kind: str, now: float) -> None:
    who, pods = f"{subject.namespace}/{subject.name}", [subject] if subject.kind == "Pod" else []
    every = number(int(one.sent[kind]), "notification")
    verdict.report(
        NOT_DELIVERED,
        subject,
        problem=f"Grafana {who} has delivered none of {every} of its own alerts through {said(kind, nothing='a contact point')} since it "
        f"started {ago(now - one.started)} ago.",
        cause="Its contact points of that kind fail each time: the other side refuses what is sent or does not answer, or their template "
        "cannot be rendered. Its metrics count that, and its log says which.",
        fix=[
            look(
                "Read why, by contact point.",
                *(log_of(pod.namespace, pod.name, "Notify for alerts failed|failed to send", "1h") for pod in pods),
            ),
            change(
                "Correct the address, the credentials or the template that the log names, in that contact point: in what provisions it, or "
                "else in Grafana. Its button Test sends one at once."
            ),
        ],
    )
