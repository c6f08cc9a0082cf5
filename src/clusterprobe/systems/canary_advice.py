"""How a canary is rolled back: to which revision of its Deployment, by which command."""

from __future__ import annotations

from clusterprobe.readings import Readings
from clusterprobe.systems.objects import ReplicaSet
from clusterprobe.systems.serving import Canary


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


def undo(canary: Canary, known: list[ReplicaSet]) -> str:
    """To the revision before; without one, the canary is taken away."""
    workload = canary.canary
    target, place = f"{workload.kind.lower()}/{workload.name}", f"-n {workload.namespace}"
    git = "Under Argo CD revert the commit that brought it instead: self-healing would undo the undoing.\n"
    if len(known) > 1:
        before = known[1]
        return (
            f"Roll the canary back to revision {before.revision} (image {', '.join(before.images)}). {git}"
            f"$ kubectl rollout undo {target} {place} --to-revision={before.revision}\n$ kubectl rollout status {target} {place}"
        )
    why = "No earlier revision of it is kept" if known else "Its revisions could not be read"
    return (
        f"{why}: take the canary out of the requests' way. {git}"
        f"$ kubectl rollout history {target} {place}\n$ kubectl scale {target} {place} --replicas=0"
    )
