import msgspec

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change
from clusterprobe.model import Severity, Step, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.argocd import advice, causes, deletions
from clusterprobe.systems.argocd.causes import ERRORS, WAITS_FOR, WARNINGS, Fault, differing, failed_results, progressing, references
from clusterprobe.systems.argocd.deadlocks import Deadlock, Gone, Waits, told_of
from clusterprobe.systems.argocd.diagnosis import Aspect, Complaint, Diagnosis, Operation, Sync, World, diagnose
from clusterprobe.systems.argocd.loops import Loop, shared_with, turning
from clusterprobe.systems.argocd.messages import row_of
from clusterprobe.systems.argocd.sources import Application, Drift, ManagedResource, OperationState, short
from clusterprobe.systems.kubernetes.event_lists import Complaint as Refusal
from clusterprobe.systems.kubernetes.missing import all_missing, look_for, named
from clusterprobe.systems.kubernetes.objects import Job, Pod, Workload
from clusterprobe.systems.pods.starts import StartEvents
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

DELETION_HANGS = FindingKind("DeletionHangs", Severity.WARNING, "An Application was deleted long ago, and its finalizers still wait.")
SYNC_HANGS = FindingKind("SyncHangs", Severity.WARNING, "A synchronisation does not end.")
HOOK_FAILED = FindingKind("HookFailed", Severity.ERROR, "A hook of a synchronisation failed.")
SYNC_FAILED = FindingKind("SyncFailed", Severity.ERROR, "A synchronisation failed.")
COMMIT_NOT_SYNCED = FindingKind(
    "CommitNotSynced", Severity.ERROR, "A newer commit has not been tried, although the Application synchronises by itself."
)
NEVER_IN_SYNC = FindingKind("NeverInSync", Severity.WARNING, "An object differs from Git again after each synchronisation.")
SYNC_LOOPS = FindingKind("SyncLoops", Severity.WARNING, "An Application is synchronised to the same commit again and again.")
DRIFT_NOT_HEALED = FindingKind("DriftNotHealed", Severity.WARNING, "An object was changed in the cluster, and selfHeal is off.")
WAITS_FOR_PRUNING = FindingKind("WaitsForPruning", Severity.INFO, "An object is no longer in Git, and automated pruning is off.")
WAITS_FOR_SYNC = FindingKind("WaitsForSync", Severity.INFO, "An Application without an automated policy is out of sync.")
PROGRESS_HANGS = FindingKind("ProgressHangs", Severity.WARNING, "An Application has been Progressing for too long.")
DEGRADED = FindingKind("Degraded", Severity.ERROR, "Argo CD calls an Application Degraded.")
# By the type of the condition.
CONDITIONS = {
    **{type_: FindingKind(type_, Severity.ERROR, meaning) for type_, meaning in ERRORS.items()},
    **{type_: FindingKind(type_, Severity.WARNING, meaning) for type_, meaning in WARNINGS.items()},
    "ExcludedResourceWarning": FindingKind(
        "ExcludedResourceWarning", Severity.INFO, "An object of a kind that Argo CD excludes is in the manifests."
    ),
    "OrphanedResourceWarning": FindingKind(
        "OrphanedResourceWarning", Severity.INFO, "A namespace has objects that belong to no Application."
    ),
}
OTHER_WARNING = FindingKind(
    "OtherWarning", Severity.INFO, "An Application has a condition whose type ends with Warning and is not one of these."
)


@reports(
    DELETION_HANGS,
    SYNC_HANGS,
    HOOK_FAILED,
    SYNC_FAILED,
    COMMIT_NOT_SYNCED,
    NEVER_IN_SYNC,
    SYNC_LOOPS,
    DRIFT_NOT_HEALED,
    WAITS_FOR_PRUNING,
    WAITS_FOR_SYNC,
    PROGRESS_HANGS,
    DEGRADED,
    *CONDITIONS.values(),
    OTHER_WARNING,
)
def probe_applications(
    verdict: Verdict,
    applications: Examined[Application],
    application_drifts: Needed[Drift],
    deployments: Enriching[Workload],
    pods: Enriching[Pod],
    start_events: Enriching[StartEvents],
    creation_failures: Enriching[Refusal],
    jobs: Enriching[Job],
    profile: Profile,
    clock: Clock,
) -> None:
    """Has Argo CD brought every Application to what Git says, and is it healthy?

    Problem: A commit does not arrive, or arrives broken, and the cluster runs something else than Git says. An Application whose
    repository cannot be read stays Healthy: that is what was there before.
    Cause: Its conditions, its last synchronisation and the objects in it show it: the API refuses a manifest, a hook fails, a
    Deployment does not come up, the path in Git no longer exists, or something was changed by hand that the policy does not revert. An
    Application without an automated policy waits for a manual sync by intent. What Argo CD has not looked at for long proves nothing.
    Fix: By the cause: the manifest in Git, the hook, the workload, or the policy.
    Prevention: Render and validate the manifests in CI (`kubectl apply --dry-run=server`), alert on `argocd_app_info` with sync_status or
    health_status other than Synced and Healthy, and run this probe as a PostSync hook.
    """
    limits = profile.thresholds.argocd
    seconds = {"patience_seconds": limits.application_minutes * 60, "stale_seconds": limits.reconcile_minutes * 60}
    world = World(applications.readings, application_drifts, deployments, now=clock.now, **seconds)
    waits = Waits(pods, start_events, creation_failures, jobs)
    _note_elsewhere(verdict, applications.readings.items)
    for place, one in applications:
        subject = msgspec.structs.replace(place, environment=verdict.environment_of(one.spec.destination.namespace))
        found = diagnose(place, one, world)
        if isinstance(found, Diagnosis):
            _tell(verdict, subject, one, found, waits)
            _tell_loop(verdict, subject, one, found.loop, shared_with(place, turning(one), applications.readings))
        else:
            when = f"for {ago(found.seconds)}" if found.seconds is not None else "ever"
            verdict.unchecked(subject, f"Argo CD has not reconciled it {when}, {causes.last_word(one)}: see its application controller")


def _note_elsewhere(verdict: Verdict, applications: list[Application]) -> None:
    if away := sum(not one.is_here for one in applications):
        what = f"What {number(away, 'Application')} deployed to other clusters was not looked at: only what Argo CD says of it was"
        verdict.note(f"{what}, and of a cluster that does not answer it goes on saying what it last saw there.")


def _tell(verdict: Verdict, subject: Subject, one: Application, found: Diagnosis, waits: Waits) -> None:
    for complaint in found.complaints:
        if found.deleted_seconds is None or complaint.weight != "error":  # those tell for what its deletion waits
            _tell_complaint(verdict, subject, one, complaint)
    _tell_operation(verdict, subject, one, found.operation, waits)
    if found.sync:
        _tell_sync(verdict, subject, one, found.sync, dated=found.dated)
    _tell_health(verdict, subject, one, found)
    if found.deleted_seconds is not None:
        messages = deletions.messages_of(found.complaints)
        _report(
            verdict,
            DELETION_HANGS,
            subject,
            problem=f"has been deleted for {ago(found.deleted_seconds)}, and is still there.",
            cause=deletions.cause(one, messages),
            fix=deletions.steps(subject, one, messages),
        )


def _tell_complaint(verdict: Verdict, subject: Subject, one: Application, complaint: Complaint) -> None:
    kind, messages = complaint.type, "; ".join(each.message for each in complaint.conditions)
    match complaint.weight:
        case "error":
            health = f" It is shown as {one.status.health.status}." if one.status.health.status == "Healthy" else ""
            where = "; ".join(f"{each.repository} {each.path or each.chart} at {each.target_revision or 'HEAD'}" for each in one.sources)
            since = complaint.conditions[0].last_transition_time or "unknown"
            _report(
                verdict,
                CONDITIONS[kind],
                subject,
                problem=f"has the condition {kind}. {ERRORS[kind]}{health}",
                cause=f"{_means(messages)}Argo CD says: {said(messages, 600)} (source: {where}; since {since}).",
                fix=[advice.repair(messages, one), advice.refresh(subject)],
                exhibits=[Text(title=f"Condition {kind}", text=messages)],
            )
        case "warning":
            _report(
                verdict,
                CONDITIONS.get(kind, OTHER_WARNING),
                subject,
                problem=f"has the condition {kind}. {WARNINGS.get(kind, '')}".rstrip(),
                cause=f"Argo CD says: {said(messages, 600)}",
                fix=[
                    advice.read(subject, "See all its conditions.", ".status.conditions"),
                    change("Keep each object in one place of one Application's manifests."),
                ],
            )
        case "odd":
            verdict.unchecked(subject, f"it has the condition {kind}, which this version of Clusterprobe does not know: {messages}")


def _means(messages: str) -> str:
    """A sentence before a message, where it does not say by itself what it means."""
    row = row_of(messages)
    return f"{row.means} " if row else ""


def _tell_operation(verdict: Verdict, subject: Subject, one: Application, operation: Aspect[Operation], waits: Waits) -> None:
    running, state = one.running, one.status.operation_state
    match operation.state:
        case "running, undated":
            verdict.unchecked(subject, "it is being synchronised, but Argo CD does not report since when")
        case "hangs" if running and operation.seconds is not None:
            _report_hanging(verdict, subject, running, operation.seconds, waits.held_by(one, running))
        case "failed" if state:
            _report_failed(verdict, subject, one, state)
        case "made up for" if state:
            verdict.note(f"{subject}: its last synchronisation {state.phase.lower()} ({state.message}), but it is Synced now")


def _report_hanging(verdict: Verdict, subject: Subject, running: OperationState, seconds: float, held: Deadlock | Gone | None) -> None:
    waiting = [each.place for each in running.results if each.hook_phase == "Running"]
    _report(
        verdict,
        SYNC_HANGS,
        subject,
        problem=f"has been synchronising for {ago(seconds)}; until that ends, no other commit arrives.",
        cause=f"It waits for {listed(waiting, 5) or 'what its message says'}: {said(running.message, nothing='no message')}{told_of(held)}",
        fix=advice.hanging(subject, held),
    )


def _report_failed(verdict: Verdict, subject: Subject, one: Application, state: OperationState) -> None:
    failed = failed_results(one)
    hook = next((each for each in failed if each.hook_type), None)
    missing = all_missing((each.message, each.namespace) for each in failed)
    names = listed([each.place for each in failed], 5)
    each_says = "; ".join(f"{each.kind} {each.name}: {said(each.message)}" for each in failed[:3] if each.message)
    messages = " ".join([*(each.message for each in failed), state.message])
    again = " Argo CD does not try this commit again by itself: it waits for another." if one.automated else ""
    _report(
        verdict,
        HOOK_FAILED if hook else SYNC_FAILED,
        subject,
        problem=f"could not be synchronised to {short(one.attempted)}: {state.phase}"
        + (f", at {state.finished_at}." if state.finished_at else "."),
        cause=(f"It failed on {names}: " if names else "It failed: ")
        + f"{each_says or said(state.message)}. {_means(messages)}".rstrip()
        + named(missing)
        + again,
        fix=[*look_for(missing if one.is_here else []), *advice.failed(subject, one, hook, messages)],
        exhibits=[Text(title="The last synchronisation says", text=state.message)],
        rests_on=[*(Ref.to(each.kind, each.namespace, each.name) for each in failed), *(each.ref for each in missing)]
        if one.is_here
        else [],
    )


def _tell_sync(verdict: Verdict, subject: Subject, one: Application, sync: Aspect[Sync], *, dated: bool) -> None:
    match sync.state:
        case "odd":
            verdict.unchecked(subject, f"its sync status is {one.status.sync.status or 'not reported'}, and no condition says why")
        case "waits for sync" | "waits for pruning":
            _report_waiting(verdict, subject, one)
        case "may pass" if sync.seconds is not None:
            verdict.note(f"{subject} has been out of sync for {ago(sync.seconds)}, which may still pass")
        case "undated":
            verdict.unchecked(subject, "it is out of sync, and no event says since when: the synchronisation may still be under way")
        case "not tried" | "never" | "not healed":
            least = "" if dated else "at least "
            since = f"for {least}{ago(sync.seconds)}" if sync.seconds is not None else "for longer than its events reach back"
            _report_delay(verdict, subject, one, sync.state, since)


def _report_delay(verdict: Verdict, subject: Subject, one: Application, state: Sync, since: str) -> None:
    names = listed([each.reference for each in differing(one)], 5) or "an object that its status does not name"
    if state == "not tried":
        kind = COMMIT_NOT_SYNCED
        cause = (
            f"Git is at {short(one.compared_with)}, what was synchronised last is {short(one.deployed)}. Nothing has been tried since: "
            "a sync window of its AppProject forbids it, or the controller does not get to it."
        )
        fix = advice.not_tried(subject, one)
    elif state == "never":
        kind = NEVER_IN_SYNC
        cause = (
            f"It was synchronised to {short(one.attempted)}, and {names} still differs: something changes it again, or the API drops "
            "what Git says."
        )
        fix = [advice.differs(subject), change("Let only one of the two set it, or name the field in `ignoreDifferences`.")]
    else:
        kind = DRIFT_NOT_HEALED
        off = "`syncPolicy.automated.selfHeal` is off: it stays so until the next commit"
        cause = f"{names} was changed in the cluster, not in Git, and {off}."
        text = "Commit it if it is right. Otherwise set it back to what Git says."
        fix = [advice.differs(subject), advice.synchronise(subject, text)]
    _report(
        verdict,
        kind,
        subject,
        problem=f"has been out of sync {since}, although it synchronises by itself.",
        cause=cause,
        fix=fix,
        exhibits=[_objects(differing(one))],
    )


def _tell_loop(verdict: Verdict, subject: Subject, one: Application, loop: Loop | None, others: list[Subject]) -> None:
    if loop is None:
        return
    objects = turning(one)
    names = listed([each.reference for each in objects], 5) or "What its status does not name"
    also = f" {listed([str(each) for each in others], 3)} manages it as well, so that each sets back the other." if others else ""
    _report(
        verdict,
        SYNC_LOOPS,
        subject,
        problem=f"was synchronised to {short(one.deployed or one.attempted)} by itself {loop.times} times in {ago(loop.seconds)}.",
        cause=f"{names} differs from Git again after each time: something changes or deletes it, or the API drops what Git says.{also}",
        fix=advice.looping(subject, objects),
        exhibits=[_objects(objects)],
    )


def _report_waiting(verdict: Verdict, subject: Subject, one: Application) -> None:
    pruning = one.automated is not None
    names = listed([each.reference for each in differing(one)], 5)
    _report(
        verdict,
        WAITS_FOR_PRUNING if pruning else WAITS_FOR_SYNC,
        subject,
        problem=f"is out of sync, and waits for a manual sync: Git is at {short(one.compared_with)}, it was last synchronised to "
        f"{short(one.deployed)}.",
        cause=f"{names} is no longer in Git, and `syncPolicy.automated.prune` is off."
        if pruning
        else f"It has no automated policy, so this is by intent, or forgotten. What differs: {names or 'not reported'}.",
        fix=[
            advice.differs(subject),
            advice.prune(subject, differing(one)) if pruning else advice.synchronise(subject, "Synchronise it when it should be."),
        ],
        exhibits=[_objects(differing(one))],
    )


def _tell_health(verdict: Verdict, subject: Subject, one: Application, found: Diagnosis) -> None:
    health, seconds = one.status.health, found.health.seconds
    match found.health.state:
        case "degraded":
            _report_degraded(verdict, subject, one, found.faults, seconds)
        case "hangs" if seconds is not None:
            waiting = progressing(one)
            told = "; ".join(filter(None, (_waits(each) for each in waiting[:3])))
            missing = all_missing((each.health.message, each.namespace) for each in waiting if each.health)
            untold = f"Something in it does not become ready: {said(health.message, nothing='Argo CD does not report here what')}."
            _report(
                verdict,
                PROGRESS_HANGS,
                subject,
                problem=f"has been Progressing for {ago(seconds)}.",
                cause=f"{told}.{named(missing)}" if told else untold,
                fix=[*look_for(missing if one.is_here else []), *advice.unready(subject, one, waiting)],
                rests_on=[*references(waiting or one.resources), *(each.ref for each in missing)] if one.is_here else [],
            )
        case "undated":
            verdict.unchecked(subject, "it is Progressing, but Argo CD does not report since when")
        case "passing":
            verdict.note(f"{subject} is {health.status}")
        case "odd":
            verdict.unchecked(subject, f"its health is {health.status or 'not reported'}")


def _waits(each: ManagedResource) -> str:
    """An object that is Progressing, and for what Argo CD waits of it."""
    message = each.health.message if each.health else ""
    why = f", as Argo CD says {said(message)}" if message else WAITS_FOR.get(each.kind, "")
    return f"{each.reference} is Progressing{why}"


def _report_degraded(verdict: Verdict, subject: Subject, one: Application, faults: list[Fault], seconds: float | None) -> None:
    names = listed([f"{each.resource.reference}: {each.message}".rstrip(": .") for each in faults], 5, between="; ")
    missing = all_missing((each.message, each.resource.namespace) for each in faults)
    managed = listed([each.reference for each in one.resources], 8) or "nothing"
    untold = (
        f"It deploys to another cluster, where nothing was looked at. It manages {managed}"
        if not one.is_here
        else "Argo CD 3 does not write the health of each object into the Application (controller.resource.health.persist), and none of "
        f"its Deployments says that it is stuck. It manages {managed}"
    )
    _report(
        verdict,
        DEGRADED,
        subject,
        problem=f"is Degraded{f' for {ago(seconds)}' if seconds is not None else ''}, at {short(one.deployed)}.",
        cause=f"{names or one.status.health.message or untold}.{named(missing)}",
        fix=[*look_for(missing if one.is_here else []), *advice.unwell(subject, one, [each.resource for each in faults])],
        exhibits=[_objects(one.resources)],
        # Where Argo CD does not tell which, a finding about any of them explains it.
        rests_on=[*references([each.resource for each in faults] or one.resources), *(each.ref for each in missing)] if one.is_here else [],
    )


# --- words ------------------------------------------------------------------------------------------------------------


def _report(
    verdict: Verdict,
    kind: FindingKind,
    subject: Subject,
    *,
    problem: str,
    cause: str,
    fix: list[Step],
    exhibits: list[Table | Text] | None = None,
    rests_on: list[Ref] | None = None,
) -> None:
    """Every finding here is about an Application, prevented in the same way, and breaks what rests on the Application."""
    verdict.report(
        kind,
        subject,
        problem=f"The Application {advice.name_of(subject)} {problem}",
        cause=cause,
        fix=fix,
        exhibits=exhibits or [],
        breaks=[Ref.of(subject)],
        rests_on=rests_on or [],
    )


def _objects(resources: list[ManagedResource]) -> Table:
    rows = [[each.reference, each.status, each.health.status if each.health else "not reported here"] for each in resources[:20]]
    return Table(title="What it manages", columns=["Object", "Like Git", "Health"], rows=rows)
