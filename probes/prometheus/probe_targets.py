from collections import Counter, defaultdict
from dataclasses import dataclass, field

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Pod
from clusterprobe.systems.prometheus import PROMETHEUSES, Down, Runtime, Target, pool_origin
from clusterprobe.systems.scrapes import Judge, hint
from clusterprobe.verdict import Verdict


@dataclass(slots=True)
class Pool:
    """What was seen of one scrape pool of one Prometheus, each target once by its URL."""

    asked: str = ""  # the pod that said so
    seen: set[str] = field(default_factory=set)
    down: dict[str, str] = field(default_factory=dict)
    never: dict[str, str] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)


def probe_targets(
    verdict: Verdict,
    prometheus_targets: Readings[list[Target]],
    prometheus_down: Readings[Down],
    prometheus_runtime: Readings[Runtime],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every target answer, in time?

    Problem: A target is down, was never scraped, or takes nearly all of the time that it has: its series are missing or have
    gaps, and alerts on them do not fire.
    Cause: Prometheus' own last error tells: nobody listens, the path or the credentials are wrong, a network policy is in the
    way, or there are too many series for the interval.
    Fix: Ask the target as Prometheus does, and repair what answers; or remove the monitor of what is gone for good.
    Prevention: Alert on `up == 0` (the chart's TargetDown), and delete monitors together with what they watch.
    """
    judge = Judge(prometheus_targets, verdict.need(prometheus_down), verdict.need(prometheus_runtime), verdict.need(pods), clock.now)
    pools: dict[tuple[Subject, str], Pool] = defaultdict(Pool)
    for subject, targets in verdict.examine(prometheus_targets):
        prometheus = PROMETHEUSES.subject(subject.namespace, subject.owner.partition("/")[2] or subject.name)
        for target in targets:
            pool = pools[prometheus, target.scrape_pool]
            pool.asked = subject.name
            pool.seen.add(target.scrape_url)
            _sort(verdict, judge, subject, target, pool, profile.thresholds.scrape_duration_fraction)
    for (prometheus, name), pool in pools.items():
        _report(verdict, prometheus, name, pool)


def _sort(verdict: Verdict, judge: Judge, subject: Subject, target: Target, pool: Pool, fraction: float) -> None:
    """Put a target where it belongs; what has only just begun, or is about to end, is not judged."""
    if target.health == "up":
        share = judge.share(target)
        if share >= fraction:
            pool.slow[target.scrape_url] = f"{target.last_scrape_duration:.1f} s of {target.scrape_timeout}"
        return
    ending, unclear = judge.ending(target), judge.unclear(subject, target)
    if ending:
        verdict.note(f"{target.scrape_url} ({target.scrape_pool}) is {target.health}: {ending}")
    elif unclear:
        verdict.unchecked(subject, f"{target.scrape_url} ({target.scrape_pool}) is {target.health}: {unclear}")
    elif target.health == "unknown":
        pool.never[target.scrape_url] = f"never in {judge.age(subject, target)}"
    elif judge.for_long(subject, target):
        pool.down[target.scrape_url] = target.last_error or "no error was given"
    else:
        verdict.note(f"{target.scrape_url} ({target.scrape_pool}) failed its last scrape, and answered before: {target.last_error}")


def _report(verdict: Verdict, prometheus: Subject, name: str, pool: Pool) -> None:
    origin = pool_origin(name)
    subject = origin[0].subject(origin[1], origin[2]) if origin else prometheus
    source = str(subject) if origin else f"the scrape configuration {name}"
    where = f"Prometheus {prometheus.namespace}/{prometheus.name}"
    show = f"$ kubectl -n {origin[1]} get {origin[0].name} {origin[2]} -o yaml\n" if origin else ""
    if pool.down:
        error, everything = Counter(pool.down.values()).most_common(1)[0][0], len(pool.down) == len(pool.seen)
        verdict.finding(
            Severity.ERROR if everything else Severity.WARNING,
            "TargetsDown",
            subject,
            settles=True,
            problem=f"{len(pool.down)} of {len(pool.seen)} targets that {where} scrapes through {source} are down.",
            cause=f"Its last error: {error}. {hint(error)}",
            fix=f"Look at what is scraped, and ask it as Prometheus does:\n{show}"
            f"$ kubectl -n {prometheus.namespace} exec {pool.asked} -c prometheus -- wget -qO- '{next(iter(pool.down))}'",
            prevention="Alert on `up == 0`, and delete a monitor together with what it watches.",
            exhibits=[_table("Down", "Last error", pool.down)],
        )
    if pool.never:
        verdict.finding(
            Severity.WARNING,
            "TargetsNeverScraped",
            subject,
            settles=True,
            problem=f"{len(pool.never)} targets of {source} were never scraped by {where}.",
            cause="They have been there for several intervals without one scrape: Prometheus does not get round to them.",
            fix=f"See whether it is overloaded or stuck:\n$ kubectl -n {prometheus.namespace} logs {pool.asked} -c prometheus --tail=100",
            prevention="Watch the load of Prometheus itself: CPU throttling, prometheus_target_interval_length_seconds.",
            exhibits=[_table("Never scraped", "For how long", pool.never)],
        )
    if pool.slow:
        _report_slow(verdict, subject, f"{source} by {where}", show, pool.slow)


def _report_slow(verdict: Verdict, subject: Subject, which: str, show: str, slow: dict[str, str]) -> None:
    url, took = next(iter(slow.items()))
    verdict.finding(
        Severity.WARNING,
        "ScrapesNearTimeout",
        subject,
        problem=f"Scrapes of {len(slow)} targets of {which} take nearly as long as they may.",
        cause=f"{url} took {took}: a scrape that takes longer is lost.",
        fix=f"Let the target give fewer series, or set a longer interval and scrapeTimeout:\n{show}".rstrip(),
        prevention="Alert on scrape_duration_seconds against the timeout.",
        exhibits=[_table("Slow", "Took", slow)],
    )


def _table(title: str, last: str, rows: dict[str, str]) -> Table:
    return Table(title=title, columns=["Target", last], rows=[[url, text] for url, text in sorted(rows.items())])
