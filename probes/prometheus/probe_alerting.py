from collections.abc import Iterator
from typing import Any

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alerting import SENDING_SECONDS, Addresses, Destinations, LoadedRules, Sending, host_of, rule_uid
from clusterprobe.systems.alerting_advice import name_the_alertmanager, why_nobody
from clusterprobe.systems.alertmanager import Alertmanager
from clusterprobe.systems.objects import Pod, Service
from clusterprobe.systems.prometheus import PROMETHEUSES, Prometheus, Rule, Runtime
from clusterprobe.systems.selection import describe, describe_places, release_fix
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

SETTLING_SECONDS = 20  # service discovery after a start or a reload
PREVENTION = (
    "Review `spec.alerting` and `ruleSelector` in the rendered manifests of each environment, alert from elsewhere on "
    "`prometheus_notifications_alertmanagers_discovered < 1`, watch the Watchdog alert at the receiving end, and run this probe after "
    "each sync."
)


def probe_alerting(
    verdict: Verdict,
    prometheus_alertmanagers: Readings[Destinations],
    prometheus_loaded_rules: Readings[LoadedRules],
    prometheus_sending: Readings[Sending],
    prometheus_runtime: Readings[Runtime],
    prometheus_servers: Readings[Server],
    prometheuses: Readings[Prometheus],
    prometheus_rules: Readings[Rule],
    alertmanagers: Readings[Alertmanager],
    services: Readings[Service],
    pods: Readings[Pod],
    environments: Environments,
    profile: Profile,
    clock: Any,
) -> None:
    """Does every Prometheus send its alerts to its own environment's Alertmanager, and only alerts of its own rules?

    Problem: Alerts of one environment wake the people of another, or nobody at all, while every rule is evaluated and every page is green.
    Cause: `spec.alerting` names the Alertmanager of another namespace, a Service or port that does not exist, or nothing; or the
    rules that are loaded are another environment's, because `ruleSelector` takes them in every namespace.
    Fix: Name the environment's own Alertmanager in `spec.alerting`, and let `ruleSelector` name the environment.
    Prevention: Review the rendered `spec.alerting` and `ruleSelector`, and let something outside wait for the Watchdog alert.
    """
    judge = _Judge(verdict, environments, clock.now)
    judge.addresses = Addresses(verdict.enrich(pods), verdict.enrich(services), profile)
    judge.blind = next((one.reason for one in (*pods.unreadable, *services.unreadable)), "")
    judge.customs, judge.services = verdict.enrich(prometheuses).by_name(), services
    judge.alertmanagers = verdict.enrich(alertmanagers)
    judge.owners = {one.metadata.uid: subject for subject, one in verdict.need(prometheus_rules)}
    judge.loaded, judge.sending = dict(verdict.need(prometheus_loaded_rules)), dict(verdict.need(prometheus_sending))
    judge.runtime = dict(verdict.need(prometheus_runtime))
    judge.run(verdict.examine(prometheus_alertmanagers), dict(verdict.need(prometheus_servers)))


class _Judge:
    """The judgements on one replica after the other, with what they rest on; the same trouble of two replicas is told once."""

    addresses: Addresses
    customs: dict[tuple[str, str], Prometheus]
    services: Readings[Service]
    alertmanagers: Readings[Alertmanager]
    owners: dict[str, Subject]
    loaded: dict[Subject, LoadedRules]
    sending: dict[Subject, Sending]
    runtime: dict[Subject, Runtime]
    blind: str

    def __init__(self, verdict: Verdict, environments: Environments, now: float) -> None:
        self._verdict, self._environments, self._now = verdict, environments, now
        self._told: set[tuple[str, str, str]] = set()

    def _first(self, reason: str, place: Subject, detail: str = "") -> bool:
        key = (reason, str(place), detail)
        new = key not in self._told
        self._told.add(key)
        return new

    def run(self, replicas: Iterator[tuple[Subject, Destinations]], servers: dict[Subject, Server]) -> None:
        rows = []
        for subject, found in replicas:
            rows += [[str(subject), *one] for one in self.ways(found)]
            if subject not in servers:
                self._verdict.unchecked(subject, "which Prometheus it belongs to is not known")
                continue
            place = PROMETHEUSES.subject(*servers[subject].key)
            self.destinations(subject, place, found)
            self.takers(subject, place, found)
            self.rules(subject, place)
        self._verdict.exhibit(Table(title="Where alerts are sent", columns=["From", "To", "Which is"], rows=rows))

    def ways(self, found: Destinations) -> Iterator[tuple[str, str]]:
        """Where alerts are sent, and what that is."""
        for one in found.active or ["none"]:
            yield one, (self.addresses.find(host_of(one)) or ("", "not known here"))[1] if found.active else ""

    # --- where they go

    def destinations(self, subject: Subject, place: Subject, found: Destinations) -> None:
        own = self._environments.of(place.namespace)
        if not found.active:
            self._nobody(subject, place, own, found)
        foreign: dict[str, list[str]] = {}
        for one in found.active:
            at = self.addresses.find(host_of(one))
            if at is None:
                why = self.blind or "no pod and no Service here has that address; name it under `endpoints` with its namespace"
                self._verdict.unchecked(subject, f"whose Alertmanager {one} is, to which it sends, is not known: {why}")
            elif own and self._environments.of(at[0]) not in ("", own):
                foreign.setdefault(self._environments.of(at[0]), []).append(f"{at[1]} ({one})")
        for other, theirs in foreign.items():
            alone = sum(map(len, foreign.values())) == len(found.active)
            if self._first("foreign", place, other):
                self._report_foreign(place, own, other, theirs, alone)

    def _nobody(self, subject: Subject, place: Subject, own: str, found: Destinations) -> None:
        rules = self.loaded.get(subject)
        if rules is None:
            return  # said to be unchecked already
        if not rules.alerts:
            self._verdict.note(f"{place} sends its alerts to no Alertmanager, but has no rule that alerts, either.")
            return
        settling = self._settling(subject)
        if settling:
            self._verdict.unchecked(subject, f"it has no Alertmanager yet, which is normal so soon: {settling}")
        elif self._first("nobody", place):
            custom = self.customs.get((place.namespace, place.name))
            self._verdict.finding(
                Severity.CRITICAL,
                "AlertsToNobody",
                place,
                problem=f"{place.namespace}/{place.name} has {rules.alerts} alerting rules, and no Alertmanager to send their alerts to.",
                cause=why_nobody(custom, place, self.services, bool(found.dropped)),
                fix=name_the_alertmanager(place, own, self.alertmanagers, self.services, self._environments),
                prevention=PREVENTION,
                breaks=[f"AlertPath/{own}"] if own else [],
            )

    def _settling(self, subject: Subject) -> str:
        """Why it may not have found its Alertmanagers yet; empty if it must have."""
        runtime = self.runtime.get(subject)
        if runtime is None:
            return "since when it runs with its configuration is not known"
        for what, moment in (("it was started", epoch(runtime.start_time)), ("it was reloaded", epoch(runtime.last_config_time))):
            if moment is not None and self._now - moment < SETTLING_SECONDS:
                return f"{what} {ago(self._now - moment)} ago"
        return ""

    def _report_foreign(self, place: Subject, own: str, other: str, theirs: list[str], alone: bool) -> None:
        custom = self.customs.get((place.namespace, place.name))
        name, named = f"{place.namespace}/{place.name}", list(_endpoints(custom, place))
        wrong = [f"`namespace: {space}`, `name: {one}`" for space, one in named if self._environments.of(space) == other]
        source = f"spec.alerting.alertmanagers of {name} names {'; '.join(wrong)}" if wrong else "it is not spec.alerting that names it"
        hint = "" if wrong else ", so look at additionalAlertManagerConfigs, or at the file it is configured from"
        self._verdict.finding(
            Severity.ERROR if alone else Severity.WARNING,
            "AlertsToOtherEnvironment",
            place,
            problem=f"The {own} Prometheus {name} sends its alerts to {other}'s Alertmanager: {', '.join(theirs)}."
            + (f" {own}'s own gets none." if alone else ""),
            cause=f"{source}{hint}.",
            fix=name_the_alertmanager(place, own, self.alertmanagers, self.services, self._environments),
            prevention=PREVENTION,
            breaks=[f"AlertPath/{own}"] if alone else [],
        )

    # --- whether they are taken

    def takers(self, subject: Subject, place: Subject, found: Destinations) -> None:
        sending, rules = self.sending.get(subject), self.loaded.get(subject)
        if sending is None or not found.active or (rules is not None and not rules.alerts):
            return
        known = [one for one in found.active if one in sending.sent and one in sending.failed]
        for one in found.active:
            if one not in known:
                window = ago(SENDING_SECONDS)
                why = f"it has no series of its own sending there in the last {window}"
                self._verdict.unchecked(subject, f"whether its alerts are taken by {one}: {why}")
        if not known:
            return
        refusing = [one for one in known if sending.sent[one] > 0 and sending.failed[one] >= 0.99 * sending.sent[one]]
        old = [one for one in refusing if not self._is_young(subject, one)]
        if old and self._first("refused", place):
            self._report_refused(place, old, sending, everywhere=len(refusing) == len(found.active))
        if all(sending.sent[one] == 0 for one in known):
            self._verdict.note(f"{subject} has sent no alert in the last {ago(SENDING_SECONDS)}.")

    def _is_young(self, subject: Subject, destination: str) -> bool:
        pod = self.addresses.pod(host_of(destination))
        started = epoch(pod.status.start_time) if pod else None
        if pod is None and self.blind:
            why = f"since when it runs is not known: {self.blind}"
            self._verdict.unchecked(subject, f"{destination} takes no alerts, which is normal for a while after a start; {why}")
            return True
        if started is None or self._now - started >= SENDING_SECONDS:
            return False
        self._verdict.unchecked(subject, f"{destination} takes no alerts, but was started only {ago(self._now - started)} ago")
        return True

    def _report_refused(self, place: Subject, refusing: list[str], sending: Sending, *, everywhere: bool) -> None:
        own, which = self._environments.of(place.namespace), [self.addresses.find(host_of(one)) for one in refusing]
        rows = [[one, f"{sending.sent[one]:.0f}", f"{sending.failed[one]:.0f}"] for one in refusing]
        pods = [at[1] for at in which if at and at[1].startswith("Pod ")]
        self._verdict.finding(
            Severity.CRITICAL if everywhere else Severity.WARNING,
            "AlertsNotTaken",
            place,
            problem=f"Every alert that {place.namespace}/{place.name} sent to {', '.join(refusing)} in {ago(SENDING_SECONDS)} failed.",
            cause=f"There ({', '.join(at[1] for at in which if at) or 'not known here'}) no Alertmanager takes them: "
            "it is down, a network policy is in the way, or scheme, path prefix or credentials of spec.alerting are wrong.",
            fix=f"$ kubectl -n {place.namespace} logs -l app.kubernetes.io/name=prometheus -c prometheus --tail=100 | grep notifier",
            prevention=PREVENTION,
            exhibits=[Table(title="Alerts sent", columns=["To", "Sent", "Failed"], rows=rows)],
            breaks=[f"AlertPath/{own}"] if own and everywhere else [],
            rests_on=[one.replace(" ", "/", 1) for one in pods],
        )

    # --- whose rules

    def rules(self, subject: Subject, place: Subject) -> None:
        own, loaded = self._environments.of(place.namespace), self.loaded.get(subject)
        foreign: dict[str, list[list[str]]] = {}
        for file in loaded.files if loaded and own else []:
            rule = self.owners.get(rule_uid(file.name))
            other = self._environments.of(rule.namespace) if rule else ""
            if rule and other not in ("", own):
                foreign.setdefault(other, []).append([f"{rule.namespace}/{rule.name}", ", ".join(file.groups), str(file.alerts)])
        for other, rows in foreign.items():
            if self._first("rules", place, other):
                self._report_rules(place, own, other, rows)

    def _report_rules(self, place: Subject, own: str, other: str, rows: list[list[str]]) -> None:
        name, custom = f"{place.namespace}/{place.name}", self.customs.get((place.namespace, place.name))
        selected = "No Prometheus object of that name was read, so which selector takes them is not known."
        if custom:
            labels, places = describe(custom.spec.rule_selector), describe_places(custom.spec.rule_namespace_selector)
            selected = f"Its ruleSelector is {labels}, its ruleNamespaceSelector {places}."
        self._verdict.finding(
            Severity.WARNING,
            "RulesOfOtherEnvironment",
            place,
            problem=f"The {own} Prometheus {name} has loaded {len(rows)} PrometheusRules of {other}, and alerts on them with {own}'s data.",
            cause=f"Among its loaded rules is PrometheusRule {rows[0][0]}. {selected}",
            fix=release_fix(place.namespace, place.name, own, other, self._environments.members().get(own, [])),
            prevention=PREVENTION,
            exhibits=[Table(title=f"Rules of {other}", columns=["PrometheusRule", "Groups", "Alerts"], rows=rows)],
            rests_on=[f"Selectors/{name}"],
        )


def _endpoints(custom: Prometheus | None, place: Subject) -> Iterator[tuple[str, str]]:
    """The (namespace, name) of the Services that spec.alerting names."""
    alerting = custom.spec.alerting if custom else None
    for one in (alerting.alertmanagers or []) if alerting else []:
        yield one.namespace or place.namespace, one.name
