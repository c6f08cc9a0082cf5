from dataclasses import dataclass

import msgspec

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd import Application, Drift, ManagedResource, OperationState, short
from clusterprobe.systems.argocd_causes import (
    ERRORS,
    WARNINGS,
    differing,
    evidence_of_life,
    failed_results,
    failure_stands,
    only_pruning_is_left,
    references,
    speaks_of_now,
    unhealthy,
    workloads_by_place,
)
from clusterprobe.systems.objects import Condition, Workload
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Render and validate the manifests in CI (`kubectl apply --dry-run=server`), alert on `argocd_app_info` with sync_status or "
    "health_status other than Synced and Healthy, and run this probe as a PostSync hook."
)


@dataclass(frozen=True, slots=True)
class Known:
    """All that helps to judge an Application."""

    workloads: dict[tuple[str, str, str], Workload]
    drifts: Readings[Drift]
    now: float
    patience: float  # how long it may be on its way, in seconds

    def drift(self, subject: Subject) -> Drift | None:
        """Since when it is out of sync; None where that could not be read."""
        return self.drifts.by_name().get((subject.namespace, subject.name))


def probe_applications(
    verdict: Verdict,
    applications: Readings[Application],
    application_drifts: Readings[Drift],
    deployments: Readings[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Has Argo CD brought every Application to what Git says, and is it well?

    Problem: A commit does not arrive, or arrives broken, and the cluster runs something else than Git says. An Application whose
    repository cannot be read stays Healthy: that is what was there before.
    Cause: Told from its conditions, its last synchronisation and the objects in it: the API refuses a manifest, a hook fails, a
    Deployment does not come up, the path in Git is gone, or something was changed by hand that the policy does not set back. An
    Application without an automated policy waits for somebody by intent. What Argo CD has not looked at for long proves nothing.
    Fix: By the cause: the manifest in Git, the hook, the workload, or the policy.
    Prevention: Validate manifests in CI, set selfHeal, and alert on what is not Synced and Healthy.
    """
    limits = profile.thresholds
    known = Known(
        workloads_by_place(Deployment=verdict.enrich(deployments)),
        verdict.need(application_drifts),
        clock.now,
        limits.application_minutes * 60,
    )
    alive = evidence_of_life(applications.items)
    stale = clock.now - limits.reconcile_minutes * 60
    for place, one in verdict.examine(applications):
        subject = msgspec.structs.replace(place, environment=verdict.environment_of(one.spec.destination.namespace))
        if speaks_of_now(one, alive, stale):
            _judge(verdict, subject, one, known)
        else:
            looked = epoch(one.status.reconciled_at)
            when = f"for {ago(clock.now - looked)}" if looked is not None else "ever"
            verdict.unchecked(
                subject, f"Argo CD has not reconciled it {when}, so what its status says proves nothing: see its application controller"
            )


def _judge(verdict: Verdict, subject: Subject, one: Application, known: Known) -> None:
    failing = _judge_conditions(verdict, subject, one)
    if not _judge_operation(verdict, subject, one, known) and not failing:
        _judge_sync(verdict, subject, one, known)
    _judge_health(verdict, subject, one, known, failing=failing)
    going = epoch(one.metadata.deletion_timestamp)
    if going is not None and known.now - going > known.patience:
        _report(
            verdict,
            Severity.WARNING,
            "DeletionHangs",
            subject,
            problem=f"has been deleted for {ago(known.now - going)}, and is still there.",
            cause=f"Its finalizers wait: {', '.join(one.metadata.finalizers) or 'none is named'}. What it manages is not gone yet.",
            fix="See what of it is left:\n" + _look(subject, ".status.resources[*].name"),
        )


def _judge_conditions(verdict: Verdict, subject: Subject, one: Application) -> bool:
    """Whether Argo CD says that it cannot do its work with this one."""
    by_type: dict[str, list[Condition]] = {}
    for condition in one.status.conditions or []:
        by_type.setdefault(condition.type, []).append(condition)
    for kind, conditions in by_type.items():
        messages = "; ".join(each.message for each in conditions)
        if kind in ERRORS and not (kind == "SyncError" and failure_stands(one)):
            health = f" It is shown as {one.status.health.status}." if one.status.health.status == "Healthy" else ""
            where = "; ".join(f"{each.repository} {each.path or each.chart} at {each.target_revision or 'HEAD'}" for each in one.sources)
            _report(
                verdict,
                Severity.ERROR,
                kind,
                subject,
                problem=f"has the condition {kind}. {ERRORS[kind]}{health}",
                cause=f"Argo CD says: {messages} (source: {where}; since {conditions[0].last_transition_time or 'unknown'}).",
                fix=f"Repair what the message names, in Git or in the Application, and let Argo CD look again:\n{_refresh(subject)}",
                exhibits=[Text(title=f"Condition {kind}", text=messages)],
            )
        elif kind.endswith("Warning"):
            _report(
                verdict,
                Severity.WARNING if kind in WARNINGS else Severity.INFO,
                kind,
                subject,
                problem=f"has the condition {kind}. {WARNINGS.get(kind, '')}".rstrip(),
                cause=f"Argo CD says: {messages}",
                fix="Let each object be in one place of one Application's manifests:\n" + _look(subject, ".status.conditions"),
            )
        elif kind.endswith("Error") and kind not in ERRORS:
            verdict.unchecked(subject, f"it has the condition {kind}, of which is not known here what it means: {messages}")
    return any(kind in ERRORS for kind in by_type)


def _judge_operation(verdict: Verdict, subject: Subject, one: Application, known: Known) -> bool:
    """Whether its synchronisation, the one that goes on or the last one, is all that has to be said of how it differs from Git."""
    running, state = one.running, one.status.operation_state
    if running:
        started = epoch(running.started_at)
        if started is None:
            verdict.unchecked(subject, "it is being synchronised, and since when is not told")
        elif known.now - started > known.patience:
            _report_hanging(verdict, subject, running, known.now - started)
        return True
    if state and failure_stands(one):
        _report_failed(verdict, subject, one, state)
        return True
    if state and state.phase in ("Failed", "Error"):
        verdict.note(f"{subject}: its last synchronisation {state.phase.lower()} ({state.message}), but it is Synced by now")
    return False


def _report_hanging(verdict: Verdict, subject: Subject, running: OperationState, seconds: float) -> None:
    waiting = [f"{each.kind} {each.namespace}/{each.name}" for each in running.results if each.hook_phase == "Running"]
    _report(
        verdict,
        Severity.WARNING,
        "SyncHangs",
        subject,
        problem=f"has been synchronising for {ago(seconds)}; until that ends, no other commit arrives.",
        cause=f"It waits for {', '.join(waiting[:5]) or 'what its message says'}: {running.message or 'no message'}",
        fix=f"Repair what it waits for, or end it:\n$ argocd app terminate-op {_name(subject)}",
    )


def _report_failed(verdict: Verdict, subject: Subject, one: Application, state: OperationState) -> None:
    failed = failed_results(one)
    hook = next((each for each in failed if each.hook_type), None)
    names = ", ".join(f"{each.kind} {each.namespace}/{each.name}" for each in failed[:5])
    each_says = "; ".join(f"{each.kind} {each.name}: {each.message}" for each in failed[:3] if each.message)
    log = f"$ kubectl -n {hook.namespace} logs {hook.kind.lower()}/{hook.name}\n" if hook and hook.kind in ("Job", "Pod") else ""
    again = " Argo CD does not try this commit again by itself: it waits for another." if one.automated else ""
    _report(
        verdict,
        Severity.ERROR,
        "HookFailed" if hook else "SyncFailed",
        subject,
        problem=f"could not be synchronised to {short(one.attempted)}: {state.phase}"
        + (f", at {state.finished_at}." if state.finished_at else "."),
        cause=(f"It failed on {names}: " if names else "It failed: ") + f"{each_says or state.message}.{again}",
        fix=f"{log}Correct it in Git, and commit; or, if the cause was outside Git, let it try again:\n"
        f"$ argocd app sync {_name(subject)}\nTo see all that it said:\n" + _look(subject, ".status.operationState.message"),
        exhibits=[Text(title="The last synchronisation says", text=state.message)],
        rests_on=[f"{each.kind}/{each.namespace}/{each.name}" for each in failed],
    )


def _judge_sync(verdict: Verdict, subject: Subject, one: Application, known: Known) -> None:
    """Out of sync alone is no failure: it counts under a policy that promises otherwise, once it has had its time."""
    status = one.status.sync.status
    if status == "Synced":
        return
    if status != "OutOfSync":
        verdict.unchecked(subject, f"its synchronisation is {status or 'not told'}, and no condition says why")
    elif one.automated is None or only_pruning_is_left(one):
        _report_waiting(verdict, subject, one)
    else:
        _judge_delay(verdict, subject, one, known)


def _judge_delay(verdict: Verdict, subject: Subject, one: Application, known: Known) -> None:
    drift = known.drift(subject)
    if drift is None:
        return  # it is said already that it could not be read
    began = drift.at_least_since
    heals = one.automated is not None and one.automated.self_heal
    attempted = one.attempted == one.compared_with
    late = began is not None and known.now - began > known.patience
    if not late and drift.since is not None:
        verdict.note(f"{subject} has been out of sync for {ago(known.now - drift.since)}, which may still pass")
    elif not late and (heals or not attempted):
        verdict.unchecked(subject, "it is out of sync, and no event tells since when: it may just be on its way")
    else:
        since = (
            f"for {'' if drift.since else 'at least '}{ago(known.now - began)}" if began is not None else "for longer than its events tell"
        )
        _report_delay(verdict, subject, one, since, attempted=attempted, heals=heals)


def _report_delay(verdict: Verdict, subject: Subject, one: Application, since: str, *, attempted: bool, heals: bool) -> None:
    names = ", ".join(each.reference for each in differing(one)[:5]) or "an object that its status does not name"
    if not attempted:
        reason, severity = "CommitNotSynced", Severity.ERROR
        cause = (
            f"Git is at {short(one.compared_with)}, what was synchronised last is {short(one.deployed)}. Nothing has been tried since: "
            "a sync window of its AppProject forbids it, or the controller does not get to it."
        )
        fix = (
            f"See the sync windows of its project, and what is due:\n$ argocd app get {_name(subject)}\n$ argocd proj windows list PROJECT"
        )
    elif heals:
        reason, severity = "NeverInSync", Severity.WARNING
        cause = (
            f"It was synchronised to {short(one.attempted)}, and {names} still differs: something changes it again, or the API drops "
            "what Git says."
        )
        fix = f"See what differs, and let only one of the two set it (else `ignoreDifferences`):\n{_diff(subject)}"
    else:
        reason, severity = "DriftNotHealed", Severity.WARNING
        off = "`syncPolicy.automated.selfHeal` is off: it stays so until the next commit"
        cause = f"{names} was changed in the cluster, not in Git, and {off}."
        fix = f"See what differs; commit it if it is right, else set it back:\n{_diff(subject)}\n$ argocd app sync {_name(subject)}"
    _report(
        verdict,
        severity,
        reason,
        subject,
        problem=f"has been out of sync {since}, although it synchronises by itself.",
        cause=cause,
        fix=fix.replace("PROJECT", one.spec.project or "default"),
        exhibits=[_objects(differing(one))],
    )


def _report_waiting(verdict: Verdict, subject: Subject, one: Application) -> None:
    pruning = one.automated is not None
    names = ", ".join(each.reference for each in differing(one)[:5])
    _report(
        verdict,
        Severity.INFO,
        "WaitsForPruning" if pruning else "WaitsForSync",
        subject,
        problem=f"is out of sync, and waits for somebody: Git is at {short(one.compared_with)}, it was last synchronised to "
        f"{short(one.deployed)}.",
        cause=f"{names} is no longer in Git, and `syncPolicy.automated.prune` is off."
        if pruning
        else f"It has no automated policy, so this is by intent, or forgotten. What differs: {names or 'not told'}.",
        fix=f"See what differs, and synchronise it when it should:\n{_diff(subject)}\n$ argocd app sync {_name(subject)}"
        + (" --prune" if pruning else ""),
        exhibits=[_objects(differing(one))],
    )


def _judge_health(verdict: Verdict, subject: Subject, one: Application, known: Known, *, failing: bool) -> None:
    health = one.status.health
    began = epoch(health.last_transition_time)
    if health.status == "Degraded":
        _report_degraded(verdict, subject, one, known)
    elif health.status == "Progressing" and began is not None and known.now - began > known.patience:
        _report(
            verdict,
            Severity.WARNING,
            "ProgressHangs",
            subject,
            problem=f"has been Progressing for {ago(known.now - began)}.",
            cause=f"Something in it does not become ready: {health.message or 'Argo CD does not tell here what'}.",
            fix="See what is not ready:\n" + f"$ kubectl -n {one.spec.destination.namespace} get deployments,statefulsets,daemonsets,pods",
            rests_on=references(one.resources),
        )
    elif health.status == "Progressing" and began is None:
        verdict.unchecked(subject, "it is Progressing, and since when is not told")
    elif health.status in ("Progressing", "Suspended", "Missing"):  # what is missing is out of sync, and judged by that
        verdict.note(f"{subject} is {health.status}")
    elif health.status != "Healthy" and not failing:
        verdict.unchecked(subject, f"its health is {health.status or 'not told'}")


def _report_degraded(verdict: Verdict, subject: Subject, one: Application, known: Known) -> None:
    faults = unhealthy(one, known.workloads)
    names = "; ".join(f"{each.resource.reference}: {each.message}".rstrip(": .") for each in faults[:5])
    untold = (
        "Argo CD 3 does not write the health of each object into the Application (controller.resource.health.persist), and none of its "
        "Deployments says that it is stuck. It manages " + (", ".join(each.reference for each in one.resources[:8]) or "nothing")
    )
    places = [(each.resource, each.resource.namespace or one.spec.destination.namespace) for each in faults[:3]]
    look = "\n".join(f"$ kubectl -n {namespace} describe {each.kind.lower()} {each.name}" for each, namespace in places)
    since = epoch(one.status.health.last_transition_time)
    _report(
        verdict,
        Severity.ERROR,
        "Degraded",
        subject,
        problem=f"is Degraded{f' for {ago(known.now - since)}' if since is not None else ''}, at {short(one.deployed)}.",
        cause=f"{names or one.status.health.message or untold}.",
        fix=f"Repair what is not well, in Git:\n{look or _tree(subject)}",
        exhibits=[_objects(one.resources)],
        # Where Argo CD does not tell which, a finding about any of them explains it.
        rests_on=references(each.resource for each in faults) or references(one.resources),
    )


# --- words ------------------------------------------------------------------------------------------------------------


def _report(
    verdict: Verdict,
    severity: Severity,
    reason: str,
    subject: Subject,
    *,
    problem: str,
    cause: str,
    fix: str,
    exhibits: list[Table | Text] | None = None,
    rests_on: list[str] | None = None,
) -> None:
    """Every finding here is about an Application, prevented in the same way, and breaks what rests on the Application."""
    verdict.finding(
        severity,
        reason,
        subject,
        problem=f"The Application {_name(subject)} {problem}",
        cause=cause,
        fix=fix,
        prevention=PREVENTION,
        exhibits=exhibits or [],
        breaks=[f"Application/{_name(subject)}"],
        rests_on=rests_on or [],
    )


def _name(subject: Subject) -> str:
    return f"{subject.namespace}/{subject.name}"


def _look(subject: Subject, path: str) -> str:
    return f"$ kubectl -n {subject.namespace} get applications.argoproj.io {subject.name} -o jsonpath='{{{path}}}'"


def _refresh(subject: Subject) -> str:
    return f"$ kubectl -n {subject.namespace} annotate applications.argoproj.io {subject.name} argocd.argoproj.io/refresh=hard"


def _diff(subject: Subject) -> str:
    return f"$ argocd app diff {_name(subject)}"


def _tree(subject: Subject) -> str:
    return f"$ argocd app get {_name(subject)} --output tree=detailed"


def _objects(resources: list[ManagedResource]) -> Table:
    rows = [[each.reference, each.status, each.health.status if each.health else "not told here"] for each in resources[:20]]
    return Table(title="What it manages", columns=["Object", "Like Git", "Health"], rows=rows)
