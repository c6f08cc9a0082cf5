"""Where log agents keep their positions, so exactly that two that share a file are seen to."""

from __future__ import annotations

import posixpath

from clusterprobe.access.cluster import owner_of
from clusterprobe.model import Struct
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Container, PersistentVolume, PersistentVolumeClaim, Pod, Volume, VolumeMount
from clusterprobe.systems.log_agents.agents import accept, judged_agents, reads_files, stays
from clusterprobe.systems.log_agents.configurations import AgentConfiguration
from clusterprobe.systems.log_agents.programs import configured_paths, names_positions, why_unknown
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.systems.storage.nfs import Mounts

KEPT, LOST = True, False


class Positions(Struct, frozen=True):
    """One agent's positions. `place` is the same for two agents exactly if they share the file; `kept` is whether it outlives the pod.

    `flag` is the path as a flag of the container has it, with its variables: it wins over the configuration. Empty without one.
    """

    program: str
    namespace: str
    name: str
    owner: str
    node: str
    created: str
    path: str
    place: str
    kept: bool
    flag: str = ""


@source()
def agent_positions(
    system_pods: Readings[SystemPod],
    claims: Readings[PersistentVolumeClaim],
    volumes: Readings[PersistentVolume],
    agent_states: Readings[AgentState],
    agent_configurations: Readings[AgentConfiguration],
    profile: Profile,
) -> Readings[Positions]:
    """Where every log agent that is there to stay keeps its positions; one that has several files has a reading for each."""
    agents = judged_agents(system_pods, profile)
    found: Collector[Positions] = Collector(unreadable=list(agents.unreadable))
    mounts = Mounts(claims, volumes)
    for subject, one in agents:
        pod, program, container = one.pod, one.key, one.main
        if container is None or not pod.spec.node_name or not stays(pod):
            continue
        paths, why = _paths(one, container, agent_states, agent_configurations)
        if not paths and reads_files(one):
            found.fail(subject, f"where it keeps its positions is not known: {why}; if that is as it should be, {accept(one)}")
        for path in paths:
            mount, volume = _mounted(pod, container, path)
            unknown = _why_unknown(path, mount) or why_unknown(subject.namespace, volume, claims, volumes)
            if unknown:
                found.fail(subject, f"where its positions ({path}) are stored is not known: {unknown}")
            else:
                flag = names_positions(program, container)
                found.add(subject, _positions(pod, program, path, *_place(pod, path, mount, volume, mounts), flag=flag))
    return found.readings(agents.why_none("no log agent here reads files of its node"))


def _paths(
    one: SystemPod, container: Container, states: Readings[AgentState], configurations: Readings[AgentConfiguration]
) -> tuple[list[str], str]:
    """Where an agent keeps its positions, as it says itself, or as what configures it does; where neither tells, why."""
    place = one.pod.metadata.namespace, one.pod.metadata.name
    state = states.by_name().get(place)
    if state and state.positions:
        return [state.positions], ""
    if one.key == "promtail" and not names_positions(one.key, container):
        why = states.missing_reason(place[0]) if state is None else "its page /config does not say"
        return [], why or "it was not asked"
    return configured_paths(one, configurations)


def _positions(pod: Pod, program: str, path: str, place: str, kept: bool, *, flag: str) -> Positions:
    return Positions(
        program=program,
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        owner=owner_of(pod),
        node=pod.spec.node_name,
        created=pod.metadata.creation_timestamp or "",
        path=path,
        place=place,
        kept=kept,
        flag=flag,
    )


def _mounted(pod: Pod, container: Container, path: str) -> tuple[VolumeMount | None, Volume | None]:
    """The deepest mount above a path, and its volume."""
    mounts = [one for one in container.volume_mounts or [] if f"{path}/".startswith(f"{one.mount_path.rstrip('/')}/")]
    mount = max(mounts, key=lambda one: len(one.mount_path.rstrip("/")), default=None)
    volume = next((one for one in pod.spec.volumes or [] if mount and one.name == mount.name), None)
    return mount, volume


def _why_unknown(path: str, mount: VolumeMount | None) -> str:
    """Variables are filled in by the kubelet or the agent, from what we do not read; so is the folder that it starts in."""
    if "$" in path:
        return "it depends on the pod's environment, and its /config could not be read"
    if not path.startswith("/"):
        return "it is not an absolute path, so it depends on the folder that the agent starts in"
    return "the mount's subPathExpr depends on the pod's environment" if mount and "$" in mount.sub_path_expr else ""


def _place(pod: Pod, path: str, mount: VolumeMount | None, volume: Volume | None, mounts: Mounts) -> tuple[str, bool]:
    own = f"pod {pod.metadata.namespace}/{pod.metadata.name}"
    if mount is None or volume is None:
        return f"{own}: {path} in the container's own file system", LOST
    inside = posixpath.join(mount.sub_path or mount.sub_path_expr, posixpath.relpath(path, mount.mount_path or "/"))
    export = mounts.of_volume(pod.metadata.namespace, volume)
    if export:
        return f"NFS {export.server}:{posixpath.normpath(posixpath.join(export.path, inside))}", KEPT
    if volume.host_path:
        return f"node {pod.spec.node_name}: {posixpath.normpath(posixpath.join(volume.host_path.path, inside))}", KEPT
    if volume.persistent_volume_claim:
        claim = volume.persistent_volume_claim.claim_name
        return f"PersistentVolumeClaim {pod.metadata.namespace}/{claim}: {posixpath.normpath(inside)}", KEPT
    return f"{own}: {path} in the volume {volume.name}", volume.empty_dir is None
