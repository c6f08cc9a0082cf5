"""Every Prometheus that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import PROMETHEUS
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.servers import of_custom
from clusterprobe.systems.prometheus.objects import Prometheus


@source()
def prometheus_servers(prometheuses: Readings[Prometheus], pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every replica of every Prometheus, with or without the Operator."""
    return of_custom(PROMETHEUS, prometheuses, pods, profile)
