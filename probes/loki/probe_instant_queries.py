from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.looking import logs_of
from clusterprobe.systems.loki.own_log import MAX_QUERY, REFUSAL, LokiLog, Refusal, pods_of, still_asked
from clusterprobe.systems.loki.sources import Build, Instants, range_query_command
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

INSTANT_LOG_QUERIES = FindingKind(
    "InstantLogQueries", Severity.ERROR, "A client asks Loki for log lines on the instant endpoint, which refuses them."
)
INSTANT_QUERIES_REFUSED = FindingKind(
    "InstantQueriesRefused", Severity.INFO, "Loki has refused instant queries since it started, and its log does not say which."
)


@dataclass(frozen=True, slots=True)
class Release:
    """One Loki: its pods whose log was read, and the one of its servers to ask again."""

    namespace: str
    name: str
    pods: list[str]
    server: Server | None


@reports(INSTANT_LOG_QUERIES, INSTANT_QUERIES_REFUSED)
def probe_instant_queries(
    verdict: Verdict,
    loki_refused_instant_queries: Examined[LokiLog],
    loki_build: Needed[Build],
    loki_instant_counters: Enriching[Instants],
    loki_queriers: Enriching[Server],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a client ask log queries of Loki's instant endpoint, which refuses them?

    Problem: A report, script or panel gets HTTP 400, `log queries are not supported as an instant query type`, and shows
    no lines, while Loki is healthy.
    Cause: Since 3.2.0 Loki answers log queries, such as `{namespace="x"}`, only on query_range; the client asks /query. The proof is in
    Loki's own log: the refusal, or the query that it was asked (a single binary logs only that). A count of 400s alone is none, since
    queries that do not parse are counted with them. A query counts as stopped when it was not seen for
    `thresholds.loki.refusal_minutes` (1), or for twice its usual interval where that is longer.
    Fix: Ask query_range with start and end in nanoseconds; in a Grafana panel set the query type to Range.
    Prevention: Ask logs of /loki/api/v1/query_range only, with start and end in nanoseconds; keep the instant endpoint for metric queries
    such as `count_over_time`. In Grafana, set the query type of log panels and alert rules to Range.
    """
    releases: dict[tuple[str, str], dict[str, list[Refusal]]] = defaultdict(lambda: defaultdict(list))
    for subject, log in loki_refused_instant_queries:
        if not _covers(verdict, subject, log, profile):
            continue
        refuses = _refuses(loki_build, subject, log)
        for one in log.refusals:
            if one.said or refuses:
                releases[log.namespace, log.release][one.query].append(one)
        if refuses is None and any(not one.said for one in log.refusals):
            verdict.unchecked(subject, "it was asked log queries on the instant endpoint; whether its version refuses them is not known")
    servers = {server.namespace: server for server in loki_queriers.items}
    for (namespace, release), queries in releases.items():
        pods = pods_of(loki_refused_instant_queries.readings, namespace, release)
        _report(verdict, Release(namespace, release, pods, servers.get(namespace)), queries, profile, clock.now)
    if not verdict.unread:  # else the log may well tell, had it been read
        _mention_counts(verdict, loki_instant_counters, releases)


def _covers(verdict: Verdict, subject: Subject, log: LokiLog, profile: Profile) -> bool:
    """Whether the log can tell: its lines inform, and reach back far enough."""
    if not log.informs:
        verdict.unchecked(subject, "its log has no line of level info in the window, so queries are not logged (server.log_level)")
        return bool(log.refusals)
    if log.full and log.last - log.first < profile.thresholds.loki.refusal_minutes * 60:
        seconds = round(log.last - log.first)
        verdict.unchecked(subject, f"its log is so long that only its last {seconds} s ({log.lines} lines) were read")
    return True


def _refuses(builds: Readings[Build], subject: Subject, log: LokiLog) -> bool | None:
    """Whether this replica's version refuses them, or, where it was not asked, that of every other in its namespace."""
    own = builds.by_name().get((subject.namespace, subject.name))
    if own:
        return own.refuses_instant_log_queries
    answers = {build.refuses_instant_log_queries for other, build in builds if other.namespace == log.namespace}
    return answers.pop() if len(answers) == 1 else None


def _report(verdict: Verdict, loki: Release, queries: dict[str, list[Refusal]], profile: Profile, now: float) -> None:
    namespace, release = loki.namespace, loki.name
    active = {query: seen for query, seen in queries.items() if still_asked(seen, now, profile.thresholds.loki.refusal_minutes * 60)}
    if not active:
        count = sum(map(len, queries.values()))
        newest = ago(now - max(one.time for seen in queries.values() for one in seen))
        verdict.note(
            f"{namespace}/{release} refused {number(count, 'log query', 'log queries')} on the instant endpoint, the last {newest} ago; "
            "they have stopped."
        )
        return
    count = sum(map(len, active.values()))
    said = any(one.said for seen in active.values() for one in seen)
    first = max(active, key=lambda query: len(active[query]))
    tenants = sorted({one.tenant for seen in active.values() for one in seen if one.tenant})
    clients = sorted({one.client for seen in active.values() for one in seen if one.client})
    verdict.report(
        INSTANT_LOG_QUERIES,
        Subject(kind="Loki", namespace=namespace, name=release),
        severity=Severity.ERROR if count > 1 else Severity.WARNING,
        problem=f"Loki {namespace}/{release} refused {number(count, 'log query', 'log queries')} on its instant endpoint: the client "
        "gets HTTP 400.",
        cause=f"A client asks `{first or 'a log query'}` of /loki/api/v1/query"
        + (f" as tenant {', '.join(tenants)}" if tenants else "")
        + f"; Loki answers `{REFUSAL}`{'' if said else ', and its log shows the queries'}. "
        + (f"Of the client it logs: {'; '.join(clients)}." if clients else "Its log does not name the client."),
        fix=_fix(loki, first, profile, now),
        exhibits=[_table(active, now)],
    )


def _fix(loki: Release, query: str, profile: Profile, now: float) -> list[Step]:
    end = int(now * 1e9)
    start = end - profile.thresholds.loki.window_minutes * 60 * 10**9
    whole = bool(query) and len(query) < MAX_QUERY  # else its end is not in the log
    again = [range_query_command(loki.server, profile, query, start, end)] if loki.server and whole else []
    return [
        look(
            "Find the client: look for the query's text in scripts and dashboards (`grafana/log-queries` does so for Grafana). Or let Loki "
            "log who asks: server.log_request_at_info_level_enabled and server.log_source_ips_enabled.",
            *logs_of(loki.namespace, loki.pods, 'type=instant query="[{]'),
        ),
        *(
            [look("The same lines, asked as the client should: of query_range, with start and end in nanoseconds.", *again)]
            if again
            else []
        ),
        change(
            "Let the client ask query_range instead of query, with start and end in nanoseconds. In a Grafana panel or alert rule, set the "
            "query type to Range."
        ),
    ]


def _table(queries: dict[str, list[Refusal]], now: float) -> Table:
    rows = [
        [query or "?", str(len(seen)), f"{ago(now - max(one.time for one in seen))} before the check", seen[-1].tenant, seen[-1].client]
        for query, seen in sorted(queries.items(), key=lambda item: -len(item[1]))[:20]
    ]
    return Table(title="Log queries on the instant endpoint", columns=["Query", "Times", "Last", "Tenant", "Client"], rows=rows)


def _mention_counts(verdict: Verdict, counters: Readings[Instants], releases: dict[tuple[str, str], dict[str, list[Refusal]]]) -> None:
    """A count alone names no client and no reason."""
    for subject, one in counters:
        explained = any(namespace == subject.namespace for namespace, _ in releases)
        if one.refused and not explained:
            verdict.report(
                INSTANT_QUERIES_REFUSED,
                subject,
                problem=f"{one.refused} of {number(one.asked, 'instant query was', 'instant queries were')} answered with 400 since it "
                "started.",
                cause="Which ones, its log of the last minutes does not show: queries that do not parse are counted as well.",
                fix=[look("Nothing has to be done, unless a client complains.")],
            )
