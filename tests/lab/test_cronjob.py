"""The scheduled way of use, whole: the chart installed by Helm, in a namespace that enforces `restricted`, with the shipped role."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from clusterprobe.catalogue import catalogue
from clusterprobe.handbook import needs
from clusterprobe.shipped import shipped
from lab import api
from lab.build import program_path
from lab.manifests import PROD
from lab.paths import KUBECONFIG
from lab.product_image import recipe
from lab.systems import prometheus
from tests.lab.running import PROFILE, clusterprobe

NAMESPACE, NAME = "clusterprobe", "clusterprobe"
CHART = Path(__file__).parents[2] / "deploy" / "chart"
REPORTS = f"/api/v1/namespaces/{NAMESPACE}/services/{NAME}-reports:9464/proxy"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
CRON_JOB = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{NAME}"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{NAMESPACE}-{NAME}"


def values() -> dict[str, Any]:
    repository, tag = recipe().image.name.rsplit(":", 1)
    profile = {**yaml.safe_load(PROFILE.read_text()), "fail_on": "never"}
    return {
        "image": {"repository": f"docker.io/{repository}", "tag": tag, "pullPolicy": "Never"},
        "schedule": "* * * * *",
        "timeout": "60s",
        "activeDeadlineSeconds": 180,
        "profile": profile,
        "reports": {"keep": 3, "persistence": {"storageClassName": "local-path"}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring-prod"}, "interval": "5s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "monitoring-prod"}, "hasNotRunSeconds": 60},
        "dashboard": {"enabled": True},
    }


def helm(*arguments: str, folder: Path, of: dict[str, Any] | None = None) -> str:
    command = [str(program_path("helm")), *arguments, "--namespace", NAMESPACE]
    if of is not None:
        (folder / "values.yaml").write_text(yaml.safe_dump(of))
        command += ["--values", str(folder / "values.yaml")]
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(what: str, found: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (one := found()):
        assert time.monotonic() < deadline, f"within {seconds:.0f} s: {what}"
        time.sleep(1)
    return one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chart")


@pytest.fixture(scope="module")
def installed(folder: Path) -> Iterator[None]:
    """The release, with its first scheduled run finished."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    try:
        helm("install", NAME, str(CHART), "--wait", "--timeout", "2m", folder=folder, of=values())
        # The first run may meet what has just been installed: targets that were never scraped are not called healthy.
        until("a scheduled run could check everything", lambda: [one for one in api.items(JOBS) if ended(one) == "Complete"], 200)
        yield
    finally:
        subprocess.run(
            [str(program_path("helm")), "uninstall", NAME, "--namespace", NAMESPACE, "--ignore-not-found", "--wait"],
            env={**os.environ, "KUBECONFIG": str(KUBECONFIG)},
            timeout=120,
            check=False,
            capture_output=True,
        )
        api.delete(f"/api/v1/namespaces/{NAMESPACE}")
        until("the namespace is gone", lambda: api.find(f"/api/v1/namespaces/{NAMESPACE}") is None, 60)


def ended(job: dict[str, Any]) -> str:
    """`Complete` or `Failed`, once a job has come to its end."""
    conditions = job.get("status", {}).get("conditions") or []
    return next((one["type"] for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True"), "")


def run_now(name: str) -> str:
    """What `kubectl create job --from=cronjob/…` does, until the job has ended."""
    cron_job = api.get(CRON_JOB)
    template = cron_job["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": NAME, "uid": cron_job["metadata"]["uid"], "controller": True}
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
    api.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})
    return until(f"the job {name} ends", lambda: ended(api.get(f"{JOBS}/{name}")), 150)


def newest_results() -> dict[str, Any]:
    """The results of the newest report, as somebody who opens the reports' Service gets them."""
    listed = api.call("GET", f"{REPORTS}/").decode()
    name = max(re.findall(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z", listed))  # the API server rewrites links
    return dict(json.loads(api.call("GET", f"{REPORTS}/{name}/results.json")))


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results["probes"]}


def sample(query: str) -> list[dict[str, Any]]:
    return list(prometheus(PROD, f"query?query={quote(query)}")["result"])


def test_it_runs_on_schedule_and_keeps_its_report(installed: None) -> None:
    assert all(one["metadata"]["ownerReferences"][0]["kind"] == "CronJob" for one in api.items(JOBS))
    results = newest_results()
    assert results["cluster"]["route"] == "in-cluster"
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:{NAME}"


def test_prometheus_scrapes_what_it_found(installed: None) -> None:
    found = until("the metrics are scraped", lambda: sample("clusterprobe_run_timestamp_seconds"), 60)
    assert found[0]["metric"]["namespace"] == NAMESPACE
    assert sample("clusterprobe_runs_kept")[0]["value"][1] != "0"


def test_its_verdicts_are_those_of_a_run_from_outside(installed: None, tmp_path: Path) -> None:
    assert run_now("beside") == "Complete"
    inside = newest_results()
    outside = clusterprobe(tmp_path / "outside").results
    assert verdicts(inside) == verdicts(outside)
    assert inside["verdict"] == "healthy"


def test_without_a_permission_just_the_probes_that_need_it_cannot_check(installed: None) -> None:
    role = api.get(ROLE)
    reduced = copy.deepcopy(role["rules"])
    for rule in reduced:
        rule["resources"] = [one for one in rule["resources"] if one != "storageclasses"]
    api.patch(ROLE, {"rules": [rule for rule in reduced if rule["resources"]]})
    try:
        assert run_now("without-storage-classes") == "Failed"
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


def test_an_alert_fires_once_it_is_suspended(installed: None) -> None:
    api.patch(CRON_JOB, {"spec": {"suspend": True}})
    try:
        until("a run that began before ends", lambda: all(ended(one) for one in api.items(JOBS)), 120)
        firing = until("the alert fires", lambda: sample('ALERTS{alertname="ClusterprobeHasNotRun",alertstate="firing"}'), 200)
        assert firing[0]["metric"]["severity"] == "critical"
    finally:
        api.patch(CRON_JOB, {"spec": {"suspend": False}})


def test_upgrading_and_uninstalling_leaves_nothing(installed: None, folder: Path) -> None:
    changed = {**values(), "suspend": True, "reports": {"keep": 1, "persistence": {"storageClassName": "local-path"}}}
    helm("upgrade", NAME, str(CHART), "--wait", folder=folder, of=changed)
    cron = api.get(CRON_JOB)["spec"]
    assert cron["suspend"] is True
    assert "--keep=1" in cron["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "Succeeded" in helm("test", NAME, "--timeout", "2m", folder=folder)
    helm("uninstall", NAME, "--wait", folder=folder)
    until("everything of it is gone", lambda: not remaining(), 60)


def remaining() -> list[str]:
    """All that bears the release's name, whatever its kind; jobs and their pods go with the CronJob."""
    found = []
    for group in (
        "/api/v1",
        *(
            f"/apis/{one}"
            for one in ("apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "monitoring.coreos.com/v1")
        ),
    ):
        for kind in api.get(group)["resources"]:
            if "/" not in kind["name"] and "list" in kind["verbs"] and kind["kind"] not in ("Event", "ComponentStatus"):
                label = f"{group}/{kind['name']}?labelSelector=app.kubernetes.io/instance%3D{NAME}"
                found += [f"{kind['kind']} {one['metadata']['name']}" for one in api.get(label)["items"]]
    return found
