from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, Workload
from clusterprobe.systems.storage.claim_events import ClaimFailure
from clusterprobe.times import epoch
from probes.storage.probe_claims import probe_claims
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

NFS = "k8s-sigs.io/nfs-subdir-external-provisioner"
OLD = "2026-01-01T11:54:59Z"


def claim(phase: str = "Bound", class_name: str | None = "local-path", created: str = OLD) -> PersistentVolumeClaim:
    spec: dict[str, Any] = {"volumeName": "pv" if phase != "Pending" else ""}
    if class_name is not None:
        spec["storageClassName"] = class_name
    return labelled(PersistentVolumeClaim, "app", "data", spec=spec, status={"phase": phase}, metadata={"creationTimestamp": created})


def storage_class(name: str, provisioner: str, mode: str = "Immediate", *, default: bool = False) -> StorageClass:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return make(StorageClass, metadata={"name": name, "annotations": annotations}, provisioner=provisioner, volumeBindingMode=mode)


CLASSES = [storage_class("local-path", "rancher.io/local-path", "WaitForFirstConsumer"), storage_class("nfs-client", NFS)]
USER = labelled(Pod, "app", "api-0", spec={"containers": [], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]})


def platform(one: PersistentVolumeClaim, *pods: Pod, volume: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    spec = volume or {"hostPath": {"path": "/x"}, "nodeAffinity": {"required": {}}}
    return {
        "claims": listing("PersistentVolumeClaim", [one]),
        "volumes": listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pv"}, spec=spec)]),
        "storage_classes": listing("StorageClass", CLASSES),
        "pods": listing("Pod", pods),
        "claim_failures": Readings(absent="no PVC is Pending"),
        "stateful_sets": Readings(absent="there is no StatefulSet"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=epoch("2026-01-01T12:00:00Z")),
        **changes,
    }


def test_a_bound_claim_that_is_what_its_class_says_passes() -> None:
    assert outcome(judged(probe_claims, **platform(claim()))) == "pass"


def test_a_pending_claim_that_a_pod_waits_for_is_an_error() -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending"), USER)).findings
    assert (finding.severity, finding.reason) == (Severity.ERROR, "ClaimPending")
    assert "Pod api-0 cannot start" in finding.problem
    assert "rancher.io/local-path of its class `local-path`" in finding.cause


def test_a_pending_claim_that_nobody_uses_is_a_warning() -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending", "nfs-client"))).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "ClaimPending")


def test_a_claim_that_waits_for_its_first_consumer_is_normal() -> None:
    assert outcome(judged(probe_claims, **platform(claim("Pending")))) == "pass"


@pytest.mark.parametrize(("created", "expected"), [("2026-01-01T11:55:00Z", []), (OLD, ["ClaimPending"])])
def test_a_claim_is_given_five_minutes(created: str, expected: list[str]) -> None:
    assert reasons(judged(probe_claims, **platform(claim("Pending", created=created), USER))) == expected


@pytest.mark.parametrize(
    ("class_name", "cause"),
    [("gone", "class `gone` does not exist"), (None, "no class is the default one"), ("", "a volume of no class")],
)
def test_the_cause_names_the_class_that_is_not_there(class_name: str | None, cause: str) -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending", class_name), USER)).findings
    assert cause in finding.cause


def test_a_claim_without_a_class_goes_by_the_default_one() -> None:
    classes = listing("StorageClass", [storage_class("local-path", "rancher.io/local-path", "WaitForFirstConsumer", default=True)])
    assert outcome(judged(probe_claims, **platform(claim("Pending", None), storage_classes=classes))) == "pass"


def test_a_class_that_cannot_be_read_leaves_a_pending_claim_unchecked() -> None:
    unread: Readings[Any] = Readings((), (refused("StorageClassList"),))
    verdict = judged(probe_claims, **platform(claim("Pending"), USER, storage_classes=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_pods_that_cannot_be_read_leave_it_open_whether_anything_waits() -> None:
    unread: Readings[Any] = Readings((), (refused("PodList"),))
    verdict = judged(probe_claims, **platform(claim("Pending"), pods=unread))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def of_owner(kind: str, volume: str = "d", pod: str = "api-0") -> Pod:
    owners = [{"kind": kind, "name": "api", "controller": True}]
    spec = {"containers": [], "volumes": [{"name": volume, "persistentVolumeClaim": {"claimName": "data"}}]}
    return labelled(Pod, "app", pod, metadata={"ownerReferences": owners}, spec=spec)


@pytest.mark.parametrize(
    ("pod", "by"),
    [
        (of_owner("Deployment"), "The next sync or upgrade of its release"),
        (of_owner("StatefulSet"), "The next sync or upgrade of its release"),  # which mounts a PVC that is not of its template
        (USER, "The next sync or upgrade of its release"),
    ],
)
def test_the_fix_says_what_creates_a_claim_again(pod: Pod, by: str) -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending", "nfs-client"), pod)).findings
    assert by in finding.fix
    assert "volumeClaimTemplates" not in finding.fix
    assert "$ kubectl replace --force -f data.yaml" in finding.fix


def test_a_claim_of_a_stateful_sets_template_is_created_by_the_stateful_set() -> None:
    one = labelled(
        PersistentVolumeClaim, "app", "d-api-0", spec={"storageClassName": "nfs-client"}, status={"phase": "Pending"},
        metadata={"creationTimestamp": OLD},
    )  # fmt: skip
    owners = [{"kind": "StatefulSet", "name": "api", "controller": True}]
    spec = {"containers": [], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d-api-0"}}]}
    user = labelled(Pod, "app", "api-0", metadata={"ownerReferences": owners}, spec=spec)
    (finding,) = judged(probe_claims, **platform(one, user)).findings
    assert "StatefulSet api creates it from its volumeClaimTemplates" in finding.fix
    assert "--cascade=orphan" in finding.fix
    assert "replace --force" not in finding.fix  # the StatefulSet makes it as before


@pytest.mark.parametrize(
    ("class_name", "fix"), [("gone", "Create the class gone"), (None, "Mark one class"), ("", "Create a PersistentVolume")]
)
def test_the_fix_of_a_pending_claim_goes_by_its_cause(class_name: str | None, fix: str) -> None:
    classes = listing("StorageClass", CLASSES)
    (finding,) = judged(probe_claims, **platform(claim("Pending", class_name), USER, storage_classes=classes)).findings
    assert fix in finding.fix
    assert "kubectl delete" not in finding.fix


def static(phase: str, name: str = "data") -> PersistentVolume:
    spec = {"storageClassName": "manual", "claimRef": {"namespace": "app", "name": name}, "nfs": {"server": "nas", "path": "/x"}}
    return make(PersistentVolume, metadata={"name": "by-hand"}, spec=spec, status={"phase": phase})


@pytest.mark.parametrize(
    ("volume", "command"),
    [
        (static("Released"), """kubectl patch pv by-hand --type json -p '[{"op":"remove","path":"/spec/claimRef/uid"}]'"""),
        (static("Released", "other"), ""),
        (static("Bound"), ""),
    ],
)
def test_a_class_that_is_only_a_name_is_not_to_be_created(volume: PersistentVolume, command: str) -> None:
    volumes = listing("PersistentVolume", [volume])
    (finding,) = judged(probe_claims, **platform(claim("Pending", "manual"), USER, volumes=volumes)).findings
    assert "by-hand is" in finding.cause
    assert "Create the class" not in finding.fix
    assert [line(one) for one in finding.steps[-1].commands] == ([command] if command else [])


@pytest.mark.parametrize(("node", "cause"), [("worker1", "the scheduler never sees it"), ("", "Pod api-0 has no node yet")])
def test_a_class_that_waits_for_its_first_consumer_is_not_blamed_alone(node: str, cause: str) -> None:
    user = msgspec.structs.replace(USER, spec=msgspec.structs.replace(USER.spec, node_name=node))
    (finding,) = judged(probe_claims, **platform(claim("Pending"), user)).findings
    assert cause in finding.cause


def test_a_lost_claim_is_an_error() -> None:
    (finding,) = judged(probe_claims, **platform(claim("Lost"))).findings
    assert (finding.severity, finding.reason) == (Severity.ERROR, "ClaimLost")
    assert "PersistentVolume pv" in finding.cause
    assert "out of reach" in finding.problem  # the storage behind the volume may still exist
    assert "claimRef to this PVC with its uid" in finding.fix
    assert [line(one) for step in finding.steps for one in step.commands][-1].endswith("-o jsonpath='{.metadata.uid}'")


def test_a_volume_of_another_kind_than_the_class_is_a_warning() -> None:
    (finding,) = judged(probe_claims, **platform(claim(), volume={"nfs": {"server": "nas", "path": "/x"}})).findings
    assert (finding.severity, finding.reason) == (Severity.WARNING, "ClaimNotAsItsClass")
    assert "NFS nas:/x" in finding.cause


def test_a_phase_that_is_not_known_is_inconclusive() -> None:
    assert outcome(judged(probe_claims, **platform(claim("")))) == "inconclusive"


def test_no_claims_at_all_do_not_apply() -> None:
    assert outcome(judged(probe_claims, **platform(claim(), claims=listing("PersistentVolumeClaim", [])))) == "not_applicable"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_claims, platform(claim("Pending"), USER))
    assert_blindness_is_no_health(probe_claims, platform(claim(), volume={"nfs": {"server": "nas", "path": "/x"}}))


def failing(message: str) -> Readings[ClaimFailure]:
    return listing("PersistentVolumeClaim", [claim("Pending")]).map(lambda _, __: ClaimFailure(message))


@pytest.mark.parametrize(
    ("message", "why", "fix"),
    [
        ("Volume capabilities MULTI_NODE_MULTI_WRITER not supported. Only AccessModes[ReadWriteOnce] supported.", "access mode", "ReadWriteOnce"),
        ("api error UnauthorizedOperation: You are not authorized", "refuses the driver's credentials", "ServiceAccount"),
        ("Error 403: Quota 'SSD_TOTAL_GB' exceeded", "a quota of the storage", "Raise the quota"),
        ('volumesnapshots.snapshot.storage.k8s.io "backup-1" not found', "what it is to be filled from", "spec.dataSource"),
        ("error generating accessibility requirements: no topology key found on CSINode worker1", "no node that fits", "DaemonSet"),
        ("insufficient capacity in pool", "no room for it", "Give the storage more room"),
        ("dial tcp 10.0.0.9:443: i/o timeout", "does not reach the storage", "Repair the way"),
        ("something new", "could not make a volume. It says", "Repair what the provisioner"),
        # Kubernetes, and all drivers
        ('nodes is forbidden: User "system:serviceaccount:nfs:p" cannot list', "the provisioner's own account", "roles that its release brings"),
        ("unexpected error getting claim reference: selfLink was empty, can't make reference", "too old", "nfs-subdir-external-provisioner"),
        ('error getting secret rbd in namespace rook: secrets "rbd" not found', "the Secret with the driver's credentials", "provisioner-secret-name"),
        ("rpc error: failed to get provisioner secret", "the Secret with the driver's credentials", "provisioner-secret-name"),
        ("Aborted desc = an operation with the given Volume ID pvc-1 already exists", "an earlier attempt", "restart that controller's pod"),
        ("RequestLimitExceeded: Request limit exceeded.", "no more requests for now", "Wait"),
        ('StatusCode=429 -- Original Error: Code="TooManyRequests"', "no more requests for now", "Wait"),
        # clouds
        ("not authorized to perform: elasticfilesystem:CreateAccessPoint", "AWS refuses the driver's credentials", "AmazonEFSCSIDriverPolicy"),
        ("no EC2 IMDS role found, operation error ec2imds", "AWS refuses the driver's credentials", "Pod Identity"),
        ("User: arn is not authorized to perform: kms:CreateGrant", "the key that is to encrypt it", "kms:CreateGrant"),
        ("KMSKeyNotAccessibleFault: The key is not accessible", "the key that is to encrypt it", "kms:CreateGrant"),
        ("AADSTS7000222: The provided client secret keys are expired.", "a secret has expired", "service principal"),
        ("Code=\"AuthorizationFailed\" does not have authorization to perform action 'Microsoft.Compute/disks/write'", "Azure does not let", "role"),
        ("Key based authentication is not permitted on this storage account", "does not let keys in", "storageAccount"),
        ('Code="RequestDisallowedByPolicy"', "a policy of the cloud", "exempted"),
        ("googleapi: Error 403: Required 'compute.disks.create' permission", "lacks a permission", "roles/compute.storageAdmin"),
        ("Error 403: Request had insufficient authentication scopes.", "lacks a permission", "roles/compute.storageAdmin"),
        ("ZONE_RESOURCE_POOL_EXHAUSTED: the zone does not have enough resources", "has none left", "another zone"),
        ("SkuNotAvailable: UltraSSD_LRS is not supported in zone 2", "does not have this kind of volume", "another zone"),
        ("FileSystemNotFound: File system 'fs-1' does not exist.", "the file system that its class names", "fileSystemId"),
        ("InvalidParameterValue: iops must be at least 100", "a parameter of its class", "made again"),
        ("InvalidArgument desc = Invalid parameter key iopz for CreateVolume", "a parameter of its class", "made again"),
        ("VolumeLimitExceeded: Maximum number of active volumes exceeded", "a quota of the storage", "Raise the quota"),
        # vSphere, Longhorn, OpenEBS
        ("ServerFaultCode: Cannot complete login due to an incorrect user name or password.", "vCenter refuses", "driver's Secret"),
        ('no pbm profile found with name: "gold"', "the storage policy that its class names", "storagePolicyName"),
        ("No shared datastores found in the Kubernetes cluster", "no datastore fits", "hosts of all nodes"),
        ("failed to find any compatible datastores", "no datastore fits", "hosts of all nodes"),
        ("precheck new replica failed: insufficient storage", "Longhorn finds no disk", "numberOfReplicas"),
        ("replica scheduling failed: tags not fulfilled", "Longhorn finds no disk", "diskSelector"),
        ("ResourceExhausted: Not enough suitable pools available, 0/1", "no pool of the nodes", "back online"),
        ("unable to find volgroup lvmvg", "no pool of the nodes", "back online"),
        # Ceph
        ("pool not found: pool (replicapool) not found in Ceph cluster", "does not exist in Ceph", "Create it"),
        ("failed to establish the connection: rados: ret=-13, Permission denied", "Ceph refuses the user", "caps"),
        ("failed to fetch monitor list using clusterID (abc): missing configuration", "no monitors for the clusterID", "ceph-csi-config"),
        ("rados: ret=-110, Connection timed out", "does not reach the storage", "Repair the way"),
        # NFS, local paths
        ("mount.nfs: access denied by server while mounting nas:/x", "does not export this to the node", "addresses of all nodes"),
        ("unable to create directory to provision new pv: mkdir /persistentvolumes/a: permission denied", "squashes root", "writable"),
        ("failed to make subdirectory: mkdir /tmp/pvc-1/pvc-1: read-only file system", "squashes root", "writable"),
        ("mounting nas:/x failed, reason given by server: No such file or directory", "share does not exist", "correct share"),
        ("configuration error, no node was specified", "before a pod has a node", "WaitForFirstConsumer"),
        ("config doesn't contain node n1, and no DEFAULT_PATH_FOR_NON_LISTED_NODES available", "names no path", "nodePathMap"),
        ("failed to provision volume: create process timeout after 120 seconds", "the pod that makes the folder", "helper-pod"),
        ("claim.Spec.Selector is not supported", "has a spec.selector", "made again"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["nfs-client", "local-path"])
def test_what_the_provisioner_says_is_the_cause(name: str, message: str, why: str, fix: str) -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending", name), USER, claim_failures=failing(message))).findings
    assert why in finding.cause
    assert f"“{message}”" in finding.cause
    assert fix in finding.fix
    assert finding.rests_on == []


@pytest.mark.parametrize("mode", ["Immediate", "WaitForFirstConsumer"])
def test_what_kubernetes_hands_to_a_driver_names_the_driver(mode: str) -> None:
    classes = listing("StorageClass", [storage_class("gp2", "kubernetes.io/aws-ebs", mode)])
    (finding,) = judged(probe_claims, **platform(claim("Pending", "gp2"), USER, storage_classes=classes)).findings
    assert "kubernetes.io/aws-ebs (newer Kubernetes leaves it to the CSI driver ebs.csi.aws.com)" in finding.cause
    assert "$ kubectl get csidriver ebs.csi.aws.com" in finding.fix


def test_a_class_that_does_not_exist_is_no_provisioners_fault() -> None:
    (finding,) = judged(probe_claims, **platform(claim("Pending", "fast"), USER, claim_failures=failing("not found"))).findings
    assert finding.cause == "Its class `fast` does not exist."


def test_events_that_could_not_be_read_leave_what_is_known() -> None:
    blind: Readings[Any] = Readings((), (refused("PersistentVolumeClaim"),))
    (finding,) = judged(probe_claims, **platform(claim("Pending", "nfs-client"), USER, claim_failures=blind)).findings
    assert "has made no volume" in finding.cause


# --- what is to grow ---------------------------------------------------------------------------------------------------

SINCE, JUST_NOW = "2026-01-01T11:30:00Z", "2026-01-01T11:30:01Z"
IN_USE = "failed to resize disk: Cannot resize disk pvc-1 while it is attached to running VM"


def growing(
    kind: str = "Resizing", since: str | None = SINCE, asked: str = "50Gi", has: str = "8Gi", name: str = "data"
) -> PersistentVolumeClaim:
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": since}] if kind else []
    spec = {"volumeName": "pv", "storageClassName": "local-path", "resources": {"requests": {"storage": asked}}}
    status = {"phase": "Bound", "capacity": {"storage": has}, "conditions": conditions}
    return labelled(PersistentVolumeClaim, "app", name, spec=spec, status=status, metadata={"creationTimestamp": OLD})


def mounting(created: str = OLD, kind: str = "StatefulSet") -> Pod:
    owners = [{"kind": kind, "name": "api", "uid": "u", "controller": True}]
    metadata = {"ownerReferences": owners, "creationTimestamp": created}
    return labelled(Pod, "app", "api-0", metadata=metadata, spec=msgspec.to_builtins(USER.spec))


def grown(one: PersistentVolumeClaim, *pods: Pod, said: str = "", **more: Any) -> Any:
    told = listing("PersistentVolumeClaim", [one]).map(lambda _, __: ClaimFailure(said, 3 if said else 0))
    return judged(probe_claims, **platform(one, *pods, claim_failures=told, **more))


@pytest.mark.parametrize(("since", "expected"), [(SINCE, ["ClaimDoesNotGrow"]), (JUST_NOW, [])])
def test_a_claim_is_given_half_an_hour_to_grow(since: str, expected: list[str]) -> None:
    assert reasons(grown(growing(since=since), mounting())) == expected


def test_a_disk_that_is_attached_is_detached_first() -> None:
    (finding,) = grown(growing(), mounting(), said=IN_USE).findings
    assert finding.problem == "PersistentVolumeClaim app/data asks for 50Gi and has 8Gi: it has not grown for 30 min."
    assert "does not make a disk larger while it is attached" in finding.cause
    assert f"“{IN_USE}”" in finding.cause
    assert "Take StatefulSet app/api to 0 replicas" in finding.fix


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "the csi-resizer beside the driver rancher.io/local-path does not run"),
        ("VolumeModificationRateExceeded: You've reached the maximum modification rate per volume limit.", "one change of a disk within"),
        ("rpc error: code = Internal desc = no such pool", "could not make the disk larger"),
    ],
)
def test_why_a_disk_does_not_grow_is_what_its_driver_says(said: str, why: str) -> None:
    (finding,) = grown(growing(), mounting(), said=said).findings
    assert why in finding.cause
    assert "rollout restart" not in finding.fix


def test_without_a_condition_only_what_was_said_makes_it_a_finding() -> None:
    assert reasons(grown(growing(""), mounting())) == []
    assert reasons(grown(growing(""), mounting(), said=IN_USE)) == ["ClaimDoesNotGrow"]


def test_a_file_system_that_waits_for_its_pod_asks_for_a_restart() -> None:
    (finding,) = grown(growing("FileSystemResizePending"), mounting("2026-01-01T10:00:00Z")).findings
    assert "StatefulSet app/api has had it mounted all the time" in finding.cause
    assert "$ kubectl -n app rollout restart statefulset api" in finding.fix
    (later,) = grown(growing("FileSystemResizePending"), mounting("2026-01-01T11:45:00Z")).findings
    assert "was started since, and the kubelet has not made it larger all the same" in later.cause
    assert reasons(grown(growing("FileSystemResizePending"))) == []  # no pod mounts it


@pytest.mark.parametrize("one", [growing("", has="50Gi"), growing("", has="60Gi"), growing("", has="much"), growing("", asked="")])
def test_a_claim_that_has_what_it_asks_for_passes(one: PersistentVolumeClaim) -> None:
    assert outcome(grown(one, mounting())) == "pass"


def stateful_set(asked: str = "100Gi", replicas: int = 1) -> Any:
    template = {"metadata": {"name": "d"}, "spec": {"resources": {"requests": {"storage": asked}}}}
    spec = {"template": {"spec": {"containers": []}}, "replicas": replicas, "volumeClaimTemplates": [template]}
    return listing("StatefulSet", [labelled(Workload, "app", "api", spec=spec)])


def as_before(asked: str = "100Gi", *, grows: bool = True, volume: dict[str, Any] | None = None) -> Any:
    one = growing("", asked="20Gi", has="20Gi", name="d-api-0")
    classes = listing("StorageClass", [msgspec.structs.replace(CLASSES[0], allow_volume_expansion=grows)])
    made = volume or {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}
    given = {"stateful_sets": stateful_set(asked), "storage_classes": classes, "volumes": listing("PersistentVolume", [])}
    if volume:
        given["volumes"] = listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pv"}, spec=made)])
    return judged(probe_claims, **platform(one, **given))


def test_claims_that_a_stateful_set_has_outgrown_are_found_and_grow_by_command() -> None:
    (finding,) = as_before().findings
    assert (finding.reason, finding.severity) == ("ClaimAsBefore", Severity.WARNING)
    assert finding.problem == "StatefulSet app/api asks for 100Gi for each of its volumes d, and d-api-0 asks for 20Gi."
    wanted = '{"spec":{"resources":{"requests":{"storage":"100Gi"}}}}'
    assert f"$ kubectl -n app patch pvc d-api-0 -p '{wanted}'" in finding.fix


def test_where_the_class_does_not_let_them_grow_no_command_is_printed() -> None:
    (finding,) = as_before(grows=False).findings
    assert "allowVolumeExpansion" in finding.fix
    assert "patch pvc" not in finding.fix


def test_a_folder_of_a_node_has_no_size_and_smaller_templates_ask_for_nothing() -> None:
    assert reasons(as_before(volume={"hostPath": {"path": "/x"}, "nodeAffinity": {"required": {}}})) == []
    assert reasons(as_before("20Gi")) == []
    assert reasons(as_before("10Gi")) == []
