"""Where log agents send to and keep their positions, as the ConfigMaps that they mount say.

Of a configuration only that is kept: no password, no header, no text. What a Secret or an operator's object holds is not read.
"""

from __future__ import annotations

import msgspec

from clusterprobe.access import urls
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.errors import Unreadable
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace, Object, Pod
from clusterprobe.systems.kubernetes.resources import lists
from clusterprobe.systems.log_agents.agents import judged_agents
from clusterprobe.systems.log_agents.configuration_files import READERS, Configured

CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
MAX_MAPS = 12
MAX_CHARACTERS = 128 * 1024


class _ConfigMap(Object):
    metadata: Metadata
    data: dict[str, str] | None = None


class AgentConfiguration(msgspec.Struct, frozen=True):
    """What the files of one ConfigMap make an agent do; `odd` says why a file of it could not be understood."""

    program: str
    configured: Configured
    odd: str = ""


@source(lists(CONFIG_MAPS))
def agent_configurations(
    cluster: Cluster, system_pods: Readings[SystemPod], namespaces: Readings[Namespace], profile: Profile
) -> Readings[AgentConfiguration]:
    """The ConfigMaps that log agents mount, each asked for by its name."""
    wanted = {
        (one.pod.metadata.namespace, name): one.key
        for one in judged_agents(system_pods, profile).items
        if one.key in READERS
        for name in maps_of(one.pod)
    }
    found: Collector[AgentConfiguration] = Collector()
    for number, name in enumerate(sorted({name for _, name in wanted})):
        places = {place for place, each in wanted if each == name}
        if number >= MAX_MAPS:
            for place in sorted(places):
                found.fail(CONFIG_MAPS.subject(place, name), f"only {MAX_MAPS} ConfigMaps of log agents are read")
            continue
        _read(cluster, name, places, wanted, namespaces, found)
    return found.readings("no log agent mounts a ConfigMap that is known to configure it")


def _read(
    cluster: Cluster,
    name: str,
    places: set[str],
    wanted: dict[tuple[str, str], str],
    namespaces: Readings[Namespace],
    found: Collector[AgentConfiguration],
) -> None:
    try:
        chosen = Resource("v1", "configmaps", "ConfigMap", field_selector=f"metadata.name={urls.name(name)}")
        there = namespaces.keep(lambda subject, _: subject.name in places)
        listed = cluster.list(chosen, _ConfigMap, there)
    except Unreadable as error:
        for place in sorted(places):
            found.fail(CONFIG_MAPS.subject(place, name), str(error))
        return
    found.unreadable.extend(one for one in listed.unreadable if not one.subject.namespace or one.subject.namespace in places)
    for subject, one in listed:
        program = wanted.get((subject.namespace, subject.name), "")
        if program:
            found.add(subject, read_files(program, one.data or {}))


def maps_of(pod: Pod) -> list[str]:
    """The ConfigMaps that a pod mounts."""
    volumes = pod.spec.volumes or []
    plain = [one.config_map.name for one in volumes if one.config_map and one.config_map.name]
    inside = [each.config_map.name for one in volumes if one.projected for each in one.projected.sources or [] if each.config_map]
    return sorted({*plain, *(name for name in inside if name)} - {"kube-root-ca.crt"})


def read_files(program: str, data: dict[str, str]) -> AgentConfiguration:
    """What the files of a ConfigMap configure; one that is too large, or not in the program's format, is odd."""
    found, odd = Configured(), ""
    for name, text in sorted(data.items()):
        if len(text) > MAX_CHARACTERS:
            odd = f"its file {name} has more than {MAX_CHARACTERS // 1024} kB"
            continue
        try:
            found = found.plus(READERS[program](name, text))
        except (ValueError, TypeError, AttributeError, RecursionError):
            odd = f"its file {name} is not a configuration that is understood here"
    return AgentConfiguration(program, found, odd)
