from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Severity, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.objects import ReplicaSet
from clusterprobe.systems.serving.canary.advice import revisions_of, undo
from clusterprobe.systems.serving.canary.diagnosis import Diagnosis, World, diagnose
from clusterprobe.systems.serving.canary.statistics import at_most
from clusterprobe.systems.serving.canary.traffic import ErrorLines, Traffic
from clusterprobe.systems.serving.canary.words import compared, row_of, why_wait
from clusterprobe.systems.serving.sources import Canary
from clusterprobe.verdict import Verdict
from clusterprobe.words import said

CANARY_ROLL_BACK = FindingKind("CanaryRollBack", Severity.ERROR, "A canary is worse than the stable version.")
CANARY_PROMOTE = FindingKind("CanaryPromote", Severity.INFO, "A canary is not worse than the stable version.")


@reports(CANARY_ROLL_BACK, CANARY_PROMOTE)
def probe_canary(
    verdict: Verdict,
    model_canaries: Examined[Canary],
    canary_traffic: Needed[Traffic],
    canary_error_lines: Needed[ErrorLines],
    replica_sets: Enriching[ReplicaSet],
    profile: Profile,
) -> None:
    """Is a canary worse than the stable version beside it: promote it, roll it back, or wait?

    Problem: A new version of a model fails or is slow for the clients that happen to get it, and is about to be given to all.
    Cause: Its requests end in 5xx, it logs errors, or its 95th percentile of latency is higher, by more than chance explains (Fisher's
    exact test, one-sided) and by more than the thresholds allow. Clients' own mistakes (4xx) do not count.
    Fix: `kubectl rollout undo` to the revision that the finding names; with too few samples: wait.
    Prevention: Let the rollout wait for this probe (`clusterprobe run --select serving/canary`: exit status 1 rolls back, 2 waits, 0
    promotes), give a canary a share of the requests that makes enough samples within minutes, and test a model against the requests it
    will get.
    """
    world = World(model_canaries.readings, canary_traffic, canary_error_lines, profile.thresholds, verdict.environment_of)
    for subject, canary in model_canaries:
        found = diagnose(canary, world)
        match found.state:
            case "roll back":
                _roll_back(verdict, found, replica_sets)
            case "promote":
                _promote(verdict, found, replica_sets)
            case state:
                unread = state in ("alone", "pods unread", "measures unread")
                verdict.unchecked(subject if unread else canary.canary, f"wait: {why_wait(found, profile.thresholds)}")
        if found.comparisons:
            verdict.exhibit(_table(found))


def _roll_back(verdict: Verdict, found: Diagnosis, revisions: Readings[ReplicaSet]) -> None:
    canary, workload, known = found.canary, found.canary.canary, revisions_of(found.canary, revisions)
    current = f"revision {known[0].revision}" if known else f"revision {canary.revision or 'unknown'}"
    examples = found.own.examples
    logged = f" It logs: {said(examples[0])}" if examples else ""
    verdict.report(
        CANARY_ROLL_BACK,
        workload,
        problem=f"Roll back: the canary {workload} ({current}) is worse than {canary.stable}.",
        cause=f"{'; '.join(compared(one) for one in found.comparisons if one.worse)}.{logged}",
        fix=undo(canary, known),
        exhibits=[Text(title="What the canary logs", text="\n".join(examples[:5]))] if examples else [],
        breaks=[Ref.of(workload)],
    )


def _promote(verdict: Verdict, found: Diagnosis, revisions: Readings[ReplicaSet]) -> None:
    canary, known, own = found.canary, revisions_of(found.canary, revisions), found.own
    stable = canary.stable or Subject(kind="Deployment")
    better = " Stable fails more often." if found.stable.failed.rate > own.failed.rate else ""
    judged = f" (revision {known[0].revision}, image {', '.join(known[0].images)})" if known else ""
    show = shell("kubectl -n {} get deployments {} {} -o yaml", canary.namespace, canary.canary.name, stable.name)
    words = "; ".join(compared(one) for one in found.comparisons)
    verdict.report(
        CANARY_PROMOTE,
        canary.canary,
        problem=f"Promote: the canary {canary.canary}{judged} is not worse than {stable}.{better}",
        cause=f"{words}. With 95 % confidence at most {at_most(own.failed):.1%} of its requests fail.",
        fix=[look("See how the two differ.", show), change(f"Give {stable} the canary's template, in Git where there is one.")],
    )


def _table(found: Diagnosis) -> Table:
    own, stable = found.own, found.stable
    counts = [
        ["Requests", str(own.requests), str(stable.requests), ""],
        ["Clients' mistakes (4xx)", str(own.client_errors), str(stable.client_errors), "do not count"],
        *(row_of(one) for one in found.comparisons),
    ]
    return Table(title=f"{found.canary.canary} against stable", columns=["Measured", "Canary", "Stable", "By chance"], rows=counts)
