from collections import Counter, defaultdict

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.model import Matrix, Severity, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.prometheus import PROMETHEUSES, Monitor, Prometheus, Target, monitor_index, pool_origin
from clusterprobe.verdict import Verdict

SHARED = "(shared)"


def probe_cross_scrape(
    verdict: Verdict,
    prometheus_targets: Readings[list[Target]],
    prometheus_servers: Readings[Server],
    prometheuses: Readings[Prometheus],
    service_monitors: Readings[Monitor],
    pod_monitors: Readings[Monitor],
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
    monitors = monitor_index(verdict.enrich(service_monitors), verdict.enrich(pod_monitors))
    customs = verdict.enrich(prometheuses).by_name()
    servers = dict(prometheus_servers)
    matrix: Counter[tuple[str, str]] = Counter()
    foreign: dict[tuple[Server, str], Counter[str]] = defaultdict(Counter)
    for subject, targets in verdict.examine(prometheus_targets):
        server = servers[subject]
        own = environments.of(server.namespace)
        pools: dict[str, Counter[str]] = defaultdict(Counter)
        for target in targets:
            other = environments.of(target.namespace)
            matrix[own or SHARED, other or SHARED] += 1
            if own and other and own != other:
                pools[other][target.scrape_pool] += 1
        for other, counted in pools.items():
            key = next((k for k in foreign if k[0].key == server.key and k[1] == other), (server, other))
            foreign[key] |= counted  # replicas scrape the same: the larger count of each pool, not the sum
    for (server, other), counted in foreign.items():
        _report(verdict, server, other, counted, customs, monitors, environments)
    verdict.exhibit(_matrix(matrix))


def _report(
    verdict: Verdict,
    server: Server,
    other: str,
    pools: Counter[str],
    customs: dict[tuple[str, str], Prometheus],
    monitors: dict[tuple[str, str, str], Monitor],
    environments: Environments,
) -> None:
    own = environments.of(server.namespace)
    mine = customs.get(server.key)
    theirs = [f"{ns}/{name}" for ns, name in customs if environments.of(ns) == other]
    rows, shared = [], Counter[str]()
    for pool, count in pools.most_common():
        origin = pool_origin(pool)
        monitor = monitors.get((origin[0].kind, *origin[1:])) if origin else None
        label = _through(mine, monitor, origin[1] if origin else "", own, environments)
        shared[label] += count
        name = f"{origin[0].kind} {origin[1]}/{origin[2]}" if origin else pool
        rows.append([name, label, str(count)])
    total = sum(pools.values())
    label = shared.most_common(1)[0][0]
    verdict.finding(
        Severity.ERROR,
        "CrossScrape",
        PROMETHEUSES.subject(server.namespace, server.name),
        problem=f"The {own} Prometheus {server.namespace}/{server.name} scrapes {total} targets of {other}.",
        cause=f"It takes {len(pools)} scrape pools of {other}, the first from {rows[0][0]}: {label}. "
        f"The Prometheus that they are meant for: {', '.join(theirs) or f'none was found in {other}'}.",
        fix=_fix(server.namespace, server.name, own, other),
        prevention=f"In the values of both releases, name the environment in the release label, and review that "
        f"{own} and {other} select different values; `prometheus/selector-overlap` checks it before anything is scraped.",
        exhibits=[Table(title=f"Scraped by {own}, belonging to {other}", columns=["Taken from", "Through", "Targets"], rows=rows)],
    )


def _through(mine: Prometheus | None, monitor: Monitor | None, namespace: str, own: str, environments: Environments) -> str:
    """By which label or reach a Prometheus came to these targets."""
    if not namespace:
        return "a scrape configuration that no monitor stands for"
    if environments.of(namespace) == own:
        return "the monitor's own namespaceSelector reaches into the other environment"
    if mine is None or monitor is None:
        return "the label could not be named: the Prometheus or its monitors could not be read"
    selector = mine.spec.service_monitor_selector or mine.spec.pod_monitor_selector
    if selector is None or selector.is_empty:
        return "a selector that matches everything ({})"
    labels = [f"`{key}: {value}`" for key, value in selector.match_labels.items() if monitor.metadata.labels.get(key) == value]
    return f"the shared label {', '.join(labels) or str(selector)}"


def _fix(namespace: str, name: str, own: str, other: str) -> str:
    return (
        f"In the values of the {own} release (and in the same way of {other}), set a release label that names the environment:\n"
        f"    prometheus.prometheusSpec.serviceMonitorSelector.matchLabels.release: {namespace}\n"
        f"    kube-state-metrics.prometheus.monitor.additionalLabels.release: {namespace}\n"
        f"See what is selected now, and change it at once where Git is not the source:\n"
        f"$ kubectl -n {namespace} get prometheus {name} -o jsonpath='{{.spec.serviceMonitorSelector}}'\n"
        f"$ kubectl -n {namespace} label servicemonitors,podmonitors,prometheusrules --all release={namespace} --overwrite\n"
        f"$ kubectl -n {namespace} patch prometheus {name} --type merge -p "
        f"'{{\"spec\":{{\"serviceMonitorSelector\":{{\"matchLabels\":{{\"release\":\"{namespace}\"}}}}}}}}'"
    )


def _matrix(counts: Counter[tuple[str, str]]) -> Matrix:
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
