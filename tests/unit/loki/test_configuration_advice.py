"""Loki's configuration is edited where its pod certainly has it from, and nowhere else."""

from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.known_systems import LOKI
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, recognise
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.loki.configuration_advice import in_its_configuration
from tests.factories import labelled

CONFIG = [{"name": "config", "configMap": {"name": "loki"}}, {"name": "rules", "configMap": {"name": "loki-rules"}}]
MOUNTS = [{"name": "config", "mountPath": "/etc/loki/config"}, {"name": "rules", "mountPath": "/etc/loki/rules"}]
FLAG = "-config.file=/etc/loki/config/config.yaml"


def loki(name: str = "loki-0", args: str = FLAG, volumes: Any = CONFIG, owner: str = "StatefulSet") -> tuple[Any, SystemPod]:
    container = {"name": "loki", "image": "docker.io/grafana/loki:3.5.0", "args": [args], "volumeMounts": MOUNTS}
    owners = [{"kind": owner, "name": "loki", "uid": "u", "controller": True}] if owner else []
    pod = labelled(Pod, "logging", name, metadata={"ownerReferences": owners}, spec={"containers": [container], "volumes": volumes})
    found = recognise(pod, Profile())
    assert found is not None
    assert found.system is LOKI
    return PODS.subject("logging", name), found


def printed(*pods: tuple[Any, SystemPod]) -> list[str]:
    steps = in_its_configuration(Readings(pods), [subject for subject, _ in pods])
    return [line(one) for step in steps for one in step.commands]


def test_the_configmap_of_its_file_is_edited_and_it_is_restarted() -> None:
    expected = ["kubectl -n logging edit configmap loki", "kubectl -n logging rollout restart statefulset/loki"]
    assert printed(loki()) == expected
    assert printed(loki(), loki("loki-1")) == expected


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [loki(args="-target=all")],
        [loki(args="-config.file=/etc/other/config.yaml")],
        [loki(args="-config.file=/etc/loki/config/a.yaml,/etc/loki/config/b.yaml")],
        [loki(volumes=[{"name": "config", "secret": {"secretName": "loki"}}])],
        [loki(), loki("loki-1", volumes=[{"name": "config", "configMap": {"name": "another"}}])],
        [loki(owner="")],
    ],
)
def test_nothing_is_edited_where_it_is_not_certain(pods: list[tuple[Any, SystemPod]]) -> None:
    assert printed(*pods) == []
