from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.serving import Replica
from clusterprobe.systems.serving_health import Health
from clusterprobe.times import ago
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Let the readiness probe ask the path that really needs the model, and the liveness probe one that does not: a restart brings no "
    "model back. Name that path in the profile (`serving.models[].health_path`), and run this probe after each deployment."
)
WRONG = {"redirect": "a redirect, which no probe follows to a service of its own", "html": "an HTML page where a health answer belongs"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one replica."""

    reason: str
    replica: Replica
    said: str


def probe_health(verdict: Verdict, model_replicas: Readings[Replica], model_health: Readings[Health], clock: Clock) -> None:
    """Does every replica of every served model say that it is well?

    Problem: A model's process runs, and answers no prediction: clients get errors, or its Service has no endpoint left.
    Cause: Its health path answers an error (no model loaded, a back end that is gone), is not there (404), or is another thing's
    (a page, a redirect); or there is no readiness probe, so that Kubernetes sends requests to whatever has started.
    Fix: Follow what the answer says; look at the pod's log; undo the revision that brought it.
    Prevention: A readiness probe on the path that needs the model, a liveness probe on one that does not.
    """
    answers = dict(verdict.need(model_health))
    troubles: dict[tuple[Subject, str], list[Trouble]] = defaultdict(list)
    rows: list[list[str]] = []
    for subject, replica in verdict.examine(model_replicas):
        answer = answers.get(subject)
        rows.append(_row(subject, replica, answer))
        trouble = _judge(verdict, subject, replica, answer, clock.now)
        if answer is None and replica.path and not replica.down(clock.now) and model_health.complete:
            verdict.unchecked(subject, "it did not run when it was to be asked, and does now")
        if trouble:
            troubles[replica.workload, trouble.reason].append(trouble)
    for workload in dict.fromkeys(one.workload for one in model_replicas.items if not one.probed):
        _unprobed(verdict, workload)
    for (workload, _), ones in troubles.items():
        _report(verdict, workload, ones, [one for one in model_replicas.items if one.workload == workload])
    for workload in dict.fromkeys(one.workload for one in model_replicas.items):
        own = [one for one in model_replicas.items if one.workload == workload]
        if all(one.down(clock.now) for one in own):
            verdict.unchecked(workload, f"none of its {len(own)} pods runs, so there is nobody to ask: `pods/crash-loop` tells why")
    if rows:
        verdict.exhibit(Table(title="Served models", columns=["Pod", "Path", "Said by", "Ready", "Answer"], rows=rows[:50]))


def _row(subject: Subject, replica: Replica, answer: Health | None) -> list[str]:
    said = f"{answer.status} {answer.said}" if answer else "not asked"
    return [f"{subject.namespace}/{subject.name}", replica.path or "none", replica.said_by, "yes" if replica.pod.ready else "no", said]


def _judge(verdict: Verdict, subject: Subject, replica: Replica, answer: Health | None, now: float) -> Trouble | None:
    pod = replica.pod
    if answer is None and replica.down(now):
        verdict.note(f"{subject} does not run, so it was not asked: `pods/crash-loop` tells why")
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
        verdict.unchecked(subject, f"{replica.path} gave us {kind}, although the kubelet's own {replica.said_by} passes: is it the pod?")
        return None
    if replica.starting(now):
        verdict.unchecked(subject, f"it was started {ago(now - replica.started)} ago and is not ready yet ({said})")
        return None
    if answer.kind in WRONG:
        verdict.unchecked(subject, f"{replica.path} answers {WRONG[answer.kind]} (HTTP {answer.status} {answer.said})")
        return None
    return Trouble("HealthNotFound" if answer.status == 404 else "Unhealthy", replica, said)


def _unasked(verdict: Verdict, subject: Subject, replica: Replica) -> None:
    """A probe of another kind is the kubelet's to make: its result counts."""
    if replica.probed and replica.pod.ready:
        verdict.note(f"{subject}: its readiness probe asks no HTTP path, so its Ready condition was judged")
    else:
        verdict.unchecked(subject, "neither its probes nor the profile (`serving.models[].health_path`) name a path to ask")


def _well(verdict: Verdict, subject: Subject, replica: Replica, answer: Health, now: float) -> Trouble | None:
    """A good status; what the body says of itself counts more."""
    if answer.well is False:
        return Trouble("SaysUnhealthy", replica, f"HTTP {answer.status}: {answer.said}")
    if answer.well is None:
        shown = answer.said or "nothing"
        verdict.note(f"{subject} answers {answer.status} with {shown}, which says neither well nor ill: only its status was judged")
    if not replica.pod.ready:
        if replica.starting(now):
            verdict.unchecked(subject, "it has just been started and is not ready yet")
        else:
            verdict.unchecked(subject, "it answers well, and is not Ready: it may have just recovered, or another container is not ready")
    return None


def _unprobed(verdict: Verdict, workload: Subject) -> None:
    verdict.finding(
        Severity.INFO,
        "NoReadinessProbe",
        workload,
        problem=f"{workload} has no readiness probe.",
        cause="Without one a pod counts as Ready as soon as its process has started, before its model is loaded, and for ever after.",
        fix="Add a readinessProbe (httpGet on the path that needs the model) to its container in the chart's values or its manifest.",
        prevention=PREVENTION,
    )


def _report(verdict: Verdict, workload: Subject, troubles: list[Trouble], replicas: list[Replica]) -> None:
    first, ready = troubles[0], [one for one in replicas if one.pod.ready]
    pod, path = first.replica.pod.metadata.name, first.replica.path
    what = {
        "HealthNotFound": "The path is not there: this version tells its health elsewhere, or another program answers on that port.",
        "SaysUnhealthy": "The status is 200, so that Kubernetes takes it for healthy; what it says is the opposite.",
        "Unhealthy": "The process runs, and says itself that it cannot serve.",
    }[first.reason]
    left = f"{len(ready)} of its {len(replicas)} replicas are Ready" if ready else "none of its replicas is Ready, so nobody is answered"
    place = f"$ kubectl -n {workload.namespace}"
    target = f"{workload.kind.lower()}/{workload.name}"
    verdict.finding(
        Severity.WARNING if first.replica.said_by == "profile" and first.reason == "HealthNotFound" else Severity.ERROR,
        first.reason,
        workload,
        settles=True,
        problem=f"{len(troubles)} of {len(replicas)} replicas of {workload} are not well; {left}.",
        cause=f"Pod {pod} answers on {path} (said by its {first.replica.said_by}) with {first.said}. {what}",
        fix="Read what it logs, and ask it yourself; if a new revision brought it, undo that (in Git under Argo CD):\n"
        f"{place} logs {pod} --since=10m --tail=50\n"
        f"{place} port-forward pod/{pod} {first.replica.port}:{first.replica.port} & sleep 2; "
        f"curl -si http://127.0.0.1:{first.replica.port}{path}\n{place} rollout history {target}",
        prevention=PREVENTION,
        exhibits=[_table(troubles)],
        breaks=[] if ready else [f"{workload.kind}/{workload.namespace}/{workload.name}"],
    )


def _table(troubles: list[Trouble]) -> Table:
    rows = [[one.replica.pod.metadata.name, one.replica.path, one.said] for one in troubles[:20]]
    return Table(title="What they answer", columns=["Pod", "Path", "Answer"], rows=rows)
