from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.inventory.servers import container_port
from clusterprobe.systems.kubernetes.looking import proxied
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.loki.sources import Build, Ready
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

NOT_READY = FindingKind("NotReady", Severity.ERROR, "A replica of Loki is not ready.", settles=True)
NOT_READY_YET = FindingKind("NotReadyYet", Severity.INFO, "A replica of Loki has just started, and is not ready yet.", settles=True)
CAUSES = {
    "ingester not ready": "The ingester is not ACTIVE in its ring, or finds members there that no longer exist, or still replays its log.",
    "query frontend not ready": "No querier or scheduler has connected to the query front end yet.",
    "not running": "One of its services has failed or not started; its log names it.",
    "stopping": "It was asked to stop.",
}


@reports(NOT_READY, NOT_READY_YET)
def probe_ready(
    verdict: Verdict,
    loki_ready: Examined[Ready],
    loki_build: Enriching[Build],
    pods: Needed[Pod],
    profile: Profile,
    clock: Clock,
) -> None:
    """Is every Loki ready?

    Problem: A Loki that is not ready takes no lines and answers no queries; agents retry for a while and then drop lines.
    Cause: For a while after a start that is normal (an ingester joins its ring and replays its log). Later it is a member
    of the ring that no longer exists, a volume that is full or slow, or a service that failed; Loki says which on `/ready`.
    Fix: Follow what `/ready` says; the finding repeats it.
    Prevention: Alert on a Loki that is not Ready for longer than it takes to replay its write-ahead log, keep that log on a volume that is
    fast and not full, and run this probe after each deployment.
    """
    versions = {subject: build.version for subject, build in loki_build}
    started = _starts(pods)
    rows = []
    for subject, state in loki_ready:
        rows.append([str(subject), versions.get(subject, "?"), "ready" if state.ready else state.message])
        if state.ready:
            continue
        start = started.get((subject.namespace, subject.name))
        if start is None and subject.kind == "Pod":
            verdict.unchecked(subject, f"it is not ready, and since when it runs is not known: {state.message}")
        else:
            age = None if start is None else clock.now - start
            _report(verdict, subject, state, age, profile, pods.by_name().get((subject.namespace, subject.name)))
    if rows:
        verdict.exhibit(Table(title="Loki", columns=["Replica", "Version", "State"], rows=rows))


def _starts(pods: Readings[Pod]) -> dict[tuple[str, str], float]:
    """When the newest container of each pod started."""
    found = {}
    for pod in pods.items:
        running = [one.state.started for one in pod.status.container_statuses or []]
        times = [at for one in [*running, pod.status.start_time] if (at := epoch(one))]
        if times:
            found[pod.metadata.namespace, pod.metadata.name] = max(times)
    return found


def _report(verdict: Verdict, subject: Subject, state: Ready, age: float | None, profile: Profile, pod: Pod | None) -> None:
    """Soon after a start it is worth a word, no more."""
    young = age is not None and age < profile.thresholds.loki.ready_minutes * 60
    since = "" if age is None else f" It has been running for {ago(age)}."
    known = next((text for words, text in CAUSES.items() if words in state.message.lower()), "")
    verdict.report(
        NOT_READY_YET if young else NOT_READY,
        subject,
        problem=f"{subject.namespace}/{subject.name} is not ready.{since}",
        cause=f"It says: {state.message}. {'That is normal for a while after a start.' if young else known}".strip(),
        fix=_fix(subject, pod),
        breaks=[Ref(RefKind.LOKI, subject.namespace, subject.owner.partition("/")[2] or subject.name)],
        rests_on=[Ref.of(workload_of(pod))] if pod else [],
    )


def _fix(subject: Subject, pod: Pod | None) -> list[Step]:
    if pod is None:
        return [look("See the log of that Loki, and /ready and /ring of each of its replicas.")]
    namespace, name = subject.namespace, subject.name
    ring = proxied(namespace, "pods", name, container_port(pod, LOKI.port_names, LOKI.port), "/ring")
    return [
        look("See its log.", shell("kubectl -n {} logs {} --all-containers --since=10m", namespace, name)),
        look("See whether its ring has members that no longer exist.", ring),
        look("See its volumes and its events.", shell("kubectl -n {} describe pod {}", namespace, name)),
        change("Do what /ready asks for: forget dead members on its page /ring, or give it a volume that is fast and not full."),
    ]
