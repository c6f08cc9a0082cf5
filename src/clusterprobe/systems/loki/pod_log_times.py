"""When pods wrote lines, by their own logs (`pods/log`): what Loki should have. Only times are kept, never a line."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.errors import BadResponse, NotFound
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.formats.logfmt import line_time
from clusterprobe.systems.kubernetes.logs import ROUGHLY
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.loki.sources import RecentLines
from clusterprobe.times import epoch

PODS_EACH = 3  # of a namespace
TAIL = 5000
MAX_BYTES = 8192


class LogTimes(msgspec.Struct, frozen=True):
    """The newest line of a pod that is old enough to be in Loki (`settled`, epoch seconds; 0 for none), of `lines` that were looked at."""

    node: str
    container: str
    lines: int
    settled: float = 0.0


@source(Call("get", "pods/log"))
def pod_log_times(cluster: Cluster, pods: Readings[Pod], loki_recent_lines: Readings[RecentLines], profile: Profile) -> Readings[LogTimes]:
    """When a few pods of each namespace that Loki was asked about last wrote something, from before it was asked.

    The log is read from twice the allowed delay before that moment, and no further than a few kilobytes: a busy pod's first
    lines there, or all of a quiet one's, are old enough to be in Loki, and as new as can be.
    """
    delay = profile.thresholds.loki.freshness_minutes * 60
    asked = min((found.end / 1e9 for found in loki_recent_lines.items), default=0.0)
    names = {one.namespace for found in loki_recent_lines.items for one in found.searched}
    chosen: Collector[Pod] = Collector()
    for name in sorted(names):
        for pod in _some(pods, name, asked - 2 * delay):
            chosen.add(PODS.subject(name, pod.metadata.name), pod)
    since = round(cluster.now() - asked + 2 * delay) + 1

    def read(_: object, pod: Pod) -> LogTimes:
        container = pod.spec.containers[0].name
        times = _times(cluster, pod, container, since)
        settled = max((at for at in times if at <= asked - delay), default=0.0)
        if not settled and len(times) >= TAIL:
            raise BadResponse(f"its last {TAIL} lines are all too new: what it wrote before was not read")
        return LogTimes(pod.spec.node_name, container, len(times), settled)

    return cluster.each(chosen.readings("no pod of a namespace that Loki was asked about runs for long enough"), read)


def _some(pods: Readings[Pod], namespace: str, started_before: float) -> list[Pod]:
    """A few of a namespace's pods that have run for a while, on as many nodes as can be."""
    running = [pod for pod in pods.items if pod.metadata.namespace == namespace and pod.running and pod.ready and pod.spec.containers]
    old = [pod for pod in running if (epoch(pod.status.start_time) or started_before + 1) <= started_before]
    seen: dict[str, int] = {}
    ranked = []
    for pod in sorted(old, key=lambda pod: pod.metadata.name):
        ranked.append((seen.setdefault(pod.spec.node_name, 0), pod.metadata.name, pod))
        seen[pod.spec.node_name] += 1
    return [pod for _, _, pod in sorted(ranked, key=lambda each: each[:2])[:PODS_EACH]]


def _times(cluster: Cluster, pod: Pod, container: str, since_seconds: int) -> list[float]:
    namespace, name = pod.metadata.namespace, pod.metadata.name
    query = {"container": container, "tailLines": TAIL, "sinceSeconds": since_seconds, "limitBytes": MAX_BYTES, "timestamps": "true"}
    try:
        answer = cluster.log(PODS.path(namespace, name), namespace, pod.spec.node_name, query)
    except NotFound as error:
        if f'pods "{name}" not found' not in str(error):
            raise
        return []  # it went since the pods were listed, so there is nothing of it to be missed
    return parse_times(answer.body, f"the log of {namespace}/{name}, container {container}")


def parse_times(body: bytes, what: str) -> list[float]:
    """The times of whole lines; the last one may be cut off at the limit, and nowhere else."""
    if body and not body.endswith(b"\n") and len(body) < ROUGHLY * MAX_BYTES:
        raise BadResponse(f"{what} ends within a line")
    found = []
    for line in body.split(b"\n")[:-1]:
        at = line_time(line)
        if at is None:
            raise BadResponse(f"{what} is not lines that begin with a time")
        found.append(at)
    if body and not found and line_time(body) is None:
        raise BadResponse(f"{what} is not lines that begin with a time")
    return found
