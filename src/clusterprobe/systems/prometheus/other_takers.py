"""Programs beside the objects of the Operators that can take monitors and rules themselves, by a selection of their own.

Alloy and the Grafana Agent do so by components of their configuration, an OpenTelemetry collector by its target allocator. Whether one does
stands in its configuration, which is not read here. As a DaemonSet they collect logs, as a rule.
"""

from __future__ import annotations

from clusterprobe.known_systems import ALLOY, BY_KEY, GRAFANA_AGENT, OTEL_COLLECTOR
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.objects import RULES
from clusterprobe.systems.prometheus.selection import Selected


def other_takers(system_pods: Readings[SystemPod], kind: Selected) -> tuple[Subject, ...]:
    """The workloads that may take objects of a kind of the Prometheus Operator."""
    if not kind.stem:
        return ()
    systems = (ALLOY, GRAFANA_AGENT) if kind.resource is RULES else (ALLOY, GRAFANA_AGENT, OTEL_COLLECTOR, BY_KEY["target-allocator"])
    found = {workload_of(one.pod) for one in system_pods.items if one.system in systems}
    return tuple(sorted((one for one in found if one.kind != "DaemonSet"), key=str))
