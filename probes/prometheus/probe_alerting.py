from collections.abc import Iterator
from typing import Any

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.alertmanager.wiring_advice import name_the_alertmanager, why_nobody
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.alerting import (
    SENDING_SECONDS,
    Addresses,
    Destinations,
    LoadedRules,
    Sending,
    host_of,
    loaded_key,
    rule_key,
)
from clusterprobe.systems.prometheus.dialects import dialect_of
from clusterprobe.systems.prometheus.objects import (
    PROMETHEUSES,
    RULES,
    STACKS,
    VM_ALERTS,
    VM_RULES,
    Customs,
    Prometheus,
    Rule,
    called,
    customs_of,
    key_of,
)
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import BY_KIND, describe, describe_places
from clusterprobe.systems.prometheus.selection_advice import Apart, keep_to_namespaces
from clusterprobe.systems.prometheus.stacks import known_stacks
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

ALERTS_TO_NOBODY = FindingKind(
    "AlertsToNobody", Severity.CRITICAL, "A Prometheus has alerting rules, and no Alertmanager to send their alerts to."
)
ALERTS_TO_OTHER_ENVIRONMENT = FindingKind(
    "AlertsToOtherEnvironment", Severity.ERROR, "A Prometheus sends its alerts to the Alertmanager of another environment."
)
ALERTS_TO_OTHER_STACK = FindingKind(
    "AlertsToOtherStack", Severity.WARNING, "A Prometheus sends its alerts to another one's Alertmanager, and none to the one beside it."
)
ALERTS_NOT_TAKEN = FindingKind("AlertsNotTaken", Severity.CRITICAL, "An Alertmanager accepts no alert that a Prometheus sends to it.")
RULES_OF_OTHER_ENVIRONMENT = FindingKind(
    "RulesOfOtherEnvironment", Severity.WARNING, "A Prometheus has loaded alerting rules of another environment."
)
NOWHERE = "Its flag -notifier.blackhole lets it send its alerts nowhere."
SETTLING_SECONDS = 20  # service discovery after a start or a reload


@reports(ALERTS_TO_NOBODY, ALERTS_TO_OTHER_ENVIRONMENT, ALERTS_TO_OTHER_STACK, ALERTS_NOT_TAKEN, RULES_OF_OTHER_ENVIRONMENT)
def probe_alerting(
    verdict: Verdict,
    prometheus_alertmanagers: Examined[Destinations],
    prometheus_loaded_rules: Needed[LoadedRules],
    prometheus_sending: Needed[Sending],
    prometheus_runtime: Needed[Runtime],
    alerting_servers: Needed[Server],
    prometheuses: Enriching[Prometheus],
    thanos_rulers: Enriching[Prometheus],
    prometheus_rules: Needed[Rule],
    alertmanagers: Enriching[Alertmanager],
    services: Enriching[Service],
    pods: Enriching[Pod],
    environments: Environments,
    profile: Profile,
    clock: Any,
) -> None:
    """Does every Prometheus send its alerts to its own environment's Alertmanager, and only alerts of its own rules?

    Problem: Alerts of one environment reach the people of another, or no one, while every rule is evaluated and every page is green.
    Cause: `spec.alerting` names the Alertmanager of another namespace, a Service or port that does not exist, or nothing; or the
    rules that are loaded are another environment's, because `ruleSelector` takes them in every namespace.
    Fix: Name the environment's own Alertmanager in `spec.alerting`, and let `ruleSelector` name the environment.
    Prevention: Review `spec.alerting` and `ruleSelector` in the rendered manifests of each environment, alert from elsewhere on
    `prometheus_notifications_alertmanagers_discovered < 1`, watch the Watchdog alert at the receiving end, and run this probe after each
    sync.
    """
    stacks = known_stacks(prometheus_alertmanagers.readings) | known_stacks(alerting_servers)
    judge = _Judge(verdict, environments.divided_by(stacks), clock.now)
    judge.stacks = stacks
    judge.addresses = Addresses(pods, services, profile)
    judge.blind = next((one.reason for one in (*pods.unreadable, *services.unreadable)), "")
    judge.customs, judge.services = customs_of(prometheuses, thanos_rulers), services
    judge.alertmanagers = alertmanagers
    judge.owners = {rule_key(subject, one.metadata.uid): subject for subject, one in prometheus_rules}
    judge.loaded, judge.sending = dict(prometheus_loaded_rules), dict(prometheus_sending)
    judge.runtime = dict(prometheus_runtime)
    judge.run(prometheus_alertmanagers, dict(alerting_servers))


class _Judge:
    """The judgements on one replica after the other, with what they rest on; the same trouble of two replicas is told once."""

    addresses: Addresses
    customs: Customs
    services: Readings[Service]
    alertmanagers: Readings[Alertmanager]
    owners: dict[str, Subject]
    loaded: dict[Subject, LoadedRules]
    sending: dict[Subject, Sending]
    runtime: dict[Subject, Runtime]
    blind: str
    stacks: set[str]

    def __init__(self, verdict: Verdict, environments: Environments, now: float) -> None:
        self._verdict, self._environments, self._now = verdict, environments, now
        self._servers: dict[Subject, Server] = {}
        self._told: set[tuple[str, str, str]] = set()

    def _first(self, reason: str, place: Subject, detail: str = "") -> bool:
        key = (reason, str(place), detail)
        new = key not in self._told
        self._told.add(key)
        return new

    def run(self, replicas: Examined[Destinations], servers: dict[Subject, Server]) -> None:
        rows = []
        for subject, found in replicas:
            rows += [[str(subject), *one] for one in self.ways(found)]
            if subject not in servers:
                self._verdict.unchecked(subject, "which Prometheus it belongs to is not known")
                continue
            place = STACKS.get(dialect_of(servers[subject]).kind, PROMETHEUSES).subject(*servers[subject].key)
            self._servers.setdefault(place, servers[subject])
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
            self._nobody(subject, place, found)
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
        if not foreign:
            self._other_stack(subject, place, found)

    def _other_stack(self, subject: Subject, place: Subject, found: Destinations) -> None:
        """Without environments: it sends to the namespaces of other stacks only, though an Alertmanager is in its own."""
        reached = {at[0] for one in found.active if (at := self.addresses.find(host_of(one)))}
        if not reached or not reached <= self.stacks - {place.namespace}:
            return
        if blind := self.alertmanagers.missing_reason(place.namespace):
            self._verdict.unchecked(subject, f"whether an Alertmanager of its own is in {place.namespace} is not known: {blind}")
        beside = [one.metadata.name for one in self.alertmanagers.items if one.metadata.namespace == place.namespace]
        if beside and self._first("stack", place):
            others = listed(sorted(reached), 3)
            custom = self.customs.get(key_of(place))
            named = [f"`namespace: {space}`, `name: {one}`" for space, one in _endpoints(custom, place)]
            self._verdict.report(
                ALERTS_TO_OTHER_STACK,
                place,
                problem=f"{place.namespace}/{place.name} sends its alerts to the Alertmanager in {others}, where another Prometheus is, "
                f"and none to the Alertmanager {beside[0]} beside it.",
                cause=f"spec.alerting.alertmanagers names {'; '.join(named)}." if named else "It is not spec.alerting that names it.",
                fix=self._name_its_own(place),
            )

    def _nobody(self, subject: Subject, place: Subject, found: Destinations) -> None:
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
            custom = self.customs.get(key_of(place))
            self._verdict.report(
                ALERTS_TO_NOBODY,
                place,
                problem=f"{place.namespace}/{place.name} has {rules.alerts} alerting rules, and no Alertmanager to send their alerts to.",
                cause=NOWHERE if found.blackhole else why_nobody(custom, place, self.services, bool(found.dropped)),
                fix=self._name_its_own(place),
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
        custom = self.customs.get(key_of(place))
        name, named = f"{place.namespace}/{place.name}", list(_endpoints(custom, place))
        wrong = [f"`namespace: {space}`, `name: {one}`" for space, one in named if self._environments.of(space) == other]
        source = f"spec.alerting.alertmanagers of {name} names {'; '.join(wrong)}" if wrong else "it is not spec.alerting that names it"
        hint = "" if wrong else ", so look at additionalAlertManagerConfigs, or at the file it is configured from"
        if place.kind == VM_ALERTS.kind:
            source, hint = "one of its notifiers leads there", ": see its flags -notifier.url and -notifier.config"
        self._verdict.report(
            ALERTS_TO_OTHER_ENVIRONMENT,
            place,
            severity=Severity.ERROR if alone else Severity.WARNING,
            problem=f"The {own} {called(place)} sends its alerts to {other}'s Alertmanager: {', '.join(theirs)}."
            + (f" {own}'s own gets none." if alone else ""),
            cause=f"{source}{hint}.",
            fix=self._name_its_own(place),
        )

    def _name_its_own(self, place: Subject) -> list[Step]:
        own, custom = self._environments.of(place.namespace), self.customs.get(key_of(place))
        known = (self.alertmanagers, self.services, self._environments)
        return name_the_alertmanager(place, own, custom, self._servers[place], *known)

    # --- whether they are taken

    def takers(self, subject: Subject, place: Subject, found: Destinations) -> None:
        sending, rules = self.sending.get(subject), self.loaded.get(subject)
        if sending is None or not found.active or (rules is not None and not rules.alerts):
            return
        known = [one for one in found.active if one in sending.sent and one in sending.failed]
        for one in found.active:
            if one not in known:
                why = f"it has no series of its own sending there {_lately(sending)}"
                self._verdict.unchecked(subject, f"whether {one} accepts its alerts is not known: {why}")
        if not known:
            return
        most = 1.0 if sending.since_start else 0.99  # of a whole life: not one was taken
        refusing = [one for one in known if sending.sent[one] > 0 and sending.failed[one] >= most * sending.sent[one]]
        old = [one for one in refusing if not self._is_young(subject, one)]
        if old and self._first("refused", place):
            self._report_refused(subject, place, old, sending, everywhere=len(refusing) == len(found.active))
        if all(sending.sent[one] == 0 for one in known):
            self._verdict.note(f"{subject} has sent no alert {_lately(sending)}.")

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

    def _report_refused(self, subject: Subject, place: Subject, refusing: list[str], sending: Sending, *, everywhere: bool) -> None:
        which = [self.addresses.find(host_of(one)) for one in refusing]
        rows = [[one, f"{sending.sent[one]:.0f}", f"{sending.failed[one]:.0f}"] for one in refusing]
        pods = [pod for one in refusing if (pod := self.addresses.pod(host_of(one)))]
        self._verdict.report(
            ALERTS_NOT_TAKEN,
            place,
            severity=Severity.CRITICAL if everywhere else Severity.WARNING,
            problem=f"Every alert that {place.namespace}/{place.name} sent to {', '.join(refusing)} {_lately(sending)} failed.",
            cause=f"There ({', '.join(at[1] for at in which if at) or 'not known here'}) no Alertmanager takes them: "
            "it is down, a network policy is in the way, or scheme, path prefix or credentials of spec.alerting are wrong.",
            fix=_see_refusals(subject, [at for at in which if at]),
            exhibits=[Table(title="Alerts sent", columns=["To", "Sent", "Failed"], rows=rows)],
            rests_on=dict.fromkeys(Ref.of(workload_of(pod)) for pod in pods),
        )

    # --- whose rules

    def rules(self, subject: Subject, place: Subject) -> None:
        own, loaded = self._environments.of(place.namespace), self.loaded.get(subject)
        foreign: dict[str, list[list[str]]] = {}
        for file in loaded.files if loaded and own else []:
            rule = self.owners.get(loaded_key(file.name, place))
            other = self._environments.of(rule.namespace) if rule else ""
            if rule and other not in ("", own):
                foreign.setdefault(other, []).append([f"{rule.namespace}/{rule.name}", ", ".join(file.groups), str(file.alerts)])
        for other, rows in foreign.items():
            if self._first("rules", place, other):
                self._report_rules(place, own, other, rows)

    def _report_rules(self, place: Subject, own: str, other: str, rows: list[list[str]]) -> None:
        custom = self.customs.get(key_of(place))
        kind = BY_KIND[VM_RULES.kind if place.kind == VM_ALERTS.kind else RULES.kind]
        selected = f"No {place.kind} object of that name was read, so which selector takes them is not known."
        if custom:
            labels, places = describe(kind.labels_of(custom)), describe_places(kind.places_of(custom))
            selected = f"Its ruleSelector is {labels}, its ruleNamespaceSelector {places}."
        self._verdict.report(
            RULES_OF_OTHER_ENVIRONMENT,
            place,
            problem=f"The {own} {called(place)} has loaded {number(len(rows), kind.resource.kind)} of {other}, and alerts on them with "
            f"{own}'s data.",
            cause=f"Among its loaded rules is {kind.resource.kind} {rows[0][0]}. {selected}",
            fix=keep_to_namespaces(Apart(place, own, other, frozenset(self._rule_places(place, own))), custom, [kind]),
            exhibits=[Table(title=f"Rules of {other}", columns=[kind.resource.kind, "Groups", "Alerts"], rows=rows)],
            rests_on=[Ref(RefKind.SELECTORS, place.namespace, place.name)],
        )

    def _rule_places(self, place: Subject, own: str) -> Iterator[str]:
        """The namespaces from which it has to go on taking rules: its environment's, and the shared ones whose rules it has loaded."""
        yield from (place.namespace, *self._environments.members().get(own, []))
        for file in (file for one in self.loaded.values() for file in one.files):
            rule = self.owners.get(loaded_key(file.name, place))
            if rule and self._environments.of(rule.namespace) in ("", own):
                yield rule.namespace


def _lately(sending: Sending) -> str:
    return "since its start" if sending.since_start else f"in the last {ago(SENDING_SECONDS)}"


def _endpoints(custom: Prometheus | None, place: Subject) -> Iterator[tuple[str, str]]:
    """The (namespace, name) of the Services that spec.alerting names."""
    alerting = custom.spec.alerting if custom else None
    for one in (alerting.alertmanagers or []) if alerting else []:
        yield one.namespace or place.namespace, one.name


def _see_refusals(subject: Subject, taking: list[tuple[str, str]]) -> list[Step]:
    """What it logs of the attempts, and what is there to take them, as (namespace, kind and name)."""
    there = [
        (place, name.partition(" ")[0], name.rpartition("/")[2]) for place, name in taking[:3] if name.startswith(("Pod ", "Service "))
    ]
    return [
        look("See why each attempt failed.", *([log_of(subject.namespace, subject.name, "notif")] if subject.kind == "Pod" else [])),
        look(
            "See what is to take its alerts.",
            *(shell("kubectl -n {} describe {} {}", place, kind.lower(), name) for place, kind, name in there),
        ),
        change("Repair what it names there: the Alertmanager, a network policy, or spec.alerting, at its source in Git."),
    ]
