from collections import Counter, defaultdict
from collections.abc import Iterator

from clusterprobe.environments import Environments
from clusterprobe.model import Matrix, Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.prometheus import PROMETHEUSES, Monitor, Prometheus, Target, monitor_index, pool_origin
from clusterprobe.systems.selection import BY_KIND, release_fix, through
from clusterprobe.verdict import Verdict

SHARED = "(shared)"

Scraped = dict[tuple[str, str], str]  # (scrape pool, URL) → the environment that the target runs in


def probe_cross_scrape(
    verdict: Verdict,
    prometheus_targets: Readings[list[Target]],
    prometheuses: Readings[Prometheus],
    service_monitors: Readings[Monitor],
    pod_monitors: Readings[Monitor],
    probe_objects: Readings[Monitor],
    scrape_configs: Readings[Monitor],
    environments: Environments,
) -> None:
    """Does a Prometheus scrape targets of another environment?

    Problem: A Prometheus of one environment collects series of another. Dashboards mix the two, alerts fire twice or in
    the wrong channel, and each carries the load of both.
    Cause: Both releases label their monitors with the same `release`, the selector of each Prometheus matches that label,
    and the chart leaves every namespace selector at `{}`, which means all namespaces.
    Fix: Give each environment a release label of its own, on the monitors and in the selector.
    Prevention: Keep `release: <the environment's own release>` in the GitOps values of every environment, and run this
    probe after each sync.
    """
    monitors = monitor_index(*map(verdict.enrich, (service_monitors, pod_monitors, probe_objects, scrape_configs)))
    customs = verdict.enrich(prometheuses).by_name()
    scraped: dict[Subject, Scraped] = defaultdict(dict)
    for subject, targets in verdict.examine(prometheus_targets):
        if not subject.namespace:
            verdict.unchecked(subject, "the profile gives it no namespace, so its environment is not known")
            continue
        name = subject.owner.partition("/")[2] or subject.name
        # Replicas scrape the same targets, and shards each a part of them: so they are counted once, by pool and URL.
        one = scraped[PROMETHEUSES.subject(subject.namespace, name)]
        one |= {(target.scrape_pool, target.scrape_url): environments.of(target.namespace) for target in targets}
    for prometheus, known in scraped.items():
        own = environments.of(prometheus.namespace)
        for other in sorted({one for one in known.values() if own and one and one != own}):
            pools = Counter(pool for (pool, _), place in known.items() if place == other)
            _report(verdict, prometheus, (own, other), pools, customs, monitors, environments)
    verdict.exhibit(_matrix(scraped, environments))


def _report(
    verdict: Verdict,
    prometheus: Subject,
    pair: tuple[str, str],
    pools: Counter[str],
    customs: dict[tuple[str, str], Prometheus],
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> None:
    own, other = pair
    rows = list(_rows(pools, customs.get((prometheus.namespace, prometheus.name)), own, monitors, environments))
    theirs = [f"{namespace}/{name}" for namespace, name in customs if environments.of(namespace) == other]
    verdict.finding(
        Severity.ERROR,
        "CrossScrape",
        prometheus,
        problem=f"The {own} Prometheus {prometheus.namespace}/{prometheus.name} scrapes {pools.total()} targets of {other}.",
        cause=f"It takes {len(pools)} scrape pools of {other}, the first from {rows[0][0]}: {rows[0][1]}. "
        f"The Prometheus that they are meant for: {', '.join(theirs) or f'none was found in {other}'}.",
        fix=release_fix(prometheus.namespace, prometheus.name, own, other, environments.members().get(own, [])),
        prevention=f"In the values of both releases, name the environment in the release label, and review that "
        f"{own} and {other} select different values; `prometheus/selector-overlap` checks it before anything is scraped.",
        exhibits=[Table(title=f"Scraped by {own}, belonging to {other}", columns=["Taken from", "Through", "Targets"], rows=rows)],
    )


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


def _matrix(scraped: dict[Subject, Scraped], environments: Environments) -> Matrix:
    counts = Counter(
        (environments.of(one.namespace) or SHARED, place or SHARED) for one, known in scraped.items() for place in known.values()
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
