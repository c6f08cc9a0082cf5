"""What keeps a pod from starting, with what is known of its node, its volumes and what it calls: as data, for a probe to put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.systems.kubernetes.nodes import is_virtual, lost_nodes, ready_nodes
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod, Service
from clusterprobe.systems.kubernetes.workloads import daemon_set_of, workload_of
from clusterprobe.systems.pods.start_causes import Obstacle, obstacles_of
from clusterprobe.systems.pods.start_logs import StartLog
from clusterprobe.systems.pods.starts import Start, StartEvent, StartEvents
from clusterprobe.systems.pods.startup_waits import Neighbourhood, Standing, targets_of

_HOST = "kubernetes.io/hostname"
_LONGHORN = "longhorn-system"  # where its volumes are: its chart and its manifests name no other


@dataclass(frozen=True, slots=True)
class Pinned:
    """A volume that is only on some nodes: `lost` are those of them that do not exist. Of others, `labels` are what its nodes have."""

    volume: str
    claim: str
    nodes: tuple[str, ...]
    lost: tuple[str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A pod that does not start, and what keeps it.

    `pending` and `absent` are the claims that it mounts and that have no volume, or do not exist. `node` is its node where that is not
    ready, or does not exist (`node_lost`). `calls` is how what its init container calls stands. `holders` are the workloads whose pods
    have a hostPort that it asks for, `mates` the pods of its own Deployment on other nodes that have a volume of it. `going` are its
    claims that are being deleted, each with its volume, which may be empty. `line` is what its own
    log says last of an error, while it runs and is not ready; often empty. `virtual` are the nodes of which one is what its DaemonSet
    made it for, where all that lack such a pod take none.
    """

    start: Start
    obstacles: list[Obstacle]
    pending: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    node: str = ""
    node_lost: bool = False
    calls: tuple[Standing, ...] = ()
    silenced: tuple[Ref, ...] = ()
    holders: tuple[Subject, ...] = ()
    going: tuple[tuple[str, str], ...] = ()
    mates: tuple[str, ...] = ()
    line: str = ""
    virtual: tuple[str, ...] = ()
    events: list[StartEvent] = field(default_factory=list)

    @property
    def first(self) -> Obstacle:
        return self.obstacles[0]

    @property
    def no_node(self) -> str:
        """Why an autoscaler adds no node for it, as the cluster autoscaler or Karpenter says it last; empty where neither does."""
        told = [one for one in self.events if one.reason == "NotTriggerScaleUp" or one.message.startswith("Failed to schedule pod, ")]
        return max(told, key=lambda one: one.last or 0.0).message if told and self.start.state == "unscheduled" else ""

    @property
    def certain(self) -> bool:
        """Whether it does not start by itself: an image may be large, and an init container may have much to do."""
        if self.start.state == "initialising":
            return any(one.state in ("missing", "not ready", "wrong port") for one in self.calls)
        return self.first.fault != "pulling" and not self.virtual

    @property
    def rests_on(self) -> list[Ref]:
        """What explains it, where another finding breaks that."""
        namespace = self.start.pod.metadata.namespace
        found = [Ref(RefKind.NODE, name=self.node)] if self.node else []
        secrets = [each for one in self.obstacles for each in one.missing if each.kind == "secret"]
        found += [Ref(RefKind.SECRET, one.namespace or namespace, one.name) for one in secrets]
        if self.start.state == "creating" or any(one.fault == "claim" for one in self.obstacles):
            found += [Ref(RefKind.PERSISTENT_VOLUME_CLAIM, namespace, name) for name in self.pending]
        found += [Ref.to("Volume", _LONGHORN, one.what) for one in self.obstacles if one.fault == "volume not ready" and one.what]
        return found + [one.service for one in self.calls if one.service and one.state == "not ready"]


class Surroundings:
    """What is known beside the pods that do not start."""

    def __init__(
        self,
        pods: Readings[Pod],
        services: Readings[Service],
        nodes: Readings[Node],
        claims: Readings[PersistentVolumeClaim],
        volumes: Readings[PersistentVolume],
        events: Readings[StartEvents],
        logs: Readings[StartLog],
    ) -> None:
        self._around, self._pods = Neighbourhood(services, pods), pods
        self._nodes, self._lost, self._all_nodes = ready_nodes(nodes), lost_nodes(nodes, pods), nodes.complete and bool(len(nodes))
        self._claims, self._by_claim = claims, claims.by_name()
        self._volumes = {one.metadata.name: one for one in volumes.items}
        self._virtual = {one.metadata.name for one in nodes.items if is_virtual(one)}
        self._events, self._logs = events.by_name(), logs.by_name()

    def held(self, start: Start) -> Held:
        """What keeps a pod."""
        pod, events = start.pod, self.events(start)
        node = pod.spec.node_name
        away = node if node in self._lost or self._nodes.get(node) is False else ""
        claims = {name: self._by_claim.get((pod.metadata.namespace, name)) for name in pod.claims}
        known = not self._claims.missing_reason(pod.metadata.namespace)
        obstacles = obstacles_of(start, events)
        return Held(
            start,
            obstacles,
            pending=tuple(name for name, one in claims.items() if one and one.status.phase == "Pending"),
            absent=tuple(name for name, one in claims.items() if one is None and known),
            pinned=tuple(found for name, one in claims.items() if one and (found := self._pinned(name, one))),
            node=away,
            node_lost=node in self._lost,
            calls=self._calls(start) if start.state == "initialising" else (),
            silenced=tuple(self._around.silenced_with(pod)),
            holders=self._holders(pod) if any(one.fault == "host port" for one in obstacles) else (),
            going=tuple((name, one.spec.volume_name) for name, one in claims.items() if one and one.metadata.deletion_timestamp),
            mates=self._mates(pod) if any(one.fault == "attached elsewhere" for one in obstacles) else (),
            line=log.line if (log := self._logs.get(start.place)) and start.state == "unready" else "",
            virtual=self._virtual_for(pod) if start.state == "unscheduled" else (),
            events=events,
        )

    def _virtual_for(self, pod: Pod) -> tuple[str, ...]:
        """The nodes that its DaemonSet has no pod on, where all of them are virtual; none for other pods."""
        owner = daemon_set_of(pod)
        if not owner or not self._virtual or not self._all_nodes or self._pods.missing_reason(pod.metadata.namespace):
            return ()
        own = [one for one in self._pods.items if one.metadata.namespace == pod.metadata.namespace and daemon_set_of(one) == owner]
        without = self._nodes.keys() - {one.spec.node_name for one in own}
        return tuple(sorted(without)) if without and without <= self._virtual else ()

    def events(self, start: Start) -> list[StartEvent]:
        found = self._events.get(start.place)
        return found.events if found else []

    def _holders(self, pod: Pod) -> tuple[Subject, ...]:
        """The workloads of the pods on any node that have one of its hostPorts."""
        others = [one for one in self._pods.items if one.spec.node_name and one.status.phase in ("Pending", "Running")]
        return tuple(dict.fromkeys(workload_of(one) for one in others if one.host_ports & pod.host_ports))

    def _mates(self, pod: Pod) -> tuple[str, ...]:
        """The pods for which an update waits, since they serve, while they keep the volume that the new one waits for."""
        owner, wanted = workload_of(pod), set(pod.claims)
        others = [one for one in self._pods.items if one.metadata.namespace == owner.namespace and one.spec.node_name != pod.spec.node_name]
        if owner.kind != "Deployment" or not wanted:
            return ()
        return tuple(one.metadata.name for one in others if one.running and wanted & set(one.claims) and workload_of(one) == owner)

    def _calls(self, start: Start) -> tuple[Standing, ...]:
        return tuple(self._around.standing(one, start.pod.metadata.namespace) for one in targets_of(start.pod.container(start.container)))

    def _pinned(self, name: str, claim: PersistentVolumeClaim) -> Pinned | None:
        volume = self._volumes.get(claim.spec.volume_name)
        asked = asked_of_nodes(volume) if volume else {}
        hosts = tuple(asked.pop(_HOST, ()))
        lost = tuple(one for one in hosts if self._all_nodes and one not in self._nodes)
        labels = tuple(f"{key}={value}" for key, values in asked.items() for value in values)
        return Pinned(claim.spec.volume_name, name, hosts, lost, () if hosts else labels) if hosts or labels else None


def asked_of_nodes(volume: PersistentVolume) -> dict[str, list[str]]:
    """The labels that a volume's node affinity asks of nodes, such as their host name or zone, with their values."""
    terms = _listed(_under(_under(volume.spec.node_affinity, "required"), "nodeSelectorTerms"))
    found: dict[str, list[str]] = {}
    for one in (each for term in terms for each in _listed(_under(term, "matchExpressions"))):
        if _under(one, "operator") == "In":
            found.setdefault(str(_under(one, "key")), []).extend(str(name) for name in _listed(_under(one, "values")))
    return found


def _under(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
