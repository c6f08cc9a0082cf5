"""What manages an object of the Prometheus Operator: where a change of it has to be made to stay."""

from __future__ import annotations

from clusterprobe.systems.kubernetes.objects import Metadata

MANAGED_BY = "app.kubernetes.io/managed-by"
OPENSHIFT = "cluster-monitoring-operator"
_USER_WORKLOADS = "openshift-user-workload-monitoring"


def of_openshift(metadata: Metadata) -> bool:
    """Whether OpenShift's Cluster Monitoring Operator makes the object, and undoes every change of it."""
    return metadata.labels.get(MANAGED_BY) == OPENSHIFT


def openshift_setting(metadata: Metadata) -> tuple[str, str, str]:
    """The namespace and name of the ConfigMap that configures such a Prometheus, and its section of the key config.yaml."""
    if metadata.namespace == _USER_WORKLOADS:
        return _USER_WORKLOADS, "user-workload-monitoring-config", "prometheus"
    return metadata.namespace, "cluster-monitoring-config", "prometheusK8s"


def of_chart(metadata: Metadata) -> bool:
    """Whether a Helm chart made the object, so that it has values; older charts wrote the label `release` only."""
    return metadata.labels.get(MANAGED_BY, "Helm" if "release" in metadata.labels else "") == "Helm"
