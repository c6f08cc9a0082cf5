from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager import ALERTMANAGERS, AlertmanagerStatus
from clusterprobe.systems.objects import Namespace
from clusterprobe.systems.routing import Configuration, Delivery, Look, Undecidable, deliveries, look_of, possible_deliveries
from clusterprobe.verdict import Verdict

ALERT = "ClusterprobeExample"
PREVENTION = (
    "Let the root route end at a receiver with an integration, and send only Watchdog and InfoInhibitor to null. Check changes with "
    "`amtool config routes test --config.file=alertmanager.yaml severity=critical` in CI, and run this probe after each sync."
)
DEFAULTS = (Look.CHART_DEFAULT, Look.OPERATOR_FALLBACK, Look.NO_INTEGRATION)


def probe_receivers(
    verdict: Verdict,
    alertmanager_statuses: Readings[AlertmanagerStatus],
    alertmanager_servers: Readings[Server],
    namespaces: Readings[Namespace],
    environments: Environments,
) -> None:
    """Does a critical alert reach an integration, whatever namespace it comes from?

    Problem: Some routes work, and yet a critical alert ends at a receiver that does nothing: it is seen in Alertmanager's
    page and nowhere else.
    Cause: A route in front of the right one takes it without `continue`, or no route matches and the root's receiver is a
    sink, such as "null".
    Fix: Change the route that the finding names, or give the root a receiver with an integration.
    Prevention: Test the tree of routes in CI, and run this probe after each sync.
    """
    servers = dict(alertmanager_servers)
    verdict.need(namespaces)  # alerts of a namespace that is not known are not simulated
    reported: set[tuple[tuple[str, str], str]] = set()
    for subject, status in verdict.examine(alertmanager_statuses):
        place = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        look = look_of(status.configuration)
        if (place, look) in reported:
            continue  # another replica with the same trouble
        if look is not Look.DELIVERS or not _simulate(verdict, subject, place, status.configuration, environments):
            reported.add((place, look))
        if look in DEFAULTS:
            _explained(verdict, place)
        elif look is Look.UNROUTED:
            _unrouted(verdict, place, status.configuration)


def _explained(verdict: Verdict, place: tuple[str, str]) -> None:
    verdict.finding(
        Severity.INFO,
        "EverythingToNull",
        ALERTMANAGERS.subject(*place),
        problem="There is no integration at all that a critical alert could reach.",
        cause="alertmanager/default-config says why.",
        fix="See alertmanager/default-config.",
        prevention=PREVENTION,
    )


def _unrouted(verdict: Verdict, place: tuple[str, str], configuration: Configuration) -> None:
    namespace, name = place
    unused = ", ".join(one.name for one in configuration.receivers if not one.is_sink)
    verdict.finding(
        Severity.CRITICAL,
        "NoRouteToIntegration",
        ALERTMANAGERS.subject(namespace, name),
        problem=f"No alert of {namespace}/{name} reaches anyone: every route ends at a receiver without an integration.",
        cause=f"{unused} have integrations, and no route names them; the root route ends at {configuration.route.receiver}.",
        fix=f"Let the root route end at one of them (`route.receiver: {unused.split(', ')[0]}`).",
        prevention=PREVENTION,
    )


def _simulate(verdict: Verdict, subject: Subject, place: tuple[str, str], configuration: Configuration, environments: Environments) -> bool:
    """Route one critical alert of every namespace; returns whether all arrive."""
    lost: list[tuple[str, list[Delivery]]] = []
    rows: dict[str, list[str]] = {}
    for namespace in _namespaces(place[0], environments):
        labels = {"severity": "critical", "alertname": ALERT, **({"namespace": namespace} if namespace else {})}
        try:
            ends = deliveries(configuration, labels)
        except Undecidable as error:
            verdict.unchecked(subject, f"where a critical alert of {namespace or 'no namespace'} goes is not known: {error}")
            continue
        for end in ends:
            rows.setdefault(str(end), []).append(namespace or "(none)")
        if all(configuration.receiver(end.receiver).is_sink for end in ends):
            lost.append((namespace, ends))
    table = [[", ".join(names), path] for path, names in rows.items()]
    exhibit = Table(title=f"Critical alerts of {'/'.join(place)}", columns=["Of namespace", "Way"], rows=table)
    if not lost:
        if exhibit not in verdict.exhibits:
            verdict.exhibit(exhibit)
        return True
    _report_lost(verdict, place, configuration, lost, exhibit)
    return False


def _namespaces(own: str, environments: Environments) -> list[str]:
    """Those of the Alertmanager's environment, or of all where it is shared; and an alert without a namespace."""
    members = environments.members()
    environment = environments.of(own)
    chosen = members.get(environment, [own]) if environment else sorted({name for names in members.values() for name in names})
    return [*(chosen or [own]), ""]


def _report_lost(
    verdict: Verdict, place: tuple[str, str], configuration: Configuration, lost: list[tuple[str, list[Delivery]]], exhibit: Table
) -> None:
    namespace, name = place
    named = [one for one, _ in lost if one]
    whose = ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "") if named else "no namespace"
    way = lost[0][1][0]
    depends = {one: _other_labels(configuration, one) for one, _ in lost}
    others = sorted({key for keys in depends.values() for key in keys})
    hint = f" Only with other labels ({', '.join(others)}) would it arrive." if others else ""
    verdict.finding(
        Severity.ERROR if any(not depends[one] for one in named) else Severity.WARNING,
        "CriticalReachesNobody",
        ALERTMANAGERS.subject(namespace, name),
        problem=f"A critical alert of {whose} reaches no integration of {namespace}/{name}.",
        cause=f"It goes {way}, and that receiver has no integration.{hint}",
        fix=_fix(namespace, name, way, configuration),
        prevention=PREVENTION,
        exhibits=[exhibit],
    )


def _other_labels(configuration: Configuration, namespace: str) -> set[str]:
    """The labels on which it depends whether a critical alert of this namespace arrives after all."""
    labels = {"severity": "critical", "alertname": ALERT, "namespace": namespace}
    ways = [one for one in possible_deliveries(configuration, labels) if not configuration.receiver(one.receiver).is_sink]
    matchers = [one for way in ways for one in way.matchers]
    return {one.name for one in matchers if one.name not in labels}


def _fix(namespace: str, name: str, way: Delivery, configuration: Configuration) -> str:
    good = next((one.name for one in configuration.receivers if not one.is_sink and not one.is_of_object), "")
    target = f"`receiver: {good}`" if good else "a receiver with an integration"
    where = f"Change the route {way.path[-1]}" if len(way.path) > 1 else "Change the root route"
    return (
        f"{where} to {target}, or put a route for critical alerts in front of it, under alertmanager.yaml of the Secret that serves:\n"
        f"$ kubectl -n {namespace} get alertmanager {name} -o jsonpath='{{.spec.configSecret}}'\n"
        f"Test it before it is rolled out:\n"
        f"$ amtool config routes test --config.file=alertmanager.yaml severity=critical alertname={ALERT}"
    )
