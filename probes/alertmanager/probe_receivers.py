from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.alerts import Arrived
from clusterprobe.systems.alertmanager.config_advice import Source, look_at_source
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY, ConfigSecret
from clusterprobe.systems.alertmanager.reach import CRITICAL, EXAMPLE, Alert, Fate, Senders, fate_of, names_in
from clusterprobe.systems.alertmanager.route_advice import AT_SOURCE, described, own_namespaces, redirected, strategy_of_objects, tested
from clusterprobe.systems.alertmanager.routing import Look, look_of
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import Configuration, Undecidable
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.alerting import LoadedRules
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.stacks import known_stacks
from clusterprobe.times import ago
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
CRITICAL_MUTED = FindingKind("CriticalMuted", Severity.ERROR, "A route of critical alerts is muted for at least a year to come.")
CRITICAL_INHIBITED = FindingKind(
    "CriticalInhibited", Severity.ERROR, "An inhibit rule holds critical alerts back by an alert that always fires, or has for a week."
)
DEFAULTS = (Look.CHART_DEFAULT, Look.OPERATOR_FALLBACK, Look.NO_INTEGRATION)


@reports(EVERYTHING_TO_NULL, NO_ROUTE_TO_INTEGRATION, CRITICAL_REACHES_NOBODY, CRITICAL_MUTED, CRITICAL_INHIBITED)
def probe_receivers(
    verdict: Verdict,
    alertmanager_statuses: Examined[AlertmanagerStatus],
    alertmanager_servers: Enriching[Server],
    namespaces: Needed[Namespace],  # alerts of a namespace that is not known are not simulated
    alertmanagers: Enriching[Alertmanager],
    alertmanager_secrets: Enriching[ConfigSecret],
    alertmanager_alerts: Needed[Arrived],
    prometheuses: Needed[Prometheus],
    prometheus_loaded_rules: Needed[LoadedRules],
    environments: Environments,
    clock: Clock,
) -> None:
    """Does a critical alert reach an integration, whatever namespace it comes from?

    Problem: Some routes work, and yet a critical alert ends at a receiver that does nothing: only Alertmanager's page shows it.
    Cause: A route in front of the right one takes it without `continue`, or no route matches and the root's receiver is a
    sink, such as "null". The Operator adds the own namespace of an AlertmanagerConfig to its routes. A route is muted by intervals that
    leave no time open, or an inhibit rule has a source that always fires. Alerts are tried with the labels of the critical rules that are
    loaded, and the external labels of their Prometheus.
    Fix: Change the route that the finding names, or give the root a receiver with an integration.
    Prevention: Let the root route end at a receiver with an integration, and send only Watchdog and InfoInhibitor to null. Check changes
    with `amtool config routes test --config.file=alertmanager.yaml severity=critical` in CI, and run this probe after each sync.
    """
    servers, senders = dict(alertmanager_servers), Senders(prometheuses, prometheus_loaded_rules, alertmanager_alerts)
    customs, secrets = alertmanagers.by_name(), alertmanager_secrets.by_name()
    apart = _divided(environments, prometheuses, prometheus_loaded_rules, alertmanager_servers)
    reported: set[tuple[tuple[str, str], str]] = set()
    for subject, status in alertmanager_statuses:
        place = servers[subject].key if subject in servers else (subject.namespace, subject.name)
        like = look_of(status.configuration)
        if (place, like) in reported:  # another replica with the same trouble
            continue
        see = look_at_source(*place, subject in servers and servers[subject].custom, [subject])
        judged = Simulation(verdict, subject, place, status.configuration, Source(customs.get(place), secrets.get(place), see), clock.now)
        if like is not Look.DELIVERS or not judged.run(_namespaces(place[0], apart, namespaces), senders):
            reported.add((place, like))
        _report_look(verdict, place, like, status.configuration, see)


def _report_look(verdict: Verdict, place: tuple[str, str], like: Look, configuration: Configuration, see: Step) -> None:
    if like in DEFAULTS:
        _explained(verdict, place)
    elif like is Look.UNROUTED:
        _unrouted(verdict, place, configuration, see)


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
            tested(Alert("", {**CRITICAL, "alertname": EXAMPLE}), set()),
        ],
    )


def _divided(
    environments: Environments, prometheuses: Readings[Prometheus], rules: Readings[LoadedRules], servers: Readings[Server]
) -> Environments:
    """The environments that have a stack of their own: the alerts of all others come to theirs. Undivided where not all is known."""
    if not (prometheuses.complete and rules.complete and servers.complete):
        return environments
    return environments.divided_by(known_stacks(rules, (subject for each in (prometheuses, servers) for subject, _ in each)))


def _namespaces(own: str, environments: Environments, known: Readings[Namespace]) -> list[str]:
    """Those of the Alertmanager's environment, or all where it is shared; and an alert without a namespace."""
    environment = environments.of(own)
    chosen = environments.members().get(environment, [own]) if environment else sorted(subject.name for subject, _ in known)
    return [*(chosen or [own]), ""]


@dataclass(frozen=True, slots=True)
class Simulation:
    """One Alertmanager's routes, along which critical alerts of every namespace are sent in thought."""

    verdict: Verdict
    replica: Subject
    place: tuple[str, str]
    configuration: Configuration
    source: Source
    now: float

    def run(self, namespaces: list[str], senders: Senders) -> bool:
        """Route the alerts; returns whether all arrive."""
        lost: list[Fate] = []
        rows: dict[str, list[str]] = {}
        firing = senders.lasting(self.replica, self.now)
        for alert in senders.alerts(namespaces, self.place[0], self.replica, names_in(self.configuration)):
            try:
                fate = fate_of(self.configuration, alert, firing, self.now)
            except Undecidable as error:
                whose = f"a critical alert of {alert.namespace or 'no namespace'}"
                self.verdict.unchecked(self.replica, f"where {whose} is sent is not known: {error}")
                continue
            for end in fate.ends:
                names = rows.setdefault(str(end), [])
                if (name := alert.namespace or "(none)") not in names:
                    names.append(name)
            # With a label that could not be read it may arrive.
            if not fate.arrives and (senders.complete or not fate.others):
                lost.append(fate)
        table = [[", ".join(names), path] for path, names in rows.items()]
        exhibit = Table(title=f"Critical alerts of {'/'.join(self.place)}", columns=["Of namespace", "Way"], rows=table)
        if not lost and exhibit not in self.verdict.exhibits:
            self.verdict.exhibit(exhibit)
        self._report([one for one in lost if one.held], CRITICAL_INHIBITED, exhibit)
        self._report([one for one in lost if not one.held and one.muted_by], CRITICAL_MUTED, exhibit)
        self._report([one for one in lost if not one.held and not one.muted_by], CRITICAL_REACHES_NOBODY, exhibit)
        return not lost

    def _report(self, lost: list[Fate], kind: FindingKind, exhibit: Table) -> None:
        if not lost:
            return
        named = list(dict.fromkeys(one.alert.namespace for one in lost if one.alert.namespace))
        first = next((one for one in lost if one.alert.namespace), lost[0])
        others = sorted({key for one in lost for key in one.others})
        sure = any(not one.others for one in lost if one.alert.namespace)
        self.verdict.report(
            kind,
            ALERTMANAGERS.subject(*self.place),
            severity=Severity.ERROR if sure else Severity.WARNING,
            problem=f"A critical alert of {listed(named, 5) or 'no namespace'} reaches no integration of {'/'.join(self.place)}.",
            cause=self._cause(first, others),
            fix=[*self.source.changed(*self._repairs(first)), *self._of_objects(first)],
            exhibits=[exhibit],
        )

    def _cause(self, fate: Fate, others: list[str]) -> str:
        way = fate.ends[0]
        rule = fate.alert.labels["alertname"]
        example = f"So does the alert {rule}. " if rule != EXAMPLE else ""
        if fate.held:
            source = fate.held.source
            fires = "always fires" if source.since is None else f"has been firing for {ago(self.now - source.since)}"
            return f"{source.name} {fires}, and an inhibit rule holds back {described(fate.held.rule)} for so long. {example}".rstrip()
        if fate.muted_by:
            return f"It takes the route {way}, which is muted for at least a year to come by {said(fate.muted_by)}. {example}".rstrip()
        hint = f" Only with other labels ({', '.join(others)}) would it arrive." if others else ""
        return f"It takes the route {way}, and that receiver has no integration.{hint} {example}{self._strategy(fate)}".rstrip()

    def _strategy(self, fate: Fate) -> str:
        """What the Operator does to the routes of AlertmanagerConfigs, where none of them took it."""
        own = own_namespaces(self.configuration)
        if not own or len(fate.ends[0].path) > 1:
            return ""
        strategy = self.source.custom.spec.matcher_strategy if self.source.custom else ""
        why = f"`spec.alertmanagerConfigMatcherStrategy` is {strategy or 'OnNamespace, unless it is set'}"
        return f"The routes of AlertmanagerConfigs take alerts of their own namespace only ({listed(own, 5)}), as {why}."

    def _repairs(self, fate: Fate) -> list[Step]:
        """What to change, and how to try it."""
        return [self._repair(fate), tested(fate.alert, names_in(self.configuration))]

    def _repair(self, fate: Fate) -> Step:
        if fate.held:
            text = f"Give that inhibit rule a source that does not always fire, or labels under `equal` that tell alerts apart. {AT_SOURCE}"
            return change(text)
        if fate.muted_by:
            return change(f"Take {said(fate.muted_by)} from that route, or let its time intervals leave time to send. {AT_SOURCE}")
        return redirected(fate.ends[0], self.configuration)

    def _of_objects(self, fate: Fate) -> list[Step]:
        lost = not fate.held and not fate.muted_by
        return [strategy_of_objects()] if lost and own_namespaces(self.configuration) and len(fate.ends[0].path) == 1 else []
