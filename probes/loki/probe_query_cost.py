from collections.abc import Callable
from functools import partial

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Conditional, Examined
from clusterprobe.systems.kubernetes.looking import logs_of
from clusterprobe.systems.loki.own_log import LokiLog, pods_of
from clusterprobe.systems.loki.query_costs import FRONTEND_QUEUE, SCHEDULER_QUEUE, TOO_LONG, QueryCost, QueryLimits, selects_everything
from clusterprobe.systems.loki.query_refusals import QUEUE_FULL, RefusedQueries
from clusterprobe.thresholds import Thresholds
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

RANGE_BEYOND_LIMIT = FindingKind("RangeBeyondLimit", Severity.ERROR, "A query over a longer range than max_query_length is refused.")
EXPENSIVE_QUERY = FindingKind("ExpensiveQuery", Severity.ERROR, "A query takes too long, reads too much, or fails.")
WIDE_QUERY = FindingKind("WideQuery", Severity.WARNING, "A query selects everything over a long range, again and again.")
QUERIES_REFUSED = FindingKind("QueriesRefused", Severity.ERROR, "Loki turns queries away with HTTP 429.")
OFTEN = 2
GONE_AFTER_SECONDS = 60.0
LEAST_SECONDS = 60.0  # of a log, to say anything


@reports(RANGE_BEYOND_LIMIT, EXPENSIVE_QUERY, WIDE_QUERY, QUERIES_REFUSED)
def probe_query_cost(
    verdict: Verdict,
    loki_refused_instant_queries: Examined[LokiLog],
    loki_query_limits: Conditional[QueryLimits],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a client ask Loki for far too much?

    Problem: Loki is slow for everybody, dashboards time out or get HTTP 429, and its pods use all their CPU and memory.
    Cause: A query over everything (`{namespace=~".+"}`) that reaches back weeks is cut into hundreds of parts, each of which reads every
    stream. Loki's own log has the query, its range, what it read and how long it took. A query counts as stopped when it was not seen for a
    minute, or for twice its usual interval where that is longer.
    Fix: Select by labels with `=`, shorten the range, filter lines before parsing them; make a recording rule of what is
    asked again and again.
    Prevention: Limit what one query may do (`limits_config`: max_query_length, max_query_bytes_read, query_timeout), set dashboards to a
    short default range, and turn what is asked again and again over long ranges into a recording rule.
    """
    releases: dict[tuple[str, str], dict[tuple[str, str, int], QueryCost]] = {}
    for subject, log in loki_refused_instant_queries:
        if not log.informs:
            verdict.unchecked(subject, "its log has no line of level info in the window, so queries are not logged (server.log_level)")
        elif log.full and log.last - log.first < LEAST_SECONDS:
            verdict.unchecked(subject, f"its log is so long that only its last {log.last - log.first:.0f} s were read")
        queries = releases.setdefault((log.namespace, log.release), {})
        for one in log.costs:
            queries[one.key] = queries[one.key].plus(one) if one.key in queries else one
    logs = loki_refused_instant_queries.readings
    undone = [one for queries in releases.values() for one in queries.values() if not one.done and _goes_on(one, clock.now)]
    known = loki_query_limits.need() if undone else loki_query_limits.enrich()  # only a limit tells what became of them
    for (namespace, release), queries in releases.items():
        subject = Subject(kind="Loki", namespace=namespace, name=release)
        own = [one.max_query_length for place, one in known if place.namespace in ("", namespace) and one.max_query_length]
        limit = min(own, default=0.0)  # another Loki's says nothing of this one
        active = [one for one in queries.values() if _goes_on(one, clock.now)]
        for one in active:
            _judge(partial(_report, verdict, subject, _find(logs, subject)), subject, one, limit, profile.thresholds)
        if active:
            verdict.exhibit(_table(active, subject))
    _judge_refused(verdict, logs, known, clock.now)


def _judge_refused(verdict: Verdict, logs: Readings[LokiLog], known: Readings[QueryLimits], now: float) -> None:
    refused: dict[tuple[str, str, str], RefusedQueries] = {}
    for log in logs.items:
        for one in log.refused:
            key = (log.namespace, log.release, one.tenant)
            refused[key] = refused[key].plus(one) if key in refused else one
    for (namespace, release, _), one in refused.items():
        subject = Subject(kind="Loki", namespace=namespace, name=release)
        lines = logs_of(namespace, pods_of(logs, namespace, release), r"\(429\)|too many outstanding")
        _report_refused(verdict, subject, look("See which queries come, and what Loki answers.", *lines), one, known, now)


def _report_refused(verdict: Verdict, subject: Subject, see: Step, one: RefusedQueries, known: Readings[QueryLimits], now: float) -> None:
    """Of the two queues of a Loki, its log does not say which is full: the scheduler's, or without one the front end's."""
    own = [limits for place, limits in known if place.namespace in ("", subject.namespace)]
    sizes = {
        SCHEDULER_QUEUE: min((each.scheduler_queue for each in own if each.scheduler_queue), default=0),
        FRONTEND_QUEUE: min((each.frontend_queue for each in own if each.frontend_queue), default=0),
    }
    settings = " or, where no scheduler runs, ".join(f"`{name}`" + (f" (now {size})" if size else "") for name, size in sizes.items())
    tenant = f" of tenant {one.tenant}" if one.tenant else ""
    lately = f"the last one {ago(max(0.0, now - one.last))} ago"
    if one.queue_full:
        cause = f"Loki says `{QUEUE_FULL}`: the tenant's queue is full, whose size is {settings}. A query is split by time and by shard, "
        cause += "and each part counts."
        change_it = f"If its queriers have CPU to spare, raise {settings}; else run more queriers, or raise `querier.max_concurrent`."
    else:
        cause, change_it = (
            "Its log has the answers, and does not name the limit.",
            "Raise only the limit that the answer to a client names.",
        )
    verdict.report(
        QUERIES_REFUSED,
        subject,
        severity=Severity.ERROR if one.times >= OFTEN else Severity.WARNING,
        problem=f"{subject.namespace}/{subject.name} turned away {number(one.times, 'query', 'queries')}{tenant} with HTTP 429, {lately}: "
        "the client gets no data.",
        cause=cause,
        fix=[
            see,
            change(
                "Ask for less at once: fewer panels and a shorter range in dashboards; a larger `limits_config.split_queries_by_interval` "
                "makes fewer parts of a query."
            ),
            change(f"{change_it} Change it {SOURCE}."),
        ],
    )


def _goes_on(one: QueryCost, now: float) -> bool:
    interval = (one.last - one.first) / (one.times - 1) if one.times > 1 else 0.0
    return now - one.last <= max(GONE_AFTER_SECONDS, 2 * interval)


def _find(logs: Readings[LokiLog], subject: Subject) -> Step:
    lines = logs_of(subject.namespace, pods_of(logs, subject.namespace, subject.name), "component=frontend")
    return look("Find the client: look for the query's text in scripts, dashboards and alert rules.", *lines)


def _judge(report: Callable[..., None], subject: Subject, one: QueryCost, limit: float, thresholds: Thresholds) -> None:
    often = one.times >= OFTEN
    slow = one.seconds_max >= thresholds.loki.query_seconds or one.failed > 0
    heavy = one.bytes_max >= thresholds.loki.query_gigabytes * 1e9
    wide = one.length_seconds >= thresholds.loki.query_days * 86400 and selects_everything(one.query)
    if limit and one.length_seconds > limit and not one.done:
        problem = f"A query of {subject.namespace}/{subject.name} over {ago(one.length_seconds)} is refused: the client gets HTTP 400."
        cause = f"`{one.query}` is asked over {ago(one.length_seconds)}, and max_query_length is {ago(limit)} (`{TOO_LONG}`)."
        report(RANGE_BEYOND_LIMIT, Severity.ERROR if often else Severity.WARNING, one, problem, cause)
    elif slow or heavy:
        did = f"took up to {one.seconds_max:.1f} s and read up to {_size(one.bytes_max)}"
        problem = f"A query of {subject.namespace}/{subject.name} {did}" + (
            f", and {number(one.failed, 'time')} it failed." if one.failed else "."
        )
        severity = Severity.ERROR if slow and often else Severity.WARNING
        report(EXPENSIVE_QUERY, severity, one, problem, _cause(one))
    elif wide and often and one.done:
        problem = (
            f"A query of {subject.namespace}/{subject.name} asks for everything of the last {ago(one.length_seconds)}, {one.times} times."
        )
        report(WIDE_QUERY, Severity.WARNING, one, problem, _cause(one))


def _cause(one: QueryCost) -> str:
    took = f"it took up to {one.seconds_max:.1f} s and read up to {_size(one.bytes_max)} each time"
    who = f" Of the client it logs: {one.client}." if one.client else " Its log does not name the client."
    return f"`{one.query}` over {ago(one.length_seconds)}" + (f" as tenant {one.tenant}" if one.tenant else "") + f": {took}.{who}"


def _report(
    verdict: Verdict, subject: Subject, see: Step, kind: FindingKind, severity: Severity, one: QueryCost, problem: str, cause: str
) -> None:
    verdict.report(
        kind,
        subject,
        severity=severity,
        problem=problem,
        cause=cause,
        fix=[
            see,
            change(_cheaper(one)),
        ],
        exhibits=[_table([one], subject)],
    )


def _cheaper(one: QueryCost) -> str:
    """What would make this query cheaper, the largest gain first."""
    advice = []
    if selects_everything(one.query):
        advice.append("select streams with `=`, by the namespace and the app that are wanted")
    if one.length_seconds > 86400:
        advice.append(f"ask for hours, not for {ago(one.length_seconds)}")
    head, parser, _ = one.query.partition("| json") if "| json" in one.query else one.query.partition("| logfmt")
    if parser and "|=" not in head and "|~" not in head:
        advice.append('filter lines (`|= "text"`) before they are parsed')
    if "_over_time" in one.query or "rate(" in one.query:
        advice.append("let a recording rule count it once")
    return "Make it cheaper: " + "; ".join(advice or ["narrow its labels and its range"]) + "."


def _table(queries: list[QueryCost], subject: Subject) -> Table:
    rows = [
        [
            one.query,
            str(one.times),
            ago(one.length_seconds),
            f"{one.seconds_max:.2f} s" if one.done else "?",
            _size(one.bytes_max),
            one.client,
        ]
        for one in sorted(queries, key=lambda one: -one.seconds_total)[:10]
    ]
    columns = ["Query", "Times", "Range", "Slowest", "Read at most", "Client"]
    return Table(title=f"What queries cost {subject.namespace}/{subject.name}", columns=columns, rows=rows)


def _size(size: float) -> str:
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size:.0f} B"
