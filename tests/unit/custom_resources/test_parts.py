"""Parts of an object that fail while its own conditions are fine."""

from typing import Any

import pytest

from clusterprobe.systems.custom_resources.diagnosis import Diagnosis, Families, diagnose, reports_on
from clusterprobe.systems.custom_resources.objects import CustomKind
from tests.unit.custom_resources.custom_world import NOW, OLD, PATIENCE, condition, kind, raw

WELL = condition(status="True")


def diagnosed(one: CustomKind) -> Diagnosis:
    return diagnose(one, one.objects[0], Families([one]), now=NOW, patience_seconds=PATIENCE)


def serving(**applications: Any) -> CustomKind:
    status = {"activeServiceStatus": {"applicationStatuses": applications}, "numServeEndpoints": 2}
    return kind("rayservices.ray.io", "RayService", raw("scoring", WELL, status=status))


def test_an_application_that_is_not_deployed_is_found_though_the_service_is_ready() -> None:
    failed = {"status": "DEPLOY_FAILED", "message": "No module named 'trees'"}
    found = diagnosed(serving(ranker={"status": "RUNNING"}, fraud=failed))
    assert found.state == "failing"
    assert [(one.of, one.status, one.message) for one in found.conditions] == [
        ("application fraud", "DEPLOY_FAILED", "No module named 'trees'")
    ]


def test_an_application_without_a_message_is_told_by_its_deployments() -> None:
    deployments = {"Model": {"status": "UNHEALTHY", "message": "the replica died"}, "Router": {"status": "HEALTHY", "message": ""}}
    (word,) = diagnosed(serving(fraud={"status": "UNHEALTHY", "serveDeploymentStatuses": deployments})).conditions
    assert word.message == "Model: the replica died"


@pytest.mark.parametrize("applications", [{}, {"ranker": {"status": "RUNNING"}}, {"ranker": {"status": "DEPLOYING"}}, {"ranker": "odd"}])
def test_applications_that_run_or_come_up_are_well(applications: dict[str, Any]) -> None:
    assert diagnosed(serving(**applications)).state == "well"


def monitoring(active: int, unhealthy: int, *errors: str) -> CustomKind:
    groups = [{"sampleTargets": [{"health": "down", "lastError": one} for one in errors]}]
    endpoint = {"name": "PodMonitoring/shop/web/http", "activeTargets": active, "unhealthyTargets": unhealthy, "sampleGroups": groups}
    status = {"endpointStatuses": [endpoint]}
    return kind(
        "podmonitorings.monitoring.googleapis.com",
        "PodMonitoring",
        raw("web", condition("ConfigurationCreateSuccess", "True"), status=status),
    )


@pytest.mark.parametrize(("unhealthy", "expected"), [(0, "well"), (1, "failing"), (3, "failing")])
def test_targets_that_are_down_are_found_by_the_only_place_that_says_so(unhealthy: int, expected: str) -> None:
    assert diagnosed(monitoring(3, unhealthy)).state == expected


def test_the_error_of_a_target_is_said() -> None:
    (word,) = diagnosed(monitoring(2, 2, "connection refused", "EOF")).conditions
    assert (word.status, word.message) == ("down", "2 targets of 2 cannot be scraped: connection refused")
    assert word.of == "PodMonitoring/shop/web/http"


def test_what_config_sync_could_not_do_is_found_though_its_condition_is_that_of_a_success() -> None:
    done = condition("Syncing", "False", reason="Sync")
    failed = {"source": {"errors": [{"code": "2004", "errorMessage": "no such branch"}]}, "sync": {"errors": []}}
    found = diagnosed(kind("rootsyncs.configsync.gke.io", "RootSync", raw("root", done, age=OLD, status=failed)))
    assert [(one.type, one.message) for one in found.conditions] == [("source.errors", "no such branch")]
    fine = kind("rootsyncs.configsync.gke.io", "RootSync", raw("root", done, condition("Stalled", "False"), status={"sync": {}}))
    assert diagnosed(fine).state == "well"


def test_where_a_condition_says_where_the_message_is_that_is_quoted() -> None:
    pointing = condition("ReconcileFailed", "True", message="Error (see .status.usefulErrorMessage for details)")
    status = {"usefulErrorMessage": "the deadline has passed"}
    (one,) = diagnosed(kind("apps.kappctrl.k14s.io", "App", raw("web", pointing, status=status))).conditions
    assert one.message == "the deadline has passed"


@pytest.mark.parametrize(("address", "judged"), [("s3://backups/", 1), ("", 0)])
def test_a_backup_target_without_an_address_is_not_out_of_reach(address: str, judged: int) -> None:
    one = raw("default", condition("Unavailable", "True"), spec={"backupTargetURL": address})
    assert len(reports_on(kind("backuptargets.longhorn.io", "BackupTarget", one))) == judged
