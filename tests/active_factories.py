"""A cluster on the small API server, what is asked of it, a place of our own in it, and the canaries that fly there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from clusterprobe.access.active import CLAIMS, NOBODY, PODS, VOLUMES, Workspace
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


USER_CLAIM = labelled(PersistentVolumeClaim, "fastapi-dev", "logs", spec={"volumeName": "pv-logs"})
USER_VOLUME = make(
    PersistentVolume, metadata={"name": "pv-logs"}, spec={"nfs": {"server": "nas", "path": "/logs"}, "mountOptions": ["rw", "hard"]}
)


def fly(cluster: Cluster, *nodes: Node, profile: Profile | None = None, **changes: Any) -> Readings[Any]:
    inputs: dict[str, Any] = {
        "nodes": listing("Node", nodes),
        "pods": listing("Pod", [user_pod(one.metadata.name) for one in nodes]),
        "claims": listing("PersistentVolumeClaim", [USER_CLAIM]),
        "volumes": listing("PersistentVolume", [USER_VOLUME]),
    }
    return termination_canaries(cluster, profile or Profile(), **(inputs | changes))


def created(server: ApiServer, kind: str) -> list[dict[str, Any]]:
    return [one for _, event, path, one in server.state.events if event == "ADDED" and path.rpartition("/")[0].endswith(f"/{kind}")]


class Clock:
    """What a module's `time` is in a test: it goes on only where somebody sleeps, so that no machine is too slow for a deadline.

    What would go on for ever fails.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self._asked = 0

    def monotonic(self) -> float:
        self._asked += 1
        assert self._asked < 5000, "this has no end"
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1100, "this has no end"
        time.sleep(0.005)  # for the threads of the server


# --- a place of our own ------------------------------------------------------------------------------------------------

HERE = "clusterprobe-active"
POD = f"{PLACE}/pods/a"
CLAIM = f"{PLACE}/persistentvolumeclaims/a"
VOLUME = "/api/v1/persistentvolumes/a"

Asked = list[tuple[str, str, dict[str, Any]]]
Denied = Callable[[str, str, dict[str, Any]], bool]


def listening(server: ApiServer, denied: Denied = lambda *_: False, status: int = 403) -> Asked:
    heard: Asked = []

    def refuse(method: str, path: str, body: dict[str, Any]) -> tuple[int, str] | None:
        heard.append((method, path, body))
        return (status, "denied, as the test wants") if denied(method, path, body) else None

    server.state.refuse = refuse
    return heard


def workspace(server: ApiServer, *, cleanup: float = 20.0, cluster: Cluster | None = None) -> Workspace:
    return Workspace(cluster or cluster_at(server, 60), HERE, cleanup)


def trial(body: dict[str, Any]) -> bool:
    """Whether a deletion only asks whether it would be allowed."""
    return bool(body.get("preconditions", {}).get("uid") == NOBODY)


def deleted(asked: Asked) -> list[str]:
    return [path for method, path, body in asked if method == "DELETE" and not trial(body)]


def tried(asked: Asked) -> list[str]:
    return [path for method, path, body in asked if method == "DELETE" and trial(body)]


def made(asked: Asked) -> list[str]:
    return [path.rpartition("/")[2] for method, path, _ in asked if method == "POST"]


def on(server: ApiServer, method: str, path: str, action: Callable[[], object], times: int = 1) -> None:
    """Do something when a request was heard so many times, before it is obeyed."""
    heard = 0

    def before(number: int) -> None:
        nonlocal heard
        heard += server.state.requests[number - 1] == (method, path)
        if heard == times and server.state.requests[number - 1] == (method, path):
            action()

    server.state.before = before


def fill(place: Workspace) -> None:
    """A volume, a claim that uses it, and a pod that uses that; all three bear one name."""
    place.create(VOLUMES, "a", {"spec": {}})
    place.create(CLAIMS, "a", {"spec": {"volumeName": "a"}})
    place.create(PODS, "a", {"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "a"}}]}})
