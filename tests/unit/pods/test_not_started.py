from typing import Any

import msgspec
import pytest
import yaml

from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Finding
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod, Service, Workload
from clusterprobe.systems.pods.start_logs import StartLog, telling
from clusterprobe.systems.pods.starts import StartEvent, StartEvents
from clusterprobe.verdict import Verdict
from probes.pods.probe_not_started import probe_not_started
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, TEN_MINUTES_AGO, JUST_UNDER = "2027-01-15T05:00:00Z", "2027-01-15T07:50:00Z", "2027-01-15T07:50:01Z"
CREATING = {"waiting": {"reason": "ContainerCreating"}}
RUNNING = {"running": {"startedAt": LONG_AGO}}
MEMORY = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found."


def pod(name: str = "web-0", state: dict[str, Any] | None = None, *, phase: str = "Pending", node: str = "worker1", **more: Any) -> Pod:
    """A pod of the StatefulSet web that is not ready since `since`; its one container is in this state."""
    since, owner = more.pop("since", LONG_AGO), more.pop("owner", "web")
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": since, **more.pop("scheduled", {})}
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": since, **more.pop("ready", {})}
    statuses = [{"name": "web", "state": CREATING if state is None else state}] if node else []
    status = {"phase": phase, "conditions": [condition, ready], "containerStatuses": statuses, **more.pop("status", {})}
    kind = more.pop("kind", "StatefulSet")
    spec = {"containers": [{"name": "web", "image": "shop/web:1", **more.pop("container", {})}], "nodeName": node, **more}
    owners = [{"kind": kind, "name": owner, "uid": owner, "controller": True}]
    metadata = {"creationTimestamp": since, "ownerReferences": owners}
    return labelled(Pod, "shop", name, {"app": "web"}, metadata=metadata, spec=spec, status=status)


def well(name: str = "web-9") -> Pod:
    return pod(name, RUNNING, phase="Running", ready={"status": "True"})


def unscheduled(message: str = MEMORY, name: str = "web-0", **more: Any) -> Pod:
    said = {"status": "False", "reason": "Unschedulable", "message": message}
    return pod(name, node="", scheduled=said, **more)


def said(*messages: str, reason: str = "FailedMount", name: str = "web-0") -> Readings[StartEvents]:
    one = labelled(Pod, "shop", name, spec={"containers": []})
    return listing("Pod", [one]).map(lambda _, __: StartEvents([StartEvent(reason, text, 9, CLOCK.now - 60) for text in messages]))


def readings(*pods: Pod, **changed: Any) -> dict[str, Any]:
    """All that the probe reads: three ready nodes, and these pods."""
    nodes = [
        make(Node, metadata={"name": f"worker{one}"}, status={"conditions": [{"type": "Ready", "status": "True"}]}) for one in (1, 2, 3)
    ]
    return {
        "pods": listing("Pod", pods),
        "start_events": Readings(absent="every pod is ready"),
        "start_logs": Readings(absent="every pod that runs is ready"),
        "services": listing("Service", []),
        "nodes": listing("Node", nodes),
        "claims": listing("PersistentVolumeClaim", []),
        "volumes": listing("PersistentVolume", []),
        "stateful_sets": listing("StatefulSet", []),
        "profile": Profile(),
        "clock": CLOCK,
        **changed,
    }


def judge(*pods: Pod, **changed: Any) -> Verdict:
    return judged(probe_not_started, **readings(*pods, **changed))


def found(*pods: Pod, **changed: Any) -> Finding:
    (one,) = judge(*pods, **changed).findings
    return one


def test_the_data_of_a_claim_that_is_being_deleted_are_kept_first() -> None:
    claim = labelled(
        PersistentVolumeClaim,
        "shop",
        "data",
        metadata={"deletionTimestamp": LONG_AGO},
        spec={"volumeName": "pv-1"},
        status={"phase": "Bound"},
    )
    mounts = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
    one = found(unscheduled('persistentvolumeclaim "data" is being deleted', **mounts), claims=listing("PersistentVolumeClaim", [claim]))
    kept, *_ = [each for step in one.steps if step.kind != "look" for each in step.commands]
    assert line(kept).startswith("kubectl patch pv pv-1 -p ")
    assert "Retain" in line(kept)
    assert "without data" in one.fix


def test_an_export_that_is_refused_may_be_a_wrong_path() -> None:
    message = "mount.nfs: access denied by server while mounting 10.0.0.5:/srv"
    assert "correct the path of the volume" in found(pod(), start_events=said(message)).fix


def test_pods_that_are_ready_pass() -> None:
    assert outcome(judge(well())) == "pass"


@pytest.mark.parametrize(
    "one",
    [
        pod(phase="Succeeded"),
        pod(phase="Failed"),
        pod("x", {"waiting": {"reason": "CrashLoopBackOff"}}, phase="Running"),  # of `pods/crash-loop`
        pod("x", {"waiting": {"reason": "ErrImagePull"}}),
        pod("x", {"terminated": {"exitCode": 0}}, phase="Running", restartPolicy="OnFailure"),  # a Job's, beside one that runs
        labelled(Pod, "shop", "x", metadata={"deletionTimestamp": LONG_AGO}, spec={"containers": []}, status={"phase": "Pending"}),
    ],
)
def test_what_ended_or_crashes_or_terminates_is_no_matter_of_this(one: Pod) -> None:
    assert outcome(judge(one)) == "pass"


@pytest.mark.parametrize(("since", "codes"), [(JUST_UNDER, []), (TEN_MINUTES_AGO, ["ContainersNotCreated"])])
def test_it_counts_from_ten_minutes_on(since: str, codes: list[str]) -> None:
    verdict = judge(pod(since=since))
    assert reasons(verdict) == codes
    assert bool(verdict.notes) is not bool(codes)


def test_a_pod_that_does_not_say_since_when_is_unchecked() -> None:
    one = pod(scheduled={"lastTransitionTime": None})
    one = labelled(Pod, "shop", "web-0", spec={"containers": [], "nodeName": "worker1"}, status={"phase": "Pending"})
    assert outcome(judge(one)) == "inconclusive"


def test_a_pod_that_no_node_takes_is_found_with_what_it_requests() -> None:
    one = found(unscheduled(container={"resources": {"requests": {"memory": "64Gi"}}}))
    assert (one.reason, one.severity, str(one.subject)) == ("PodUnscheduled", "error", "StatefulSet shop/web")
    assert one.problem == "1 pod of StatefulSet shop/web is Pending, without a node, for 3 h: web-0."
    assert "“0/3 nodes are available: 3 Insufficient memory." in one.cause
    assert "No node has as much free as the pod requests: memory (container web requests 64Gi)." in one.cause
    assert "request less memory" in one.fix


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached, 2 node(s) had untolerated taint {gpu: }"),
        ("FailedScheduling", 'Failed to schedule pod, incompatible with nodepool "default", no instance type satisfied resources'),
    ],
)
def test_why_the_autoscaler_adds_no_node_is_quoted(reason: str, message: str) -> None:
    one = found(unscheduled(), start_events=said(message, reason=reason))
    assert f"The autoscaler adds no node for it: “{message}”." in one.cause
    assert "autoscaler" not in found(unscheduled(), start_events=said(MEMORY, reason="FailedScheduling")).cause


PORTS = "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports."
WITH_PORT = {"ports": [{"containerPort": 80, "hostPort": 80}]}


def test_who_has_the_host_port_is_named() -> None:
    other = pod("other-0", RUNNING, phase="Running", ready={"status": "True"}, owner="other", container=WITH_PORT)
    one = found(unscheduled(PORTS, container=WITH_PORT), other)
    assert "Another pod has the same hostPort on the node (80). Pods of StatefulSet shop/other have such a port." in one.cause
    assert "Give one of the two another hostPort than 80" in one.fix


def test_an_update_that_waits_for_the_port_of_its_own_pod_is_told_to_end_that_first() -> None:
    old = pod("web-1", RUNNING, phase="Running", ready={"status": "True"}, container=WITH_PORT)
    one = found(unscheduled(PORTS, container=WITH_PORT), old)
    assert "Pods of its own workload have such a port." in one.cause
    assert "`strategy.type: Recreate` (without `rollingUpdate`), or maxSurge 0" in one.fix


def test_a_pod_of_k3s_for_a_service_leads_to_that_service() -> None:
    one = unscheduled(PORTS, container=WITH_PORT)
    one.metadata.labels.update({"svccontroller.k3s.cattle.io/svcname": "nginx", "svccontroller.k3s.cattle.io/svcnamespace": "ingress"})
    assert "Give the Service ingress/nginx another port than 80" in found(one).fix


def test_what_the_operator_makes_is_not_to_be_created_by_hand() -> None:
    missing = 'MountVolume.SetUp failed for volume "config" : secret "web-generated" not found'
    one = pod()
    assert "Create the Secret web-generated" in found(one, start_events=said(missing)).fix
    one.metadata.labels["app.kubernetes.io/managed-by"] = "prometheus-operator"
    assert "Let the Operator make it" in found(one, start_events=said(missing)).fix
    assert "Create" not in found(one, start_events=said(missing)).fix
    assert "Create the Secret other" in found(one, start_events=said(missing.replace("web-generated", "other"))).fix


def test_the_pods_of_one_workload_with_one_cause_are_one_finding() -> None:
    one = found(unscheduled(), unscheduled(name="web-1"))
    assert one.problem == "2 pods of StatefulSet shop/web are Pending, without a node, for 3 h: web-0, web-1."
    assert one.breaks == ["StatefulSet/shop/web"]


def test_where_other_pods_of_it_are_ready_it_is_a_warning() -> None:
    assert found(unscheduled(), well()).severity == "warning"
    assert "Other pods of it are ready." in found(unscheduled(), well()).problem


def test_whether_others_are_ready_is_not_taken_for_known_where_pods_could_not_be_read() -> None:
    half = listing("Pod", [unscheduled()], unreadable=[refused("PodList", "shop")])
    assert found(pods=half).severity == "warning"


def waits_for_a_volume(key: str, value: str) -> Finding:
    """What is found of a pod whose volume is only on nodes with this label."""
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}]
    affinity = {"required": {"nodeSelectorTerms": terms}}
    volume = make(PersistentVolume, metadata={"name": "pv-1"}, spec={"nodeAffinity": affinity})
    claim = labelled(PersistentVolumeClaim, "shop", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"})
    return found(
        unscheduled(
            "0/3 nodes are available: 3 node(s) had volume node affinity conflict.",
            volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
        ),
        claims=listing("PersistentVolumeClaim", [claim]),
        volumes=listing("PersistentVolume", [volume]),
    )


def test_a_volume_on_a_node_that_does_not_exist_is_named_with_it() -> None:
    one = waits_for_a_volume("kubernetes.io/hostname", "worker9")
    assert "PersistentVolume pv-1 of PVC data is only on worker9, and worker9 is not in the cluster." in one.cause
    assert "$ kubectl get pv pv-1 -o yaml" in one.fix


def test_a_disk_of_a_zone_is_named_with_the_zone() -> None:
    one = waits_for_a_volume("topology.ebs.csi.aws.com/zone", "eu-west-1a")
    assert "PersistentVolume pv-1 of PVC data is only for nodes with topology.ebs.csi.aws.com/zone=eu-west-1a." in one.cause
    assert "Add a node with topology.ebs.csi.aws.com/zone=eu-west-1a that has room" in one.fix


def test_a_claim_without_a_volume_explains_the_pod_that_mounts_it() -> None:
    claim = labelled(PersistentVolumeClaim, "shop", "data", status={"phase": "Pending"})
    mounted = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    claims = listing("PersistentVolumeClaim", [claim])
    waits = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    assert found(unscheduled(waits, **mounted), claims=claims).rests_on == ["PersistentVolumeClaim/shop/data"]
    assert found(unscheduled(**mounted), claims=claims).rests_on == []
    assert "PVC data is Pending" in found(pod(**mounted), claims=claims).cause


def test_a_claim_that_does_not_exist_is_named() -> None:
    mounted = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    assert "PVC data does not exist." in found(pod(**mounted)).cause
    half = listing("PersistentVolumeClaim", [], unreadable=[refused("PersistentVolumeClaimList")])
    assert "does not exist" not in found(pod(**mounted), claims=half).cause


def test_a_secret_that_does_not_exist_is_named_and_looked_for() -> None:
    one = found(pod(), start_events=said('MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found'))
    assert 'secret "web-tls" not found' in one.cause
    assert "Create the Secret web-tls" in one.fix
    assert one.rests_on == ["Secret/shop/web-tls"]


def test_without_any_event_only_that_is_said() -> None:
    one = found(pod())
    assert one.cause == "No event of it that is still kept says why."
    assert "kubelet's log" in one.fix


def test_a_node_that_is_not_ready_explains_what_is_to_start_on_it() -> None:
    lost = make(Node, metadata={"name": "worker1"}, status={"conditions": [{"type": "Ready", "status": "Unknown"}]})
    one = found(pod(), nodes=listing("Node", [lost]))
    assert one.cause == "Its node worker1 is not ready."
    assert one.rests_on == ["Node/worker1"]
    assert found(pod(node="worker9")).cause == "Its node worker9 is not in the cluster."


def init_container(command: list[str], restart: str = "") -> dict[str, Any]:
    """The fields of a pod in which an init container has run for three hours."""
    first = {"name": "wait", "image": "busybox:1", "command": command, "restartPolicy": restart}
    return {"initContainers": [first], "status": {"initContainerStatuses": [{"name": "wait", "state": RUNNING}]}}


def test_an_init_container_that_calls_what_does_not_exist_is_an_error() -> None:
    one = found(pod(**init_container(["sh", "-c", "until nc -z db 5432; do sleep 1; done"])))
    assert (one.reason, one.severity) == ("InitContainerWaits", "error")
    assert "What it calls: Service shop/db does not exist yet." in one.cause
    assert "$ kubectl -n shop logs web-0 -c wait --tail=20" in one.fix


def test_an_init_container_that_has_much_to_do_is_a_warning() -> None:
    one = found(pod(**init_container(["migrate"])))
    assert (one.severity, one.rests_on) == ("warning", [])


def test_an_init_container_that_calls_a_service_without_ready_pods_rests_on_it() -> None:
    database = labelled(Service, "shop", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 5432}]})
    one = found(pod(**init_container(["nc", "-z", "db", "5432"])), services=listing("Service", [database]))
    assert one.rests_on == ["Service/shop/db"]


def test_a_sidecar_is_no_init_container_that_waits() -> None:
    assert found(pod(**init_container(["proxy"], "Always"))).reason == "ContainersNotCreated"


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        ("HTTP probe failed with statuscode: 503", "it answers, and reports that it is not ready"),
        ("HTTP probe failed with statuscode: 404", "Correct the path"),
        ("dial tcp 10.0.0.1:8080: connect: connection refused", "Nothing listens"),
        ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "raise timeoutSeconds"),
        ("command exited with 1", "correct the readiness probe"),
    ],
)
def test_a_container_that_is_not_ready_is_found_with_what_its_probe_answers(answer: str, fix: str) -> None:
    event = said(f"Readiness probe failed: {answer}", reason="Unhealthy")
    one = found(pod("web-0", RUNNING, phase="Running"), start_events=event)
    assert one.reason == "PodNotReady"
    assert answer in one.cause
    assert fix in one.fix


def test_a_readiness_gate_that_is_not_met_is_found() -> None:
    ready = {"reason": "ReadinessGatesNotReady", "message": 'the status of pod readiness gate "lb.example.com/healthy" is not "True"'}
    one = found(
        pod(
            "web-0", RUNNING, phase="Running", ready=ready, status={"containerStatuses": [{"name": "web", "ready": True, "state": RUNNING}]}
        )
    )
    assert "lb.example.com/healthy" in one.cause


def test_a_pod_whose_node_is_lost_is_no_pod_that_does_not_start() -> None:
    """Its containers were ready when the kubelet last said something of them."""
    ready = {"status": "False", "message": ""}
    statuses = {"containerStatuses": [{"name": "web", "ready": True, "state": RUNNING}]}
    assert outcome(judge(pod("web-0", RUNNING, phase="Running", ready=ready, status=statuses))) == "pass"


def gated(gate: str, since: str = LONG_AGO, **more: Any) -> Pod:
    scheduled = {"status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked", "lastTransitionTime": since}
    return pod(node="", scheduled=scheduled, since=since, schedulingGates=[{"name": gate}], **more)


def test_a_scheduling_gate_that_nothing_takes_away_is_found_with_its_name() -> None:
    one = found(gated("example.com/quota"))
    assert (one.reason, one.severity) == ("PodGated", "warning")
    assert one.problem.startswith("1 pod of StatefulSet shop/web is held by a scheduling gate, for 3 h")
    assert "spec.schedulingGates has example.com/quota" in one.cause
    assert "takes example.com/quota away" in one.fix
    assert outcome(judge(gated("example.com/quota", JUST_UNDER))) == "pass"


@pytest.mark.parametrize(("since", "expected"), [("2027-01-15T07:00:01Z", []), ("2027-01-15T07:00:00Z", ["PodGated"])])
def test_a_pod_may_wait_for_an_hour_in_a_queue_of_kueue(since: str, expected: list[str]) -> None:
    verdict = judge(gated("kueue.x-k8s.io/admission", since))
    assert reasons(verdict) == expected
    assert [one for one in verdict.findings if "Kueue has not admitted it" not in one.cause or "workloads.kueue" not in one.fix] == []


def test_where_there_is_no_pod_it_does_not_apply() -> None:
    assert outcome(judge()) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(
        probe_not_started, readings(pod(), unscheduled(name="web-1"), start_events=said("mount.nfs: Connection timed out"))
    )


def test_a_node_under_pressure_is_no_taint_to_tolerate() -> None:
    one = found(unscheduled("0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }."))
    assert "short of disk" in one.cause
    assert "tolerate" not in one.fix


def test_a_claim_that_does_not_exist_is_created_and_needs_no_volume_before() -> None:
    mounted = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    one = found(unscheduled('0/3 nodes are available: persistentvolumeclaim "data" not found.', volumes=mounted))
    assert "Create PVC data" in one.fix
    assert "Let the PVC get its volume" not in one.fix


def test_a_secret_of_the_driver_is_looked_for_where_the_driver_has_it() -> None:
    message = 'failed to find the secret csi-node in the namespace ceph with error: secrets "csi-node" not found'
    one = found(pod(), start_events=said(message))
    assert "kubectl -n ceph get secrets" in one.fix
    assert "Create the Secret csi-node in ceph" in one.fix
    assert "Secret/ceph/csi-node" in [str(ref) for ref in one.rests_on]


def test_all_that_is_missing_is_created() -> None:
    one = found(pod(), start_events=said('MountVolume.SetUp failed for volume "all" : [secret "a" not found, configmap "b" not found]'))
    assert "Create the Secret a" in one.fix
    assert "Create the ConfigMap b" in one.fix


@pytest.mark.parametrize(
    ("reason", "message", "fix"),
    [
        ("FailedMount", 'SecretProviderClass.secrets-store.csi.x-k8s.io "vault" not found', "Create the SecretProviderClass vault"),
        ("FailedMount", "bad superblock on /dev/sdb, missing codepage or helper program", "Take a snapshot of the disk first"),
        ("FailedCreatePodSandBox", 'no runtime for "kata" is configured', "runtimeClassName"),
        ("FailedCreatePodSandBox", "error setting cgroup config", "Repair on that node"),
    ],
)
def test_what_the_kubelet_cannot_do_has_a_fix_of_its_own(reason: str, message: str, fix: str) -> None:
    assert fix in found(pod(), start_events=said(message, reason=reason)).fix


def test_the_devices_of_a_claim_are_looked_for() -> None:
    assert "kubectl -n shop get resourceclaims" in found(unscheduled("0/3 nodes are available: 3 cannot allocate all claims.")).fix


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        ("HTTP probe failed with statuscode: 404", "Correct the path of its readiness probe"),
        ("HTTP probe failed with statuscode: 401", "needs no login"),
        ("HTTP probe failed with statuscode: 503", "reports that it is not ready"),
        ('exec: "redis-cli": executable file not found in $PATH', "the image has no such program"),
        ("http: server gave HTTP response to HTTPS client", "scheme of its readiness probe to HTTP,"),
        ("net/http: HTTP/1.x transport connection broken: malformed HTTP response", "to HTTPS"),
        ("error: this server does not implement the grpc health protocol", "grpc.health.v1.Health"),
        ("dial tcp 10.0.0.9:80: connect: connection refused", "Nothing listens"),
        ("context deadline exceeded", "within the timeout of 1 s of its readiness probe"),
        ("something new", "or correct the readiness probe"),
    ],
)
def test_a_readiness_probe_is_repaired_by_what_it_was_answered(answer: str, fix: str) -> None:
    running = pod(state=RUNNING, phase="Running", container={"readinessProbe": {}})
    assert fix in found(running, start_events=said(f"Readiness probe failed: {answer}", reason="Unhealthy")).fix


# --- an update that waits for itself -----------------------------------------------------------------------------------

MULTI = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) grafana-old'


def of_deployment(name: str, node: str, one: Pod) -> Pod:
    owners = [{"kind": "ReplicaSet", "name": f"grafana-{name}", "uid": name, "controller": True}]
    metadata = {"creationTimestamp": LONG_AGO, "ownerReferences": owners}
    spec = {"containers": [{"name": "g"}], "nodeName": node, "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "grafana"}}]}
    status = msgspec.to_builtins(one.status)
    return labelled(Pod, "shop", f"grafana-{name}", {"pod-template-hash": name}, metadata=metadata, spec=spec, status=status)


def test_an_update_whose_old_pod_has_the_volume_is_told_to_end_that_first() -> None:
    old = of_deployment("old", "worker2", pod(state=RUNNING, phase="Running", ready={"status": "True"}, status={"podIP": "10.0.0.1"}))
    new = of_deployment("new", "worker1", pod())
    one = found(new, old, start_events=said(MULTI, reason="FailedAttachVolume", name="grafana-new"))
    assert "Its volume is attached where Pod grafana-old of the same Deployment runs" in one.cause
    wanted = '{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}'
    assert f"$ kubectl -n shop patch deployment grafana -p '{wanted}'" in one.fix
    alone = found(new, start_events=said(MULTI, reason="FailedAttachVolume", name="grafana-new"))
    assert "patch deployment" not in alone.fix


def test_a_volume_of_longhorn_that_is_not_ready_stands_under_what_longhorn_says_of_it() -> None:
    one = found(pod(), start_events=said("volume pvc-1 is not ready for workloads", reason="FailedAttachVolume"))
    assert one.rests_on == ["Other/longhorn-system/Volume/pvc-1"]
    assert "$ kubectl get volumes.longhorn.io,replicas.longhorn.io -A" in one.fix


def test_a_folder_of_a_local_volume_is_not_made_anew_without_its_data() -> None:
    one = found(pod(), start_events=said('NewMounter initialization failed for volume "pv" : path "/mnt/disks/a" does not exist'))
    assert "Bring /mnt/disks/a back on node worker1" in one.fix
    assert "mkdir" not in one.fix


# --- what a container that is not ready says of itself -----------------------------------------------------------------------

KUBELET = (
    'E1122 21:23:14.168158 1 scraper.go:149] "Failed to scrape node" err="Get \\"https://10.0.0.2:10250/metrics/resource\\": tls: failed to verify '
    'certificate: x509: cannot validate certificate for 10.0.0.2 because it doesn\'t contain any IP SANs" node="worker1"'
)


def logged(line: str, name: str = "web-0") -> Readings[StartLog]:
    return listing("Pod", [labelled(Pod, "shop", name, spec={"containers": []})]).map(lambda _, __: StartLog("web", line))


@pytest.mark.parametrize(
    ("line", "cause", "fix"),
    [
        (KUBELET, "The kubelets show certificates that they have signed themselves", "serverTLSBootstrap"),
        (
            'level=error msg="failed to start tailer" error="open /var/log/pods/a/0.log: permission denied"',
            "It may not read the log files of its node",
            "seLinuxOptions",
        ),
        ("ERROR cannot reach the queue", "Its log says “ERROR cannot reach the queue”.", "Repair what its log names"),
        ("", "statuscode: 500", "Repair what its readiness probe asks"),
    ],
)
def test_what_a_container_says_of_itself_tells_why_it_is_not_ready(line: str, cause: str, fix: str) -> None:
    running = pod(state=RUNNING, phase="Running", container={"readinessProbe": {}})
    failing = said("Readiness probe failed: HTTP probe failed with statuscode: 500", reason="Unhealthy")
    one = found(running, start_events=failing, start_logs=logged(line))
    assert cause in one.cause
    assert fix in one.fix


def test_the_last_line_that_tells_of_an_error_is_taken() -> None:
    lines = [KUBELET, 'I1122 21:23:18.554278 1 server.go:191] "Failed probe" err="no metrics to serve"', "GET /ready 500"]
    assert telling(lines) == KUBELET
    assert telling(["level=info msg=ready", "no errors were found"]) == ""


# --- a virtual node, and a DaemonSet ----------------------------------------------------------------------------------------

TOO_MANY = "0/4 nodes are available: 1 Too many pods, 3 node(s) didn't satisfy plugin(s) [NodeAffinity]."
FARGATE = make(
    Node,
    metadata={"name": "fargate-10-0-0-9", "labels": {"eks.amazonaws.com/compute-type": "fargate"}},
    status={"conditions": [{"type": "Ready", "status": "True"}]},
)


def agents(*nodes: str) -> list[Pod]:
    """One on each of these nodes, and one that is not placed."""
    made: dict[str, Any] = {"kind": "DaemonSet", "owner": "agent"}
    placed = [pod(f"agent-{one}", RUNNING, phase="Running", node=one, ready={"status": "True"}, **made) for one in nodes]
    return [*placed, unscheduled(TOO_MANY, "agent-x", **made)]


def with_fargate() -> Readings[Node]:
    return listing("Node", [*readings()["nodes"].items, FARGATE])


def test_a_pod_that_a_daemon_set_made_for_a_virtual_node_is_a_warning_that_keeps_it_away() -> None:
    one = found(*agents("worker1", "worker2", "worker3"), nodes=with_fargate())
    assert one.severity == "warning"
    assert "made it for fargate-10-0-0-9: a virtual node" in one.cause
    assert "maxPods" not in one.fix
    (code,) = [step.code for step in one.steps if step.code]
    assert yaml.safe_load(code)["affinity"]["nodeAffinity"]


def test_where_another_node_lacks_one_too_it_may_be_for_that() -> None:
    one = found(*agents("worker1", "worker2"), nodes=with_fargate())
    assert "virtual" not in one.cause
    assert "maxPods" in one.fix


# --- a StatefulSet that was corrected since ----------------------------------------------------------------------------


def stateful_set(newest: str = "web-new", generation: int = 2, **spec: Any) -> Readings[Workload]:
    wanted = {"template": {"spec": {"containers": []}}, "replicas": 1, "podManagementPolicy": "OrderedReady", **spec}
    status = {"updateRevision": newest, "observedGeneration": 2}
    return listing("StatefulSet", [labelled(Workload, "shop", "web", metadata={"generation": generation}, spec=wanted, status=status)])


def of_revision(revision: str = "web-old") -> Pod:
    return msgspec.structs.replace(pod(), metadata=msgspec.structs.replace(pod().metadata, labels_={"controller-revision-hash": revision}))


def test_a_pod_of_an_earlier_revision_is_deleted_since_its_controller_waits_for_it() -> None:
    one = found(of_revision(), stateful_sets=stateful_set(), start_events=said('secret "tls" not found'))
    assert "It is of revision web-old, and StatefulSet shop/web asks for web-new by now" in one.cause
    assert "“secret 'tls' not found”" in one.cause.replace('"', "'")
    assert "$ kubectl -n shop delete pod web-0" in one.fix
    assert "Create" not in one.fix


@pytest.mark.parametrize(
    ("pods", "sets"),
    [
        (of_revision("web-new"), stateful_set()),
        (pod(), stateful_set()),  # it does not say of which revision it is
        (of_revision(), stateful_set(podManagementPolicy="Parallel")),
        (of_revision(), stateful_set(updateStrategy={"type": "OnDelete"})),
        (of_revision(), stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})),
        (of_revision(), stateful_set(generation=3)),  # its controller has not seen the newest template
        (of_revision(), stateful_set("")),
        (of_revision(), Readings((), (refused("StatefulSetList"),))),
    ],
)
def test_what_its_controller_replaces_or_leaves_by_intent_is_not_deleted(pods: Pod, sets: Readings[Workload]) -> None:
    assert "by now: its template was changed since" not in found(pods, stateful_sets=sets).cause
