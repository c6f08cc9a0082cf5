"""A cluster on the small API server, and the canaries that fly in it."""

from __future__ import annotations

from typing import Any

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.pods.termination.timed_pods import termination_canaries
from tests.apiserver import ApiServer
from tests.factories import labelled, listing, make

PLACE = "/api/v1/namespaces/clusterprobe-active"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/clusterprobe-active/leases/clusterprobe-active"
OURS = {"app.kubernetes.io/managed-by": "clusterprobe", "app.kubernetes.io/instance": "run-dead"}


def cluster_at(server: ApiServer, seconds: float = 90) -> Cluster:
    connection = Connection(Origin(server.url), "lab", "tester", "default", "proxy")
    return Cluster(connection, Deadline.after(seconds))


def node(name: str, **spec: Any) -> Node:
    return make(Node, metadata={"name": name}, spec=spec, status={"conditions": [{"type": "Ready", "status": "True"}]})


def user_pod(node_name: str) -> Pod:
    volumes = [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}]
    spec = {"nodeName": node_name, "containers": [{"name": "api"}], "volumes": volumes}
    return labelled(Pod, "fastapi-dev", f"api-{node_name}", spec=spec, status={"phase": "Running"})


CLAIM = labelled(PersistentVolumeClaim, "fastapi-dev", "logs", spec={"volumeName": "pv-logs"})
VOLUME = make(
    PersistentVolume, metadata={"name": "pv-logs"}, spec={"nfs": {"server": "nas", "path": "/logs"}, "mountOptions": ["rw", "hard"]}
)


def fly(cluster: Cluster, *nodes: Node, profile: Profile | None = None, **changes: Any) -> Readings[Any]:
    inputs: dict[str, Any] = {
        "nodes": listing("Node", nodes),
        "pods": listing("Pod", [user_pod(one.metadata.name) for one in nodes]),
        "claims": listing("PersistentVolumeClaim", [CLAIM]),
        "volumes": listing("PersistentVolume", [VOLUME]),
    }
    return termination_canaries(cluster, profile or Profile(), **(inputs | changes))


def created(server: ApiServer, kind: str) -> list[dict[str, Any]]:
    return [one for _, event, path, one in server.state.events if event == "ADDED" and path.rpartition("/")[0].endswith(f"/{kind}")]
