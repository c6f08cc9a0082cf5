from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look
from clusterprobe.model import Command, Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.loki.configuration_advice import in_its_configuration
from clusterprobe.systems.loki.loss_words import limit_of, store_in
from clusterprobe.systems.loki.losses import DISK_FULL, FLUSHES, REFUSED, Evidence, LokiGains, LokiLosses, LossWords, Trouble, troubles
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import said

CHUNKS_NOT_STORED = FindingKind("ChunksNotStored", Severity.ERROR, "Loki cannot store the chunks of its lines.")
LOG_DISK_FULL = FindingKind("WriteAheadLogFull", Severity.ERROR, "The disk of Loki's write-ahead log is full.")
LINES_REFUSED = FindingKind("LinesRefused", Severity.WARNING, "Loki refuses lines, by a limit of its own.")
_GREP = {FLUSHES: "failed to flush", DISK_FULL: "disk full", REFUSED: "write operation failed|limit exceeded|too far behind|too old"}


@reports(CHUNKS_NOT_STORED, LOG_DISK_FULL, LINES_REFUSED)
def probe_losses(
    verdict: Verdict,
    loki_losses: Examined[LokiLosses],
    loki_gains: Conditional[LokiGains],
    loki_loss_words: Enriching[LossWords],
    system_pods: Enriching[SystemPod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does Loki keep every line that it is sent?

    Problem: Loki is ready and answers, and lines are missing: it refuses them, or took them and cannot store them.
    Cause: A limit on rates, streams, lengths or ages refuses lines; the object store refuses Loki's credentials or is not reached, so that
    chunks stay in memory; or the volume of the write-ahead log is full, so that a restart loses what is not stored yet.
    Fix: Repair the way to the store or its credentials, give the volume space, or send less; a limit is raised last.
    Prevention: Alert on `loki_discarded_samples_total`, `loki_ingester_chunks_flush_failures_total` and
    `loki_ingester_wal_disk_full_failures_total`, and on the space of Loki's volumes.
    """
    releases: dict[tuple[str, str], list[tuple[Subject, LokiLosses]]] = defaultdict(list)
    for subject, one in loki_losses:
        releases[subject.namespace, subject.owner.partition("/")[2] or subject.name].append((subject, one))
    some = any(one.lost for one in loki_losses.readings.items)
    gains = loki_gains.need() if some else loki_gains.enrich()
    evidence = Evidence(gains, loki_loss_words, profile.thresholds.loki.window_minutes * 60, clock.now)
    for replicas in releases.values():
        now, before = troubles(replicas, evidence)
        for trouble in now:
            _report(verdict, trouble, evidence, system_pods)
        for trouble in before:
            times = f"{trouble.count:.0f} of {trouble.counter} since it started, and none in the last {ago(evidence.window)}"
            verdict.note(f"{trouble.replicas[0].name} counts {times}.")


def _report(verdict: Verdict, one: Trouble, evidence: Evidence, pods: Readings[SystemPod]) -> None:
    first, more = one.replicas[0], len(one.replicas) - 1
    who = f"{first.namespace}/{first.name}" + (f" and {more} more" if more else "")
    age = ago(evidence.now - one.started)
    when = f"in the last {ago(evidence.window)}" if one.lately else f"since it started {age} ago (no Prometheus scrapes it)"
    quoted = f" Its log says {said(one.said)}." if one.said else ""
    kind, problem, cause, steps = _told(one)
    edits = in_its_configuration(pods, one.replicas) if kind == LINES_REFUSED else []
    verdict.report(
        kind,
        first,
        severity=kind.severity if one.lately or one.said else Severity.WARNING,
        problem=f"{who} {problem.format(count=f'{one.count:.0f}', when=when)}",
        cause=f"{cause}{quoted}",
        fix=[look("See what its log says.", *_logs(one)), *steps, *edits],
        exhibits=[_table(one, when)],
        breaks=[Ref(RefKind.LOKI, first.namespace, first.owner.partition("/")[2] or first.name)] if kind != LINES_REFUSED else [],
        # An agent that says what it was answered tells it better.
        rests_on=[Ref(RefKind.LOGS, name=first.namespace)] if kind == LINES_REFUSED else [],
    )


def _told(one: Trouble) -> tuple[FindingKind, str, str, list[Step]]:
    """The finding, what happens, why, and what helps."""
    if one.counter == FLUSHES:
        store = store_in(one.said)
        why = store.why if store else "Its store does not take them"
        helps = store.helps if store else "Repair what its log names: the store's address, its credentials, or its space."
        return (
            CHUNKS_NOT_STORED,
            "could not store chunks: {count} attempts failed {when}. They are tried again, and stay in memory until then.",
            f"{why}. What is not stored when it is killed is lost, but for what its write-ahead log has.",
            [change(f"{helps} Change it {SOURCE}.")],
        )
    if one.counter == DISK_FULL:
        return (
            LOG_DISK_FULL,
            "could not write {count} times to its write-ahead log {when}: the disk is full.",
            "It goes on taking lines without that log: what is not stored yet is lost when it restarts.",
            [
                change(
                    "Enlarge the PVC of the write-ahead log, or free it of what is no part of that log; chunks that cannot be stored keep "
                    f"it full. Leave the log's own files: they hold lines that are not stored yet. Change it {SOURCE}."
                )
            ],
        )
    reasons = sorted(one.by_reason, key=lambda reason: -one.by_reason[reason])
    limit = limit_of(reasons, one.said)
    which = f"It refuses them for the reason {', '.join(reasons[:3])}" + (f", by its limit {limit.setting}." if limit else ".")
    helps = limit.helps if limit else "Correct what its log names in the agent that sends them, or raise the limit (limits_config)."
    return (
        LINES_REFUSED,
        "refused {count} lines {when}. Agents try again what a rate limit refuses, and drop the rest.",
        which,
        [change(f"{helps} Change it {SOURCE}.")],
    )


def _logs(one: Trouble) -> list[Command | None]:
    return [log_of(each.namespace, each.name, _GREP[one.counter], "1h") for each in one.replicas[:2] if each.kind == "Pod"]


def _table(one: Trouble, when: str) -> Table:
    rows = [[one.counter, reason, f"{count:.0f}", when] for reason, count in one.by_reason.items()]
    return Table(title="What it counts", columns=["Counter", "Reason", "Count", "When"], rows=rows[:20])
