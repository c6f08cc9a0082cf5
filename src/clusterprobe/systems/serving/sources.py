"""Served models: which pods they are, where they tell their health, and which of them are a canary beside a stable version.

A profile's `serving.models` names them by labels. Without it, a pod is a model service if the inventory recognises a model
server: by one of its usual labels, by its image or command, or because KServe or Seldon made it.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from dataclasses import dataclass

import msgspec

from clusterprobe.known_systems import MODEL_SERVER
from clusterprobe.model import Subject
from clusterprobe.numerals import whole_number
from clusterprobe.profile import Profile
from clusterprobe.profile_sections import ModelProfile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Container, HttpGet, Pod
from clusterprobe.systems.kubernetes.workloads import revision_of, workload_of
from clusterprobe.times import epoch

NAME = "app.kubernetes.io/name"
TRACKS = ("track", "app.kubernetes.io/track", "role", "version", "release")
CANARY = "canary"
CRASHED_SECONDS = 600
STARTING_SECONDS = 120
READINESS = "readiness probe"
NONE = f"there is no {MODEL_SERVER.name}: {MODEL_SERVER.looked_for}, and the profile names none"


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """One pod of a model service. `path` is empty where nothing says where it tells its health; `said_by` is what says it."""

    pod: Pod
    service: str
    canary: bool
    path: str = ""
    port: int = 0
    scheme: str = "http"
    said_by: str = ""
    probed: bool = True

    @property
    def workload(self) -> Subject:
        return workload_of(self.pod)

    @property
    def started(self) -> float:
        """When its newest container started (epoch seconds); 0 if that is not known."""
        states = [one.state.started for one in self.pod.status.container_statuses or []]
        return max((at for one in [*states, self.pod.status.start_time] if (at := epoch(one))), default=0.0)

    def starting(self, now: float) -> bool:
        """Not ready since its start, which is not long ago: one that was ready before has become ill."""
        ready = next((one for one in self.pod.status.conditions or [] if one.type == "Ready"), None)
        changed = epoch(ready.last_transition_time) if ready else None
        return not self.pod.ready and now - self.started < STARTING_SECONDS and not (changed and changed > self.started)

    def down(self, now: float) -> bool:
        """Whether there is nobody to ask: no container runs, or one has just ended in an error and will again."""
        statuses = self.pod.status.container_statuses or []
        if not self.pod.running or not any(one.state.running for one in statuses):
            return True
        ends = [epoch(one.last_state.terminated.finished_at) for one in statuses if one.last_state.terminated]
        return not self.pod.ready and any(at is not None and now - at < CRASHED_SECONDS for at in ends)


@source()
def model_replicas(pods: Readings[Pod], system_pods: Readings[SystemPod], profile: Profile) -> Readings[Replica]:
    """Every pod of every model service that is not done or going."""
    found: Collector[Replica] = Collector(unreadable=list(pods.unreadable))
    models = {subject for subject, one in system_pods if one.system is MODEL_SERVER}
    for subject, pod in pods:
        if pod.metadata.deletion_timestamp or pod.status.phase in ("Succeeded", "Failed") or subject.owner.startswith("Job/"):
            continue
        model = next((one for one in profile.serving.models if _is_of(pod, one)), None)
        if model is not None or (not profile.serving.models and subject in models):
            found.add(subject, _replica(pod, model))
    for one in profile.serving.models:
        if not any(_is_of(pod, one) for pod in pods.items):
            name = ",".join(f"{key}={value}" for key, value in sorted(one.selector.items()))
            found.fail(
                Subject(kind="Model", name=name), f"the profile names it, and no pod in {', '.join(one.namespaces)} has these labels"
            )
    return found.readings(NONE)


def _is_of(pod: Pod, model: ModelProfile) -> bool:
    labels = pod.metadata.labels
    here = any(fnmatch.fnmatchcase(pod.metadata.namespace, one) for one in model.namespaces)
    return here and all(labels.get(key) == value for key, value in model.selector.items())


def _replica(pod: Pod, model: ModelProfile | None) -> Replica:
    said_by, container, asked = _http_probe(pod)
    path, scheme = (asked.path, asked.scheme.lower()) if asked else ("", "http")
    number = _number(container, asked.port) if container and asked else _first_port(pod)
    if model is not None and model.health_path:
        said_by = said_by if model.health_path == path and said_by == READINESS else "profile"
        path = model.health_path
    return Replica(
        pod=pod,
        service=pod.label(NAME) or pod.label("app") or workload_of(pod).name,
        canary=_is_canary(pod, model),
        path=path if number else "",
        port=number,
        scheme=scheme,
        said_by=said_by,
        probed=any(one.readiness_probe for one in pod.spec.containers),
    )


def _http_probe(pod: Pod) -> tuple[str, Container | None, HttpGet | None]:
    """Where a probe of the kubelet's asks: the readiness probe, or, where there is none at all, the liveness probe."""
    for one in pod.spec.containers:
        if one.readiness_probe and one.readiness_probe.http_get:
            return READINESS, one, one.readiness_probe.http_get
    if not any(one.readiness_probe for one in pod.spec.containers):
        for one in pod.spec.containers:
            if one.liveness_probe and one.liveness_probe.http_get:
                return "liveness probe", one, one.liveness_probe.http_get
    return "", None, None


def _number(container: Container, port: int | str) -> int:
    stated = port if isinstance(port, int) else whole_number(port)
    if stated is not None:
        return stated
    return next((one.container_port for one in container.ports or [] if one.name == port), 0)


def _first_port(pod: Pod) -> int:
    return next((port.container_port for one in pod.spec.containers for port in one.ports or []), 0)


def _is_canary(pod: Pod, model: ModelProfile | None) -> bool:
    if model is not None and model.canary:
        return all(pod.label(key) == value for key, value in model.canary.items())
    if model is not None and model.stable and all(pod.label(key) == value for key, value in model.stable.items()):
        return False
    return any(pod.label(key).lower() == CANARY for key in TRACKS)


# --- canaries ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Canary:
    """A canary beside its stable version, as the names of their pods tell them apart: `revision` is the newest one's hash."""

    namespace: str
    service: str
    canary: Subject
    stable: Subject | None
    revision: str
    ready: int
    created: str

    def is_canary(self, pod: str) -> bool:
        """Whether a pod is of the canary's newest revision; pods that are gone by now keep their names in the metrics."""
        start = f"{self.canary.name}-{self.revision}-" if self.revision else f"{self.canary.name}-"
        return pod.startswith(start) and "-" not in pod.removeprefix(start)

    def is_stable(self, pod: str) -> bool:
        """Whether a pod is of the stable workload, of whichever revision."""
        if self.stable is None:
            return False
        start = f"{self.stable.name}-"
        return pod.startswith(start) and pod.removeprefix(start).count("-") <= (1 if self.stable.kind == "Deployment" else 0)


@source()
def model_canaries(model_replicas: Readings[Replica]) -> Readings[Canary]:
    """Every canary of a model service that has pods."""
    groups: dict[tuple[str, str], list[Replica]] = defaultdict(list)
    for replica in model_replicas.items:
        groups[replica.pod.metadata.namespace, replica.service].append(replica)
    found: Collector[Canary] = Collector(unreadable=list(model_replicas.unreadable))
    for (namespace, service), replicas in sorted(groups.items()):
        for workload in dict.fromkeys(one.workload for one in replicas if one.canary):
            found.add(workload, _canary(namespace, service, workload, replicas))
    without = f"no canary is deployed: no pod of a model service has a label {', '.join(TRACKS)} that says {CANARY}"
    return found.readings(model_replicas.why_none(without))


def _canary(namespace: str, service: str, workload: Subject, replicas: list[Replica]) -> Canary:
    own = sorted((one.pod for one in replicas if one.workload == workload), key=lambda pod: pod.metadata.creation_timestamp or "")
    newest = revision_of(own[-1])
    of_newest = [pod for pod in own if revision_of(pod) == newest]
    stable = [one.workload for one in replicas if not one.canary]
    return Canary(
        namespace=namespace,
        service=service,
        canary=workload,
        stable=max(dict.fromkeys(stable), key=stable.count, default=None),
        revision=newest,
        ready=sum(pod.ready for pod in of_newest),
        created=of_newest[0].metadata.creation_timestamp or "",
    )
