"""How a canary is rolled back: to which revision of its Deployment, by which command."""

from __future__ import annotations

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import ReplicaSet
from clusterprobe.systems.serving import Canary


def revisions_of(workload: Subject, revisions: Readings[ReplicaSet]) -> list[ReplicaSet]:
    """Of a Deployment, the newest first."""
    owned = [
        one
        for subject, one in revisions
        if subject.namespace == workload.namespace and subject.owner == f"Deployment/{workload.name}" and one.revision
    ]
    return sorted(owned, key=lambda one: -one.revision)


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
