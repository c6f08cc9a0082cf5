"""A Schedule of Velero is judged by its last backup that has ended."""

from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.backups import told_by_schedules
from clusterprobe.systems.custom_resources.objects import CustomKind, Raw
from clusterprobe.verdict import Verdict
from probes.objects.probe_conditions import probe_conditions
from tests.factories import judged, outcome, reasons
from tests.unit.custom_resources.custom_world import NOW, kind, raw, readings

HOUR = 3600.0


def backup(name: str, phase: str, age: float, schedule: str = "daily", **status: Any) -> Raw:
    labels = {"velero.io/schedule-name": schedule} if schedule else {}
    spec = {"storageLocation": "s3"}
    return raw(name, age=age, namespace="velero", labels=labels, spec=spec, status={"phase": phase, **status})


def schedule(**spec: Any) -> CustomKind:
    return kind("schedules.velero.io", "Schedule", raw("daily", namespace="velero", spec=spec, status={"phase": "Enabled"}))


def backups(*several: Raw) -> CustomKind:
    return kind("backups.velero.io", "Backup", *several)


def judge(*kinds: CustomKind) -> Verdict:
    told = {
        "custom_kinds": readings(*told_by_schedules(kinds)),
        "own_kinds": readings(),
        "acme_challenges": Readings(),
        "object_warnings": Readings(),
        "pods": Readings(),
    }
    return judged(probe_conditions, **told, profile=Profile(), clock=Clock(NOW))


def test_a_last_backup_that_failed_is_found_at_its_schedule() -> None:
    failed = backup("daily-2", "Failed", 3 * HOUR, failureReason="rpc error: bucket s3 does not exist")
    (finding,) = judge(backups(backup("daily-1", "Completed", 27 * HOUR), failed), schedule()).findings
    assert (finding.reason, finding.severity) == ("ObjectNotReady", Severity.ERROR)
    assert finding.problem == "Schedule velero/daily has had lastBackup=Failed for 3 h."
    assert "“daily-2: rpc error: bucket s3 does not exist”" in finding.cause
    assert "$ kubectl -n velero describe backups.velero.io daily-2" in finding.fix
    assert "Other/velero/BackupStorageLocation/s3" in finding.rests_on


@pytest.mark.parametrize(
    ("phase", "status", "said", "severity"),
    [
        ("PartiallyFailed", {"errors": 3, "warnings": 1}, "“daily-1: 3 errors”", Severity.WARNING),
        ("FailedValidation", {"validationErrors": ["no storage location"]}, "“daily-1: no storage location”", Severity.ERROR),
        ("Failed", {}, "“daily-1”", Severity.ERROR),
    ],
)
def test_it_is_told_in_the_words_of_the_backup(phase: str, status: dict[str, Any], said: str, severity: Severity) -> None:
    (finding,) = judge(schedule(), backups(backup("daily-1", phase, 3 * HOUR, **status))).findings
    assert (said in finding.cause, finding.severity) == (True, severity)


@pytest.mark.parametrize(
    "several",
    [
        (backup("daily-1", "Failed", 27 * HOUR), backup("daily-2", "Completed", 3 * HOUR)),
        (backup("daily-1", "Completed", 27 * HOUR), backup("daily-2", "InProgress", 60)),
        (backup("by-hand", "Failed", HOUR, schedule=""),),
        (backup("old-1", "Failed", HOUR, schedule="old"),),
        (),
    ],
    ids=["others followed", "one is made", "made by hand", "its schedule is gone", "none yet"],
)
def test_what_is_history_is_no_fault(several: tuple[Raw, ...]) -> None:
    assert outcome(judge(schedule(), backups(*several))) in ("pass", "not_applicable")


def test_a_schedule_that_is_paused_is_told_in_a_note() -> None:
    verdict = judge(schedule(paused=True), backups(backup("daily-1", "Failed", HOUR)))
    assert (reasons(verdict), verdict.notes) == ([], ["Schedule velero/daily is suspended, so nothing of it is brought up to date"])
