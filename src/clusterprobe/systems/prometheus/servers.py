"""Every Prometheus that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import PROMETHEUS
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import of_custom
from clusterprobe.systems.prometheus.objects import Prometheus


@source()
def prometheus_servers(prometheuses: Readings[Prometheus], system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every replica of every Prometheus, with or without the Operator."""
    return of_custom(PROMETHEUS, prometheuses, system_pods, profile)
