"""What each log agent says of itself: what it reads, what it dropped, how far it is behind, where its positions are."""

from __future__ import annotations

from collections import Counter

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint, owner_of
from clusterprobe.errors import BadResponse, Unreadable
from clusterprobe.patterns import ours
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.inventory.servers import port_of
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.log_agents.programs import AGENTS, stays

# By program the names of its metrics: dropped, sent, bytes of the files, bytes read of them.
_STARTED = "process_start_time_seconds"
_STAGES = "logentry_dropped_lines_total"
_METRICS = {
    "promtail": ("promtail_dropped_entries_total", "promtail_sent_entries_total", "promtail_file_bytes_total", "promtail_read_bytes_total"),
    "alloy": (
        "loki_write_dropped_entries_total",
        "loki_write_sent_entries_total",
        "loki_source_file_file_bytes_total",
        "loki_source_file_read_bytes_total",
    ),
    "grafana-agent": (
        "loki_write_dropped_entries_total",
        "loki_write_sent_entries_total",
        "loki_source_file_file_bytes_total",
        "loki_source_file_read_bytes_total",
    ),
}
DROPPED = tuple(sorted({names[0] for names in _METRICS.values()}))


class AgentState(msgspec.Struct, frozen=True):
    """One agent, counted since `started` (epoch seconds). `reads` has the number of files by namespace.

    `positions` is the file as its effective configuration names it, empty where that is not to be had. `filtered` counts the
    lines that its own pipeline drops, as it was told to.
    """

    program: str
    node: str
    started: float
    dropped: dict[str, int]
    sent: int
    filtered: int
    backlog_bytes: int
    reads: dict[str, int]
    positions: str = ""
    version: str = ""
    owner: str = ""  # Kind/name


def is_agent(one: SystemPod) -> bool:
    """Whether a pod is one of an agent of which we know the metrics."""
    return one.system in AGENTS and stays(one.pod)


@source(proxied("pods"))
def agent_states(cluster: Cluster, system_pods: Readings[SystemPod]) -> Readings[AgentState]:
    """Every log agent's own metrics, and where Promtail's effective configuration puts its positions."""
    agents = of_system(system_pods, *AGENTS)
    found: Collector[SystemPod] = Collector(unreadable=list(agents.unreadable))
    for _, one in agents.keep(lambda _, one: is_agent(one)):
        subject = PODS.subject(one.pod.metadata.namespace, one.pod.metadata.name)
        if one.pod.running:
            found.add(subject, one)
        else:
            found.fail(subject, f"the agent's pod is {one.pod.status.phase or 'in no phase'}, so it cannot be asked")
    return cluster.each(found.readings(agents.absent), lambda _, one: read_agent(_way(cluster, one), one))


def _way(cluster: Cluster, one: SystemPod) -> Endpoint:
    return cluster.pod(one.pod.metadata.namespace, one.pod.metadata.name, one.pod.status.pod_ip, port_of(one))


def read_agent(endpoint: Endpoint, one: SystemPod) -> AgentState:
    """One agent's state. Raises an `Unreadable`, also where its metrics are not those of such an agent."""
    program, pod = one.key, one.pod
    dropped, sent, size, read = _METRICS[program]
    metrics = samples_of(endpoint, {dropped, sent, size, read, _STARTED, _STAGES, "promtail_build_info"})
    by_name: dict[str, list[Metric]] = {}
    for each in metrics:
        by_name.setdefault(each.name, []).append(each)
    if _STARTED not in by_name:
        raise BadResponse(f"GET {endpoint.url}/metrics: there is no {_STARTED} in it")
    reasons: Counter[str] = Counter()
    for each in by_name.get(dropped, []):
        reasons[each.labels.get("reason", "")] += int(each.value)
    done = {one.labels.get("path", ""): one.value for one in by_name.get(read, [])}
    behind = sum(max(0.0, one.value - done.get(one.labels.get("path", ""), 0.0)) for one in by_name.get(size, []))
    return AgentState(
        program=program,
        node=pod.spec.node_name,
        started=by_name[_STARTED][0].value,
        dropped={reason: count for reason, count in sorted(reasons.items()) if count},
        sent=int(sum(one.value for one in by_name.get(sent, []))),
        filtered=int(sum(one.value for one in by_name.get(_STAGES, []))),
        backlog_bytes=int(behind),
        reads=dict(Counter(name for path in done if (name := namespace_of(path)))),
        positions=_positions(endpoint) if program == "promtail" else "",
        owner=owner_of(pod),
        version=next((one.labels.get("version", "") for one in by_name.get("promtail_build_info", [])), ""),
    )


_FILE = ours(r"/var/log/pods/([a-z0-9-]+)_[^/]+_[^/]+/")
_POSITIONS = ours(r"(?m)^positions:\n((?:[ ]+.*\n)+)")
_FILENAME = ours(r"(?m)^[ ]+filename: [\"']?([^\s\"']+)")


def namespace_of(path: str) -> str:
    """The namespace of a pod's log file.

    >>> namespace_of("/var/log/pods/fastapi-dev_fastapi-556866fc77-8wzcf_828bffc9/fastapi/0.log")
    'fastapi-dev'
    """
    match = _FILE.search(path)
    return match[1] if match else ""


def _positions(endpoint: Endpoint) -> str:
    """The file of the positions out of the page that shows the effective configuration; nothing else of it is kept."""
    try:
        text = endpoint.get("/config", seconds=15, limit_bytes=bodies.OBJECT).body.decode("utf-8", "replace")
    except Unreadable:
        return ""  # the page may be switched off: the flags and the chart's usual place then have to do
    block = _POSITIONS.search(text)
    match = _FILENAME.search(block[1]) if block else None
    return match[1] if match else ""
