"""The scheduled way of use, whole: the chart installed by Helm, in a namespace that enforces `restricted`, with the shipped role.

In the order of the file: what takes its time of itself (a schedule, an alert) passes while the other tests run.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from clusterprobe.catalogue import catalogue
from clusterprobe.handbook import needs
from clusterprobe.shipped import shipped
from lab import api
from lab.platform import prometheus
from lab.platform.manifests import PROD
from tests.lab import release
from tests.lab.release import CRON_JOB, JOBS, NAME, NAMESPACE, PODS, ROLE, end_of, follow, kept_runs, newest_results, start_now, until
from tests.lab.running import clusterprobe, ours

PERSISTENCE = {"storageClassName": "local-path"}


def values() -> dict[str, Any]:
    return {
        "image": release.image(),
        "schedule": "* * * * *",
        "timeout": "60s",
        "activeDeadlineSeconds": 180,
        "profile": release.profile(),
        "reports": {"keep": 3, "persistence": PERSISTENCE},
        "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring-prod"}, "interval": "5s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "monitoring-prod"}, "hasNotRunSeconds": 120},
        "dashboard": {"enabled": True},
    }


def suspended() -> dict[str, Any]:
    """The same, but told as soon as it can be; and fewer reports."""
    alert = {**values()["prometheusRule"], "hasNotRunSeconds": 30, "hasNotRunFor": "0s"}
    return {**values(), "suspend": True, "prometheusRule": alert, "reports": {"keep": 1, "persistence": PERSISTENCE}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chart")


@pytest.fixture(scope="module", autouse=True)
def installed(folder: Path) -> Iterator[None]:
    with release.by_helm(folder, values()):
        yield


def sample(query: str) -> list[dict[str, Any]]:
    return list(prometheus.answer(PROD, f"query?query={quote(query)}")["result"])


def test_helm_test_passes_on_what_was_just_installed(folder: Path) -> None:
    """It waits for targets that have never been scraped."""
    assert "Succeeded" in follow("test", folder)


def test_it_runs_on_schedule_and_keeps_its_report() -> None:
    jobs = until("a scheduled run has ended", lambda: [one for one in api.items(JOBS) if release.ended(one)], 100)
    assert all(one["metadata"]["ownerReferences"][0]["kind"] == "CronJob" for one in jobs)
    results = newest_results()
    assert results["cluster"]["route"] == "in-cluster"
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:{NAME}"


def test_prometheus_scrapes_what_it_found() -> None:
    found = until("the metrics are scraped", lambda: sample("clusterprobe_run_timestamp_seconds"), 60)
    assert found[0]["metric"]["namespace"] == NAMESPACE
    assert sample("clusterprobe_runs_kept")[0]["value"][1] != "0"
    assert sample('ALERTS{alertname="ClusterprobeHasNotRun",alertstate="firing"}') == []


def test_an_upgrade_changes_what_is_there(folder: Path) -> None:
    upgrade(folder, suspended())
    cron = api.get(CRON_JOB)["spec"]
    assert cron["suspend"] is True
    assert "--keep=1" in cron["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    until("a run that began before ends", lambda: all(release.ended(one) for one in api.items(JOBS)), 120)


def upgrade(folder: Path, values: dict[str, Any]) -> None:
    release.write_values(folder, values)
    follow("upgrade", folder)


def test_its_verdicts_are_those_of_a_run_from_outside(folder: Path, tmp_path: Path) -> None:
    follow("now", folder)
    inside = newest_results()
    outside = clusterprobe(tmp_path / "outside").results
    assert release.verdicts(inside) == release.verdicts(outside)
    assert inside["verdict"] == "healthy"
    assert len(kept_runs()) == 1


def test_without_a_permission_just_the_probes_that_need_it_cannot_check() -> None:
    role = api.get(ROLE)
    reduced = copy.deepcopy(role["rules"])
    for rule in reduced:
        rule["resources"] = [one for one in rule["resources"] if one != "storageclasses"]
    api.patch(ROLE, {"rules": [rule for rule in reduced if rule["resources"]]})
    try:
        start_now("without-storage-classes")
        assert end_of("without-storage-classes") == "Failed"
        results = newest_results()
    finally:
        api.patch(ROLE, {"rules": role["rules"]})
    dependent = {one.id for one in catalogue(shipped("probes")) if "list storageclasses.storage.k8s.io" in needs(one).permissions}
    blind = {one["id"]: one for one in results["probes"] if one["verdict"] == "inconclusive"}
    assert blind
    assert set(blind) <= dependent
    for one in blind.values():
        assert any("list storageclasses" in each["reason"] for each in one["unchecked"]), one
    for name in dependent - set(blind):  # these only name causes with it, and say that they could not
        notes = next(one["notes"] for one in results["probes"] if one["id"] == name)
        assert any("storageclasses" in note for note in notes), name


def test_a_pod_that_is_deleted_in_the_middle_leaves_a_report_that_says_so_and_nothing_behind(folder: Path) -> None:
    upgrade(folder, {**suspended(), "active": {"enabled": True}})
    start_now("interrupted")
    until("it has made a pod", ours, 60)
    [pod] = [one["metadata"]["name"] for one in api.items(f"{PODS}?labelSelector=job-name%3Dinterrupted")]
    api.delete(f"{PODS}/{pod}")
    assert end_of("interrupted", 90) == "Failed"
    assert ours() == []
    results = newest_results()
    assert (results["run"]["interrupted"], results["run"]["exit_status"]) == (True, 2)


def test_an_alert_fires_since_it_is_suspended() -> None:
    """The run before may have ended a moment ago, and the alert of the time before it is then still evaluated as firing."""
    until("its last run is old", lambda: float(sample("time() - max(clusterprobe_run_timestamp_seconds)")[0]["value"][1]) > 30, 60)
    firing = until("the alert fires", lambda: sample('ALERTS{alertname="ClusterprobeHasNotRun",alertstate="firing"}'), 120)
    assert firing[0]["metric"]["severity"] == "critical"


def test_uninstalling_leaves_nothing(folder: Path) -> None:
    follow("uninstall", folder)
    until("everything of it is gone", lambda: not remaining(), 60)
    assert remaining() == []


def remaining() -> list[str]:
    """All that bears the release's name, whatever its kind; jobs and their pods go with the CronJob."""
    found = []
    groups = ("apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "monitoring.coreos.com/v1")
    for group in ("/api/v1", *(f"/apis/{one}" for one in groups)):
        for kind in api.get(group)["resources"]:
            if "/" not in kind["name"] and "list" in kind["verbs"] and kind["kind"] not in ("Event", "ComponentStatus"):
                label = f"{group}/{kind['name']}?labelSelector=app.kubernetes.io/instance%3D{NAME}"
                found += [f"{kind['kind']} {one['metadata']['name']}" for one in api.get(label)["items"]]
    return found
