from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.victoriametrics.flow import LOSSES, MISSED, REFUSED, Flow, Growth, place_key
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

SAMPLES_LOST = FindingKind("SamplesLost", Severity.ERROR, "A program of VictoriaMetrics has lately lost samples for good.")
SENDING_LAGS = FindingKind("SendingLags", Severity.ERROR, "A vmagent is behind with what it sends to its storage.", settles=True)
STORAGE_READ_ONLY = FindingKind(
    "StorageReadOnly", Severity.CRITICAL, "A storage of VictoriaMetrics takes no samples, for its disk is nearly full."
)
CONFIGURATION_REFUSED = FindingKind(
    "ConfigurationRefused", Severity.ERROR, "A program of VictoriaMetrics runs with an earlier configuration, for it refused the last one."
)
EVALUATIONS_MISSED = FindingKind("EvaluationsMissed", Severity.WARNING, "A vmalert has lately left out evaluations of rules.")


@reports(SAMPLES_LOST, SENDING_LAGS, STORAGE_READ_ONLY, CONFIGURATION_REFUSED, EVALUATIONS_MISSED)
def probe_flow(
    verdict: Verdict,
    victoriametrics_flow: Examined[Flow],
    victoriametrics_growth: Enriching[Growth],
    profile: Profile,
    clock: Clock,
) -> None:
    """Do samples get through VictoriaMetrics, from vmagent to its storage, and do its rules keep up?

    Problem: Samples are missing in graphs and alerts, for good, although every target is up.
    Cause: A receiver refuses what a vmagent sends, or is too slow for it until its queue is full; a storage's disk is nearly full, so
    that it takes nothing; a configuration is refused, so that an earlier one stays; or a vmalert does not keep up.
    Fix: Repair what the program's own log names: the receiver, the disk, the configuration, or rules that are too heavy.
    Prevention: Alert on `vmagent_remotewrite_packets_dropped_total`, `vm_persistentqueue_bytes_dropped_total` and
    `vm_storage_is_read_only`, and let each program be scraped.
    """
    window = profile.thresholds.prometheus.window_minutes * 60.0
    for subject, one in victoriametrics_flow:
        grown = _grown(subject, victoriametrics_growth)
        _judge_now(verdict, subject, one, profile.thresholds.prometheus.remote_write_lag_seconds, clock.now - one.started)
        _judge_growth(verdict, subject, one, Past(grown, window, clock.now - one.started), profile.thresholds.prometheus.missed_evaluations)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a program's counters: their growth in a store (None: no store has them), in the window, and how old it is."""

    grown: dict[str, float] | None
    window: float
    age: float

    def of(self, name: str, total: float) -> float | None:
        """How much a counter grew lately; None where that is not known."""
        if self.age < self.window:
            return total
        return self.grown[name] if self.grown is not None and name in self.grown else None

    @property
    def span(self) -> str:
        return ago(min(self.age, self.window))


def _grown(subject: Subject, growth: Readings[Growth]) -> dict[str, float] | None:
    key = place_key(subject.namespace, subject.name)
    found = [one.counters[key] for one in growth.items if key in one.counters]
    return {name: max(one.get(name, 0.0) for one in found) for name in {name for one in found for name in one}} if found else None


def _judge_now(verdict: Verdict, subject: Subject, one: Flow, patience: float, age: float) -> None:
    """What is so at this moment."""
    if one.refused:
        _report_refused(verdict, subject, one)
    if one.read_only:
        _report_read_only(verdict, subject, one)
    for url, seconds in one.behind.items():
        late = age if seconds is None else seconds
        if late >= patience:
            never = seconds is None
            verdict.report(
                SENDING_LAGS,
                subject,
                problem=f"{subject} is {ago(late)} behind with what it sends to {url or 'its storage'}.",
                cause="It has sent nothing there since its start, and its queue is not empty."
                if never
                else "Its queue holds as much as it usually sends in that time: the receiver is too slow, refuses, or cannot be reached.",
                fix=[
                    _see(subject, "See what the receiver answers.", "remotewrite|remote write"),
                    change(f"Repair the receiver or the way to it, or send less. Change it {SOURCE}."),
                ],
            )


def _report_refused(verdict: Verdict, subject: Subject, one: Flow) -> None:
    verdict.report(
        CONFIGURATION_REFUSED,
        subject,
        problem=f"{subject} runs with an earlier configuration: the last one could not be loaded.",
        cause=f"Its {listed(one.refused, 3)} is 0.",
        fix=[
            _see(subject, "Its log says what it cannot load.", "cannot|error"),
            change(f"Correct what the log names: an object that it selects, a rule, or a file of its configuration. Change it {SOURCE}."),
        ],
    )


def _report_read_only(verdict: Verdict, subject: Subject, one: Flow) -> None:
    space = ""
    if one.free is not None and one.least is not None:
        space = f" It has {one.free / 2**20:.0f} MiB left, and takes nothing below {one.least / 2**20:.0f} MiB."
    verdict.report(
        STORAGE_READ_ONLY,
        subject,
        problem=f"{subject} takes no samples: its storage is read-only.",
        cause=f"Its vm_storage_is_read_only is 1, which it is while its disk has less room than -storage.minFreeDiskSpaceBytes.{space}",
        fix=[
            look("See its volume.", shell("kubectl -n {} describe pod {}", subject.namespace, subject.name)),
            change(f"Enlarge its volume, or keep data for a shorter time (-retentionPeriod). Change it {SOURCE}."),
        ],
    )


def _judge_growth(verdict: Verdict, subject: Subject, one: Flow, past: Past, missed: int) -> None:
    """What grew lately; of what grew once, it is not known whether it does so still."""
    grown = {name: past.of(name, total) for name, total in one.lost.items()}
    unknown = [name for name, amount in grown.items() if amount is None]
    lost = {name: amount for name, amount in grown.items() if amount is not None and amount >= 1}
    left_out = past.of(MISSED, one.missed) if one.missed else 0.0
    if unknown or left_out is None:
        names = listed([*unknown, *([MISSED] if left_out is None else [])], 3)
        reason = f"{names} is not 0 since its start, and whether it grew lately no store of metrics here tells; let it be scraped"
        verdict.unchecked(subject, reason)
    if lost:
        _report_lost(verdict, subject, lost, past)
    if left_out is not None and left_out >= missed:
        verdict.report(
            EVALUATIONS_MISSED,
            subject,
            problem=f"{subject} left out {number(round(left_out), 'evaluation')} of groups of rules in {past.span}: alerts come late.",
            cause=f"{MISSED} grew: the evaluation before had not ended. Its groups are too heavy for their interval, or its storage "
            "answers too slowly.",
            fix=[
                _see(subject, "See which groups take long.", "group|slow|deadline"),
                change(f"Give heavy groups a longer interval, or narrow their selectors. Change it {SOURCE}."),
            ],
        )


def _report_lost(verdict: Verdict, subject: Subject, lost: dict[str, float], past: Past) -> None:
    first = REFUSED if REFUSED in lost else next(iter(lost))
    verdict.report(
        SAMPLES_LOST,
        subject,
        problem=f"{subject} lost samples in the last {past.span}: {lost[first]:.0f} {LOSSES[first]}.",
        cause=f"In {past.span}: {', '.join(f'{name} +{amount:.0f}' for name, amount in lost.items())}.",
        fix=[
            _see(subject, "Its log says what was dropped, and what the receiver answered.", "drop|refus|reject|status code|limit"),
            change(f"Repair the receiver, enlarge the queue or the limit that its log names, or send less. Change it {SOURCE}."),
        ],
    )


def _see(subject: Subject, text: str, pattern: str) -> Step:
    return look(text, *([log_of(subject.namespace, subject.name, pattern)] if subject.kind == "Pod" else []))
