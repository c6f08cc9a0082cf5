from collections.abc import Callable, Iterable

from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile, Thresholds
from clusterprobe.readings import Readings
from clusterprobe.systems.canary_advice import revisions_of, undo
from clusterprobe.systems.canary_decision import Side, Test, few, side, tests, unwell
from clusterprobe.systems.canary_traffic import ErrorLines, PodLines, PodTraffic, Traffic
from clusterprobe.systems.comparison import at_most
from clusterprobe.systems.objects import ReplicaSet
from clusterprobe.systems.serving import Canary
from clusterprobe.verdict import Verdict

PREVENTION = (
    "Let the rollout wait for this probe (`clusterprobe run --select serving/canary`: exit status 1 rolls back, 2 waits, 0 promotes), give "
    "a canary a share of the requests that makes enough samples within minutes, and test a model against the requests it will get."
)


def probe_canary(
    verdict: Verdict,
    model_canaries: Readings[Canary],
    canary_traffic: Readings[Traffic],
    canary_error_lines: Readings[ErrorLines],
    replica_sets: Readings[ReplicaSet],
    profile: Profile,
) -> None:
    """Is a canary worse than the stable version beside it: promote it, roll it back, or wait?

    Problem: A new version of a model fails or is slow for the clients that happen to get it, and is about to be given to all.
    Cause: Its requests end in 5xx, it logs errors, or its 95th percentile of latency is higher, by more than chance explains (Fisher's
    exact test, one-sided) and by more than the thresholds allow. Clients' own mistakes (4xx) do not count.
    Fix: `kubectl rollout undo` to the revision that the finding names; with too few samples: wait.
    Prevention: Let the rollout wait for this verdict, and test a model against the requests that it will get.
    """
    traffic = [pod for one in verdict.need(canary_traffic).items for pod in one.pods]
    whole = verdict.need(canary_error_lines).complete  # half of what was logged may be the other half's fault
    lines = [pod for one in canary_error_lines.items for pod in one.pods] if whole else []
    revisions = verdict.enrich(replica_sets)
    for subject, canary in verdict.examine(model_canaries):
        blind = _blind(canary, canary_traffic, canary_error_lines)
        if canary.stable is None:
            verdict.unchecked(subject, "wait: nothing stable runs beside the canary, so there is nothing to compare it with")
            continue
        own = _side(canary.namespace, canary.is_canary, traffic, lines)
        base = _side(canary.namespace, canary.is_stable, traffic, lines)
        results = tests(own, base, profile.thresholds)
        if unseen := _unseen(verdict, canary, model_canaries, canary_traffic):
            verdict.unchecked(subject, f"wait: {unseen}")
        else:
            _decide(verdict, canary, own, base, results, revisions, profile.thresholds, blind or _unlogged(own, base, profile.thresholds))
        verdict.exhibit(_table(canary, own, base, results))


def _unseen(verdict: Verdict, canary: Canary, canaries: Readings[Canary], traffic: Readings[Traffic]) -> str:
    """Why it may be another revision that was compared, or with another one: neither promoted nor rolled back by that."""
    if missing := canaries.missing_reason(canary.namespace):
        return f"not all pods of {canary.namespace} could be read, so which revision is the newest is not certain: {missing}"
    own = verdict.environment_of(canary.namespace)
    blind = [one for one in traffic.unreadable if verdict.environment_of(one.subject.namespace) in ("", own)]
    return f"not all that measures it could be read: {blind[0].subject}: {blind[0].reason}" if blind else ""


def _unlogged(own: Side, base: Side, thresholds: Thresholds) -> str:
    missing = base.lines and not own.lines and not few(own, base, thresholds)
    return "stable's log lines are in Loki, and of the canary's there are none" if missing else ""


def _blind(canary: Canary, traffic: Readings[Traffic], lines: Readings[ErrorLines]) -> str:
    """Why it must not be promoted, however good what was seen is."""
    if not canary.ready:
        return "no pod of the canary's newest revision is ready"
    if not traffic.values:
        return traffic.absent or "its requests could not be read"
    return "" if traffic.complete and lines.complete else "not everything could be read"


def _side(namespace: str, wanted: Callable[[str], bool], traffic: Iterable[PodTraffic], lines: Iterable[PodLines]) -> Side:
    """Of several that measured the same pod, the one that saw most."""
    most: dict[str, PodTraffic] = {}
    for one in traffic:
        if one.namespace == namespace and wanted(one.pod) and (one.pod not in most or one.requests > most[one.pod].requests):
            most[one.pod] = one
    logs: dict[str, PodLines] = {}
    for log in lines:
        if log.namespace == namespace and wanted(log.pod) and (log.pod not in logs or log.lines > logs[log.pod].lines):
            logs[log.pod] = log
    return side(most.values(), logs.values())


def _decide(
    verdict: Verdict,
    canary: Canary,
    own: Side,
    base: Side,
    results: list[Test],
    revisions: Readings[ReplicaSet],
    thresholds: Thresholds,
    blind: str,
) -> None:
    scarce = few(own, base, thresholds)
    worse = [] if scarce else [one for one in results if one.worse]
    perhaps = [one for one in results if one.perhaps]
    if worse:
        _roll_back(verdict, canary, own, worse, revisions)
    elif blind:
        verdict.unchecked(canary.canary, f"wait: {blind}")
    elif scarce:
        verdict.unchecked(canary.canary, f"wait: too few samples to say so: {scarce}")
    elif perhaps:
        verdict.unchecked(canary.canary, f"wait: it may be worse, which could still be chance: {perhaps[0].words}")
    elif alike := unwell(own, base, thresholds):
        verdict.unchecked(canary.canary, f"wait: {alike}")
    else:
        _promote(verdict, canary, own, base, results, revisions)


def _roll_back(verdict: Verdict, canary: Canary, own: Side, worse: list[Test], revisions: Readings[ReplicaSet]) -> None:
    workload, known = canary.canary, revisions_of(canary, revisions)
    current = f"revision {known[0].revision}" if known else f"revision {canary.revision or 'unknown'}"
    said = f" It logs: {own.examples[0]}" if own.examples else ""
    verdict.finding(
        Severity.ERROR,
        "CanaryRollBack",
        workload,
        problem=f"Roll back: the canary {workload} ({current}) is worse than {canary.stable}.",
        cause=f"{'; '.join(one.words for one in worse)}.{said}",
        fix=undo(canary, known),
        prevention=PREVENTION,
        exhibits=[Text(title="What the canary logs", text="\n".join(own.examples[:5]))] if own.examples else [],
        breaks=[f"{workload.kind}/{workload.namespace}/{workload.name}"],
    )


def _promote(verdict: Verdict, canary: Canary, own: Side, base: Side, results: list[Test], revisions: Readings[ReplicaSet]) -> None:
    known, stable = revisions_of(canary, revisions), canary.stable or Subject(kind="Deployment")
    better = " Stable fails more often." if base.failed.rate > own.failed.rate else ""
    judged = f" (revision {known[0].revision}, image {', '.join(known[0].images)})" if known else ""
    place = f"-n {canary.namespace}"
    verdict.finding(
        Severity.INFO,
        "CanaryPromote",
        canary.canary,
        problem=f"Promote: the canary {canary.canary}{judged} is not worse than {stable}.{better}",
        cause=f"{'; '.join(one.words for one in results)}. With 95 % confidence at most {at_most(own.failed):.1%} of its requests fail.",
        fix=f"Give {stable} the canary's template, in Git where there is one; to see the difference:\n"
        f"$ kubectl get {canary.canary.kind.lower()} {canary.canary.name} {stable.name} {place} -o yaml",
        prevention=PREVENTION,
    )


def _table(canary: Canary, own: Side, base: Side, results: list[Test]) -> Table:
    counts = [
        ["Requests", str(own.requests), str(base.requests), ""],
        ["Clients' mistakes (4xx)", str(own.client_errors), str(base.client_errors), "do not count"],
        *([one.what, one.canary, one.stable, f"p = {one.chance:.2g}"] for one in results),
    ]
    return Table(title=f"{canary.canary} against stable", columns=["", "Canary", "Stable", "By chance"], rows=counts)
