"""Every Grafana that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import GRAFANA
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import of_pods


@source()
def grafana_servers(system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every Grafana: its pods, or what the profile's address leads to, which is the only way to send credentials."""
    return of_pods(GRAFANA, system_pods, profile)
