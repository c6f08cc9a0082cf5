"""How Loki's configuration is changed until its source is deployed: in the ConfigMap that its pod has it from."""

from __future__ import annotations

from collections.abc import Iterable

from clusterprobe.fixes import change, shell
from clusterprobe.model import Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.objects import Container, Pod
from clusterprobe.systems.kubernetes.workloads import workload_of

_RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")


def in_its_configuration(pods: Readings[SystemPod], replicas: Iterable[Subject]) -> list[Step]:
    """Edit it, and restart what reads it; nothing where it is no ConfigMap that is certainly the one."""
    known = pods.by_name()
    found = {
        (name, workload_of(one.pod))
        for each in replicas
        if (one := known.get((each.namespace, each.name))) and one.main and (name := _map_of(one.pod, one.main))
    }
    names, workloads = {name for name, _ in found}, sorted({workload for _, workload in found}, key=str)
    if len(names) != 1 or not all(one.kind in _RESTARTED for one in workloads):
        return []
    restarts = [shell("kubectl -n {} rollout restart {}/{}", one.namespace, one.kind.lower(), one.name) for one in workloads]
    own = Subject(kind="ConfigMap", namespace=workloads[0].namespace, name=names.pop())
    return [edited("configmap", own), change("It reads that only as it starts: restart it.", *restarts)]


def _map_of(pod: Pod, main: Container) -> str:
    """The ConfigMap in which the file lies that the flag -config.file names; empty where that is not seen."""
    words = [*(main.command or []), *(main.args or [])]
    file = next((value for one in words for flag, _, value in [one.lstrip("-").partition("=")] if flag == "config.file" and value), "")
    maps = {one.name: one.config_map.name for one in pod.spec.volumes or [] if one.config_map}
    mounts = [one for one in main.volume_mounts or [] if file == one.mount_path or file.startswith(one.mount_path.rstrip("/") + "/")]
    nearest = max(mounts, key=lambda one: len(one.mount_path), default=None)
    return maps.get(nearest.name, "") if nearest and "," not in file else ""
