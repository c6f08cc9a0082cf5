"""OpenShift's own monitoring: its Operator makes the Prometheus objects of a ConfigMap, and undoes what is changed on them."""

from __future__ import annotations

from clusterprobe.systems.kubernetes.managers import MANAGED_BY, OPENSHIFT
from clusterprobe.systems.kubernetes.objects import Metadata

USER_WORKLOADS = "openshift-user-workload-monitoring"


def of_openshift(metadata: Metadata) -> bool:
    """Whether OpenShift's Cluster Monitoring Operator makes the object."""
    return metadata.labels.get(MANAGED_BY) == OPENSHIFT


def for_openshift_only(metadata: Metadata, namespace: str) -> bool:
    """Whether such a Prometheus is OpenShift's own, and a namespace one of its users, whom another one is for."""
    return of_openshift(metadata) and metadata.namespace != USER_WORKLOADS and not namespace.startswith("openshift-")


def openshift_setting(metadata: Metadata) -> tuple[str, str, str]:
    """The namespace and name of the ConfigMap that configures such a Prometheus, and its section of the key config.yaml."""
    if metadata.namespace == USER_WORKLOADS:
        return USER_WORKLOADS, "user-workload-monitoring-config", "prometheus"
    return metadata.namespace, "cluster-monitoring-config", "prometheusK8s"
