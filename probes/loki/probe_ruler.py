from collections.abc import Iterable

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional, Enriching, Examined
from clusterprobe.systems.alertmanager.alerts import Arrived
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.looking import logs_of
from clusterprobe.systems.loki.configuration_advice import in_its_configuration
from clusterprobe.systems.loki.ruler import Firing, LogRule, Receiver, Ruler
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

RULES_NOT_LOADED = FindingKind("RulesNotLoaded", Severity.ERROR, "The ruler of a Loki cannot load its rule files.")
RULE_FAILS = FindingKind("RuleFails", Severity.ERROR, "A log rule fails in each evaluation.")
RULER_WITHOUT_ALERTMANAGER = FindingKind(
    "RulerWithoutAlertmanager", Severity.ERROR, "The ruler of a Loki has log alerts, and no Alertmanager to send them to."
)
ALERTMANAGER_UNREACHABLE = FindingKind(
    "AlertmanagerUnreachable", Severity.ERROR, "The Alertmanager of a ruler takes none of its notifications."
)
LOG_ALERTS_LOST = FindingKind("LogAlertsLost", Severity.ERROR, "A log alert fires, and does not arrive at its Alertmanager.")
ALERTS_OF_ANOTHER_ENVIRONMENT = FindingKind(
    "AlertsOfAnotherEnvironment", Severity.WARNING, "Log alerts of an environment are sent only to the Alertmanager of another one."
)
ARRIVES_WITHIN_SECONDS = 120.0


@reports(RULES_NOT_LOADED, RULE_FAILS, RULER_WITHOUT_ALERTMANAGER, ALERTMANAGER_UNREACHABLE, LOG_ALERTS_LOST, ALERTS_OF_ANOTHER_ENVIRONMENT)
def probe_ruler(
    verdict: Verdict,
    loki_rulers: Examined[Ruler],
    alertmanager_alerts: Conditional[Arrived],
    alertmanager_servers: Enriching[Server],
    system_pods: Enriching[SystemPod],
    clock: Clock,
) -> None:
    """Do the alerts that are made from logs reach an Alertmanager?

    Problem: A service writes errors, and no alert is delivered: log alerts are evaluated by Loki's ruler, not by Prometheus, and
    everything else looks healthy.
    Cause: The ruler was given no `alertmanager_url`, or a wrong one; a rule fails in each evaluation; or a rule file does
    not parse, so that none of its tenant's rules is loaded.
    Fix: Set `ruler.alertmanager_url` to the Alertmanager's Service; correct the rule that the finding names.
    Prevention: Keep one LogQL alert that always fires (`vector(1) > 0`) and have something outside notice when it stops, check rule files
    in CI (`lokitool rules lint`), and alert on `loki_prometheus_rule_evaluation_failures_total` and on
    `loki_prometheus_notifications_errors_total`.
    """
    releases: dict[tuple[str, str], list[Ruler]] = {}
    rulers = loki_rulers.readings
    for _, ruler in rulers:
        if ruler.runs:
            releases.setdefault((ruler.namespace, ruler.release), []).append(ruler)
    if not releases and rulers.complete:
        verdict.not_applicable(rulers.absent if not rulers.values else "no Loki here runs the module `ruler`")
    places = {subject: server.namespace for subject, server in alertmanager_servers}
    for (namespace, release), replicas in releases.items():
        subject = Subject(kind="Loki", namespace=namespace, name=release)
        rules = [rule for one in replicas for rule in one.rules]
        see = _look(subject, rulers)
        broken = _judge_rules(verdict, subject, see, replicas, rules)
        repair = _name_the_alertmanager(verdict, subject, see, alertmanager_servers.items)
        repair += in_its_configuration(system_pods, _pods(subject, rulers))
        if not rules and not broken:
            verdict.not_applicable(f"the ruler of {namespace}/{release} has no rule, so no alert is made from logs")
            continue
        verdict.examined += 1
        if any(rule.alerting for rule in rules) and _judge_address(verdict, subject, replicas, repair):
            _judge_arrival(verdict, subject, replicas, rules, alertmanager_alerts.need(), places, clock.now, repair)


def _judge_rules(verdict: Verdict, subject: Subject, see: Step, replicas: list[Ruler], rules: list[LogRule]) -> bool:
    """Whether something keeps rules from being loaded; rules that fail are reported as well."""
    stored = next((one.stored_error for one in replicas if one.stored_error), "")
    tenants = sorted({tenant for one in replicas for tenant in one.reload_failed})
    if stored or tenants:
        said = f"Loki says: {stored}" if stored else f"Its last reload failed for tenant {', '.join(tenants)}; its log names the rule."
        problem = f"{subject.namespace}/{subject.name} cannot load its rule files: the rules that were loaded before stay active."
        _report(verdict, subject, RULES_NOT_LOADED, problem, f"A rule file does not parse, or cannot be read. {said}", _repair(see))
    failing = list({(one.file, one.group, one.name): one for one in rules if one.health == "err" or one.error}.values())
    if failing:
        first = failing[0]
        rows = [[one.name, one.group, one.file, one.error] for one in failing[:20]]
        _report(
            verdict,
            subject,
            RULE_FAILS,
            f"{number(len(failing), 'log rule fails', 'log rules fail')} in each evaluation, and so cannot fire: "
            f"{listed([one.name for one in failing], 5)}.",
            f"Rule {first.name} of group {first.group} in {first.file}: {first.error or 'its health is err'}",
            [
                see,
                change(f"Correct the query in {first.file}, at its source in Git; try it first in Grafana's Explore or with logcli."),
            ],
            Table(title="Rules that fail", columns=["Rule", "Group", "File", "Error"], rows=rows),
        )
    return bool(stored or tenants)


def _judge_address(verdict: Verdict, subject: Subject, replicas: list[Ruler], repair: list[Step]) -> bool:
    """Whether there is an Alertmanager to send to, and one that takes what is sent."""
    if not any(one.known for one in replicas):
        cause = "Its metric loki_prometheus_notifications_alertmanagers_discovered is 0: `ruler.alertmanager_url` is empty, or its name "
        cause += "(with `enable_alertmanager_discovery`) resolves to nothing."
        problem = f"The ruler of {subject.namespace}/{subject.name} has log alerts, but no Alertmanager to send them to."
        _report(verdict, subject, RULER_WITHOUT_ALERTMANAGER, problem, cause, repair)
        return False
    receivers = [each for one in replicas for each in one.receivers]
    dead = sorted({one.address for one in receivers if one.sent and not one.accepted})
    if dead and not any(one.accepted for one in receivers):
        failed = sum(one.failed for one in receivers)
        cause = f"`ruler.alertmanager_url` leads to {', '.join(dead)}, which took none of {number(failed, 'notification')} "
        cause += "(loki_prometheus_notifications_errors_total)."
        problem = f"Not one log alert of {subject.namespace}/{subject.name} has reached an Alertmanager since its ruler started."
        _report(verdict, subject, ALERTMANAGER_UNREACHABLE, problem, cause, repair)
        return False
    return True


def _judge_arrival(
    verdict: Verdict,
    subject: Subject,
    replicas: list[Ruler],
    rules: list[LogRule],
    arrived: Readings[Arrived],
    places: dict[Subject, str],
    now: float,
    repair: list[Step],
) -> None:
    """An alert that fires has to be found where the ruler sends it; without one, what was accepted earlier has to do."""
    receivers = [each for one in replicas for each in one.receivers]
    accepted = sum(each.accepted for each in receivers)
    firing = [alert for rule in rules for alert in rule.firing]
    held: dict[str, list[dict[str, str]]] = {}
    for other, one in arrived:
        held.setdefault(places.get(other, other.namespace), []).extend(alert.labels for alert in one.alerts)
    homes = {place for place in held for each in receivers if _lies_in(each, place)}
    if firing and homes:
        lost = [alert for alert in firing if not any(_is_same(alert, labels) for place in homes for labels in held[place])]
        old = [alert for alert in lost if (since := epoch(alert.active_at)) is not None and now - since > ARRIVES_WITHIN_SECONDS]
        if old and arrived.complete:
            _report_lost(verdict, subject, old, sorted({each.address for each in receivers}), now, repair)
        elif lost and not old and len(lost) == len(firing):
            verdict.unchecked(subject, "its log alerts fire too short a time to have arrived")
        _judge_environments(verdict, subject, repair[0], firing, homes, held)
    elif accepted:
        verdict.note(
            f"{subject.namespace}/{subject.name}: {number(accepted, 'notification was', 'notifications were')} accepted by "
            f"{', '.join(_hosts(receivers))}."
        )
    else:
        why = (
            "no log alert fires"
            if not firing
            else f"the Alertmanager that it sends to ({', '.join(_hosts(receivers)) or '?'}) is not known"
        )
        verdict.unchecked(subject, f"{why}, so nothing proves that one arrives: keep one alert that always fires (`vector(1) > 0`)")


def _judge_environments(
    verdict: Verdict, subject: Subject, see: Step, firing: list[Firing], homes: set[str], held: dict[str, list[dict[str, str]]]
) -> None:
    """Alerts whose own labels name another environment than that of every Alertmanager they go to, while theirs has one.

    That a Loki which all environments share tells only one of them is worth knowing; that one of an environment does is wrong.
    """
    shared = not verdict.environment_of(subject.namespace)
    reached = {verdict.environment_of(place) for place in homes}
    owning = {verdict.environment_of(place) for place in held}
    astray = {
        one.labels["namespace"]: one.labels.get("alertname", "?")
        for one in firing
        if (own := verdict.environment_of(one.labels.get("namespace", ""))) and own not in reached and "" not in reached and own in owning
    }
    for place, name in sorted(astray.items()):
        verdict.report(
            ALERTS_OF_ANOTHER_ENVIRONMENT,
            subject,
            severity=Severity.INFO if shared else Severity.WARNING,
            problem=f"Log alerts of {place} are sent to the Alertmanager of {', '.join(sorted(reached))} only.",
            cause=f"{name} fires with namespace={place}; the one `alertmanager_url` of the tenant leads to {', '.join(sorted(homes))}.",
            fix=[
                see,
                change(
                    "Give each environment a tenant with an Alertmanager of its own (`ruler_alertmanager_config` in the overrides). Or let "
                    "the routes of that Alertmanager separate the environments by the label `namespace`."
                ),
            ],
        )


def _report_lost(verdict: Verdict, subject: Subject, lost: list[Firing], addresses: list[str], now: float, repair: list[Step]) -> None:
    names = ", ".join(sorted({one.labels.get("alertname", "?") for one in lost}))
    since = max(now - (epoch(one.active_at) or now) for one in lost)
    cause = f"It has been firing for {ago(since)}, but is not among the alerts of the Alertmanager at {', '.join(addresses)}: refused, "
    cause += "relabelled away, or sent to another one by that name."
    problem = f"{names} fires in the ruler of {subject.namespace}/{subject.name}, and has not arrived."
    _report(verdict, subject, LOG_ALERTS_LOST, problem, cause, repair)


def _report(verdict: Verdict, subject: Subject, kind: FindingKind, problem: str, cause: str, fix: list[Step], *exhibits: Table) -> None:
    verdict.report(
        kind,
        subject,
        problem=problem,
        cause=cause,
        fix=fix,
        exhibits=exhibits,
        rests_on=[Ref.of(subject)],
    )


def _is_same(one: Firing, labels: dict[str, str]) -> bool:
    """The ruler may add external labels on the way."""
    return one.labels.items() <= labels.items()


def _lies_in(receiver: Receiver, namespace: str) -> bool:
    """Whether an address is that of a Service in a namespace: `name.namespace`, `name.namespace.svc…`."""
    return receiver.host.split(".")[1:2] == [namespace]


def _hosts(receivers: list[Receiver]) -> list[str]:
    return sorted({one.host for one in receivers})


def _look(subject: Subject, rulers: Readings[Ruler]) -> Step:
    return look("See what its log says of its rules.", *logs_of(subject.namespace, [on.name for on in _pods(subject, rulers)], "rul"))


def _pods(subject: Subject, rulers: Readings[Ruler]) -> list[Subject]:
    return [on for on, one in rulers if on.kind == "Pod" and (one.namespace, one.release) == (subject.namespace, subject.name)]


def _repair(see: Step) -> list[Step]:
    return [see, change("Correct the file that it names, at its source in Git; `lokitool rules lint` checks it there.")]


def _name_the_alertmanager(verdict: Verdict, subject: Subject, see: Step, takers: Iterable[Server]) -> list[Step]:
    """The address of the one Alertmanager that it can mean: of its environment, or, for a shared Loki, the only one."""
    own = verdict.environment_of(subject.namespace)
    near = {one.key: one for one in takers if not own or verdict.environment_of(one.namespace) == own}
    sure = [one for one in near.values() if one.custom]
    code = ""
    if len(near) == 1 and sure:
        address = f"{sure[0].scheme}://alertmanager-operated.{sure[0].namespace}.svc:{sure[0].port}{sure[0].prefix}"
        code = snippet("loki:\n  rulerConfig:\n    alertmanager_url: {}", address)
    return [
        see,
        look("See which Services lead to an Alertmanager.", shell("kubectl get services -A | grep -i alertmanager")),
        change(
            "Set `ruler.alertmanager_url` to the Service of its Alertmanager, at its source in Git. In the values of the "
            f"Loki chart it is `loki.rulerConfig.alertmanager_url`{':' if code else '.'}",
            code=code,
        ),
    ]
