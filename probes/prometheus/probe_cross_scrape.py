from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Matrix, Severity, Step, Subject, Table
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, Monitor, Prometheus, monitor_index, pool_origin
from clusterprobe.systems.prometheus.selection import BY_KIND, MONITORS, through
from clusterprobe.systems.prometheus.selection_advice import Apart, keep_to_namespaces, narrow_job, narrow_monitors, narrow_shared
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

CROSS_SCRAPE = FindingKind("CrossScrape", Severity.ERROR, "A Prometheus scrapes targets of another environment.")
SHARED = "(shared)"

Scraped = dict[tuple[str, str], Target]  # by scrape pool and URL


@reports(CROSS_SCRAPE)
def probe_cross_scrape(
    verdict: Verdict,
    prometheus_targets: Examined[list[Target]],
    prometheuses: Enriching[Prometheus],
    service_monitors: Enriching[Monitor],
    pod_monitors: Enriching[Monitor],
    probe_objects: Enriching[Monitor],
    scrape_configs: Enriching[Monitor],
    environments: Environments,
) -> None:
    """Does a Prometheus scrape targets of another environment?

    Problem: A Prometheus of one environment collects series of another. Dashboards mix the two, alerts fire twice or in
    the wrong channel, and each carries the load of both.
    Cause: Both releases label their monitors with the same `release`, the selector of each Prometheus matches that label,
    and the chart leaves every namespace selector at `{}`, which means all namespaces.
    Fix: Limit the namespaces in which the selector looks, or the monitor or job that reaches over; the finding says which it is. Then
    give each environment a release label of its own, on the monitors and in the selector together.
    Prevention: Keep `release: <the environment's own release>` in the GitOps values of every environment, and run this
    probe after each sync.
    """
    monitors = monitor_index(service_monitors, pod_monitors, probe_objects, scrape_configs)
    customs = prometheuses.by_name()
    scraped: dict[Subject, Scraped] = defaultdict(dict)
    for subject, targets in prometheus_targets:
        if not subject.namespace:
            verdict.unchecked(subject, "the profile gives it no namespace, so its environment is not known")
            continue
        name = subject.owner.partition("/")[2] or subject.name
        # Replicas scrape the same targets, and shards each a part of them: so they are counted once, by pool and URL.
        one = scraped[PROMETHEUSES.subject(subject.namespace, name)]
        one |= {(target.scrape_pool, target.scrape_url): target for target in targets}
    for prometheus, known in scraped.items():
        own = environments.of(prometheus.namespace)
        for other in sorted({environments.of(one.namespace) for one in known.values()} - {"", own} if own else ()):
            _report(verdict, prometheus, (own, other), known, customs, monitors, environments)
    verdict.exhibit(_matrix(scraped, environments))


def _report(
    verdict: Verdict,
    prometheus: Subject,
    pair: tuple[str, str],
    known: Scraped,
    customs: dict[tuple[str, str], Prometheus],
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> None:
    own, other = pair
    pools = Counter(pool for (pool, _), target in known.items() if environments.of(target.namespace) == other)
    mine = customs.get((prometheus.namespace, prometheus.name))
    rows = list(_rows(pools, mine, own, monitors, environments))
    apart = Apart(prometheus, own, other, frozenset(_places(prometheus, own, mine, known, monitors, environments)))
    theirs = [f"{namespace}/{name}" for namespace, name in customs if environments.of(namespace) == other]
    verdict.report(
        CROSS_SCRAPE,
        prometheus,
        problem=f"The {own} Prometheus {prometheus.namespace}/{prometheus.name} scrapes {number(pools.total(), 'target')} of {other}.",
        cause=f"It takes {number(len(pools), 'scrape pool')} of {other}, the first from {rows[0][0]}: {rows[0][1]}. "
        f"The Prometheus that they are meant for: {', '.join(theirs) or f'none was found in {other}'}.",
        fix=_fix(apart, mine, pools, known, environments),
        prevention=f"In the values of both releases, name the environment in the release label, and review that "
        f"{own} and {other} select different values; `prometheus/selector-overlap` checks it before anything is scraped.",
        exhibits=[Table(title=f"Scraped by {own}, belonging to {other}", columns=["Taken from", "Through", "Targets"], rows=rows)],
        rests_on=[Ref(RefKind.SELECTORS, prometheus.namespace, prometheus.name)] if _selected(pools, other, environments) else [],
    )


def _selected(pools: Iterable[str], other: str, environments: Environments) -> bool:
    """Whether all of them are the other environment's own monitors, which only the selectors of this Prometheus can have taken."""
    origins = [pool_origin(pool) for pool in pools]
    return all(origin is not None and environments.of(origin[1]) == other for origin in origins)


def _rows(
    pools: Counter[str],
    mine: Prometheus | None,
    own: str,
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> Iterator[list[str]]:
    """Each pool with the object that it was made from, and by what that was taken."""
    for pool, count in pools.most_common():
        origin = pool_origin(pool)
        if origin is None:
            yield [pool, "a scrape configuration that no monitor stands for", str(count)]
            continue
        kind, namespace, name = origin[0].kind, origin[1], origin[2]
        monitor = monitors.get((kind, namespace, name))
        if environments.of(namespace) == own:
            reason = "the monitor's own namespaceSelector reaches into the other environment"
        elif mine is None or monitor is None:
            reason = "the label could not be named: the Prometheus or its monitors could not be read"
        else:
            reason = through(BY_KIND[kind].labels_of(mine), monitor.metadata.labels)
        yield [f"{kind} {namespace}/{name}", reason, str(count)]


def _places(
    prometheus: Subject,
    own: str,
    mine: Prometheus | None,
    known: Scraped,
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> Iterator[str]:
    """The namespaces that it has to go on selecting in: its environment's, and the shared ones whose monitors it takes."""
    yield from (prometheus.namespace, *environments.members().get(own, []))
    origins = {origin[1] for pool, _ in known if (origin := pool_origin(pool))}
    for (kind, namespace, _), one in monitors.items():
        selector = BY_KIND[kind].labels_of(mine) if mine else None
        if selector is not None and selector.matches(one.metadata.labels):
            origins.add(namespace)
    yield from (one for one in origins if environments.of(one) in ("", own))


def _fix(apart: Apart, mine: Prometheus | None, pools: Counter[str], known: Scraped, environments: Environments) -> list[Step]:
    """By where each pool comes from: the other's monitors, monitors of its own or shared ones, or a job without any."""
    selected: set[str] = set()
    reaching: dict[tuple[str, str, str], set[str]] = {}
    shared: list[tuple[str, str, str]] = []
    steps: list[Step] = []
    for pool, _ in pools.most_common():
        origin = pool_origin(pool)
        targets = [target for (of, _), target in known.items() if of == pool]
        if origin is None:
            theirs = [one.scrape_url for one in targets if environments.of(one.namespace) == apart.other]
            found = {one.discovered.namespace for one in targets}
            kept = {*apart.places, *found} if "" not in found else set()
            steps += narrow_job(apart, mine, pool, (one for one in kept if environments.of(one) in ("", apart.own)), theirs)
            continue
        one, environment = (origin[0].name, origin[1], origin[2]), environments.of(origin[1])
        if environment == apart.own:
            kept = {target.namespace for target in targets if target.namespace}
            reaching[one] = {place for place in kept if environments.of(place) in ("", apart.own)}
        elif environment:
            selected.add(origin[0].kind)
        else:
            shared.append(one)
    kinds = [one for one in MONITORS if one.resource.kind in selected]
    return [
        *(keep_to_namespaces(apart, mine, kinds) if kinds else []),
        *(narrow_monitors(apart, reaching) if reaching else []),
        *(narrow_shared(apart, shared) if shared else []),
        *steps,
    ]


def _matrix(scraped: dict[Subject, Scraped], environments: Environments) -> Matrix:
    counts = Counter(
        (environments.of(one.namespace) or SHARED, environments.of(target.namespace) or SHARED)
        for one, known in scraped.items()
        for target in known.values()
    )
    rows = sorted({row for row, _ in counts}, key=lambda name: (name == SHARED, name))
    columns = sorted({column for _, column in counts} | set(rows), key=lambda name: (name == SHARED, name))
    return Matrix(
        title="Who scrapes whom",
        row_title="Prometheus of",
        column_title="targets in",
        rows=rows,
        columns=columns,
        cells=[[counts[row, column] for column in columns] for row in rows],
        wrong=[(row, column) for row in rows for column in columns if row != column and SHARED not in (row, column)],
    )
