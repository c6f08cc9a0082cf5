from collections import defaultdict

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.prometheus.alerting import LoadedRules
from clusterprobe.systems.prometheus.lost_metrics import Lost, LostMetrics
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, SERVICE_MONITORS
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

METRICS_LOST = FindingKind(
    "AlertsWithoutSeries",
    Severity.WARNING,
    "A job is not scraped any more, and alerts ask for metrics that only it had, so that they cannot fire.",
)


@reports(METRICS_LOST)
def probe_lost_metrics(
    verdict: Verdict, prometheus_lost_metrics: Examined[LostMetrics], prometheus_loaded_rules: Needed[LoadedRules]
) -> None:
    """Do the alerts still have the series that they look at?

    Problem: An alert whose metric is gone never fires, and looks as healthy as one that has no reason to.
    Cause: What exposed the metric is scraped no more: its monitor, Service or workload was removed or renamed. Nothing is down then, since
    there is no target left that could be. Metrics that only come and go, or were never there, are no finding.
    Fix: Scrape it again, or remove its alerts with it.
    Prevention: Alert on `absent(up{job="…"})` for what matters, and render an exporter, its monitor and its rules from one chart.
    """
    lost: dict[tuple[Subject, str], dict[str, None]] = defaultdict(dict)
    for subject, one in prometheus_lost_metrics:
        prometheus = PROMETHEUSES.subject(subject.namespace, subject.owner.partition("/")[2] or subject.name)
        for each in one.lost:
            for job in gone(each):
                lost[prometheus, job][each.metric] = None
        passing = [each.metric for each in one.lost if not gone(each)]
        if passing:
            verdict.note(
                f"{prometheus.namespace}/{prometheus.name}: alerts ask for {number(len(passing), 'metric')} that had series a day ago and "
                f"have none now, while what had them is scraped: {listed(passing, 5)}."
            )
    for (prometheus, job), metrics in lost.items():
        _report(verdict, prometheus, job, list(metrics), prometheus_loaded_rules)
    rules = (alert for one in prometheus_loaded_rules.items for file in one.files for alert in file.alerting)
    if unread := list(dict.fromkeys(alert.name for alert in rules if alert.metrics is None)):
        verdict.note(f"Of {listed(unread, 5)} the metrics were not looked at: a secret may stand in the expression.")


def gone(one: Lost) -> list[str]:
    """The jobs that had a metric, where none of them is scraped any more."""
    return [] if any(one.jobs.values()) else [job for job in one.jobs if job]


def _report(verdict: Verdict, prometheus: Subject, job: str, metrics: list[str], rules: Readings[LoadedRules]) -> None:
    asking = {
        alert.name: [name for name in alert.metrics or [] if name in metrics]
        for subject, one in rules
        if (subject.namespace, subject.owner.partition("/")[2] or subject.name) == (prometheus.namespace, prometheus.name)
        for file in one.files
        for alert in file.alerting
        if set(alert.metrics or []) & set(metrics)
    }
    rows = [[alert, ", ".join(names)] for alert, names in asking.items()]
    cannot = "alert cannot fire" if len(asking) == 1 else "alerts cannot fire as they should"
    verdict.report(
        METRICS_LOST,
        prometheus,
        problem=f"Prometheus {prometheus.namespace}/{prometheus.name} scrapes no job {job} any more, as it did a day ago: "
        f"{len(asking)} {cannot}: {listed(list(asking), 5)}.",
        cause=f"Of {listed(metrics, 5)} there are no series now, and of the job {job} there is no target: its monitor, its Service or its "
        "pods were removed or renamed.",
        fix=[
            look("See which monitors there are.", shell("kubectl get {} -A", SERVICE_MONITORS.name)),
            change(f"Bring back what let the job {job} be scraped. Or, if it was removed on purpose, remove its alerts with it."),
        ],
        exhibits=[Table(title=f"Alerts without series of {job}", columns=["Alert", "Metrics"], rows=rows)],
    )
