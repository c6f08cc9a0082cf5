"""What keeps a pod from starting, by what the scheduler and the kubelet say of it: one row for each."""

from typing import Any, get_args

import pytest

from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.missing_objects import Missing
from clusterprobe.systems.pods.start_advice import steps
from clusterprobe.systems.pods.start_causes import Fault, Obstacle, obstacles_of, scheduling_obstacles
from clusterprobe.systems.pods.start_diagnosis import Held
from clusterprobe.systems.pods.start_words import cause_of
from clusterprobe.systems.pods.starts import Start, StartEvent, State
from tests.factories import labelled

VOLUMES = [
    {"name": "tls", "secret": {"secretName": "web-tls"}},
    {"name": "settings", "configMap": {"name": "web-settings"}},
]


def pod(**spec: Any) -> Pod:
    return labelled(Pod, "shop", "web-0", spec={"containers": [{"name": "web"}], **spec})


def creating(*events: StartEvent) -> Obstacle:
    """What is taken for the cause, of a pod whose containers are not created, after these events."""
    (one,) = obstacles_of(Start(pod(volumes=VOLUMES), "creating", 0.0), list(events))
    return one


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("3 Insufficient memory", "resources"),
        ("1 Insufficient nvidia.com/gpu", "resources"),
        ("2 node(s) had untolerated taint {dedicated: gpu}", "taint"),
        ("1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate", "taint"),
        ("1 node(s) had untolerated taint(s)", "taint"),
        ("1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }", "node not ready"),
        ("1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }", "node not ready"),
        ("3 node(s) didn't match Pod's node affinity/selector", "selector"),
        ("3 node(s) didn't match node selector", "selector"),
        ("1 node(s) didn't match the requested node name", "selector"),
        ("3 node(s) had volume node affinity conflict", "volume node"),
        ("1 node(s) didn't have free ports for the requested pod ports", "host port"),
        ("pod has unbound immediate PersistentVolumeClaims", "claim"),
        ("3 node(s) didn't find available persistent volumes to bind", "claim"),
        ('persistentvolumeclaim "data" not found', "claim"),
        ("1 Too many pods", "too many pods"),
        ("1 node(s) were unschedulable", "cordoned"),
        ("3 node(s) didn't match pod topology spread constraints", "spread"),
        ("3 node(s) didn't match pod anti-affinity rules", "apart"),
        ("3 node(s) didn't satisfy existing pods anti-affinity rules", "apart"),
        ("2 node(s) exceed max volume count", "volume limit"),
        ("1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }", "node pressure"),
        ("1 node(s) had untolerated taint {node.cloudprovider.kubernetes.io/uninitialized: true}", "node not set up"),
        ("1 node(s) had untolerated taint {node.cilium.io/agent-not-ready: }", "node not set up"),
        ("1 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }", "cordoned"),
        ("3 node(s) didn't match pod topology spread constraints (missing required label)", "spread label"),
        ('persistentvolumeclaim "data" is being deleted', "claim deleted"),
        ('running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded', "claim"),
        ("3 cannot allocate all claims", "devices"),
        ("waiting for resource claim gpu to be created by the controller", "unschedulable"),
        ('resourceclaim.resource.k8s.io "gpu" not found', "unschedulable"),
        ("3 node(s) had no available volume zone", "volume node"),
        ("3 something that is new", "unschedulable"),
    ],
)
def test_what_the_scheduler_says(reason: str, fault: str) -> None:
    message = f"0/3 nodes are available: {reason}. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    assert [one.fault for one in scheduling_obstacles(message)] == [fault]
    assert [one.fault for one in scheduling_obstacles(reason)] == [fault]  # as without nodes that were looked at


def test_each_of_several_reasons_is_told_apart_also_where_a_taint_has_a_comma() -> None:
    message = "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) had taint {a: b}, that the pod didn't tolerate, 2 Insufficient example.com/fpga."
    found = scheduling_obstacles(message)
    assert [(one.fault, one.what) for one in found] == [("resources", "cpu"), ("taint", ""), ("resources", "example.com/fpga")]
    assert found[1].says == "1 node(s) had taint {a: b}, that the pod didn't tolerate"


@pytest.mark.parametrize(("kind", "faults"), [("DaemonSet", ["host port"]), ("ReplicaSet", ["host port", "selector"])])
def test_the_pod_of_a_daemon_set_is_for_one_node_so_that_others_need_not_match(kind: str, faults: list[str]) -> None:
    message = "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) didn't match Pod's node affinity/selector."
    metadata = {"ownerReferences": [{"kind": kind, "name": "agent", "uid": "1", "controller": True}]}
    one = labelled(Pod, "shop", "agent-1", metadata=metadata, spec={"containers": []})
    assert [found.fault for found in obstacles_of(Start(one, "unscheduled", 0.0, message=message), [])] == faults
    alone = Start(one, "unscheduled", 0.0, message="0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
    assert [found.fault for found in obstacles_of(alone, [])] == ["selector"]


@pytest.mark.parametrize("fault", get_args(Fault))
def test_whatever_keeps_a_pod_has_words_and_a_step(fault: Fault) -> None:
    one = Obstacle(fault, "said", "a.b.svc")
    held = Held(Start(pod(), "creating", 0.0, "web"), [one])
    assert cause_of(held)
    assert len(steps(held)) > 1


def test_a_pod_of_which_no_scheduler_says_anything_has_none() -> None:
    assert [one.fault for one in scheduling_obstacles("")] == ["no scheduler"]


@pytest.mark.parametrize(
    ("reason", "message", "fault"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found', "object missing"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "settings" : configmap "web-settings" not found', "object missing"),
        ("FailedMount", 'failed to fetch token: serviceaccounts "robot" not found', "account missing"),
        ("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old', "attached elsewhere"),
        ("FailedAttachVolume", "AttachVolume.Attach failed: rpc error: code = Internal desc = quota", "attach"),
        ("FailedMount", "applyFSGroup failed for vol x: open /raft: permission denied", "group refused"),
        ("FailedMount", "driver name nfs.csi.k8s.io not found in the list of registered CSI drivers", "driver missing"),
        ("FailedMount", "bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program", "mount program"),
        ("FailedMount", 'Could not mount "fs-1:/": Output: Failed to resolve "fs-1.efs.eu-west-1.amazonaws.com"', "nfs unreachable"),
        ("FailedMount", "mount.nfs: access denied by server while mounting 10.0.0.5:/srv", "nfs refused"),
        ("FailedMount", "mount.nfs: Connection timed out", "nfs unreachable"),
        ("FailedMount", "mount.nfs: mounting 10.0.0.5:/srv/a failed, reason given by server: No such file or directory", "nfs path"),
        ("FailedMount", "hostPath type check failed: /dev/fuse is not a character device", "host path"),
        ("FailedMount", "wrong fs type, bad option, bad superblock on /dev/sdb, missing codepage or helper program", "file system"),
        ("FailedMount", "wrong fs type, bad option, bad superblock on 10.0.0.5:/srv, missing codepage or helper program", "mount program"),
        ("FailedMount", "'fsck' found errors on device /dev/sdb but could not correct them", "file system"),
        ("FailedMount", "mount.nfs: rpc.statd is not running but is required for remote locking", "nfs lock"),
        ("FailedMount", "mount.nfs: Protocol not supported", "nfs version"),
        ("FailedMount", "mount.nfs: Stale file handle", "nfs stale"),
        ("FailedMount", "mount.nfs: an incorrect mount option was specified", "mount option"),
        ("FailedMount", 'SecretProviderClass.secrets-store.csi.x-k8s.io "vault" not found', "provider class"),
        ("FailedAttachVolume", "CSINode worker1 does not contain driver ebs.csi.aws.com", "driver missing"),
        ("FailedAttachVolume", "The disk resource 'd' is already being used by 'old'", "attached elsewhere"),
        ("FailedAttachVolume", "rpc error: code = Aborted desc = volume pvc-1 is not ready for workloads", "volume not ready"),
        ("FailedMount", 'MountVolume.NewMounter initialization failed for volume "pv" : path "/mnt/disks/a" does not exist', "local folder"),
        ("FailedMount", "mount failed: exit status 32 Output: mount: special device /mnt/disks/a does not exist", "local folder"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "kube-api-access-1" : object "shop"/"kube-root-ca.crt" not registered', "not registered"),
        ("FailedAttachVolume", "timed out waiting for external-attacher of ebs.csi.aws.com CSI driver to attach volume vol-1", "attacher"),
        ("FailedAttachVolume", 'Could not find volume "vol-1": InvalidVolume.NotFound', "disk missing"),
        ("FailedAttachVolume", "AttachVolume.Attach failed: AttachmentLimitExceeded: maximum attachments", "attach limit"),
        ("FailedAttachVolume", "OperationNotAllowed: The maximum number of data disks allowed to be attached to a VM of this size is 4.", "attach limit"),
        ("FailedAttachVolume", "Exceeded limit 'maximum_persistent_disks' on resource 'node'", "attach limit"),
        ("FailedAttachVolume", "InvalidVolume.ZoneMismatch: The volume is not in the same availability zone as instance", "attach zone"),
        ("FailedAttachVolume", "Disk d cannot be attached to the VM because it is not in the same zone as the VM.", "attach zone"),
        ("FailedAttachVolume", "AttachVolume.Attach failed: rpc error: UnauthorizedOperation: You are not authorized", "attach refused"),
        ("FailedAttachVolume", "AttachVolume.Attach failed: Code=AuthorizationFailed does not have authorization", "attach refused"),
        ("FailedCreatePodSandBox", 'no runtime for "kata" is configured', "runtime handler"),
        ("FailedCreatePodSandBox", 'failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image', "sandbox image"),
        ("FailedCreatePodSandBox", "OCI runtime create failed: error setting cgroup config", "sandbox"),
        ("FailedMount", 'error connecting to provider "vault": provider not found: provider "vault"', "provider missing"),
        ("FailedMount", "mke2fs: /dev/longhorn/pvc-1 is apparently in use by the system; will not make a filesystem here!", "disk in use"),
        ("FailedMount", "Mounting arguments: -t cifs //nas/share Output: mount error(13): Permission denied", "share login"),
        ("FailedMount", "Mounting arguments: -t cifs //nas/share Output: mount error(115): Operation now in progress", "share unreachable"),
        ("FailedMount", "Mounting arguments: -t cifs //nas/share Output: mount error(2): No such file or directory", "share path"),
        ("FailedMount", "mount.nfs: Failed to resolve server nas.storage.svc.cluster.local: Name or service not known", "cluster name"),
        ("FailedMount", "mount.nfs: Failed to resolve server nas.example.org: Name or service not known", "nfs unreachable"),
        ("FailedCreatePodSandBox", "cannot find a network-attachment-definition (lan) in namespace (shop)", "network missing"),
        ("FailedCreatePodSandBox", 'plugin type="calico" failed (add): connection is unauthorized: Unauthorized', "network login"),
        ("FailedMount", "something that is new", "mount"),
        ("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[d], unattached volumes=[]: timed out waiting", "volumes wait"),
        ("FailedMount", "Unable to mount volumes for pod web-0: timeout expired waiting for volumes to attach or mount", "volumes wait"),
        ("FailedCreatePodSandBox", "plugin type=aws-cni failed: failed to assign an IP address to container", "no address"),
        ("FailedCreatePodSandBox", "no IP addresses available in range set: 10.244.1.1-10.244.1.254", "no address"),
        ("FailedCreatePodSandBox", "plugin type=calico failed (add): error getting ClusterInformation", "network"),
        ("NetworkNotReady", "network is not ready: cni plugin not initialized", "network"),
        ("Pulling", 'Pulling image "registry.example.com/model:2"', "pulling"),
        ("Scheduled", "Successfully assigned shop/web-0 to worker1", "unknown"),
    ],
)  # fmt: skip
def test_what_the_kubelet_says(reason: str, message: str, fault: str) -> None:
    assert creating(StartEvent(reason, message, 5, 100.0)).fault == fault


@pytest.mark.parametrize(
    ("reason", "message", "what"),
    [
        ("FailedMount", 'provider not found: provider "vault"', "vault"),
        ("FailedMount", "mount.nfs: Failed to resolve server nas.storage.svc.cluster.local: Name or service not known", "nas.storage.svc.cluster.local"),
        ("FailedCreatePodSandBox", "cannot find a network-attachment-definition (lan) in namespace (shop)", "lan"),
        ("FailedMount", "mount.nfs: Connection timed out", ""),
    ],
)  # fmt: skip
def test_what_the_kubelet_names_is_kept(reason: str, message: str, what: str) -> None:
    assert creating(StartEvent(reason, message, 5, 100.0)).what == what


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ('MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found', Missing(kind="secret", name="web-tls")),
        (
            'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt',
            Missing(kind="secret", name="web-tls", key="tls.crt"),
        ),
        (
            'MountVolume.SetUp failed for volume "settings" : references non-existent config key: app.yaml',
            Missing(kind="configmap", name="web-settings", key="app.yaml"),
        ),
        ('MountVolume.SetUp failed for volume "other" : references non-existent secret key: a', None),
        (
            'failed to find the secret csi-node in the namespace ceph with error: secrets "csi-node" not found',
            Missing(kind="secret", name="csi-node", namespace="ceph"),
        ),
    ],
)
def test_a_missing_object_is_named_with_the_key_that_it_lacks(message: str, missing: Missing | None) -> None:
    one = creating(StartEvent("FailedMount", message))
    assert (one.fault, one.missing) == ("object missing", (missing,) if missing else ())


def test_all_that_a_projected_volume_lacks_is_named() -> None:
    one = creating(StartEvent("FailedMount", 'MountVolume.SetUp failed for volume "all" : [secret "a" not found, configmap "b" not found]'))
    assert one.missing == (Missing(kind="secret", name="a"), Missing(kind="configmap", name="b"))


def test_an_event_that_names_the_cause_comes_before_a_newer_one_that_only_says_that_it_waits() -> None:
    attach = StartEvent("FailedAttachVolume", "Multi-Attach error for volume", 1, 100.0)
    waits = StartEvent("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[d]", 20, 900.0)
    assert creating(attach, waits).fault == "attached elsewhere"


def test_a_volume_that_was_attached_since_is_no_longer_the_cause() -> None:
    attach = StartEvent("FailedAttachVolume", "Multi-Attach error for volume", 1, 100.0)
    attached = StartEvent("SuccessfulAttachVolume", "AttachVolume.Attach succeeded", 1, 200.0)
    assert creating(attach, attached).fault == "unknown"
    assert creating(attach, attached, StartEvent("FailedMount", "mount.nfs: Connection timed out", 3, 300.0)).fault == "nfs unreachable"


def test_an_image_that_has_arrived_is_no_longer_waited_for() -> None:
    pulling, pulled = StartEvent("Pulling", "Pulling image", 1, 100.0), StartEvent("Pulled", "Successfully pulled image", 1, 200.0)
    assert creating(pulling, pulled).fault == "unknown"


@pytest.mark.parametrize(
    ("container", "event", "fault"),
    [
        ("web", StartEvent("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"), "readiness probe"),
        ("web", StartEvent("Unhealthy", "Startup probe failed: connection refused"), "startup probe"),
        ("web", StartEvent("Unhealthy", "Liveness probe failed: timeout"), "unknown"),
        ("web", StartEvent("Pulled", "Container image already present"), "unknown"),
        ("", StartEvent("Pulled", "Container image already present"), "gate"),
    ],
)
def test_why_a_running_pod_is_not_ready(container: str, event: StartEvent, fault: str) -> None:
    state: State = "unready"
    assert [one.fault for one in obstacles_of(Start(pod(), state, 0.0, container), [event])] == [fault]


def test_that_an_object_is_not_registered_is_no_cause_beside_another() -> None:
    idle = StartEvent("FailedMount", 'MountVolume.SetUp failed for volume "c" : object "shop"/"web" not registered', 90, 2000.0)
    network = StartEvent("NetworkNotReady", "network is not ready: cni plugin not initialized", 9, 1000.0)
    assert creating(network, idle).fault == "network"
    assert creating(idle).fault == "not registered"


def test_what_of_a_volume_is_concerned_is_named() -> None:
    longhorn = StartEvent("FailedAttachVolume", "volume pvc-1 is not ready for workloads", 9, 1000.0)
    folder = StartEvent("FailedMount", 'NewMounter initialization failed for volume "pv" : path "/mnt/disks/a" does not exist', 9, 1000.0)
    assert (creating(longhorn).what, creating(folder).what) == ("pvc-1", "/mnt/disks/a")
