"""Whatever pods, volumes, classes and nodes are called: what is printed stays our command, with that name as one argument."""

import shlex
import subprocess
from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Command, Finding
from clusterprobe.profile import Profile
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from probes.pods.probe_crash_loop import probe_crash_loop
from probes.pods.probe_termination import probe_termination
from probes.promtail.probe_coverage import probe_coverage
from probes.promtail.probe_grace_period import probe_grace_period
from probes.promtail.probe_positions import probe_positions
from probes.storage.probe_archive_on_delete import probe_archive_on_delete
from probes.storage.probe_claims import probe_claims
from probes.storage.probe_classes import probe_classes
from probes.storage.probe_placement import probe_placement
from probes.storage.probe_volume_permissions import probe_volume_permissions
from tests.factories import judged, listing, make
from tests.unit.log_agents import test_coverage, test_grace_period, test_positions
from tests.unit.pods import test_crash_loop, test_jobs, test_not_created, test_not_started, test_termination
from tests.unit.storage import test_archive_on_delete, test_claims, test_classes, test_placement, test_volume_permissions

HOSTILE = [
    "$(touch /tmp/x)",
    "`id`",
    "a'b",
    'a"b',
    "a;rm -rf ~",
    "a\n$ rm -rf /",
    "a\u2028$ rm",
    "--all",
    "-x",
    "a b",
    "a|b",
    "a&b",
    "a>b",
    "*",
    "~root",
    "a\x1b[2Jb",
    "a\u202eb",
]


def crash(name: str) -> Finding:
    message = f'secret "{name}" not found'
    return test_crash_loop.fix_while_waiting("CreateContainerConfigError", message)


def crash_of_image(name: str) -> Finding:
    return test_crash_loop.fix_while_waiting("ErrImagePull", f"denied {name}", imagePullSecrets=[{"name": name}])


def crash_of_pod(name: str) -> Finding:
    case = test_crash_loop.case_named("a new revision that waits while the old one serves")
    world = test_crash_loop.world(case)
    world["pods"] = listing("Pod", [renamed(one, name) for one in world["pods"].items])
    return judged(probe_crash_loop, **world).findings[0]


def renamed(one: Any, name: str) -> Any:
    """The same object in a namespace and with owners that are called so."""
    owners = [msgspec.structs.replace(each, name=f"{name}-{each.uid}") for each in one.metadata.owner_references]
    return msgspec.structs.replace(one, metadata=msgspec.structs.replace(one.metadata, namespace=name, name=name, owners_=owners))


def stuck(name: str) -> Finding:
    volume = make(PersistentVolume, metadata={"name": "pv"}, spec={"csi": {"driver": name}})
    one = test_termination.pod(name, test_termination.ENDED, node=name)
    nodes = listing("Node", [test_termination.node(name)])
    return judged(probe_termination, **test_termination.cluster(one, nodes=nodes, volumes=listing("PersistentVolume", [volume]))).findings[
        0
    ]


def held(name: str) -> Finding:
    one = test_termination.pod(name, test_termination.ENDED, finalizers=[name])
    return judged(probe_termination, **test_termination.cluster(one)).findings[0]


def running(name: str) -> Finding:
    one = test_termination.pod(name)
    status = [msgspec.structs.replace(each, name=name) for each in one.status.container_statuses or []]
    one = msgspec.structs.replace(one, status=msgspec.structs.replace(one.status, container_statuses=status))
    return judged(probe_termination, **test_termination.cluster(one)).findings[0]


def without_agent(name: str) -> Finding:
    labels = {"kubernetes.io/hostname": name}
    other: Node = test_coverage.node(name, labels=labels, taints=({"key": name, "effect": "NoSchedule"},))
    sets = (test_coverage.daemon_set(nodeSelector={"tier": name}),)
    pods = (test_coverage.agent("worker1"), test_coverage.work(name))
    nodes = (test_coverage.node("worker1", labels={"tier": name}), other)
    return judged(probe_coverage, **test_coverage.platform(pods, nodes, sets)).findings[0]


def positions_on_nfs(name: str) -> Finding:
    owners = [{"kind": "DaemonSet", "name": name, "uid": "u", "controller": True}]
    one = test_grace_period.agent(ownerReferences=owners)
    return judged(probe_grace_period, **test_grace_period.platform(one)).findings[0]


def positions_lost(name: str) -> Finding:
    one = test_positions.agent(owner=name, volume=None)
    return judged(probe_positions, **test_positions.platform(one)).findings[0]


def positions_shared(name: str) -> Finding:
    pods = [test_positions.agent(owner) for owner in (name, f"{name}2")]
    return judged(probe_positions, **test_positions.platform(*pods)).findings[0]


def deleted(name: str) -> Finding:
    one: StorageClass = test_archive_on_delete.storage_class(onDelete="delete")
    one = msgspec.structs.replace(one, metadata=msgspec.structs.replace(one.metadata, name=name))
    volume = test_archive_on_delete.volume(name=name)
    volume = msgspec.structs.replace(volume, spec=msgspec.structs.replace(volume.spec, storage_class_name=name))
    return judged(probe_archive_on_delete, **test_archive_on_delete.platform(one, volume)).findings[0]


def pending(name: str) -> Finding:
    one: PersistentVolumeClaim = renamed(test_claims.claim("Pending", name), name)
    classes = [test_claims.storage_class(name, name)]
    return judged(probe_claims, **test_claims.platform(one, storage_classes=listing("StorageClass", classes))).findings[0]


def the_only_class(name: str) -> Finding:
    return judged(probe_classes, **test_classes.platform(test_classes.storage_class(name))).findings[0]


def several_defaults(name: str) -> Finding:
    classes = [test_classes.storage_class(one, default="true", day=day) for day, one in ((1, name), (2, "new"))]
    return judged(probe_classes, **test_classes.platform(*classes)).findings[0]


def misplaced(name: str) -> Finding:
    one: Pod = test_placement.pod("prometheus", {"persistentVolumeClaim": {"claimName": name}})
    volume, profile = {"awsElasticBlockStore": {}}, Profile(storage={"prometheus": ["local"]})
    claim = make(
        PersistentVolumeClaim, metadata={"namespace": "monitoring", "name": name}, spec={"storageClassName": name, "volumeName": "pv"}
    )
    claims = listing("PersistentVolumeClaim", [claim])
    return judged(probe_placement, **test_placement.platform(one, volume=volume, claims=claims, profile=profile)).findings[0]


def refused_on_nfs(name: str) -> Finding:
    attributes = {"server": name, "share": "/tank", "subdir": name}
    volume = {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": attributes}}
    one = test_volume_permissions.pod(ready=False, context=test_volume_permissions.MONGO)
    return test_volume_permissions.fix_of(one, volume)


def refused_in(name: str) -> Finding:
    path = f"/{name.strip('/')}"
    mounts = [{"name": "logs", "mountPath": path, "subPath": name}]
    denial = test_volume_permissions.Denial("denied", path.rstrip("/") or "/")
    one = test_volume_permissions.pod(context=test_volume_permissions.MONGO, mounts=mounts)
    return judged(probe_volume_permissions, **test_volume_permissions.platform(one, denial)).findings[0]


def not_started(name: str) -> Finding:
    one = renamed(test_not_started.pod(**test_not_started.init_container(["migrate"])), name)
    return test_not_started.found(one)


def not_mounted(name: str) -> Finding:
    message = f'MountVolume.SetUp failed for volume "tls" : secret "{name}" not found'
    return test_not_started.found(test_not_started.pod(), start_events=test_not_started.said(message))


def not_created(name: str) -> Finding:
    message = f'pods "a" is forbidden: exceeded quota: {name}, requested: cpu=1, used: cpu=2, limited: cpu=2'
    one = renamed(test_not_created.replica_set(message=message), name)
    return test_not_created.found(replica_sets=listing("ReplicaSet", [one]))


def failed_job(name: str) -> Finding:
    return test_jobs.found(renamed(test_jobs.job(), name))


def hanging_run(name: str) -> Finding:
    late = test_jobs.cron(last=test_jobs.at("03:00"), concurrencyPolicy="Forbid", active=[{"kind": "Job", "name": name}])
    return test_jobs.found(renamed(late, name))


MAKERS = [
    not_created, failed_job, hanging_run,
    not_started, not_mounted, crash, crash_of_image, crash_of_pod, stuck, held, running, without_agent, positions_on_nfs, positions_lost, positions_shared, deleted,
    pending, the_only_class, several_defaults, misplaced, refused_on_nfs, refused_in,
]  # fmt: skip


EDITED = ("kubectl -n app edit deployment api", "kubectl -n app rollout status deployment api --timeout=5m")


def arguments(command: Command) -> list[str]:
    return [each for stage in command.pipeline for each in stage]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_harmless_name_gives_a_fix_with_that_name(maker: Any) -> None:
    assert "harmless" in maker("harmless").fix


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_hostile_name_adds_no_line_no_flag_and_no_command(maker: Any) -> None:
    usual = [len(arguments(command)) for step in maker("harmless").steps for command in step.commands]
    usual += [len(one.split()) for one in EDITED]  # where a name leaves no other command
    printed = []
    for name in HOSTILE:
        finding = maker(name)
        commands = [command for step in finding.steps for command in step.commands]
        printed += [line(command) for command in commands]
        assert set(map(len, map(arguments, commands))) <= set(usual), name
        assert name not in [each for command in commands for each in arguments(command) if name.startswith("-")]
        shown = [each for each in finding.fix.splitlines() if each.startswith("$ ")]
        assert shown == [f"$ {line(command)}" for command in commands], name
        for command in commands:
            plain = [word for word in shlex.split(line(command)) if word not in ("|", ">", "<")]
            assert plain == arguments(command) + ([command.target] if command.target else []), name
    subprocess.run(["bash", "-n"], input="\n".join(printed), text=True, check=True, capture_output=True)
