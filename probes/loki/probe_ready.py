from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.loki import Build, Ready
from clusterprobe.systems.objects import Pod
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Alert on a Loki that is not Ready for longer than it takes to replay its write-ahead log, keep that log on a volume that is "
    "fast and not full, and run this probe after each deployment."
)
CAUSES = {
    "ingester not ready": "The ingester is not ACTIVE in its ring, or finds members there that are gone, or still replays its log.",
    "query frontend not ready": "No querier or scheduler has connected to the query front end yet.",
    "not running": "One of its services has failed or not started; its log names it.",
    "stopping": "It was told to stop.",
}


def probe_ready(
    verdict: Verdict,
    loki_ready: Readings[Ready],
    loki_build: Readings[Build],
    pods: Readings[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is every Loki ready?

    Problem: A Loki that is not ready takes no lines and answers no queries; agents retry for a while and then drop lines.
    Cause: For a while after a start that is normal (an ingester joins its ring and replays its log). Later it is a member
    of the ring that is gone, a volume that is full or slow, or a service that failed; Loki says which on `/ready`.
    Fix: Follow what `/ready` says; the finding repeats it.
    Prevention: Alert on readiness, and give the write-ahead log a volume of its own.
    """
    builds = verdict.enrich(loki_build)
    versions = {subject: build.version for subject, build in builds}
    started = _starts(verdict.need(pods))
    rows = []
    for subject, state in verdict.examine(loki_ready):
        rows.append([str(subject), versions.get(subject, "?"), "ready" if state.ready else state.message])
        if state.ready:
            continue
        start = started.get((subject.namespace, subject.name))
        if start is None and subject.kind == "Pod":
            verdict.unchecked(subject, f"it is not ready, and since when it runs is not known: {state.message}")
        else:
            _report(verdict, subject, state, None if start is None else clock.now - start, profile)
    if rows:
        verdict.exhibit(Table(title="Loki", columns=["Replica", "Version", "State"], rows=rows))


def _starts(pods: Readings[Pod]) -> dict[tuple[str, str], float]:
    """When the newest container of each pod started."""
    found = {}
    for pod in pods.items:
        running = [(one.state.running or {}).get("startedAt") for one in pod.status.container_statuses or []]
        times = [at for one in [*running, pod.status.start_time] if (at := epoch(one))]
        if times:
            found[pod.metadata.namespace, pod.metadata.name] = max(times)
    return found


def _report(verdict: Verdict, subject: Subject, state: Ready, age: float | None, profile: Profile) -> None:
    """Soon after a start it is worth a word, no more."""
    young = age is not None and age < profile.thresholds.loki_ready_minutes * 60
    since = "" if age is None else f" It has been running for {ago(age)}."
    known = next((text for words, text in CAUSES.items() if words in state.message.lower()), "")
    verdict.finding(
        Severity.INFO if young else Severity.ERROR,
        "NotReadyYet" if young else "NotReady",
        subject,
        settles=True,
        problem=f"{subject.namespace}/{subject.name} is not ready.{since}",
        cause=f"It says: {state.message}. {'That is normal for a while after a start.' if young else known}".strip(),
        fix=_fix(subject),
        prevention=PREVENTION,
    )


def _fix(subject: Subject) -> str:
    if subject.kind != "Pod":
        return "Look at the log of that Loki, and at /ready and /ring of each of its replicas."
    place = f"$ kubectl -n {subject.namespace}"
    return (
        "Look at its log, then at its ring (members that are gone can be forgotten there) and at its volume:\n"
        f"{place} logs {subject.name} --since=10m\n"
        f"{place} port-forward pod/{subject.name} 3100:3100 & sleep 2; curl -s http://127.0.0.1:3100/ring\n"
        f"{place} describe pod {subject.name}"
    )
