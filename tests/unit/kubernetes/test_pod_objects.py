"""What is kept of a pod: the containers of a workload's pods are alike, though each pod's token has a name of its own."""

from typing import Any

from clusterprobe.redaction import cleaned
from clusterprobe.systems.kubernetes.objects import Pod
from tests.factories import labelled

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod(index: int, volume: dict[str, Any], mount: dict[str, Any]) -> Pod:
    container = {"name": "main", "image": "web:1", "volumeMounts": [{"name": f"kube-api-access-{index:05}", **mount}]}
    volumes = [{"name": f"kube-api-access-{index:05}", **volume}]
    return labelled(Pod, "app", f"web-{index}", spec={"containers": [container], "volumes": volumes})


def token(index: int) -> Pod:
    sources = {"projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}
    return pod(index, sources, {"mountPath": TOKEN_PATH, "readOnly": True})


def test_containers_that_differ_in_their_token_only_are_kept_once() -> None:
    one, other = cleaned(token(1)), cleaned(token(2))
    assert one.spec.containers[0] is other.spec.containers[0]


def test_the_token_is_still_mounted() -> None:
    spec = token(1).spec
    assert [mount.name for mount in spec.containers[0].volume_mounts or []] == [volume.name for volume in spec.volumes or []]


def test_a_volume_of_ones_own_keeps_its_name() -> None:
    spec = pod(1, {"persistentVolumeClaim": {"claimName": "data"}}, {"mountPath": "/data"}).spec
    assert [volume.name for volume in spec.volumes or []] == ["kube-api-access-00001"]
    assert [mount.name for mount in spec.containers[0].volume_mounts or []] == ["kube-api-access-00001"]
