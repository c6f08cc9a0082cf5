"""How a canary is rolled back: to which revision of its Deployment, by which commands."""

from __future__ import annotations

from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Step
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import ReplicaSet
from clusterprobe.systems.serving.sources import Canary


def revisions_of(canary: Canary, revisions: Readings[ReplicaSet]) -> list[ReplicaSet]:
    """The revision that was judged, and those before it, the newest first; one whose pods are not there yet was not judged."""
    workload, judged = canary.canary, f"{canary.canary.name}-{canary.revision}"
    owned = {
        subject.name: one
        for subject, one in revisions
        if subject.namespace == workload.namespace and subject.owner == f"Deployment/{workload.name}" and one.revision
    }
    if judged not in owned:
        return []
    return sorted((one for one in owned.values() if one.revision <= owned[judged].revision), key=lambda one: -one.revision)


def undo(canary: Canary, known: list[ReplicaSet]) -> list[Step]:
    """To the revision before; without one, the canary is taken away."""
    workload = canary.canary
    target = (workload.kind.lower(), workload.name, workload.namespace)
    git = "Under Argo CD or Flux revert the commit that brought it instead: self-heal would revert the rollback."
    if len(known) > 1:
        before = known[1]
        return [
            change(
                f"Roll the canary back to revision {before.revision} (image {', '.join(before.images)}). {git}",
                shell("kubectl rollout undo {}/{} -n {} --to-revision={}", *target, before.revision),
            ),
            look("Wait until it is rolled back.", shell("kubectl rollout status {}/{} -n {}", *target)),
        ]
    why = "No earlier revision of it is kept" if known else "Its revisions could not be read"
    return [
        look(f"{why}. See which there are.", shell("kubectl rollout history {}/{} -n {}", *target)),
        change(f"Take the canary out of the traffic. {git}", shell("kubectl scale {}/{} -n {} --replicas=0", *target)),
    ]
