from collections import defaultdict
from dataclasses import dataclass, field

from clusterprobe.access import urls
from clusterprobe.errors import BadAddress
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Command, Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.kubernetes.looking import proxied
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.objects import called, pool_origin, stack_of
from clusterprobe.systems.prometheus.refused_connections import why_refused
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.scrape_errors import Cause, cause_of
from clusterprobe.systems.prometheus.sources import Down, Target
from clusterprobe.systems.prometheus.target_states import Judge
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

TARGETS_DOWN = FindingKind(
    "TargetsDown",
    Severity.ERROR,
    "Targets of a scrape pool do not answer.",
    prevention="Alert on `up == 0`, and delete a monitor together with what it watches.",
    settles=True,
)
TARGETS_NEVER_SCRAPED = FindingKind(
    "TargetsNeverScraped",
    Severity.WARNING,
    "Targets of a scrape pool have never been scraped.",
    prevention="Watch the load of Prometheus itself: CPU throttling, prometheus_target_interval_length_seconds.",
    settles=True,
)
SCRAPES_NEAR_TIMEOUT = FindingKind(
    "ScrapesNearTimeout",
    Severity.WARNING,
    "Scrapes take nearly as long as their timeout allows.",
    prevention="Alert on scrape_duration_seconds against the timeout.",
)
CAUSES_SHOWN = 3  # the evidence lists every target's error
NOT_KNOWN = "No known cause has this message."


@dataclass(slots=True)
class Pool:
    """What was seen of one scrape pool of one Prometheus, each target once by its URL."""

    asked: str = ""  # the pod that said so
    seen: set[str] = field(default_factory=set)
    down: dict[str, str] = field(default_factory=dict)
    never: dict[str, str] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)
    causes: dict[str, Cause | None] = field(default_factory=dict)
    last_only: bool = False  # nothing is known of the scrapes before the last one
    again: Command | None = None  # asks a target that is down for the same


@reports(TARGETS_DOWN, TARGETS_NEVER_SCRAPED, SCRAPES_NEAR_TIMEOUT)
def probe_targets(
    verdict: Verdict,
    prometheus_targets: Examined[list[Target]],
    prometheus_down: Needed[Down],
    prometheus_runtime: Needed[Runtime],
    pods: Needed[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every target answer, in time?

    Problem: A target is down, was never scraped, or takes nearly all of the time that it has: its series are missing or have
    gaps, and alerts on them do not fire.
    Cause: Prometheus' own last error names it: nothing listens there, or at localhost only; the scheme, the path, a certificate or the
    credentials are wrong; a page answers instead of metrics; a network policy is in the way; or a limit is exceeded.
    Fix: Change what the error names: a setting of the monitor, or the target. Remove the monitor of what was removed for good.
    Prevention: Alert on `up == 0` (the chart's TargetDown), and delete monitors together with what they watch.
    """
    judge = Judge(prometheus_targets.readings, prometheus_down, prometheus_runtime, pods, clock.now)
    pools: dict[tuple[Subject, str], Pool] = defaultdict(Pool)
    by_name = pods.by_name()
    for subject, targets in prometheus_targets:
        prometheus = stack_of(subject)
        for target in targets:
            pool = pools[prometheus, target.scrape_pool]
            pool.asked = subject.name if subject.kind == "Pod" else ""
            pool.seen.add(target.scrape_url)
            _sort(verdict, judge, subject, target, pool, profile.thresholds.prometheus.scrape_duration_fraction)
            pool.last_only = pool.last_only or judge.knows_the_last_only(subject)
            if target.scrape_url in pool.down:
                pool.causes[target.scrape_url] = _cause(target, by_name)
                pool.again = pool.again or _asked_by_hand(target, by_name)
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
        verdict.note(f"{target.scrape_url} ({target.scrape_pool}) failed its last scrape, maybe no other yet: {target.last_error}")


def _cause(target: Target, pods: dict[tuple[str, str], Pod]) -> Cause | None:
    """What is known of the cause, from the error and, of a connection that was refused, from what should listen."""
    cause = cause_of(target.last_error, target.scrape_url, target.scrape_pool)
    if cause or "connection refused" not in target.last_error:
        return cause
    try:
        _, port = urls.place_of(target.scrape_url)
    except BadAddress:
        port = 0
    return why_refused(target, port, pods.get((target.discovered.namespace, target.discovered.pod)))


def _asked_by_hand(target: Target, pods: dict[tuple[str, str], Pod]) -> Command | None:
    """The same path of the same port, where what is scraped is a pod's own: an image may lack a shell, or wget."""
    namespace, name = target.discovered.namespace, target.discovered.pod
    pod = pods.get((namespace, name))
    try:
        url = urls.parse(target.scrape_url)
    except BadAddress:
        return None
    host, port = urls.place_of(url.origin)
    if pod is None or not pod.running or host != pod.status.pod_ip.lower():
        return None
    return proxied(namespace, "pods", name, port, url.path, url.query, scheme=url.origin.partition(":")[0])


def _report(verdict: Verdict, prometheus: Subject, name: str, pool: Pool) -> None:
    origin = pool_origin(name)
    subject = origin[0].subject(origin[1], origin[2]) if origin else prometheus
    source = str(subject) if origin else f"the scrape configuration {name}"
    where = called(prometheus)
    monitor = [shell("kubectl -n {} get {} {} -o yaml", origin[1], origin[0].name, origin[2])] if origin else []
    if pool.down:
        _report_down(verdict, subject, f"{where} scrapes through {source}", monitor, pool)
    if pool.never:
        logs = [shell("kubectl -n {} logs {} --all-containers --tail=100", prometheus.namespace, pool.asked)] if pool.asked else []
        verdict.report(
            TARGETS_NEVER_SCRAPED,
            subject,
            problem=f"{number(len(pool.never), f'target of {source} was', f'targets of {source} were')} never scraped by {where}.",
            cause="They have been there for several intervals without one scrape: what scrapes them does not keep up.",
            fix=[
                look("See whether it is overloaded or stuck.", *logs),
                change("Give it what it lacks; the finding of prometheus/pressure names it where one is there."),
            ],
            exhibits=[_table("Never scraped", "For how long", pool.never)],
        )
    if pool.slow:
        see = look("See its interval, its scrapeTimeout and what it drops.", *monitor)
        _report_slow(verdict, subject, f"{source} by {where}", see, pool.slow)


def _report_down(verdict: Verdict, subject: Subject, which: str, monitor: list[Command | None], pool: Pool) -> None:
    again = [look("Ask it through the API server: does it answer at all?", pool.again)] if pool.again else []
    causes = _by_cause(pool)
    texts = [f"{_which(on, pool)}: {pool.down[on[0]]}. {cause.text if cause else NOT_KNOWN}" for cause, on in causes]
    if pool.last_only:
        texts.append("Only the last scrape of each is known: what scrapes them keeps no series.")
    steps = [step for cause, _ in causes if cause for step in cause.fix]
    if not steps:
        gone = "delete the monitor of what was removed for good" if monitor else "take what was removed for good out of what is scraped"
        steps = [change(f"Repair what the message names, or {gone}, at its source in Git.")]
    verdict.report(
        TARGETS_DOWN,
        subject,
        severity=Severity.ERROR if len(pool.down) == len(pool.seen) else Severity.WARNING,
        problem=f"{len(pool.down)} of {number(len(pool.seen), 'target')} that {which} {'is' if len(pool.down) == 1 else 'are'} down.",
        cause=" ".join(texts),
        fix=[look("See what is to be scraped.", *monitor), *again, *steps],
        exhibits=[_table("Down", "Last error", pool.down)],
    )


def _by_cause(pool: Pool) -> list[tuple[Cause | None, list[str]]]:
    """The causes with their targets, the most frequent first; of several that are not known, each is one."""
    found: dict[str, tuple[Cause | None, list[str]]] = {}
    for url, error in sorted(pool.down.items()):
        cause = pool.causes.get(url)
        found.setdefault(cause.text if cause else error, (cause, []))[1].append(url)
    return sorted(found.values(), key=lambda one: -len(one[1]))[:CAUSES_SHOWN]


def _which(targets: list[str], pool: Pool) -> str:
    return "The last error" if len(targets) == len(pool.down) else f"The last error of {number(len(targets), 'target')}"


def _report_slow(verdict: Verdict, subject: Subject, which: str, see: Step, slow: dict[str, str]) -> None:
    url, took = next(iter(slow.items()))
    verdict.report(
        SCRAPES_NEAR_TIMEOUT,
        subject,
        problem=f"Scrapes of {number(len(slow), 'target')} of {which} take nearly as long as they may.",
        cause=f"{url} took {took}: a scrape that takes longer is lost.",
        fix=[see, change("Let the target give fewer series, or set a longer interval and scrapeTimeout, at its source in Git.")],
        exhibits=[_table("Slow", "Took", slow)],
    )


def _table(title: str, last: str, rows: dict[str, str]) -> Table:
    return Table(title=title, columns=["Target", last], rows=[[url, text] for url, text in sorted(rows.items())])
