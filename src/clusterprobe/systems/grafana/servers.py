"""Every Grafana that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import GRAFANA
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.servers import INSTANCE, NAME, add_explicit, add_pods


@source()
def grafana_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Grafana: its pods, or what the profile's address leads to, which is the only way to send credentials."""
    found: Collector[Server] = Collector(unreadable=list(pods.unreadable))
    explicit = add_explicit(GRAFANA, profile, found)
    for pod in pods.items:
        name = pod.label(INSTANCE) or "grafana"
        if pod.label(NAME) == "grafana" and not {(pod.metadata.namespace, ""), (pod.metadata.namespace, name)} & explicit:
            add_pods([pod], GRAFANA, name, found)
    return found.readings(f"there is no Grafana: no pod is labelled {NAME}=grafana, and the profile names none")
