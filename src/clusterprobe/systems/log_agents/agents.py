"""Which pods are log agents."""

from __future__ import annotations

from clusterprobe.known_systems import ALLOY, GRAFANA_AGENT, LOG_AGENTS, PROMTAIL
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.objects import Pod, Volume

AGENTS = LOG_AGENTS
FROM_AFAR = (PROMTAIL, ALLOY, GRAFANA_AGENT)
"""Those that can read the logs of all nodes from the API server. The others read files, or are sent to by agents that do."""

_ABOVE_LOGS = ("/", "/var")
_LOG_FOLDERS = ("/var/log", "/var/log/pods", "/var/log/containers", "/var/lib/docker/containers")


def judged_agents(pods: Readings[SystemPod], profile: Profile) -> Readings[SystemPod]:
    """The pods of log agents, but for those that the profile accepts unjudged."""
    agents = of_system(pods, *AGENTS)
    kept = tuple((subject, one) for subject, one in agents if profile.accepts(one.key, subject.namespace) is None)
    absent = agents.absent if len(kept) == len(agents.values) else "the profile accepts that the log agents here are not judged"
    return Readings(kept, agents.unreadable, absent)


def is_agent(one: SystemPod) -> bool:
    """Whether a pod is one of an agent of which we know the metrics."""
    return one.system in AGENTS and stays(one.pod)


def mounts_logs(volumes: list[Volume] | None) -> bool:
    """Whether a pod with these volumes sees the log files of its node."""
    return _mounts(volumes, (*_ABOVE_LOGS, *_LOG_FOLDERS))


def mounts_just_logs(volumes: list[Volume] | None) -> bool:
    """Whether it asks for those files, and not for all of the node."""
    return _mounts(volumes, _LOG_FOLDERS) and not _mounts(volumes, _ABOVE_LOGS)


def _mounts(volumes: list[Volume] | None, folders: tuple[str, ...]) -> bool:
    return any(one.host_path and (one.host_path.path.rstrip("/") or "/") in folders for one in volumes or [])


def reads_files(one: SystemPod) -> bool:
    """Whether it may keep positions of files; one that only takes what others send it sees none of its node's."""
    return one.system in FROM_AFAR or any(each.host_path for each in one.pod.spec.volumes or [])


def accept(one: SystemPod) -> str:
    """How to accept that what an agent keeps to itself is not known."""
    return f"accept in the profile that nothing judges it: `not_judged: [{one.key}]`"


def stays(pod: Pod) -> bool:
    """Whether a pod is neither done nor being deleted."""
    return not pod.metadata.deletion_timestamp and pod.status.phase not in ("Succeeded", "Failed")
