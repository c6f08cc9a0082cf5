"""Every Alertmanager that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import ALERTMANAGER
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import of_custom


@source()
def alertmanager_servers(alertmanagers: Readings[Alertmanager], system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every replica of every Alertmanager, with or without the Operator."""
    return of_custom(ALERTMANAGER, alertmanagers, system_pods, profile)
