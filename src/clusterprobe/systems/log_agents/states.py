"""What each log agent says of itself: what it reads, what it dropped, how far it is behind, where its positions are."""

from __future__ import annotations

from collections import Counter

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint, owner_of
from clusterprobe.errors import BadResponse, NotFound, Unreachable, Unreadable
from clusterprobe.model import Subject
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import proxied, source
from clusterprobe.systems.formats.exposition import Metric, samples_of
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import port_of
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.log_agents.agents import accept, is_agent, judged_agents
from clusterprobe.systems.log_agents.configuration_files import Output
from clusterprobe.systems.log_agents.configurations import AgentConfiguration, maps_of
from clusterprobe.systems.log_agents.metrics import LOKI, PAGES, Page, values_of
from clusterprobe.times import epoch

FULL = 0.9  # of a queue: what comes in by the next batch may be lost, or hold up what is before it


class Queue(msgspec.Struct, frozen=True):
    """How much waits for an output, and how much may, in the agent's own unit."""

    name: str
    size: float
    capacity: float


class AgentState(msgspec.Struct, frozen=True):
    """One agent, counted since `started` (epoch seconds). `reads` has the number of files by namespace.

    `positions` is the file as its effective configuration names it, empty where that is not to be had. `filtered` counts the
    lines that its own pipeline drops, as it was told to; `failing` attempts to send that failed, whatever became of them. `counts_files`
    is whether it says which files it reads. `full` are its queues that are, and `paused` its inputs that wait; `scrapes` is whether it
    scrapes metrics, too.
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
    failing: int = 0
    outputs: list[Output] = []
    full: list[Queue] = []
    paused: list[str] = []
    counts_files: bool = True
    scrapes: bool = False


@source(proxied("pods"))
def agent_states(
    cluster: Cluster, system_pods: Readings[SystemPod], agent_configurations: Readings[AgentConfiguration], profile: Profile
) -> Readings[AgentState]:
    """Every log agent's own metrics, and where Promtail's effective configuration puts its positions."""
    agents = judged_agents(system_pods, profile)
    found: Collector[SystemPod] = Collector(unreadable=list(agents.unreadable))
    configured = agent_configurations.by_name()
    ports: dict[Subject, int] = {}
    for _, one in agents.keep(lambda _, one: is_agent(one)):
        subject = PODS.subject(one.pod.metadata.namespace, one.pod.metadata.name)
        own = [known.configured for name in maps_of(one.pod) if (known := configured.get((subject.namespace, name)))]
        ports[subject] = next((each.port for each in own if each.port), 0) or port_of(one)
        if not one.pod.running:
            found.fail(subject, f"the agent's pod is {one.pod.standing}, so it cannot be asked")
        elif any(each.silent for each in own) and not any(each.port for each in own):
            found.fail(subject, _silent(one))
        else:
            found.add(subject, one)
    return cluster.each(found.readings(agents.absent), lambda subject, one: _read(_way(cluster, one, ports[subject]), one))


def _way(cluster: Cluster, one: SystemPod, port: int) -> Endpoint:
    return cluster.pod(one.pod.metadata.namespace, one.pod.metadata.name, one.pod.status.pod_ip, port)


def _silent(one: SystemPod) -> str:
    how = PAGES[one.key].turned_on
    return f"its configuration has it show no metrics, so what it loses is not known; {how}, or {accept(one)}"


def _read(endpoint: Endpoint, one: SystemPod) -> AgentState:
    """One agent's state; of one that shows its metrics only if it is told to, a reason says how."""
    try:
        return read_agent(endpoint, one)
    except (Unreachable, NotFound, BadResponse) as error:
        how = PAGES[one.key].turned_on
        raise type(error)(f"{error}; {how}, or {accept(one)}") if how else error from None


def read_agent(endpoint: Endpoint, one: SystemPod) -> AgentState:
    """One agent's state. Raises an `Unreadable`, also where its metrics are not those of such an agent."""
    program, pod, page = one.key, one.pod, PAGES[one.key]
    metrics = _metrics(endpoint, page)
    if not any(each.name in page.proof for each in metrics):
        raise BadResponse(f"GET {endpoint.url}{page.paths[-1]}: there is no {page.proof[0]} in it")
    reasons: Counter[str] = Counter()
    for counter in page.lost:
        for each in metrics:
            if counter.counts(each):
                reasons[counter.reason or each.labels.get(counter.by, "")] += int(each.value)
    files, behind = _files(metrics, page)
    return AgentState(
        program=program,
        node=pod.spec.node_name,
        started=max(values_of(metrics, page.started), default=_started(one)),
        dropped={reason: count for reason, count in sorted(reasons.items()) if count},
        sent=int(sum(values_of(metrics, page.sent))),
        filtered=int(sum(each.value for counter in page.filtered for each in metrics if counter.counts(each))),
        backlog_bytes=int(behind),
        reads=files,
        positions=_positions(endpoint) if program == "promtail" else "",
        owner=owner_of(pod),
        version=next((each.labels.get("version", "") for each in metrics if each.name == page.version), ""),
        failing=int(sum(values_of(metrics, page.failing))),
        outputs=_outputs(metrics, page),
        full=[queue for queue in _queues(metrics, page) if queue.capacity and queue.size >= FULL * queue.capacity],
        paused=sorted({each.labels.get("name", "") for each in metrics if each.name == page.paused and each.value}),
        counts_files=page.files is not None,
        scrapes=any(value > 0 for value in values_of(metrics, page.scrapes)),
    )


def _metrics(endpoint: Endpoint, page: Page) -> list[Metric]:
    """The series of the first page that is there."""
    for path in page.paths[:-1]:
        try:
            return samples_of(endpoint, page.names, path=path)
        except NotFound:
            continue
    return samples_of(endpoint, page.names, path=page.paths[-1])


def _files(metrics: list[Metric], page: Page) -> tuple[dict[str, int], float]:
    """How many files of each namespace are read, and how many bytes of them are still to be read."""
    if page.files is None:
        return {}, 0.0
    size, read = page.files
    done = {one.labels.get("path", ""): one.value for one in metrics if one.name == read}
    behind = sum(max(0.0, one.value - done.get(one.labels.get("path", ""), 0.0)) for one in metrics if one.name == size)
    return dict(Counter(name for path in done if (name := namespace_of(path)))), behind


def _outputs(metrics: list[Metric], page: Page) -> list[Output]:
    """What it sends to, by the series that count what was sent. Vector counts what each of its parts passes on: only sinks send."""
    found = {}
    for one in metrics:
        name = one.labels.get(page.output, "")
        if one.name not in (*page.sent, *(each.name for each in page.lost)) or not name:
            continue
        if one.labels.get("component_kind", "sink") == "sink":
            kind = LOKI if page.kind == LOKI else one.labels.get(page.kind, "") or _kind(name, page)
            found[name] = Output(name, kind)
    return [found[name] for name in sorted(found)]


def _kind(name: str, page: Page) -> str:
    match = page.named.fullmatch(name) if page.named else None
    return match[1] if match else ""


def _queues(metrics: list[Metric], page: Page) -> list[Queue]:
    return [
        Queue(one.labels.get(page.output, ""), one.value, other.value)
        for size, capacity in page.queues
        for one in metrics
        for other in metrics
        if one.name == size and other.name == capacity and one.labels == other.labels
    ]


def _started(one: SystemPod) -> float:
    """When its container started, by the kubelet."""
    status = next((each for each in one.pod.status.container_statuses or [] if each.name == one.container), None)
    return epoch(status.state.started if status else None) or 0.0


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
