from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.references import Ref
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.serving.health import Health
from clusterprobe.systems.serving.sources import Replica
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

NO_READINESS_PROBE = FindingKind("NoReadinessProbe", Severity.INFO, "A model service has no readiness probe.")
UNHEALTHY = FindingKind("Unhealthy", Severity.ERROR, "A replica of a model service answers its health path with an error.", settles=True)
SAYS_UNHEALTHY = FindingKind(
    "SaysUnhealthy",
    Severity.ERROR,
    "A replica of a model service answers with a good status, and says that it is not healthy.",
    settles=True,
)
HEALTH_NOT_FOUND = FindingKind(
    "HealthNotFound", Severity.ERROR, "A replica of a model service does not have its health path.", settles=True
)
WRONG = {"redirect": "a redirect, which no probe follows to a service of its own", "html": "an HTML page where a health answer belongs"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one replica."""

    kind: FindingKind
    replica: Replica
    said: str


@reports(NO_READINESS_PROBE, UNHEALTHY, SAYS_UNHEALTHY, HEALTH_NOT_FOUND)
def probe_health(verdict: Verdict, model_replicas: Examined[Replica], model_health: Needed[Health], clock: Clock) -> None:
    """Does every replica of every served model report that it is healthy?

    Problem: A model's process runs, and answers no prediction: clients get errors, or its Service has no endpoint left.
    Cause: Its health path answers an error (no model loaded, a back end that is down), does not exist (404), or is another thing's
    (a page, a redirect); or there is no readiness probe, so that Kubernetes sends requests to whatever has started.
    Fix: Follow what the answer says; look at the pod's log; undo the revision that brought it.
    Prevention: Let the readiness probe ask the path that really needs the model, and the liveness probe one that does not: a restart
    brings no model back. Name that path in the profile (`serving.models[].health_path`), and run this probe after each deployment.
    """
    answers = dict(model_health)
    troubles: dict[tuple[Subject, FindingKind], list[Trouble]] = defaultdict(list)
    rows: list[list[str]] = []
    for subject, replica in model_replicas:
        answer = answers.get(subject)
        rows.append(_row(subject, replica, answer))
        trouble = _judge(verdict, subject, replica, answer, clock.now)
        if answer is None and replica.path and not replica.down(clock.now) and model_health.complete:
            verdict.unchecked(subject, "it did not run when it was to be asked, and does now")
        if trouble:
            troubles[replica.workload, trouble.kind].append(trouble)
    for workload in dict.fromkeys(one.workload for one in model_replicas.readings.items if not one.probed):
        _unprobed(verdict, workload)
    for (workload, _), ones in troubles.items():
        _report(verdict, workload, ones, [one for one in model_replicas.readings.items if one.workload == workload])
    for workload in dict.fromkeys(one.workload for one in model_replicas.readings.items):
        own = [one for one in model_replicas.readings.items if one.workload == workload]
        if all(one.down(clock.now) for one in own):
            verdict.unchecked(workload, f"none of its {number(len(own), 'pod')} runs, so none can be asked: `pods/crash-loop` says why")
    if rows:
        verdict.exhibit(Table(title="Served models", columns=["Pod", "Path", "Said by", "Ready", "Answer"], rows=rows[:50]))


def _row(subject: Subject, replica: Replica, answer: Health | None) -> list[str]:
    said = f"{answer.status} {answer.said}" if answer else "not asked"
    return [f"{subject.namespace}/{subject.name}", replica.path or "none", replica.said_by, "yes" if replica.pod.ready else "no", said]


def _judge(verdict: Verdict, subject: Subject, replica: Replica, answer: Health | None, now: float) -> Trouble | None:
    pod = replica.pod
    if answer is None and replica.down(now):
        verdict.note(f"{subject} does not run, so it was not asked: `pods/crash-loop` says why")
        return None
    if answer is None:
        if not replica.path:
            _unasked(verdict, subject, replica)
        return None  # what could not be read is unchecked already
    said = f"HTTP {answer.status}" + (f": {answer.said}" if answer.said else "")
    if answer.status < 300 and answer.kind != "html":
        return _well(verdict, subject, replica, answer, now)
    if replica.said_by != "profile" and pod.ready:
        kind = WRONG.get(answer.kind, said)
        verdict.unchecked(
            subject,
            f"{replica.path} gave us {kind}, although the kubelet's own {replica.said_by} passes: a proxy in between may have answered",
        )
        return None
    if replica.starting(now):
        verdict.unchecked(subject, f"it was started {ago(now - replica.started)} ago and is not ready yet ({said})")
        return None
    if answer.kind in WRONG:
        verdict.unchecked(subject, f"{replica.path} answers {WRONG[answer.kind]} (HTTP {answer.status} {answer.said})")
        return None
    return Trouble(HEALTH_NOT_FOUND if answer.status == 404 else UNHEALTHY, replica, said)


def _unasked(verdict: Verdict, subject: Subject, replica: Replica) -> None:
    """A probe of another kind is the kubelet's to make: its result counts."""
    if replica.probed and replica.pod.ready:
        verdict.note(f"{subject}: its readiness probe asks no HTTP path, so its Ready condition was judged")
    else:
        verdict.unchecked(
            subject, "neither its readiness or liveness probe nor the profile (`serving.models[].health_path`) name a path to ask"
        )


def _well(verdict: Verdict, subject: Subject, replica: Replica, answer: Health, now: float) -> Trouble | None:
    """A good status; what the body says of itself counts more."""
    if answer.well is False:
        return Trouble(SAYS_UNHEALTHY, replica, f"HTTP {answer.status}: {answer.said}")
    if answer.well is None:
        shown = answer.said or "nothing"
        verdict.note(
            f"{subject} answers {answer.status} with {shown}, which says neither healthy nor unhealthy: only its status was judged"
        )
    if not replica.pod.ready:
        if replica.starting(now):
            verdict.unchecked(subject, "it has just been started and is not ready yet")
        else:
            verdict.unchecked(
                subject,
                "its health endpoint is OK, but the pod is not Ready: it may have just recovered, or another container is not ready",
            )
    return None


def _unprobed(verdict: Verdict, workload: Subject) -> None:
    verdict.report(
        NO_READINESS_PROBE,
        workload,
        problem=f"{workload} has no readiness probe.",
        cause="Without one a pod counts as Ready as soon as its process has started, before its model is loaded, and for ever after.",
        fix=[
            change(
                "Add a readinessProbe to its container, in the chart's values or its manifest: httpGet on the path that needs the model."
            )
        ],
    )


def _report(verdict: Verdict, workload: Subject, troubles: list[Trouble], replicas: list[Replica]) -> None:
    first, ready = troubles[0], [one for one in replicas if one.pod.ready]
    pod, path = first.replica.pod.metadata.name, first.replica.path
    what = {
        HEALTH_NOT_FOUND: "The path does not exist: this version reports its health elsewhere, or another program answers on that port.",
        SAYS_UNHEALTHY: "The status is 200, so Kubernetes considers it healthy; its answer says the opposite.",
        UNHEALTHY: "The process runs, and reports that it cannot serve.",
    }[first.kind]
    left = (
        f"{len(ready)} of its {number(len(replicas), 'replica')} {'is' if len(ready) == 1 else 'are'} Ready"
        if ready
        else "none of its replicas is Ready, so no client is answered"
    )
    verdict.report(
        first.kind,
        workload,
        severity=Severity.WARNING if first.replica.said_by == "profile" and first.kind == HEALTH_NOT_FOUND else Severity.ERROR,
        problem=f"{len(troubles)} of {number(len(replicas), 'replica')} of {workload} {'is' if len(troubles) == 1 else 'are'} unhealthy; "
        f"{left}.",
        cause=f"Pod {pod} answers on {path} (said by its {first.replica.said_by}) with {first.said}. {what}",
        fix=_fix(workload, first.replica, fails=first.kind == UNHEALTHY),
        exhibits=[_table(troubles)],
        breaks=[] if ready else [Ref.of(workload)],
    )


def _fix(workload: Subject, replica: Replica, *, fails: bool) -> list[Step]:
    place, pod, port = workload.namespace, replica.pod.metadata.name, replica.port
    steps = [
        look(
            "Read what it logs.",
            shell("kubectl -n {} logs {} --all-containers --since=10m --tail=50", place, pod),
        ),
        look(
            "Ask it yourself: the first command runs until it is ended (`kill %1`).",
            shell("kubectl -n {} port-forward pod/{} {}:{} &", place, pod, port, port),
            shell("curl -sikg {}", f"{replica.scheme}://127.0.0.1:{port}/{replica.path.lstrip('/')}"),
        ),
    ]
    if not workload.api_version.startswith("apps/"):
        return steps
    history = shell("kubectl -n {} rollout history {}/{}", place, workload.kind.lower(), workload.name)
    steps += [look("See whether a new revision brought it.", history), change(f"If so, undo that revision, {IN_GIT}.")]
    if fails and workload.kind in ("Deployment", "StatefulSet"):
        restart = shell("kubectl -n {} rollout restart {}/{}", place, workload.kind.lower(), workload.name)
        steps.append(change("If it has lost what it loads as it starts, such as a model, restart it.", restart))
    return steps


def _table(troubles: list[Trouble]) -> Table:
    rows = [[one.replica.pod.metadata.name, one.replica.path, one.said] for one in troubles[:20]]
    return Table(title="What they answer", columns=["Pod", "Path", "Answer"], rows=rows)
