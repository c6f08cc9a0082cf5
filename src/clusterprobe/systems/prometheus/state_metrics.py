"""What kube-state-metrics may not list: it goes on without, and only its log says so."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.excerpt import excerpt
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.inventory.recognition import container_with
from clusterprobe.systems.kubernetes.accounts import Refused, refused_in
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.workloads import workload_of

IMAGE = "kube-state-metrics"
SINCE_SECONDS = 120  # it tries again after half a minute at most, so that what is repaired is soon forgotten
LINES = 1_000  # each kind of object that it may not list is a line or two at each attempt
MOST_TEXT = 400


class Unlisted(msgspec.Struct, frozen=True):
    """What one pod of a workload may not list, each once, and the last line that says so."""

    workload: Subject
    refused: list[Refused]
    said: str = ""


@source(Call("get", "pods/log"))
def state_metrics_refusals(cluster: Cluster, pods: Readings[Pod]) -> Readings[Unlisted]:
    """What each kube-state-metrics may not list, by the last minutes of its log."""
    found: Collector[tuple[Pod, str]] = Collector(unreadable=list(pods.unreadable))
    for subject, pod in pods:
        one = container_with(pod, IMAGE)
        if one is None or pod.status.phase in ("Succeeded", "Failed"):
            continue
        if pod.running:
            found.add(subject, (pod, one.name))
        else:
            found.fail(subject, f"its pod is {pod.standing}, so its log says nothing of now")
    return cluster.each(found.readings(f"no pod runs {IMAGE}"), lambda _, one: _read(cluster, *one))


def _read(cluster: Cluster, pod: Pod, container: str) -> Unlisted:
    return unlisted_in(workload_of(pod), last_lines(cluster, pod, container, LINES, since_seconds=SINCE_SECONDS))


def unlisted_in(workload: Subject, lines: list[str]) -> Unlisted:
    """What lines of its log refuse to it."""
    told = [(one, line) for line in lines if (one := refused_in(line)) is not None and one.verb in ("list", "watch")]
    each = {(one.what, one.within): one for one, _ in reversed(told)}
    return Unlisted(
        workload, sorted(each.values(), key=lambda one: (one.what, one.within)), excerpt(told[-1][1], MOST_TEXT) if told else ""
    )
