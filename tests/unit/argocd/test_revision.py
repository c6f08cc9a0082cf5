from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.sources import Application, Drift
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from probes.argocd.probe_revision import probe_revision
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons
from tests.unit.argocd.application_world import DEPLOYMENT, NEW, NOW, OLD, PATIENCE, STALE, application, at, operation


def workload(kind: type[Any] = Workload, image: str = "web:2", *, replicas: int | None = 1, updated: int = 1, **fields: Any) -> Any:
    spec = {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}, **fields.pop("spec", {})}
    if replicas is not None:
        spec["replicas"] = replicas
    status = {"observedGeneration": 2, "replicas": replicas or 0, "updatedReplicas": updated, **fields.pop("status", {})}
    return labelled(kind, "web-dev", "web", metadata={"generation": 2}, spec=spec, status=status)


def pod(
    image: str = "web:2",
    name: str = "web-5c-x",
    *,
    owner: str = "ReplicaSet/web-5c",
    running: bool = True,
    ready: bool = True,
    **fields: Any,
) -> Pod:
    kind, _, own = owner.partition("/")
    state: dict[str, Any] = {"running": {}} if running else {"waiting": {"reason": "ImagePullBackOff"}}
    metadata = {
        "ownerReferences": [{"kind": kind, "name": own, "controller": True}],
        "creationTimestamp": at(60),
        **fields.pop("metadata", {}),
    }
    containers = [{"name": "web", "image": image}, *fields.pop("containers", [])]
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "web", "state": state}],
        **fields.pop("status", {}),
    }
    labels = {"pod-template-hash": own.removeprefix("web-")} if kind == "ReplicaSet" else {}
    return labelled(Pod, "web-dev", name, labels, metadata=metadata, spec={"containers": containers}, status=status)


def world(*pods: Pod, one: Application | None = None, expected: str = "", drift: Drift | None = None, **changes: Any) -> dict[str, Any]:
    one = one or application()
    applications = listing("Application", [one])
    profile = {"deployments": [{"application": "argocd/web", "revision": expected}]} if expected else {}
    return {
        "applications": applications,
        "application_drifts": applications.map(lambda _, __: drift or Drift()),
        "deployments": listing("Deployment", [changes.pop("deployment", workload())]),
        "stateful_sets": listing("StatefulSet", []),
        "daemon_sets": listing("DaemonSet", []),
        "pods": listing("Pod", pods or [pod()]),
        "profile": Profile.model_validate(profile),
        "clock": Clock(NOW),
        **changes,
    }


def condition(reason: str, message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": "Progressing", "status": "False", "reason": reason, "message": message}]}


def test_pods_that_run_what_the_newest_commit_deploys_pass() -> None:
    verdict = judged(probe_revision, **world())
    assert (outcome(verdict), verdict.findings) == ("pass", [])


def test_a_status_that_names_no_object_is_no_comparison() -> None:
    assert outcome(judged(probe_revision, **world(one=application(resources=None)))) == "inconclusive"


def test_without_the_definition_argo_cd_is_not_here() -> None:
    absent: Readings[Any] = Readings(absent="the API has no applications.argoproj.io")
    assert outcome(judged(probe_revision, **world(applications=absent, application_drifts=absent))) == "not_applicable"


@pytest.mark.parametrize("deployment", [workload(), workload(spec={"paused": True})])
def test_what_cannot_be_read_is_never_health_and_never_a_new_finding(deployment: Workload) -> None:
    assert_blindness_is_no_health(probe_revision, world(pod("web:1"), deployment=deployment, expected=NEW[:8]))


# --- the commit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [NEW, NEW[:7], NEW[:12], "main"])
def test_the_expected_commit_may_be_shortened_or_named_as_it_is_followed(expected: str) -> None:
    assert outcome(judged(probe_revision, **world(expected=expected))) == "pass"


def test_another_commit_than_the_expected_one_is_an_error_that_names_both() -> None:
    (finding,) = judged(probe_revision, **world(expected="c" * 8)).findings
    assert (finding.reason, finding.severity) == ("OtherRevision", "error")
    assert "is at bbbbbbb, and cccccccc is expected" in finding.problem
    assert "The newest that Argo CD has found at main is bbbbbbb" in finding.cause
    assert "argocd app sync" not in finding.fix
    assert "It deploys path web of https://git.example.org/platform, at main." in finding.fix
    assert finding.rests_on == ["Application/argocd/web"]


def test_an_expected_commit_that_waits_says_that_argo_cd_knows_it() -> None:
    one = application("OutOfSync", operationState=operation(revision=OLD))
    (finding,) = judged(probe_revision, **world(one=one, expected=NEW[:8])).findings
    assert "is at aaaaaaa" in finding.problem
    assert f"Argo CD knows {NEW[:8]}, and has not synchronised it" in finding.cause
    assert "argocd app sync argocd/web" in finding.fix


def test_an_expected_commit_that_is_being_synchronised_is_inconclusive() -> None:
    one = application("OutOfSync", operationState=operation("Running"))
    assert outcome(judged(probe_revision, **world(one=one, expected=NEW[:8]))) == "inconclusive"


def test_a_tag_that_it_does_not_follow_cannot_be_compared() -> None:
    verdict = judged(probe_revision, **world(expected="v1.2.3"))
    assert outcome(verdict) == "inconclusive"
    assert "name the commit" in verdict.unread[0].reason


def test_a_charts_version_is_compared_as_it_is() -> None:
    status = {"sync": {"status": "Synced", "revision": "1.4.0"}, "reconciledAt": at(60)}
    served = labelled(Application, "argocd", "web", spec={"destination": {"name": "in-cluster"}, "source": {"chart": "web"}}, status=status)
    assert reasons(judged(probe_revision, **world(one=served, expected="1.4.0"))) == []
    assert reasons(judged(probe_revision, **world(one=served, expected="1.5.0"))) == ["OtherRevision"]


def test_an_application_that_the_profile_expects_and_that_is_not_there_is_an_error() -> None:
    profile = Profile.model_validate({"deployments": [{"application": "argocd/gone", "revision": NEW}]})
    (finding,) = judged(probe_revision, **world(profile=profile)).findings
    assert (finding.reason, finding.subject.name) == ("ApplicationMissing", "gone")


@pytest.mark.parametrize(("ago", "found", "state"), [(PATIENCE - 1, [], "inconclusive"), (PATIENCE + 1, ["CommitNotDeployed"], "findings")])
def test_a_newer_commit_counts_once_it_has_had_its_time(ago: float, found: list[str], state: str) -> None:
    one = application("OutOfSync", operationState=operation(revision=OLD))
    verdict = judged(probe_revision, **world(one=one, drift=Drift(NOW - ago)))
    assert (reasons(verdict), outcome(verdict)) == (found, state)


def test_a_newer_commit_whose_synchronisation_failed_counts_at_once() -> None:
    one = application("OutOfSync", operationState=operation("Failed"))
    (finding,) = judged(probe_revision, **world(one=one)).findings
    assert finding.reason == "CommitNotDeployed"
    assert "one or more objects failed" in finding.cause
    assert "Correct it in Git, and commit. It deploys path web of" in finding.fix


def test_a_newer_commit_that_is_being_synchronised_is_only_noted() -> None:
    one = application("OutOfSync", operationState=operation("Running"))
    verdict = judged(probe_revision, **world(one=one, drift=Drift(NOW - 10)))
    assert (reasons(verdict), outcome(verdict)) == ([], "pass")


def test_without_an_automated_policy_a_newer_commit_waits_by_intent() -> None:
    one = application("OutOfSync", spec={"syncPolicy": {}}, operationState=operation(revision=OLD))
    verdict = judged(probe_revision, **world(one=one, drift=Drift(NOW - 90_000)))
    assert [(each.reason, each.severity) for each in verdict.findings] == [("CommitWaits", "info")]


def test_an_application_that_could_not_be_compared_is_inconclusive() -> None:
    assert outcome(judged(probe_revision, **world(one=application("Unknown")))) == "inconclusive"


def test_a_status_that_is_old_proves_nothing() -> None:
    assert outcome(judged(probe_revision, **world(one=application(reconciledAt=at(STALE + 1)), expected=OLD))) == "inconclusive"


def test_of_an_application_in_another_cluster_the_commit_alone_is_judged_and_that_is_said() -> None:
    away = {"destination": {"server": "https://10.0.0.1:6443"}}
    verdict = judged(probe_revision, **world(one=application(spec=away)))
    assert outcome(verdict) == "pass"
    (note,) = verdict.notes
    assert note == "Of 1 Application only the commit was looked at: the pods run in https://10.0.0.1:6443. Run Clusterprobe there as well."


# --- the pods ---------------------------------------------------------------------------------------------------------


def test_a_paused_deployment_whose_pod_runs_the_old_image_names_pod_and_both_images() -> None:
    (finding,) = judged(probe_revision, **world(pod("web:1"), deployment=workload(updated=0, spec={"paused": True}))).findings
    assert (finding.reason, finding.severity) == ("OldImagePaused", "error")
    assert "Pod web-5c-x of Deployment web-dev/web runs web:1, and web:2 is deployed" in finding.problem
    assert "spec.paused" in finding.cause
    assert "kubectl -n web-dev rollout resume deployment web" in finding.fix
    assert finding.rests_on == ["Deployment/web-dev/web"]
    assert finding.subject.environment == "dev"


def test_a_paused_deployment_that_runs_what_it_should_is_silent() -> None:
    assert outcome(judged(probe_revision, **world(deployment=workload(spec={"paused": True})))) == "pass"


def test_a_roll_out_past_its_deadline_is_stuck() -> None:
    stuck = workload(updated=1, status={"replicas": 2, **condition("ProgressDeadlineExceeded", "has timed out progressing")})
    new = pod(name="web-7f-y", owner="ReplicaSet/web-7f", running=False, ready=False)
    (finding,) = judged(probe_revision, **world(pod("web:1"), new, deployment=stuck)).findings
    assert finding.reason == "OldImageStuck"
    assert "has timed out progressing" in finding.cause


def test_a_roll_out_that_goes_on_is_inconclusive_and_no_finding() -> None:
    new = pod(name="web-7f-y", owner="ReplicaSet/web-7f", running=False, ready=False)
    verdict = judged(probe_revision, **world(pod("web:1"), new, deployment=workload(status={"replicas": 2})))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])
    assert "0 of 1 pod runs what it wants (web: web:2)" in verdict.unread[0].reason


def test_a_specification_that_its_controller_has_not_seen_is_under_way() -> None:
    verdict = judged(probe_revision, **world(pod("web:1"), deployment=workload(status={"observedGeneration": 1})))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize(("ago", "found"), [(PATIENCE - 1, []), (PATIENCE + 1, ["OldImageStuck"])])
def test_a_new_pod_that_does_not_become_ready_holds_it_up_after_its_time(ago: float, found: list[str]) -> None:
    new = pod(name="web-7f-y", owner="ReplicaSet/web-7f", ready=False, metadata={"creationTimestamp": at(ago)})
    verdict = judged(probe_revision, **world(pod("web:1"), new, deployment=workload(status={"replicas": 2})))
    assert reasons(verdict) == found


def test_no_pod_that_runs_the_image_is_told_although_none_runs_another() -> None:
    waiting = pod(running=False, ready=False)
    stuck = workload(status=condition("ProgressDeadlineExceeded"))
    (finding,) = judged(probe_revision, **world(waiting, deployment=stuck)).findings
    assert finding.reason == "DeployedImageNotRunning"
    assert "Only 0 of 1 pod of Deployment web-dev/web runs" in finding.problem


def test_an_image_that_was_changed_in_the_pod_itself_is_told_as_that() -> None:
    (finding,) = judged(probe_revision, **world(pod("mirror.local/web:2"))).findings
    assert finding.reason == "ImageChangedInPod"
    assert "mutatingwebhookconfigurations" in finding.fix


def test_containers_that_a_mesh_adds_and_pods_that_are_going_or_ended_do_not_count() -> None:
    sidecar = [{"name": "proxy", "image": "mesh:9"}]
    going = pod("web:1", "web-5c-old", metadata={"deletionTimestamp": at(5)})
    ended = pod("web:1", "web-5c-evicted", status={"phase": "Failed"})
    assert outcome(judged(probe_revision, **world(pod(containers=sidecar), going, ended))) == "pass"


def test_pods_of_others_do_not_count() -> None:
    other = pod("other:1", "other-1-x", owner="ReplicaSet/other-1")
    assert outcome(judged(probe_revision, **world(pod(), other))) == "pass"


def test_scaled_to_zero_runs_nothing_by_intent() -> None:
    assert outcome(judged(probe_revision, **world(pods=listing("Pod", []), deployment=workload(replicas=0, updated=0)))) == "pass"


def of(kind: str, **strategy: Any) -> dict[str, Any]:
    is_daemon = kind == "DaemonSet"
    one = workload(
        DaemonSet if is_daemon else Workload,
        replicas=None if is_daemon else 1,
        updated=0,
        spec={"updateStrategy": strategy},
        status={"desiredNumberScheduled": 1, "updatedNumberScheduled": 0} if is_daemon else {},
    )
    name = "daemon_sets" if is_daemon else "stateful_sets"
    return {"one": application(resources=[{**DEPLOYMENT, "kind": kind}]), name: listing(kind, [one])}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_an_update_that_waits_for_deletions_names_the_pods_to_delete(kind: str) -> None:
    (finding,) = judged(probe_revision, **world(pod("web:1", "web-0", owner=f"{kind}/web"), **of(kind, type="OnDelete"))).findings
    assert (finding.reason, finding.severity) == ("OldImageUntilDeleted", "error")
    assert "kubectl -n web-dev delete pod web-0" in finding.fix


def test_a_partition_is_set_by_intent() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    (finding,) = judged(probe_revision, **world(pod("web:1", "web-0", owner="StatefulSet/web"), **of("StatefulSet", **strategy))).findings
    assert (finding.reason, finding.severity) == ("OldImageBelowPartition", "info")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_rolling_update_of_the_others_is_under_way(kind: str) -> None:
    verdict = judged(probe_revision, **world(pod("web:1", "web-0", owner=f"{kind}/web"), **of(kind, type="RollingUpdate")))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_kind_that_is_not_read_is_unchecked() -> None:
    verdict = judged(probe_revision, **world(one=application(resources=[{**DEPLOYMENT, "kind": "Rollout"}])))
    assert outcome(verdict) == "inconclusive"
    assert "Rollout/web-dev/web" in verdict.unread[0].reason


def test_an_object_that_argo_cd_names_and_that_is_not_there_is_unchecked() -> None:
    assert outcome(judged(probe_revision, **world(deployments=listing("Deployment", [])))) == "inconclusive"
