from dataclasses import dataclass, field

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.prometheus.objects import RULES, Prometheus, Rule
from clusterprobe.systems.prometheus.own_log import OwnError, Topic, told
from clusterprobe.systems.prometheus.pressure import LOSING, TROUBLES, Head, Interval, Pressure, SlowRules
from clusterprobe.systems.prometheus.pressure_advice import (
    Place,
    cause_of,
    fewer,
    fix_of,
    full,
    move_away,
    origin_of,
    place_of,
    raise_limits,
    slowest_rules,
    throttled,
    top_series,
)
from clusterprobe.systems.prometheus.remote_refusals import row_of
from clusterprobe.systems.prometheus.rule_groups import RuleGroup
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.thresholds import Thresholds
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

FALLS_BEHIND = FindingKind("FallsBehind", Severity.ERROR, "A Prometheus scrapes later than it should.")
CPU_THROTTLED = FindingKind("CpuThrottled", Severity.WARNING, "A Prometheus is held back by its CPU limit.")
RULE_GROUP_TOO_SLOW = FindingKind(
    "RuleGroupTooSlow", Severity.ERROR, "A group of rules takes nearly as long as its interval, or longer.", settles=True
)
STOOD_STILL = FindingKind(
    "EvaluationsLeftOut", Severity.ERROR, "A Prometheus left out evaluations of rules that take hardly any time.", settles=True
)
MEMORY_NEAR_LIMIT = FindingKind("MemoryNearLimit", Severity.WARNING, "A Prometheus is near its memory limit.", settles=True)
DATABASE_ERRORS = FindingKind("DatabaseErrors", Severity.CRITICAL, "The database of a Prometheus reports errors.")
DISK_TOO_SLOW = FindingKind(
    "DiskTooSlow", Severity.WARNING, "A Prometheus waits long for its write-ahead log to reach the disk.", settles=True
)
QUERIES_WAIT = FindingKind("QueriesWait", Severity.WARNING, "Queries wait long before a Prometheus begins them.")
REMOTE_WRITE_BEHIND = FindingKind(
    "RemoteWriteBehind", Severity.ERROR, "A Prometheus is behind with what it sends to a remote.", settles=True
)
REMOTE_WRITE_REFUSED = FindingKind(
    "RemoteWriteRefused", Severity.ERROR, "The receiver of a remote write refuses samples, which are not sent again and are lost."
)
BEHIND = (FALLS_BEHIND, STOOD_STILL)
LEAST_INTERVALS = 3  # before anything can be told of a process that has just started
SETTLED_INTERVALS = 20  # before one slipped round of scrapes is less than a tenth of them
LEAST_GROUPS = 2  # that are left out together, before it is none of them
BADLY = 1.5  # times the interval: by then every other scrape is missing


@dataclass(frozen=True, slots=True)
class Case:
    """One replica: what it says, where it runs, and what it is busy with."""

    one: Pressure
    place: Place
    head: Head | None
    slow: SlowRules | None
    rules: Readings[Rule]
    limits: Thresholds
    errors: list[OwnError] = field(default_factory=list)

    def told(self, topic: Topic, about: str = "") -> str:
        return told(self.errors, topic, about)

    @property
    def who(self) -> str:
        return f"Prometheus {self.place.subject.namespace}/{self.place.subject.name}"


@reports(
    FALLS_BEHIND,
    CPU_THROTTLED,
    RULE_GROUP_TOO_SLOW,
    STOOD_STILL,
    MEMORY_NEAR_LIMIT,
    DATABASE_ERRORS,
    DISK_TOO_SLOW,
    QUERIES_WAIT,
    REMOTE_WRITE_BEHIND,
    REMOTE_WRITE_REFUSED,
)
def probe_pressure(
    verdict: Verdict,
    prometheus_pressure: Examined[Pressure],
    prometheus_heads: Enriching[Head],
    prometheus_slow_rules: Enriching[SlowRules],
    prometheus_own_errors: Enriching[list[OwnError]],
    prometheus_rules: Enriching[Rule],
    prometheuses: Enriching[Prometheus],
    pods: Needed[Pod],
    claims: Enriching[PersistentVolumeClaim],
    volumes: Enriching[PersistentVolume],
    storage_classes: Enriching[StorageClass],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every Prometheus keep up with its scrapes, its rules and its database?

    Problem: Scrapes come late, alerts are evaluated late or not at all, graphs have gaps; or the database loses samples.
    Cause: A CPU limit that throttles it, a database on slow storage (NFS), memory near its limit, or one group of rules that takes
    longer than its interval. One late scrape, a start a moment ago, and somebody's slow query are none of these.
    Fix: Take away what holds it back: the CPU limit, the NFS volume, the heavy rule; and drop the metrics that are not needed.
    Prevention: Keep the database on a disk of the node, give Prometheus memory by its number of series and no CPU limit, and alert on
    `prometheus_rule_group_iterations_missed_total`, `prometheus_target_interval_length_seconds` and failed compactions.
    """
    storage = Storage(claims, volumes, storage_classes, profile.storage_drivers)
    heads, slow, errors = dict(prometheus_heads), dict(prometheus_slow_rules), dict(prometheus_own_errors)
    by_name, rules, customs = pods.by_name(), prometheus_rules, prometheuses.by_name()
    rows = []
    for subject, one in prometheus_pressure:
        place = place_of(subject, by_name.get((subject.namespace, subject.name)), storage, customs)
        case = Case(one, place, heads.get(subject), slow.get(subject), rules, profile.thresholds, errors.get(subject, []))
        interval = max((each.configured for each in one.intervals), default=60.0)
        age = clock.now - one.started
        if age < LEAST_INTERVALS * interval:
            verdict.unchecked(subject, f"it was started {ago(age)} ago, so whether it keeps up is not known yet")
            continue
        _say_unseen(verdict, case)
        _judge(verdict, case, settled=age >= SETTLED_INTERVALS * interval)
        rows.append(_row(case))
    _show(verdict, rows)


def _show(verdict: Verdict, rows: list[list[str]]) -> None:
    columns = ["Replica", "Nine of ten scrapes within", "CPU", "CPU limit", "Memory held", "Memory limit", "Series", "Database"]
    if rows:
        verdict.exhibit(Table(title="How busy each Prometheus is", columns=columns, rows=rows))


def _judge(verdict: Verdict, case: Case, *, settled: bool) -> None:
    one, limits = case.one, case.limits
    late = [each for each in one.intervals if _slip(each, settled=settled) >= limits.prometheus.scrape_slip_factor]
    slow = [each for each in one.groups if each.seconds >= limits.prometheus.rule_duration_fraction * each.interval]
    missed = [each for each in one.groups if (each.missed or 0) >= limits.prometheus.missed_evaluations]
    if any(each.missed is None for each in one.groups):
        why = "evaluations of rules were left out since it started; whether they still are, its own series do not show"
        verdict.unchecked(case.place.subject, f"{why} (it does not scrape itself)")
    if late:
        _report_behind(verdict, case, late, missed, settled=settled)
    elif throttled(one, case.place, limits):
        _report(verdict, case, CPU_THROTTLED, Severity.WARNING, "is held back by its CPU limit, so far without late scrapes.")
    if not late:  # else everything is late, and no group is to blame
        light = [each for each in missed if each not in slow]
        if len(light) >= LEAST_GROUPS and 2 * len(light) >= len(one.groups):
            _report_standstill(verdict, case, light)
            missed = []
        for group in dict.fromkeys([*missed, *slow]):
            if group not in slow and group.missed_lately == 0:
                verdict.note(f"{case.who} {group.was_left_out(one.window)}")
            else:
                _report_group(verdict, case, group)
    if full(one, case.place, limits):
        _report_memory(verdict, case)
    _judge_database(verdict, case)
    _judge_others(verdict, case)


def _say_unseen(verdict: Verdict, case: Case) -> None:
    """What cannot be judged of this replica, although its metrics were read."""
    one, place = case.one, case.place
    if not one.intervals:
        verdict.unchecked(place.subject, "how long it takes from scrape to scrape is not known: it has not scraped anything recently")
    if place.pod is None:
        verdict.unchecked(place.subject, "its limits and its disk are not known, because its pod is not among those that were read")
    elif place.cpu and one.cpu is None and one.throttled is None:
        said = f"how much of its CPU limit it used in {ago(one.window)} is not known (it does not scrape itself)"
        if one.lifelong < case.limits.prometheus.cpu_limit_fraction * place.cpu:
            verdict.note(f"{case.who}: {said}; since its start it was {one.lifelong * 1000:.0f}m of {place.cpu * 1000:.0f}m.")
        else:
            verdict.unchecked(place.subject, said)


def _slip(interval: Interval, *, settled: bool) -> float:
    """How many times its interval passes between scrapes. Soon after a start one slipped round is more than a tenth of them."""
    return (interval.late if settled else interval.median) / interval.configured


def _report_behind(verdict: Verdict, case: Case, late: list[Interval], missed: list[RuleGroup], *, settled: bool) -> None:
    worst = max(late, key=lambda each: _slip(each, settled=settled))
    often = "one of ten scrapes" if settled else "every other scrape"
    rules = (
        f", and {number(len(missed), 'group of rules', 'groups of rules')} missed evaluations ({listed([each.name for each in missed], 3)})"
        if missed
        else ""
    )
    bad = missed or _slip(worst, settled=settled) >= BADLY
    seconds = worst.late if settled else worst.median
    problem = f"does not keep up: {often} comes {seconds:.1f} s after the one before, or later, instead of {worst.configured:.0f} s{rules}."
    _report(verdict, case, FALLS_BEHIND, Severity.ERROR if bad else Severity.WARNING, problem)


def _report(verdict: Verdict, case: Case, kind: FindingKind, severity: Severity, problem: str) -> None:
    verdict.report(
        kind,
        case.place.subject,
        severity=severity,
        problem=f"{case.who} {problem}",
        cause=cause_of(case.one, case.place, case.limits, late=kind in BEHIND),
        fix=fix_of(case.one, case.place, case.head, case.limits, late=kind in BEHIND),
        exhibits=top_series(case.head),
        rests_on=case.place.rests_on,
    )


def _report_group(verdict: Verdict, case: Case, group: RuleGroup) -> None:
    missed = (group.missed or 0) >= case.limits.prometheus.missed_evaluations
    origin, rows = origin_of(group, case.rules), slowest_rules(group, case.slow)
    file = f"the file {group.file.rsplit('/', 1)[-1]}"
    # Whoever evaluates it, it is the group that is too heavy: one cause for all of them.
    shared = [Ref(RefKind.RULE_GROUP, origin.namespace, f"{origin.name}/{group.name}")] if origin else []
    which = f" Its slowest rule is {rows[0][0]} ({rows[0][1]}): `{rows[0][2]}`." if rows else ""
    verdict.report(
        RULE_GROUP_TOO_SLOW,
        case.place.subject,
        severity=Severity.ERROR if missed else Severity.WARNING,
        problem=f"{case.who} takes {group.seconds:.1f} s for the rules of group {group.name}, which run every {group.interval:.0f} s"
        + (
            f": {number(round(group.missed or 0), 'evaluation was', 'evaluations were')} left out in {ago(case.one.window)}, so its "
            "alerts come late."
            if missed
            else "."
        ),
        cause=f"{_weight(case, group, f'The group {group.name} of {origin or file}')}{which}",
        fix=[
            _see_rules(case, origin),
            change(
                "Give the group a longer interval, record once what its rules have in common, or narrow their selectors and ranges. Put "
                "rules that need not run together into groups of their own. Change it at its source, in Git."
            ),
            *([edited(RULES.name, origin)] if origin else []),
        ],
        exhibits=[Table(title=f"The slowest rules of {group.name}", columns=["Rule", "Took", "Query"], rows=rows)] if rows else [],
        breaks=shared,
        rests_on=shared,
    )


def _weight(case: Case, group: RuleGroup, which: str) -> str:
    if group.seconds >= case.limits.prometheus.rule_duration_fraction * group.interval:
        return f"{which} is too heavy for its interval."
    return f"{which} took too long for its interval at times, if not the last time; or Prometheus stood still."


def _report_standstill(verdict: Verdict, case: Case, groups: list[RuleGroup]) -> None:
    """Many groups at once, none of which takes long: it is not the rules."""
    count = round(sum(each.missed or 0 for each in groups))
    slowest = max(each.seconds / each.interval for each in groups)
    _report(
        verdict,
        case,
        STOOD_STILL,
        Severity.ERROR,
        f"left out {number(count, 'evaluation')} of {number(len(groups), 'group of rules', 'groups of rules')} in {ago(case.one.window)} "
        f"({listed([each.name for each in groups], 3)}), so alerts came late. It is not the rules: "
        f"none takes more than {max(1, round(slowest * 100))} % of its interval.",
    )


def _see_rules(case: Case, origin: Subject | None) -> Step:
    """The group in its PrometheusRule, or else where its file comes from."""
    if origin is not None:
        return look("See the group.", shell("kubectl -n {} get {} {} -o yaml", origin.namespace, RULES.name, origin.name))
    pods = [case.place.subject] if case.place.pod else []
    return look(
        "See from which volume the pod has its rules.", *(shell("kubectl -n {} describe pod {}", one.namespace, one.name) for one in pods)
    )


def _report_memory(verdict: Verdict, case: Case) -> None:
    verdict.report(
        MEMORY_NEAR_LIMIT,
        case.place.subject,
        problem=f"{case.who} is about to run out of memory: {full(case.one, case.place, case.limits)}.",
        cause=f"It keeps {case.head.series if case.head else 'too many'} series in memory; a query or a compaction more, and it is killed.",
        fix=raise_limits(case.place, case.head, cpu=False),
        exhibits=top_series(case.head),
    )


def _judge_database(verdict: Verdict, case: Case) -> None:
    one, place = case.one, case.place
    for name in [name for name, grown in one.troubles.items() if grown is None]:
        verdict.unchecked(place.subject, f"{name} is not 0; whether it still grows, its own series do not show (it does not scrape itself)")
    grown = {name: count for name, count in one.troubles.items() if count}
    disk = f"The database is on {place.disk}" if place.disk else "What the database is stored on is not known"
    nfs = place.disk is not None and place.disk.kind == "nfs"
    why = f"{disk}{', which Prometheus does not support' if nfs else '; see whether it is full, slow or broken'}."
    repair = move_away() if nfs else change("Give it a disk that is neither full nor slow nor broken, as its log says.")
    if grown:
        verdict.report(
            DATABASE_ERRORS,
            place.subject,
            severity=Severity.CRITICAL if grown.keys() & set(LOSING) else Severity.ERROR,
            problem=f"{case.who} has trouble with its database: {'; '.join(TROUBLES[name] for name in grown)}.",
            cause=f"In {ago(one.window)}: {', '.join(f'{name} +{count:.0f}' for name, count in grown.items())}. {why}"
            f"{case.told('database')}",
            fix=[_see_log(case, "Its log names the block or segment.", "wal|compact|block", "24h"), repair],
            rests_on=place.rests_on,
        )
    if one.sync is not None and one.sync >= case.limits.prometheus.wal_sync_seconds:
        verdict.report(
            DISK_TOO_SLOW,
            place.subject,
            problem=f"{case.who} waits {one.sync:.1f} s for its write-ahead log to reach the disk.",
            cause=why,
            fix=[_see_log(case, "See what its log says of the write-ahead log.", "wal", "24h"), repair],
            rests_on=place.rests_on,
        )


def _judge_others(verdict: Verdict, case: Case) -> None:
    one, subject = case.one, case.place.subject
    if one.queue is not None and one.queue >= case.limits.prometheus.query_queue_seconds:
        _report(verdict, case, QUERIES_WAIT, Severity.WARNING, f"lets queries wait for {one.queue:.1f} s before they begin.")
    for name, seconds in one.behind.items():
        if seconds >= case.limits.prometheus.remote_write_lag_seconds:
            verdict.report(
                REMOTE_WRITE_BEHIND,
                subject,
                problem=f"{case.who} is {ago(seconds)} behind with what it sends to {name or 'its remote'}.",
                cause=f"The receiver of {name or 'the remote write'} is too slow, refuses, or cannot be reached."
                f"{case.told('remote write', name)} {fewer(case.head)}",
                fix=[
                    _see_log(case, "See what the receiver answers.", "remote", "15m"),
                    change(f"Repair the receiver or the way to it, or send less. {fewer(case.head)}"),
                ],
            )

    for name, lost in one.refused.items():
        _judge_refused(verdict, case, name or "its remote", lost)


_STATUSES = "Its log has the status: 401 and 403 are about credentials, 404 is about the path, 400 about the samples themselves."


def _judge_refused(verdict: Verdict, case: Case, remote: str, lost: float | None) -> None:
    if lost is None:
        reason = f"samples for {remote} were refused since it started, and whether any were lately is not known: it does not scrape itself"
        verdict.unchecked(case.place.subject, reason)
    elif lost >= 1:
        says = case.told("remote write", remote)
        row = row_of(says)
        verdict.report(
            REMOTE_WRITE_REFUSED,
            case.place.subject,
            problem=f"{case.who} lost {lost:.0f} samples for {remote} in the last {ago(case.one.window)}: they were refused.",
            cause=f"The receiver of {remote} answered with a status after which Prometheus does not send them again (4xx, but not 429). "
            f"{row.cause if row else _STATUSES}{says}",
            fix=[
                _see_log(case, "See what the receiver answers.", "remote|non-recoverable", "15m"),
                change(
                    row.fix
                    if row
                    else "Correct the credentials or the URL of that remote write, or the receiver's limits, at their source in Git."
                ),
            ],
        )


def _see_log(case: Case, text: str, pattern: str, since: str) -> Step:
    subject = case.place.subject
    return look(text, *([log_of(subject.namespace, subject.name, pattern, since)] if subject.kind == "Pod" else []))


def _row(case: Case) -> list[str]:
    one, place = case.one, case.place
    late = max((each.late / each.configured for each in one.intervals), default=0.0)
    cpu, memory = (f"{place.cpu * 1000:.0f}m" if place.cpu else "none"), (f"{place.memory / 2**20:.0f} MiB" if place.memory else "none")
    return [
        f"{place.subject.namespace}/{place.subject.name}",
        f"{late:.0%} of the interval" if late else "?",
        f"{one.cpu * 1000:.0f}m" if one.cpu is not None else "?",
        cpu if place.pod else "?",
        f"{one.memory / 2**20:.0f} MiB",
        memory if place.pod else "?",
        str(case.head.series) if case.head else "?",
        str(place.disk or "?"),
    ]
