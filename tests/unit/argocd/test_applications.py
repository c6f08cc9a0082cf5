from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.argocd.sources import Drift, Health
from clusterprobe.systems.kubernetes.event_lists import Complaint
from clusterprobe.systems.kubernetes.objects import Job, Pod
from clusterprobe.systems.pods.starts import StartEvent, StartEvents
from probes.argocd.probe_applications import probe_applications
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused
from tests.unit.argocd.application_world import (
    DEPLOYMENT,
    FAILED,
    NOW,
    OLD,
    PATIENCE,
    STALE,
    application,
    at,
    condition,
    deployment,
    operation,
    world,
)


def test_an_application_that_is_synced_and_healthy_passes() -> None:
    verdict = judged(probe_applications, **world(application()))
    assert outcome(verdict) == "pass"
    assert verdict.findings == []


def test_without_the_definition_argo_cd_is_not_here() -> None:
    absent: Readings[Any] = Readings(absent="the API has no applications.argoproj.io")
    assert outcome(judged(probe_applications, **world(applications=absent, application_drifts=absent))) == "not_applicable"


@pytest.mark.parametrize("unread", [world(application()), world(application("OutOfSync"), drift=Drift(NOW - PATIENCE - 60))])
def test_what_cannot_be_read_is_never_health_and_never_a_new_finding(unread: dict[str, Any]) -> None:
    assert_blindness_is_no_health(probe_applications, unread)


# --- conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ComparisonError", "InvalidSpecError", "UnknownError", "DeletionError", "SyncError"])
def test_an_error_condition_is_an_error_with_what_argo_cd_says(kind: str) -> None:
    verdict = judged(probe_applications, **world(application("Unknown", conditions=[condition(kind)])))
    (finding,) = verdict.findings
    assert (finding.reason, finding.severity) == (kind, "error")
    assert "app path does not exist" in finding.cause
    assert "https://git.example.org/platform web at main" in finding.cause
    assert "annotate applications.argoproj.io web argocd.argoproj.io/refresh=hard" in finding.fix
    assert finding.breaks == ["Application/argocd/web"]


def test_healthy_and_unknown_with_a_comparison_error_says_that_healthy_means_nothing() -> None:
    (finding,) = judged(probe_applications, **world(application("Unknown", conditions=[condition("ComparisonError")]))).findings
    assert "It is shown as Healthy" in finding.problem
    assert finding.subject.environment == "dev"


def test_unknown_without_a_condition_that_says_why_is_inconclusive() -> None:
    assert outcome(judged(probe_applications, **world(application("Unknown")))) == "inconclusive"


def test_a_warning_of_a_type_that_is_not_known_names_that_type() -> None:
    (finding,) = judged(probe_applications, **world(application(conditions=[condition("BrandNewWarning", "beware")]))).findings
    assert (finding.reason, finding.severity) == ("OtherWarning", "info")
    assert "has the condition BrandNewWarning" in finding.problem


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("SharedResourceWarning", "warning"),
        ("RepeatedResourceWarning", "warning"),
        ("OrphanedResourceWarning", "info"),
        ("ExcludedResourceWarning", "info"),
    ],
)
def test_a_warning_condition_is_told_as_such(kind: str, severity: str) -> None:
    (finding,) = judged(probe_applications, **world(application(conditions=[condition(kind, "ConfigMap/x belongs to two")]))).findings
    assert (finding.reason, finding.severity) == (kind, severity)
    assert "ConfigMap/x belongs to two" in finding.cause


# --- operations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    [
        {"conditions": [condition("BrandNewError")]},
        {"operationState": operation("Running", startedAt=None)},
        {"health": "Splendid"},
    ],
)
def test_what_is_not_understood_or_not_dated_is_unchecked(status: dict[str, Any]) -> None:
    verdict = judged(probe_applications, **world(application(**status)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_progress_that_is_not_dated_is_unchecked() -> None:
    one = application(health="Progressing")
    one = msgspec.structs.replace(one, status=msgspec.structs.replace(one.status, health=Health(status="Progressing")))
    assert outcome(judged(probe_applications, **world(one))) == "inconclusive"


def test_what_is_missing_is_judged_by_being_out_of_sync() -> None:
    verdict = judged(probe_applications, **world(application("OutOfSync", "Missing", automated={})))
    assert (outcome(verdict), reasons(verdict)) == ("pass", ["WaitsForSync"])


def test_a_failed_synchronisation_names_the_object_and_its_message() -> None:
    one = application("OutOfSync", operationState=operation("Failed", resources=[FAILED]))
    (finding,) = judged(probe_applications, **world(one)).findings
    assert (finding.reason, finding.severity) == ("SyncFailed", "error")
    assert "It failed on Deployment web-dev/web: Deployment web: “field is immutable”" in finding.cause
    assert "does not try this commit again" in finding.cause
    assert "bbbbbbb" in finding.problem
    assert "argocd app sync argocd/web" in finding.fix
    assert finding.rests_on == ["Deployment/web-dev/web"]


def test_a_failed_synchronisation_and_its_condition_are_one_finding() -> None:
    one = application("OutOfSync", operationState=operation("Error"), conditions=[condition("SyncError")])
    verdict = judged(probe_applications, **world(one))
    assert reasons(verdict) == ["SyncFailed"]
    assert "one or more objects failed" in verdict.findings[0].cause


def test_a_failed_hook_counts_although_everything_is_synced() -> None:
    hook = {"kind": "Job", "namespace": "web-dev", "name": "check", "hookType": "PostSync", "hookPhase": "Failed", "message": "exit 1"}
    (finding,) = judged(probe_applications, **world(application(operationState=operation("Failed", resources=[hook])))).findings
    assert finding.reason == "HookFailed"
    assert "kubectl -n web-dev logs job/check" in finding.fix


def test_a_hook_that_failed_on_an_earlier_commit_is_the_past() -> None:
    hook = {"kind": "Job", "name": "check", "hookType": "PostSync", "hookPhase": "Failed"}
    verdict = judged(probe_applications, **world(application(operationState=operation("Failed", revision=OLD, resources=[hook]))))
    assert outcome(verdict) == "pass"
    assert "but it is Synced now" in verdict.notes[0]


def test_a_failure_that_was_made_up_for_by_hand_is_the_past() -> None:
    assert outcome(judged(probe_applications, **world(application(operationState=operation("Failed", resources=[FAILED]))))) == "pass"


@pytest.mark.parametrize(("ago", "found"), [(PATIENCE - 1, []), (PATIENCE + 1, ["SyncHangs"])])
def test_a_synchronisation_that_goes_on_is_silent_until_it_takes_too_long(ago: float, found: list[str]) -> None:
    hook = {"kind": "Job", "namespace": "web-dev", "name": "migrate", "hookType": "PreSync", "hookPhase": "Running"}
    one = application("OutOfSync", operationState=operation("Running", ago=ago, resources=[hook]))
    verdict = judged(probe_applications, **world(one, drift=Drift(NOW - 2 * PATIENCE)))
    assert reasons(verdict) == found
    assert all("It waits for Job web-dev/migrate" in each.cause for each in verdict.findings)


# --- out of sync ------------------------------------------------------------------------------------------------------


MIGRATE = {"kind": "Job", "namespace": "web-dev", "name": "migrate", "hookType": "PreSync", "hookPhase": "Running"}
LATER = {"kind": "ConfigMap", "namespace": "web-dev", "name": "web-env", "status": "OutOfSync", "health": {"status": "Missing"}}
NO_ENV = 'configmap "web-env" not found'


def migrating(message: str = NO_ENV) -> Pod:
    """The pod of the hook, which does not start."""
    owners = [{"kind": "Job", "name": "migrate", "uid": "1", "controller": True}]
    waits = {"name": "app", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": message}}}
    status = {"phase": "Pending", "containerStatuses": [waits]}
    return labelled(
        Pod, "web-dev", "migrate-x", metadata={"ownerReferences": owners}, spec={"containers": [{"name": "app"}]}, status=status
    )


def hanging(resources: list[dict[str, Any]], hook: dict[str, Any] = MIGRATE, **changes: Any) -> Finding:
    """The finding of a synchronisation that has waited for the hook for an hour."""
    one = application("OutOfSync", resources=resources, operationState=operation("Running", ago=3600, resources=[hook]))
    job = labelled(Job, "web-dev", "migrate", status=changes.pop("job", {}))
    (finding,) = judged(probe_applications, **{**world(one), "jobs": listing("Job", [job]), **changes}).findings
    return finding


def test_a_hook_that_waits_for_what_only_its_own_synchronisation_makes_is_a_deadlock() -> None:
    one = hanging([LATER], pods=listing("Pod", [migrating()]))
    assert one.reason == "SyncHangs"
    assert "Job web-dev/migrate lacks ConfigMap/web-dev/web-env, which only this synchronisation itself would make" in one.cause
    assert [step.kind for step in one.steps] == ["change", "change"]
    assert "a hook of the same phase in an earlier sync wave" in one.steps[0].text
    assert "argocd app terminate-op argocd/web" in one.fix


def test_what_the_hook_misses_is_also_read_from_events_and_refusals() -> None:
    waits = migrating("")
    events = listing("Pod", [waits]).map(lambda _, __: StartEvents([StartEvent("FailedMount", NO_ENV)]))
    assert "web-env, which only this" in hanging([LATER], pods=listing("Pod", [waits]), start_events=events).cause
    account = {**LATER, "kind": "ServiceAccount", "name": "web"}
    said = Complaint('pods "migrate-" is forbidden: error looking up service account web-dev/web: serviceaccount "web" not found')
    refused = Readings(((Subject(kind="Job", namespace="web-dev", name="migrate"), said),))
    assert "lacks ServiceAccount/web-dev/web," in hanging([account], creation_failures=refused).cause


def test_an_object_of_an_earlier_wave_that_lacks_one_of_a_later_wave_is_a_deadlock() -> None:
    wave = {"kind": "Job", "namespace": "web-dev", "name": "migrate", "hookPhase": "Running", "status": "Synced"}
    assert "an earlier sync wave than Job web-dev/migrate" in hanging([LATER], wave, pods=listing("Pod", [migrating()])).fix


@pytest.mark.parametrize(
    "resources",
    [[], [{**LATER, "name": "other"}], [{**LATER, "status": "Synced", "health": {"status": "Healthy"}}], [{**LATER, "namespace": "web"}]],
)
def test_what_it_lacks_and_the_synchronisation_does_not_make_is_no_deadlock(resources: list[dict[str, Any]]) -> None:
    assert "never ends" not in hanging(resources, pods=listing("Pod", [migrating()])).cause


def test_a_hook_that_is_gone_or_done_is_said_to_be_so() -> None:
    deleted = hanging([LATER], jobs=listing("Job", []))
    assert "Job web-dev/migrate no longer exists" in deleted.cause
    assert "ttlSecondsAfterFinished" in deleted.fix
    assert "has completed" in hanging([LATER], job={"conditions": [{"type": "Complete", "status": "True"}]}).cause
    unread = hanging([LATER], jobs=Readings(unreadable=(refused("Job"),)))
    assert "no longer exists" not in unread.cause


@pytest.mark.parametrize(("ago", "found"), [(PATIENCE - 1, []), (PATIENCE + 1, ["CommitNotSynced"])])
def test_a_commit_that_an_automated_policy_does_not_try_counts_after_its_time(ago: float, found: list[str]) -> None:
    one = application("OutOfSync", operationState=operation(revision=OLD))
    verdict = judged(probe_applications, **world(one, drift=Drift(NOW - ago)))
    assert reasons(verdict) == found
    assert outcome(verdict) == ("findings" if found else "pass")
    assert all("Git is at bbbbbbb, what was synchronised last is aaaaaaa" in each.cause for each in verdict.findings)


def test_drift_that_may_not_be_healed_is_a_warning_that_names_the_object() -> None:
    one = application("OutOfSync", automated={"prune": True}, resources=[{**DEPLOYMENT, "status": "OutOfSync"}])
    (finding,) = judged(probe_applications, **world(one, drift=Drift(NOW - PATIENCE - 1))).findings
    assert (finding.reason, finding.severity) == ("DriftNotHealed", "warning")
    assert "Deployment/web-dev/web" in finding.cause
    assert "selfHeal" in finding.cause


def test_drift_that_selfheal_does_not_get_rid_of_is_fought_over() -> None:
    verdict = judged(probe_applications, **world(application("OutOfSync"), drift=Drift(NOW - PATIENCE - 1)))
    assert reasons(verdict) == ["NeverInSync"]
    assert "something changes it again" in verdict.findings[0].cause


def test_an_event_that_is_left_bounds_the_age_from_below() -> None:
    (finding,) = judged(probe_applications, **world(application("OutOfSync"), drift=Drift(None, NOW - 3600))).findings
    assert "for at least 60 min" in finding.problem


def test_without_any_event_a_commit_may_be_on_its_way() -> None:
    one = application("OutOfSync", operationState=operation(revision=OLD))
    verdict = judged(probe_applications, **world(one))
    assert outcome(verdict) == "inconclusive"
    assert "may still be under way" in verdict.unread[0].reason


def test_without_any_event_drift_that_may_not_be_healed_is_still_there_for_good() -> None:
    verdict = judged(probe_applications, **world(application("OutOfSync", automated={"prune": True})))
    assert reasons(verdict) == ["DriftNotHealed"]
    assert "for longer than its events reach back" in verdict.findings[0].problem


@pytest.mark.parametrize("policy", [{}, {"enabled": False, "selfHeal": True}])
def test_without_an_automated_policy_it_waits_for_somebody_by_intent(policy: dict[str, Any]) -> None:
    one = application("OutOfSync", spec={"syncPolicy": {"automated": policy} if policy else {}})
    verdict = judged(probe_applications, **world(one, drift=Drift(NOW - 90_000)))
    assert [(each.reason, each.severity) for each in verdict.findings] == [("WaitsForSync", "info")]
    assert outcome(verdict) == "pass"


def test_what_only_pruning_would_change_is_no_more_than_worth_knowing() -> None:
    left = {**DEPLOYMENT, "name": "left", "status": "OutOfSync", "requiresPruning": True}
    one = application("OutOfSync", automated={"selfHeal": True}, resources=[DEPLOYMENT, left])
    (finding,) = judged(probe_applications, **world(one, drift=Drift(NOW - 90_000))).findings
    assert (finding.reason, finding.severity) == ("WaitsForPruning", "info")
    (step,) = [each for each in finding.steps if each.kind == "destroys"]
    assert line(step.commands[0]).endswith("--prune")
    assert "Deployment/web-dev/left" in step.text
    assert "With Argo CD's client, logged in" in step.text
    assert "Deployment/web-dev/left" in finding.cause


# --- health -----------------------------------------------------------------------------------------------------------


def test_degraded_names_the_object_that_argo_cd_tells() -> None:
    sealed = {
        "kind": "SealedSecret",
        "namespace": "web-dev",
        "name": "db",
        "health": {"status": "Degraded", "message": "no key could decrypt"},
    }
    (finding,) = judged(probe_applications, **world(application(health="Degraded", resources=[DEPLOYMENT, sealed]))).findings
    assert (finding.reason, finding.severity) == ("Degraded", "error")
    assert "SealedSecret/web-dev/db: no key could decrypt" in finding.cause
    assert finding.rests_on == ["Secret/web-dev/db"]
    assert "describe sealedsecret db" in finding.fix


def test_degraded_without_that_is_told_from_the_deployment_itself() -> None:
    stuck = listing("Deployment", [deployment("ProgressDeadlineExceeded", 'ReplicaSet "web-2" has timed out progressing.')])
    (finding,) = judged(probe_applications, **world(application(health="Degraded"), deployments=stuck)).findings
    assert 'Deployment/web-dev/web: ReplicaSet "web-2" has timed out progressing.' in finding.cause


def test_degraded_for_a_reason_that_nobody_tells_rests_on_all_that_it_manages() -> None:
    (finding,) = judged(probe_applications, **world(application(health="Degraded"))).findings
    assert "controller.resource.health.persist" in finding.cause
    assert finding.rests_on == ["Deployment/web-dev/web"]
    assert "argocd app get argocd/web" in finding.fix


@pytest.mark.parametrize(("ago", "found"), [(PATIENCE - 1, []), (PATIENCE + 1, ["ProgressHangs"])])
def test_progressing_is_silent_while_it_is_young(ago: float, found: list[str]) -> None:
    assert reasons(judged(probe_applications, **world(application(health="Progressing", health_ago=ago)))) == found


def test_suspended_is_no_failure() -> None:
    verdict = judged(probe_applications, **world(application(health="Suspended", health_ago=90_000)))
    assert outcome(verdict) == "pass"
    assert "is Suspended" in verdict.notes[0]


@pytest.mark.parametrize("health", ["", "Unknown"])
def test_a_health_that_is_not_told_is_unchecked(health: str) -> None:
    assert outcome(judged(probe_applications, **world(application(health=health)))) == "inconclusive"


# --- what the status is worth -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "state"), [(STALE - 1, "findings"), (STALE + 1, "inconclusive")])
def test_a_status_that_is_old_proves_nothing(ago: float, state: str) -> None:
    verdict = judged(probe_applications, **world(application(health="Degraded", reconciledAt=at(ago))))
    assert outcome(verdict) == state


def test_an_application_that_was_never_reconciled_is_unchecked() -> None:
    verdict = judged(probe_applications, **world(application(reconciledAt=None)))
    assert outcome(verdict) == "inconclusive"
    assert "has not reconciled it ever" in verdict.unread[0].reason


def test_the_last_word_of_an_argo_cd_that_may_have_stopped_is_quoted() -> None:
    unknown = {**condition("InvalidSpecError"), "message": 'cluster "https://eu" not found'}
    verdict = judged(probe_applications, **world(application("Unknown", "Unknown", conditions=[unknown], reconciledAt=at(STALE + 1))))
    assert outcome(verdict) == "inconclusive"
    assert 'and “cluster "https://eu" not found” was its last word on it' in verdict.unread[0].reason


def test_an_invalid_specification_counts_while_argo_cd_reconciles_others() -> None:
    invalid = application("Unknown", "Unknown", name="bad", conditions=[condition("InvalidSpecError")], reconciledAt=at(STALE + 1))
    assert reasons(judged(probe_applications, **world(application(), invalid))) == ["InvalidSpecError"]
    assert reasons(judged(probe_applications, **world(invalid))) == []


def test_a_deletion_that_hangs_names_its_finalizers() -> None:
    going = {"deletionTimestamp": at(PATIENCE + 1), "finalizers": ["resources-finalizer.argocd.argoproj.io", "example.org/archive"]}
    (finding,) = judged(probe_applications, **world(application(metadata=going))).findings
    assert finding.reason == "DeletionHangs"
    assert "resources-finalizer.argocd.argoproj.io" in finding.cause


def test_events_that_could_not_be_read_leave_only_that_application_open() -> None:
    blind = Readings((), (refused("Application", "argocd"),))
    readings = world(application("OutOfSync", automated={"prune": True}), application(name="other"), application_drifts=blind)
    verdict = judged(probe_applications, **readings)
    assert outcome(verdict) == "inconclusive"
    assert verdict.findings == []


def test_the_subject_is_the_application_itself() -> None:
    (finding,) = judged(probe_applications, **world(application(health="Degraded"))).findings
    assert finding.subject == Subject(kind="Application", namespace="argocd", name="web", environment="dev")


def test_a_failed_object_without_a_namespace_is_named_without_one() -> None:
    failed = {**FAILED, "kind": "CustomResourceDefinition", "namespace": "", "name": "a.example.org"}
    (finding,) = judged(
        probe_applications, **world(application("OutOfSync", operationState=operation("Failed", resources=[failed])))
    ).findings
    assert "It failed on CustomResourceDefinition a.example.org: " in finding.cause


@pytest.mark.parametrize(
    ("message", "means", "fix"),
    [
        ("metadata.annotations: Too long: must have at most 262144 bytes", "too large for a client-side apply", "ServerSideApply=true"),
        ('Deployment "web" is invalid: spec.selector: field is immutable', "does not let this field", "--cascade=orphan"),
        ('namespaces "new" not found', "The namespace does not exist", "CreateNamespace=true"),
        ('Make sure the "Certificate" CRD is installed on the destination cluster', "not served in that cluster", "earlier sync wave"),
        ('failed calling webhook "a.example": connection refused', "cannot ask an admission webhook", "Bring the webhook's pods back"),
        ('roles is forbidden: User "system:serviceaccount:argocd:ctl" cannot create', "nothing is wrong in Git", "Bind a role"),
        ("rpc error: code = Unimplemented desc = unknown method UpdateRevisionForPaths", "different versions", "in one version"),
        ("code = Unavailable desc = error reading from server: EOF", "repo-server ended", "memory limit"),
        ("error building typed live: .status.terminatingReplicas: field not declared in schema", "by a schema", "ServerSideDiff=true"),
        ("`helm dependency build` failed: Error: no repository definition for https://charts.example.org", "depends on", "type helm"),
        ("ssh: handshake failed: knownhosts: key is unknown", "SSH key of the repository's host", "argocd-ssh-known-hosts-cm"),
        ("the server has asked for the client to provide credentials", "refuses the credentials", "secret-type: cluster"),
        ('Get "https://git.example.org": x509: certificate signed by unknown authority', "does not trust", "argocd-tls-certs-cm"),
        ('failed calling webhook "a": x509: certificate signed by unknown authority', "cannot ask an admission webhook", "certificate"),
        ("something new", "", "Correct it in Git, and commit."),
    ],
)
def test_a_failed_synchronisation_says_what_its_message_asks_for(message: str, means: str, fix: str) -> None:
    failed = operation("Failed", message=message, resources=[{**FAILED, "message": message}])
    (finding,) = judged(probe_applications, **world(application("OutOfSync", operationState=failed))).findings
    assert finding.reason == "SyncFailed"
    assert means in finding.cause
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("failed to list refs: authentication required: Repository not found.", "renew its credentials"),
        ("unable to resolve 'mian' to a commit SHA", "Correct targetRevision"),
        ("deploy/prod: app path does not exist", "Correct spec.source.path"),
        ("do not match any of the allowed destinations in project 'a'", "of the AppProject"),
        ("Application referencing project a which does not exist", "Create the AppProject"),
        ("there are no clusters with this name: eu", "Add the cluster to Argo CD"),
        (
            'error getting cluster by server "https://eu": rpc error: code = NotFound desc = cluster "https://eu" not found',
            "Add the cluster",
        ),
        ("dial tcp: lookup git.example.org: no such host", "egress policies"),
        ("conversion webhook for example.org/v1, Kind=A failed", "definitions have to go with it"),
        ("something new", "Repair what the message names"),
    ],
)
def test_a_condition_says_what_its_message_asks_for(message: str, fix: str) -> None:
    told = {**condition("ComparisonError"), "message": message}
    (finding,) = judged(probe_applications, **world(application("Unknown", conditions=[told]))).findings
    assert fix in finding.fix


# --- what is missing ----------------------------------------------------------------------------------------------------

NO_ACCOUNT = {**FAILED, "message": 'serviceaccounts "runner" not found'}
AWAY = {"destination": {"server": "https://other.example.org", "namespace": "web-dev"}}


def test_what_a_failed_synchronisation_misses_is_named_and_looked_for() -> None:
    (finding,) = judged(
        probe_applications, **world(application("OutOfSync", operationState=operation("Failed", resources=[NO_ACCOUNT])))
    ).findings
    assert finding.reason == "SyncFailed"
    assert "It misses ServiceAccount web-dev/runner." in finding.cause
    assert "$ kubectl -n web-dev get serviceaccounts runner" in finding.fix
    assert "Other/web-dev/ServiceAccount/runner" in finding.rests_on


def test_what_is_missing_in_another_cluster_is_not_looked_for_here() -> None:
    away = application("OutOfSync", spec=AWAY, operationState=operation("Failed", resources=[NO_ACCOUNT]))
    (finding,) = judged(probe_applications, **world(away)).findings
    assert "It misses ServiceAccount web-dev/runner." in finding.cause
    assert "get serviceaccounts" not in finding.fix
    assert finding.rests_on == []


@pytest.mark.parametrize(("health", "reason"), [("Degraded", "Degraded"), ("Progressing", "ProgressHangs")])
def test_what_an_object_misses_that_is_not_well_is_named(health: str, reason: str) -> None:
    own = {"status": health, "message": 'persistentvolumeclaims "data": storageclass.storage.k8s.io "fast" not found'}
    one = application(health=health, health_ago=PATIENCE + 60, resources=[{**DEPLOYMENT, "health": own}])
    (finding,) = judged(probe_applications, **world(one)).findings
    assert finding.reason == reason
    assert finding.cause.endswith("It misses StorageClass fast.")
    assert "$ kubectl get storageclasses.storage.k8s.io fast" in finding.fix


def test_a_message_that_misses_nothing_certain_is_only_quoted() -> None:
    other = {**FAILED, "message": "failed to get secret 'vault/db': secrets \"db\" not found"}
    (finding,) = judged(
        probe_applications, **world(application("OutOfSync", operationState=operation("Failed", resources=[other])))
    ).findings
    assert "It misses" not in finding.cause


# --- a deletion that hangs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "says", "command"),
    [
        (
            'error getting cluster by name "edge-7": there are no clusters with this name: edge-7',
            "If that cluster still exists, add it",
            True,
        ),
        ("namespaces is forbidden", "Repair what the message names", False),
        ("", "See what remains of it.", False),
    ],
)
def test_a_deletion_that_hangs_is_one_finding_with_what_argo_cd_cannot_do(message: str, says: str, command: bool) -> None:
    conditions = [condition(kind, message) for kind in ("DeletionError", "InvalidSpecError")] if message else []
    metadata = {"deletionTimestamp": at(PATIENCE + 60), "finalizers": ["resources-finalizer.argocd.argoproj.io", "example.org/archive"]}
    (finding,) = judged(probe_applications, **world(application(metadata=metadata, conditions=conditions))).findings
    assert (finding.reason, message in finding.cause) == ("DeletionHangs", True)
    assert "Its finalizers wait: resources-finalizer.argocd.argoproj.io, example.org/archive." in finding.cause
    assert says in finding.fix
    removed = (
        '$ kubectl -n argocd patch applications.argoproj.io web --type merge -p \'{"metadata":{"finalizers":["example.org/archive"]}}\''
    )
    assert (removed in finding.fix) == command
    assert ("This destroys all record of what it deployed" in finding.fix) == command
