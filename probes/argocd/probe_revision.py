import re
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd import Application, Drift, ManagedResource, short
from clusterprobe.systems.argocd_causes import evidence_of_life, failure_stands, speaks_of_now, workloads_by_place
from clusterprobe.systems.daemon_sets import DaemonSet
from clusterprobe.systems.objects import Pod, Workload
from clusterprobe.systems.rollouts import Rollout, pods_of, rollout_of
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Deploy by commit or by a tag that never moves, name the commit under `deployments:` in the profile of the pipeline's last step, and "
    "let `kubectl rollout status` or this probe decide whether a deployment has succeeded: Synced only says that the objects are like Git."
)
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
UNREAD_KINDS = ("Rollout", "ReplicaSet", "ReplicationController")  # they run pods, too, but are not looked at here
COMMIT = re.compile(r"[0-9a-f]{7,64}")
REASONS = {
    "paused": "OldImagePaused",
    "stuck": "OldImageStuck",
    "on delete": "OldImageUntilDeleted",
    "partition": "OldImageBelowPartition",
    "mutated": "ImageChangedInPod",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What runs: the workloads, also by their kind, and the pods. A pod not ready since before `oldest` holds a roll-out up."""

    workloads: dict[tuple[str, str, str], Workload]
    kinds: dict[str, Readings[Any]]
    pods: Readings[Pod]
    oldest: float


def probe_revision(
    verdict: Verdict,
    applications: Readings[Application],
    application_drifts: Readings[Drift],
    deployments: Readings[Workload],
    stateful_sets: Readings[Workload],
    daemon_sets: Readings[DaemonSet],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is the revision that was deployed the one that really runs?

    Problem: The pipeline is green and Argo CD says Synced, but the pods still run the image from before; or the newest commit has
    not been synchronised at all.
    Cause: Synced compares objects with Git, not pods with objects. A paused Deployment, a roll-out that is stuck, an update strategy
    that waits for deletions, or a webhook leave pods on another image; a failed or forbidden synchronisation leaves all on the old commit.
    Fix: Resume or repair the roll-out that the finding names; synchronise the commit.
    Prevention: Name the expected commit in the pipeline's profile (`deployments`), and check pods, not only the sync status.
    """
    patience = profile.thresholds.application_minutes * 60
    kinds: dict[str, Readings[Any]] = dict(zip(KINDS, (deployments, stateful_sets, daemon_sets), strict=True))
    seen = Seen(workloads_by_place(**kinds), kinds, pods, clock.now - patience)
    for readings in (*kinds.values(), pods):
        verdict.need(readings)
    expected = {each.application: each.revision for each in profile.deployments}
    alive, stale = evidence_of_life(applications.items), clock.now - profile.thresholds.reconcile_minutes * 60
    drifts = verdict.enrich(application_drifts).by_name()
    for place, one in verdict.examine(applications):
        subject = msgspec.structs.replace(place, environment=verdict.environment_of(one.spec.destination.namespace))
        wanted = expected.pop(_name(subject), "")
        if not speaks_of_now(one, alive, stale):
            verdict.unchecked(subject, "Argo CD has not reconciled it for long, so its status does not tell what is deployed")
            continue
        began = drift.at_least_since if (drift := drifts.get((subject.namespace, subject.name))) else None
        _judge_revision(verdict, subject, one, wanted, late=None if began is None else clock.now - began > patience)
        _judge_pods(verdict, subject, one, seen)
    for name, revision in expected.items():
        _judge_absent(verdict, name, revision, applications)


# --- the commit -------------------------------------------------------------------------------------------------------


def _judge_revision(verdict: Verdict, subject: Subject, one: Application, wanted: str, *, late: bool | None) -> None:
    """`late` is whether it has been out of sync for too long; None where that could not be read."""
    if one.status.sync.status not in ("Synced", "OutOfSync"):
        verdict.unchecked(
            subject, f"its synchronisation is {one.status.sync.status or 'not told'}, so it does not tell which commit is deployed"
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
        _report_revision(
            verdict, Severity.ERROR, "OtherRevision", subject, one, f"is at {short(one.deployed)}, and {wanted} is expected.", cause
        )


def _judge_newer(verdict: Verdict, subject: Subject, one: Application, *, late: bool | None) -> None:
    newest = short(one.compared_with)
    problem = f"is at {short(one.deployed)}, and Git is at {newest}."
    if one.automated is None:
        cause = "It has no automated policy: the newer commit waits until somebody synchronises it."
        _report_revision(verdict, Severity.INFO, "CommitWaits", subject, one, problem, cause)
    elif failure_stands(one):
        cause = f"Its last synchronisation failed: {one.status.operation_state.message if one.status.operation_state else ''}"
        _report_revision(verdict, Severity.ERROR, "CommitNotDeployed", subject, one, problem, cause)
    elif late and not one.running:
        cause = "It synchronises by itself, but has not tried this commit: a sync window forbids it, or the controller does not get to it."
        _report_revision(verdict, Severity.ERROR, "CommitNotDeployed", subject, one, problem, cause)
    elif late is None or not one.running:
        verdict.unchecked(subject, f"it is at {short(one.deployed)}; {newest} may just be on its way")
    else:
        verdict.note(f"{subject} is being synchronised to {newest}")


def _report_revision(
    verdict: Verdict, severity: Severity, reason: str, subject: Subject, one: Application, problem: str, cause: str
) -> None:
    verdict.finding(
        severity,
        reason,
        subject,
        problem=f"The Application {_name(subject)} {problem}",
        cause=cause,
        fix=f"See what keeps it, let Argo CD look at Git again, and synchronise:\n$ argocd app get {_name(subject)} --refresh\n"
        f"$ argocd app sync {_name(subject)}",
        prevention=PREVENTION,
        exhibits=[
            Table(
                title="Commits",
                columns=["What", "Revision"],
                rows=[["newest that Argo CD knows", ", ".join(one.compared_with)], ["deployed", ", ".join(one.deployed) or "none"]],
            )
        ],
        rests_on=[f"Application/{_name(subject)}"],
    )


def _judge_absent(verdict: Verdict, name: str, revision: str, applications: Readings[Application]) -> None:
    namespace, _, own = name.partition("/")
    subject = Subject(api_version="argoproj.io/v1alpha1", kind="Application", namespace=namespace, name=own)
    if applications.missing_reason(namespace):
        return  # said already
    verdict.finding(
        Severity.ERROR,
        "ApplicationMissing",
        subject,
        problem=f"The profile expects {revision} of the Application {name}, and there is no such Application.",
        cause=f"`deployments:` names {name}; {applications.absent or 'it was deleted, renamed, or lies in another namespace'}.",
        fix="See which there are:\n$ kubectl get applications.argoproj.io --all-namespaces",
        prevention=PREVENTION,
    )


def _is(wanted: str, revision: str) -> bool:
    """Whether a revision is the one that is wanted: a commit may be shortened, down to seven digits."""
    return revision == wanted or (bool(COMMIT.fullmatch(wanted)) and bool(COMMIT.fullmatch(revision)) and revision.startswith(wanted))


def _name(subject: Subject) -> str:
    return f"{subject.namespace}/{subject.name}"


# --- the pods ---------------------------------------------------------------------------------------------------------


def _judge_pods(verdict: Verdict, subject: Subject, one: Application, seen: Seen) -> None:
    if not one.is_here:
        verdict.unchecked(subject, f"it deploys to another cluster ({one.spec.destination.server or one.spec.destination.name})")
        return
    if not one.resources:
        verdict.unchecked(subject, "its status names no object, so there is nothing to compare with what runs")
    for resource in one.resources:
        _judge_resource(verdict, subject, resource, seen)


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
        rollout = rollout_of(resource.kind, workload, pods_of(place, seen.pods), seen.oldest)
        _judge_rollout(verdict, place, subject, workload, rollout)


def _judge_rollout(verdict: Verdict, place: Subject, subject: Subject, workload: Workload, rollout: Rollout) -> None:
    images = ", ".join(f"{name}: {image}" for name, image in workload.images().items())
    if rollout.state == "as wanted":
        return
    if rollout.state == "under way":
        verdict.unchecked(
            place, f"{rollout.right} of {workload.wanted} pods run what it wants ({images}), and its roll-out goes on: {rollout.why}"
        )
        return
    pods = sorted({each.pod.metadata.name for each in rollout.wrong})
    first = rollout.wrong[0] if rollout.wrong else None
    problem = (
        f"Pod {', '.join(pods[:5])} of {place} runs {first.image}, and {first.wanted} is deployed; {rollout.right} of {workload.wanted} "
        "run it."
        if first
        else f"Only {rollout.right} of {workload.wanted} pods of {place} run what is deployed ({images})."
    )
    rows = [[each.pod.metadata.name, each.container, each.wanted, each.image] for each in rollout.wrong[:20]]
    verdict.finding(
        Severity.INFO if rollout.state == "partition" else Severity.ERROR,
        REASONS[rollout.state] if first else "DeployedImageNotRunning",
        place,
        problem=problem,
        cause=f"The {place.kind}, which the Application {_name(subject)} manages, asks for it, but {rollout.why.rstrip('.')}.",
        fix=_fix(place, rollout, pods),
        prevention=PREVENTION,
        exhibits=[Table(title="Images", columns=["Pod", "Container", "Wanted", "In the pod"], rows=rows)] if rows else [],
        rests_on=[f"{place.kind}/{_name(place)}"],
    )


def _fix(place: Subject, rollout: Rollout, pods: list[str]) -> str:
    where = f"$ kubectl -n {place.namespace}"
    what = f"{place.kind.lower()} {place.name}"
    watch = f"{where} rollout status {what} --timeout=60s"
    match rollout.state:
        case "paused":
            return f"See why it was paused, and resume it:\n{where} rollout resume {what}\n{watch}"
        case "on delete" | "partition":
            change = "Let the pods be made anew, one after the other, or change its updateStrategy in Git"
            return f"{change}:\n{where} delete pod {' '.join(pods[:3])}"
        case "mutated":
            return (
                f"Find what changes it, and let the pods be made anew:\n$ kubectl get mutatingwebhookconfigurations\n"
                f"{where} get pod {pods[0]} -o yaml --show-managed-fields\n{where} rollout restart {what}"
            )
    return f"See what holds it up; correct it in Git, or go back to the commit before:\n{where} describe {what}\n{watch}"
