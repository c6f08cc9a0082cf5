"""Where log agents keep their positions, and how long they may take to end."""

from __future__ import annotations

from clusterprobe.access.cluster import owner_of
from clusterprobe.model import Struct, Subject
from clusterprobe.patterns import literal, ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Container, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from clusterprobe.systems.log_agents.agents import accept, judged_agents, stays
from clusterprobe.systems.log_agents.configurations import AgentConfiguration, maps_of
from clusterprobe.systems.pods.termination.history import grace_of
from clusterprobe.systems.storage.natures import nature_of_volume
from clusterprobe.systems.storage.nfs import Export, Mounts

# The flag that says where the positions are, and where they are without it (as the charts have it).
# https://grafana.com/docs/loki/latest/send-data/promtail/configuration/
POSITIONS = {
    "promtail": ("positions.file", "/run/promtail/positions.yaml"),
    "alloy": ("storage.path", "/tmp/alloy"),  # noqa: S108 - where the chart has it
    "grafana-agent": ("storage.path", "/tmp/agent"),  # noqa: S108
}


class LogAgent(Struct, frozen=True):
    """One pod of a log agent. `export` is the NFS export that holds its positions, None if they are elsewhere.

    `nfs` says in words on which NFS they lie; it is set as well where the export is not known, as on EFS.
    """

    program: str
    namespace: str
    name: str
    owner: str
    container: str
    node: str
    grace_seconds: int
    positions: str
    export: Export | None = None
    storage: str = ""
    nfs: str = ""


@source()
def log_agents(
    system_pods: Readings[SystemPod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    agent_configurations: Readings[AgentConfiguration],
    profile: Profile,
) -> Readings[LogAgent]:
    """Every pod of a log agent that is there to stay, with what its positions are stored on."""
    agents = judged_agents(system_pods, profile)
    found: Collector[LogAgent] = Collector(unreadable=list(agents.unreadable))
    mounts = Mounts(claims, volumes)
    for subject, one in agents:
        pod, container = one.pod, one.main
        if container is None or not stays(pod):
            continue
        paths, why = configured_paths(one, agent_configurations)
        # Of several places, that on a volume that may need the network counts.
        kept = [(path, volume_at(pod, container, path)) for path in paths] or _written(pod, container)
        if not kept:
            found.fail(subject, f"where it keeps its positions is not known: {why}; if that is as it should be, {accept(one)}")
            continue
        positions, volume = next((pair for pair in kept if pair[1] and (pair[1].persistent_volume_claim or pair[1].nfs)), kept[0])
        unknown = why_unknown(pod.metadata.namespace, volume, claims, volumes)
        if unknown:
            found.fail(subject, f"what its positions ({positions}) are stored on is not known: {unknown}")
            continue
        export = mounts.of_volume(pod.metadata.namespace, volume) if volume else None
        nfs = f"the NFS export {export}" if export else _nfs(mounts.bound_to(pod.metadata.namespace, volume)) if volume else ""
        found.add(subject, _agent(subject, one, container, positions, export, _storage(volume), nfs))
    return found.readings(agents.absent)


def _nfs(bound: PersistentVolume | None) -> str:
    """The NFS of a driver whose export is not known here; empty for any other storage."""
    nature = nature_of_volume(bound, None) if bound else None
    return str(nature) if nature and nature.kind == "nfs" else ""


def _agent(
    subject: Subject, one: SystemPod, container: Container, positions: str, export: Export | None, storage: str, nfs: str
) -> LogAgent:
    pod = one.pod
    return LogAgent(
        program=one.key,
        namespace=subject.namespace,
        name=subject.name,
        owner=owner_of(pod),
        container=container.name,
        node=pod.spec.node_name,
        grace_seconds=grace_of(pod),
        positions=positions,
        export=export,
        storage=storage,
        nfs=nfs,
    )


def configured_paths(one: SystemPod, configurations: Readings[AgentConfiguration]) -> tuple[list[str], str]:
    """Where an agent keeps its positions, by its flag, its ConfigMaps or its chart; where nothing tells, why."""
    if one.key in POSITIONS:
        return [positions_path(one.key, one.main)] if one.main else [], ""
    namespace, known = one.pod.metadata.namespace, configurations.by_name()
    own = [known[namespace, name] for name in maps_of(one.pod) if (namespace, name) in known]
    paths = list(dict.fromkeys(path for each in own for path in each.configured.positions))
    if paths:
        return paths, ""
    odd = next((each.odd for each in own if each.odd), "")
    return [], odd or configurations.missing_reason(namespace) or (
        "its configuration names none" if own else "no ConfigMap that it mounts says so"
    )


def _written(pod: Pod, container: Container) -> list[tuple[str, Volume | None]]:
    """Where an agent may keep anything, whatever its configuration says: none of it where one of its volumes may be on the network."""
    mounts = [one for one in container.volume_mounts or [] if not one.read_only]
    found = [(one.mount_path, volume) for one in mounts if (volume := volume_at(pod, container, one.mount_path))]
    far = any(one.persistent_volume_claim or one.nfs or one.csi for _, one in found)
    return [] if far else [*((path, one) for path, one in found if one.host_path), ("", None)]


def positions_path(program: str, container: Container) -> str:
    """Where the agent keeps its positions: as its flag says, else where the chart puts them."""
    return names_positions(program, container) or POSITIONS[program][1]


def names_positions(program: str, container: Container) -> str:
    """The place that the agent's flag names, which wins over its configuration; empty without that flag."""
    if program not in POSITIONS:
        return ""
    words = " ".join([*(container.command or []), *(container.args or [])])
    match = ours(rf"(?:^|\s)--?{literal(POSITIONS[program][0])}[= ]\s*(\S+)").search(words)
    return match[1] if match else ""


def volume_at(pod: Pod, container: Container, path: str) -> Volume | None:
    """The volume that a path inside a container lies on: the deepest mount above it; None for the container's own file system."""
    above = [
        (len(mount.mount_path.rstrip("/")), mount)
        for mount in container.volume_mounts or []
        if f"{path.rstrip('/')}/".startswith(f"{mount.mount_path.rstrip('/')}/")
    ]
    if not above:
        return None
    name = max(above, key=lambda pair: pair[0])[1].name
    return next((one for one in pod.spec.volumes or [] if one.name == name), None)


def why_unknown(namespace: str, volume: Volume | None, claims: Readings[PersistentVolumeClaim], volumes: Readings[PersistentVolume]) -> str:
    """Why a volume's nature cannot be told; empty if it can."""
    if volume is None or volume.persistent_volume_claim is None:
        return ""
    name = volume.persistent_volume_claim.claim_name
    claim = claims.by_name().get((namespace, name))
    if claim is None:
        return claims.missing_reason(namespace) or f"there is no PersistentVolumeClaim {name}"
    if not any(one.metadata.name == claim.spec.volume_name for one in volumes.items):
        return volumes.missing_reason("") or f"the PersistentVolumeClaim {name} is not bound"
    return ""


def _storage(volume: Volume | None) -> str:
    if volume is None:
        return "the container's own file system"
    if volume.host_path:
        return f"hostPath {volume.host_path.path}"
    if volume.persistent_volume_claim:
        return f"PersistentVolumeClaim {volume.persistent_volume_claim.claim_name}"
    return f"volume {volume.name}"
