"""Every Airflow API server that can be asked."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.known_systems import AIRFLOW
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import source
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.servers import NAME, component_of, of_pods

AIRFLOW_SERVERS = ("api-server", "webserver", "standalone", "web", "")


def is_airflow(pod: Pod) -> bool:
    """Airflow's own chart labels its pods `tier: airflow`, the caches and databases beside them otherwise."""
    return pod.label("tier") == "airflow" or pod.label(NAME) == "airflow"


@source()
def airflow_servers(pods: Readings[Pod], profile: Profile) -> Readings[Server]:
    """Every Airflow API server (or webserver, before Airflow 3)."""
    ours = [pod for pod in pods.items if is_airflow(pod) and component_of(pod) in AIRFLOW_SERVERS]
    return of_pods(AIRFLOW, ours, pods, profile)
