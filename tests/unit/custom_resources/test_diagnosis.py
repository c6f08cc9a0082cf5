"""What is the matter with an object, as data: one row for each state."""

from typing import Any

import pytest

from clusterprobe.systems.custom_resources.diagnosis import Diagnosis, Families, diagnose, reports_on
from clusterprobe.systems.custom_resources.objects import CustomKind
from tests.unit.custom_resources.custom_world import NOW, OLD, PATIENCE, at, condition, external_secrets, kind, raw

LATE, YOUNG = PATIENCE + 1, PATIENCE - 1
WELL = condition(status="True")


def diagnosed(one: CustomKind, *others: CustomKind) -> Diagnosis:
    """The state of the first object of a kind."""
    return diagnose(one, one.objects[0], Families([one, *others]), now=NOW, patience_seconds=PATIENCE)


def state(*conditions: Any, **more: Any) -> str:
    return diagnosed(external_secrets(raw("db", *conditions, **more))).state


@pytest.mark.parametrize("type_", ["Ready", "Available", "Reconciled", "Synced", "Accepted", "Programmed", "ResolvedRefs", "Healthy"])
def test_what_should_be_true_and_is_not_fails_it(type_: str) -> None:
    assert [state(condition(type_, said)) for said in ("True", "False", "Unknown", "")] == ["well", "failing", "undecided", "undecided"]


@pytest.mark.parametrize("type_", ["Degraded", "Stalled", "ErrorOccurred", "NotReady", "ReconcileError", "Failure", "Conflicted"])
def test_what_should_not_be_true_and_is_fails_it(type_: str) -> None:
    assert [state(WELL, condition(type_, said)) for said in ("True", "False", "Unknown")] == ["failing", "well", "well"]


@pytest.mark.parametrize("type_", ["Succeeded", "Progressing", "Active", "Upgradeable", "Paused", "Issuing", "Admitted", "PredictorReady"])
def test_other_conditions_say_nothing_of_whether_it_is_well(type_: str) -> None:
    assert {state(WELL, condition(type_, said)) for said in ("False", "Unknown")} == {"well"}


@pytest.mark.parametrize(("ago", "expected"), [(LATE, "failing"), (PATIENCE, "failing"), (YOUNG, "passing")])
def test_it_counts_once_it_has_lasted(ago: float, expected: str) -> None:
    assert state(condition(ago=ago)) == expected


@pytest.mark.parametrize(("ago", "expected"), [(PATIENCE, "undecided"), (YOUNG, "passing")])
def test_so_it_does_where_the_controller_has_not_decided(ago: float, expected: str) -> None:
    assert state(condition(status="Unknown", ago=ago)) == expected


def test_a_time_before_the_object_is_none() -> None:
    epoch = condition("Accepted", "Unknown", lastTransitionTime="1970-01-01T00:00:00Z", reason="Pending")
    assert state(epoch, age=YOUNG) == "passing"
    assert diagnosed(external_secrets(raw("db", epoch, age=LATE))).seconds == pytest.approx(LATE)


@pytest.mark.parametrize(("age", "expected"), [(LATE, "failing"), (YOUNG, "passing")])
def test_without_a_time_the_age_of_the_object_decides(age: float, expected: str) -> None:
    found = diagnosed(external_secrets(raw("db", condition(lastTransitionTime=None), age=age)))
    assert (found.state, found.seconds) == (expected, None)


def test_a_time_to_come_is_none() -> None:
    """Whoever may write a status would have its failure pass for ever."""
    found = diagnosed(external_secrets(raw("db", condition(lastTransitionTime="9999-12-31T23:59:59Z"), age=LATE)))
    assert (found.state, found.seconds) == ("failing", None)


@pytest.mark.parametrize(
    ("resource", "more"),
    [
        ("kustomizations.kustomize.toolkit.fluxcd.io", []),
        ("things.example.org", [condition("Reconciling", "True", ago=30, reason="ProgressingWithRetry")]),
        ("things.example.org", [condition("Stalled", "True", ago=30)]),
    ],
)
def test_what_is_tried_again_and_again_has_failed_however_young_its_condition_is(resource: str, more: list[Any]) -> None:
    failed = condition(ago=30)
    found = diagnosed(kind(resource, "Thing", raw("apps", failed, *more)))
    assert (found.state, found.retried) == ("failing", True)
    assert diagnosed(kind(resource, "Thing", raw("apps", failed, *more, age=YOUNG))).state == "passing"


def test_while_flux_tries_it_is_not_known() -> None:
    trying = condition(status="Unknown", ago=30, reason="Progressing")
    assert diagnosed(kind("kustomizations.kustomize.toolkit.fluxcd.io", "Kustomization", raw("apps", trying))).state == "passing"


@pytest.mark.parametrize("key", ["suspend", "suspended", "paused"])
def test_what_is_suspended_on_purpose_is_not_held_against_it(key: str) -> None:
    assert state(condition(), spec={key: True}) == "suspended"
    assert state(WELL, spec={key: True}) == "suspended"
    assert state(condition(), spec={key: False}) == "failing"


@pytest.mark.parametrize("conditions", [[condition(reason="ReconcilePaused")], [condition("Available"), condition("Paused", "True")]])
def test_so_is_what_its_conditions_call_paused(conditions: list[Any]) -> None:
    assert state(*conditions) == "suspended"


@pytest.mark.parametrize(("status", "own"), [(3, 0), (0, 3)])
def test_what_is_well_in_an_earlier_generation_is_not_known_to_be(status: int, own: int) -> None:
    one = {"generation": 4, "status": {"observedGeneration": status}}
    assert state(condition(status="True", observedGeneration=own), **one) == "outdated"
    assert state(condition(status="True", observedGeneration=4), **{**one, "status": {"observedGeneration": 4}}) == "well"


def test_a_controller_that_does_not_say_of_which_generation_it_speaks_is_believed() -> None:
    assert state(WELL, generation=4) == "well"


def test_a_deletion_that_hangs() -> None:
    assert [state(condition(), deletionTimestamp=at(ago)) for ago in (YOUNG, LATE)] == ["passing", "deleted"]


@pytest.mark.parametrize(("age", "expected"), [(LATE, "unreported"), (YOUNG, "passing")])
def test_what_no_controller_has_looked_at(age: float, expected: str) -> None:
    assert state(age=age) == expected


# --- parts of an object, and objects that are parts -----------------------------------------------------------------------


@pytest.mark.parametrize("key", ["parents", "ancestors", "listeners", "ingress"])
def test_a_part_of_an_object_has_conditions_of_its_own(key: str) -> None:
    entry = {"name": "https", "conditions": [condition("Admitted", reason="NotAllowed")]}
    found = diagnosed(kind("routes.example.org", "Route", raw("shop", WELL, status={key: [entry]})))
    assert (found.state, [one.type for one in found.conditions]) == ("failing", ["Admitted"])
    assert "https" in found.conditions[0].of


def owned(**owner: Any) -> dict[str, Any]:
    reference = {"apiVersion": "serving.example.org/v1", "kind": "Service", "name": "svc", "uid": "uid-svc", "controller": True, **owner}
    return {"ownerReferences": [reference]}


def revision(**owner: Any) -> CustomKind:
    return kind("revisions.serving.example.org", "Revision", raw("svc-1", condition(), **owned(**owner)))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [([WELL], "of its owner"), ([condition()], "of its owner"), ([condition("Active")], "failing"), ([], "failing")],
)
def test_what_another_object_controls_is_judged_by_that_one_if_it_says_anything(conditions: list[Any], expected: str) -> None:
    services = kind("services.serving.example.org", "Service", raw("svc", *conditions))
    assert diagnosed(revision(), services).state == expected


def test_without_the_object_that_controls_it_nothing_is_said_of_it() -> None:
    assert diagnosed(revision()).state == "owner unread"


@pytest.mark.parametrize("owner", [{"apiVersion": "apps/v1"}, {"apiVersion": "v1"}, {"controller": False}])
def test_what_kubernetes_itself_controls_is_judged_by_itself(owner: Any) -> None:
    assert diagnosed(revision(**owner)).state == "failing"


def test_what_an_object_controlled_that_is_gone_is_judged_by_itself() -> None:
    services = kind("services.serving.example.org", "Service", raw("other", WELL))
    assert diagnosed(revision(), services).state == "failing"


# --- words instead of conditions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "status", "expected"),
    [
        ("backupstoragelocations.velero.io", {"phase": "Unavailable", "message": "403"}, "failing"),
        ("vmagents.operator.victoriametrics.com", {"updateStatus": "failed", "reason": "no image"}, "failing"),
        ("vmagents.operator.victoriametrics.com", {"updateStatus": "operational"}, "well"),
        ("volumes.longhorn.io", {"state": "detached", "robustness": "faulted"}, "failing"),
        ("volumes.longhorn.io", {"state": "attached", "robustness": "healthy"}, "well"),
        ("cephclusters.ceph.rook.io", {"phase": "Ready", "ceph": {"health": "HEALTH_ERR"}}, "failing"),
        ("cephclusters.ceph.rook.io", {"phase": "Ready", "ceph": {"health": "HEALTH_OK"}}, "well"),
        ("elasticsearches.elasticsearch.k8s.elastic.co", {"health": "red"}, "failing"),
        ("seldondeployments.machinelearning.seldon.io", {"state": "Failed", "description": "is invalid"}, "failing"),
        ("canaries.flagger.app", {"phase": "Succeeded"}, "well"),
        ("managedcertificates.networking.gke.io", {"certificateStatus": "RenewalFailed"}, "failing"),
        ("managedcertificates.networking.gke.io", {"certificateStatus": "Provisioning"}, "well"),
        ("agents.agent.k8s.elastic.co", {"health": "red"}, "failing"),
        ("opensearchclusters.opensearch.opster.io", {"health": "green"}, "well"),
        ("volumesnapshots.snapshot.storage.k8s.io", {"readyToUse": False, "error": {"message": "quota", "time": at(LATE)}}, "failing"),
        ("volumesnapshots.snapshot.storage.k8s.io", {"readyToUse": False, "error": {"message": "quota", "time": at(YOUNG)}}, "passing"),
        ("volumesnapshots.snapshot.storage.k8s.io", {"readyToUse": True, "error": {"message": "quota", "time": at(LATE)}}, "well"),
        ("etcdsnapshotfiles.k3s.cattle.io", {"readyToUse": False, "error": {"message": "Access Denied."}}, "failing"),
        ("vaultauths.secrets.hashicorp.com", {"valid": False, "error": "no such role"}, "failing"),
        ("vaultauths.secrets.hashicorp.com", {"valid": True, "error": ""}, "well"),
        ("databases.postgresql.cnpg.io", {"applied": False, "message": "the owner is not there"}, "failing"),
        ("databases.postgresql.cnpg.io", {"applied": True}, "well"),
        ("flows.logging.banzaicloud.io", {"active": True, "problems": ["dangling output"], "problemsCount": 1}, "failing"),
        ("flows.logging.banzaicloud.io", {"active": True}, "well"),
        ("replicationsources.volsync.backube", {"latestMoverStatus": {"result": "Failed", "logs": "no password"}}, "failing"),
        ("replicationsources.volsync.backube", {"latestMoverStatus": {"result": "Successful"}}, "well"),
        ("flinkdeployments.flink.apache.org", {"lifecycleState": "FAILED", "error": "{}"}, "failing"),
        ("dynakubes.dynatrace.com", {"phase": "Error"}, "failing"),
        ("prometheusservicelevels.sloth.slok.dev", {"promOpRulesGenerated": False}, "failing"),
        ("prometheusservicelevels.sloth.slok.dev", {"promOpRulesGenerated": True}, "well"),
        ("projecthelmcharts.helm.cattle.io", {"status": "UnableToCreateHelmRelease", "statusMessage": "it is tracked"}, "failing"),
        ("projecthelmcharts.helm.cattle.io", {"status": "Deployed"}, "well"),
        ("things.example.org", {"status": "UnableToParseValues", "promOpRulesGenerated": False}, "unreported"),
        ("things.example.org", {"valid": False, "applied": False, "active": False, "problems": ["one"]}, "unreported"),
        ("jobs.example.org", {"state": "Failed", "health": "red"}, "unreported"),
        ("jobs.example.org", {"phase": "Unavailable"}, "unreported"),
    ],
)
def test_a_word_that_stands_for_a_condition(resource: str, status: dict[str, Any], expected: str) -> None:
    assert diagnosed(kind(resource, "Thing", raw("default", age=OLD, status=status))).state == expected


@pytest.mark.parametrize(
    ("said", "expected"), [("Decryption error", "failing"), ("Healthy", "well"), ("Reconciliation is suspended", "well")]
)
def test_the_message_of_a_sops_secret_is_its_word(said: str, expected: str) -> None:
    one = kind("sopssecrets.isindir.github.com", "SopsSecret", raw("age", age=OLD, status={"message": said}))
    assert diagnosed(one).state == expected


def test_a_snapshot_that_is_being_made_says_nothing_yet() -> None:
    being_made = kind("volumesnapshots.snapshot.storage.k8s.io", "VolumeSnapshot", raw("s", age=OLD, status={"readyToUse": False}))
    assert reports_on(being_made) == []


@pytest.mark.parametrize("status", [{}, {"printableStatus": "Stopped"}])
def test_a_machine_that_nothing_starts_by_itself_may_be_off(status: dict[str, Any]) -> None:
    off = raw("vm", condition(reason="VMINotExists"), spec={"runStrategy": "Manual"}, status=status)
    assert diagnosed(kind("virtualmachines.kubevirt.io", "VirtualMachine", off)).state == ("suspended" if status else "failing")


@pytest.mark.parametrize("spec", [{"running": False}, {"runStrategy": "Halted"}])
def test_a_machine_that_is_stopped_on_purpose_is_not_failing(spec: dict[str, Any]) -> None:
    stopped = raw("vm", condition(reason="VMINotExists"), spec=spec)
    assert diagnosed(kind("virtualmachines.kubevirt.io", "VirtualMachine", stopped)).state == "suspended"


@pytest.mark.parametrize(
    ("resource", "said", "expected"),
    [
        ("grafanadashboards.grafana.integreatly.org", ("DashboardSynchronized", "False"), "failing"),
        ("httpproxies.projectcontour.io", ("Valid", "True"), "well"),
        ("httpproxies.projectcontour.io", ("Valid", "False"), "failing"),
        ("rollouts.argoproj.io", ("InvalidSpec", "True"), "failing"),
        ("helmcharts.helm.cattle.io", ("Failed", "True"), "failing"),
        ("trainings.example.org", ("Failed", "True"), "unreported"),
        ("trainings.example.org", ("Valid", "False"), "unreported"),
        ("clusterversions.config.openshift.io", ("Failing", "True"), "failing"),
        ("clusterversions.config.openshift.io", ("Failing", "False"), "well"),
        ("grafanadatasources.grafana.integreatly.org", ("NoMatchingInstance", "True"), "failing"),
        ("ciliumnetworkpolicies.cilium.io", ("Valid", "False"), "failing"),
        ("rayclusters.ray.io", ("HeadPodReady", "False"), "failing"),
        ("buckets.s3.services.k8s.aws", ("ACK.Terminal", "True"), "failing"),
        ("buckets.s3.services.k8s.aws", ("ACK.ResourceSynced", "True"), "well"),
        ("clusterqueues.kueue.x-k8s.io", ("Active", "False"), "failing"),
        ("workspaces.kaito.sh", ("InferenceReady", "False"), "failing"),
        ("nimservices.apps.nvidia.com", ("NIM_SERVICE_READY", "False"), "failing"),
        ("nimservices.apps.nvidia.com", ("NIM_SERVICE_FAILED", "False"), "well"),
        ("alloys.collectors.grafana.com", ("Deployed", "False"), "failing"),
        ("alloys.collectors.grafana.com", ("Deployed", "True"), "well"),
        ("eventsources.argoproj.io", ("SourcesProvided", "False"), "failing"),
        ("clusterrepos.catalog.cattle.io", ("Downloaded", "False"), "failing"),
        ("ciliumloadbalancerippools.cilium.io", ("cilium.io/PoolConflict", "True"), "failing"),
        ("ciliumloadbalancerippools.cilium.io", ("cilium.io/PoolConflict", "False"), "well"),
        ("clusterextensions.olm.operatorframework.io", ("Installed", "False"), "failing"),
        ("managedclusters.cluster.open-cluster-management.io", ("ManagedClusterConditionAvailable", "Unknown"), "undecided"),
        ("keycloakrealmimports.k8s.keycloak.org", ("HasErrors", "True"), "failing"),
        ("cronworkflows.argoproj.io", ("SpecError", "True"), "failing"),
        ("cronworkflows.argoproj.io", ("SubmissionError", "False"), "well"),
        ("datadogmonitors.datadoghq.com", ("Error", "True"), "failing"),
        ("packageinstalls.packaging.carvel.dev", ("ReconcileFailed", "True"), "failing"),
        ("apps.kappctrl.k14s.io", ("ReconcileFailed", "False"), "well"),
        ("alerts.coralogix.com", ("RemoteSynced", "False"), "failing"),
        ("gcpbackendpolicies.networking.gke.io", ("Attached", "False"), "failing"),
        ("things.example.org", ("Error", "True"), "unreported"),
        ("things.example.org", ("Active", "False"), "unreported"),
        ("things.example.org", ("Deployed", "False"), "unreported"),
        ("clusters.postgresql.cnpg.io", ("ContinuousArchiving", "False"), "failing"),
        ("clusters.postgresql.cnpg.io", ("LastBackupSucceeded", "False"), "unreported"),
    ],
)
def test_a_condition_that_only_its_own_group_writes_so(resource: str, said: tuple[str, str], expected: str) -> None:
    assert diagnosed(kind(resource, "Thing", raw("one", condition(*said), age=OLD))).state == expected


@pytest.mark.parametrize(
    ("resource", "reason", "expected"),
    [
        ("clusterqueues.kueue.x-k8s.io", "FlavorNotFound", "failing"),
        ("clusterqueues.kueue.x-k8s.io", "Stopped", "suspended"),
        ("localqueues.kueue.x-k8s.io", "ClusterQueueIsInactive", "well"),  # that queue says so itself
        ("localqueues.kueue.x-k8s.io", "ClusterQueueDoesNotExist", "failing"),
    ],
)
def test_a_queue_that_takes_nothing(resource: str, reason: str, expected: str) -> None:
    assert diagnosed(kind(resource, "Queue", raw("gpu", condition("Active", reason=reason)))).state == expected


@pytest.mark.parametrize(("reason", "expected"), [("UserSpecifiedUnavailable", "well"), ("Unavailable", "failing")])
def test_a_catalog_that_somebody_turned_off_is_not_held_against_it(reason: str, expected: str) -> None:
    one = raw("catalog", condition("Serving", reason=reason))
    assert diagnosed(kind("clustercatalogs.olm.operatorframework.io", "ClusterCatalog", one)).state == expected


@pytest.mark.parametrize(
    ("said", "generated", "expected"),
    [
        (("RBACPermissionsGranted", "False"), False, "failing"),
        (("WebhookConfigured", "False"), False, "failing"),
        (("WebhookConfigured", "True"), False, "well"),
        (("WebhookConfigured", "False"), True, "unreported"),  # the API server enforces it, so that no webhook has it
    ],
)
def test_a_policy_says_how_it_is_one_level_deeper(said: tuple[str, str], generated: bool, expected: str) -> None:
    status = {"conditionStatus": {"ready": False, "conditions": [condition(*said)]}, "generated": generated}
    assert (
        diagnosed(kind("validatingpolicies.policies.kyverno.io", "ValidatingPolicy", raw("one", age=OLD, status=status))).state == expected
    )


@pytest.mark.parametrize("type_", ["Irreconcilable", "ReleaseFailed"])
def test_an_operator_that_is_made_of_a_chart_says_so_of_any_kind(type_: str) -> None:
    assert [state(WELL, condition(type_, said)) for said in ("True", "False")] == ["failing", "well"]


@pytest.mark.parametrize(("ago", "expected"), [(LATE, "failing"), (YOUNG, "passing")])
def test_the_time_of_the_last_update_counts_where_there_is_no_other(ago: float, expected: str) -> None:
    one = condition(lastTransitionTime=None, lastUpdateTime=at(ago))
    assert diagnosed(kind("gitrepos.fleet.cattle.io", "GitRepo", raw("repo", one))).state == expected


def test_a_backup_of_postgres_that_still_runs_has_not_failed() -> None:
    def backup(reason: str) -> str:
        one = raw("pg", condition("Ready", "True"), condition("LastBackupSucceeded", reason=reason))
        return diagnosed(kind("clusters.postgresql.cnpg.io", "Cluster", one)).state

    assert (backup("BackupStarted"), backup("LastBackupFailed")) == ("well", "failing")
