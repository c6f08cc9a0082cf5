from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.logs import Line
from clusterprobe.systems.kubernetes.objects import CsiDriver, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.pods.user_and_groups import effect_of, identity_of
from clusterprobe.systems.pods.write_refusals import ContainerLog, Denial, denials_in
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.times import epoch
from probes.storage.probe_volume_permissions import probe_volume_permissions
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

NFS = {"nfs": {"server": "nas", "path": "/exports/logs"}}
LINE = "PermissionError: [Errno 13] Permission denied: '/app/logs/a.log'"
DENIED = Denial(LINE, "/app/logs/a.log")
READY = [{"type": "Ready", "status": "True"}]
LOOPING = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}
POD_CONTEXT = {"runAsUser": 1001, "fsGroup": 1000}


def pod(*, ready: bool = True, context: Any = None, own: Any = None, status: Any = None, mounts: Any = None, volumes: Any = None) -> Pod:
    container = {"name": "api", "volumeMounts": mounts or [{"name": "logs", "mountPath": "/app/logs"}], "securityContext": own}
    spec = {
        "containers": [container],
        "securityContext": context,
        "volumes": volumes or [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}],
    }
    state = {"name": "api", "ready": ready, "restartCount": 0 if ready else 3, "state": {"running": {}} if ready else LOOPING}
    state |= {"lastState": {} if ready else ENDED, **(status or {})}
    owners = [{"kind": "ReplicaSet", "name": "api-1a", "controller": True}]
    return labelled(
        Pod, "app", "api-1", {"pod-template-hash": "1a"}, metadata={"ownerReferences": owners}, spec=spec,
        status={"phase": "Running", "conditions": READY if ready else [], "containerStatuses": [state]},
    )  # fmt: skip


def platform(one: Pod, *denials: Denial, volume: Any = None, silent: bool = False, drivers: Any = (), **changes: Any) -> dict[str, Any]:
    claim = labelled(PersistentVolumeClaim, "app", "logs", spec={"volumeName": "pv", "storageClassName": "nfs"}, status={"phase": "Bound"})
    log = (Subject(kind="Pod", namespace="app", name="api-1"), ContainerLog("api", silent, list(denials)))
    return {
        "pods": listing("Pod", [one]),
        "volume_logs": Readings((log,)),
        "claims": listing("PersistentVolumeClaim", [claim]),
        "volumes": listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pv"}, spec=volume or NFS)]),
        "storage_classes": listing("StorageClass", [make(StorageClass, metadata={"name": "nfs"}, provisioner="x")]),
        "csi_drivers": listing("CSIDriver", drivers),
        "clock": SimpleNamespace(now=epoch("2026-01-01T12:00:00Z")),
        **changes,
    }


def driver(name: str, policy: str) -> CsiDriver:
    return make(CsiDriver, metadata={"name": name}, spec={"fsGroupPolicy": policy})


# --- the probe ----------------------------------------------------------------------------------------------------------


def test_a_refusal_on_nfs_is_an_error_that_names_user_group_volume_and_line() -> None:
    (finding,) = judged(probe_volume_permissions, **platform(pod(ready=False, context=POD_CONTEXT), DENIED)).findings
    assert (finding.severity, finding.reason, finding.subject.name) == (Severity.ERROR, "VolumePermissionDenied", "api")
    for words in ("uid 1001", "supplemental groups 1000", "NFS nas:/exports/logs", "fsGroup 1000 is set, but on in-tree NFS", LINE):
        assert words in finding.cause


def test_a_container_with_a_user_of_its_own_is_told_so() -> None:
    one = pod(ready=False, context={"runAsUser": 1000}, own={"runAsUser": 1001})
    (finding,) = judged(probe_volume_permissions, **platform(one, DENIED)).findings
    assert "uid 1001" in finding.cause
    assert "runAsUser of its own" in finding.fix


def test_root_is_told_of_root_squash() -> None:
    (finding,) = judged(probe_volume_permissions, **platform(pod(context={"runAsUser": 0}), DENIED)).findings
    assert "root_squash" in finding.cause


def test_a_refusal_of_a_ready_pod_counts_as_well() -> None:
    assert reasons(judged(probe_volume_permissions, **platform(pod(), DENIED))) == ["VolumePermissionDenied"]


@pytest.mark.parametrize(
    ("at", "severity", "words"),
    [
        ("2026-01-01T11:58:01Z", "error", "It was last refused 119 s ago."),
        ("2026-01-01T11:58:00Z", "warning", "It was last refused 2 min ago, and has not said so since."),
    ],
)
def test_a_refusal_that_does_not_come_again_may_be_repaired_and_says_when_it_was(at: str, severity: str, words: str) -> None:
    denial = Denial(LINE, "/app/logs/a.log", epoch(at))
    (finding,) = judged(probe_volume_permissions, **platform(pod(), denial)).findings
    assert (finding.severity, finding.cause.endswith(words)) == (severity, True)
    assert judged(probe_volume_permissions, **platform(pod(ready=False), denial)).findings[0].severity == "error"


def test_a_refusal_that_names_no_path_on_a_volume_is_a_note() -> None:
    verdict = judged(probe_volume_permissions, **platform(pod(), Denial("permission denied for table runs")))
    assert (reasons(verdict), outcome(verdict)) == ([], "pass")
    assert "permission denied for table runs" in verdict.notes[0]


def test_a_path_on_another_volume_below_the_first_is_not_of_the_first() -> None:
    mounts = [{"name": "logs", "mountPath": "/app/logs"}, {"name": "tmp", "mountPath": "/app/logs/tmp"}]
    volumes = [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}, {"name": "tmp", "emptyDir": {}}]
    one = pod(mounts=mounts, volumes=volumes)
    assert "VolumePermissionDenied" not in reasons(judged(probe_volume_permissions, **platform(one, Denial(LINE, "/app/logs/tmp/x"))))


def test_an_fs_group_without_effect_is_worth_knowing_while_all_is_well() -> None:
    verdict = judged(probe_volume_permissions, **platform(pod(context=POD_CONTEXT)))
    (finding,) = verdict.findings
    assert (finding.severity, finding.reason, outcome(verdict)) == (Severity.INFO, "FsGroupWithoutEffect", "pass")


def test_a_missing_fs_group_is_worth_knowing_while_all_is_well() -> None:
    (finding,) = judged(probe_volume_permissions, **platform(pod(context={"runAsUser": 1000}))).findings
    assert (finding.severity, finding.reason) == (Severity.INFO, "FsGroupMissing")


@pytest.mark.parametrize("name", ["pods", "volume_logs"])
def test_of_a_missing_fs_group_nothing_is_said_while_a_replica_was_not_read(name: str) -> None:
    readings = platform(pod(context={"runAsUser": 1000}))
    namespace = readings["pods"].values[0][0].namespace
    verdict = judged(probe_volume_permissions, **{**readings, name: Readings(readings[name].values, (refused("Pod", namespace),))})
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_an_fs_group_without_effect_is_no_pass_for_a_pod_that_crashes_without_a_word() -> None:
    verdict = judged(probe_volume_permissions, **platform(pod(ready=False, context=POD_CONTEXT)))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_an_fs_group_that_has_effect_says_nothing() -> None:
    volume = {"csi": {"driver": "nfs.csi.k8s.io"}, "accessModes": ["ReadWriteMany"]}
    verdict = judged(
        probe_volume_permissions, **platform(pod(context=POD_CONTEXT), volume=volume, drivers=[driver("nfs.csi.k8s.io", "File")])
    )
    assert (reasons(verdict), outcome(verdict)) == ([], "pass")


def test_a_log_without_a_line_is_no_pass() -> None:
    assert outcome(judged(probe_volume_permissions, **platform(pod(), silent=True))) == "inconclusive"


def test_without_such_pods_it_does_not_apply() -> None:
    assert outcome(judged(probe_volume_permissions, **platform(pod(), volume_logs=Readings(absent="none")))) == "not_applicable"


def test_a_log_that_may_not_be_read_is_unchecked() -> None:
    unread: Readings[Any] = Readings((), (refused("Pod", "app", "not allowed to get pods/log in namespace app"),))
    assert outcome(judged(probe_volume_permissions, **platform(pod(), volume_logs=unread))) == "inconclusive"


@pytest.mark.parametrize("denials", [(), (DENIED,)])
@pytest.mark.parametrize("context", [None, POD_CONTEXT])
def test_blindness_is_never_taken_for_health(denials: Any, context: Any) -> None:
    assert_blindness_is_no_health(probe_volume_permissions, platform(pod(context=context), *denials))


# --- how it is let in ---------------------------------------------------------------------------------------------------

OWN = {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": "nas", "share": "/tank", "subdir": "pvc-1"}}}
MONGO = {"runAsUser": 1001, "runAsGroup": 1001}


def fix_of(one: Pod, volume: Any = OWN, *more: Pod, **changes: Any) -> Finding:
    readings = platform(one, DENIED, volume=volume, **changes)
    readings["pods"] = listing("Pod", [one, *more])
    (finding,) = judged(probe_volume_permissions, **readings).findings
    return finding


def commands(finding: Finding) -> list[str]:
    """Those that change the volume, or look; the workload is edited by hand where none does, and then seen to come up."""
    by_hand = (" edit ", " rollout status ")
    lines = [line(command) for step in finding.steps for command in step.commands]
    return [one for one in lines if not any(each in one for each in by_hand)]


def test_where_no_command_gives_access_the_workload_is_edited_until_it_is_deployed() -> None:
    assert fix_of(pod(ready=False, context=MONGO), NFS).fix.endswith("$ kubectl -n app rollout status deployment api --timeout=5m")
    assert "$ kubectl -n app edit deployment api" in fix_of(pod(ready=False, context=MONGO), NFS).fix
    assert " edit " not in fix_of(pod(ready=False, context=MONGO)).fix


def neighbour(user: int | None, name: str = "other", **changes: Any) -> Pod:
    one = pod(context={"runAsUser": user}, **changes)
    return msgspec.structs.replace(one, metadata=msgspec.structs.replace(one.metadata, name=name, owners_=[]))


def test_the_owner_is_changed_of_the_volumes_own_folder_and_for_the_user_that_was_refused() -> None:
    finding = fix_of(pod(ready=False, context=MONGO))
    assert commands(finding) == ["ls -ldn /tank/pvc-1", "chown -R 1001:1001 /tank/pvc-1"]
    assert [step.kind for step in finding.steps] == ["look", "change", "change"]
    assert "replaces the owners of all files in it" in finding.steps[1].text


def test_a_group_that_is_not_known_is_left_as_it_is() -> None:
    assert "chown -R 1001 /tank/pvc-1" in commands(fix_of(pod(ready=False, context={"runAsUser": 1001})))


def test_no_folder_is_opened_to_everybody() -> None:
    for volume in (OWN, NFS):
        assert "0777" not in fix_of(pod(ready=False, context=MONGO), volume).fix


@pytest.mark.parametrize("volume", [NFS, {"csi": {**OWN["csi"], "volumeAttributes": {"server": "nas", "share": "/tank"}}}])
def test_of_a_whole_share_no_owner_is_changed(volume: Any) -> None:
    finding = fix_of(pod(ready=False, context=MONGO), volume)
    assert commands(finding) == []
    assert "a share may hold the files of others" in finding.fix


def test_a_sub_path_is_all_that_is_changed_of_a_share() -> None:
    mounts = [{"name": "logs", "mountPath": "/app/logs", "subPath": "apps/api"}]
    assert "chown -R 1001:1001 /exports/logs/apps/api" in commands(fix_of(pod(ready=False, context=MONGO, mounts=mounts), NFS))


@pytest.mark.parametrize("part", [{"subPathExpr": "$(POD_NAME)"}, {"subPath": "../other"}, {"subPath": "."}])
def test_a_sub_path_that_is_open_gives_no_command(part: dict[str, str]) -> None:
    mounts = [{"name": "logs", "mountPath": "/app/logs", **part}]
    assert commands(fix_of(pod(ready=False, context=MONGO, mounts=mounts), NFS)) == []


@pytest.mark.parametrize(
    ("path", "pattern", "own"),
    [
        ("/srv/app-logs-pv", "", "/srv/app-logs-pv"),
        ("/srv/app/logs", "${.PVC.namespace}/${.PVC.name}", "/srv/app/logs"),
        ("/srv/team/x", "${.PVC.labels.team}/${.PVC.name}", ""),
        ("/srv/other-logs-pv", "", ""),
    ],
)
def test_the_folder_of_the_nfs_subdir_provisioner_is_known_by_how_it_is_named(path: str, pattern: str, own: str) -> None:
    volume = {"nfs": {"server": "nas", "path": path}, "claimRef": {"namespace": "app", "name": "logs"}, "storageClassName": "nfs"}
    parameters = {"pathPattern": pattern} if pattern else {}
    storage_class = make(StorageClass, metadata={"name": "nfs"}, provisioner="fuseim.pri/ifs", parameters=parameters)
    finding = fix_of(pod(ready=False, context=MONGO), volume, storage_classes=listing("StorageClass", [storage_class]))
    assert commands(finding) == ([f"ls -ldn {own}", f"chown -R 1001:1001 {own}"] if own else [])


@pytest.mark.parametrize(("context", "why"), [(None, "As which user the image runs"), ({"runAsUser": 0}, "root_squash")])
def test_for_a_user_that_is_not_known_or_root_no_owner_is_changed(context: Any, why: str) -> None:
    finding = fix_of(pod(ready=False, context=context))
    assert commands(finding) == []
    assert why in finding.fix


@pytest.mark.parametrize("server", ["fs-1.efs.eu-west-1.amazonaws.com", "share.file.core.windows.net"])
def test_where_there_is_no_server_to_log_in_to_no_owner_is_changed(server: str) -> None:
    volume = {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": server, "share": "/tank", "subdir": "pvc-1"}}}
    finding = fix_of(pod(ready=False, context=MONGO), volume)
    assert commands(finding) == []
    assert "without a host to log in to" in finding.fix


def test_the_root_of_nfs_4_may_lie_anywhere_on_the_server() -> None:
    volume = {"csi": {"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": "nas", "share": "/", "subdir": "home"}}}
    assert commands(fix_of(pod(ready=False, context=MONGO), volume)) == []


def test_on_efs_the_access_point_says_who_owns_the_files() -> None:
    volume = {"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0123::fsap-0abc"}}
    finding = fix_of(pod(ready=False, context=MONGO), volume)
    assert commands(finding) == ["aws efs describe-access-points --access-point-id fsap-0abc"]
    assert "posixUser" in finding.fix
    assert "posixUser is uid 1001" in fix_of(pod(ready=False, context=MONGO), {"csi": {"driver": "efs.csi.aws.com"}}).fix


@pytest.mark.parametrize("volume", [{"azureFile": {}}, {"csi": {"driver": "smb.csi.k8s.io"}}, {"csi": {"driver": "file.csi.azure.com"}}])
def test_on_smb_the_mount_options_say_who_owns_the_files(volume: Any) -> None:
    finding = fix_of(pod(ready=False, context=MONGO), volume)
    assert commands(finding) == []
    assert finding.steps[-1].code == 'mountOptions:\n  - "uid=1001"\n  - "gid=1001"'


@pytest.mark.parametrize("driver_name", ["file.csi.azure.com", "filestore.csi.storage.gke.io"])
def test_nfs_as_a_service_is_not_logged_in_to(driver_name: str) -> None:
    volume = {"csi": {"driver": driver_name, "volumeAttributes": {"protocol": "nfs"}}}
    finding = fix_of(pod(ready=False, context=MONGO), volume)
    assert (commands(finding), "a service without a host to log in to" in finding.fix) == ([], True)


def test_on_a_disk_the_group_of_the_pod_is_set() -> None:
    finding = fix_of(pod(ready=False, context=MONGO), {"awsElasticBlockStore": {}})
    assert (commands(finding), finding.steps[-3].code) == ([], "securityContext:\n  fsGroup: 1001")


def test_whoever_shares_the_folder_with_others_runs_as_they_do() -> None:
    finding = fix_of(pod(ready=False, context=MONGO), OWN, neighbour(70))
    assert commands(finding) == []
    assert finding.steps[-3].code == "securityContext:\n  runAsUser: 70"
    assert "app/other" in finding.fix


@pytest.mark.parametrize("users", [(None,), (70, 71), (0,)])
def test_where_others_have_the_folder_as_somebody_else_no_owner_is_changed(users: tuple[int | None, ...]) -> None:
    finding = fix_of(pod(ready=False, context=MONGO), OWN, *[neighbour(user, f"other-{n}") for n, user in enumerate(users)])
    assert commands(finding) == []
    assert "run as another user: app/other-0" in finding.fix


def test_a_reader_of_a_folder_within_it_is_one_of_the_others() -> None:
    reads = [{"name": "logs", "mountPath": "/logs", "readOnly": True, "subPath": "in"}]
    inline = [{"name": "logs", "nfs": {"server": "nas", "path": "/tank/pvc-1/deeper"}}]
    finding = fix_of(pod(ready=False, context=MONGO), OWN, neighbour(None, mounts=reads, volumes=inline))
    assert commands(finding) == []


def test_a_folder_in_which_other_volumes_lie_is_not_changed() -> None:
    within = make(PersistentVolume, metadata={"name": "pv-2"}, spec={"nfs": {"server": "nas", "path": "/tank/pvc-1/sub"}})
    own = make(PersistentVolume, metadata={"name": "pv"}, spec=OWN)
    finding = fix_of(pod(ready=False, context=MONGO), OWN, volumes=listing("PersistentVolume", [own, within]))
    assert commands(finding) == []
    assert "PersistentVolume pv-2" in finding.fix


def test_while_pods_are_not_known_no_owner_is_changed() -> None:
    one = pod(ready=False, context=MONGO)
    readings = platform(one, DENIED, volume=OWN, pods=listing("Pod", [one], unreadable=[refused("PodList", "app")]))
    (finding,) = judged(probe_volume_permissions, **readings).findings
    assert commands(finding) == []


@pytest.mark.parametrize(("ready", "shown"), [(True, True), (False, False)])
def test_the_folder_is_looked_at_in_a_container_that_runs(ready: bool, shown: bool) -> None:
    finding = fix_of(pod(ready=ready, context=MONGO))
    assert ("kubectl -n app exec api-1 -c api -- ls -ldn /app/logs" in commands(finding)) is shown


# --- as whom, and what fsGroup does -------------------------------------------------------------------------------------


def test_what_the_runtime_started_wins_over_what_was_asked_for() -> None:
    started = {"user": {"linux": {"uid": 7, "gid": 8, "supplementalGroups": [8, 9]}}}
    one = pod(context=POD_CONTEXT, status=started)
    found = identity_of(one, one.spec.containers[0])
    assert (found.user, found.group, found.groups, found.file_system_group) == (7, 8, (8, 9), 1000)


def test_a_containers_context_wins_over_its_pods() -> None:
    one = pod(context={"runAsUser": 1, "runAsGroup": 2, "supplementalGroups": [5], "fsGroup": 6}, own={"runAsUser": 0})
    found = identity_of(one, one.spec.containers[0])
    assert (found.user, found.group, found.groups) == (0, 2, (5, 6))
    assert found.words == "root (uid 0), gid 2, supplemental groups 5, 6"


@pytest.mark.parametrize(
    ("volume", "policy", "applied"),
    [
        (NFS, "", False),
        ({"hostPath": {"path": "/x"}}, "", False),
        ({"local": {"path": "/x"}}, "", True),
        ({"awsElasticBlockStore": {}}, "", True),
        ({"csi": {"driver": "d"}}, "None", False),
        ({"csi": {"driver": "d"}}, "File", True),
        ({"csi": {"driver": "d", "fsType": "ext4"}, "accessModes": ["ReadWriteOnce"]}, "ReadWriteOnceWithFSType", True),
        ({"csi": {"driver": "d", "fsType": "ext4"}, "accessModes": ["ReadWriteOnce"]}, "", True),
        ({"csi": {"driver": "d", "fsType": "ext4"}, "accessModes": ["ReadWriteMany"]}, "", False),
        ({"csi": {"driver": "d"}, "accessModes": ["ReadWriteOnce"]}, "", False),
    ],
    ids=str,
)
def test_what_fs_group_does_goes_by_the_bound_volume(volume: Any, policy: str, applied: bool) -> None:
    one = pod()
    drivers = [driver("d", policy)] if policy else []
    known = platform(one, volume=volume, drivers=drivers)
    storage = Storage(known["claims"], known["volumes"], known["storage_classes"])
    assert one.spec.volumes
    assert effect_of(one, one.spec.volumes[0], storage, known["csi_drivers"]).applied is applied


@pytest.mark.parametrize(
    ("volume", "applied"), [({"nfs": {}}, False), ({"hostPath": {}}, False), ({"csi": {"driver": "d", "fsType": "x"}}, True)]
)
def test_volumes_that_a_pod_names_itself(volume: Any, applied: bool) -> None:
    one = pod(volumes=[{"name": "logs", **volume}])
    known = platform(one)
    assert one.spec.volumes
    storage = Storage(known["claims"], known["volumes"], known["storage_classes"])
    assert effect_of(one, one.spec.volumes[0], storage, known["csi_drivers"]).applied is applied


def test_a_driver_or_volume_that_cannot_be_read_leaves_it_open() -> None:
    one = pod()
    unread: Readings[Any] = Readings((), (refused("CSIDriverList"),))
    known = platform(one, volume={"csi": {"driver": "d"}})
    assert one.spec.volumes
    storage = Storage(known["claims"], known["volumes"], known["storage_classes"])
    assert effect_of(one, one.spec.volumes[0], storage, unread).applied is None
    assert effect_of(one, one.spec.volumes[0], Storage(known["claims"], unread, unread), unread).applied is None


# --- what a log says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (LINE, "/app/logs/a.log"),
        ("open /app/logs/x.log: permission denied", "/app/logs/x.log"),
        ("mkdir: can't create directory '/app/logs/y': Permission denied", "/app/logs/y"),
        ("Error: EACCES: permission denied, open '/app/logs'", "/app/logs"),
        ("cp: /etc/x -> /app/logs/x: Permission denied", "/app/logs/x"),
        ("PermissionError: [Errno 13] Permission denied: '/etc/key.pem'", ""),
        ("open /app/logs2/x: permission denied", ""),
        ("permission denied for table runs", ""),
    ],
)
def test_a_refusal_is_read_with_its_path_on_the_volume(line: str, path: str) -> None:
    assert denials_in([Line(line, 9.0)], ["/app/logs"]) == [Denial(line, path, 9.0)]


@pytest.mark.parametrize("line", ["GET /app/logs/x 200", "writing to /app/logs failed: disk full", ""])
def test_other_lines_are_none(line: str) -> None:
    assert denials_in([Line(line, 9.0)], ["/app/logs"]) == []


def test_an_operation_that_is_not_permitted_counts_only_where_the_program_gave_up() -> None:
    line = "chown: /data: Operation not permitted"
    assert denials_in([Line(line, 9.0)], ["/data"]) == []
    assert denials_in([Line(line, 9.0)], ["/data"], gave_up=True) == [Denial(line, "/data", 9.0)]
