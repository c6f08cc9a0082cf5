"""What the pods of a workload really run, against what the workload wants them to run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Container, Pod, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.times import epoch
from clusterprobe.words import number

State = Literal["as wanted", "under way", "paused", "stuck", "on delete", "partition", "mutated"]


@dataclass(frozen=True, slots=True)
class Running:
    """A container of a pod whose image is another than its workload wants."""

    pod: Pod
    container: str
    wanted: str
    image: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the pods of a workload have become what it wants: `wrong` ones run something else, `right` is how many run it."""

    state: State
    wrong: list[Running]
    right: int
    why: str = ""


def living(pods: Readings[Pod]) -> dict[tuple[str, str, str], list[Pod]]:
    """The pods that live, neither going nor ended, by kind, namespace and name of their workload."""
    found: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
    for pod in pods.items:
        if not pod.metadata.deletion_timestamp and pod.status.phase not in ("Succeeded", "Failed"):
            workload = workload_of(pod)
            found[workload.kind, workload.namespace, workload.name].append(pod)
    return found


def rollout_of(kind: str, workload: Workload, pods: list[Pod], oldest: float) -> Rollout:
    """How a workload's pods fare. A pod of the new kind that is not ready since before `oldest` (epoch seconds) holds it up."""
    wanted = workload.images()
    wrong = [one for pod in pods for one in _differences(pod, wanted)]
    others = {one.pod.metadata.name for one in wrong}
    new = [pod for pod in pods if pod.metadata.name not in others]
    right = sum(_runs(pod, wanted) for pod in new)
    if workload.wanted == 0 and not pods:
        return Rollout("as wanted", [], 0, "it is scaled to 0")
    if not wrong and right >= workload.wanted:
        return Rollout("as wanted", [], right)
    state, why = _hindrance(kind, workload, new, oldest, mismatch=bool(wrong))
    return Rollout(state, wrong, right, why)


def _differences(pod: Pod, wanted: dict[str, str]) -> list[Running]:
    """Containers that the workload does not name (a mesh adds them) are none of its business."""
    return [
        Running(pod, each.name, wanted[each.name], each.image)
        for each in _containers(pod)
        if each.name in wanted and each.image != wanted[each.name]
    ]


def _containers(pod: Pod) -> list[Container]:
    return [*(pod.spec.init_containers or []), *pod.spec.containers]


def _runs(pod: Pod, wanted: dict[str, str]) -> bool:
    """Whether every container that the workload wants is running now."""
    statuses = {one.name: one for one in pod.status.container_statuses or []}
    names = [each.name for each in pod.spec.containers if each.name in wanted]
    return bool(names) and all(name in statuses and statuses[name].state.running is not None for name in names)


def _hindrance(kind: str, workload: Workload, new: list[Pod], oldest: float, *, mismatch: bool) -> tuple[State, str]:
    if not workload.observed:
        return "under way", "its controller has not seen the newest specification yet"
    strategy = workload.spec.update_strategy
    if mismatch and kind == "Deployment" and workload.spec.paused:
        return "paused", "it is paused (spec.paused), so its pods stay as they are until it is resumed"
    if mismatch and kind != "Deployment" and strategy and strategy.type == "OnDelete":
        return "on delete", "its updateStrategy is OnDelete: a pod changes only when it is deleted"
    if mismatch and kind == "StatefulSet" and strategy and strategy.rolling_update and strategy.rolling_update.partition:
        return "partition", f"its updateStrategy has the partition {strategy.rolling_update.partition}: pods below it stay as they are"
    condition = workload.condition("Progressing")
    if condition and condition.reason == "ProgressDeadlineExceeded":
        return "stuck", f"its roll-out is stuck: {condition.message or condition.reason}"
    late = [pod for pod in new if not pod.ready and (epoch(pod.metadata.creation_timestamp) or oldest) < oldest]
    if late:
        return "stuck", f"its roll-out is stuck: Pod {late[0].metadata.name} does not become ready"
    if mismatch and workload.updated >= workload.wanted and workload.status.replicas <= workload.wanted:
        return (
            "mutated",
            "all its pods are of its newest template, so something changed the image of the pod itself (a webhook, or by hand)",
        )
    return "under way", f"{len(new)} of {number(workload.wanted, 'pod')} {'is' if len(new) == 1 else 'are'} of its newest template"
