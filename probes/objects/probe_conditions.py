from collections.abc import Iterator
from itertools import chain

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.custom_resources import own_advice, rival_advice, words
from clusterprobe.systems.custom_resources.acme import Challenge
from clusterprobe.systems.custom_resources.diagnosis import Families, diagnose, is_mild, reports_on
from clusterprobe.systems.custom_resources.kinds import is_own
from clusterprobe.systems.custom_resources.object_events import Heard
from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject
from clusterprobe.systems.custom_resources.rivals import crowds, same_secrets
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

NOT_READY = FindingKind(
    "ObjectNotReady",
    Severity.ERROR,
    "By its conditions, or a word of its status, an object is not ready, or its controller failed on it.",
    settles=True,
)
UNDECIDED = FindingKind(
    "ObjectUndecided", Severity.WARNING, "An object's controller has not decided for long whether it is ready.", settles=True
)
NOT_REPORTED = FindingKind("ObjectNotReported", Severity.WARNING, "No controller has said anything of an object.", settles=True)
DELETION_HANGS = FindingKind("ObjectDeletionHangs", Severity.WARNING, "An object was deleted long ago, and its finalizers still wait.")
BUDGETS_OVERLAP = FindingKind(
    "BudgetsOverlap",
    Severity.WARNING,
    "Pods are in more than one PodDisruptionBudget, so that none of them can be evicted.",
    prevention="Let one chart bring the budget of a workload.",
)
SECRET_MADE_TWICE = FindingKind(
    "SecretMadeTwice",
    Severity.WARNING,
    "More than one object makes the same Secret.",
    prevention="Give each Certificate and ExternalSecret a Secret of its own.",
)
NONE_REPORTS = "no object of a custom resource has one of the usual conditions"


@reports(NOT_READY, UNDECIDED, NOT_REPORTED, DELETION_HANGS, BUDGETS_OVERLAP, SECRET_MADE_TWICE)
def probe_conditions(
    verdict: Verdict,
    custom_kinds: Examined[CustomKind],
    own_kinds: Examined[CustomKind],
    acme_challenges: Enriching[Challenge],
    object_warnings: Enriching[Heard],
    pods: Enriching[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Are APIServices, autoscalers and the objects of all other custom resources ready, by their own conditions?

    Problem: What a controller could not do stands in the status of an object that nobody looks at: a Kustomization that does not build, a
    Certificate that is not renewed, an ExternalSecret that the store refuses, a route that no Gateway takes, an autoscaler without metrics,
    an API whose server is gone. Or two objects want the same: two budgets the same pods, which no drain gets off their node then, or two
    Certificates the same Secret.
    Cause: The condition's own reason and message, as the controller wrote them; of some kinds a word, such as HEALTH_ERR of Ceph.
    Fix: By the message; the controller tries again by itself.
    Prevention: Alert on the conditions, such as `gotk_resource_info{ready="False"}` of Flux or
    `certmanager_certificate_ready_status{condition="False"}`, and run this probe after each deployment.
    """
    kinds = custom_kinds.readings.items
    doubtful = {one.subject.kind.removesuffix("List") for one in custom_kinds.readings.unreadable}
    families = Families((*kinds, *own_kinds.readings.items), doubtful)
    patience = profile.thresholds.objects.ready_minutes * 60
    beside = words.Beside(acme_challenges.items, own_advice.served_by(own_kinds.readings.items))
    heard = {subject: one.message for subject, one in object_warnings}
    found = custom_kinds.keep(lambda _, kind: bool(reports_on(kind)), NONE_REPORTS if any(kind.objects for kind in kinds) else "")
    for _, kind in chain(found, own_kinds.keep(lambda _, kind: bool(reports_on(kind)))):
        for one in reports_on(kind):
            subject = kind.subject_of(one)
            state = diagnose(kind, one, families, heard=heard.get(subject, ""), now=clock.now, patience_seconds=patience)
            _tell(verdict, words.Case(subject, kind, one, state), beside)
    _report_rivals(verdict, [*kinds, *own_kinds.readings.items], pods)
    if silent := [f"{kind.resource} ({len(kind.objects)})" for kind in kinds if kind.objects and not reports_on(kind)]:
        verdict.note(
            f"These objects have none of the usual conditions, so whether they are well was not judged: {listed(sorted(silent), 20)}"
        )
    if skipped := profile.custom_resources.skip:
        verdict.note(f"The profile leaves out the kinds {listed(skipped, 20)}")


def _tell(verdict: Verdict, case: words.Case, beside: words.Beside) -> None:
    subject = case.subject
    match case.found.state:
        case "failing" | "undecided":
            _report(verdict, case, beside)
        case "unreported":
            _report_silence(verdict, case)
        case "deleted":
            _report_deletion(verdict, case)
        case "passing":
            verdict.note(f"{subject} is not ready yet, which may pass")
        case "suspended":
            verdict.note(f"{subject} is suspended, so nothing of it is brought up to date")
        case "outdated":
            verdict.unchecked(
                subject,
                f"it is of generation {case.one.generation}, and its controller has reported on an earlier one only; if it never reports"
                " on another, name the kind under custom_resources.skip in the profile",
            )
        case "owner unread":
            verdict.unchecked(subject, "it is not ready, and the object that controls it, which may explain that, could not be read")


def _report(verdict: Verdict, case: words.Case, beside: words.Beside) -> None:
    subject, kind, one, found = case
    degraded = all(is_mild(each) for each in found.conditions)
    effect = own_advice.EFFECTS.get(kind.kind, "") if is_own(kind.resource) else ""
    cause, steps = words.explained(case, beside)
    verdict.report(
        NOT_READY if found.state == "failing" else UNDECIDED,
        subject,
        severity=Severity.WARNING if degraded else None,
        problem=f"{words.problem(subject, found)} {effect}".strip(),
        cause=cause,
        fix=steps,
        exhibits=[words.table(one.conditions)] if one.conditions else [],
        breaks=list(_broken(one, kind)),
        rests_on=[
            *_needed(one),
            *(each.ref for each in found.missing),
            *(own_advice.rests_on(kind.kind, one, found.conditions) if is_own(kind.resource) else ()),
        ],
    )


def _needed(one: CustomObject) -> list[Ref]:
    return [_ref(each.kind, each.namespace, each.name) for each in one.needs]


def _broken(one: CustomObject, kind: CustomKind) -> Iterator[Ref]:
    yield _ref(kind.kind, one.namespace, one.name)
    if one.secret_name:
        yield Ref(RefKind.SECRET, one.namespace, one.secret_name)


def _ref(kind: str, namespace: str, name: str) -> Ref:
    """Never that of an object of Kubernetes itself: there are Services and Ingresses of other groups."""
    return Ref(RefKind.OTHER, namespace, f"{kind}/{name}")


def _report_silence(verdict: Verdict, case: words.Case) -> None:
    subject, kind, one, found = case
    since = f"has been there for {ago(found.seconds)}, and" if found.seconds is not None else "has no time of creation, and"
    verdict.report(
        NOT_REPORTED,
        subject,
        problem=f"{subject} {since} no controller has said anything of it.",
        cause="Its status has no condition. Its controller does not run, does not watch it, or leaves it to another one.",
        fix=[
            look("See what it asks for, and which class, label or selector names its controller.", words.described(kind, subject)),
            change("Start the controller, or let it watch this object."),
        ],
        rests_on=_needed(one),
        breaks=list(_broken(one, kind)),
    )


def _report_deletion(verdict: Verdict, case: words.Case) -> None:
    subject, kind = case.subject, case.kind
    verdict.report(
        DELETION_HANGS,
        subject,
        problem=f"{subject} was deleted {ago(case.found.seconds or 0)} ago, and is still there.",
        cause="A finalizer waits: its controller does not run, or cannot clean up what it made for it.",
        fix=[
            look("See its finalizers, its conditions and the events about it.", words.described(kind, subject)),
            change("Repair what keeps its controller from cleaning up. Removing the finalizer by hand leaves behind what it guards."),
        ],
    )


def _report_rivals(verdict: Verdict, kinds: list[CustomKind], pods: Readings[Pod]) -> None:
    """Objects that are well each by itself, and not together."""
    for one in crowds(kinds, pods):
        both = "both select" if len(one.budgets) == 2 else "all select"
        verdict.report(
            BUDGETS_OVERLAP,
            one.workload,
            problem=f"PodDisruptionBudgets {rival_advice.names(one.budgets)} {both} the pods of {one.workload}: none of them can be "
            "evicted, so a drain of their node does not end.",
            cause=f"The API server refuses every eviction of a pod that is in more than one budget: {listed(list(one.pods), 5)}.",
            fix=rival_advice.of_crowd(one),
        )
    for same in same_secrets(kinds):
        verdict.report(
            SECRET_MADE_TWICE,
            same.makers[0],
            problem=f"{listed([str(two) for two in same.makers], 4, between=' and ')} make the same Secret {same.namespace}/{same.name}.",
            cause=rival_advice.why_secret(same),
            fix=rival_advice.of_secret(same),
        )
