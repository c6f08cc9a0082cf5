"""Where systems keep their data."""

from __future__ import annotations

from clusterprobe.systems.kubernetes.objects import Pod, Volume
from clusterprobe.systems.prometheus.objects import database_path
from clusterprobe.systems.storage.natures import mounted_at

# Where systems keep their data unless told otherwise.
_DATA_PATHS = {"alertmanager": "/alertmanager", "grafana": "/var/lib/grafana", "loki": "/var/loki"}


def data_volume(pod: Pod, system: str) -> Volume | None:
    """The volume that a system's data are on, where its place is known; `system` is its key."""
    path = database_path(pod) if system == "prometheus" else _DATA_PATHS.get(system)
    return mounted_at(pod, path) if path else None
