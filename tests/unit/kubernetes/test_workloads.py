import pytest

from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.workloads import revision_of, workload_of
from tests.factories import labelled


@pytest.mark.parametrize(
    ("label", "kind", "api_version"),
    [("pod-template-hash", "Deployment", "apps/v1"), ("rollouts-pod-template-hash", "Rollout", "argoproj.io/v1alpha1")],
)
def test_what_makes_a_replica_set_is_told_by_the_label_of_its_pods(label: str, kind: str, api_version: str) -> None:
    owner = {"kind": "ReplicaSet", "name": "web-7f9", "uid": "1", "controller": True}
    pod = labelled(Pod, "shop", "web-7f9-x", {label: "7f9"}, metadata={"ownerReferences": [owner]}, spec={"containers": []})
    found = workload_of(pod)
    assert (found.kind, found.api_version, found.name, revision_of(pod)) == (kind, api_version, "web", "7f9")


def test_a_replica_set_that_neither_made_is_itself_the_workload() -> None:
    owner = {"kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}
    pod = labelled(Pod, "shop", "web-x", metadata={"ownerReferences": [owner]}, spec={"containers": []})
    assert (workload_of(pod).kind, workload_of(pod).name) == ("ReplicaSet", "web")
