from collections import defaultdict

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import look, shell
from clusterprobe.model import Severity, Step, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.kubernetes.editing import by_hand
from clusterprobe.systems.kubernetes.objects import Pod, Service, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods import superseded
from clusterprobe.systems.pods.crash_advice import back, repair
from clusterprobe.systems.pods.crash_diagnosis import Broken, Diagnosis, Recovered, Starting, Unclear, World, diagnose
from clusterprobe.systems.pods.crash_words import cause_of, excuse_of, unclear
from clusterprobe.systems.pods.crashes import Crash, CrashEvents, CrashLog, crashes_of
from clusterprobe.systems.pods.missing_objects import missing_secret
from clusterprobe.systems.pods.startup_waits import Wait
from clusterprobe.systems.pods.write_refusals import writes_of
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

NORMAL_STARTUP = FindingKind(
    "NormalStartup",
    Severity.INFO,
    "A container crashed while what it calls was coming up, which is normal.",
    prevention="Let it wait in an init container, or with retries in its command, if the restarts disturb.",
)
CRASH_LOOP = FindingKind("CrashLoop", Severity.ERROR, "A container ends and is started again and again.")
OOM_KILLED = FindingKind("OomKilled", Severity.ERROR, "A container runs out of memory.")
IMAGE_ERROR = FindingKind("ImageError", Severity.ERROR, "The image of a container cannot be pulled.")
CONFIG_ERROR = FindingKind("ConfigError", Severity.ERROR, "The kubelet cannot configure a container.")
START_ERROR = FindingKind("StartError", Severity.ERROR, "The process of a container cannot be started.")
KINDS = {one.code: one for one in (CRASH_LOOP, OOM_KILLED, IMAGE_ERROR, CONFIG_ERROR, START_ERROR)}


@reports(NORMAL_STARTUP, CRASH_LOOP, OOM_KILLED, IMAGE_ERROR, CONFIG_ERROR, START_ERROR)
def probe_crash_loop(
    verdict: Verdict,
    pods: Examined[Pod],
    services: Enriching[Service],
    crash_logs: Enriching[CrashLog],
    crash_events: Enriching[CrashEvents],
    stateful_sets: Enriching[Workload],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a container crash again and again, and why?

    Problem: A container ends, is started again and ends again, or cannot be started at all; what it serves is not there, or an
    old revision keeps serving and hides that the new one is broken.
    Cause: It is read from its exit code, from what the kubelet says (OOMKilled, image, configuration, probes) and from its last lines. One
    that only waits for something that is not ready yet, such as a `tmp-curl` while the stack comes up, is normal during start-up: if its
    exit code or its log says that it did not reach what its command names, this is really not ready yet, and both are young
    (`thresholds.pods.startup_minutes`). Once it answers, a container that still crashes is a finding.
    Fix: By the cause: the image, the configuration, the memory limit, the probe, or the program. A StatefulSet that was corrected since may
    wait for the pod that the correction is for: then that has to be deleted.
    Prevention: Wait for what is needed in an init container or with retries in the program, roll out with `--wait` or a progress deadline
    so that a new revision that crashes is noticed, and alert on KubePodCrashLooping.
    """
    startup, memory = profile.thresholds.pods.startup_minutes * 60, profile.thresholds.pods.oom_minutes * 60
    world = World(pods.readings, services, crash_logs, crash_events, now=clock.now, startup_seconds=startup, memory_seconds=memory)
    broken: dict[tuple[str, str, str], list[Broken]] = defaultdict(list)
    for subject, pod in pods:
        if pod.status.phase in ("", "Unknown") or (pod.status.phase == "Running" and not pod.status.container_statuses):
            verdict.unchecked(subject, f"its phase is {pod.status.phase or 'not given'}, and its containers are not reported")
        for crash in crashes_of(pod, clock.now):
            found = diagnose(crash, world)
            if isinstance(found, Broken) and crash.phase != "recovered":
                broken[str(workload_of(pod)), crash.status.name, found.code].append(found)
            elif found:
                _tell(verdict, subject, found, clock.now)
    for ones in broken.values():
        restless = all(one.crash.phase == "restless" for one in ones)
        first = max(ones, key=lambda one: one.crash.status.restart_count)
        newer = superseded.newer_revision(first.crash.pod, stateful_sets)
        _report(verdict, ones, Severity.WARNING if restless else Severity.ERROR, now=clock.now, newer=newer)


def _tell(verdict: Verdict, subject: Subject, found: Diagnosis, now: float) -> None:
    """What one container by itself is told of: of those that crash, the replicas of a workload are one finding."""
    match found:
        case Broken():
            _report(verdict, [found], Severity.WARNING, now=now)
        case Starting(crash, wait):
            _report_starting(verdict, crash, wait)
        case Recovered(crash, seconds):
            code = crash.ended.exit_code if crash.ended else 0
            verdict.note(f"{subject}: container {crash.status.name} ended with {code} {ago(seconds)} ago, and has been healthy since")
        case Unclear():
            verdict.unchecked(subject, unclear(found))


def _report_starting(verdict: Verdict, crash: Crash, wait: Wait) -> None:
    pod, name, code = crash.pod.metadata, crash.status.name, crash.ended.exit_code if crash.ended else 0
    well = crash.phase == "recovered"
    verdict.report(
        NORMAL_STARTUP,
        workload_of(crash.pod),
        problem=f"Container {name} of Pod {pod.namespace}/{pod.name} ended {number(crash.status.restart_count, 'time')} with exit code "
        f"{code} while what it calls was coming up{', and is healthy now' if well else ''}: normal during start-up.",
        cause=f"It could not reach what its command names: {excuse_of(wait)}.",
        fix=[
            look(
                "Wait: it ends by itself once its target answers. If it does not, this becomes a finding.",
                shell("kubectl -n {} get pod {} --watch", pod.namespace, pod.name),
            )
        ],
    )


def _doing(crash: Crash, now: float) -> str:
    """What it does, for the problem's sentence."""
    born = epoch(crash.pod.metadata.creation_timestamp)
    match crash.phase:
        case "recovered":
            return "ran out of memory"
        case "restless" if born is not None:
            return f"ended {number(crash.status.restart_count, 'time')} in {ago(now - born)}, and runs in between"
        case "stuck":
            return "cannot start"
    return "crashes again and again"


def _report(verdict: Verdict, ones: list[Broken], severity: Severity, *, now: float, newer: str = "") -> None:
    """`newer` is the revision that its StatefulSet asks for by now, and does not get to."""
    crashes, wait = [one.crash for one in ones], ones[-1].wait
    first = max(ones, key=lambda one: one.crash.status.restart_count)
    crash, container, workload = first.crash, first.crash.status.name, workload_of(first.crash.pod)
    hidden = f" Pods of another revision ({first.rival}) still serve, and hide that this one is broken." if first.rival else ""
    says = crash.waits or (crash.ended.reason if crash.ended else "") or "restarting"
    who = listed(sorted(one.pod.metadata.name for one in crashes), 5)
    verdict.report(
        KINDS[first.code],
        workload,
        severity=severity,
        problem=f"Container {container} of {workload} {_doing(crash, now)} ({says}; Pod {who}).{hidden}",
        cause=cause_of(first)
        + (f" What it calls does not excuse it: {excuse_of(wait)}." if wait else "")
        + (superseded.told(crash.pod, newer) if newer else ""),
        fix=superseded.steps(crash.pod) if newer else _fix(ones, first, workload, unexcused=wait is not None),
        exhibits=[_table(crashes), *([Text(title="Its last lines", text="\n".join(first.lines))] if first.lines else [])],
        breaks=[Ref.of(workload), *first.silenced],
        rests_on=[
            *_missing(ones),
            *([wait.service] if wait and wait.service else []),
            *([writes_of(crash.pod, container)] if first.fault == "denied" else []),
        ],
    )


def _fix(ones: list[Broken], first: Broken, workload: Subject, *, unexcused: bool) -> list[Step]:
    unready = [one.crash.pod.metadata.name for one in ones if not one.crash.pod.ready]
    steps = [*repair(first, unexcused=unexcused), *back(workload, first.rival, unready)]
    return by_hand(workload, steps, first.crash.pod.metadata.labels, unready=unready)


def _missing(ones: list[Broken]) -> list[Ref]:
    """The Secrets without which they cannot start."""
    named = ((one.crash, name) for one in ones for name in [missing_secret(one.message), *one.pull_secrets] if name)
    return sorted({Ref(RefKind.SECRET, crash.pod.metadata.namespace, name) for crash, name in named})


def _table(crashes: list[Crash]) -> Table:
    rows = [
        [
            one.pod.metadata.name,
            one.status.name,
            one.waits or ("running" if one.status.state.running else "ended"),
            str(one.ended.exit_code) if one.ended else "",
            one.ended.reason if one.ended else "",
            str(one.status.restart_count),
        ]
        for one in crashes[:20]
    ]
    return Table(title="Containers", columns=["Pod", "Container", "State", "Exit code", "Reason", "Restarts"], rows=rows)
