from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager_alerts import Arrived
from clusterprobe.systems.loki_ruler import Firing, LogRule, Receiver, Ruler
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

ARRIVES_WITHIN_SECONDS = 120.0
PREVENTION = (
    "Keep one LogQL alert that always fires (`vector(1) > 0`) and have something outside notice when it stops, check rule files in CI "
    "(`lokitool rules lint`), and alert on `loki_prometheus_rule_evaluation_failures_total` and on "
    "`loki_prometheus_notifications_errors_total`."
)


def probe_ruler(
    verdict: Verdict,
    loki_rulers: Readings[Ruler],
    alertmanager_alerts: Readings[Arrived],
    alertmanager_servers: Readings[Server],
    clock: Clock,
) -> None:
    """Do the alerts that are made from logs reach an Alertmanager?

    Problem: A service writes errors, and nobody is told: log alerts are evaluated by Loki's ruler, not by Prometheus, and
    everything else looks healthy.
    Cause: The ruler was given no `alertmanager_url`, or a wrong one; a rule fails in each evaluation; or a rule file does
    not parse, so that none of its tenant's rules is loaded.
    Fix: Set `ruler.alertmanager_url` to the Alertmanager's Service; correct the rule that the finding names.
    Prevention: Keep one log alert that always fires, so that the way is proven all the time.
    """
    releases: dict[tuple[str, str], list[Ruler]] = {}
    for _, ruler in verdict.need(loki_rulers):
        if ruler.runs:
            releases.setdefault((ruler.namespace, ruler.release), []).append(ruler)
    if not releases and loki_rulers.complete:
        here = loki_rulers.absent if not loki_rulers.values else "no Loki here runs the module `ruler`"
        verdict.not_applicable(here)
    places = {subject: server.namespace for subject, server in verdict.enrich(alertmanager_servers)}
    for (namespace, release), replicas in releases.items():
        subject = Subject(kind="Loki", namespace=namespace, name=release)
        rules = [rule for one in replicas for rule in one.rules]
        broken = _judge_rules(verdict, subject, replicas, rules)
        if not rules and not broken:
            verdict.not_applicable(f"the ruler of {namespace}/{release} has no rule, so no alert is made from logs")
            continue
        verdict.examined += 1
        if any(rule.alerting for rule in rules) and _judge_address(verdict, subject, replicas):
            _judge_arrival(verdict, subject, replicas, rules, verdict.need(alertmanager_alerts), places, clock.now)


def _judge_rules(verdict: Verdict, subject: Subject, replicas: list[Ruler], rules: list[LogRule]) -> bool:
    """Whether something keeps rules from being loaded; rules that fail are reported as well."""
    stored = next((one.stored_error for one in replicas if one.stored_error), "")
    tenants = sorted({tenant for one in replicas for tenant in one.reload_failed})
    if stored or tenants:
        said = f"Loki says: {stored}" if stored else f"Its last reload failed for tenant {', '.join(tenants)}; its log names the rule."
        problem = f"{subject.namespace}/{subject.name} cannot load its rule files: what was loaded before goes on, changes do not."
        _report(verdict, subject, "RulesNotLoaded", problem, f"A rule file does not parse, or cannot be read. {said}", _look(subject))
    failing = list({(one.file, one.group, one.name): one for one in rules if one.health == "err" or one.error}.values())
    if failing:
        first = failing[0]
        rows = [[one.name, one.group, one.file, one.error] for one in failing[:20]]
        _report(
            verdict,
            subject,
            "RuleFails",
            f"{len(failing)} log rule{'s fail' if len(failing) > 1 else ' fails'} in each evaluation, and so cannot fire: "
            f"{', '.join(one.name for one in failing[:5])}.",
            f"Rule {first.name} of group {first.group} in {first.file}: {first.error or 'its health is err'}",
            f"Correct the query in {first.file}; try it by hand first (Grafana's Explore, or logcli).\n{_look(subject)}",
            Table(title="Rules that fail", columns=["Rule", "Group", "File", "Error"], rows=rows),
        )
    return bool(stored or tenants)


def _judge_address(verdict: Verdict, subject: Subject, replicas: list[Ruler]) -> bool:
    """Whether there is an Alertmanager to send to, and one that takes what is sent."""
    if not any(one.known for one in replicas):
        cause = "Its metric loki_prometheus_notifications_alertmanagers_discovered is 0: `ruler.alertmanager_url` is empty, or its name "
        cause += "(with `enable_alertmanager_discovery`) resolves to nothing."
        problem = f"The ruler of {subject.namespace}/{subject.name} has log alerts, but no Alertmanager to send them to."
        _report(verdict, subject, "RulerWithoutAlertmanager", problem, cause, _address_fix(subject))
        return False
    receivers = [each for one in replicas for each in one.receivers]
    dead = sorted({one.address for one in receivers if one.sent and not one.accepted})
    if dead and not any(one.accepted for one in receivers):
        failed = sum(one.failed for one in receivers)
        cause = f"`ruler.alertmanager_url` leads to {', '.join(dead)}, which took none of {failed} notifications "
        cause += "(loki_prometheus_notifications_errors_total)."
        problem = f"Not one log alert of {subject.namespace}/{subject.name} has reached an Alertmanager since its ruler started."
        _report(verdict, subject, "AlertmanagerUnreachable", problem, cause, _address_fix(subject))
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
            _report_lost(verdict, subject, old, sorted({each.address for each in receivers}), now)
        elif lost and not old and len(lost) == len(firing):
            verdict.unchecked(subject, "its log alerts fire too short a time to have arrived")
        _judge_environments(verdict, subject, firing, homes, held)
    elif accepted:
        verdict.note(f"{subject.namespace}/{subject.name}: {accepted} notifications were accepted by {', '.join(_hosts(receivers))}.")
    else:
        why = (
            "no log alert fires"
            if not firing
            else f"the Alertmanager that it sends to ({', '.join(_hosts(receivers)) or '?'}) is not known"
        )
        verdict.unchecked(subject, f"{why}, so nothing proves that one arrives: keep one that always fires (`vector(1) > 0`)")


def _judge_environments(
    verdict: Verdict, subject: Subject, firing: list[Firing], homes: set[str], held: dict[str, list[dict[str, str]]]
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
        verdict.finding(
            Severity.INFO if shared else Severity.WARNING,
            "AlertsOfAnotherEnvironment",
            subject,
            problem=f"Log alerts of {place} go to the Alertmanager of {', '.join(sorted(reached))} only.",
            cause=f"{name} fires with namespace={place}; the one `alertmanager_url` of the tenant leads to {', '.join(sorted(homes))}.",
            fix="Give each environment a tenant with an Alertmanager of its own (`ruler_alertmanager_config` in the overrides), or let the "
            "routes of that Alertmanager tell the environments by the label `namespace`.\n" + _look(subject),
            prevention=PREVENTION,
        )


def _report_lost(verdict: Verdict, subject: Subject, lost: list[Firing], addresses: list[str], now: float) -> None:
    names = ", ".join(sorted({one.labels.get("alertname", "?") for one in lost}))
    since = max(now - (epoch(one.active_at) or now) for one in lost)
    cause = (
        f"It fires for {ago(since)}, but is not among the alerts of the Alertmanager at {', '.join(addresses)}: refused, relabelled away, "
    )
    cause += "or sent to another one by that name."
    problem = f"{names} fires in the ruler of {subject.namespace}/{subject.name}, and has not arrived."
    _report(verdict, subject, "LogAlertsLost", problem, cause, _address_fix(subject))


def _report(verdict: Verdict, subject: Subject, reason: str, problem: str, cause: str, fix: str, *exhibits: Table) -> None:
    verdict.finding(
        Severity.ERROR,
        reason,
        subject,
        problem=problem,
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
        exhibits=exhibits,
        breaks=[f"LogAlerts/{subject.namespace}/{subject.name}"],
        rests_on=[f"Loki/{subject.namespace}/{subject.name}"],
    )


def _is_same(one: Firing, labels: dict[str, str]) -> bool:
    """The ruler may add external labels on the way."""
    return one.labels.items() <= labels.items()


def _lies_in(receiver: Receiver, namespace: str) -> bool:
    """Whether an address is that of a Service in a namespace: `name.namespace`, `name.namespace.svc…`."""
    return receiver.host.split(".")[1:2] == [namespace]


def _hosts(receivers: list[Receiver]) -> list[str]:
    return sorted({one.host for one in receivers})


def _look(subject: Subject) -> str:
    return f"$ kubectl -n {subject.namespace} logs -l app.kubernetes.io/name=loki --tail=-1 --since=10m | grep -i rul"


def _address_fix(subject: Subject) -> str:
    return (
        "In the values of the Loki chart, `loki.rulerConfig.alertmanager_url` (in the configuration, `ruler.alertmanager_url`):\n"
        "    http://alertmanager-operated.YOUR-MONITORING-NAMESPACE.svc.cluster.local:9093\n"
        "$ kubectl get services -A | grep alertmanager\n" + _look(subject)
    )
