from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.patterns import ours
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.objects import Condition, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.missing_objects import Missing, missing_in
from clusterprobe.systems.prometheus.objects import AGENTS, GROUP, PROMETHEUSES, Prometheus
from clusterprobe.systems.prometheus.selection import Operator
from clusterprobe.times import age, ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

NOT_RECONCILED = FindingKind(
    "ObjectNotReconciled",
    Severity.ERROR,
    "The Operator cannot apply a Prometheus or Alertmanager object: no change to it arrives.",
    settles=True,
)
NOT_AVAILABLE = FindingKind(
    "NotAvailable", Severity.ERROR, "A Prometheus or Alertmanager object has fewer pods than it should.", settles=True
)
PAUSED = FindingKind("Paused", Severity.WARNING, "A Prometheus or Alertmanager object is paused, so that no change to it is applied.")
TWO_OPERATORS = FindingKind("TwoOperators", Severity.ERROR, "Two Operators manage one object, and revert each other's work.")
AVAILABLE_SECONDS = 300  # a pod may be replaced by then
# prometheus-operator/pkg/operator/storageclass.go: what it says of a class that it looks for and does not find.
_NO_CLASS = ours(r'storage class "([^"\s]+)" does not exist')
RECONCILED, AVAILABLE = "Reconciled", "Available"
Custom = Prometheus | Alertmanager
_PLURALS = {one.kind: one.plural for one in (PROMETHEUSES, AGENTS, ALERTMANAGERS)}


@reports(NOT_RECONCILED, NOT_AVAILABLE, PAUSED, TWO_OPERATORS)
def probe_reconciled(
    verdict: Verdict,
    prometheuses: Examined[Prometheus],
    prometheus_agents: Examined[Prometheus],
    alertmanagers: Examined[Alertmanager],
    prometheus_operators: Conditional[Operator],
    pods: Enriching[Pod],
    clock: Clock,
) -> None:
    """Does the Operator apply every Prometheus and Alertmanager object, and only one Operator?

    Problem: What is asked for does not run: the Operator refuses the object, or is told to leave it alone, or its pods do not start, or a
    second Operator reverts the first one's work.
    Cause: The object's own condition says it, with the Secret, the reference or the pod that is concerned; or the arguments of two
    Operators let both of them manage it.
    Fix: Correct what the condition names. Let one Operator run, or limit each by its namespaces or its controller id.
    Prevention: Alert on PrometheusOperatorReconcileErrors and PrometheusOperatorSyncFailed, and install one Operator a cluster.
    """
    # What VictoriaMetrics' operator says of its objects is in other conditions, which `objects/conditions` reads.
    agents = prometheus_agents.keep(lambda _, one: not one.of_victoriametrics, "there are only objects of VictoriaMetrics")
    there = any(len(one.readings) for one in (prometheuses, agents, alertmanagers))
    operators: Readings[Operator] = prometheus_operators.need() if there else Readings()
    shared: dict[frozenset[Subject], list[Subject]] = defaultdict(list)
    owners = {(on.namespace, on.name): workload_of(pod) for on, pod in pods}
    for readings in (prometheuses, agents, alertmanagers):
        for subject, one in readings:
            _judge(verdict, subject, one, clock.now)
            managing = frozenset(owners.get((on.namespace, on.name), on) for on, each in operators if _manages(each, one))
            if len(managing) > 1:
                shared[managing].append(subject)
    for managing, subjects in shared.items():
        _report_two(verdict, sorted(managing, key=str), subjects)


def _manages(operator: Operator, one: Custom) -> bool:
    if operator.unclear:
        return False
    return operator.manages(one) if isinstance(one, Prometheus) else operator.keeps(one.metadata)


def _judge(verdict: Verdict, subject: Subject, one: Custom, now: float) -> None:
    conditions = {each.type: each for each in one.status.conditions or []}
    if one.spec.paused:
        _report_paused(verdict, subject, one)
        return
    reconciled, available = conditions.get(RECONCILED), conditions.get(AVAILABLE)
    if reconciled is None and available is None:
        verdict.note(f"{subject} has no conditions: its Operator is old or none manages it, so whether it is reconciled is not known")
    elif reconciled is not None and reconciled.status == "False":
        _report_refused(verdict, subject, reconciled, now)
    elif reconciled is not None and reconciled.status not in ("True", "False"):
        verdict.unchecked(
            subject, f"its condition {RECONCILED} is {reconciled.status or 'empty'}: {reconciled.message or reconciled.reason}"
        )
    if available is not None and available.status in ("False", "Degraded"):
        lasted = age(epoch(available.last_transition_time), now)
        if lasted is None or lasted >= AVAILABLE_SECONDS:
            _report_unavailable(verdict, subject, available, lasted)


def _since(condition: Condition, now: float) -> str:
    lasted = age(epoch(condition.last_transition_time), now)
    return "" if lasted is None else f" for {ago(lasted)}"


def _see(subject: Subject) -> Step:
    place = (subject.namespace, _resource(subject), subject.name)
    return look("Read its conditions.", shell("kubectl -n {} get {} {} -o jsonpath='{.status.conditions}'", *place))


def _resource(subject: Subject) -> str:
    return f"{_PLURALS[subject.kind]}.{GROUP}"


def _report_refused(verdict: Verdict, subject: Subject, condition: Condition, now: float) -> None:
    missing = missing_in(condition.message)
    verdict.report(
        NOT_RECONCILED,
        subject,
        problem=f"The Operator has not applied {subject}{_since(condition, now)}: what runs is an earlier state, or nothing, and no change "
        "arrives.",
        cause=f"Its condition {RECONCILED} says {said(condition.message or condition.reason)}.",
        fix=[_see(subject), *_correcting(subject, condition.message, missing)],
        breaks=[Ref.of(subject)],
        rests_on=[
            *([Ref(RefKind.SECRET, subject.namespace, missing.name)] if missing and missing.kind == "secret" else []),
            # A configuration that is refused is a finding of its own, with how to repair it.
            *([Ref(RefKind.ALERTMANAGER_CONFIGURATION, subject.namespace, subject.name)] if subject.kind == "Alertmanager" else []),
        ],
    )


def _correcting(subject: Subject, message: str, missing: Missing | None) -> list[Step]:
    """How to correct what the Operator refuses; on the object only where it names what is not there."""
    if missing:
        return [
            look("See what there is.", shell("kubectl -n {} get {}", subject.namespace, f"{missing.kind}s")),
            change(f"Create {missing} in namespace {subject.namespace}, or correct the reference to it in the object. Change it {SOURCE}."),
            edited(_resource(subject), subject),
        ]
    if found := _NO_CLASS.search(message):
        return [
            look("See which StorageClasses there are.", shell("kubectl get storageclass")),
            change(
                f"Name one of them instead of {found[1]} in spec.storage.volumeClaimTemplate.spec.storageClassName, {SOURCE}; or have the "
                "class made first."
            ),
            edited(_resource(subject), subject),
        ]
    return [change(f"Correct in the object, or in what it names, what the message says. Change it {SOURCE}.")]


def _report_unavailable(verdict: Verdict, subject: Subject, condition: Condition, lasted: float | None) -> None:
    none = condition.status == "False"
    name = f"{subject.kind.lower()}-{subject.name}" if subject.kind in ("Prometheus", "Alertmanager") else f"prom-agent-{subject.name}"
    verdict.report(
        NOT_AVAILABLE,
        subject,
        severity=Severity.ERROR if none else Severity.WARNING,
        problem=f"{subject} has {'no' if none else 'fewer'} running {'pod' if none else 'pods than it should'}"
        + (f", for {ago(lasted)}." if lasted is not None else "."),
        cause=f"Its condition {AVAILABLE} says {said(condition.message or condition.reason)}.",
        fix=[
            _see(subject),
            look("See its pods.", shell("kubectl -n {} get pods -o wide", subject.namespace)),
            change("Repair what the message names: `pods/not-started` and `pods/crash-loop` say why a pod does not run."),
        ],
        rests_on=[Ref(RefKind.STATEFUL_SET, subject.namespace, name)],
    )


def _report_paused(verdict: Verdict, subject: Subject, one: Custom) -> None:
    """A remark, until a change waits: to pause it is the first one that its conditions have not observed."""
    observed = max((each.observed_generation for each in one.status.conditions or []), default=0)
    waiting = one.metadata.generation - observed - 1 if observed else 0
    place = (subject.namespace, _resource(subject), subject.name)
    more = f" {number(waiting, 'change')} of it {'waits' if waiting == 1 else 'wait'}." if waiting > 0 else ""
    verdict.report(
        PAUSED,
        subject,
        severity=Severity.WARNING if waiting > 0 else Severity.INFO,
        problem=f"{subject} is paused: the Operator applies no change to it, nor to what it selects.{more}",
        cause="Its spec.paused is true: it was paused on purpose, as for a repair.",
        fix=[
            _see(subject),
            change(
                f"Set spec.paused to false once the repair is done, {SOURCE}, and here until that is deployed. What waits is then applied, "
                "which may replace its pods one after the other.",
                shell("kubectl -n {} patch {} {} --type merge -p {}", *place, '{"spec":{"paused":false}}'),
            ),
        ],
        breaks=[Ref.of(subject)],
    )


def _report_two(verdict: Verdict, managing: list[Subject], subjects: list[Subject]) -> None:
    who = listed([str(one) for one in managing], 4, between=" and ")
    what = listed([str(one) for one in subjects], 3)
    verdict.report(
        TWO_OPERATORS,
        managing[-1],
        problem=f"{number(len(managing), 'Prometheus Operator')} manage {what}, and revert each other's work: {who}.",
        cause="By their arguments both watch these namespaces, and neither has a controller id that the objects do not have.",
        fix=[
            look(
                "See each Operator with its version and arguments.",
                *(shell("kubectl -n {} get {} {} -o yaml", one.namespace, one.kind.lower(), one.name) for one in managing[:4]),
            ),
            change(
                "Remove the Operator that was left over, or limit each by --namespaces, --prometheus-instance-namespaces and "
                f"--alertmanager-instance-namespaces, or by --controller-id. Change it {SOURCE}."
            ),
        ],
        exhibits=[
            Table(title="Managed by both", columns=["Kind", "Namespace", "Name"], rows=[[s.kind, s.namespace, s.name] for s in subjects])
        ],
    )
