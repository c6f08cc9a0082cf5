from collections import defaultdict
from collections.abc import Callable, Iterable

from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Needed
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.event_lists import Complaint, newest
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.alerting import FailingRule, LoadedRules, loaded_key, rule_key
from clusterprobe.systems.prometheus.earlier import run_an_earlier_one
from clusterprobe.systems.prometheus.objects import (
    RULES,
    STACKS,
    VM_ALERTS,
    VM_RULES,
    Prometheus,
    Rule,
    called,
    key_of,
    stack_of,
)
from clusterprobe.systems.prometheus.other_takers import other_takers
from clusterprobe.systems.prometheus.rule_errors import error_cause, error_steps, services_in
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import BY_KIND, Operator
from clusterprobe.systems.prometheus.unselected import Cause, Selecting, Unclear
from clusterprobe.systems.prometheus.unselected_advice import steps, unless_taken
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

RULES_UNSELECTED = FindingKind("RulesUnselected", Severity.ERROR, "No Prometheus selects a PrometheusRule, so that its alerts never fire.")
RULES_NOT_LOADED = FindingKind(
    "PrometheusRuleNotLoaded", Severity.ERROR, "A Prometheus selects a PrometheusRule, and has not loaded it.", settles=True
)
EVALUATION_FAILS = FindingKind(
    "EvaluationFails", Severity.ERROR, "A rule that is loaded fails at each evaluation, so that its alert never fires."
)
NO_RULES = FindingKind("NoRules", Severity.CRITICAL, "A Prometheus has loaded no rule, so that it sends no alert.")
LOAD_SECONDS = 300  # the Operator, the kubelet's refresh of a mounted ConfigMap, and the reloader


@reports(RULES_UNSELECTED, RULES_NOT_LOADED, EVALUATION_FAILS, NO_RULES)
def probe_rules(
    verdict: Verdict,
    prometheus_rules: Conditional[Rule],
    prometheus_loaded_rules: Conditional[LoadedRules],
    prometheuses: Needed[Prometheus],
    thanos_rulers: Needed[Prometheus],
    prometheus_operators: Conditional[Operator],
    prometheus_runtime: Conditional[Runtime],
    namespaces: Conditional[Namespace],
    system_pods: Enriching[SystemPod],
    operator_rejections: Enriching[Complaint],
    environments: Environments,
    clock: Clock,
) -> None:
    """Is every PrometheusRule loaded, and does every rule that is loaded evaluate?

    Problem: An alert that somebody wrote cannot fire: its rule is loaded nowhere, or fails each time that it is evaluated.
    Cause: Its PrometheusRule has not the labels, or is not in a namespace, that ruleSelector and ruleNamespaceSelector ask for; or the
    Operator rejects it; or its expression fails on the series that there are, such as two of what it takes for one.
    Fix: Set the label that the selector asks for, correct what the Operator names, or scrape what is scraped twice once.
    Prevention: Review the labels of rules in the rendered manifests, let the Operator's admission webhook refuse invalid rules, and alert
    on PrometheusRuleFailures.
    """
    loaded = prometheus_loaded_rules.readings
    vm_alerts = thanos_rulers.keep(lambda _, one: one.of_victoriametrics)
    if prometheuses.complete and not (len(prometheuses) or len(vm_alerts) or len(loaded) or loaded.unreadable):
        verdict.not_applicable(f"there is no Prometheus that would load rules{f': {loaded.absent}' if loaded.absent else ''}")
        return
    if len(prometheuses) or len(vm_alerts) or not prometheuses.complete:
        objects = [prometheus_rules.readings]
        selecting = Selecting([prometheuses, thanos_rulers], prometheus_operators.need(), namespaces.need(), environments, objects)
        known = _Loaded(loaded, prometheus_rules.readings, verdict.environment_of)
        if known.strangers:
            known.judge_strangers(verdict, run_an_earlier_one(prometheuses, prometheus_runtime.need()))
        starved = _judge_objects(verdict, prometheus_rules, selecting, known, newest(operator_rejections), system_pods, clock.now)
    else:
        starved = {}
    owners = {key: subject for subject, one in prometheus_rules.readings if (key := rule_key(subject, one.metadata.uid))}
    _judge_loaded(verdict, prometheus_loaded_rules, owners, starved)


def _judge_loaded(
    verdict: Verdict, loaded: Conditional[LoadedRules], owners: dict[str, Subject], starved: dict[Subject, list[Subject]]
) -> None:
    failing: dict[tuple[Subject, str], list[tuple[Subject, FailingRule]]] = defaultdict(list)
    empty: list[Subject] = []
    for subject, one in loaded.examine():
        prometheus = stack_of(subject)
        if not one.files:
            empty.append(prometheus)
        for file in one.files:
            if file.failing is None:
                verdict.unchecked(subject, "whether its rules fail was not recorded")
                break
            owner = owners.get(loaded_key(file.name, prometheus), prometheus)
            for rule in file.failing:
                failing[owner, rule.group].append((prometheus, rule))
    for (owner, group), rules in failing.items():
        _report_failing(verdict, owner, group, rules)
    taking = dict.fromkeys(stack_of(subject) for subject, one in loaded.readings if one.files)
    for prometheus in dict.fromkeys(empty):
        _report_empty(verdict, prometheus, taking, starved.get(prometheus, []), known=loaded.readings.complete)


class _Loaded:
    """By stack, the keys of the rules that one of its replicas has loaded; one that was not asked is not there.

    `strangers` are the replicas whose files are none that an Operator writes: they tell nothing of its objects. `starving` are the stacks
    that have loaded nothing, in an environment where no other one has.
    """

    def __init__(self, loaded: Readings[LoadedRules], rules: Readings[Rule], environment_of: Callable[[str], str]) -> None:
        fed = {environment_of(subject.namespace) for subject, one in loaded if one.files}
        empty = dict.fromkeys(stack_of(subject) for subject, one in loaded if not one.files)
        self.starving = [one for one in empty if loaded.complete and environment_of(one.namespace) not in fed]
        self.keys: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self.strangers: list[Subject] = []
        # Before 0.57 the Operator wrote files without the UID.
        named = {f"{subject.namespace}-{subject.name}.yaml": rule_key(subject, one.metadata.uid) for subject, one in rules}
        known = set(named.values())
        for subject, one in loaded:
            stack = stack_of(subject)
            keys = {loaded_key(file.name, stack) or named.get(file.name, "") for file in one.files}
            # The files of a VMAlert are told by nothing but their names: where none is known, they may be called otherwise.
            if keys == {""} or (keys and stack.kind == VM_ALERTS.kind and not keys & known):
                self.strangers.append(subject)
            else:
                self.keys[key_of(stack)] |= keys

    def judge_strangers(self, verdict: Verdict, earlier: set[tuple[str, str]]) -> None:
        """One that runs with an earlier configuration has not loaded the objects; of another that is not known."""
        for subject in self.strangers:
            stack = stack_of(subject)
            if (stack.namespace, stack.name) in earlier:
                self.keys[key_of(stack)] |= set()
            else:
                verdict.note(
                    f"{subject} has loaded rules, but of no file that the Operator writes: which of its objects they are is not known."
                )


# --- the objects --------------------------------------------------------------------------------------------------------


def _judge_objects(
    verdict: Verdict,
    rules: Conditional[Rule],
    selecting: Selecting,
    loaded: _Loaded,
    rejections: dict[tuple[str, str, str], Complaint],
    system_pods: Readings[SystemPod],
    now: float,
) -> dict[Subject, list[Subject]]:
    """Report on the objects. Returns those that none selects, by the Prometheus of their environment that has loaded nothing at all."""
    unselected: dict[tuple[str, Cause], list[Subject]] = defaultdict(list)
    held = loaded.keys
    for subject, one in rules.examine():
        kind = BY_KIND[subject.kind]
        refusal = one.status.refusal or _said(rejections.get((subject.kind, subject.namespace, subject.name)))
        match selecting.untaken(kind, one.metadata):
            case Unclear(why):
                verdict.unchecked(subject, f"whether a {kind.taker} selects it is not known: {why}")
            case Cause() as cause:
                unselected[subject.namespace, cause].append(subject)
            case None:
                takers = [taking.subject for taking in selecting.takers(kind, one.metadata)]
                lacking = [place for place in takers if key_of(place) in held]
                lacking = [place for place in lacking if rule_key(subject, one.metadata.uid) not in held[key_of(place)]]
                if lacking:
                    _judge_missing(verdict, subject, one, lacking, refusal, now)
    starved: dict[Subject, list[Subject]] = defaultdict(list)
    for (namespace, cause), subjects in unselected.items():
        others = () if cause.key else other_takers(system_pods, BY_KIND[subjects[0].kind])
        own = verdict.environment_of(namespace)
        starving = [] if others else [one for one in loaded.starving if verdict.environment_of(one.namespace) == own]
        for stack in starving:
            starved[stack] += subjects
        _report_unselected(verdict, cause, subjects, others, starving)
    return starved


def _said(complaint: Complaint | None) -> str:
    return complaint.message if complaint else ""


def _judge_missing(verdict: Verdict, subject: Subject, rule: Rule, lacking: list[Subject], refusal: str, now: float) -> None:
    created = epoch(rule.metadata.creation_timestamp)
    if rule.status.failed:
        return  # `objects/conditions` says why
    if rule.spec is None or not rule.metadata.uid or created is None:
        verdict.unchecked(subject, "whether it has groups of rules, and since when it exists, was not recorded")
    elif not rule.spec.groups:
        verdict.note(f"{subject} has no group of rules")
    elif now - created >= LOAD_SECONDS:
        _report_missing(verdict, subject, lacking, refusal, now - created)


def _report_missing(verdict: Verdict, subject: Subject, lacking: list[Subject], refusal: str, age: float) -> None:
    who = listed([called(one) for one in lacking], 3)
    kind = BY_KIND[subject.kind].resource.name
    see = look("Read what the Operator says of it.", shell("kubectl -n {} describe {} {}", subject.namespace, kind, subject.name))
    if refusal:
        cause = f"The Operator rejects it: {said(refusal)}."
        fix = [see, change(f"Correct what the message names. Change it {SOURCE}.")]
    else:
        cause = "The Operator does not say that it rejects it: it may not have written it yet, or the reload of the configuration fails."
        seen = [
            look(
                f"See whether {one.namespace}/{one.name} is reconciled.",
                shell("kubectl -n {} get {} {} -o jsonpath='{.status}'", one.namespace, STACKS[one.kind].name, one.name)
                if one.kind == VM_ALERTS.kind
                else shell("kubectl -n {} get {} {} -o jsonpath='{.status.conditions}'", one.namespace, STACKS[one.kind].name, one.name),
            )
            for one in lacking[:3]
        ]
        fix = [see, *seen, change("Repair what those conditions, the Operator's log or the log of the config-reloader name.")]
    verdict.report(
        RULES_NOT_LOADED,
        subject,
        problem=f"{who} selects {subject}, and has not loaded it, {ago(age)} after it was created: its alerts cannot fire.",
        cause=cause,
        fix=fix,
        rests_on=[Ref.of(one) for one in lacking],
    )


def _report_unselected(
    verdict: Verdict, cause: Cause, subjects: list[Subject], others: tuple[Subject, ...], starving: list[Subject]
) -> None:
    """`starving` are the Prometheuses of their environment that have loaded no rule: with these they would have some."""
    first, count = subjects[0], len(subjects)
    who = str(first) if count == 1 else f"{first} and {count - 1} more"
    taker = BY_KIND[first.kind].taker
    also = f" Only a {taker} of another environment loads it: {cause.elsewhere}." if cause.elsewhere else ""
    rows = [[one.namespace, one.name] for one in subjects]
    whose = "its" if count == 1 else "their"
    effect = f"{whose} alerts fire only if another program does" if others else f"{whose} alerts cannot fire"
    verdict.report(
        RULES_UNSELECTED,
        first,
        severity=Severity.ERROR if starving else Severity.WARNING,
        problem=f"No {taker} of its environment loads {who}: {effect}.{also}",
        cause=f"{first}: {cause.text}.{unless_taken(others)}",
        fix=steps(cause, subjects, others),
        exhibits=[Table(title=f"Loaded by no {taker}", columns=["Namespace", first.kind], rows=rows)],
        breaks=[Ref(RefKind.RULES, one.namespace, one.name) for one in starving],
    )


# --- what is loaded -----------------------------------------------------------------------------------------------------


def _report_failing(verdict: Verdict, owner: Subject, group: str, rules: list[tuple[Subject, FailingRule]]) -> None:
    prometheus, first = rules[0]
    each = {rule.name: rule for _, rule in rules}
    where = called(prometheus)
    of = f" of {owner}" if owner != prometheus else ""
    severity = Severity.ERROR if any(rule.alerts for rule in each.values()) else Severity.WARNING
    see, edit = list[Step](), list[Step]()
    if owner.kind in (RULES.kind, VM_RULES.kind):
        kind = BY_KIND[owner.kind].resource.name
        see = [look("See the rule.", shell("kubectl -n {} get {} {} -o yaml", owner.namespace, kind, owner.name))]
        edit = [edited(kind, owner)]
    verdict.report(
        EVALUATION_FAILS,
        owner,
        severity=severity,
        problem=f"{number(len(each), 'rule')} of the group {group}{of} {'fails' if len(each) == 1 else 'fail'} in {where}: "
        f"{listed(list(each), 5)}.",
        cause=f"{error_cause(first.error)} {prometheus.kind} says {said(first.error)}.",
        fix=[*see, *error_steps(first.error), *edit],
        exhibits=[
            Table(
                title="Rules that fail",
                columns=["Rule", f"What {prometheus.kind} says"],
                rows=[[one.name, one.error] for one in each.values()],
            )
        ],
        rests_on=[Ref(RefKind.SCRAPE, prometheus.namespace, f"{prometheus.name}/{service}") for service in services_in(first.error)],
        breaks=[Ref(RefKind.RULE_GROUP, owner.namespace, f"{owner.name}/{group}")] if of else [],
    )


def _report_empty(verdict: Verdict, prometheus: Subject, taking: Iterable[Subject], starved: list[Subject], *, known: bool) -> None:
    """`taking` are those that have loaded rules, all of them if `known`: beside one of them it may be meant to have none. `starved` are
    the objects of its environment that nothing selects: somebody wrote rules for it.
    """
    own = verdict.environment_of(prometheus.namespace)
    beside = [called(one) for one in taking if own and verdict.environment_of(one.namespace) == own]
    custom = (prometheus.namespace, STACKS[prometheus.kind].name, prometheus.name)
    kinds = VM_RULES if prometheus.kind == VM_ALERTS.kind else RULES
    others = f", and no other one of {own} has any" if own and known else ""
    verdict.report(
        NO_RULES,
        prometheus,
        severity=Severity.CRITICAL if starved else Severity.WARNING if own and not beside else Severity.INFO,
        problem=f"{called(prometheus)} has loaded no rule: it sends no alert"
        + (f"; {listed(beside, 2)} of {own} has some." if beside else f"{others}."),
        cause=f"It selects none of those that are there, such as {listed(list(map(str, starved)), 2)}."
        if starved
        else "Its rules are elsewhere, such as in a Thanos Ruler, or none matches its ruleSelector and ruleNamespaceSelector.",
        fix=[
            look(
                "See what it selects, if the Operator manages it, and which rules there are.",
                shell("kubectl -n {} get {} {} -o jsonpath='{.spec.ruleSelector}{.spec.ruleNamespaceSelector}'", *custom),
                shell("kubectl get {} -A --show-labels", kinds.name),
            ),
            change(f"Let ruleSelector select the rules that it is to evaluate, if it is to evaluate any. Change it {SOURCE}."),
        ],
        rests_on=[Ref(RefKind.RULES, prometheus.namespace, prometheus.name)] if starved else [],
        breaks=[Ref(RefKind.ALERTS, prometheus.namespace, prometheus.name)] if starved else [],
    )
