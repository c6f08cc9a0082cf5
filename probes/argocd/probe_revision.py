from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.argocd.advice import by_client, failed, not_tried, source_of, synchronise
from clusterprobe.systems.argocd.causes import evidence_of_life, failure_stands, speaks_of_now, workloads_by_place
from clusterprobe.systems.argocd.sources import Application, Drift, ManagedResource, short
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.systems.kubernetes.rollouts import Rollout, living, rollout_of
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

OTHER_REVISION = FindingKind("OtherRevision", Severity.ERROR, "An Application is at another revision than the profile expects.")
COMMIT_WAITS = FindingKind("CommitWaits", Severity.INFO, "A newer commit waits for a manual sync.")
COMMIT_NOT_DEPLOYED = FindingKind(
    "CommitNotDeployed", Severity.ERROR, "A newer commit is not deployed, although the Application synchronises by itself."
)
APPLICATION_MISSING = FindingKind(
    "ApplicationMissing", Severity.ERROR, "The profile expects a revision of an Application that does not exist."
)
OLD_IMAGE_PAUSED = FindingKind("OldImagePaused", Severity.ERROR, "Pods run the old image, because the roll-out is paused.")
OLD_IMAGE_STUCK = FindingKind("OldImageStuck", Severity.ERROR, "Pods run the old image, because the roll-out is stuck.")
OLD_IMAGE_UNTIL_DELETED = FindingKind(
    "OldImageUntilDeleted", Severity.ERROR, "Pods run the old image until they are deleted, as the update strategy OnDelete says."
)
OLD_IMAGE_BELOW_PARTITION = FindingKind(
    "OldImageBelowPartition", Severity.INFO, "Pods below the partition of a StatefulSet run the old image."
)
IMAGE_CHANGED_IN_POD = FindingKind(
    "ImageChangedInPod", Severity.ERROR, "Pods run another image than their template names, because something changed them."
)
DEPLOYED_IMAGE_NOT_RUNNING = FindingKind("DeployedImageNotRunning", Severity.ERROR, "Too few pods run the image that is deployed.")
# By the state of the roll-out.
OLD_IMAGE = {
    "paused": OLD_IMAGE_PAUSED,
    "stuck": OLD_IMAGE_STUCK,
    "on delete": OLD_IMAGE_UNTIL_DELETED,
    "partition": OLD_IMAGE_BELOW_PARTITION,
    "mutated": IMAGE_CHANGED_IN_POD,
}
MANY = 10  # pods that are deleted by hand
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
UNREAD_KINDS = ("Rollout", "ReplicaSet", "ReplicationController")  # they run pods, too, but are not looked at here
COMMIT = ours(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What runs: the workloads, also by their kind; the pods, and those that live by their workload.

    A pod not ready since before `oldest` holds a roll-out up.
    """

    workloads: dict[tuple[str, str, str], Workload]
    kinds: dict[str, Readings[Any]]
    pods: Readings[Pod]
    living: dict[tuple[str, str, str], list[Pod]]
    oldest: float


@reports(
    OTHER_REVISION,
    COMMIT_WAITS,
    COMMIT_NOT_DEPLOYED,
    APPLICATION_MISSING,
    OLD_IMAGE_PAUSED,
    OLD_IMAGE_STUCK,
    OLD_IMAGE_UNTIL_DELETED,
    OLD_IMAGE_BELOW_PARTITION,
    IMAGE_CHANGED_IN_POD,
    DEPLOYED_IMAGE_NOT_RUNNING,
)
def probe_revision(
    verdict: Verdict,
    applications: Examined[Application],
    application_drifts: Enriching[Drift],
    deployments: Needed[Workload],
    stateful_sets: Needed[Workload],
    daemon_sets: Needed[DaemonSet],
    pods: Needed[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is the revision that was deployed the one that really runs?

    Problem: The pipeline is green and Argo CD says Synced, but the pods still run the image from before; or the newest commit has
    not been synchronised at all.
    Cause: Synced compares objects with Git, not pods with objects. A paused Deployment, a roll-out that is stuck, an update strategy
    that waits for deletions, or a webhook leave pods on another image; a failed or forbidden synchronisation leaves all on the old commit.
    Fix: Resume or repair the roll-out that the finding names; synchronise the commit.
    Prevention: Deploy by commit or by a tag that never moves, name the commit under `deployments:` in the profile of the pipeline's last
    step, and let `kubectl rollout status` or this probe decide whether a deployment has succeeded.
    """
    patience = profile.thresholds.argocd.application_minutes * 60
    kinds: dict[str, Readings[Any]] = dict(zip(KINDS, (deployments, stateful_sets, daemon_sets), strict=True))
    seen = Seen(workloads_by_place(**kinds), kinds, pods, living(pods), clock.now - patience)
    expected = {each.application: each.revision for each in profile.deployments}
    alive, stale = evidence_of_life(applications.readings.items), clock.now - profile.thresholds.argocd.reconcile_minutes * 60
    drifts = application_drifts.by_name()
    for place, one in applications:
        subject = msgspec.structs.replace(place, environment=verdict.environment_of(one.spec.destination.namespace))
        wanted = expected.pop(_name(subject), "")
        if not speaks_of_now(one, alive, stale):
            verdict.unchecked(subject, "Argo CD has not reconciled it for long, so its status does not show what is deployed")
            continue
        began = drift.at_least_since if (drift := drifts.get((subject.namespace, subject.name))) else None
        _judge_revision(verdict, subject, one, wanted, late=None if began is None else clock.now - began > patience)
        if one.is_here:
            _judge_pods(verdict, subject, one, seen)
    _note_elsewhere(verdict, [one for one in applications.readings.items if not one.is_here])
    for name, revision in expected.items():
        _judge_absent(verdict, name, revision, applications.readings)


# --- the commit -------------------------------------------------------------------------------------------------------


def _judge_revision(verdict: Verdict, subject: Subject, one: Application, wanted: str, *, late: bool | None) -> None:
    """`late` is whether it has been out of sync for too long; None where that could not be read."""
    if one.status.sync.status not in ("Synced", "OutOfSync"):
        verdict.unchecked(
            subject, f"its sync status is {one.status.sync.status or 'not reported'}, so which commit is deployed is not known"
        )
    elif wanted:
        _judge_expected(verdict, subject, one, wanted)
    elif one.status.sync.status == "OutOfSync" and one.deployed != one.compared_with:
        _judge_newer(verdict, subject, one, late=late)


def _judge_expected(verdict: Verdict, subject: Subject, one: Application, wanted: str) -> None:
    targets = [each.target_revision for each in one.sources]
    if any(_is(wanted, each) for each in one.deployed) or (wanted in targets and one.status.sync.status == "Synced"):
        return
    if one.running:
        verdict.unchecked(subject, f"it is being synchronised now; {wanted} is expected, {short(one.deployed)} was there before")
    elif not COMMIT.fullmatch(wanted) and wanted not in targets and any(COMMIT.fullmatch(each) for each in one.deployed):
        verdict.unchecked(
            subject,
            f"the profile expects {wanted}, which is no commit, and it follows {', '.join(targets)}: name the commit to have it compared",
        )
    else:
        known = any(_is(wanted, each) for each in one.compared_with)
        cause = (
            f"Argo CD knows {wanted}, and has not synchronised it."
            if known
            else f"The newest that Argo CD has found at {', '.join(each or 'HEAD' for each in targets)} is {short(one.compared_with)}: "
            f"{wanted} is on another branch, was not pushed, or Argo CD has not looked since."
        )
        step = (
            synchronise(subject, "Synchronise it.")
            if known
            else change(f"Push that commit, or correct which one the profile expects.{source_of(one)}")
        )
        problem = f"is at {short(one.deployed)}, and {wanted} is expected."
        _report_revision(verdict, OTHER_REVISION, subject, one, problem, cause, [_refreshed(subject), step])


def _judge_newer(verdict: Verdict, subject: Subject, one: Application, *, late: bool | None) -> None:
    newest = short(one.compared_with)
    problem = f"is at {short(one.deployed)}, and Git is at {newest}."
    if one.automated is None:
        cause = "It has no automated policy: the newer commit waits for a manual sync."
        steps = [_refreshed(subject), synchronise(subject, "Synchronise it when it should be.")]
        _report_revision(verdict, COMMIT_WAITS, subject, one, problem, cause, steps)
    elif failure_stands(one):
        message = one.status.operation_state.message if one.status.operation_state else ""
        cause = f"Its last synchronisation failed: {said(message)}"
        _report_revision(verdict, COMMIT_NOT_DEPLOYED, subject, one, problem, cause, failed(subject, one, None, message))
    elif late and not one.running:
        cause = "It synchronises by itself, but has not tried this commit: a sync window forbids it, or the controller does not get to it."
        _report_revision(verdict, COMMIT_NOT_DEPLOYED, subject, one, problem, cause, not_tried(subject, one))
    elif late is None or not one.running:
        verdict.unchecked(subject, f"it is at {short(one.deployed)}; {newest} may still be under way")
    else:
        verdict.note(f"{subject} is being synchronised to {newest}")


def _refreshed(subject: Subject) -> Step:
    text = by_client("Have Argo CD refresh it from Git, and see what keeps it.")
    return look(text, shell("argocd app get {} --refresh", _name(subject)))


def _report_revision(
    verdict: Verdict, kind: FindingKind, subject: Subject, one: Application, problem: str, cause: str, fix: list[Step]
) -> None:
    verdict.report(
        kind,
        subject,
        problem=f"The Application {_name(subject)} {problem}",
        cause=cause,
        fix=fix,
        exhibits=[
            Table(
                title="Commits",
                columns=["What", "Revision"],
                rows=[["newest that Argo CD knows", ", ".join(one.compared_with)], ["deployed", ", ".join(one.deployed) or "none"]],
            )
        ],
        rests_on=[Ref.of(subject)],
    )


def _judge_absent(verdict: Verdict, name: str, revision: str, applications: Readings[Application]) -> None:
    namespace, _, own = name.partition("/")
    subject = Subject(api_version="argoproj.io/v1alpha1", kind="Application", namespace=namespace, name=own)
    if applications.missing_reason(namespace):
        return  # said already
    verdict.report(
        APPLICATION_MISSING,
        subject,
        problem=f"The profile expects {revision} of the Application {name}, and there is no such Application.",
        cause=f"`deployments:` names {name}; {applications.absent or 'it was deleted, renamed, or is in another namespace'}.",
        fix=[look("See which Applications there are.", shell("kubectl get applications.argoproj.io --all-namespaces"))],
    )


def _is(wanted: str, revision: str) -> bool:
    """Whether a revision is the one that is wanted: a commit may be shortened, down to seven digits."""
    return revision == wanted or (bool(COMMIT.fullmatch(wanted)) and bool(COMMIT.fullmatch(revision)) and revision.startswith(wanted))


def _name(subject: Subject) -> str:
    return f"{subject.namespace}/{subject.name}"


# --- the pods ---------------------------------------------------------------------------------------------------------


def _judge_pods(verdict: Verdict, subject: Subject, one: Application, seen: Seen) -> None:
    if not one.resources:
        verdict.unchecked(subject, "its status names no object, so there is nothing to compare with what runs")
    for resource in one.resources:
        _judge_resource(verdict, subject, resource, seen)


def _note_elsewhere(verdict: Verdict, away: list[Application]) -> None:
    if away:
        places = sorted({one.spec.destination.server or one.spec.destination.name for one in away})
        count, where = number(len(away), "Application"), listed(places, 3)
        verdict.note(f"Of {count} only the commit was looked at: the pods run in {where}. Run Clusterprobe there as well.")


def _judge_resource(verdict: Verdict, subject: Subject, resource: ManagedResource, seen: Seen) -> None:
    owner = f"{resource.reference} of {subject}"
    if resource.kind in UNREAD_KINDS:
        verdict.unchecked(subject, f"the pods of its {resource.reference} are not compared: objects of that kind are not read")
    if resource.kind not in KINDS or resource.requires_pruning:
        return
    place = Subject(
        api_version="apps/v1", kind=resource.kind, namespace=resource.namespace, name=resource.name, environment=subject.environment
    )
    workload = seen.workloads.get((resource.kind, resource.namespace, resource.name))
    if seen.kinds[resource.kind].missing_reason(resource.namespace) and workload is None:
        return  # said already
    if workload is None:
        verdict.unchecked(place, f"{owner} is not in the cluster, although Argo CD names it")
    elif not seen.pods.missing_reason(resource.namespace):
        rollout = rollout_of(resource.kind, workload, seen.living.get((place.kind, place.namespace, place.name), []), seen.oldest)
        _judge_rollout(verdict, place, subject, workload, rollout)


def _judge_rollout(verdict: Verdict, place: Subject, subject: Subject, workload: Workload, rollout: Rollout) -> None:
    images = ", ".join(f"{name}: {image}" for name, image in workload.images().items())
    if rollout.state == "as wanted":
        return
    if rollout.state == "under way":
        verdict.unchecked(
            place,
            f"{rollout.right} of {number(workload.wanted, 'pod runs', 'pods run')} what it wants ({images}), and its roll-out "
            f"goes on: {rollout.why}",
        )
        return
    pods = sorted({each.pod.metadata.name for each in rollout.wrong})
    first = rollout.wrong[0] if rollout.wrong else None
    problem = (
        f"Pod {listed(pods, 5)} of {place} runs {first.image}, and {first.wanted} is deployed; {rollout.right} of {workload.wanted} run it."
        if first
        else f"Only {rollout.right} of {number(workload.wanted, f'pod of {place} runs', f'pods of {place} run')} what is "
        f"deployed ({images})."
    )
    rows = [[each.pod.metadata.name, each.container, each.wanted, each.image] for each in rollout.wrong[:20]]
    verdict.report(
        OLD_IMAGE[rollout.state] if first else DEPLOYED_IMAGE_NOT_RUNNING,
        place,
        problem=problem,
        cause=f"The {place.kind}, which the Application {_name(subject)} manages, asks for it, but {rollout.why.rstrip('.')}.",
        fix=_fix(place, rollout, pods),
        exhibits=[Table(title="Images", columns=["Pod", "Container", "Wanted", "In the pod"], rows=rows)] if rows else [],
        rests_on=[Ref.of(place)],
    )


def _fix(place: Subject, rollout: Rollout, pods: list[str]) -> list[Step]:
    target = (place.namespace, place.kind.lower(), place.name)
    watch = look("Watch it roll out.", shell("kubectl -n {} rollout status {} {} --timeout=60s", *target))
    describe = look("See what holds it up.", shell("kubectl -n {} describe {} {}", *target))
    match rollout.state:
        case "paused":
            resume = shell("kubectl -n {} rollout resume {} {}", *target)
            return [describe, change("Once it is known why it was paused, resume it.", resume), watch]
        case "partition":
            return [change(f"Lower `spec.updateStrategy.rollingUpdate.partition`, {IN_GIT}: pods below it keep the old revision.")]
        case "on delete":
            delete = [shell("kubectl -n {} delete pod {}", place.namespace, one) for one in pods] if len(pods) <= MANY else []
            each = "Delete the pods one after the other, each once the one before is Ready; the controller recreates them."
            return [change(f"{each} Or set another updateStrategy, {IN_GIT}.", *delete)]
        case "mutated":
            return [
                look(
                    "See what changed the pod, and which webhooks may.",
                    shell("kubectl -n {} get pod {} -o yaml --show-managed-fields", place.namespace, pods[0]),
                    shell("kubectl get mutatingwebhookconfigurations"),
                ),
                change("Once that is repaired, recreate the pods.", shell("kubectl -n {} rollout restart {} {}", *target)),
            ]
    return [describe, change("Correct it in Git, or revert to the commit before."), watch]
