"""Every Airflow API server that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import AIRFLOW
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.inventory.servers import of_pods

AIRFLOW_SERVERS = ("api-server", "webserver", "standalone", "web", "")


@source()
def airflow_servers(system_pods: Readings[SystemPod], profile: Profile) -> Readings[Server]:
    """Every Airflow API server (or webserver, before Airflow 3)."""
    return of_pods(AIRFLOW, system_pods, profile, lambda one: one.part in AIRFLOW_SERVERS)
