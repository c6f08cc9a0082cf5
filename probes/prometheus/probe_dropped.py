from dataclasses import dataclass

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.prometheus.dropped import DROPPED, NOTIFICATIONS
from clusterprobe.systems.prometheus.objects import pool_origin
from clusterprobe.systems.prometheus.own_log import OwnError, told
from clusterprobe.systems.prometheus.pressure import Pressure
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict

SAMPLES_DROPPED = FindingKind("SamplesDropped", Severity.WARNING, "A Prometheus drops samples that it has scraped.")
ALERTS_DROPPED = FindingKind("AlertsDropped", Severity.ERROR, "A Prometheus drops alerts before it has sent them.")
MANY_ALERTS = 10  # within the window; a few fall with the restart of an Alertmanager, and come again while they fire
LEAST_DROPPED = 10  # samples within the window; a few come with the restart of a target
_WHY = (
    "Two targets expose the same series, such as two replicas of which a relabelling takes the pod's name, or a target sends times of its "
    "own."
)


@reports(SAMPLES_DROPPED, ALERTS_DROPPED)
def probe_dropped(
    verdict: Verdict,
    prometheus_pressure: Examined[Pressure],
    prometheus_own_errors: Enriching[list[OwnError]],
) -> None:
    """Does every Prometheus keep what it scrapes, and send every alert?

    Problem: Targets are up and scraped, and yet graphs have gaps and alerts stay away: samples are dropped after the scrape, or alerts
    before they are sent. Nothing is down then.
    Cause: Samples of one series come twice, out of order or out of bounds, since two targets expose the same series, or a target sends
    times of its own. Alerts: an Alertmanager does not take them, or the queue to it is full.
    Fix: Keep a label by which such targets differ, scrape one of them only, or ignore the times that a target sends.
    Prevention: Alert on PrometheusDuplicateTimestamps and PrometheusOutOfOrderTimestamps, and on `prometheus_notifications_dropped_total`.
    """
    errors = dict(prometheus_own_errors)
    for subject, one in prometheus_pressure:
        who = f"Prometheus {subject.namespace}/{subject.owner.partition('/')[2] or subject.name}"
        place = _Place(verdict, subject, who, ago(one.window), errors.get(subject, []))
        for name, count in one.dropped.items():
            if count and one.dropped_lately.get(name) == 0:
                since = f"in the last {place.window}, and none in the last {ago(one.recent)}"
                verdict.note(f"{who} dropped {count:.0f} {DROPPED[name]}, {since}.")
            else:
                place.judge(name, count)


@dataclass(frozen=True, slots=True)
class _Place:
    """One replica, and what its log says."""

    verdict: Verdict
    subject: Subject
    who: str
    window: str
    errors: list[OwnError]

    def judge(self, name: str, count: float | None) -> None:
        if count is None:
            self.verdict.unchecked(
                self.subject, f"{name} is not 0; whether it still grows, its own series do not show (it does not scrape itself)"
            )
        elif name == NOTIFICATIONS and count >= 1:
            self._report_alerts(count)
        elif name != NOTIFICATIONS and count >= LEAST_DROPPED:
            self._report_samples(name, count)

    def _report_alerts(self, count: float) -> None:
        self.verdict.report(
            ALERTS_DROPPED,
            self.subject,
            severity=Severity.ERROR if count >= MANY_ALERTS else Severity.WARNING,
            problem=f"{self.who} dropped {count:.0f} {DROPPED[NOTIFICATIONS]}, in the last {self.window}.",
            cause="Either an Alertmanager did not take them, as it was away or refused them, or the queue to it was full: more alerts fire "
            "than it takes. This number counts both, and its log tells which. While an alert fires, it is sent again.",
            fix=[
                self._log("See what its log says of them.", "notif|alert"),
                change(
                    "Where sending failed, repair that Alertmanager or the way to it; one that was only restarted needs nothing. Where the "
                    "queue was full, see which alerts fire most, and let their rules aggregate; or raise "
                    "--alertmanager.notification-queue-capacity, with the Operator in additionalArgs. Change it at its source, in Git."
                ),
            ],
        )

    def _report_samples(self, name: str, count: float) -> None:
        self.verdict.report(
            SAMPLES_DROPPED,
            self.subject,
            problem=f"{self.who} dropped {count:.0f} {DROPPED[name]}, in the last {self.window}: they were scraped, and are in no graph.",
            cause=f"{_WHY}{told(self.errors, 'samples')}",
            fix=[
                self._log("See of which targets they are.", "ingesting"),
                change(
                    "Let relabelings keep a label by which such targets differ, or scrape one of them only. For a target with times of its "
                    "own set honorTimestamps to false in its monitor. Change it at its source, in Git."
                ),
                *self._edits(),
            ],
        )

    def _edits(self) -> list[Step]:
        """Of the one monitor whose targets its log names."""
        origins = {pool_origin(one.about) for one in self.errors if one.topic == "samples"}
        origin = origins.pop() if len(origins) == 1 else None
        return [edited(origin[0].name, origin[0].subject(*origin[1:]))] if origin else []

    def _log(self, text: str, pattern: str) -> Step:
        there = self.subject.kind == "Pod"
        return look(text, *([log_of(self.subject.namespace, self.subject.name, pattern, "15m")] if there else []))
