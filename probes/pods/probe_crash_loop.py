from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.crashes import Crash, CrashEvents, CrashLog, crashes_of
from clusterprobe.systems.endings import cause_of, code_of
from clusterprobe.systems.needed_secrets import missing_secret
from clusterprobe.systems.objects import Pod, Service
from clusterprobe.systems.waiting import Neighbourhood, Reason, reason_of, says_unreachable
from clusterprobe.systems.workloads import other_revision, workload_of
from clusterprobe.times import ago, epoch
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Wait for what is needed in an init container or with retries in the program, roll out with `--wait` or a progress deadline so that "
    "a new revision that crashes is noticed, and alert on KubePodCrashLooping."
)
FIXES = {
    "ImageError": "Correct the image's name, tag or pull secret in the values that deploy it (in Git, under Argo CD).",
    "ConfigError": "Create the ConfigMap or Secret, or the key in it, that the message names (a SealedSecret: see that it is unsealed).",
    "StartError": "Correct the command, or the image that it is run from.",
    "OomKilled": "Raise resources.limits.memory above what it needs, or make it need less (workers, caches, batch size).",
    "CrashLoop": "Repair what the last lines of its log name.",
}


@dataclass(frozen=True, slots=True)
class Known:
    """All that helps to judge a crash."""

    pods: Readings[Pod]
    around: Neighbourhood
    logs: Readings[CrashLog]
    events: Readings[CrashEvents]
    profile: Profile
    now: float

    def lines(self, crash: Crash) -> list[str]:
        place = (crash.pod.metadata.namespace, crash.pod.metadata.name)
        found = [log.lines for one, log in self.logs if (one.namespace, one.name) == place and log.container == crash.status.name]
        return found[0] if found else []


def probe_crash_loop(
    verdict: Verdict,
    pods: Readings[Pod],
    services: Readings[Service],
    crash_logs: Readings[CrashLog],
    crash_events: Readings[CrashEvents],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does a container crash again and again, and why?

    Problem: A container ends, is started again and ends again, or cannot be started at all; what it serves is not there, or an
    old revision goes on serving and hides that the new one is broken.
    Cause: Told from its exit code, from what the kubelet says (OOMKilled, image, configuration, probes) and from its last lines. One
    that only waits for something that is not ready yet, such as a `tmp-curl` while the stack comes up, is a normal phenomenon: if its
    exit code or its log says that it did not reach what its command names, this is really not ready yet, and both are young
    (`startup_minutes`). Once it answers, a container that still crashes is a finding.
    Fix: By the cause: the image, the configuration, the memory limit, the probe, or the program.
    Prevention: Let programs wait for what they need, roll out with a deadline, and alert on restarts.
    """
    around = Neighbourhood(verdict.enrich(services), pods)
    known = Known(pods, around, verdict.enrich(crash_logs), verdict.enrich(crash_events), profile, clock.now)
    broken: dict[tuple[str, str, str], list[Crash]] = defaultdict(list)
    reasons: dict[tuple[str, str, str], str] = {}
    for subject, pod in verdict.examine(pods):
        if pod.status.phase in ("", "Unknown") or (pod.status.phase == "Running" and not pod.status.container_statuses):
            verdict.unchecked(subject, f"its phase is {pod.status.phase or 'not given'}, and how its containers fare is not told")
        for crash in crashes_of(pod, clock.now):
            if not _is_broken(verdict, subject, crash, known, reasons):
                continue
            broken[_key(crash)].append(crash)
    for key, crashes in broken.items():
        _report(verdict, crashes, reasons[key], known)


def _key(crash: Crash) -> tuple[str, str, str]:
    return str(workload_of(crash.pod)), crash.status.name, code_of(crash)


def _is_broken(verdict: Verdict, subject: Subject, crash: Crash, known: Known, reasons: dict[tuple[str, str, str], str]) -> bool:
    if crash.phase == "recovered":
        _recovered(verdict, subject, crash, known)
        return False
    reason = _judge(crash, known)
    if reason.state == "unknown":
        verdict.unchecked(subject, f"why its container {crash.status.name} crashes: {reason.text}")
    elif reason.state == "normal":
        _normal(verdict, crash, reason)
    else:
        reasons[_key(crash)] = reason.text
    return reason.state == "real"


def _judge(crash: Crash, known: Known) -> Reason:
    """Normal only on evidence: an exit that says `not reached`, of something that is not there yet, and nothing that speaks against it."""
    ended = crash.ended
    if code_of(crash) != "CrashLoop" or ended is None or not 0 < ended.exit_code < 126:
        return Reason("real", "")
    if other_revision(crash.pod, known.pods.items):
        return Reason("real", "")
    reason = reason_of(crash, known.around, known.now, known.profile.thresholds.startup_minutes * 60)
    lines = known.lines(crash)
    if not says_unreachable(crash, lines):
        if reason.state == "real" or lines or known.logs.complete:
            return Reason("real", "")
        return Reason("unknown", f"its log could not be read: {known.logs.unreadable[0].reason}")
    if reason.state == "real":
        return reason
    blind = known.pods.missing_reason(crash.pod.metadata.namespace)
    return Reason("unknown", f"not all pods beside it are known: {blind}") if blind else reason


def _normal(verdict: Verdict, crash: Crash, reason: Reason) -> None:
    pod, name, code = crash.pod.metadata, crash.status.name, crash.ended.exit_code if crash.ended else 0
    well = crash.phase == "recovered"
    verdict.finding(
        Severity.INFO,
        "NormalStartup",
        workload_of(crash.pod),
        problem=f"Container {name} of Pod {pod.namespace}/{pod.name} ended {crash.status.restart_count} times with exit code {code} while "
        f"what it calls was coming up{', and is well by now' if well else ''}: a normal phenomenon.",
        cause=f"It could not reach what its command names: {reason.text}.",
        fix="Nothing: it ends by itself once its target answers. If it does not, this becomes a finding.\n"
        f"$ kubectl -n {pod.namespace} get pod {pod.name} --watch",
        prevention="Let it wait in an init container, or with retries in its command, if the restarts disturb.",
    )


def _recovered(verdict: Verdict, subject: Subject, crash: Crash, known: Known) -> None:
    """One that crashed and is well: running out of memory comes back, and so is told for a while."""
    ended = crash.ended
    finished = epoch(ended.finished_at) if ended else None
    age = known.now - finished if finished is not None else 0.0
    limits = known.profile.thresholds
    if crash.out_of_memory and age <= limits.oom_minutes * 60:
        _report(verdict, [crash], "", known, severity=Severity.WARNING)
    elif ended and ended.exit_code and age <= limits.startup_minutes * 60:
        reason = reason_of(crash, known.around, known.now, limits.startup_minutes * 60)
        if reason.state == "real" or not says_unreachable(crash, []):
            verdict.note(f"{subject}: container {crash.status.name} ended with {ended.exit_code} {ago(age)} ago, and is well since")
        elif reason.state == "unknown":
            verdict.unchecked(subject, f"whether its container {crash.status.name} crashed harmlessly {ago(age)} ago: {reason.text}")
        else:
            _normal(verdict, crash, reason)


def _report(verdict: Verdict, crashes: list[Crash], reason: str, known: Known, severity: Severity = Severity.ERROR) -> None:
    first = max(crashes, key=lambda one: one.status.restart_count)
    pod, container, code = first.pod, first.status.name, code_of(first)
    namespace, workload = pod.metadata.namespace, workload_of(pod)
    events = known.events.by_name().get((namespace, pod.metadata.name))
    lines = known.lines(first)
    old = other_revision(pod, known.pods.items)
    hidden = f" Pods of another revision ({old}) still serve, and hide that this one is broken." if old else ""
    says = first.waits or (first.ended.reason if first.ended else "") or "restarting"
    doing = (
        "ran out of memory" if severity is Severity.WARNING else "crashes again and again" if first.phase == "crashing" else "cannot start"
    )
    previous = " --previous" if first.ended and first.status.last_state.terminated else ""
    who = ", ".join(sorted(one.pod.metadata.name for one in crashes)[:5])
    verdict.finding(
        severity,
        code,
        workload,
        problem=f"Container {container} of {workload} {doing} ({says}; Pod {who}).{hidden}",
        cause=cause_of(first, lines, events.events if events else []) + (f" What it calls does not excuse it: {reason}." if reason else ""),
        fix=f"{FIXES[code]}\n$ kubectl -n {namespace} logs {pod.metadata.name} -c {container}{previous} --tail=50\n"
        f"$ kubectl -n {namespace} describe pod {pod.metadata.name}" + _undo(workload, old),
        prevention=PREVENTION,
        exhibits=[_table(crashes), *([Text(title="Its last lines", text="\n".join(lines))] if lines else [])],
        breaks=[f"{workload.kind}/{namespace}/{workload.name}"],
        rests_on=sorted({f"Secret/{namespace}/{name}" for one in crashes if (name := missing_secret(one.message))}),
    )


def _undo(workload: Subject, old: str) -> str:
    if not old or not workload.api_version.startswith("apps/"):
        return ""
    target = f"{workload.kind.lower()} {workload.name}"
    first = "Until then, back to the revision that works (under Argo CD: revert the commit):"
    return f"\n{first}\n$ kubectl -n {workload.namespace} rollout undo {target}"


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
