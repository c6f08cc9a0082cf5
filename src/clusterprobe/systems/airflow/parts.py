"""The parts that Airflow is made of, as pods: what a silent heartbeat is explained with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clusterprobe.known_systems import AIRFLOW
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.systems.airflow.sources import Component, Failed, Work
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import ContainerStatus, Pod, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.times import ago, epoch

LABELS = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class Part:
    """One part of one Airflow. `blind` says why its pods are not known; `youngest` is when the newest of them started.

    `workload` is what its pods belong to, as kubectl takes it (`deployment/airflow-scheduler`); empty where that was not seen.
    """

    name: str
    pods: list[Pod] = field(default_factory=list)
    workload: str = ""
    youngest: float | None = None
    state: str = ""
    blind: str = ""
    rests_on: list[Ref] = field(default_factory=list)

    @property
    def words(self) -> str:
        return self.name.replace("dag_processor", "DAG processor")

    @property
    def label(self) -> str:
        return LABELS[self.name]


def airflow_of(subject: Subject) -> Subject:
    """The Airflow that a server belongs to."""
    name = subject.owner.partition("/")[2] or subject.name
    return Subject(kind="Airflow", namespace=subject.namespace, name=name)


def describe(component: Component, now: float) -> str:
    """A part in a table: `healthy, 4 s ago`."""
    if not component.deployed:
        return "not deployed"
    return f"{component.status}, {'never' if component.heartbeat is None else ago(now - component.heartbeat) + ' ago'}"


def part_of(pods: Readings[SystemPod], workloads_there: Iterable[tuple[Subject, Workload]], subject: Subject, name: str) -> Part:
    """The pods of one part beside a server of the same release; the server itself, where it is all in one."""
    airflow = airflow_of(subject)
    found = [one.pod for one in pods.items if _is_part(one, airflow, name)] or [
        one.pod for one in pods.items if _is_part(one, airflow, "standalone") and one.pod.metadata.name == subject.name
    ]
    blind = pods.missing_reason(airflow.namespace)
    if blind:  # one that has just been started may be among what was not read
        return Part(name, blind=blind)
    workloads = {workload_of(pod) for pod in found}
    references = [Ref.of(one) for one in sorted(workloads, key=str)]
    first = next((f"{one.kind.lower()}/{one.name}" for one in workloads if one.api_version.startswith("apps/")), "")
    starts = [start for pod in found if (start := _start(pod)) is not None]
    named = (one for one, _ in workloads_there if (one.namespace, one.name) == (airflow.namespace, f"{airflow.name}-{LABELS[name]}"))
    without = next((f"{one.kind.lower()}/{one.name}" for one in named), "")  # one without any pod is known by its name only
    return Part(name, found, first or without, max(starts, default=None), _state(found, airflow, name), "", references)


def _is_part(one: SystemPod, airflow: Subject, name: str) -> bool:
    label = LABELS.get(name)
    same = one.part == label if label else one.part in ("standalone", "")
    done = one.pod.status.phase == "Succeeded" or one.pod.metadata.deletion_timestamp
    here = (one.pod.metadata.namespace, one.name) == (airflow.namespace, airflow.name)
    return one.system is AIRFLOW and not done and same and here


def _start(pod: Pod) -> float | None:
    """When a pod's newest container started, or the pod itself: a container that starts again and again is not young."""
    statuses = pod.status.container_statuses or []
    if any(one.restart_count for one in statuses):
        return epoch(pod.status.start_time)
    times = [epoch(one.state.started) for one in statuses]
    return max((one for one in [*times, epoch(pod.status.start_time)] if one is not None), default=None)


def _state(pods: list[Pod], airflow: Subject, name: str) -> str:
    """A sentence on the pods: there are none, they do not run, or they run and are silent all the same."""
    words = name.replace("dag_processor", "DAG processor")
    if not pods:
        return f"No pod of it (component={LABELS[name]}) is there in {airflow.namespace}: it is scaled to 0, or was removed."
    down = [pod for pod in pods if not pod.ready]
    if down:
        return f"Pod {down[0].metadata.name} is not ready{_trouble(down[0])}."
    reasons = "hangs, waits for the database, or is busy for too long"
    return f"Pod {pods[0].metadata.name} runs and counts as ready, so the {words} inside {reasons}."


def _trouble(pod: Pod) -> str:
    for one in pod.status.container_statuses or []:
        said = _said(one)
        if said:
            return f": container {one.name} {said}"
    return f" ({pod.status.phase})" if pod.status.phase else ""


def _said(one: ContainerStatus) -> str:
    ended = one.state.terminated or one.last_state.terminated
    if one.state.waiting and one.state.waiting.reason:
        return f"waits ({one.state.waiting.reason})" + (f", after exit code {ended.exit_code}" if ended else "")
    return f"ended with exit code {ended.exit_code}" if ended else ""


def recently_failed(work: Work, hours: float, now: float) -> list[Failed]:
    """The DAGs whose newest run failed within so many hours."""
    return [one for one in work.failed if now - one.ended <= hours * 3600]
