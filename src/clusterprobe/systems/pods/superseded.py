"""Pods of a StatefulSet that it would replace, and does not: it was corrected, and waits for the pod that the correction is for."""

from __future__ import annotations

from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Step
from clusterprobe.numerals import whole_number
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of

REVISION = "controller-revision-hash"


def newer_revision(pod: Pod, stateful_sets: Readings[Workload]) -> str:
    """The revision that its StatefulSet asks for, where the pod is of another, is not ready, and is not replaced for that; else nothing.

    With podManagementPolicy OrderedReady the controller waits for each pod to be ready before it looks at revisions:
    https://github.com/kubernetes/kubernetes/issues/67250.
    """
    owner = workload_of(pod)
    one = stateful_sets.by_name().get((owner.namespace, owner.name)) if owner.kind == "StatefulSet" else None
    if one is None or pod.ready or pod.metadata.deletion_timestamp or not one.observed:
        return ""
    strategy, newer = one.spec.update_strategy, one.status.update_revision
    partition = (strategy.rolling_update.partition or 0) if strategy and strategy.rolling_update else 0
    ordinal = whole_number(pod.metadata.name.rpartition("-")[2]) or 0
    replaces = one.spec.pod_management_policy != "Parallel" and (not strategy or strategy.type != "OnDelete") and ordinal >= partition
    own = pod.label(REVISION)
    return newer if replaces and own and newer and own != newer else ""


def told(pod: Pod, newer: str) -> str:
    """Why the correction does not arrive."""
    return (
        f" It is of revision {pod.label(REVISION)}, and {workload_of(pod)} asks for {newer} by now: its template was changed since. Its "
        "controller does not replace a pod that is not ready, but waits until it is (podManagementPolicy OrderedReady)."
    )


def steps(pod: Pod) -> list[Step]:
    """A pod that never became ready serves nothing; its PVCs stay."""
    place, owner = (pod.metadata.namespace, pod.metadata.name), workload_of(pod)
    return [
        look("See that its template is right now.", shell("kubectl -n {} get statefulset {} -o yaml", owner.namespace, owner.name)),
        change(
            "Then delete the pod, which its controller makes again of the newest template, with the same PVCs.",
            shell("kubectl -n {} delete pod {}", *place),
        ),
    ]
