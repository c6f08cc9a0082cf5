"""Every Prometheus that can be asked, and all that does a part of its work."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import PROMETHEUS, PROMETHEUS_AGENT, VICTORIAMETRICS
from clusterprobe.model import Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.inventory.servers import absent_of, add_pods, explained, or_stand_ins
from clusterprobe.systems.prometheus.dialects import AGENT_DIALECT, DIALECTS, UNKNOWN_PART, Ability, Dialect, able
from clusterprobe.systems.prometheus.objects import Prometheus, key_of, stack_of


@source()
def metric_servers(prometheuses: Readings[Prometheus], system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every replica of every Prometheus and of what does a part of its work, by its dialect: agents, and the parts of VictoriaMetrics."""
    found = explained(PROMETHEUS, prometheuses, system_pods, profile)
    accepted: dict[str, None] = {}
    for one in of_system(system_pods, PROMETHEUS_AGENT, VICTORIAMETRICS).items:
        dialect, namespace = _dialect(one), one.pod.metadata.namespace
        if profile.accepts(one.key, namespace):
            accepted[f"{one.system.name} {namespace}/{one.name} runs here, and the profile accepts that it is not judged"] = None
        else:
            add_pods([one], one.name, found, None, dialect.kind, dialect.key)
    absent = "; ".join([absent_of(PROMETHEUS, prometheuses, system_pods, profile), *accepted])
    return or_stand_ins(PROMETHEUS, found, absent, system_pods, profile)


@source()
def prometheus_servers(metric_servers: Readings[Server]) -> Readings[Server]:
    """Every replica of every Prometheus, with or without the Operator, and of what answers its queries as one does."""
    return able(metric_servers, Ability.QUERIES)


@source()
def scraping_servers(metric_servers: Readings[Server], prometheus_agents: Readings[Prometheus], profile: Profile) -> Readings[Server]:
    """Every replica of what scrapes; of an object without pods, that there is nothing to ask."""
    found = able(metric_servers, Ability.TARGETS)
    there = {key_of(stack_of(one)) for one in (*(subject for subject, _ in found), *(each.subject for each in found.unreadable))}
    blind = list(prometheus_agents.unreadable)
    for subject, one in prometheus_agents:
        system = VICTORIAMETRICS if one.of_victoriametrics else PROMETHEUS_AGENT
        idle = one.spec.selects == {}  # a VMSingle that scrapes nothing
        if not idle and key_of(subject) not in there and not profile.accepts(system.key, subject.namespace):
            blind.append(Unchecked(subject=subject, reason="it has no pod that could be asked"))
    return Readings(found.values, tuple(dict.fromkeys([*found.unreadable, *blind])), found.absent)


@source()
def alerting_servers(metric_servers: Readings[Server]) -> Readings[Server]:
    """Every replica of what evaluates rules and sends alerts."""
    return able(metric_servers, Ability.ALERTS)


def _dialect(one: SystemPod) -> Dialect:
    if one.system is PROMETHEUS_AGENT:
        return AGENT_DIALECT
    scrapes = one.part == "vmsingle" and one.main is not None and one.main.flag("promscrape.config")
    return DIALECTS.get("vmsingle that scrapes" if scrapes else one.part, UNKNOWN_PART) if one.part else UNKNOWN_PART
