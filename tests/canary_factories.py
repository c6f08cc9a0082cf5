"""A served model with a canary beside it."""

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.serving.sources import Canary, model_canaries, model_replicas
from tests.factories import labelled, listing, recognised, server

NAMESPACE = "fastapi-dev"
STABLE, CANARY = "fastapi-7bccd9755b", "fastapi-canary-5f7f4469c8"
CREATED = "2027-01-15T07:00:00Z"
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
QUICK, SLOW = {"0.1": 95.0, "0.25": 99.0, "0.5": 100.0, "+Inf": 100.0}, {"0.1": 0.0, "0.25": 10.0, "0.5": 95.0, "+Inf": 100.0}
PROMETHEUS, LOKI = server("prometheus", "monitoring-dev", "main")[0], server("loki", "logging", "loki")[0]


def pod(replica_set: str, name: str, track: str = "", *, ready: bool = True, created: str = CREATED, **labels: str) -> Pod:
    owner = {"kind": "ReplicaSet", "name": replica_set, "uid": "1", "controller": True}
    own = {"app.kubernetes.io/name": "fastapi", "pod-template-hash": replica_set.rpartition("-")[2], **labels}
    return labelled(
        Pod,
        NAMESPACE,
        f"{replica_set}-{name}",
        own | ({"track": track} if track else {}),
        metadata={"ownerReferences": [owner], "creationTimestamp": created},
        spec={"containers": [{"name": "fastapi"}]},
        status={"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": str(ready)}]},
    )


PODS = [pod(STABLE, "aaaaa", "stable"), pod(STABLE, "bbbbb", "stable"), pod(CANARY, "ccccc", "canary")]


def canaries(*pods: Pod, profile: Profile | None = None) -> Readings[Canary]:
    listed, wanted = listing("Pod", pods or PODS), profile or Profile()
    return model_canaries(model_replicas(listed, recognised(listed, wanted), wanted))
