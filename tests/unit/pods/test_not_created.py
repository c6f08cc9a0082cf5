from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Job, Pod, ReplicaSet, Workload
from clusterprobe.systems.pods.creation_advice import cause_of, steps
from clusterprobe.systems.pods.creation_causes import refusal_of
from clusterprobe.systems.pods.creations import Count, Refused
from clusterprobe.verdict import Verdict
from probes.pods.probe_not_created import probe_not_created
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
NOON = "2027-01-15T05:00:00Z"
ACCOUNT = 'pods "web-1-" is forbidden: error looking up service account shop/web: serviceaccount "web" not found'
CLAIM = (
    'create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: persistentvolumeclaims "data-db-0" is forbidden: '
    "exceeded quota: disks, requested: requests.storage=9Gi"
)
SILENT = (
    'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post '
    '"https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s": no endpoints available for service "kyverno-svc"'
)


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": name, "controller": True}]


def replica_set(there: int = 0, message: str = ACCOUNT, *, wanted: int = 2, owner: str = "web", **more: Any) -> ReplicaSet:
    """The ReplicaSet web-1 of the Deployment web; without a message it says nothing of a failure."""
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message, "lastTransitionTime": NOON}
    status = {"replicas": there, "conditions": [failure] if message else []}
    metadata = {"creationTimestamp": NOON, "ownerReferences": owned("Deployment", owner) if owner else []}
    return labelled(ReplicaSet, "shop", "web-1", metadata=metadata, spec={"replicas": wanted}, **{"status": status, **more})


def workload(there: int, **more: Any) -> Workload:
    spec = {"replicas": 3, "template": {"spec": {"containers": []}}}
    return labelled(Workload, "shop", "db", metadata={"creationTimestamp": NOON}, spec=spec, status={"replicas": there, **more})


def daemon_set(wanted: int = 3) -> DaemonSet:
    status = {"desiredNumberScheduled": wanted}
    spec = {"template": {"spec": {"containers": []}}}
    return labelled(DaemonSet, "shop", "agent", metadata={"creationTimestamp": NOON}, spec=spec, status=status)


def job(spec: dict[str, Any] | None = None, owner: str = "", **status: Any) -> Job:
    metadata = {"creationTimestamp": NOON, "ownerReferences": owned("CronJob", owner) if owner else []}
    return labelled(Job, "shop", "load", metadata=metadata, spec=spec or {}, status=status)


def pod(kind: str, owner: str, created: str = NOON, **more: Any) -> Pod:
    ready = {"conditions": [{"type": "Ready", "status": more.pop("ready", "True")}]}
    metadata = {"creationTimestamp": created, "ownerReferences": owned(kind, owner), **more}
    return labelled(Pod, "shop", f"{owner}-x", {"pod-template-hash": "1"}, metadata=metadata, spec={"containers": []}, status=ready)


def said(kind: str, name: str, message: str = ACCOUNT, seconds_ago: float | None = 60) -> Readings[Complaint]:
    last = None if seconds_ago is None else CLOCK.now - seconds_ago
    return Readings(((Subject(kind=kind, namespace="shop", name=name), Complaint(message, 5, last)),))


def readings(**changed: Any) -> dict[str, Any]:
    return {
        "deployments": listing("Deployment", []),
        "replica_sets": listing("ReplicaSet", []),
        "stateful_sets": listing("StatefulSet", []),
        "daemon_sets": listing("DaemonSet", []),
        "jobs": listing("Job", []),
        "creation_failures": Readings(absent="there is no such event"),
        "pods": listing("Pod", []),
        "clock": CLOCK,
        **changed,
    }


def judge(**changed: Any) -> Verdict:
    return judged(probe_not_created, **readings(**changed))


def found(**changed: Any) -> Finding:
    (one,) = judge(**changed).findings
    return one


def test_what_has_its_pods_passes_whatever_was_said_before() -> None:
    sets = listing("StatefulSet", [workload(3)])
    assert outcome(judge(replica_sets=listing("ReplicaSet", [replica_set(2, "")]), stateful_sets=sets)) == "pass"
    assert outcome(judge(stateful_sets=sets, creation_failures=said("StatefulSet", "db"))) == "pass"


def test_a_daemon_set_with_a_pod_on_each_node_passes() -> None:
    sets, pods = listing("DaemonSet", [daemon_set(1)]), listing("Pod", [pod("DaemonSet", "agent")])
    assert outcome(judge(daemon_sets=sets, pods=pods)) == "pass"


def test_without_a_workload_it_does_not_apply() -> None:
    assert outcome(judge()) == "not_applicable"


def test_a_deployment_whose_pods_are_refused_is_found_in_the_words_of_the_refuser() -> None:
    one = found(replica_sets=listing("ReplicaSet", [replica_set()]))
    assert (one.reason, one.severity, str(one.subject)) == ("PodsNotCreated", "error", "Deployment shop/web")
    assert one.problem == "Deployment shop/web has 0 of 2 pods (ReplicaSet web-1): those that it lacks are refused."
    assert one.cause == f"Its ServiceAccount does not exist: “{ACCOUNT}”. This was first said 3 h ago."
    assert "$ kubectl -n shop describe replicaset web-1" in one.fix
    assert "Create the ServiceAccount web," in one.fix
    assert one.breaks == ["Deployment/shop/web", "ReplicaSet/shop/web-1"]


def test_an_event_after_the_condition_is_what_is_said_now() -> None:
    """The condition keeps the message with which it began."""
    newer = 'pods "web-1-x" is forbidden: exceeded quota: compute, requested: pods=1'
    one = found(replica_sets=listing("ReplicaSet", [replica_set()]), creation_failures=said("ReplicaSet", "web-1", newer))
    assert one.cause == f"The ResourceQuota of the namespace is used up: “{newer}”. This was last said 60 s ago."


def test_where_pods_of_another_revision_serve_it_is_a_warning() -> None:
    sets, pods = listing("ReplicaSet", [replica_set()]), listing("Pod", [pod("ReplicaSet", "web-1")])
    assert found(replica_sets=sets, pods=pods).severity == "warning"


def test_a_webhook_that_refuses_its_own_pods_is_left_out_until_they_run() -> None:
    said = SILENT.replace("kyverno.svc:443", "shop.svc:443")
    one = found(replica_sets=listing("ReplicaSet", [replica_set(message=said)]))
    assert "That webhook is of its own namespace: neither comes up without the other." in one.cause
    assert "set its failurePolicy to Ignore" in one.fix
    assert "POLICY:.webhooks[*].failurePolicy" in one.fix
    assert "Service/shop/kyverno-svc" in one.breaks
    assert one.rests_on == []


def test_a_webhook_that_does_not_answer_rests_on_its_service() -> None:
    one = found(replica_sets=listing("ReplicaSet", [replica_set(message=SILENT)]))
    assert one.rests_on == ["Service/kyverno/kyverno-svc"]
    assert "$ kubectl -n kyverno describe service kyverno-svc" in one.fix


def test_a_deployment_whose_replica_set_is_refused_is_found() -> None:
    condition = {
        "type": "Progressing",
        "status": "False",
        "reason": "ReplicaSetCreateError",
        "message": 'admission webhook "x" denied the request: no',
    }
    one = found(deployments=listing("Deployment", [workload(3, conditions=[condition])]))
    assert one.problem == "Deployment shop/db has no ReplicaSet of its newest template: it is refused."


@pytest.mark.parametrize(
    ("kind", "name", "lists"),
    [
        ("StatefulSet", "db", {"stateful_sets": listing("StatefulSet", [workload(1)])}),
        ("DaemonSet", "agent", {"daemon_sets": listing("DaemonSet", [daemon_set()])}),
        ("Job", "load", {"jobs": listing("Job", [job()])}),
        ("ReplicaSet", "web-1", {"replica_sets": listing("ReplicaSet", [replica_set(1, "", owner="")])}),
    ],
)
def test_an_event_says_why_the_others_lack_pods(kind: str, name: str, lists: dict[str, Any]) -> None:
    one = found(**lists, creation_failures=said(kind, name))
    assert str(one.subject) == f"{kind} shop/{name}"
    assert one.cause.startswith("Its ServiceAccount does not exist")


@pytest.mark.parametrize(
    ("created", "seconds_ago", "expected"),
    [
        ("2027-01-15T07:58:00Z", 120, ["PodsNotCreated"]),
        ("2027-01-15T07:58:00Z", 121, []),  # it created one since
        (NOON, None, []),  # it does not say when
    ],
)
def test_an_event_counts_until_a_pod_is_created(created: str, seconds_ago: float | None, expected: list[str]) -> None:
    sets, pods = listing("DaemonSet", [daemon_set()]), listing("Pod", [pod("DaemonSet", "agent", created)])
    verdict = judge(daemon_sets=sets, pods=pods, creation_failures=said("DaemonSet", "agent", seconds_ago=seconds_ago))
    assert reasons(verdict) == expected
    assert outcome(verdict) == ("findings" if expected else "inconclusive")


def test_an_event_of_an_object_that_had_its_name_before_does_not_count() -> None:
    sets = listing("DaemonSet", [daemon_set()])
    assert outcome(judge(daemon_sets=sets, creation_failures=said("DaemonSet", "agent", seconds_ago=9 * 3600))) == "inconclusive"


@pytest.mark.parametrize(
    ("one", "owner", "more"),
    [
        ({"stateful_sets": listing("StatefulSet", [workload(1)])}, ("StatefulSet", "db"), {"ready": "False"}),
        ({"daemon_sets": listing("DaemonSet", [daemon_set()])}, ("DaemonSet", "agent"), {"deletionTimestamp": NOON}),
    ],
)
def test_what_waits_for_a_pod_that_it_has_is_no_matter_of_this(one: Any, owner: Any, more: Any) -> None:
    assert outcome(judge(**one, pods=listing("Pod", [pod(*owner, **more)]))) == "pass"


@pytest.mark.parametrize(
    "one",
    [
        job(active=1),
        job({"suspend": True}),
        job(conditions=[{"type": "Complete", "status": "True"}]),
        job({"parallelism": 3, "completions": 4}, active=1, succeeded=3),
        job({"parallelism": 0}),
        job(failed=1),  # it waits before its next attempt
    ],
)
def test_a_job_that_creates_no_pod_now_is_well(one: Job) -> None:
    assert outcome(judge(jobs=listing("Job", [one]))) == "pass"


def test_the_jobs_of_a_cron_job_are_one_finding_of_that() -> None:
    one = found(jobs=listing("Job", [job(owner="nightly")]), creation_failures=said("Job", "load"))
    assert str(one.subject) == "CronJob shop/nightly"
    assert one.breaks == ["Other/shop/CronJob/nightly", "Job/shop/load"]


def test_what_lacks_pods_for_no_known_reason_is_unchecked() -> None:
    lacks = {"daemon_sets": listing("DaemonSet", [daemon_set()])}
    assert outcome(judge(**lacks)) == "inconclusive"
    blind: Readings[Complaint] = Readings((), (refused("EventList", reason="not allowed to list events"),))
    verdict = judge(**lacks, creation_failures=blind)
    assert {one.reason for one in verdict.unread} == {"it has 0 of 3 pods: not allowed to list events", "not allowed to list events"}


@pytest.mark.parametrize(("owner", "expected"), [("web", "pass"), ("", "inconclusive")])
def test_without_the_status_of_a_replica_set_its_deployment_speaks_for_it(owner: str, expected: str) -> None:
    assert outcome(judge(replica_sets=listing("ReplicaSet", [replica_set(status=None, owner=owner)]))) == expected


def test_a_deployment_that_says_so_itself_is_one_finding_with_its_replica_set() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": ACCOUNT}
    deployment = labelled(
        Workload, "shop", "web", spec={"replicas": 2, "template": {"spec": {"containers": []}}}, status={"conditions": [failure]}
    )
    alone = found(deployments=listing("Deployment", [deployment]))
    assert alone.problem == "Deployment shop/web has 0 of 2 pods: those that it lacks are refused."
    both = found(deployments=listing("Deployment", [deployment]), replica_sets=listing("ReplicaSet", [replica_set()]))
    assert both.problem == "Deployment shop/web has 0 of 2 pods (ReplicaSet web-1): those that it lacks are refused."


SHARD = "prometheus-monitoring-sharded-kube-pr-prometheus-shard-1"
LONG = f'Pod "{SHARD}-0" is invalid: metadata.labels: Invalid value: "{SHARD}-67f6bf87cd": must be no more than 63 bytes'


@pytest.mark.parametrize(
    ("name", "owner", "says"),
    [
        (SHARD, "", "Its name has 56 characters, and may have 52: shorten it, such as by `fullnameOverride`"),
        (SHARD, "Prometheus/main", "shorten the name of the object that it is made of, such as by `fullnameOverride`"),
        ("web", "", "Shorten the label that the message names"),
    ],
)
def test_a_name_that_makes_a_label_too_long_is_told_how_long_it_may_be(name: str, owner: str, says: str) -> None:
    controller = Subject(kind="StatefulSet", namespace="monitoring", name=name, owner=owner)
    one = Refused(controller, controller, Count(2, 0), refusal_of(LONG))
    assert says in steps(one)[-1].text
    assert ("made of its own name" in cause_of(one)) is (name == SHARD)


@pytest.mark.parametrize(
    ("message", "fault", "what"),
    [
        (f"Error creating: {ACCOUNT}", "account missing", "web"),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', "pod security", ""),
        ('pods "a" is forbidden: exceeded quota: compute, requested: cpu=1, used: cpu=2, limited: cpu=2', "quota exceeded", "compute"),
        (CLAIM, "quota exceeded", "disks"),
        ('pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: web', "quota asks", "compute"),
        ('pods "a" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', "limit range", ""),
        ('pods "a" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.0', "limit range", ""),
        ('admission webhook "v.example.com" denied the request: violates PodSecurity, exceeded quota: x', "webhook refuses", "v.example.com"),
        (SILENT, "webhook silent", "validate.kyverno.svc-fail"),
        ("pods \"a\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: no", "policy refuses", "no-latest"),
        ('pods "a" is forbidden: no PriorityClass with name high was found', "class missing", "PriorityClass"),
        ('pods "a" is forbidden: pod rejected: RuntimeClass "gvisor" not found', "class missing", "RuntimeClass"),
        ('pods "a" is forbidden: unable to create new content in namespace x because it is being terminated', "namespace going", ""),
        ('pods "a" is forbidden: unable to validate against any security context constraint: [x]', "constraint", ""),
        ('create Pod db-0 in StatefulSet db failed error: object is being deleted: pods "db-0" already exists', "name taken", ""),
        ('pods is forbidden: User "system:x" cannot create resource "pods"', "not allowed", ""),
        (LONG, "label too long", f"{SHARD}-67f6bf87cd"),
        ('Pod "a" is invalid: spec.containers[0].image: Required value', "invalid", ""),
        ("etcdserver: request timed out", "other", ""),
    ],
)  # fmt: skip
def test_each_refusal_is_told_by_its_words(message: str, fault: str, what: str) -> None:
    one = refusal_of(message)
    assert (one.fault, one.what) == (fault, what)
    assert found(replica_sets=listing("ReplicaSet", [replica_set(message=message)])).fix.count("\n") >= 1


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(
        probe_not_created,
        readings(replica_sets=listing("ReplicaSet", [replica_set()]), stateful_sets=listing("StatefulSet", [workload(3)])),
    )
