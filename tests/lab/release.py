"""The chart's release in the lab, installed by Helm in a namespace that enforces `restricted`, and the jobs that it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lab import api
from lab.build import program_path
from lab.paths import KUBECONFIG
from lab.product_image import recipe
from tests.lab.running import PROFILE

NAMESPACE, NAME = "clusterprobe", "clusterprobe"
CHART = Path(__file__).parents[2] / "deploy" / "chart"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CRON_JOB = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{NAME}"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{NAMESPACE}-{NAME}"
_REPORTS = f"/api/v1/namespaces/{NAMESPACE}/services/{NAME}-reports:9464/proxy"


def image() -> dict[str, str]:
    """The chart's `image`, for the one that every node has."""
    repository, tag = recipe().image.name.rsplit(":", 1)
    return {"repository": f"docker.io/{repository}", "tag": tag, "pullPolicy": "Never"}


def profile() -> dict[str, Any]:
    return {**yaml.safe_load(PROFILE.read_text()), "fail_on": "never"}


def helm(*arguments: str, folder: Path, values: dict[str, Any] | None = None) -> str:
    command = [str(program_path("helm")), *arguments, "--namespace", NAMESPACE]
    if values is not None:
        (folder / "values.yaml").write_text(yaml.safe_dump(values))
        command += ["--values", str(folder / "values.yaml")]
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def installed(folder: Path, values: dict[str, Any]) -> Iterator[None]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    try:
        helm("install", NAME, str(CHART), "--wait", "--timeout", "2m", folder=folder, values=values)
        yield
    finally:
        helm("uninstall", NAME, "--ignore-not-found", folder=folder)
        api.delete(f"/api/v1/namespaces/{NAMESPACE}")
        until("the namespace is gone", lambda: api.find(f"/api/v1/namespaces/{NAMESPACE}") is None, 60)


def until(what: str, found: Callable[[], Any], seconds: float) -> Any:
    """What `found` returns, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (one := found()):
        assert time.monotonic() < deadline, f"within {seconds:.0f} s: {what}"
        time.sleep(0.5)
    return one


def ended(job: dict[str, Any]) -> str:
    """`Complete` or `Failed`, once a job has come to its end."""
    conditions = job.get("status", {}).get("conditions") or []
    return next((one["type"] for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True"), "")


def start_now(name: str, without: Sequence[str] = ()) -> None:
    """What `kubectl create job --from=cronjob/…` does; without some of the arguments."""
    cron_job = api.get(CRON_JOB)
    template = cron_job["spec"]["jobTemplate"]
    container = template["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [one for one in container["args"] if one not in without]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": NAME, "uid": cron_job["metadata"]["uid"], "controller": True}
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
    api.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})


def end_of(name: str, seconds: float = 150) -> str:
    """How a job ends."""
    return str(until(f"the job {name} ends", lambda: ended(api.get(f"{JOBS}/{name}")), seconds))


def logs_of(name: str) -> str:
    """What the pod of a job wrote."""
    [pod] = [one["metadata"]["name"] for one in api.items(f"{PODS}?labelSelector=job-name%3D{name}")]
    return api.call("GET", f"{PODS}/{pod}/log").decode()


def kept_runs() -> list[str]:
    """The names of the kept reports, oldest first, as somebody who opens the reports' Service gets them."""
    listed = api.call("GET", f"{_REPORTS}/").decode()
    return sorted(set(re.findall(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z", listed)))  # the API server rewrites links


def newest_results() -> dict[str, Any]:
    return dict(json.loads(api.call("GET", f"{_REPORTS}/{kept_runs()[-1]}/results.json")))


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results["probes"]}
