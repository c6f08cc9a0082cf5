from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.config_advice import look_at_source
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY
from clusterprobe.systems.alertmanager.routing import Delivery, Look, deliveries, look_of, possible_deliveries
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import Configuration, Undecidable
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

EVERYTHING_TO_NULL = FindingKind(
    "EverythingToNull", Severity.INFO, "No receiver has an integration; the finding of alertmanager/default-config says why."
)
NO_ROUTE_TO_INTEGRATION = FindingKind(
    "NoRouteToIntegration", Severity.CRITICAL, "Receivers have integrations, and no route leads to one of them."
)
CRITICAL_REACHES_NOBODY = FindingKind(
    "CriticalReachesNobody", Severity.ERROR, "A critical alert of some namespace ends at a receiver without an integration."
)
ALERT = "ClusterprobeExample"
DEFAULTS = (Look.CHART_DEFAULT, Look.OPERATOR_FALLBACK, Look.NO_INTEGRATION)


@reports(EVERYTHING_TO_NULL, NO_ROUTE_TO_INTEGRATION, CRITICAL_REACHES_NOBODY)
def probe_receivers(
    verdict: Verdict,
    alertmanager_statuses: Examined[AlertmanagerStatus],
    alertmanager_servers: Enriching[Server],
    namespaces: Needed[Namespace],  # alerts of a namespace that is not known are not simulated
    environments: Environments,
) -> None:
    """Does a critical alert reach an integration, whatever namespace it comes from?

    Problem: Some routes work, and yet a critical alert ends at a receiver that does nothing: it is seen in Alertmanager's
    page and nowhere else.
    Cause: A route in front of the right one takes it without `continue`, or no route matches and the root's receiver is a
    sink, such as "null".
    Fix: Change the route that the finding names, or give the root a receiver with an integration.
    Prevention: Let the root route end at a receiver with an integration, and send only Watchdog and InfoInhibitor to null. Check changes
    with `amtool config routes test --config.file=alertmanager.yaml severity=critical` in CI, and run this probe after each sync.
    """
    servers = dict(alertmanager_servers)
    reported: set[tuple[tuple[str, str], str]] = set()
    for subject, status in alertmanager_statuses:
        place = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        like = look_of(status.configuration)
        if (place, like) in reported:
            continue  # another replica with the same trouble
        see = look_at_source(*place, subject in servers and servers[subject].custom, [subject])
        if like is not Look.DELIVERS or not _simulate(verdict, subject, place, status.configuration, environments, see):
            reported.add((place, like))
        if like in DEFAULTS:
            _explained(verdict, place)
        elif like is Look.UNROUTED:
            _unrouted(verdict, place, status.configuration, see)


def _explained(verdict: Verdict, place: tuple[str, str]) -> None:
    verdict.report(
        EVERYTHING_TO_NULL,
        ALERTMANAGERS.subject(*place),
        problem="There is no integration at all that a critical alert could reach.",
        cause="alertmanager/default-config says why.",
        fix=[look("The finding of alertmanager/default-config has the steps.")],
        rests_on=[Ref.of(ALERTMANAGERS.subject(*place))],
    )


def _unrouted(verdict: Verdict, place: tuple[str, str], configuration: Configuration, see: Step) -> None:
    namespace, name = place
    able = [one.name for one in configuration.receivers if not one.is_sink]
    unused = ", ".join(able)
    verdict.report(
        NO_ROUTE_TO_INTEGRATION,
        ALERTMANAGERS.subject(namespace, name),
        problem=f"No alert of {namespace}/{name} reaches anyone: every route ends at a receiver without an integration.",
        cause=f"{unused} have integrations, and no route names them; the root route ends at {configuration.route.receiver}.",
        fix=[
            see,
            change(
                f"Let the root route end at one of them, such as {said(able[0])}: set route.receiver in {CONFIG_KEY} at its source.",
                code=snippet("route:\n  receiver: {}", able[0]) if len(able) == 1 else "",
            ),
            _test(),
        ],
    )


def _simulate(
    verdict: Verdict, subject: Subject, place: tuple[str, str], configuration: Configuration, environments: Environments, see: Step
) -> bool:
    """Route one critical alert of every namespace; returns whether all arrive."""
    lost: list[tuple[str, list[Delivery]]] = []
    rows: dict[str, list[str]] = {}
    for namespace in _namespaces(place[0], environments):
        labels = {"severity": "critical", "alertname": ALERT, **({"namespace": namespace} if namespace else {})}
        try:
            ends = deliveries(configuration, labels)
        except Undecidable as error:
            verdict.unchecked(subject, f"where a critical alert of {namespace or 'no namespace'} is sent is not known: {error}")
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
    _report_lost(verdict, place, configuration, lost, exhibit, see)
    return False


def _namespaces(own: str, environments: Environments) -> list[str]:
    """Those of the Alertmanager's environment, or of all where it is shared; and an alert without a namespace."""
    members = environments.members()
    environment = environments.of(own)
    chosen = members.get(environment, [own]) if environment else sorted({name for names in members.values() for name in names})
    return [*(chosen or [own]), ""]


def _report_lost(
    verdict: Verdict,
    place: tuple[str, str],
    configuration: Configuration,
    lost: list[tuple[str, list[Delivery]]],
    exhibit: Table,
    see: Step,
) -> None:
    namespace, name = place
    named = [one for one, _ in lost if one]
    whose = listed(named, 5) or "no namespace"
    way = lost[0][1][0]
    depends = {one: _other_labels(configuration, one) for one, _ in lost}
    others = sorted({key for keys in depends.values() for key in keys})
    hint = f" Only with other labels ({', '.join(others)}) would it arrive." if others else ""
    verdict.report(
        CRITICAL_REACHES_NOBODY,
        ALERTMANAGERS.subject(namespace, name),
        severity=Severity.ERROR if any(not depends[one] for one in named) else Severity.WARNING,
        problem=f"A critical alert of {whose} reaches no integration of {namespace}/{name}.",
        cause=f"It takes the route {way}, and that receiver has no integration.{hint}",
        fix=[see, _redirect(way, configuration), _test(named[0] if named else "")],
        exhibits=[exhibit],
    )


def _other_labels(configuration: Configuration, namespace: str) -> set[str]:
    """The labels on which it depends whether a critical alert of this namespace arrives after all."""
    labels = {"severity": "critical", "alertname": ALERT, "namespace": namespace}
    ways = [one for one in possible_deliveries(configuration, labels) if not configuration.receiver(one.receiver).is_sink]
    matchers = [one for way in ways for one in way.matchers]
    return {one.name for one in matchers if one.name not in labels}


def _redirect(way: Delivery, configuration: Configuration) -> Step:
    good = next((one.name for one in configuration.receivers if not one.is_sink and not one.is_of_object), "")
    target = f"the receiver {said(good)}" if good else "a receiver with an integration"
    where = f"Lead the route {said(way.path[-1])}" if len(way.path) > 1 else "Lead the root route"
    return change(
        f"{where} to {target}, or put a route for critical alerts in front of it. Change {CONFIG_KEY} at its source, in Git: a "
        "SealedSecret, an ExternalSecret, Argo CD or Flux would revert a change of the Secret itself."
    )


def _test(namespace: str = "") -> Step:
    command = "amtool config routes test --config.file={} severity=critical alertname={}"
    values = (CONFIG_KEY, ALERT)
    tested = shell(command + " namespace={}", *values, namespace) if namespace else shell(command, *values)
    return look("Test the changed file before it is rolled out: amtool names the receiver.", tested)
