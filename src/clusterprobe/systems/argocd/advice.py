"""What to do about an Application: the same steps wherever one is recommended."""

from __future__ import annotations

from collections.abc import Sequence

from clusterprobe.fixes import change, destroys, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.argocd.deadlocks import Deadlock, Gone
from clusterprobe.systems.argocd.messages import row_of
from clusterprobe.systems.argocd.sources import Application, ManagedResource, ResourceResult
from clusterprobe.words import listed


def name_of(subject: Subject) -> str:
    """As Argo CD's command line takes it."""
    return f"{subject.namespace}/{subject.name}"


def read(subject: Subject, text: str, path: str) -> Step:
    """A look at one field of the Application; `path` is a JSONPath of ours."""
    return look(text, shell("kubectl -n {} get applications.argoproj.io {} -o jsonpath={}", subject.namespace, subject.name, f"{{{path}}}"))


def source_of(one: Application) -> str:
    """A sentence, with a blank before it: where in Git what it deploys is written; empty where it does not say."""
    places = [
        f"{f'path {each.path}' if each.path else f'chart {each.chart}'} of {each.repository}, at {each.target_revision or 'HEAD'}"
        for each in one.sources
        if each.repository and (each.path or each.chart)
    ]
    return f" It deploys {listed(places, 3, between='; ')}." if places else ""


def refresh(subject: Subject) -> Step:
    mark = "argocd.argoproj.io/refresh=hard"
    command = shell("kubectl -n {} annotate applications.argoproj.io {} {} --overwrite", subject.namespace, subject.name, mark)
    return change("Have Argo CD refresh it.", command)


def by_client(text: str) -> str:
    """A step whose command is of Argo CD's own client: kubectl has none that does the same with the Application's sync options."""
    return f"{text} (With Argo CD's client, logged in; or on the Application's page.)"


def differs(subject: Subject) -> Step:
    return look(by_client("See what differs."), shell("argocd app diff {}", name_of(subject)))


def synchronise(subject: Subject, text: str) -> Step:
    return change(by_client(text), shell("argocd app sync {}", name_of(subject)))


def prune(subject: Subject, objects: Sequence[ManagedResource]) -> Step:
    """A synchronisation that deletes what Git no longer has."""
    names = listed([each.reference for each in objects], 5)
    what = f"{names or 'what is no longer in Git'}, and what depends on it, such as the data of a PVC"
    return destroys(what, by_client("Synchronise it when that is meant."), shell("argocd app sync {} --prune", name_of(subject)))


def not_tried(subject: Subject, one: Application) -> list[Step]:
    """A commit that Argo CD has not tried."""
    project = one.spec.project or "default"
    return [
        look(
            by_client("See what is due, and the sync windows of its project."),
            shell("argocd app get {}", name_of(subject)),
            shell("argocd proj windows list {}", project),
        ),
        change("Open the sync window, or let the application controller get to it, as its log says."),
    ]


def repair(messages: str, one: Application) -> Step:
    """What the messages ask for."""
    row = row_of(messages)
    text = row.fix if row else "Repair what the message names, in Git or in the Application."
    return change(text + source_of(one))


def failed(subject: Subject, one: Application, hook: ResourceResult | None, messages: str) -> list[Step]:
    """A synchronisation that failed, on a hook or on an object."""
    steps = [read(subject, "See all that it said.", ".status.operationState.message")]
    if hook is not None and hook.kind in ("Job", "Pod") and one.is_here:
        steps.insert(0, look("See what the hook logs.", shell("kubectl -n {} logs {}/{}", hook.namespace, hook.kind.lower(), hook.name)))
    return [
        *steps,
        repair(messages, one) if row_of(messages) else change(f"Correct it in Git, and commit.{source_of(one)}"),
        synchronise(subject, "If the cause was outside Git, let it try again instead."),
    ]


def hanging(subject: Subject, held: Deadlock | Gone | None) -> list[Step]:
    """A synchronisation that does not end."""
    end = shell("argocd app terminate-op {}", name_of(subject))
    match held:
        case Deadlock(waits, lacks):
            objects = listed([each.reference for each in lacks], 3)
            earlier = (
                f"Let what the hook {waits.name} needs come before it, in Git: make {objects} a hook of the same phase in an earlier sync "
                "wave, or make that hook one of a later phase (Sync or PostSync)."
                if waits.hook_type
                else f"Give {objects} an earlier sync wave than {waits.place} (argocd.argoproj.io/sync-wave), in Git."
            )
            return [change(earlier), change(by_client("End the operation, so that the changed commit is tried."), end)]
        case Gone():
            text = (
                "Leave `ttlSecondsAfterFinished` out of the hook's Job, in Git: the hook's delete policy removes it (BeforeHookCreation)."
            )
            return [change(by_client("End the operation, and synchronise again. The hook then runs again."), end), change(text)]
    return [change("Repair what it waits for."), change(by_client("Otherwise end the operation."), end)]


def unready(subject: Subject, one: Application, waiting: Sequence[ManagedResource]) -> list[Step]:
    """What does not become ready: the objects that Argo CD names, where the Application deploys to this cluster."""
    namespace = one.spec.destination.namespace
    if waiting:
        return unwell(subject, one, waiting)
    if not one.is_here or not namespace:
        return [look(by_client("See what is not ready."), shell("argocd app get {} --output tree=detailed", name_of(subject)))]
    return [look("See what is not ready.", shell("kubectl -n {} get deployments,statefulsets,daemonsets,pods", namespace))]


def unwell(subject: Subject, one: Application, faults: Sequence[ManagedResource]) -> list[Step]:
    """What is not well; in another cluster only Argo CD can be asked."""
    fallback = one.spec.destination.namespace
    places = [
        (each.name, each.namespace or fallback, ".".join(part for part in (each.kind.lower(), each.group) if part)) for each in faults[:3]
    ]
    commands = [shell("kubectl -n {} describe {} {}", namespace, kind, name) for name, namespace, kind in places if namespace]
    text = "See what is not healthy."
    if not commands or not one.is_here:
        text, commands = by_client(text), [shell("argocd app get {} --output tree=detailed", name_of(subject))]
    return [look(text, *commands), change(f"Repair it in Git.{source_of(one)}")]


def looping(subject: Subject, objects: Sequence[ManagedResource]) -> list[Step]:
    """What is changed again after each synchronisation."""
    steps = [
        look(by_client("See how often it was synchronised."), shell("argocd app history {}", name_of(subject))),
        look(by_client("See what differs, at a moment at which it is out of sync."), shell("argocd app diff {}", name_of(subject))),
    ]
    if any(one.kind == "Job" for one in objects):
        text = (
            "If the Job has `ttlSecondsAfterFinished`, Kubernetes deletes it, and it is missing again: leave that out, or make it a hook."
        )
        steps.append(change(text))
    return [*steps, change("Let only one program set it, or name the field in `ignoreDifferences`, in Git.")]
