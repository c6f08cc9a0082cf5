from collections import defaultdict
from collections.abc import Iterator

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Examined, Needed
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Job, Pod, ReplicaSet, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.creation_advice import cause_of, steps
from clusterprobe.systems.pods.creations import Creations, Refused, Unexplained, is_of_deployment, refused_deployments
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

PODS_NOT_CREATED = FindingKind("PodsNotCreated", Severity.ERROR, "A workload's pods are refused as they are created.", settles=True)


@reports(PODS_NOT_CREATED)
def probe_not_created(
    verdict: Verdict,
    deployments: Examined[Workload],
    replica_sets: Examined[ReplicaSet],
    stateful_sets: Examined[Workload],
    daemon_sets: Examined[DaemonSet],
    jobs: Examined[Job],
    creation_failures: Conditional[Complaint],
    pods: Needed[Pod],
    clock: Clock,
) -> None:
    """Can every workload create its pods?

    Problem: A workload has fewer pods than it should, or none, and there is no pod that says why: each is refused as it is created.
    Cause: A ServiceAccount that does not exist, a Pod Security level, a quota, a LimitRange, an admission webhook that refuses or does not
    answer, or a specification that is not valid. The refuser's words are in the workload's status or events, and are quoted.
    Fix: By the cause: create what is missing, change what is asked for, or repair the webhook. One whose own pods are refused by it has to
    be left out until they run.
    Prevention: Deploy ServiceAccounts, quotas and workloads from one place, try Pod Security levels with `warn` before `enforce`, give
    webhooks more than one replica, and alert on KubeDeploymentReplicasMismatch and its likes.
    """
    around = Creations(creation_failures.readings, pods)
    found: dict[str, list[Refused]] = defaultdict(list)
    unexplained: list[Unexplained] = []
    for one in [*refused_deployments(deployments), *_judged(verdict, around, replica_sets, stateful_sets, daemon_sets, jobs)]:
        if isinstance(one, Unexplained):
            unexplained.append(one)
        else:
            found[str(one.workload)].append(one)
    _ = creation_failures.need() if unexplained else creation_failures.enrich()
    for each in unexplained:
        verdict.unchecked(each.controller, f"it has {each.count.there} of {number(each.count.wanted, 'pod')}: {each.why}")
    ready = {str(workload_of(pod)) for pod in pods.items if pod.ready}
    for ones in found.values():
        _report(verdict, ones, ready, pods, clock.now)


def _judged(
    verdict: Verdict,
    around: Creations,
    *lists: Examined[ReplicaSet] | Examined[Workload] | Examined[DaemonSet] | Examined[Job],
) -> Iterator[Refused | Unexplained]:
    for readings in lists:
        for subject, one in readings:
            count = around.count(subject, one)
            if count is None and isinstance(one, ReplicaSet) and is_of_deployment(one):
                continue  # of an older bundle, in which its Deployment speaks for it
            if count is None:
                verdict.unchecked(subject, "its status does not say how many pods it has")
            elif judged := around.judge(subject, one.metadata, count):
                yield judged


def _report(verdict: Verdict, ones: list[Refused], ready: set[str], pods: Readings[Pod], now: float) -> None:
    first = max(ones, key=lambda one: (one.controller.kind != "Deployment", one.last or one.first or 0.0))
    workload, count = first.workload, first.count
    serving = str(workload) in ready or bool(pods.missing_reason(workload.namespace))
    other = f" ({first.controller.kind} {first.controller.name})" if first.controller != workload else ""
    has = f"{count.there} of {number(count.wanted, 'pod')}" if first.what == "pod" else "no ReplicaSet of its newest template"
    at, which = (first.first, "first") if first.last is None else (first.last, "last")
    when = f" This was {which} said {ago(now - at)} ago." if at is not None else ""
    own, behind = first.by_its_own_webhook, [Ref(RefKind.SERVICE, *first.refusal.service)] if first.refusal.service else []
    verdict.report(
        PODS_NOT_CREATED,
        workload,
        severity=Severity.WARNING if serving else Severity.ERROR,
        problem=f"{workload} has {has}{other}: {'those that it lacks are' if first.what == 'pod' else 'it is'} refused.",
        cause=cause_of(first) + when,
        fix=by_hand(workload, steps(first)),
        exhibits=[_table(ones)] if len(ones) > 1 else [],
        breaks=list(dict.fromkeys([Ref.of(workload), *(Ref.of(one.controller) for one in ones), *(behind if own else [])])),
        rests_on=[] if own else behind,
    )


def _table(ones: list[Refused]) -> Table:
    rows = [[_name(one.controller), f"{one.count.there} of {one.count.wanted}", one.refusal.says] for one in ones[:20]]
    return Table(title="What lacks pods", columns=["Controller", "Pods", "What refuses them"], rows=rows)


def _name(subject: Subject) -> str:
    return f"{subject.kind} {subject.name}"
