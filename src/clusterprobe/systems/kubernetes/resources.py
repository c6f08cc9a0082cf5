"""The resources of Kubernetes itself that are read."""

from __future__ import annotations

from clusterprobe.access.cluster import Resource
from clusterprobe.sources import Call

NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("v1", "nodes", "Node", namespaced=False)
PODS = Resource("v1", "pods", "Pod")
SERVICES = Resource("v1", "services", "Service")
REPLICA_SETS = Resource("v1", "replicasets", "ReplicaSet", "apps")
CLAIMS = Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False)
CLASSES = Resource("v1", "storageclasses", "StorageClass", "storage.k8s.io", namespaced=False)
DEPLOYMENTS = Resource("v1", "deployments", "Deployment", "apps")
STATEFUL_SETS = Resource("v1", "statefulsets", "StatefulSet", "apps")
DAEMON_SETS = Resource("v1", "daemonsets", "DaemonSet", "apps")
JOBS = Resource("v1", "jobs", "Job", "batch")
CRON_JOBS = Resource("v1", "cronjobs", "CronJob", "batch")
CSI_DRIVERS = Resource("v1", "csidrivers", "CSIDriver", "storage.k8s.io", namespaced=False)


def lists(resource: Resource) -> Call:
    """The call that lists a resource."""
    return Call("list", resource.plural, resource.group)
