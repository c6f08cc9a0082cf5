from collections import Counter
from collections.abc import Iterable, Iterator

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Matrix, Severity, Step, Subject, Table
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.prometheus.objects import Customs, Monitor, Prometheus, called, customs_of, key_of, monitor_index, pool_origin
from clusterprobe.systems.prometheus.selection import BY_KIND, MONITORS, through
from clusterprobe.systems.prometheus.selection_advice import Apart, keep_to_namespaces, narrow_job, narrow_monitors, narrow_shared
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.systems.prometheus.stack_advice import fix_of_overlap
from clusterprobe.systems.prometheus.stacks import Overlap, Scraped, known_stacks, overlaps, scraped_by
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

CROSS_SCRAPE = FindingKind("CrossScrape", Severity.ERROR, "A Prometheus scrapes targets of another environment.")
SCRAPED_BY_TWO_STACKS = FindingKind(
    "ScrapedByTwoStacks", Severity.WARNING, "Two Prometheuses that are no replicas of one another scrape the same targets."
)
SHARED = "(shared)"


@reports(CROSS_SCRAPE, SCRAPED_BY_TWO_STACKS)
def probe_cross_scrape(
    verdict: Verdict,
    prometheus_targets: Examined[list[Target]],
    prometheuses: Enriching[Prometheus],
    prometheus_agents: Enriching[Prometheus],
    service_monitors: Enriching[Monitor],
    pod_monitors: Enriching[Monitor],
    probe_objects: Enriching[Monitor],
    scrape_configs: Enriching[Monitor],
    environments: Environments,
) -> None:
    """Does a Prometheus scrape targets of another environment, or what another one is there for?

    Problem: A Prometheus of one environment collects series of another. Dashboards mix the two, alerts fire twice or in
    the wrong channel, and each carries the load of both. Without environments, two of different namespaces do so to each other.
    Cause: Both releases label their monitors with the same `release`, the selector of each Prometheus matches that label,
    and the chart leaves every namespace selector at `{}`, which means all namespaces.
    Fix: Limit the namespaces in which the selector looks, or the monitor or job that reaches over; the finding says which it is. Then
    give each environment a release label of its own, on the monitors and in the selector together.
    Prevention: Keep `release: <the environment's own release>` in the GitOps values of every environment, and run this
    probe after each sync.
    """
    monitors = monitor_index(service_monitors, pod_monitors, probe_objects, scrape_configs)
    customs = customs_of(prometheuses, prometheus_agents)
    scraped = scraped_by(_with_a_place(verdict, prometheus_targets))
    stacks = known_stacks(prometheus_targets.readings, (subject for one in (prometheuses, prometheus_agents) for subject, _ in one))
    apart = environments.divided_by(stacks, environments.by_own_names((one.namespace, one.name) for one in scraped))
    blind = next((one.reason for one in (*prometheuses.unreadable, *prometheus_agents.unreadable)), "")
    for prometheus, known in scraped.items():
        own = apart.of_stack(prometheus.namespace, prometheus.name)
        for other in sorted({apart.of(one.namespace) for one in known.values()} - {"", own} if own else ()):
            _report(verdict, prometheus, (own, other), scraped, customs, monitors, apart)
        _say_undivided(verdict, prometheus, known, environments, apart, blind)
    for overlap in overlaps(scraped, customs, monitors):
        if not apart.differ(overlap.first.namespace, overlap.second.namespace):
            _judge_overlap(verdict, overlap, customs)
    verdict.exhibit(_matrix(scraped, environments, apart))


def _with_a_place(verdict: Verdict, replicas: Examined[list[Target]]) -> Iterator[tuple[Subject, list[Target]]]:
    for subject, targets in replicas:
        if subject.namespace:
            yield subject, targets
        else:
            verdict.unchecked(subject, "the profile gives it no namespace, so its environment is not known")


def _say_undivided(
    verdict: Verdict, prometheus: Subject, known: Scraped, environments: Environments, apart: Environments, blind: str
) -> None:
    """What it scrapes of environments that have no Prometheus of their own, or where no other one has: taken as meant, and said."""
    own = environments.of(prometheus.namespace)
    others = {environments.of(one.namespace) for one in known.values() if not apart.of(one.namespace)} - {"", own}
    names = listed(sorted(others), 5)
    if own and others and blind:
        verdict.unchecked(prometheus, f"it scrapes {names}, and whether a Prometheus of {names} exists is not known: {blind}")
    elif own and others:
        verdict.note(f"{prometheus.namespace}/{prometheus.name} of {own} also scrapes {names}, which no Prometheus in them does.")


def _judge_overlap(verdict: Verdict, one: Overlap, customs: Customs) -> None:
    first, second = (f"{each.namespace}/{each.name}" for each in (one.first, one.second))
    both = f"{first} and {second} both scrape {number(len(one.targets), 'target')}"
    if one.accident:
        _report_overlap(verdict, one, customs, both)
    elif one.deliberate and not one.blind:
        verdict.note(f"{both}, which is taken as meant: {one.deliberate}.")
    else:
        blind = ", since by what they select them could not be read" if one.blind else ""
        hint = "name under `environments` in the profile which namespaces belong together; what it does not name is for all"
        verdict.unchecked(one.first, f"whether it is meant that {both} is not known{blind}: {hint}")


def _report_overlap(verdict: Verdict, one: Overlap, customs: Customs, both: str) -> None:
    taker, whose = (one.first, one.second) if one.of_second or not one.of_first else (one.second, one.first)
    of_whose = one.of_second if whose == one.second else one.of_first
    pools = Counter(pool for pool, _ in one.targets)
    rows = [[_origin_of(pool, taker), ", ".join(sorted(_homes(one, pool))), str(count)] for pool, count in pools.most_common()]
    labels = [f"`{label}`" for label in one.labels]
    through_what = (
        f"The selectors of both ask for the same, {listed(labels, 3)}" if labels else "Each of them takes what is made for the other"
    )
    verdict.report(
        SCRAPED_BY_TWO_STACKS,
        taker,
        problem=f"{both}, {len(of_whose)} of them made for {whose.namespace}/{whose.name}." if of_whose else f"{both}.",
        cause=f"{through_what}. Most of these targets come from {rows[0][0]}.",
        fix=fix_of_overlap(one, customs),
        exhibits=[Table(title="Scraped by both", columns=["Taken from", "Targets in", "Targets"], rows=rows)],
        rests_on=[Ref(RefKind.SELECTORS, each.namespace, each.name) for each in (one.first, one.second)]
        if all(pool_origin(pool, taker) for pool in pools)
        else [],
    )


def _origin_of(pool: str, stack: Subject) -> str:
    origin = pool_origin(pool, stack)
    return f"{origin[0].kind} {origin[1]}/{origin[2]}" if origin else f"the job {pool}"


def _homes(one: Overlap, pool: str) -> set[str]:
    return {target.namespace for (of, _), target in one.targets.items() if of == pool}


def _report(
    verdict: Verdict,
    prometheus: Subject,
    pair: tuple[str, str],
    scraped: dict[Subject, Scraped],
    customs: Customs,
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> None:
    (own, other), known = pair, scraped[prometheus]
    pools = Counter(pool for (pool, _), target in known.items() if environments.of(target.namespace) == other)
    mine = customs.get(key_of(prometheus))
    spaces = {target.namespace for target in known.values() if environments.of(target.namespace) == other}
    rows = list(_rows(pools, (prometheus, mine), own, monitors, environments))
    apart = Apart(prometheus, own, other, frozenset(_places(prometheus, own, mine, known, monitors, environments)))
    theirs = _meant_for(known, other, scraped, customs, environments)
    verdict.report(
        CROSS_SCRAPE,
        prometheus,
        problem=f"The {own} {called(prometheus)} scrapes {number(pools.total(), 'target')} of {other} (in {listed(sorted(spaces), 3)}).",
        cause=f"It takes {number(len(pools), 'scrape pool')} of {other}, the first from {rows[0][0]}: {rows[0][1]}. "
        f"What they are meant for: {', '.join(theirs) or f'none was found in {other}'}.",
        fix=_fix(apart, mine, pools, known, environments),
        prevention=f"In the values of both releases, name the environment in the release label, and review that "
        f"{own} and {other} select different values; `prometheus/selector-overlap` checks it before anything is scraped.",
        exhibits=[Table(title=f"Scraped by {own}, belonging to {other}", columns=["Taken from", "Through", "Targets"], rows=rows)],
        rests_on=[Ref(RefKind.SELECTORS, prometheus.namespace, prometheus.name)]
        if _selected(prometheus, pools, other, environments)
        else [],
    )


def _meant_for(
    known: Scraped, other: str, scraped: dict[Subject, Scraped], customs: Customs, environments: Environments
) -> dict[str, None]:
    """Who of the other environment scrapes the same; where none does, who is there of it, with or without an object."""
    there = {one: its for one, its in scraped.items() if environments.of_stack(one.namespace, one.name) == other}
    urls = {target.scrape_url for target in known.values()}
    same = [one for one, its in there.items() if not urls.isdisjoint(target.scrape_url for target in its.values())]
    objects = [
        Subject(kind=kind, name=name, namespace=place)
        for kind, place, name in customs
        if kind != "VMSingle" and environments.of_stack(place, name) == other
    ]
    return dict.fromkeys(called(one) for one in same or [*objects, *there])


def _selected(stack: Subject, pools: Iterable[str], other: str, environments: Environments) -> bool:
    """Whether all of them are the other environment's own monitors, which only the selectors of this Prometheus can have taken."""
    origins = [pool_origin(pool, stack) for pool in pools]
    return all(origin is not None and environments.of(origin[1]) == other for origin in origins)


def _rows(
    pools: Counter[str],
    scraping: tuple[Subject, Prometheus | None],
    own: str,
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> Iterator[list[str]]:
    """Each pool with the object that it was made from, and by what that was taken."""
    stack, mine = scraping
    for pool, count in pools.most_common():
        origin = pool_origin(pool, stack)
        if origin is None:
            yield [pool, "a scrape configuration that no monitor stands for", str(count)]
            continue
        kind, namespace, name = origin[0].kind, origin[1], origin[2]
        monitor = monitors.get((kind, namespace, name))
        if environments.of(namespace) == own:
            reason = "the monitor's own namespaceSelector reaches into the other environment"
        elif mine is None or monitor is None:
            reason = f"the label could not be named: the {stack.kind} or its monitors could not be read"
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
    origins = {origin[1] for pool, _ in known if (origin := pool_origin(pool, prometheus))}
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
        origin = pool_origin(pool, apart.subject)
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


def _matrix(scraped: dict[Subject, Scraped], environments: Environments, apart: Environments) -> Matrix:
    counts: Counter[tuple[str, str]] = Counter()
    crossing: set[tuple[str, str]] = set()
    for one, known in scraped.items():
        for target in known.values():
            pair = environments.of(one.namespace) or SHARED, environments.of(target.namespace) or SHARED
            counts[pair] += 1
            if apart.differ(one.namespace, target.namespace):
                crossing.add(pair)
    rows = sorted({row for row, _ in counts}, key=lambda name: (name == SHARED, name))
    columns = sorted({column for _, column in counts} | set(rows), key=lambda name: (name == SHARED, name))
    return Matrix(
        title="Who scrapes whom",
        row_title="Prometheus of",
        column_title="targets in",
        rows=rows,
        columns=columns,
        cells=[[counts[row, column] for column in columns] for row in rows],
        wrong=sorted(crossing),
    )
